"""What a page passes on, its user's own answers, and what people change in the files meanwhile:
whole calls and the real page, which saves while the folder goes on."""

import os
import time

import pytest

from labelling.test_calls import arguments_of, rows_of
from page.test_labels import chosen, said
from page.test_page import browser, quiet
from plumbing.files import write_csv
from test_cal import cal_main, read_csv

UNDO, LEFT, RIGHT, ENTER = "\ue003", "\ue012", "\ue014", "\ue007"
OTHER = {"red": "blue", "blue": "green", "green": "red"}


class Team:
    """A folder that is called again and again, and a page of it."""

    def __init__(self, browser, tmp_path, *more):
        self.page, self.path, self.rows = browser, tmp_path, rows_of(60, 30)
        self.folder, self.more = tmp_path / "out" / "my.csv-paper-hash", (
            "--seeds", 1, "--epochs", 1, *more)
        self.call()
        self.open()
        browser.run("localStorage.clear()")
        self.open()

    def call(self):
        assert cal_main(*arguments_of(self.path, self.rows, *self.more)) == 0
        return {row["text"]: row["label"] for row in read_csv(self.folder / "labelled.csv")}

    def open(self):
        self.page.open(self.folder / "explore.html")

    def text(self, place=0):
        return self.page.run("return items[arguments[0]].text", place)

    def answer(self, place=0):
        return self.page.run("return answerOf(items[arguments[0]])", place)

    def save(self, name="labels.csv"):
        """Ctrl+S, and the file is put into the folder."""
        text = self.page.run("HTMLAnchorElement.prototype.click = () => {};"
                             "const text = labelsCsv(); save(); return text")
        (self.folder / name).write_text(text, "utf-8")

    def edit(self, text, label, name="labels.csv"):
        """Write another label beside a text, as a person does."""
        rows = read_csv(self.folder / name)
        assert any(row["text"] == text for row in rows)
        write_csv(self.folder / name, list(rows[0]), [
            list({**row, "label": label if row["text"] == text else row["label"]}.values())
            for row in rows])

    def find(self, text):
        """Search for a text on the page and go to it."""
        self.page.run("const l = document.getElementById('look'); l.value = arguments[0];"
                      "l.dispatchEvent(new Event('input'));"
                      "go(shown.findIndex(t => t.text === arguments[0]))", text)


@pytest.fixture
def team(browser, tmp_path):
    yield Team(browser, tmp_path)
    quiet(browser)


def test_a_label_that_is_emptied_before_the_new_page_stays_taken_back(team):
    text = team.text()
    team.page.keys("111")
    team.save()
    team.edit(text, "")
    assert team.call()[text] == ""
    team.open()
    assert team.page.run("return Object.values(given).length") == 0
    team.page.run("go(shown.findIndex(t => t.text !== arguments[0]))", text)  # it is asked again
    team.page.keys("1")
    team.save()
    assert team.call()[text] == ""
    team.find(text)  # on the page that is old by now; given anew, it counts
    team.page.keys("2")
    label = team.page.run("return given[arguments[0]].label", text)
    team.save()
    assert team.call()[text] == label


@pytest.mark.parametrize(("edited", "reload", "beside"), [
    ("", True, "labels.csv"), ("other", True, "labels (1).csv"), ("other", False, "labels.csv"),
    ("", False, "labels (1).csv")])
def test_a_page_that_is_still_open_changes_no_edit(team, edited, reload, beside, capsys):
    text = team.text()
    team.page.keys("11")
    label = team.answer()
    team.save()
    team.call()
    if reload:  # then the text is in the page's `kept`, else it is the page's own answer
        team.open()
    new = edited and OTHER[label]
    team.edit(text, new)
    assert team.call()[text] == new
    team.page.keys("1")
    team.save(beside)
    capsys.readouterr()
    for again in range(2):
        assert team.call()[text] == new
        error = capsys.readouterr().err
        assert "different answers" not in error and "emptied in one" not in error
        assert ("had been taken back or changed" in error) == (beside == "labels.csv" and not again)
    if not reload:  # another key and undo give nothing anew
        team.page.keys(LEFT + LEFT + "3" + UNDO)
        team.save(beside)
        assert team.call()[text] == new


def test_an_edit_and_a_page_that_is_saved_beside_it_before_the_next_call(team):
    first, second = team.text(0), team.text(1)
    team.page.keys("11")
    team.save()
    labels = team.call()
    team.open()
    team.edit(first, "")
    team.edit(second, OTHER[labels[second]])
    team.page.keys("1")
    team.save("labels (1).csv")
    now = team.call()
    assert (now[first], now[second]) == ("", OTHER[labels[second]])


@pytest.mark.parametrize("copied", [["labels.csv", "labels (1).csv"],
                                    ["labels (1).csv", "labels.csv"]])
def test_what_is_undone_or_changed_after_a_save_counts_in_any_order_of_the_files(team, copied):
    undone, changed = team.text(2), team.text(1)
    team.page.keys("111")
    team.save("labels.csv")
    team.page.keys(UNDO)
    assert team.answer(2) == "" and said(team.page, "saved") != ""
    team.page.keys(LEFT + "2" + RIGHT + RIGHT + "1")
    label = team.answer(1)
    team.save("labels (1).csv")
    for at, name in enumerate(copied):  # as cp leaves them
        os.utime(team.folder / name, (time.time() - 9 + at,) * 2)
    now = team.call()
    assert (now[undone], now[changed]) == ("", label)
    assert len([r for r in read_csv(team.folder / "labels.csv") if r["text"] == changed]) == 1
    team.open()
    team.page.keys("1")
    team.save("labels (2).csv")
    now = team.call()
    assert (now[undone], now[changed]) == ("", label)


def test_the_later_of_two_corrections_counts_after_rows_have_moved_up(team, capsys):
    text, own = team.rows[20]
    for label in (OTHER[own], OTHER[OTHER[own]]):
        team.find(text)
        team.page.run("document.getElementById('find').focus()")
        team.page.keys(label + ENTER)
        team.save()
        for _ in range(2):
            assert team.call()[text] == label
        del team.rows[:2]
        assert team.call()[text] == label
        team.open()


def test_the_later_of_two_people_counts_after_rows_have_moved_up(browser, tmp_path):
    team = Team(browser, tmp_path, "--annotator", "ann", "bob")
    text, first = team.text(0), team.page.run("return items[0].who[0]")
    chosen(team.page, "who", first)
    team.find(text)
    team.page.keys("1")
    team.save(f"labels-{first}.csv")
    assert team.call()[text]
    del team.rows[:2]
    row = read_csv(team.folder / "labels.csv")[0]
    new = OTHER[row["label"]]
    write_csv(team.folder / "labels-extra.csv", ["row", "text", "label", "how", "who"],
              [[int(row["row"]) - 2, text, new, row["how"], "cy"]])
    for _ in range(3):
        assert team.call()[text] == new


def test_a_stale_spreadsheet_brings_nothing_back_and_what_is_typed_in_it_counts(team):
    first, second = team.text(0), team.text(1)
    team.page.keys("11")
    team.save()
    labels = team.call()
    stale = (team.folder / "labels.csv").read_bytes()
    team.edit(first, "")
    team.edit(second, OTHER[labels[second]])
    team.call()
    (team.folder / "labels.csv").write_bytes(stale)  # it is still open there
    team.edit(second, OTHER[OTHER[labels[second]]])
    for _ in range(2):
        now = team.call()
        assert (now[first], now[second]) == ("", OTHER[OTHER[labels[second]]])


def test_a_file_that_lost_its_times_is_read_as_before(team):
    first, second, third = map(team.text, range(3))
    team.page.keys("111")
    team.save()
    labels = team.call()
    team.open()
    rows = read_csv(team.folder / "labels.csv")
    new = {first: "", second: OTHER[labels[second]], third: labels[third]}
    write_csv(team.folder / "labels.csv", list(rows[0]), [
        list({**row, "label": new[row["text"]], "at": "28.11.26 14:41"}.values()) for row in rows])
    now = team.call()
    assert {text: now[text] for text in new} == new
    team.page.keys("1")
    team.save()  # the page from before
    now = team.call()
    assert {text: now[text] for text in new} == new
