"""Addresses, other tabs and other calls: an answer is the one that was meant, and it is kept."""

import time

from page import explore
from page.test_keys import (  # noqa: F401 (fixtures)
    ANSWERS,
    BACK,
    ENTER,
    browser,
    focused,
    page,
    quiet,
    two,
)
from page.test_labels import TODO, chosen, page_of, rows_shown, said
from plumbing.files import write_csv
from test_cal import cal_main
from vectors.words import tokens


def moved(page, state):
    """Another address, typed into the open tab."""
    page.run("location.hash = arguments[0]", state)
    time.sleep(0.05)


def test_whatever_the_address_says_an_answer_is_of_the_person_that_is_shown(two, tmp_path):
    for state, who in (("who=bob&item=2", "bob"), ("item=1", "bob"), ("", "bob"),
                       ("who=zoë", "bob"), ("who=ann", "ann"), ("who=", "ann"),
                       ("who=__proto__&look=a", "ann"),
                       ("who=bob&only=cow&by=random&order=sure&batch=2", "bob"), ("#", "bob")):
        moved(two, state)
        assert two.run("return [S.who, document.getElementById('who').value]") == [who, who]
        assert two.run("return shown.every(t => S.look || !t.who || t.who.includes(S.who))")
        assert ("no person" in said(two, "notice")) == ("zoë" in state or "__" in state)
    two.open(tmp_path / "two.html", "who=ann")
    moved(two, "who=bob&item=1")
    two.keys("1")
    assert two.run("return Object.values(given).map(g => [g.text, g.who])") == [[TODO[2][1], "bob"]]
    chosen(two, "who", "ann")
    two.keys(BACK)  # ann has given none: this takes back none of bob's
    assert two.run("return Object.values(given).map(g => g.label)") == ["ant"]
    two.keys("1")
    chosen(two, "who", "bob")
    two.keys(BACK)
    assert two.run("return Object.values(given).map(g => g.who)") == ["ann"]
    two.open(page_of(tmp_path / "two.html", kept=[]), "who=ann")  # now there is only one person
    assert len(rows_shown(two)) == 6 and two.run("return S.who") == ""
    assert "no person “ann”" in said(two, "notice")
    quiet(two)


def test_what_is_undone_does_not_fill_the_storage(page):
    size = "return localStorage.getItem(KEY).length"
    empty = page.run(size)
    page.run("window.confirm = () => true; acceptAll()")
    page.keys("3")
    page.keys(BACK + BACK)
    assert page.run(size) == empty
    page.keys("1")
    page.run("save()")
    page.keys(BACK)  # a file has it: what is kept says that it was taken back
    assert page.run("return Object.values(readStore()).map(g => g.label)") == [""]
    page.run("localStorage.clear(); given = {}; others = Array.from({length: 9000}, (_, i) => ("
             "{row: i, text: i + 'many'.repeat(200), how: '', likely: [['ant', 1]]}));"
             "S.look = 'many'; filter(); acceptAll()")
    assert "cannot keep your answers" in said(page, "saved")
    page.run("undo(); S.look = ''; filter(); go(0)")
    page.keys("11")
    assert said(page, "saved").startswith("2 answers are kept")
    assert page.run("return Object.keys(readStore()).length") == 2
    quiet(page)


def test_old_pages_old_answers_and_a_damaged_store(page, tmp_path):
    old, path = "older than the last call", tmp_path / "page.html"
    page.keys("1")
    page_of(path, written=9, kept=[])
    page.open(path)  # the same batch, called again
    assert old not in said(page, "notice")
    moved(page, "item=2")
    page.open(page_of(path, written=7))  # a copy from before
    assert old in said(page, "notice") and page.run("return localStorage.getItem(NEWEST)") == "9"
    moved(page, "item=3")
    assert old in said(page, "notice")
    assert page.run("return document.getElementById('earlier').hidden")  # it is newer than the page
    page.run("save()")
    now = page.run("return Date.now() + 1000")
    page.open(page_of(path, written=now, kept=[]))  # the results folder was removed
    assert said(page, "earlier").startswith(
        "From before this page was made, this browser has 1 answer that out/t does not have.")
    page.run("window.asked = []; window.confirm = words => { asked.push(words); return false; };"
             "document.getElementById('forget').click()")
    assert page.run("return [asked.length, Object.keys(given).length]") == [1, 1]
    page.run("window.confirm = () => true; document.getElementById('forget').click()")
    assert page.run("return [Object.keys(given).length, localStorage.getItem(KEY)]") == [0, "{}"]
    assert page.run("return document.getElementById('earlier').hidden")
    page.keys("1")
    page.open(page_of(path, written=now + 9e6, kept=[[5, TODO[0][1], "cow", "", "", "", 1]]))
    assert page.run("return document.getElementById('earlier').hidden")  # the folder knows it
    for stored in ('[1, 2]', '"s"', "{", "null", '{"x": {"label": 5}, "y": null, "w": [], "v": 1}'):
        page.run("localStorage.setItem(KEY, arguments[0])", stored)
        assert page.open(path).run("return Object.keys(given).length") == 0
    for entry in ("", ', "at": "x", "text": {}, "who": null, "row": [1], "how": false',
                  ', "at": 1e99'):
        page.run("localStorage.setItem(KEY, arguments[0])", f'{{"z": {{"label": "a"{entry}}}}}')
        page.open(path)
        assert page.run("return Object.values(given).map(g => g.label + g.text)") == ["az"]
        assert "\n,z,a," in page.run("return labelsCsv()")
        page.keys("1")
        assert page.run("return Object.keys(readStore()).length") == 2
    quiet(page)


def test_words_are_marked_in_every_script_as_the_model_splits_it(page):
    marked = """return arguments[1].map(term => {
        drawText({...shown[0], text: arguments[0], terms: [term]});
        return [...document.querySelectorAll('#text-to-label mark')].map(m => m.textContent); })"""
    for text in ("冠军赛abc我们2024年", "แมวนอนกินปลา", "ຂ້ອຍຮັກແມວ", "ကျွန်တော်စားသည်",
                 "ខ្ញុំស្រឡាញ់ឆ្មា", "ガルシアのネコ、すし", "𠀀𠀁字", "ｶﾀｶﾅだ", "हिन्दी भाषा में",
                 "why? a naïve foo_bar c++"):
        for term, found in zip(tokens(text), page.run(marked, text, tokens(text))):
            assert found and {f.lower() for f in found} == {term}, (text, term)
    assert page.run(marked, "冠 军赛", ["冠 军"]) == [["冠 军"]]
    for text, term in (("हिन्दी", "हिन्द"), ("กิน", "ก"), ("foo_bar", "foo"), ("scathe", "cat"),
                       ("thecat", "the cat"), ("naïve", "na")):  # a part of a word is none
        assert page.run(marked, text, [term]) == [[]], term
    quiet(page)


def test_names_from_right_to_left_and_what_a_screen_reader_hears(page):
    name = "חתול 5"
    page.run("D.todo[0].likely = [[arguments[0], .69], ['bee', .2]]; startLabels(); go(0)", name)
    places = page.run("""const button = document.querySelector('#classes button');
        return [...button.childNodes].map(node => { const range = document.createRange();
            range.selectNodeContents(node); return range.getBoundingClientRect().left; })""")
    assert places == sorted(places) and len(places) == 3  # 1, the name, 69 %
    assert page.run("return document.querySelector('#classes bdi').textContent") == name
    assert said(page, "hint").startswith(f"Row 5; the model's guess: \u2068{name}\u2069")
    for live in ("text-to-label", "hint"):
        assert page.run("return document.getElementById(arguments[0]).ariaLive", live) == "polite"
    page.run("window.changes = 0; for (const id of ['text-to-label', 'hint', 'classes'])"
             " new MutationObserver(() => changes++).observe(document.getElementById(id),"
             " {childList: true, subtree: true}); update(); update()")
    assert page.run("return changes") == 0  # nothing is read out again
    page.run("document.querySelectorAll('#classes button')[1].focus()")
    page.keys(ENTER)
    assert page.run(ANSWERS) == "bee" and focused(page) == "text-to-label"
    page.keys(ENTER)  # the likeliest class of the text that has the focus
    assert page.run(ANSWERS) == "bee cow"
    page.keys("/labelled" + ENTER)
    page.run("document.querySelector('#hits button').focus()")
    page.keys(ENTER)
    assert focused(page) == "text-to-label"
    quiet(page)


def test_the_search_has_the_whole_table_or_says_that_it_has_not(page, tmp_path, monkeypatch):
    assert "This page cannot find every text. It has 1 of the 9 other texts without a label." in (
        page.run("S.look = 'a'; filter(); return document.getElementById('looked').textContent"))
    rows = [(f"text {i} {'cat cat' if i % 2 else 'dog dog'} w{i % 9}", "cd"[i % 2] * (i < 60))
            for i in range(100)]
    write_csv(tmp_path / "my.csv", ["text", "label"], [
        *rows, ("Foo bar!", "c"), ("Foo bar.", "d"), ("foo  BAR.", "d"), ("Foo bar?", "")])
    arguments = ["--dataset", tmp_path / "my.csv", "--out", tmp_path / "out", "--vectors", "hash",
                 "--seeds", 1, "--batch", 10, "--epochs", 5]
    assert cal_main(*arguments) == 0
    path = tmp_path / "out" / "my.csv-paper-hash" / "explore.html"
    page.open(path)
    page.keys("/foo bar")
    assert sorted(page.run("return shown.map(t => t.text)")) == ["Foo bar!", "Foo bar.", "Foo bar?"]
    assert "cannot find" not in said(page, "looked")
    assert len(page.run("return [...new Set([...items, ...others].map(t => t.text))]")) == 103
    monkeypatch.setattr(explore, "MOST", 40)
    monkeypatch.setattr(explore, "MOST_REST", 10)
    assert cal_main(*arguments) == 0
    page.open(path)
    page.keys("/foo")
    assert ("This page cannot find every text. It has 10 of the 31 other texts without a label."
            " It has 50 of the 62 texts with a label.") in said(page, "looked")
    quiet(page)
