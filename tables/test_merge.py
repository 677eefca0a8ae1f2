"""The order of answers to one text, whatever files and rows they stand in."""

import os
import time

import pytest

from plumbing.files import read_csv, write_csv
from tables import answers
from tables.merge import moment, written
from tables.own_table import read_table

OLD = answers.COLUMNS[:-1]  # of earlier versions


def called(folder, *files):
    """Write files of answers, each a second after the one before, and read and keep them as a call
    does. Returns the Answers."""
    for second, (name, rows) in enumerate(files):
        old = all(len(row) == len(OLD) for row in rows)
        write_csv(folder / name, OLD if old else answers.COLUMNS, rows)
        os.utime(folder / name, (time.time() + second,) * 2)
    found = answers.read_answers(folder)
    answers.keep_answers(folder, found)
    assert answers.read_answers(folder).kept() == found.kept()
    return found


def row(number, label, at="", who="", reviewed="", text="one"):
    return [number, text, label, "random", who, reviewed, 1, *[at] * bool(at)]


def at(second):
    return written(1_000_000_000_000 + 1000 * second)


@pytest.mark.parametrize("numbers", [(9, 7, 5), (5, 7, 9), (7, 9, 5)])
@pytest.mark.parametrize("reviewed", ["", "z"])
def test_the_last_answer_counts_whatever_its_row(tmp_path, numbers, reviewed):
    for number, label, who in zip(numbers, "abc", ("ann", "", "bob")):
        found = called(tmp_path, (f"labels-{label}.csv", [row(number, label, "", who, reviewed)]))
        (tmp_path / f"labels-{label}.csv").unlink()
        for _ in range(2):
            assert found.by_text["one"].label == label
            found = called(tmp_path)
    assert {a.label for a in found.others} == {"a", "b"}


def test_files_without_times_count_as_they_did_next_batch_last(tmp_path):
    found = called(tmp_path, ("next_batch.csv", [row(5, "c", who="cy")]),
                   ("labels.csv", [row(9, "b", who="bob")]), ("labels (1).csv", [row(7, "a")]))
    assert [a.label for a in (*found.others, *found.by_text.values())] == ["b", "a", "c"]
    assert called(tmp_path).by_text["one"].label == "c"


def test_an_own_time_counts_more_than_that_of_the_file(tmp_path):
    found = called(tmp_path, ("labels (1).csv", [row(5, "new", at(9), "ann")]),
                   ("labels.csv", [row(5, "old", at(8), "bob")]))
    assert found.by_text["one"].label == "new" and len(found.conflicts) == 1


def test_an_edit_counts_though_the_clock_of_the_page_was_ahead(tmp_path):
    ahead = "2100-01-01T00:00:00.000Z"
    called(tmp_path, ("labels.csv", [row(5, "a", ahead)]))
    found = called(tmp_path, ("labels.csv", [row(5, "b", ahead)]))
    assert found.by_text["one"].label == "b" and found.others == []
    called(tmp_path, ("labels.csv", [row(5, "", found.kept()[0][-1])]))
    found = called(tmp_path, ("labels.csv", [row(5, "a", ahead), row(6, "x", at(1), text="two")]))
    assert "one" not in found.by_text and [a.label for a in found.stale] == ["a"]
    taken = read_csv(tmp_path / "backup" / "taken.csv")
    assert sorted(r["label"] for r in taken) == ["a", "b"]


def test_one_of_two_answers_is_emptied_as_the_warning_says(tmp_path):
    two = [row(5, "a", at(1)), row(5, "b", at(2))]
    assert len(called(tmp_path, ("labels.csv", two)).conflicts) == 1
    found = called(tmp_path, ("labels.csv", [two[0], row(5, "", at(2))]))
    assert found.by_text["one"].label == "a" and not found.others and not found.kept_by_others
    found = called(tmp_path, ("labels (1).csv", two))  # a page passes both on
    assert found.by_text["one"].label == "a" and not found.others


def test_a_page_that_lacks_a_second_answer_loses_none(tmp_path):
    one = row(5, "a", at(1))
    called(tmp_path, ("labels.csv", [one, row(5, "b", at(2))]))
    for rows in ([one], [one[:-1]]):  # with times, and of an earlier version
        found = called(tmp_path, ("labels.csv", rows))
        assert found.by_text["one"].label == "b" and len(found.restored) == 1


def test_an_answer_undone_before_any_call_and_typed_again(tmp_path):
    found = called(tmp_path, ("labels (1).csv", [row(5, "", at(1), reviewed="z")]))
    found = called(tmp_path, ("labels.csv", [row(5, "a", at(1), reviewed="z")]))
    assert not found.given  # the older file came later
    found = called(tmp_path, ("labels.csv", [row(5, "a", at(3), reviewed="z")]))
    assert found.by_text["one"].label == "a"


def test_a_text_that_was_changed_has_the_last_answer_of_its_row_before(tmp_path):
    text = "a text of seven words and no more of them"
    called(tmp_path, ("labels.csv", [row(2, "a", at(1), text=text), row(9, "b", at(2), text=text)]))
    write_csv(tmp_path / "my.csv", ["text", "label"],
              [[text.replace("seven", "eight"), ""], ["other", "b"]])
    assert read_table(tmp_path / "my.csv", folder=tmp_path)["train"][1][0] == "b"


@pytest.mark.parametrize("text", [
    "", "5", "28.11.26 14:41", "2026-11-28", "2026-11-28T14:41:06Z", "1.76434E+12", "x",
    "2026-13-28T14:41:06.123Z", "9999-11-28T14:41:06.123Z"])
def test_a_time_that_a_spreadsheet_has_changed_is_none(text):
    assert moment(text) == 0


def test_a_time_is_read_as_it_was_written():
    for ms in (0, 1, 999, 1_764_340_866_123, 4_000_000_000_001):
        assert moment(written(ms)) == ms
    assert written(1_764_340_866_123) == "2025-11-28T14:41:06.123Z"
