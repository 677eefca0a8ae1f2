"""Labels and texts that are not what they seem, copies, and what is edited while a command runs."""

import json

import numpy as np
import pytest

import data
from plumbing.files import InputError, write_csv
from tables import answers, labels, remarks
from tables.own_table import read_table
from tables.records import records
from test_cal import cal_main, read_csv, table


def lines_of(tmp_path, *objects):
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(o if isinstance(o, str) else json.dumps(o) for o in objects))
    return path


def read(path):
    """[(text, label)] of a table's training rows; every label is missing or one is."""
    return list(zip(*read_table(path)["train"]))


def test_json_labels_are_texts_numbers_or_lists_of_one(tmp_path):
    path = lines_of(tmp_path, {"text": "one", "label": ["a"]}, {"text": "two", "label": []},
                    '{"text": "three", "label": NaN}', {"text": "four", "label": None},
                    {"text": "five", "label": 2}, {"text": "six", "label": True})
    assert read(path) == [("one", "a"), ("two", ""), ("three", ""), ("four", ""), ("five", "2"),
                          ("six", "true")]


@pytest.mark.parametrize(("line", "message"), [
    ({"text": "b", "label": ["a", "b"]}, "line 2: its 'label' is [\"a\", \"b\"]; give one text"),
    ({"text": "b", "label": {"x": 1}}, "line 2: its 'label' is {\"x\": 1}"),
    ({"text": 7, "label": "a"}, "line 2: its 'text' is 7; give a text in quotes"),
    ({"text": ["a", "b"], "label": "a"}, "line 2: its 'text' is"),
])
def test_other_json_values_are_one_sentence(tmp_path, line, message):
    with pytest.raises(InputError) as e:
        read(lines_of(tmp_path, {"text": "a", "label": "a"}, line))
    assert message in str(e.value)


def test_a_json_name_that_comes_late_is_a_column(tmp_path):
    """labelled.csv is the whole table, whatever its first line lacks."""
    found = dict(records(lines_of(
        tmp_path, {"text": "one"}, "", {"id": 7, "text": "two", "LABEL": "a"},
        {"Text": "three", "LABEL": "b", "more": [1]}), ("text", "label")))
    assert found == {0: ["text", "id", "label", "more"], 1: ["one", "", "", ""], 2: [],
                     3: ["two", "7", "a", ""], 4: ["three", "", "b", "[1]"]}


def test_two_spellings_of_a_json_name(tmp_path):
    """The exact one counts, and the other one beside it is a column of its own."""
    path = lines_of(tmp_path, {"Text": "mine", "text": "one", "label": "a"},
                    {"TEXT": "two", "Label": "b"})
    found = dict(records(path, ("text", "label")))
    assert found == {0: ["Text", "text", "label"], 1: ["mine", "one", "a"], 2: ["", "two", "b"]}
    own = dict(records(path, ("Text", "text")))  # both are wanted, so neither is the other's
    assert own[0] == ["Text", "text", "label", "Label"] and own[1] == ["mine", "one", "a", ""]
    path = lines_of(tmp_path, {"text": "one"}, {"Text": "two", "TEXT": "three"})
    with pytest.raises(InputError, match="line 2: both 'Text' and 'TEXT' could be its 'text'"):
        dict(records(path, ("text", "label")))


def test_a_json_file_with_data_as_names_is_refused(tmp_path):
    path = lines_of(tmp_path, *({"text": f"t{i}", f"user {i}": 1} for i in range(1_200)))
    with pytest.raises(InputError, match="has 1,201 different names in its objects"):
        next(records(path, ("text", "label")))


@pytest.mark.parametrize(("header", "options", "advice"), [
    (["id", "text"], (), "; add an empty column 'label', or name the column of labels with"),
    (["id", "body", "label"], (), "; name the column of texts with --text-column"),
    (["text", "label", "id"], ("--show", "url"), "; name some of them with --show"),
])
def test_a_column_that_is_not_there_gets_its_own_advice(tmp_path, capsys, header, options, advice):
    """Nothing is written, also where the column is only to be shown."""
    rows = [[f"text {i}", "ab"[i % 2] if i else "", i][: len(header)] for i in range(30)]
    write_csv(tmp_path / "t.csv", header, rows)
    assert cal_main("--dataset", tmp_path / "t.csv", "--vectors", "hash", "--out", tmp_path / "out",
                    *options) == 2
    error = capsys.readouterr().err
    assert advice in error and error.count("\n") == 1
    assert not list((tmp_path / "out").glob("t.csv*"))


def test_half_a_surrogate_pair_becomes_a_replacement_character(tmp_path):
    path = lines_of(tmp_path, '{"text": "half \\ud83d here", "label": "a\\udc00"}',
                    '{"text": "whole \\ud83d\\ude00", "label": ""}')
    assert read(path) == [("half \ufffd here", "a\ufffd"), ("whole 😀", "")]


@pytest.mark.parametrize("content", [
    "sep=;\r\ntext;label\r\na, b;x\r\nc;\r\n", "\ufeff\ufefftext,label\n\"a, b\",x\nc,\n",
    "sep=|\ntext|label\na, b|x\nc|\n"])
def test_excel_s_first_line_and_a_second_byte_order_mark(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content.encode())
    assert read(tmp_path / "t.csv") == [("a, b", "x"), ("c", "")]
    assert [number for number, _ in records(tmp_path / "t.csv", ("text", "label"))] == [1, 2, 3]


def test_a_column_of_texts_alone_has_no_label_yet(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("Text\n" + "".join(f"text {i} here\n" for i in range(30)))
    assert {label for _, label in read(tmp_path / "t.csv")} == {""}
    assert cal_main("--dataset", tmp_path / "t.csv", "--out", tmp_path, "--batch", 5, "--vectors",
                    "hash") == 0
    assert "0 texts with a label and 30 without" in capsys.readouterr().out
    (folder,) = tmp_path.glob("t.csv-*")
    assert len(read_csv(folder / "next_batch.csv")) == 5
    assert read_csv(folder / "labelled.csv")[0] == {"Text": "text 0 here", "label": "",
                                                    "source": ""}
    (tmp_path / "t.csv").write_text("text,topic\na,b\n")
    with pytest.raises(InputError, match="no column 'label'"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize("same", [
    ("Café", "Cafe\u0301"), ("b", "b\u200b"), ("1", "01"), ("1", "1.0"), ("1,5", "1.50"),
    ("True", "true"), ("not ok", "not  OK"), ("a", "\u0430")])
def test_labels_that_look_alike_are_named_with_their_counts(same, capsys):
    labels.warn_of_labels("t.csv", [same[0]] * 30 + [same[1]] * 3 + ["other"] * 5)
    error = capsys.readouterr().err
    assert "look alike" in error and "(30)" in error and "(3)" in error and "(5)" not in error


@pytest.mark.parametrize("pair", [("1", "10"), ("1.5", "15"), ("a", "b"),
                                  ("1", "-1"), ("no", "not")])
def test_labels_that_differ_are_not(pair, capsys):
    labels.warn_of_labels("t.csv", [pair[0]] * 5 + [pair[1]] * 5)
    assert "look alike" not in capsys.readouterr().err


def test_the_test_file_s_labels_and_words_for_no_label(capsys):
    labels.warn_of_labels("t.csv", ["yes"] * 5 + ["n/a"] * 4 + ["no"] * 5, ["Yes", "no"])
    error = capsys.readouterr().err
    assert "'Yes' (1), 'yes' (5)" in error and "4 rows with the label 'n/a'" in error


def test_a_label_of_any_length_is_quoted_shortly(capsys):
    labels.warn_of_labels("t.csv", ["x" * 100_000] + ["y"] * 3 + [f"c{i}" for i in range(300)])
    error = capsys.readouterr().err
    assert max(map(len, error.splitlines())) < 600 and "and 293 more" in error
    assert "(100,000 characters)" in labels.named("x" * 100_000)


def test_a_dash_as_a_class_is_said_and_no_batch_of_nothing_is_asked_for(tmp_path, capsys):
    write_csv(tmp_path / "t.csv", ["text", "label"],
              [[f"text {i} of {i % 7}", "-+"[i % 2]] for i in range(60)])
    assert cal_main("--dataset", tmp_path / "t.csv", "--out", tmp_path, "--vectors", "hash") == 0
    out, error = capsys.readouterr()
    assert "30 rows with the label '-'" in error and "no text to ask for" in out
    assert "Label 0" not in out


# ---- copies -------------------------------------------------------------------------------------


def rows_with_copies(n=25, copies=6):
    """Texts of words at random, whose labels are coin tosses; each stands in several rows."""
    random = np.random.default_rng(0)
    texts = [" ".join(f"w{w}" for w in random.integers(0, 300, 8)) for _ in range(n)]
    tosses = ["ab"[toss] for toss in random.integers(0, 2, n)]
    return [[f"{text.upper() if c % 2 else text}{'.' * (c % 3)}", label]
            for c in range(copies) for text, label in zip(texts, tosses)]


def test_a_simulation_tests_on_no_copy_of_a_training_text(tmp_path, capsys):
    write_csv(tmp_path / "t.csv", ["text", "label"], rows_with_copies())
    d = data.load(str(tmp_path / "t.csv"), vectors="hash")
    error = capsys.readouterr().err
    assert (len(d.y), len(d.y_test)) == (120, 5) and "150 rows hold 25 different texts" in error
    bare = lambda text: text.lower().strip(".")
    tested = {bare(text) for text, _ in rows_with_copies()} - {bare(text) for text in d.texts}
    assert len(tested) == 5
    copies_side_by_side = sorted(rows_with_copies(), key=lambda row: bare(row[0]))
    write_csv(tmp_path / "t.csv", ["text", "label"], copies_side_by_side)
    raw = read_table(tmp_path / "t.csv", stratified=data.seed_set)
    known, own = ({bare(text): label for text, label in zip(*raw[name])}
                  for name in ("train", "test"))
    assert not known.keys() & own.keys() and len(own) == 5 == len(raw["test"][0])
    assert {**known, **own} == {bare(text): label for text, label in rows_with_copies()}


def test_a_test_file_that_shares_texts_is_warned_of(table, capsys):
    write, rows = table
    other = [(i, f"new {text}", c) for i, text, c in rows[:6]]
    path = write(rows)
    data.load(str(path), vectors="hash", test=str(write([*other, *rows[3:5]], "test.csv")))
    assert "2 texts of" in capsys.readouterr().err
    data.load(str(path), vectors="hash", test=str(write(other, "test.csv")))
    assert "also in" not in capsys.readouterr().err


# ---- answers ------------------------------------------------------------------------------------


def test_row_and_batch_are_read_as_a_spreadsheet_writes_them(tmp_path):
    write_csv(tmp_path / "labels.csv", ["row", "text", "label", "batch"],
              [["12.0", "one", "a", "3.0"], ["", "two", "b", "x"]])
    found = answers.read_answers(tmp_path).by_text
    assert {(a.text, a.row, a.batch) for a in found.values()} == {("one", 12, 3), ("two", 0, 0)}


def test_a_label_that_was_looked_at_again_counts_more_than_the_table_s(tmp_path, capsys):
    write_csv(tmp_path / "t.csv", ["text", "label"], [["one", "x"], ["two", "x"], ["three", ""]])
    write_csv(tmp_path / "labels.csv", ["row", "text", "label", "reviewed"],
              [[2, "one", "a", "x"], [3, "two", "a", ""]])
    assert read_table(tmp_path / "t.csv", folder=tmp_path)["train"] == (
        ["one", "two", "three"], ["a", "x", ""])
    assert "1 row of the table with another label than the answers" in capsys.readouterr().err


def test_a_long_text_that_was_mended_is_found_at_once():
    text = " ".join(f"word{i % 997}" for i in range(5_000))
    mended = text.replace("word3 ", "WORD3 ").replace("word500", "word501")
    assert 0.95 < answers.alike(text, mended) < 1 and answers.alike(text, text) == 1
    assert answers.alike(text, " ".join(f"other{i % 991}" for i in range(5_000))) < 0.8
    assert answers.alike("", "") == 1 and answers.alike("a", "") == 0


def test_two_people_s_answers_are_both_kept_and_the_later_counts(tmp_path, capsys):
    write_csv(tmp_path / "labels.csv", ["row", "text", "label"], [[2, "one", "a"], [3, "two", "b"]])
    write_csv(tmp_path / "next_batch.csv", ["row", "text", "label"], [[2, "one", "c"]])
    found = answers.read_answers(tmp_path)
    assert found.by_text["one"].label == "c"
    answers.keep_answers(tmp_path, found)
    assert [(r["text"], r["label"]) for r in read_csv(tmp_path / "labels.csv")] == [
        ("one", "a"), ("one", "c"), ("two", "b")]
    remarks.warn_of_answers(tmp_path, found, [(0, 2, "one", "")])
    assert "'a' in labels.csv, 'c' in next_batch.csv" in capsys.readouterr().err


def test_what_is_saved_while_the_command_runs_is_kept(tmp_path, capsys):
    header, batch = ["row", "text", "label"], tmp_path / "next_batch.csv"
    write_csv(batch, header, [[2, "one", "a"], [3, "two", ""]])
    before = answers.read_answers(tmp_path)
    answers.keep_answers(tmp_path, before)
    write_csv(batch, header, [[2, "one", "a"], [3, "two", "b"]])
    write_csv(tmp_path / "labels (1).csv", header, [[4, "three", "c"]])
    answers.saved_since(tmp_path, before)
    assert "2 labels saved while" in capsys.readouterr().err
    kept = {r["text"]: r["label"] for r in read_csv(tmp_path / "labels.csv")}
    assert kept == {"one": "a", "two": "b", "three": "c"}
    answers.saved_since(tmp_path, answers.read_answers(tmp_path))
    assert capsys.readouterr().err == ""


# ---- how, who, reviewed -------------------------------------------------------------------------


def saved(folder, name, *rows):
    """Write rows of labels.csv's columns; returns the Answers in the folder."""
    write_csv(folder / name, answers.COLUMNS, rows)
    return answers.read_answers(folder)


def test_what_is_looked_at_again_keeps_how_it_was_chosen(tmp_path):
    saved(tmp_path, "labels.csv", [2, "one", "a", "random", "ann", "", 1],
          [3, "two", "b", "margin", "bob", "", 1])
    found = saved(tmp_path, "labels (1).csv", [2, "one", "c", "", "bob", "a", ""],
                  [4, "four", "d", "", "", "d", ""])
    one = found.by_text["one"]
    assert (one.label, one.how, one.who, one.reviewed, one.batch) == ("c", "random", "bob", "a", 1)
    assert not found.conflicts and found.next_batch == 2
    answers.keep_answers(tmp_path, found)
    kept = [(r["text"], r["label"], r["who"], r["reviewed"]) for r in read_csv(
        tmp_path / "labels.csv")]
    assert kept == [("one", "a", "ann", ""), ("one", "c", "bob", "a"), ("two", "b", "bob", ""),
                    ("four", "d", "", "d")]
    again = saved(tmp_path, "next_batch.csv", [2, "one", "e", "", "ann", "", 2])
    assert again.by_text["one"].label == "c" and "e" in [a.label for a in again.others]
    assert answers.read_answers(tmp_path).kept() == again.kept()


def test_labels_of_earlier_versions_are_read(tmp_path):
    write_csv(tmp_path / "labels.csv", ["row", "text", "label", "how"], [
        [2, "one", "a", "random"], [3, "two", "b", "corrected"], [4, "three", "a", "margin"]])
    write_csv(tmp_path / "labels-1.csv", ["row", "text", "label", "how"],
              [[4, "three", "b", "corrected"]])
    write_csv(tmp_path / "relabel.csv", ["row", "text", "label", "model"], [[2, "one", "a", "b"]])
    found = answers.read_answers(tmp_path).by_text
    assert [(a.label, a.how, a.reviewed) for a in found.values()] == [
        ("a", "random", ""), ("b", "corrected", answers.BEFORE), ("b", "margin", answers.BEFORE)]


def test_relabel_csv_takes_answers_and_refuses_what_is_not_a_row(tmp_path):
    header = ["row", "text", "label", "model", "checked"]
    write_csv(tmp_path / "labels.csv", answers.COLUMNS, [[2, "one", "a", "random", "", "", 1]])
    write_csv(tmp_path / "relabel.csv", header, [
        [2, "one", "a", "b", " a "], [3, "two", "c", "b", "d"], [4, "three", "c", "b", ""]])
    found = answers.read_answers(tmp_path)
    assert {k: (a.label, a.how, a.reviewed) for k, a in found.by_text.items()} == {
        "one": ("a", "random", "a"), "two": ("d", "", "c")}
    write_csv(tmp_path / "relabel.csv", header, [["two", "one", "a", "b", "a"]])
    with pytest.raises(InputError, match="relabel.csv, row 2"):
        answers.read_answers(tmp_path)


def test_agreement_is_that_of_first_answers_whoever_looks_again(tmp_path, capsys):
    texts = [f"text {i}" for i in range(6)]
    said = {"ann": "aabbc-", "bob": "abbbcc", "cy": "  b   "}
    rows = [[2 + i, text, labels[i].strip(), "random", who, "", 1]
            for i, text in enumerate(texts) for who, labels in said.items()]
    found = saved(tmp_path, "next_batch.csv", *rows)
    want = {("ann", "bob"): [True, False, True, True, True], ("ann", "cy"): [True],
            ("bob", "cy"): [True]}
    assert found.agreement() == want
    assert [(a.label, b.label) for a, b in found.conflicts] == [("a", "b"), ("-", "c")]
    remarks.warn_of_answers(tmp_path, found, [])
    assert "'a' by ann, 'b' by bob" in capsys.readouterr().err
    answers.keep_answers(tmp_path, found)
    (tmp_path / "next_batch.csv").unlink()
    found = saved(tmp_path, "labels (1).csv", [3, "text 1", "a", "", "cy", "b", ""],
                  [2, "text 0", "a", "", "bob", "a", ""])  # they look at two of them again
    assert found.agreement() == want and [a.label for a, _ in found.conflicts] == ["-"]
    assert len(found.kept()) == len([r for r in rows if r[2]]) + 2


def test_a_label_whose_row_is_gone_comes_back_and_an_emptied_one_does_not(tmp_path, capsys):
    rows = [[2, "one", "a", "random", "ann", "", 1], [2, "one", "b", "", "bob", "", 1],
            [3, "two", "b", "random", "ann", "a", 1], [4, "three", "c", "margin", "", "", 2]]
    write_csv(tmp_path / "labels.csv", answers.COLUMNS, rows)
    answers.keep_answers(tmp_path, answers.read_answers(tmp_path))
    old = [rows[0], [3, "two", "a", "random", "ann", "", 1], [4, "three", "", "", "", "", ""]]
    write_csv(tmp_path / "labels.csv", answers.COLUMNS, old)  # before bob, and before a second look
    found = answers.read_answers(tmp_path)
    assert [(a.text, a.label, a.who) for a in found.restored] == [("one", "b", "bob"),
                                                                 ("two", "b", "ann")]
    assert found.by_text["two"].label == "b" and found.by_text["two"].reviewed == "a"
    assert found.by_text["three"].label == "" and len(found.conflicts) == 1
    remarks.warn_of_answers(tmp_path, found, [])
    said = capsys.readouterr().err
    assert "lacks 2 labels of" in said and "the first for row 2" in said
    answers.keep_answers(tmp_path, found)
    assert answers.read_answers(tmp_path).restored == []


@pytest.mark.parametrize("name", ["next_batch.csv", "next_batch (1).csv", "relabel-ann.csv"])
def test_a_blank_copy_for_a_colleague_takes_no_label_back(tmp_path, name):
    rows = [[row, f"text {row}", "a", "random", "", "", 1] for row in range(2, 12)]
    write_csv(tmp_path / "labels.csv", answers.COLUMNS, rows)
    answers.keep_answers(tmp_path, answers.read_answers(tmp_path))
    write_csv(tmp_path / name, [*answers.COLUMNS, "checked"], [
        [row, text, "", how, "", "", 1, ""] for row, text, _, how, *_ in rows])
    for older in (rows[:3], []):
        write_csv(tmp_path / "labels.csv", answers.COLUMNS, older)
        found = answers.read_answers(tmp_path)
        answers.keep_answers(tmp_path, found)
        assert len(found.restored) == 10 - len(older)
        assert len(read_csv(tmp_path / "labels.csv")) == 10


def test_a_label_that_is_emptied_in_one_file_alone_is_said(tmp_path, capsys):
    row = [2, "one", "a", "random", "ann", "", 1]
    write_csv(tmp_path / "labels-ann.csv", answers.COLUMNS, [row])
    found = saved(tmp_path, "labels.csv", [2, "one", "", "random", "ann", "", 1])
    assert found.by_text["one"].label == "a"
    remarks.warn_of_answers(tmp_path, found, [])
    said = capsys.readouterr().err
    assert "labels.csv and labels-ann.csv; 'a' counts; to take it back, empty its cell in" in said
    found = saved(tmp_path, "labels-ann.csv", [*row[:2], "", *row[3:]])
    remarks.warn_of_answers(tmp_path, found, [])
    assert not found.given and capsys.readouterr().err == ""


def test_a_comma_in_a_label_without_quotes_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_text("row,text,label\n2,one,Health, mental\n")
    with pytest.raises(InputError, match="labels.csv, row 2: 4 values for 3 columns; put a text"):
        answers.read_answers(tmp_path)
    (tmp_path / "labels.csv").write_text('row,text,label\n2,one,"Health, mental",,\n')
    assert answers.read_answers(tmp_path).by_text["one"].label == "Health, mental"


@pytest.mark.parametrize("name", ["next_batch.xlsx", "Copy of next_batch.csv", "labels.tsv"])
def test_a_file_of_answers_that_is_not_read_is_named(tmp_path, capsys, name):
    for other in ("labels (2).csv", "labelled.csv", ".~lock.labels.ods#", "~$relabel.xlsx", name):
        (tmp_path / other).write_text("row,text,label\n")
    remarks.warn_of_answers(tmp_path, answers.read_answers(tmp_path), [])
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"{tmp_path / name} is not read" in said


@pytest.mark.parametrize(("content", "message"), [
    (None, "there is no file"), (b"", "has no class; give at least two"),
    (b"\n \n", "has no class"), (b"one\n", "has one class; give at least two"),
    (b"a\nb\n a \n", "line 3: the class 'a' is in line 1 already"),
    (b"a\n-\n", "line 2: '-' means"), (b"\x89PNG\r\n\x1a\n" + bytes(90), "is not a text file"),
    (b"a\n\x81\n", "is not a text file"),
])
def test_a_bad_list_of_classes_is_one_sentence(tmp_path, capsys, content, message):
    path = tmp_path / "classes.txt"
    if content is not None:
        path.write_bytes(content)
    assert cal_main("--dataset", "no.csv", "--classes", path, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err.splitlines()
    assert message in error[-1] and len([line for line in error if "cal.py:" in line]) == 1
    assert not (tmp_path / "out").exists()


def test_a_list_of_classes_in_any_encoding_and_labels_that_it_does_not_have(tmp_path, capsys):
    path = tmp_path / "classes.txt"
    for encoding in ("utf-8", "utf-8-sig", "cp1252", "utf-16"):
        path.write_bytes("b é\r\n\r\na\r\n".encode(encoding))
        assert labels.read_classes(path) == ("b é", "a")
    capsys.readouterr()
    labels.warn_of_others(path, ("a", "b é"), [(2, "a"), (3, "A"), (9, "A"), (5, "zoo")])
    error = capsys.readouterr().err.splitlines()
    assert "does not have the class 'A' of rows 3, 9; is it 'a'?" in error[0]
    assert "does not have the class 'zoo' of row 5; correct" in error[1] and len(error) == 2


def test_numbers_are_alike_by_value():
    for same in (["1,000", "1000", "1000.0", "+1e3"], ["1,5", "1.5", "01.50"], ["0", "-0", "0.0"]):
        assert len({labels.look(label) for label in same}) == 1
    assert len({labels.look(label) for label in ("1,000", "1", "1,0001", "-1000", "v1")}) == 5


def test_labels_that_occur_once_are_said_and_no_others(capsys):
    labels.warn_of_labels("t.csv", ["a", "a", "b", "c", "c", "c"])
    assert capsys.readouterr().err.splitlines() == [
        "warning: labels that occur only once (a typing error?): 'b'"]
