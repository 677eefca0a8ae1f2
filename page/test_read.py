"""docs/read.html: its lines are the modules', its quotes the paper's, its values the run's."""

import html
import json
import re
import runpy
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

import cal
import datamap
from page import explore, read, read_found, read_results, read_steps, read_trace
from page.read_code import ALGORITHM, places
from page.read_math import EQUATIONS, mathml, squeezed
from page.read_trace import Tracer, Value, line_of, lines_of
from page.test_page import browser, low_contrast, quiet
from plumbing.files import InputError
from test_cal import HERE, SHARED

PAPER = SHARED / "paper" / "cartography-active-learning.txt"
AGAIN = "; run python -m page.read"


@pytest.fixture(scope="module")
def fresh():
    """The page as the command would write it now, but without round 1 (seconds): (text, Run)."""
    run = read.traced(rounds=(0,))
    return read.page(run), run


@pytest.fixture(scope="module")
def kept():
    return (read.DOCS / "read.html").read_text("utf-8")


@pytest.fixture(scope="module")
def paper():
    if not PAPER.exists():
        pytest.skip(f"needs the paper's text, {PAPER}")
    return " ".join(PAPER.read_text("utf-8").split())


def numbers_of(page):
    return json.loads(page.split('id="numbers">')[1].split("</script>")[0])


def plain(markup):
    return html.unescape(re.sub("<[^>]*>", "", markup))


# ---- the paper's words --------------------------------------------------------------------------


def test_every_quote_stands_in_the_paper_letter_by_letter(paper):
    letters = squeezed(paper)
    for key, (_, _, text) in read.paragraphs().items():
        at = 0
        for piece in text.split("¦"):
            at = letters.find(squeezed(piece), at)
            assert at >= 0, (key, piece)


def test_every_equation_has_the_paper_s_symbols(paper):
    for name, (formula, number, before, behind) in EQUATIONS.items():
        begin = paper.index(before) + len(before)
        there = paper[begin : paper.index(behind, begin)]
        assert Counter(squeezed(formula + number)) == Counter(squeezed(there)), name


def test_algorithm_1_has_the_paper_s_symbols(paper):
    begin = paper.index("1 input: Labeled")
    there = re.sub(r" (?=\d+ )", " ", paper[begin : paper.index("13 end", begin)] + "13 end")
    mine = " ".join(f"{n} {line}" for n, line in enumerate(ALGORITHM, 1))
    assert Counter(squeezed(mine)) == Counter(squeezed(there))


def test_the_page_has_all_quotes_and_the_whole_method(kept):
    used = [key for step in read_steps.STEPS for key in step.paper] + [
        key for keys in read_results.QUOTED for key in keys]
    assert len(used) == len(set(used)) and set(used) == {*read.paragraphs(), *EQUATIONS}
    quotes = re.findall(r"<blockquote>.*?</p>(.*?)</blockquote>", kept, re.S)
    want = [read.paragraphs()[key][2] for key in used if key not in EQUATIONS]
    assert [squeezed(plain(q)) for q in quotes] == [squeezed(w.replace("\\sum", "∑").replace(
        "\\frac", "")) for w in want], AGAIN


# ---- the code's lines ---------------------------------------------------------------------------


def test_every_line_on_the_page_is_the_module_s(kept):
    shown = re.findall(r'<a class="n" href="\.\./(\w+\.py)#L(\d+)">\d+</a><code>(.*?)</code>', kept)
    assert len(shown) > 150
    sources = {file: (HERE / file).read_text("utf-8").splitlines() for file, _, _ in shown}
    for file, number, text in shown:
        want = sources[file][int(number) - 1]
        assert plain(text).split() == want.split(), f"{file}:{number}{AGAIN}"


def test_every_line_of_algorithm_1_is_linked_to_where_it_happens(kept):
    for n, there in places().items():
        assert n == len(ALGORITHM) or there, n
        for file, number in there:
            (target,) = set(re.findall(f'<a href="([^"]+)">{file}:{number}</a>', kept))
            assert target == f"../{file}#L{number}" or int(target.split(":")[1]) >= number > 0
    listed = kept.split('<ol class="algorithm">')[1].split("</ol>")[0]
    assert listed.count('href="#') > 15 and "strategies.View.pick:" in listed, AGAIN


def test_a_line_that_has_gone_is_an_error_that_says_what_to_do():
    with pytest.raises(InputError, match="read_steps.py has to follow the code"):
        line_of("datamap.data_map", "median = p_gold")


# ---- the values ---------------------------------------------------------------------------------


def test_a_value_is_read_when_its_line_has_run():
    value = Value("sigma = ((p_gold", "sigma"), Value("mu = p_gold", "mu"), Value("def data", "y")
    tracer = Tracer({"datamap.data_map": value})
    p, y = torch.rand(4, 3, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 1])
    with tracer.on():
        m = datamap.data_map(p, y)
        datamap.data_map(p * 0, y)  # the second call of a round is not read
    found = {value.shown: of[0] for (_, value), of in tracer.found.items()}
    np.testing.assert_array_equal(found["sigma"], m.variability)
    np.testing.assert_array_equal(found["mu"], m.confidence)
    assert sys.gettrace() is None


def test_the_page_s_statistics_are_numpy_s(fresh):
    page, run = fresh
    D = numbers_of(page)
    gold = np.array(D["rounds"]["0"]["gold"]) / 1000
    right = np.array([[c == "1" for c in text] for text in D["rounds"]["0"]["right"]])
    m = run.views[0].map
    np.testing.assert_allclose(gold.mean(1), m.confidence[0], atol=1e-3)
    np.testing.assert_allclose(gold.std(1), m.variability[0], atol=1e-3)
    np.testing.assert_allclose(right.mean(1), m.correctness[0])
    p, L, picked = np.array(D["rounds"]["0"]["p"]) / 1e5, *(
        D["rounds"]["0"][name] for name in ("L", "picked"))
    away = np.abs(0.5 - p)
    away[L] = np.inf
    assert sorted(away[picked]) == pytest.approx(sorted(away)[:50], abs=2e-5)
    assert run.facts[0]["low"] == (right.mean(1) <= 0.2 + 1e-9).sum()
    shown = re.search(r"<b[^>]*>mu</b>.*?data-v=\"(v\d+)\">", page)[1]
    mu = gold[run.texts["hard"].at[0]].mean()
    assert float(plain(D["variants"][shown]["0"][2]["hard"])) == pytest.approx(mu, abs=1e-3)


def near(a, b, most):
    """Whether two texts are the same, but for numbers that differ by at most `most` (absolute and
    relative), or by one epoch of thirty; row numbers may differ."""
    number = r"−?[\d,]*\.?\d+"
    x, y = (np.array([float(n.replace("−", "-").replace(",", "")) for n in re.findall(
        number, text)]) for text in (a, b))
    return re.sub(number, "#", a) == re.sub(number, "#", b) and ("rows" in a or all(
        (np.abs(x - y) <= most * (1 + np.abs(y))) | (np.abs(np.abs(x - y) - 1 / 30) < 0.002)))


def test_the_kept_page_is_what_the_command_writes(fresh, kept):
    """Another processor may differ in last digits, so numbers are compared with a tolerance."""
    mine, other = (numbers_of(text) for text in (fresh[0], kept))
    for name in ("texts", "y", "classes", "kinds", "samples"):
        assert mine[name] == other[name], name + AGAIN
    a, b = (D["rounds"]["0"] for D in (mine, other))
    assert a["L"] == b["L"] and len(set(a["picked"]) & set(b["picked"])) >= 45, AGAIN
    np.testing.assert_allclose(a["gold"], b["gold"], atol=4, err_msg=AGAIN)
    np.testing.assert_allclose(a["p"], b["p"], atol=400, err_msg=AGAIN)
    assert mine["variants"].keys() == other["variants"].keys(), AGAIN
    for key, of_round in mine["variants"].items():
        assert near(*(json.dumps(v["0"], ensure_ascii=False) for v in (
            of_round, other["variants"][key])), most=0.003), key + AGAIN
    a, b = ([D["facts"]["0"][name] for name in sorted(D["facts"]["0"])] for D in (mine, other))
    assert near(json.dumps([v for v in a if isinstance(v, float)]), json.dumps([
        v for v in b if isinstance(v, float)]), most=0.01), AGAIN
    body = [re.sub(r'<span data-round="1".*?</span>', "", text.split('<script type="application')[
        0].replace(text.split("script-src ")[1].split('"')[0], "")) for text in (fresh[0], kept)]
    for x, y in zip(*(text.split("<div") for text in body)):
        assert near(x, y, most=1.01), y + AGAIN  # counts in sentences; see `facts` above
    assert fresh[0].rsplit("<script>", 1)[1] == kept.rsplit("<script>", 1)[1], AGAIN


def test_one_round_as_a_notebook_prints_the_page_s_numbers(fresh, capsys):
    run = fresh[1]
    runpy.run_module("page.one_round", run_name="__main__")
    said, f, m = capsys.readouterr().out, run.facts[0], run.views[0].map
    assert "picked: " + " ".join(map(str, run.picked[0])) in said
    assert f"{f['low']} of 300 labelled texts are low-cor" in said
    assert f"{f['lowest']:.2f} to {f['highest']:.2f}" in said
    assert f"{f['first']:.2f} after the first epoch, {f['last']:.2f} after" in said
    at = run.texts["hard"].at[0]
    assert f"mu {m.confidence[0][at]:.3f}, sigma {m.variability[0][at]:.3f}, phi " in said
    source = (HERE / "page" / "one_round.py").read_text("utf-8")
    assert len(source.splitlines()) <= 60 and source.count("\n# %%") == 5


def test_round_1_follows_from_round_0(kept):
    D = numbers_of(kept)
    first, second = D["rounds"]["0"], D["rounds"]["1"]
    assert second["L"] == first["L"] + first["picked"]
    assert len(second["gold"]) == len(second["right"]) == len(second["L"])
    followed = D["follow"]["picked"]
    assert followed["row"] == first["picked"][0] and followed["at"] == {"0": None, "1": 300}


def test_the_answers_to_the_questions_are_the_run_s(fresh):
    page, run = fresh
    D = numbers_of(page)
    asked = re.findall(r'<details class="predict"><summary>(.*?)</summary><p>(.*?)</p>', page)
    assert len(asked) == sum(bool(step.predict) for step in read_steps.STEPS) == 6
    gold = np.array(D["rounds"]["0"]["gold"]) / 1000
    assert f"{gold[:, 0].mean():.2f}" in plain(asked[0][1])
    kinds = np.array(list(D["kinds"]))[D["rounds"]["0"]["L"]]
    assert f"is {gold[kinds == 'm'].mean():.2f}" in plain(asked[1][1])
    of_class = Counter(D["y"][row] for row in D["rounds"]["0"]["picked"]).most_common(1)[0]
    assert plain(asked[3][1]).startswith(f"{of_class[1]} are {D['classes'][of_class[0]]}")
    a, b = (np.sort(D["samples"][name]) for name in ("cal", "random"))
    eps = ((a - b)[a < b] ** 2).sum() / ((a - b) ** 2).sum()
    assert f"ε is {eps:.2f}" in plain(asked[5][1])


def test_findings_say_only_what_their_numbers_bear():
    f = {"labels": 100, "low": 40, "spearman": 0.1, "below": 0, "lowest": 0.55, "same": 50,
         "picks": 50, "accuracy": 0.9, "larger": 0.6}
    assert "few" not in read_found.low(f) and "shorter" not in read_found.length(f)
    assert "shorter" in read_found.length({**f, "spearman": 0.8})
    assert "longer" in read_found.length({**f, "spearman": -0.8})
    assert "30 points more" in read_found.accuracy(f)
    assert "No text of U reaches" in read_found.border(f)
    assert "runs through U" in read_found.border({**f, "below": 3, "highest": 0.9, "pool": 9})


def test_every_difference_of_the_authors_code_is_listed_and_linked_to_its_line(kept):
    table = kept.split('id="released"')[1].split("</table>")[0]
    rows = [re.findall(r"<td>(.*?)(?=<td>|<tr>|$)", row, re.S) for row in table.split("<tr>")[2:]]
    docs = {name: (read.DOCS / name).read_text("utf-8") for name in ("released-code.md",
                                                                     "versions.md")}
    numbers = re.findall(r"^\| (V\d|\d\d?) \|", "".join(docs.values()), re.M)
    assert [plain(row[0]) for row in rows] == numbers and len(numbers) == 24
    linked = [number for number, row in zip(numbers, rows) if "href" in row[0]]
    assert set(numbers) - set(linked) == {"18"}  # Fig. 4, which is the same in both
    padding = next(row for row in rows if plain(row[0]) == "3")
    assert padding[4] in docs["released-code.md"] and padding[4].startswith("−0.175"), AGAIN


def test_what_is_said_of_trec_stands_in_the_documents(kept):
    told = squeezed((read.DOCS / "why-cal-loses.md").read_text("utf-8"))
    points = re.findall(r"<li>(.*?)</li>", kept.split('id="found"')[1].split("</ol>")[0], re.S)
    assert len(points) == 4 and all(squeezed(plain(point)) in told for point in points), AGAIN
    table = read_found.table_3()
    mine = (read.DOCS / "results-trec.md").read_text("utf-8")
    cells = re.findall(r"<tr><td>(.*?)<td>(.*?)<td>(.*?)<td>([^<]*)", table)
    assert [cell[0] for cell in cells] == ["0", "0.2", "0.4", "0.6", "0.8"]
    for t, paper, pool, file in cells:
        assert re.search(rf"\| CAL \| {t} \| {pool} \| [^|]+ \| {file} \| {paper} \|", mine)
    told = re.findall(r"<tr><td>(.*?)<td>(.*?)<td>(.*?)<td>([^<]*)", read_found.claims())
    assert len(told) == 9
    for claim, pool, chance, file in told:
        line = next(line for line in mine.splitlines() if line.startswith(f"| {claim} |"))
        assert re.findall(r"\| \*\*(.*?)\*\*", line) == [pool, chance, file], claim


def test_the_paper_s_numbers_are_the_paper_s():
    path = SHARED / "paper" / "paper_numbers.json"
    if not path.exists():
        pytest.skip(f"needs the paper's numbers, {path}")
    paper = json.loads(path.read_text("utf-8"))
    for name, mine in read_results.TABLE_2.items():
        theirs = paper["table2_eps_min"][name.replace(" ", "").lower()]
        assert mine == tuple(tuple(theirs[a].get(b) for b in paper["strategies"])
                             for a in paper["strategies"])
    assert paper["full_data_accuracy"]["trec"] == read_results.FULL
    assert paper["table3_final_accuracy_by_t_cor"]["trec"][1] == read_results.FINAL
    assert paper["table1"]["trec"]["train"] == read_results.ROWS


def test_the_results_are_drawn_and_judged_as_they_are(kept):
    told = kept.split('id="claims"')[1].split("</section>")[0]
    runs = explore.data_in(read.DOCS / "trec-explore.html")["runs"]
    ticks = [(float(v), float(y)) for y, v in re.findall(
        r'class="grid" d="M44 ([\d.]+)H.*?text-anchor="end">(0\.\d\d)<', told.split("</svg>")[0])]
    (low, y_low), (high, y_high) = ticks[0], ticks[-1]
    for name in ("cal", "random", "lc"):
        points = re.search(rf'class="curve of-{name}" points="([^"]+)"', told)[1].split()
        drawn = [low + (float(p.split(",")[1]) - y_low) / (y_high - y_low) * (high - low)
                 for p in points]
        want = np.mean([run["accuracy"] for run in runs[name].values()], axis=0)
        np.testing.assert_allclose(drawn, want, atol=1e-3, err_msg=AGAIN)
    mine = (read.DOCS / "results-trec.md").read_text("utf-8")
    compared = re.findall(r"<tr><td>(\S+)<td>CAL is better \(0\.00\)<td>([^(]*) \(", told)
    for name, said in compared:
        over, under = (float(re.search(rf"\| {pair} \| [^|]+ \| ([\d.]+)", mine)[1])
                       for pair in (f"CAL over {name}", f"{name} over CAL"))
        want = "CAL is better" if over < 0.5 <= under else (
            "CAL is worse" if under < 0.5 <= over else "no order")
        assert said == want, name
    assert [name for name, _ in compared] == list(read_results.NAMES[:5])
    assert read_results.order(0.1, 0.2) == read_results.order(0.9, 0.8) == "no order"


# ---- the page in a browser ----------------------------------------------------------------------


def test_the_page_is_small_and_asks_nobody(kept):
    assert len(kept.encode()) <= 500_000
    assert not re.search(r'(src|srcset|@import|url\()\s*=?\s*["\']?http', kept)
    ids = re.findall(r'\bid="([^"]+)"', kept)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'href="#([^"]+)"', kept):
        assert target in ids or target.startswith("play-"), target
    for target in set(re.findall(r'href="(?!http|#)([^"#]+)', kept)):
        assert (read.DOCS / target).exists(), target


def test_the_page_in_a_browser(browser, kept):
    page, D = read.DOCS / "read.html", numbers_of(kept)
    browser.open(page)
    assert browser.run("return [...document.querySelectorAll('.play svg')].length") == 6
    seen = ("return [...document.querySelectorAll('.play .pictures, .found')].map(e =>"
            " e.tagName === 'DETAILS' ? e.open : e.offsetHeight > 0)")
    assert browser.run(seen) == [False] * 9  # four pictures, five findings: predict first
    media = lambda name: browser.call("POST", "/goog/cdp/execute", {
        "cmd": "Emulation.setEmulatedMedia", "params": {"media": name}})
    media("print")  # on paper no picture waits, and nothing to press is shown
    shown = ("return [...document.querySelectorAll(arguments[0])].map(e =>"
             " e.getBoundingClientRect().height > 0)")
    assert all(browser.run(shown, ".play svg"))
    assert not any(browser.run(shown, ".play button, .play label, #bar"))
    media("")
    browser.run("document.querySelector('#play-aso .reveal button').click()")
    assert browser.run("return document.activeElement.id") == "again"
    assert browser.run("return document.querySelector('#aso .predict').open")
    browser.run("document.getElementById('answers').click()")
    assert browser.run(seen) == [True] * 9
    value = re.search(r"<b[^>]*>mu</b>.*?data-v=\"(v\d+)\">", kept)[1]
    say = "return document.querySelector(`[data-v=${arguments[0]}]`).innerHTML"
    choose = "document.querySelector(`[name=${arguments[0]}][value='${arguments[1]}']`).click()"
    for text in ("easy", "hard", "picked"):
        for i in ("0", "1"):
            browser.run(choose, "text", text)
            browser.run(choose, "round", i)
            _, same, *by_text = D["variants"][value][i]
            assert plain(browser.run(say, value)) == plain(same or by_text[0][text])
    slide = ("const s = document.getElementById(arguments[0]); s.value = arguments[1];"
             "s.dispatchEvent(new Event('input'));"
             "return s.closest('.play').querySelector('.now').textContent")
    assert "After 1 epoch:" in browser.run(slide, "epoch2", 1)
    high = sum(text.count("1") / 30 > 0.5 + 1e-9 for text in D["rounds"]["1"]["right"])
    assert f"{high} of {len(D['rounds']['1']['L'])}" in browser.run(slide, "tcor", 0.5)
    assert "Border at 0.90" in browser.run(slide, "border", 0.9)
    a, b = (np.sort(D["samples"][name]) for name in ("cal", "random"))
    gap = a - b
    eps = (gap[gap < 0] ** 2).sum() / (gap**2).sum()
    now = "return document.querySelector('#play-aso .now').textContent"
    assert f"ε = {eps:.3f}" in browser.run(now)
    browser.run("document.querySelector('.knob.A[data-i=\"4\"]').focus()")
    browser.keys("\ue015" * 5)  # five times arrow down
    assert f"ε = {eps:.3f}" not in browser.run(now)
    browser.run("document.querySelector('.letters [data-s=mu]').click()")
    for where in ("math", ".line", ".value", "svg"):  # in the formula, the code, the value, ...
        assert browser.run(f"return document.querySelectorAll('{where} .on').length") > 0, where
    assert low_contrast(browser) == []
    for width in (1400, 800, 500, 390):
        browser.call("POST", "/window/rect", {"width": width, "height": 900})
        wide = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], width
    quiet(browser)
