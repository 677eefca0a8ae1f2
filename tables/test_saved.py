"""What people and spreadsheets save is read as it was meant, and nothing else is made of it."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from plumbing.files import InputError, note, read_csv, write_csv
from tables.answers import COLUMNS, Answer, Answers, read_answers
from tables.own_table import read_rows, with_answers
from tables.records import records
from test_cal import cal_main

LISTED = ["row", "text", "label", "model", "wrong", "why", "checked"]
ENDS = "\r", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\t"


@pytest.mark.parametrize("end", ENDS)
def test_a_cell_with_any_end_of_a_line_is_read_as_it_was_written(end, tmp_path):
    rows = [["2", f"one{end}line", f"a{end}b"], ["3", f"{end}", "b"], ["4", "two", f"c{end}"]]
    write_csv(tmp_path / "t.csv", ["row", "text", "label"], rows)
    assert [list(row.values()) for row in read_csv(tmp_path / "t.csv")] == rows
    said = [cells for _, cells in records(tmp_path / "t.csv")][1:]
    assert [[cell.removeprefix("'") for cell in cells] for cells in said] == rows
    write_csv(tmp_path / "labels.csv", COLUMNS, [[2, f"one{end}line", f"a{end}b", "", "", "", 1]])
    assert [a.label for a in read_answers(tmp_path).by_text.values()] == [f"a{end}b"]


@pytest.mark.parametrize(("delimiter", "encoding"), [
    (",", "utf-8"), (";", "utf-8-sig"), (";", "cp1252"), ("\t", "utf-16"), (",", "utf-16")])
def test_relabel_csv_is_read_as_any_spreadsheet_saves_it(delimiter, encoding, tmp_path):
    with open(tmp_path / "relabel.csv", "w", encoding=encoding, newline="") as f:
        csv.writer(f, delimiter=delimiter).writerows([
            LISTED, [2, "one, or café", "a", "b", "0.9", "it disagrees", "b"],
            [3, "two; or three", "a", "b", "0.8", "it disagrees", ""]])
    found = read_answers(tmp_path).by_text
    assert [(a.row, a.label, a.reviewed) for a in found.values()] == [(2, "b", "a")]


@pytest.mark.parametrize("header", [
    [*LISTED[:-1], "checked label"], ["a", "b"], ["text", "checked"],
    ["row", "text", "label", "x"]])
def test_a_relabel_csv_without_its_columns_is_refused(header, tmp_path):
    (tmp_path / "relabel.csv").write_text(
        ",".join(header) + "\n" + ",".join(["1"] * len(header)) + "\n")
    with pytest.raises(InputError, match="relabel.csv"):
        read_answers(tmp_path)


def test_empty_cells_that_a_tool_cuts_off_are_no_answers(tmp_path):
    (tmp_path / "next_batch.csv").write_text(
        "row,text,how,batch,label\n2,one,random\n3,two,m,1,b\n")
    found = read_answers(tmp_path).by_text
    assert [(a.text, a.label, a.how) for a in found.values()] == [("one", "", "random"),
                                                                  ("two", "b", "m")]


def test_a_question_is_answered_by_the_row_that_was_asked_for_or_by_all_its_copies():
    asked = Answer(9, "same", "", "random", file="next_batch.csv")

    def label(rows):
        found = Answers()
        found.add(Answer(**{**vars(asked), "label": ""}))
        found.complete(SimpleNamespace(
            texts=["same"] * len(rows), row_numbers=np.array([n for n, _ in rows]),
            y=np.array([c for _, c in rows]), classes=["A", "B"]))
        return found.by_text["same"].label

    assert label([(2, 0), (3, 1), (9, -1)]) == ""  # nobody has answered
    assert label([(2, 0), (3, 1), (9, 1)]) == "B"
    assert label([(2, 1), (3, 1), (9, -1)]) == "B"
    asked.file = "labels.csv"  # an emptied cell there takes a label back and asks nothing
    assert label([(2, 1), (3, 1), (9, -1)]) == ""


def test_a_checked_label_that_is_taken_back_leaves_the_table_s_own(tmp_path):
    rows = [(0, 2, "one", "DESC"), (1, 3, "two", "")]
    write_csv(tmp_path / "labels.csv", COLUMNS, [[2, "one", "", "random", "", "DESC", 1]])
    found = read_answers(tmp_path)
    assert [label for *_, label in with_answers("t.csv", rows, found)] == ["DESC", ""]
    assert not found.given and not any(a.reviewed for a in found.by_text.values())
    write_csv(tmp_path / "labels.csv", COLUMNS, [[2, "one", "NUM", "random", "", "DESC", 1]])
    assert [row[3] for row in with_answers("t.csv", rows, read_answers(tmp_path))] == ["NUM", ""]


def test_one_column_is_not_both_texts_and_labels(tmp_path):
    write_csv(tmp_path / "t.csv", ["text", "label"], [["one", ""]])
    with pytest.raises(InputError, match="'text' is the column of texts and that of labels"):
        read_rows(tmp_path / "t.csv", "text", "TEXT")


def test_a_remark_is_one_line(capsys):
    note("note: a\nb.csv\x1b[2J")
    assert capsys.readouterr().err == "note: a\\nb.csv\\x1b[2J\n"


@pytest.mark.parametrize(("name", "code"), [("a" * 230, 0), ("文" * 79, 0), ("a" * 248, 2)])
def test_a_name_that_is_too_long_asks_for_a_shorter_one(name, code, tmp_path, capsys):
    path = tmp_path / f"{name}.csv"  # the results folder's name has eleven more
    path.write_text("text,label\n" + "".join(
        f"text {i} of {'ab'[i % 2] * 3},{'ab'[i % 2] if i < 30 else ''}\n" for i in range(60)))
    assert cal_main("--dataset", path, "--out", tmp_path / "out") == code
    said = capsys.readouterr().err
    assert ("shorter name\n" in said) == bool(code) and "continues" not in said


@pytest.mark.parametrize(("values", "message"), [
    (["--accept", "1.5"], "1.5 is not in [0, 1]\n"), (["--accept", "x"], "give one in [0, 1]\n"),
    (["--t-cor", "1"], "1 is not in [0, 1), from 0 to below 1\n"),
    (["--annotator", "ann", "Ann"], "'ann' and 'Ann' differ in case or punctuation alone; give"),
    (["--annotator", "ann", " ann"], "'ann' is there twice; give each person another one")])
def test_values_of_options_are_refused_in_words_that_are_true(values, message, tmp_path, capsys):
    write_csv(tmp_path / "t.csv", ["text", "label"], [[f"text {i}", ""] for i in range(60)])
    try:
        assert cal_main("--dataset", tmp_path / "t.csv", "--out", tmp_path / "out", *values) == 2
    except SystemExit as e:
        assert e.code == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()
