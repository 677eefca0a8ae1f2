"""Labels and texts that are not what they seem, copies, and what is edited while a command runs."""

import json

import numpy as np
import pytest

import data
from plumbing.files import InputError, write_csv
from tables import answers, labels
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


def test_a_test_file_that_shares_texts_is_warned_of(table, capsys):
    write, rows = table
    other = [(i, f"new {text}", c) for i, text, c in rows[:6]]
    path = write(rows)
    data.load(str(path), vectors="hash", test=str(write([*other, *rows[3:5]], "test.csv")))
    assert "2 texts of" in capsys.readouterr().err
    data.load(str(path), vectors="hash", test=str(write(other, "test.csv")))
    assert "also in" not in capsys.readouterr().err


# ---- answers ------------------------------------------------------------------------------------


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
    answers.warn_of_answers(tmp_path, found, [(0, 2, "one", "")])
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
