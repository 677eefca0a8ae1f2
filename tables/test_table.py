"""Your own table: reading it, simulating on it, the next batch to label."""

import csv
import json

import numpy as np
import pytest
import torch

import data
from labelling import next_batch
from plumbing.files import write_csv
from tables.own_table import read_table
from tables.records import records
from test_cal import best_rows, cal_main, read_csv, run_cal, run_files, table, view_of


@pytest.mark.parametrize("name, encoding", [("my.csv", "utf-8"), ("my.csv", "utf-8-sig"),
                                            ("my.tsv", "utf-8")])
def test_a_table_is_split_by_class_and_keeps_its_row_numbers(table, name, encoding):
    write, rows = table
    rows[7] = (7, 'a "quoted", text\nof two lines é', "a")
    d = data.load(str(write(rows, name, encoding=encoding)), vectors="hash")
    assert d.classes == ["a", "b", "c"] and len(d.y) == 48 and np.bincount(d.y_test).max() == 4
    numbers = {text: number for number, (_, text, _) in enumerate(rows, 2)}
    assert d.row_numbers.tolist() == [numbers[text] for text in d.texts]
    label = {text: c for _, text, c in rows}
    assert [d.classes[c] for c in d.y] == [label[text] for text in d.texts]
    both = [*d.texts, *(t for t in label if t not in set(d.texts))]
    assert sorted(both) == sorted(label) and len(d.x_test) == 12


def test_a_simulation_s_seed_set_and_batches_grow_with_the_table(tmp_path):
    for N, seed_size, picks in ((900, 36, 15), (100, 20, 2), (5_000, 200, 50), (60, 20, 1)):
        write_csv(tmp_path / "t.csv", ["text", "label"], [[f"t{i}", "ab"[i % 2]] for i in range(N)])
        raw = read_table(tmp_path / "t.csv", stratified=data.seed_set)
        assert len(raw["train"][0]) == N * 4 // 5  # a twentieth of them, but ten of each class
        assert (raw["seed_size"], raw["picks"]) == (seed_size, picks)


def test_other_columns_a_test_file_and_missing_labels(table, tmp_path, capsys):
    write, rows = table
    rows[3] = (3, "", "a")
    path = write(rows, header=("id", "body", "topic"))
    test = write(rows[:5], "test.csv", header=("id", "body", "topic"))
    names = {"text_column": "body", "label_column": "topic"}
    d = data.load(str(path), vectors="hash", test=str(test), **names)
    assert (len(d.y), len(d.y_test)) == (59, 4)
    assert "skipped 1 row without a text" in capsys.readouterr().err
    rows[10:20] = [(i, text, "") for i, text, _ in rows[10:20]]
    path = write(rows, header=("id", "body", "topic"))
    write_csv(tmp_path / "labels.csv", ["row", "text", "label"], [[14, rows[12][1], "b"]])
    d = data.load(str(path), vectors="hash", folder=tmp_path, **names)
    assert (d.y == -1).sum() == 9 and d.classes[d.y[d.row_numbers == 14][0]] == "b"


def answered(tmp_path, path, *lines):
    """The table's labels by text, after these rows, texts and labels have been filled in."""
    write_csv(tmp_path / "labels.csv", ["row", "text", "label"], lines)
    d = data.load(str(path), vectors="hash", folder=tmp_path)
    return {text: d.classes[c] if c >= 0 else "" for text, c in zip(d.texts, d.y)}, d


def test_answers_follow_their_texts(table, tmp_path, capsys):
    write, rows = table
    rows = [(i, text, c if i < 15 else "") for i, text, c in rows]
    first, moved, copy = rows[50][1], rows[55][1], rows[58][1]
    rows.insert(53, rows.pop(55))  # moved up since it was asked for
    rows[59] = (99, f"  {copy.upper()}\t", "")  # a copy with another case and white space
    rows[50], mended = (50, first.replace("kind", "kinds"), ""), first.replace("kind", "kinds")
    path = write(rows)
    labels, d = answered(tmp_path, path, (52, first, "a"), (57, moved, "b"), (60, copy, "c"),
                         (58, "a text that is gone", "b"))
    assert (labels[moved], labels[copy], labels[copy.upper()], labels[mended]) == (*"bcc", "a")
    assert sum(c == "" for c in labels.values()) == 15 - 4
    assert "not used: 1 label of texts" in capsys.readouterr().err


def test_copies_share_the_label_that_stands_in_the_file(table, tmp_path):
    write, rows = table
    rows = [(i, text, c if i < 15 else "") for i, text, c in rows]
    rows[50] = (50, rows[0][1].upper(), "")
    rows[51], rows[52], rows[1] = (51, rows[1][1], "a"), (52, rows[1][1], ""), (1, rows[1][1], "b")
    labels, d = answered(tmp_path, write(rows))
    assert labels[rows[0][1].upper()] == "a"
    assert d.y[d.row_numbers == 54] == -1  # the copies of row 3 differ: it has no label


def test_skipped_rows_are_known(table, tmp_path):
    write, rows = table
    rows[4], rows[9] = (4, rows[4][1], "-"), (9, rows[9][1], "")
    d = data.load(str(write(rows)), vectors="hash")
    assert (d.kind == "skipped").nonzero()[0].tolist() == [4]
    assert d.classes == ["a", "b", "c"] and d.y[4] == -1


def test_labels_that_look_like_slips_are_named(table, capsys):
    write, rows = table
    rows[0], rows[1] = (0, rows[0][1], "A"), (1, rows[1][1], "a;b")
    rows[2] = (2, rows[2][1], "")
    data.load(str(write(rows)), vectors="hash")
    error = capsys.readouterr().err
    assert "look alike but count as different classes: 'A' (1), 'a' (19)" in error
    assert "labels that occur only once (a typing error?): 'A', 'a;b'" in error
    assert "'a;b' looks like several labels in one" in error


@pytest.mark.parametrize("name, content", [
    ("t.jsonl", '{{"id": 1, "Text": "{0}", "LABEL": "a"}}\n\n{{"Text": "{1}"}}\n'
                '{{"Text": "{2}", "LABEL": 7, "more": [1]}}\n'),
    ("t.csv", "id;Text;LABEL\n1;{0};a\n\n2;{1};\n3;{2};7\n"),
    ("t.tsv", "id\tText\tLABEL\n1\t{0}\ta\n\n2\t{1}\t\n3\t{2}\t7\n"),
])
def test_formats_and_headers_in_any_case(tmp_path, name, content):
    texts = ["one é", "two, three", "four"]
    (tmp_path / name).write_text(content.format(*texts), encoding="utf-8")
    d = data.load(str(tmp_path / name), vectors="hash")
    assert d.texts == texts and [d.classes[c] if c >= 0 else "" for c in d.y] == ["a", "", "7"]
    assert d.row_numbers.tolist() == ([1, 3, 4] if name == "t.jsonl" else [2, 4, 5])


@pytest.mark.parametrize("content, message", [
    ("", "t.jsonl is empty"), ("\n\n", "t.jsonl is empty"),
    ("[1, 2]\n", "line 1: this is not a JSON object"),
    ('{"text": "a", "label": "b"}\n{"text": ', "line 2: this is not JSON ("),
    ("[" * 100_000, "line 1: this is not JSON ("), ('{"body": "a"}\n', "no row with a text"),
])
def test_bad_json_lines_get_one_sentence(tmp_path, content, message):
    (tmp_path / "t.jsonl").write_text(content)
    with pytest.raises(data.InputError) as e:
        data.load(str(tmp_path / "t.jsonl"), vectors="hash")
    assert message in str(e.value) and "\n" not in str(e.value) and len(str(e.value)) < 500


def test_duplicate_texts_with_other_labels_are_counted(table, capsys):
    write, rows = table
    rows[5] = (5, rows[0][1], "b")
    data.load(str(write(rows)), vectors="hash")
    assert "different labels for copies of 1 text, the first in rows 2 and 7" in (
        capsys.readouterr().err)


@pytest.mark.parametrize("spoil, message", [
    (lambda b: b"", "my.csv is empty"),
    (lambda b: b.splitlines(True)[0], "no row with a text"),
    (lambda b: b.replace(b"label", b"topic", 1), "no column 'label'; its columns are 'id', 'text'"),
    (lambda b: b.replace(b"of the b", b"of the \x81 b", 1), "line 3: it cannot be read as cp1252"),
    (lambda b: "\ufeff".encode("utf-16-le") + b[:7], "it cannot be read as utf-16"),
    (lambda b: b + b'9,"open,a\n', "row 62: a quote is opened but not closed"),
    (lambda b: b + b'9,"open,a\n' * 2, "row 62: ',' expected after"),
    (lambda b: b + b'9,"open,a\n' + b"x" * 140_000, "row 62: a quote is opened but not closed"),
    (lambda b: b + b'9,"quoted" more,a\n', "row 62: ',' expected after"),
    (lambda b: b + b"9,one, two,a\n", "row 62: 4 values for 3 columns"),
    (lambda b: b.replace(b",b\r", b",a\r").replace(b",c\r", b",a\r"), "every label is 'a'"),
    (lambda b: b.replace(b"label", b"text", 1), "2 columns 'text'"),
    (lambda b: b.replace(b"id,", b"Label,", 1).replace(b"label", b"LABEL", 1),
     "2 columns 'label'"),
    (lambda b: b + b"9,a text,d\n", "row 62: no other row has the label 'd'"),
    (lambda b: b + b"9,a text,d\n8,a word,e\n7,a line,f\n",
     "row 62: no other row has the label 'd', and 2 more rows are alone with theirs"),
])
def test_bad_tables_get_one_sentence(table, spoil, message):
    write, rows = table
    path = write(rows)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(data.InputError) as e:
        data.load(str(path), vectors="hash")
    assert message in str(e.value) and "my.csv" in str(e.value) and "\n" not in str(e.value)


@pytest.mark.parametrize("rows, texts", [
    (['"an open one', 'said "twice"', '"one", he said', 'an end"', "6' 2\""], None),  # as in GLUE
    (['"a whole one"', '"a ""second"" one"', "plain"], ["a whole one", 'a "second" one', "plain"]),
    (['"two\nlines"', "plain", "more"], ["two\nlines", "plain", "more"]),
    (['"a tab\tin it"', '"whole"', "more"], ["a tab\tin it", "whole", "more"]),
])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quotes_in_a_table_with_tabs(tmp_path, rows, texts, end):
    """A reader of cells in quotes would make one text of the open quote and the lines below it."""
    lines = ["id\ttext\tlabel", *(f"{i}\t{row}\ta" for i, row in enumerate(rows))]
    (tmp_path / "t.tsv").write_text(end.join(lines) + end, encoding="utf-8", newline="")
    found = [row for _, row in records(tmp_path / "t.tsv", ("text", "label"))]
    assert found[1:] == [[str(i), text, "a"] for i, text in enumerate(texts or rows)]


def test_one_column_of_texts_of_several_lines(tmp_path):
    (tmp_path / "t.tsv").write_text('text\n"two\nlines"\n"three\nmore\nlines"\n')
    assert [row[0] for _, row in records(tmp_path / "t.tsv", ("text", "label"))] == [
        "text", "two\nlines", "three\nmore\nlines"]


def test_a_quote_that_is_missing_in_one_row_alone_is_refused(tmp_path):
    lines = ["text\tlabel", *(f'"text {i}"\ta' for i in range(5)), '"open\ta']
    (tmp_path / "t.tsv").write_text("\n".join(lines) + "\n")
    with pytest.raises(data.InputError, match="row 7: a quote is opened but not closed"):
        list(records(tmp_path / "t.tsv", ("text", "label")))


def test_other_things_than_tables(table, tmp_path):
    write, rows = table
    (tmp_path / "folder.csv").mkdir()
    test = write([(1, "a text", "")], "test.csv")
    for name, options, message in (
            (tmp_path / "nope.csv", {}, "no file"), (tmp_path / "folder.csv", {}, "a directory"),
            (tmp_path, {}, "is a directory"), (tmp_path / "x.npy", {}, "or give a .csv"),
            (write(rows), {"test": str(test)}, "test.csv, row 2: this row has no label")):
        with pytest.raises(data.InputError, match=message):
            data.load(str(name), vectors="hash", **options)


def test_a_header_without_end_is_quoted_shortly(table, capsys):
    write, rows = table
    path = write(rows, header=("id", "body", "topic" * 20_000))
    assert cal_main("--dataset", path) == 2
    error = capsys.readouterr().err
    assert "no column 'text'; its columns are 'id', 'body', 'topic" in error and len(error) < 400


def test_a_table_called_dollars(table, tmp_path):
    write, rows = table
    path = write(rows, "$^$.csv")
    assert cal_main("--dataset", path, "--out", tmp_path / "out", "--vectors", "hash", "--seeds", 1,
                    "--strategies", "random", "--epochs", 1, "--jobs", 1, "--rounds", 1) == 0
    assert (tmp_path / "out" / "$^$.csv-paper-hash" / "fig3_accuracy.png").stat().st_size > 0


def test_a_simulation_on_a_table(table, tmp_path, capsys):
    write, rows = table
    path = write(rows)
    arguments = ["--dataset", path, "--out", tmp_path / "out", "--vectors", "hash",
                 "--seeds", 1, 2, "--epochs", 2, "--jobs", 1]
    assert cal_main(*arguments, "--seed-size", 12, "--batch", 6, "--rounds", 2) == 0
    names = {name.rpartition("-")[0] for name in run_files(tmp_path / "out")}
    assert names == {"random", "lc", "margin", "cal", "full"}  # DAL takes most of the time
    lines = run_files(tmp_path / "out")["cal-1.jsonl"]
    assert [x["labelled"] for x in lines] == [12, 18, 24]
    assert "final accuracy" in capsys.readouterr().out
    folder = tmp_path / "out" / "my.csv-paper-hash"
    report = (folder / "report.md").read_text()
    assert "## Would active learning have helped?" in report and len(report.splitlines()) < 100
    assert "(t_cor" not in report
    for other in ("claim", "Table 2", "Table 4", "Data efficiency"):
        assert other not in report
    arguments += ["--fresh", "--seeds", 1, "--strategies", "cal", "random"]
    assert cal_main(*arguments) == 0
    lines = run_files(tmp_path / "out")["cal-1.jsonl"]  # sizes from the file: 48 texts
    assert [x["labelled"] for x in lines] == list(range(30, 49))
    assert cal_main(*arguments, "--rounds", 1, "--everything") == 0
    assert "## Table 4" in (folder / "report.md").read_text()
    assert {p.name for p in tmp_path.iterdir()} == {"my.csv", "out"}  # no other file is written


def test_today_s_matrix_given_back_picks_the_same(table, tmp_path):
    write, rows = table
    path = write([(i, text, c if i < 15 else "") for i, text, c in rows])
    arguments = ["--dataset", path, "--out", tmp_path / "out", "--seeds", 1, "--epochs", 3]
    assert cal_main(*arguments) == 0
    (kept,) = (tmp_path / "out" / "cache").glob("*.npy")
    assert cal_main(*arguments, "--vectors", kept) == 0
    a, b = (folder / "next_batch.csv" for folder in (tmp_path / "out").glob("my.csv-*"))
    assert a.read_bytes() == b.read_bytes()
