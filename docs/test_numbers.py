"""A number that stands in two places is the same in both."""

import re
from pathlib import Path

DOCS = Path(__file__).parent
PAGES = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
README = (DOCS.parent / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"\d\.\d{3} ± \d\.\d{3}")


def rows(text):
    """{first cell: the other cells} of every table row of a page, the last of equals."""
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines()
             if line.startswith("| ")]
    return {row[0]: row[1:] for row in cells}


def test_the_readme_s_trec_table_is_that_of_strategies_md():
    whole = PAGES["strategies.md"]
    theirs = rows(whole[whole.index("| TREC, ten seeds") : whole.index("| the demo, ten seeds")])
    mine = rows(README[README.index("## What was measured") : README.index("## Limitations")])
    mine = {name: cells for name, cells in mine.items() if NUMBER.match(cells[0])}
    assert {"Rand.", "LC", "Margin", "CAL", "all data"} <= set(mine)
    whole = PAGES["encoder.md"]
    four = rows(whole[whole.index("## The four representations") :])  # hash, file, pool, MiniLM
    for name, cells in mine.items():
        assert cells[:4] == [*theirs[name][:2], *theirs[name][3:]], name  # without ABBR's recall
        if name in four:
            assert [*cells[4:6], cells[2], cells[6]] == four[name], name


def test_the_four_representations_are_those_of_strategies_md_but_for_the_encoder():
    page = PAGES["strategies.md"]
    found = rows(page[page.index("| TREC, five seeds") : page.index("| pair | `hash`")])
    whole = PAGES["encoder.md"]
    for name, cells in rows(whole[whole.index("## The four representations") :]).items():
        if NUMBER.fullmatch(cells[0]):
            assert cells[:2] == [found[name][3], found[name][7]], name
    assert {"Rand.", "LC", "Margin", "CAL", "CAL+unit"} <= set(found)


def test_every_mean_of_the_readme_stands_in_a_page_of_docs():
    """But those of the demo, which the command itself prints."""
    printed = README[README.index("strategy  seeds") : README.index("These are the tests")]
    numbers = {n for n in NUMBER.findall(README.replace(printed, ""))}
    there = {n for name, page in PAGES.items() if name != "CHANGELOG.md"
             for n in NUMBER.findall(page)}
    assert len(numbers) > 10 and not numbers - there


def test_the_readme_s_demo_table_agrees_with_the_demo_s_page():
    final = {line.split("  ")[0]: line.split()[2] for line in README.splitlines()
             if re.match(r"(Margin|CAL\+unit)  ", line)}
    said = re.search(r"accuracy is the second highest, (\d\.\d+); Margin's is (\d\.\d+)",
                     PAGES["results-demo.md"])
    assert (final["CAL+unit"], final["Margin"]) == said.groups()


def test_the_readme_s_points_are_the_differences_of_strategies_md():
    """+0.1 ± 0.6 points is +0.001 ± 0.006."""
    points = re.search(r"raises it by (\d\.\d) ± (\d\.\d) points", README).groups()
    row = "| CAL − Rand. | +{:.3f} ± {:.3f} |".format(*(float(p) / 100 for p in points))
    assert row in PAGES["strategies.md"]
