"""What the labelling page shows, takes and saves, on a page made by hand, in a real browser."""

import csv
import io

import pytest

from page import explore
from page.test_page import browser, quiet  # noqa: F401 (a fixture)
from plumbing.files import armed
from tables.merge import moment
from vectors.words import UNSPACED

LONG = "a \"long\" text " * 200
TODO = [  # row, text, how, likely
    (5, "plain One, and a rest", "margin", [["bee", 0.6], ["ant", 0.3], ["cow", 0.1]]),
    (6, "=1+1", "random", [["cow", 0.9], ["bee", 0.06], ["ant", 0.04]]),
    (7, "two\none line", "margin", [["ant", 0.5], ["cow", 0.3], ["bee", 0.2]]),
    (8, "'=x", "margin", [["bee", 0.7], ["cow", 0.2], ["ant", 0.1]]),
    (9, LONG, "random", [["ant", 0.8], ["bee", 0.15], ["cow", 0.05]])]
KEPT = [[40, "kept", "ant", "random", "", "", 1], [41, "twice", "bee", "", "", "", 1],
        [41, "twice", "cow", "", "", "bee", ""], [42, "again", "ant", "margin", "", "", 2]]


def page_of(path, **more):
    """A page of five texts that are asked for, a doubt, two labelled texts and one other."""
    item = {"who": [""], "terms": [], "copies": 1, "context": [["id", "7"], ["empty", ""]]}
    todo = [{**item, "row": row, "text": text, "how": how, "likely": likely,
             "predicted": likely[0][0]} for row, text, how, likely in TODO]
    todo[0] |= {"terms": ["one", "<s> plain"], "copies": 2}
    explore.write(path, {
        "title": "t", "about": "", "id": str(path), "folder": "out/t", "batch": 3, "people": [],
        "classes": ["ant", "bee", "cow"], "rows": [2, 0], "numbers": [23, 21], "offered": [],
        "texts": ["doubted", "was Labelled"], "y": [1, 2], "names": explore.NAMES, "maps": {},
        "runs": {}, "rounds": 0, "todo": todo, "kept": KEPT,
        "doubts": [{"row": 23, "text": "doubted", "model": "cow", "label": "bee",
                    "why": "the model disagrees"}],
        "rest": {"rows": [30], "texts": ["nobody was asked"], "all": 9,
                 "likely": [[[2, 0.7], [0, 0.2], [1, 0.1]]]},
        "written": 5, "unspaced": UNSPACED, **more})
    return path


@pytest.fixture
def page(browser, tmp_path):  # noqa: F811
    return browser.open(page_of(tmp_path / "page.html"))


def said(page, name):
    return page.run("return document.getElementById(arguments[0]).textContent", name)


def chosen(page, name, value):
    page.run("const e = document.getElementById(arguments[0]); e.value = arguments[1];"
             "e.dispatchEvent(new Event('change'))", name, value)


def rows_shown(page):
    return page.run("return shown.map(t => t.row)")


def saved(page):
    """The rows of labels.csv as the page would save it, and its text."""
    text = page.run("return labelsCsv()")
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    return [[armed(cell) for cell in row] for row in rows[1:]], text


BUTTONS = "return [...document.querySelectorAll('#classes button')].map(b => b.textContent)"


def test_what_is_shown_of_a_text_and_what_its_keys_give(page):
    assert said(page, "hint") == ("Row 5; the model's guess: bee · this text stands in 2 rows ·"
                                  " id: 7")
    assert page.run(BUTTONS) == ["1 bee 60 %", "2 ant 30 %", "3 cow 10 %"]
    assert page.run("return [...document.querySelectorAll('mark')].map(m => m.textContent)") == [
        "plain", "One"]
    page.keys("2")
    assert said(page, "progress") == "1 of 5 texts labelled, 0 of 1 doubts looked at"
    page.keys("\ue012")  # left: back to it
    assert said(page, "hint").endswith("id: 7 · answered: ant")
    given = "return [...document.querySelectorAll('#classes .given')].map(b => b.textContent)"
    assert page.run(given) == ["2 ant 30 %"]
    page.keys("3")  # another class, and undone: the first one is back
    page.keys("\ue003")
    assert page.run("return [S.item, answerOf(shown[0])]") == [0, "ant"]
    page.run("go(1); document.getElementById('skip').click()")
    assert page.run("return answerOf(shown[1])") == "-" and said(page, "progress").startswith(
        "2 of 5 texts labelled")  # a skipped text is dealt with
    page.keys("2")
    page.run("go(0)")
    page.keys("2")  # from the first one to the next without an answer, which is the fourth
    assert page.run("return S.item") == 3
    assert said(page, "hint") == "Row 8; the model's guess: bee · id: 7"
    page.run("go(2)")  # one speaks for the first text, not for this one
    assert page.run("return document.querySelectorAll('mark').length") == 0
    page.run("go(4)")
    assert said(page, "hint") == "Row 9; the model's guess: ant · id: 7"
    assert len(said(page, "text-to-label")) < 1600 and page.run("return S.item") == 4
    page.run("document.querySelector('#text-to-label button').click()")
    assert said(page, "text-to-label") == LONG
    page.keys("\ue014")  # right: the doubt, of which there are two classes
    assert said(page, "hint") == "Row 23 has the label bee; the model says cow. Keep or correct it."
    assert page.run(BUTTONS)[:2] == ["1 cow", "2 bee"]
    page.keys("\ue014\ue007")  # right at the end stays there; Enter gives the model's class
    assert page.run("return answerOf(items.at(-1))") == "cow"
    assert "1 of 1 doubts looked at" in said(page, "progress")
    page.run("times = [0, 9, 19, 29, 39, 49, 2000].map(s => 1000 * s); drawProgress()")
    assert "about a minute left" in said(page, "progress")  # two texts, ten seconds each
    quiet(page)


def test_a_class_that_is_typed_in_full_comes_first(page):
    found = page.run("D.classes = ['TEXT', 'TeX', 'latex', 'x']; given = {};"
                     "D.offered = ['texture'];"
                     "document.getElementById('find').value = 'tex';"
                     "return choices().map(c => c[0])")
    assert found == ["TeX", "TEXT", "texture", "latex", "tex"]  # texture: of --classes; tex: new
    quiet(page)


def test_orders_filters_and_what_is_accepted_at_once(page):
    assert rows_shown(page) == [5, 6, 7, 8, 9, 23]
    chosen(page, "order", "sure")
    assert rows_shown(page) == [6, 9, 8, 5, 7, 23]
    chosen(page, "order", "unsure")
    assert rows_shown(page) == [23, 7, 5, 8, 9, 6]
    chosen(page, "order", "")
    options = "return [...document.getElementById(arguments[0]).options].map(o => o.textContent)"
    assert page.run(options, "by") == ["every way", "doubted (1)", "margin (3)", "random (2)"]
    assert page.run(options, "only") == ["every class", "ant (2)", "bee (2)", "cow (2)"]
    chosen(page, "only", "cow")
    assert rows_shown(page) == [6, 23]
    chosen(page, "only", "")
    chosen(page, "by", "margin")
    assert rows_shown(page) == [5, 7, 8] and "(3 shown)" in said(page, "progress")
    page.keys("2")
    page.run("window.confirm = () => true; acceptAll()")
    answers = "return items.map(answerOf)"
    assert page.run(answers) == ["ant", "", "ant", "bee", "", ""]
    page.run("go(0)")
    page.keys("\ue003")  # all of them at once; it goes to the first one
    assert page.run(answers) == ["ant", "", "", "", "", ""] and page.run("return S.item") == 1
    chosen(page, "by", "")
    page.run("acceptAll()")  # a label that is doubted is looked at by a person
    assert page.run(answers) == ["ant", "cow", "ant", "bee", "ant", ""]
    quiet(page)


def test_a_search_finds_the_whole_table_and_a_second_look_is_marked(page):
    page.keys("/was\ue007")
    assert rows_shown(page) == [30, 21] and "1 of the 9 other texts" in said(page, "looked")
    assert said(page, "hint") == "Row 30; the model's guess: cow"
    assert page.run(BUTTONS) == ["1 cow 70 %", "2 ant 20 %", "3 bee 10 %"]
    page.run("window.confirm = () => true; acceptAll()")  # a label is never accepted anew
    assert page.run("return shown.map(answerOf)") == ["cow", ""]
    page.run("given['was Labelled'] = {...given['nobody was asked'], text: 'was Labelled'}; go(1)")
    assert page.run("return shown.map(answerOf)") == ["cow", ""]  # given before it had a label
    assert said(page, "hint") == "Row 21 has the label cow. Keep or correct it."
    page.keys("b")
    page.keys("\ue007")
    rows = saved(page)[0]
    assert ["21", "was Labelled", "bee", "", "", "cow", ""] in [row[:7] for row in rows]
    assert ["30", "nobody was asked", "cow", "searched", "", "", "3"] in [row[:7] for row in rows]
    page.keys("/\ue00c/lABELLED")  # in any case
    assert rows_shown(page) == [21]
    page.keys("/\ue00c/doubted")  # asked for already: found once
    assert rows_shown(page) == [23]
    page.keys("\ue00c")
    page.run("const f = document.getElementById('find'); f.focus(); f.value = 'W';"
             "f.dispatchEvent(new Event('input'))")
    choices = "return [...document.querySelectorAll('#choices button')].map(b => b.textContent)"
    assert page.run(choices) == ["cow", "new class “W”"]
    page.keys("\ue015\ue007")  # down, Enter
    page.keys("w")  # what begins with it comes before what only has it
    assert page.run(choices) == ["W", "cow", "new class “w”"]
    assert page.run("return items.map(answerOf)[0]") == "W"
    quiet(page)


def test_what_is_saved_is_read_back_the_same(page):
    for _ in TODO:
        page.keys("1")
    rows, text = saved(page)
    want = [[str(row), t, likely[0][0], how, "", "", "3"] for row, t, how, likely in TODO]
    assert [row[:7] for row in rows] == want + [[str(cell) for cell in row] for row in KEPT]
    times = [moment(row[7]) for row in rows[: len(TODO)]]  # by row, the kept too
    assert min(times) > 0 and sorted(set(times)) == times
    assert "'=1+1," in text and "''=x," in text  # no spreadsheet runs them
    page.run("""undo(); const g = given['=1+1'];
        for (const [text, row, label, reviewed] of [['again', 42, 'ant', ''], ['kept', 40, 'bee',
            ''], ['twice', 41, 'bee', 'x']]) given[text] = {...g, text, row, label, reviewed}""")
    found = {}
    for row in saved(page)[0]:
        found.setdefault(row[1], []).append(row[2])
    assert found.pop("again") == ["ant"]  # the same answer once
    assert found.pop("kept") == ["ant", "bee"]  # another label does not replace it
    assert found.pop("twice") == ["bee", "cow", "bee"]  # nor does a second look the first
    assert LONG not in found and len(found) == 4  # undone: no row of it
    page.run("S.who = 'Ann B.'; let name; HTMLAnchorElement.prototype.click = function () {"
             " name = this.download; }; save(); window.saved_as = name; S.who = ''; save();"
             " window.saved_as += ' ' + name")
    assert page.run("return window.saved_as") == "labels-Ann-B-.csv labels.csv"
    assert said(page, "saved") == ("Saved. Put labels.csv into out/t and run the same command"
                                   " again.")
    quiet(page)


def test_two_people_see_and_answer_their_own_texts(page, tmp_path):
    page_of(tmp_path / "two.html", people=["ann", "bob"], kept=[])
    D = explore.data_in(tmp_path / "two.html")
    for item, who in zip(D["todo"], (["ann"], ["bob"], ["ann", "bob"], ["ann"], ["bob"])):
        item["who"] = who
    explore.write(tmp_path / "two.html", D)
    page.open(tmp_path / "two.html")
    assert rows_shown(page) == [5, 7, 8, 23] and page.run("return S.who") == "ann"
    page.keys("11")
    assert said(page, "progress").startswith("2 of 3 texts labelled")
    chosen(page, "who", "bob")
    assert rows_shown(page) == [6, 7, 9, 23] and page.run("return shown.map(answerOf)") == [""] * 4
    page.run("go(1)")
    page.keys("2")
    rows = sorted(saved(page)[0])
    assert [(row[0], row[2], row[4]) for row in rows] == [("5", "bee", "ann"), ("7", "ant", "ann"),
                                                          ("7", "cow", "bob")]
    quiet(page)


def test_two_tabs_and_a_newer_batch(page, tmp_path):
    page.keys("1")
    for later, label in ((-9e6, "bee"), (9e6, "cow")):  # another tab's answers, older and newer
        page.run("const kept = readStore(); kept[shown[0].text] = {...kept[shown[0].text],"
                 " label: 'cow', at: Date.now() + arguments[0]};"
                 "localStorage.setItem(KEY, JSON.stringify(kept));"
                 "dispatchEvent(new StorageEvent('storage', {key: KEY}))", later)
        assert page.run("return answerOf(shown[0])") == label
    page.run("const kept = readStore(); kept[shown[1].text] = {...kept[shown[0].text], text:"
             " shown[1].text, row: 6}; localStorage.setItem(KEY, JSON.stringify(kept)); go(2)")
    page.keys("1")  # what another tab has kept meanwhile is not written over
    assert page.run("return Object.keys(readStore()).length") == 3
    for written, known in ((4, False), (6, True)):
        page.run("localStorage.setItem(NEWEST, arguments[0]);"
                 "dispatchEvent(new StorageEvent('storage', {key: NEWEST}))", written)
        assert ("older than the last call" in said(page, "notice")) == known
    page.open(page_of(tmp_path / "page.html", kept=[[5, TODO[0][1], "ant", "", "", "", 1]]))
    assert page.run("return answerOf(shown[0])") == "cow"  # not saved: the file does not win
    assert page.run("return S.item") == 3  # the first without an answer
    page.run("save()")
    page.open(tmp_path / "page.html")
    assert page.run("return answerOf(shown[0])") == ""  # saved, and the file has another since
    quiet(page)
