"""The keys of the labelling page: each gives the class that was meant, whatever has the focus."""

import numpy as np
import pytest

from page import explore
from page.test_labels import BUTTONS, TODO, page_of, said
from page.test_page import browser, quiet  # noqa: F401 (a fixture)

ENTER, BACK, ESCAPE, DOWN, LEFT = "\ue007", "\ue003", "\ue00c", "\ue015", "\ue012"
CHOICES = "return [...document.querySelectorAll('#choices button')].map(b => b.textContent)"
CTRL, SHIFT, META = 2, 8, 4
ANSWERS = "return shown.map(answerOf).join(' ').trim()"


@pytest.fixture
def page(browser, tmp_path):  # noqa: F811
    return browser.open(page_of(tmp_path / "page.html"))


@pytest.fixture
def two(browser, tmp_path):  # noqa: F811
    """A page of two people: each has texts of their own, and both have one."""
    D = explore.data_in(page_of(tmp_path / "two.html", people=["ann", "bob"], kept=[]))
    for item, who in zip(D["todo"], (["ann"], ["bob"], ["ann", "bob"], ["ann"], ["bob"])):
        item["who"] = who
    explore.write(tmp_path / "two.html", D)
    return browser.open(tmp_path / "two.html")


def stroke(page, key, code="", modifiers=0, repeat=False):
    """A key of any keyboard layout, as the system would send it; key: what is printed on it."""
    event = {"key": key, "code": code, "modifiers": modifiers, "autoRepeat": repeat}
    if len(key) == 1 and not modifiers & ~SHIFT:
        event |= {"text": key}
    page.call("POST", "/goog/cdp/execute", {"cmd": "Input.dispatchKeyEvent", "params": {
        "type": "keyDown", **event}})
    page.call("POST", "/goog/cdp/execute", {"cmd": "Input.dispatchKeyEvent", "params": {
        "type": "keyUp", "key": key, "code": code}})


def focus(page, name):
    page.run("document.getElementById(arguments[0]).focus()", name)


def focused(page):
    return page.run("return document.activeElement.id || document.activeElement.tagName")


def test_a_focused_control_takes_no_key_that_is_meant_as_a_class(two, tmp_path):
    D = explore.data_in(tmp_path / "two.html")
    gold = np.full((4, 2), 99)
    D["maps"] = {"": {"full": explore.map_of(gold, gold % 3, range(2))}}
    explore.write(tmp_path / "two.html", D)
    for name in ("who", "only", "by", "order", "epoch", "color"):
        two.run("localStorage.clear()")
        two.open(tmp_path / "two.html")
        state = two.run("return [S.who, S.only, S.by, S.order, S.color, S.epoch]")
        focus(two, name)
        two.keys("2")
        assert two.run(ANSWERS) == "ant", name
        focus(two, name)
        two.keys("c")
        assert focused(two) == "find" and two.run(CHOICES)[0] == "cow"
        two.keys(ENTER)
        focus(two, name)
        two.keys(ENTER)  # the likeliest
        assert two.run(ANSWERS) == "ant cow bee", name
        focus(two, name)
        two.keys(BACK)
        assert two.run(ANSWERS) == "ant cow", name
        assert two.run("return [S.who, S.only, S.by, S.order, S.color, S.epoch]") == state
        before = two.run("return document.getElementById(arguments[0]).value", name)
        focus(two, name)
        two.keys(LEFT if name == "epoch" else DOWN)  # the control itself moves
        assert two.run("return document.getElementById(arguments[0]).value", name) != before
        assert focused(two) == name
    two.run("localStorage.clear()")
    two.open(tmp_path / "two.html")
    at = two.run("const r = document.getElementById('home').getBoundingClientRect();"
                 "scrollTo(0, r.top); const s = document.getElementById('home')"
                 ".getBoundingClientRect(); return [s.x + 5, s.y + 5]")
    two.drag(at)  # pressed with the mouse, a button is left
    two.keys(ENTER)
    assert two.run(ANSWERS) == "bee"
    focus(two, "search")
    two.keys("1" + ENTER + "2")
    assert two.run(ANSWERS) == "bee cow" and two.run("return S.search") == "1"
    quiet(two)


def test_every_shortcut_on_every_layout(page):
    page.run("window.saves = 0; HTMLAnchorElement.prototype.click = () => { saves++; }")
    saves = lambda: page.run("return saves")
    for n, (key, code, modifier) in enumerate((
            ("s", "KeyS", CTRL), ("S", "KeyS", CTRL), ("ы", "KeyS", CTRL), ("Ы", "KeyS", META),
            ("σ", "KeyS", CTRL), ("س", "KeyS", CTRL), ("s", "Semicolon", CTRL)), 1):
        stroke(page, key, code, modifier)
        assert saves() == n, key
    for key, code, modifiers in (("o", "KeyS", CTRL), ("ś", "KeyS", CTRL + 1), ("s", "KeyS", 0),
                                 ("S", "KeyS", CTRL + SHIFT)):
        stroke(page, key, code, modifiers)  # Dvorak's o; AltGr and s
    stroke(page, "s", "KeyS", CTRL, repeat=True)
    assert saves() == 7
    page.keys(ESCAPE)
    for key, code, modifier in (("z", "KeyZ", CTRL), ("Z", "KeyZ", CTRL), ("я", "KeyZ", CTRL),
                                ("z", "KeyW", CTRL), ("z", "KeyZ", META), ("ζ", "KeyZ", META)):
        page.keys("2")
        assert page.run(ANSWERS) == "ant"
        stroke(page, key, code, modifier)
        assert page.run(ANSWERS) == "", key
    for key, code in (("1", "Digit1"), ("1", "Numpad1"), ("١", "Digit1"), ("۱", "Digit1"),
                      ("१", "Digit1"), ("๑", "Digit2"), ("１", "Digit1")):
        stroke(page, key, code)
        assert page.run(ANSWERS) == "bee", key
        page.keys(BACK)
    stroke(page, "к", "KeyR")  # a letter is a letter
    assert page.run("return document.getElementById('find').value") == "к"
    page.run("items = []; document.activeElement.blur(); window.was = [];"
             "for (const key of ['n', '[', '0']) MAP_KEYS[key] = () => was.push(key)")
    for key, code in (("т", "KeyN"), ("N", "KeyN"), ("х", "BracketLeft"), ("0", "Digit0")):
        stroke(page, key, code)  # where nobody labels
    assert page.run("return was.join('')") == "nn[0"
    quiet(page)


def test_every_class_has_a_key_and_a_name_that_is_typed_exactly_is_given(page):
    page.run("D.classes = ['IT', 'it', 'It', 'Cafe\\u0301', '1', '10 euro', '😀 fun', '# tag',"
             " 'ant', 'bee', 'cow', '=x']")
    found = "document.getElementById('find').value = arguments[0]; return choices().map(c => c[0])"
    for typed, first in (("it", "it"), ("IT", "IT"), ("It", "It"), ("caf\u00e9", "Cafe\u0301"),
                         ("1", "1"), ("2", "ant"), ("10", "10 euro"), ("-", "-")):
        assert page.run(found, typed)[0] == first, typed
    assert page.run(found, "iT")[:4] == ["IT", "It", "it", "iT"]  # three have these letters
    page.run("document.getElementById('find').value = ''")
    page.keys("=10" + ENTER + "😀" + ENTER + "#" + ENTER + "==" + ENTER)
    assert page.run(ANSWERS) == "10 euro 😀 fun # tag =x"
    page.keys("=2")  # in the field, too, this is the second class
    assert page.run(CHOICES) == ["2 bee", "new class “2”"]
    assert page.run("return document.getElementById('find').getAttribute('aria-activedescendant')"
                    " === document.querySelector('#choices [aria-selected=true]').id")
    page.keys(ENTER)
    assert page.run(ANSWERS).endswith(" bee")
    page.keys("=" + BACK)  # an empty field is left, and nothing is undone
    assert focused(page) == "BODY" and page.run(ANSWERS).endswith(" bee")
    page.keys("=" + ENTER)  # the likeliest, as everywhere
    assert page.run("return answerOf(items.at(-1))") == "cow"
    quiet(page)


def test_a_finished_batch_can_be_searched_and_held_keys_move_the_page(page):
    page.keys("11111")
    page.keys("1")
    assert said(page, "text-to-label").startswith("Every text shown here has an answer")
    page.keys("/nobody")
    assert said(page, "text-to-label") == "nobody was asked"
    assert page.run(BUTTONS)[0] == "1 cow 70 %"
    page.keys(ENTER + "2")
    assert page.run("return given['nobody was asked'].label") == "ant"
    assert said(page, "text-to-label").startswith("Every text")
    page.keys("/" + ESCAPE)
    assert said(page, "text-to-label") == TODO[0][1]
    page.keys("1" * 6)
    page.run("const g = readStore(); delete g[shown[0].text]; go(5); ended = true;"
             "localStorage.setItem(KEY, JSON.stringify(g));"
             "dispatchEvent(new StorageEvent('storage', {key: KEY}))")  # undone in another tab
    assert page.run("return [ended, answerOf(shown[0])]") == [False, ""]
    assert page.run("return Object.keys(readStore()).length") == 6
    for key, ours in (("PageDown", False), ("Tab", False), ("1", True), (" ", True),
                      ("Backspace", True)):
        assert page.run("const e = new KeyboardEvent('keydown', {key: arguments[0], repeat: true,"
                        " cancelable: true}); dispatchEvent(e); return e.defaultPrevented",
                        key) == ours, key
    quiet(page)
