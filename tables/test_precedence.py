"""Which label and which row count where several could: answers, columns, a test file's vectors."""

import os
import re
import threading

import numpy as np
import pytest

import data
import stats
from labelling import next_batch
from plumbing.files import InputError, read_arrays, write_csv
from tables.answers import Answer, Answers, alike, key, read_answers
from tables.labels import read_classes
from tables.own_table import read_table, with_answers
from tables.remarks import warn_of_renamed
from test_cal import cal_main, read_csv, table
from vectors import kept
from vectors.given import given
from vectors.sources import load_vectors


def test_a_blank_answer_changes_neither_the_label_nor_how_it_was_chosen():
    found = Answers()
    found.add(Answer(2, "one", "", "margin"))
    found.add(Answer(2, "one", "a"))
    found.add(Answer(2, "One ", ""))
    assert (found.by_text["one"].label, found.by_text["one"].how) == ("a", "margin")
    found.add(Answer(3, "two", "b", "random"))
    found.add(Answer(3, "two", "c", "cal"))  # the text was chosen at random first
    assert [row[1:4] for row in found.kept()] == [["one", "a", "margin"], ["two", "b", "random"],
                                                  ["two", "c", "random"]]
    assert [(a.label, b.label) for a, b in found.conflicts] == [("b", "c")]


CARDS = [f"{card} card payment of {amount} euros was {what}" for amount in (10, 25, 40, 75)
         for card in ("Visa", "Master", "Amex") for what in ("declined", "accepted", "refunded")]


def rows_of(texts):
    return [(i, i + 2, text, "") for i, text in enumerate(texts)]


def test_an_answer_goes_to_no_text_that_has_only_moved_up(capsys):
    """All texts are like their neighbours. Three that have labels are removed."""
    found, labelled = Answers(), set(range(1, 36, 3))
    for i in labelled:
        found.add(Answer(i + 2, CARDS[i], CARDS[i].split()[-1]))
    before = {key(text): text.split()[-1] if i in labelled else "" for i, text in enumerate(CARDS)}
    kept = [text for i, text in enumerate(CARDS) if i not in (4, 7, 16)]
    out = with_answers("t.csv", rows_of(kept), found, lambda: before)
    assert {text: label for *_, text, label in out} == {
        text: before[key(text)] for text in kept}
    assert "not used: 3 labels" in capsys.readouterr().err


def test_an_answer_stays_with_a_text_that_was_corrected_and_is_said_once(capsys):
    found = Answers()
    found.add(Answer(3, CARDS[1], "a"))
    corrected = [CARDS[0], CARDS[1] + " !", *CARDS[2:]]
    before = dict.fromkeys(map(key, CARDS), "")
    for call in (1, 2):
        out = with_answers("t.csv", rows_of(corrected), found, before.copy)
        assert [label for *_, label in out] == ["", "a", *[""] * (len(CARDS) - 2)]
        said = capsys.readouterr().err
        assert ("1 text changed a little" in said) == (call == 1) and "not used" not in said
        before = {key(text): label for *_, text, label in out}


def test_a_table_that_was_renamed_hears_of_its_answers(table, tmp_path, capsys):
    write, rows = table
    path = write([(i, text, "") for i, text, _ in rows])
    other, folder = tmp_path / "other.csv-paper-hash", tmp_path / "my.csv-paper-hash"
    for name, n in (("other", 7), ("another", 2)):
        (tmp_path / f"{name}.csv-paper-hash").mkdir()
        write_csv(tmp_path / f"{name}.csv-paper-hash" / "labels.csv", ["row", "text", "label"],
                  [[5, text, "a"] for _, text, _ in rows[:n]] + [[9, rows[9][1], ""]])
    read_table(path, folder=folder)
    said = capsys.readouterr().err
    assert said.count("answers to texts of this table") == 1
    assert f"{other / 'labels.csv'} has 7 answers" in said
    read_table(write(rows), folder=folder, stratified=data.seed_set)
    assert "answers" not in capsys.readouterr().err


def test_a_renamed_label_is_asked_about_only_where_it_is_plain_which(tmp_path, capsys):
    found = Answers()
    for row, label in enumerate(["a", "old", "old"]):
        found.add(Answer(row, f"text {row}", label))
    for own, said in (({"a", "new"}, True), ({"a", "new", "newer"}, False), ({"a"}, False)):
        warn_of_renamed(tmp_path, found, own)
        assert ("2 answers" in capsys.readouterr().err) == said


def test_an_answer_stays_of_the_batch_in_which_the_text_was_first_answered():
    found = Answers()
    for text, batches in (("one", (1, 3)), ("two", (0, 2))):
        for batch in batches:
            found.add(Answer(2, text, "ab"[batch > 1], batch=batch))
    found.add(Answer(4, "three", "", batch=4))  # asked for, and answered in a file without batches
    found.add(Answer(4, "three", "a"))
    assert {a.text: a.batch for a in found.by_text.values()} == {"one": 1, "two": 2, "three": 4}


def test_what_was_looked_at_again_is_replaced_by_nothing_but_another_look():
    found = Answers()
    for label, reviewed in (("a", ""), ("b", "a"), ("c", ""), ("d", "b")):
        found.add(Answer(2, "one", label, reviewed=reviewed))
        assert found.by_text["one"].label == {"c": "b"}.get(label, label)
    assert found.conflicts == [] and {a.label for a in found.others} == {"a", "b", "c"}


def test_two_columns_of_one_name_lose_no_label(tmp_path):
    write_csv(tmp_path / "labels.csv", ["row", "text", "label", "Label"], [[2, "one", "a", ""]])
    before = (tmp_path / "labels.csv").read_bytes()
    with pytest.raises(InputError, match="labels.csv has 2 columns 'label'; rename those that"):
        read_answers(tmp_path)
    assert (tmp_path / "labels.csv").read_bytes() == before


@pytest.mark.parametrize("change, same", [
    (lambda text: text.replace("seven", "eight"), True),
    (lambda text: text[: len(text) * 8 // 13], False),  # alike by 0.76
    (lambda text: text[::-1], False)])
def test_a_label_follows_a_text_that_was_changed_a_little_alone(tmp_path, change, same):
    text = "a text of seven words and no more of them"
    assert alike(text, text[: len(text) * 8 // 13]) > 0.74
    assert (alike(text, change(text)) >= 0.8) == same
    write_csv(tmp_path / "my.csv", ["text", "label"], [[change(text), ""], ["other", "b"]])
    write_csv(tmp_path / "labels.csv", ["row", "text", "label"], [[2, text, "a"]])
    assert read_table(tmp_path / "my.csv", folder=tmp_path)["train"][1][0] == ("a" if same else "")


@pytest.mark.parametrize("value, label", [("0", "0"), ("false", "false"), ("0.0", "0.0"),
                                          ('""', ""), ("null", ""), ("[0]", "0")])
def test_zero_and_false_are_labels_in_json(tmp_path, value, label):
    (tmp_path / "t.jsonl").write_text(f'{{"text": "a", "label": {value}}}\n'
                                      '{"text": "b", "label": null}\n')
    assert read_table(tmp_path / "t.jsonl")["train"] == (["a", "b"], [label, ""])


def test_a_column_s_own_case_comes_before_another(tmp_path):
    for header, text in (("Text,text,label", "two"), ("text,TEXT,label", "one"),
                         ("TEXT,x,label", "one")):
        (tmp_path / "t.csv").write_text(f"{header}\none,two,a\n,,\nuno,dos,\n")
        assert read_table(tmp_path / "t.csv")["train"][0][0] == text
    (tmp_path / "t.csv").write_text("Text,TEXT,label\none,two,a\n")
    with pytest.raises(InputError, match="2 columns 'text'"):
        read_table(tmp_path / "t.csv")


def test_a_test_file_has_its_own_rows_of_vectors(table, tmp_path):
    write, rows = table
    test = [(i, f"new {text}", c) for i, text, c in rows[:7]]
    test[2] = (2, "", "a")  # a row without a text has a vector, too
    x = np.random.default_rng(0).normal(size=(67, 5)).astype("f4")
    np.save(tmp_path / "x.npy", x)
    d = data.load(str(write(rows)), vectors=str(tmp_path / "x.npy"),
                  test=str(write(test, "test.csv")))
    assert (d.x == x[:60]).all() and (d.x_test == x[[60, 61, 63, 64, 65, 66]]).all()
    assert [d.classes[c] for c in d.y_test] == ["a", "b", "a", "b", "c", "a"]
    assert list(d.about["class_counts"].values()) == [20, 20, 20]  # of the training texts


@pytest.mark.parametrize("name, make, kind", [
    ("next_batch.csv", os.mkdir, "directory"), ("labels (1).csv", os.mkdir, "directory"),
    ("relabel.csv", os.mkfifo, "pipe or device"),
    ("backup/labels.csv", os.mkfifo, "pipe or device")])
def test_what_is_no_file_where_answers_are_read_is_named_at_once(tmp_path, name, make, kind):
    (tmp_path / "backup").mkdir()
    make(tmp_path / name)
    with pytest.raises(InputError, match=re.escape(f"{tmp_path / name} is a {kind}, where only a"
                                                   " file can be; remove it")):
        read_answers(tmp_path)


@pytest.mark.parametrize("name, to", [("labels.csv", "gone"), ("labels.csv", "labels.csv"),
                                      ("runs", "gone"), ("config.json", "gone")])
def test_a_link_to_nothing_is_named(tmp_path, name, to):
    (tmp_path / ".#labels.csv").symlink_to("me@here.12:34")  # it is open in Emacs
    assert not read_answers(tmp_path).given
    (tmp_path / name).symlink_to(to)
    for read in (read_answers, stats.Results):
        with pytest.raises(InputError, match=f"{name} is a link to something that is not there; "):
            read(tmp_path)


def test_a_pipe_is_read_once_or_refused(tmp_path):
    for name, read in (("my.csv", read_table), ("x.npy", lambda path: given(path, [0], 1, ["a"])),
                       ("v.vec", lambda path: load_vectors(path, ["a"]))):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match=f"{name} is a pipe or device, and it is read more"):
            read(tmp_path / name)
    os.mkfifo(tmp_path / "a.npz")
    assert read_arrays(tmp_path / "a.npz") == {}
    assert kept.read(tmp_path / "x.npy", 1) is None  # whose .json is missing
    os.mkfifo(tmp_path / "classes")
    writer = threading.Thread(target=lambda: (tmp_path / "classes").write_text("a\nb\n"))
    writer.start()
    assert read_classes(tmp_path / "classes") == ("a", "b")
    writer.join()


# ---- what changes between two calls, and while one runs -----------------------------------------


def test_columns_and_rows_that_were_added_between_calls_move_no_label(tmp_path):
    write_csv(tmp_path / "labels.csv", ["mine", "label", "row", "text", "note"],
              [["x", "a", 2, "one", "?"], ["", "b", 3, "two", ""]])
    write_csv(tmp_path / "my.csv", ["new", "label", "id", "text"],
              [["", "c", 9, "zero"], ["", "", 1, "one"], ["", "", 5, "five"], ["", "", 2, "two"]])
    texts, labels = read_table(tmp_path / "my.csv", folder=tmp_path)["train"]
    assert dict(zip(texts, labels)) == {"zero": "c", "one": "a", "five": "", "two": "b"}


def test_a_label_that_was_renamed_between_calls_is_said(tmp_path, capsys):
    def read(own, answered):
        rows = [[f"text {i}", own[i % len(own)] if i < 8 else ""] for i in range(14)]
        write_csv(tmp_path / "my.csv", ["text", "label"], rows)
        write_csv(tmp_path / "labels.csv", ["row", "text", "label"],
                  [[i + 2, f"text {i}", answered[i % len(answered)]] for i in range(8, 12)])
        read_table(tmp_path / "my.csv", folder=tmp_path)
        return capsys.readouterr().err

    assert ("2 answers in" in (error := read(["spam", "ham"], ["junk", "ham"]))
            and "'junk', which the table lacks" in error and "label 'spam'" in error)
    assert "renamed" not in read(["spam", "ham"], ["spam", "ham"])
    assert "renamed" not in read(["spam", "ham"], ["spam", "ham", "new"])  # a class found since


def test_a_table_that_is_saved_while_the_command_runs_is_noticed(tmp_path, monkeypatch, capsys):
    rows = [[f"text {i} of {'ab'[i % 2] * 3}", "ab"[i % 2] if i < 30 else ""] for i in range(60)]
    write_csv(tmp_path / "my.csv", ["text", "label"], rows)
    arguments = ["--dataset", tmp_path / "my.csv", "--vectors", "hash", "--seeds", 1, "--epochs", 1,
                 "--batch", 5, "--out", tmp_path / "out"]
    assert cal_main(*arguments) == 0
    folder, watch = tmp_path / "out" / "my.csv-paper-hash", next_batch.watch
    before = (folder / "labelled.csv").read_bytes()

    def saved_meanwhile(*seen):
        write_csv(tmp_path / "my.csv", ["text", "label"], rows[::-1])  # sorted the other way
        return watch(*seen)

    monkeypatch.setattr(next_batch, "watch", saved_meanwhile)
    capsys.readouterr()
    assert cal_main(*arguments) == 2
    assert "the table has changed meanwhile, so run the command again" in capsys.readouterr().err
    assert (folder / "labelled.csv").read_bytes() == before and not list(folder.glob("*.part"))
    monkeypatch.undo()
    assert cal_main(*arguments) == 0
    again = {row["text"]: row["label"] for row in read_csv(folder / "labelled.csv")}
    assert again == {text: label for text, label in rows}
