"""Whole calls: the same one twice gives the same bytes; a bad file is found first."""

import pytest

from plumbing.files import write_csv
from test_cal import cal_main, read_csv

WORDS = "red", "blue", "green"


def arguments_of(tmp_path, rows, *more):
    write_csv(tmp_path / "my.csv", ["text", "label"], rows)
    return ["--dataset", tmp_path / "my.csv", "--out", tmp_path / "out", "--vectors", "hash",
            "--batch", 6, *more]


def rows_of(n, labelled):
    return [[f"a {WORDS[i % 3]} thing, number {i}", WORDS[i % 3] if i < labelled else ""]
            for i in range(n)]


def bytes_of(tmp_path):
    return {path.name: path.read_bytes() for path in sorted((tmp_path / "out").glob("my*/*"))
            if path.is_file()}


@pytest.mark.parametrize("text", ["the very same text", "an old\rline break"])
def test_a_call_that_is_given_again_changes_nothing(text, tmp_path):
    rows = rows_of(60, 30)
    rows[0], rows[1] = [text, "red"], [text, "blue"]  # copies that contradict each other
    rows[40] = [text, ""]
    arguments, seen = arguments_of(tmp_path, rows), []
    for _ in range(3):
        assert cal_main(*arguments) == 0
        seen.append(bytes_of(tmp_path))
    assert seen[0] == seen[1] == seen[2] and "labels.csv" not in seen[0]
    table = read_csv(tmp_path / "out" / "my.csv-paper-hash" / "finished.csv")
    assert [row["text"] for row in table] == [text for text, _ in rows]
    assert table[40]["source"] == "model"


@pytest.mark.parametrize("content", ["", 'a,b\n"1,2', "labelled\xff"])
def test_a_damaged_progress_csv_is_found_before_anything_is_written(content, tmp_path, capsys):
    arguments = arguments_of(tmp_path, rows_of(60, 30))
    assert cal_main(*arguments) == 0
    folder = tmp_path / "out" / "my.csv-paper-hash"
    batch = read_csv(folder / "next_batch.csv")
    write_csv(folder / "next_batch.csv", list(batch[0]), [
        [*list(row.values())[:-1], "red"] for row in batch])
    (folder / "progress.csv").write_text(content, "latin-1")
    before = bytes_of(tmp_path)
    capsys.readouterr()
    code = cal_main(*arguments)
    if content == "labelled\xff":  # readable as cp1252, and without any row
        assert code == 0
        return
    assert code == 2 and bytes_of(tmp_path) == before
    said = capsys.readouterr().err
    assert "progress.csv" in said and "remove it" in said


def test_accept_0_is_a_probability_like_any_other(tmp_path):
    assert cal_main(*arguments_of(tmp_path, rows_of(60, 30)), "--accept", 0) == 0
    folder = tmp_path / "out" / "my.csv-paper-hash"
    assert {row["accept"] for row in read_csv(folder / "finished.csv")} == {"yes"}
    assert all(row["label"] for row in read_csv(folder / "labelled.csv"))
