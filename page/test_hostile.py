"""Labels, file names and addresses that somebody else chose, in report.md and on the page."""

import csv
import json
import random
import re
import shutil

import pytest

from page import explore
from page.test_page import browser, quiet  # noqa: F401 (a fixture)
from plumbing.files import coded, escaped
from report import sections
from report.markdown import Verbatim, cell, fenced
from test_cal import cal_main, read_csv

CLASSES = ["__proto__", "constructor", "hasOwnProperty", "a|b", "<b>bold</b>", "`tick`",
           "two\nlines", "u\u2028sep", "</script>", "*star*", "[link](http://x)",
           "<img src=x onerror=alert(1)>", "$x$", "\\back\\", "&lt;", "# head", "~~gone~~"]
NAME = "my|`<img src=x>*x*.csv"
FORK = """
def mine(view, k):
    return view.pick(-view.probs().max(-1).values, k)
STRATEGIES = {"constructor": mine, "__proto__": mine}
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The results directory of a table, a fork and labels that try to be markup."""
    folder = tmp_path_factory.mktemp("hostile")
    draw = random.Random(0)
    with open(folder / NAME, "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(["text", "label"])
        out.writerows([" ".join([f"w{i % 17}x{draw.randrange(6)}" for _ in range(5)]
                                + draw.choices(["<script>", "|", "`", "the"], k=2)),
                       CLASSES[i % 17]] for i in range(425))
    (folder / "mine.py").write_text(FORK)
    assert cal_main("--dataset", folder / NAME, "--fork", folder / "mine.py", "--strategies",
                    "random", "cal", "constructor", "__proto__", "--rounds", 2, "--epochs", 2,
                    "--seeds", 1, "--jobs", 1, "--vectors", "hash", "--out", folder / "out") == 0
    (found,) = (folder / "out").glob("my*")
    return found


def unmarked(text):
    """Markdown without what a backslash protects and without code: what is left can be markup."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    text = re.sub(r"\\[!-/:-@\[-`{-~]", "", text)
    return re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", text)


def test_no_label_and_no_name_acts_as_markdown(hostile):
    report = (hostile / "report.md").read_text(encoding="utf-8")
    left = unmarked(report)
    for mark in ("<", "onerror=alert(1)>", "](http", "`", "__", "~~", "*star*", "$", "&", "# head"):
        assert mark not in left, mark
    head = next(line for line in report.splitlines() if "(5.9%)" in line)
    assert unmarked(head).count("|") == 17 + 2 and "a\\|b (5.9%)" in head  # cells, and both ends
    names = list(read_csv(hostile / "recall.csv")[0])  # the table beside it has them as they are
    assert {f"{name} (5.9%)" for name in CLASSES if name != "two\nlines"} <= set(names)


def test_what_escapes():
    assert escaped("a|b\n`c` <d> $e$ &lt; ~f~ #g") == (
        "a\\|b \\`c\\` \\<d\\> \\$e\\$ \\&lt; \\~f\\~ \\#g")
    assert coded("a") == "`a`" and coded("`a`") == "`` `a` ``" and coded("a``b") == "``` a``b ```"
    assert cell("**ours** | <b>") == "**ours** \\| \\<b>" and cell(Verbatim("*a*")) == "\\*a\\*"
    assert fenced(["a", "```"]) == ["````", "a", "```", "````"]


def test_the_page_shows_labels_and_starts_at_any_address(hostile, browser):  # noqa: F811
    page = hostile / "explore.html"
    D = explore.data_in(page)
    row = {D["classes"][c]: r for r, c in zip(D["rows"], D["y"])}
    for name, address in (
            ("__proto__", "strategy=__proto__&strategy2=constructor&color=class"),
            ("</script>", "row=1e400&item=-5&round=NaN&seed=__proto__&epoch=-0"),
            ("u\u2028sep", "constructor=1&toString=x&__proto__=5&map=valueOf&step=9e9"),
            ("<b>bold</b>", "color=constructor&order=toString&strategy=hasOwnProperty"),
            ("a|b", "%00&=&row=%E0%A4%A&search=%5C(")):
        browser.open(page, f"{address}&row={row[name]}")
        assert browser.run("return document.body.dataset.ready") == "1"
        assert f"label {name} ·" in browser.run(
            "return document.getElementById('text').textContent")
        assert browser.run("return document.querySelectorAll('b, img').length") == 0
        quiet(browser)
    browser.open(page, "toString=x")
    assert "no setting is called “toString”" in browser.run(
        "return document.getElementById('notice').textContent")


def test_a_directory_s_own_code_is_not_run(hostile, tmp_path, capsys):
    folder = tmp_path / hostile.name
    shutil.copytree(hostile, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "mine.py").write_text("raise SystemExit('this ran')")
    for path in (folder / "mine.py", "mine.py"):
        (folder / "config.json").write_text(json.dumps({**config, "forks": {str(path): "0"}}))
        assert cal_main("--report-only", "--dataset", NAME, "--vectors", "hash", "--out",
                        tmp_path) == 0
        error = capsys.readouterr().err
        assert "whose code is not run unless --fork names it" in error and "this ran" not in error
    config["settings"]["protocol"] = "x"
    (folder / "config.json").write_text(json.dumps(config))
    shutil.copytree(folder, tmp_path / "again" / folder.name)
    assert sections.write_report(folder) is None  # a report alone needs no protocol
    assert cal_main("--report-only", "--dataset", NAME, "--vectors", "hash", "--out", tmp_path) == 2
    assert "config.json is damaged (--protocol 'x' is not" in capsys.readouterr().err
