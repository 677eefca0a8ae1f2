"""A table of one's own: reading it, simulating on it, the next batch to label."""

import csv
import json

import numpy as np
import pytest
import torch

import data
from extras import next_batch
from plumbing.files import write_csv
from test_cal import best_rows, cal_main, read_csv, run_cal, run_files, table, view_of


def test_a_committee_picks_by_the_mean_of_the_scores():
    score = torch.rand(3, 40, generator=torch.Generator().manual_seed(0))
    one = view_of(torch.zeros(40, 4), [0, 1, 2])
    rows, pool = torch.tensor([[0, 1, 2]] * 3), one.pool.expand(3, -1)
    committee = next_batch.Committee(None, one.x, rows, pool, None, (1, 2, 3), 0, 16)
    got, mean = committee.pick(score, 5).tolist(), score.mean(0).tolist()
    assert got == [best_rows(mean, range(3, 40), 5)] * 3
    assert committee.scores == {r: mean[r] for r in got[0]}


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


def test_other_columns_a_test_file_and_missing_labels(table, tmp_path, capsys):
    write, rows = table
    rows[3] = (3, "", "a")
    path = write(rows, header=("id", "body", "topic"))
    test = write(rows[:5], "test.csv", header=("id", "body", "topic"))
    names = {"text_column": "body", "label_column": "topic"}
    d = data.load(str(path), vectors="hash", test=str(test), **names)
    assert (len(d.y), len(d.y_test)) == (59, 4)
    assert "1 rows without a text are skipped" in capsys.readouterr().err
    rows[10:20] = [(i, text, "") for i, text, _ in rows[10:20]]
    path = write(rows, header=("id", "body", "topic"))
    write_csv(tmp_path / "labels.csv", ["row", "text", "label"], [[14, rows[12][1], "b"]])
    d = data.load(str(path), vectors="hash", folder=tmp_path, **names)
    assert (d.y == -1).sum() == 9 and d.classes[d.y[d.row_numbers == 14][0]] == "b"
    with pytest.raises(data.InputError, match="row 14: the text is not the one"):
        write_csv(tmp_path / "labels.csv", ["row", "text", "label"], [[14, "other", "b"]])
        data.load(str(path), vectors="hash", folder=tmp_path, **names)


def test_duplicate_texts_with_other_labels_are_counted(table, capsys):
    write, rows = table
    rows[5] = (5, rows[0][1], "b")
    data.load(str(write(rows)), vectors="hash")
    assert "1 texts stand there with different labels, the first in rows 2 and 7" in (
        capsys.readouterr().err)


@pytest.mark.parametrize("spoil, message", [
    (lambda b: b"", "my.csv is empty"),
    (lambda b: b.splitlines(True)[0], "no row with a text"),
    (lambda b: b.replace(b"label", b"topic", 1), "no column 'label'; its columns are 'id', 'text'"),
    (lambda b: b.replace(b"of the b", b"of the \x81 b", 1), "line 3: not to be read as cp1252"),
    (lambda b: "\ufeff".encode("utf-16-le") + b[:7], "not to be read as utf-16"),
    (lambda b: b + b'9,"open,a\n', "row 62: a quote is opened and not closed"),
    (lambda b: b + b'9,"open,a\n' * 2, "row 62: ',' expected after"),
    (lambda b: b + b'9,"open,a\n' + b"x" * 140_000, "row 62: a quote is opened and not closed"),
    (lambda b: b + b'9,"quoted" more,a\n', "row 62: ',' expected after"),
    (lambda b: b + b"9,one, two,a\n", "row 62: 4 values, and there are 3 columns"),
    (lambda b: b.replace(b",b\r", b",a\r").replace(b",c\r", b",a\r"), "every label is 'a'"),
    (lambda b: b.replace(b",b\r", b",\r").replace(b",c\r", b",\r").replace(b",a\r", b",\r"),
     "no row has a label"),
    (lambda b: b + b"9,a text,d\n", "row 62: the label 'd' stands nowhere else"),
])
def test_bad_tables_get_one_sentence(table, spoil, message):
    write, rows = table
    path = write(rows)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(data.InputError) as e:
        data.load(str(path), vectors="hash")
    assert message in str(e.value) and "my.csv" in str(e.value) and "\n" not in str(e.value)


def test_other_things_than_tables(table, tmp_path):
    write, rows = table
    (tmp_path / "folder.csv").mkdir()
    test = write([(1, "a text", "")], "test.csv")
    for name, options, message in (
            (tmp_path / "nope.csv", {}, "no file"), (tmp_path / "folder.csv", {}, "a directory"),
            (tmp_path, {}, "is a directory"), (tmp_path / "x.npy", {}, "or give a .csv or .tsv"),
            (write(rows), {"test": str(test)}, "test.csv, row 2: no label")):
        with pytest.raises(data.InputError, match=message):
            data.load(str(name), vectors="hash", **options)


def test_next_batch_fill_in_next_batch(tmp_path, capsys):
    (texts, labels), kind = data.read_demo()["train"], data.read_demo()["kind"]
    known = set(np.random.default_rng(0).choice(2500, 500, replace=False).tolist())
    with open(tmp_path / "my.csv", "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([("text", "label"), *(
            (text, label if i in known else "") for i, (text, label) in
            enumerate(zip(texts, labels)))])
    arguments = ["--dataset", tmp_path / "my.csv", "--out", tmp_path / "results", "--seeds", 1, 2]
    assert cal_main(*arguments) == 0
    said = capsys.readouterr().out
    folder = tmp_path / "results" / "my.csv-paper-pool"
    assert "500 texts have a label, 2,000 have none" in said and "Run the same command" in said
    batch, doubts = read_csv(folder / "next_batch.csv"), read_csv(folder / "relabel.csv")
    assert list(batch[0]) == ["row", "text", "score", "region", "predicted", "label"]
    numbers = [int(row["row"]) - 2 for row in batch]
    assert len(set(numbers)) == 50 and not set(numbers) & known
    assert all(row["text"] == texts[i] and row["label"] == "" for i, row in zip(numbers, batch))
    assert {row["region"] for row in batch} <= {"easy", "ambiguous", "hard"}
    scores = [float(row["score"]) for row in batch]
    assert scores == sorted(scores, reverse=True) and -0.5 <= min(scores) <= max(scores) <= 0
    assert all(int(row["row"]) - 2 in known and row["model"] != row["label"] for row in doubts)
    total = [float(row["confidence"]) + float(row["variability"]) for row in doubts]
    assert all(b > a - 1e-3 for a, b in zip(total, total[1:]))  # four digits are written
    assert (folder / "map.png").stat().st_size > 0
    found = sum(kind[int(row["row"]) - 2] == "mislabelled" for row in doubts[:50])
    chance = 50 * np.mean([kind[i] == "mislabelled" for i in known])
    with capsys.disabled():
        print(f"\nrelabel.csv: {found} of its first 50 rows are planted mislabelled rows (labelled"
              f" rows at random: {chance:.1f})")
    assert found > 4 * chance

    for i, row in zip(numbers[:40], batch):  # forty in next_batch.csv, ten in the file itself
        row["label"] = labels[i]
    write_csv(folder / "next_batch.csv", batch[0], [row.values() for row in batch])
    rows = read_csv(tmp_path / "my.csv")
    for i in numbers[40:]:
        rows[i]["label"] = labels[i]
    write_csv(tmp_path / "my.csv", rows[0], [row.values() for row in rows])
    assert cal_main(*arguments) == 0
    assert "550 texts have a label, 1,950 have none" in capsys.readouterr().out
    after = [int(row["row"]) - 2 for row in read_csv(folder / "next_batch.csv")]
    assert len(after) == 50 and not set(after) & (known | set(numbers))
    assert len(read_csv(folder / "labels.csv")) == 40


def test_the_next_batch_warns_and_takes_any_strategy(table, tmp_path, capsys):
    write, rows = table
    rows[9:] = [(i, text, c if n % 5 == 0 and c != "c" else "") for n, (i, text, c) in
                enumerate(rows[9:])]
    test = write([(1, "of the d kind, ddd", "d")], "test.csv")
    arguments = ["--dataset", write(rows), "--test", test, "--epochs", 1, "--seeds", 1, 2,
                 "--vectors", "hash", "--out", tmp_path / "results"]
    for name in ("cal", "lc", "bald", "dal", "cal+dal", "random"):
        assert cal_main(*arguments, "--strategies", name, "--batch", 7) == 0
        said = capsys.readouterr()
        assert "fewer than five labels: c (3)" in said.err
        assert "no labelled text of d; it cannot be predicted" in said.err
        assert f"Accuracy on {test}: 0.000 ± 0.000 over 2 seeds." in said.out
        picked = read_csv(tmp_path / "results" / "my.csv-paper-hash" / "next_batch.csv")
        assert len({row["row"] for row in picked}) == 7
    folder = tmp_path / "results" / "my.csv-paper-hash"
    assert cal_main(*arguments, "--batch", 70) == 0  # more than there are
    assert len(read_csv(folder / "next_batch.csv")) == sum(not c for *_, c in rows)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert cal_main(*arguments, "--batch", 70) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("save", [
    lambda rows: "\n".join(";".join(row) for row in rows).encode("cp1252"),
    lambda rows: "\n".join("\t".join(row) for row in rows).encode("utf-16"),
    lambda rows: "\r\n".join(";".join(row) for row in rows).encode("utf-16-le"),
    lambda rows: "\ufeff".encode() + "\n".join(",".join(row) for row in rows).encode(),
    lambda rows: "\n".join(",".join((*row, "x" * 200_000)) for row in rows).encode(),
])
def test_answers_come_back_from_a_spreadsheet(table, tmp_path, capsys, save):
    write, rows = table
    rows = [(i, f"=text é {i} {c}", c if i < 15 else "") for i, text, c in rows]
    path = write(rows)
    arguments = ["--dataset", path, "--vectors", "hash", "--epochs", 1, "--seeds", 1,
                 "--batch", 3, "--out", tmp_path / "out"]
    assert cal_main(*arguments) == 0
    folder = tmp_path / "out" / "my.csv-paper-hash"
    raw = (folder / "next_batch.csv").read_text("utf-8-sig").splitlines()
    picked = [line.split(",") for line in raw]
    assert picked[0][-1] == "label" and picked[1][1].startswith("'=text é")
    for cells in picked[1:]:
        cells[-1] = "b"
    (folder / "next_batch.csv").write_bytes(save(picked))
    assert cal_main(*arguments) == 0
    assert "48 texts have a label, 12 have none" in capsys.readouterr().out
    kept = read_csv(folder / "labels.csv")
    assert {row["text"] for row in kept} == {cells[1][1:] for cells in picked[1:]}


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


def test_a_map_of_one_region_is_pointed_out(table, tmp_path, capsys):
    write, rows = table
    path = write([(i, c * 3 + f" {c * 3}" * 150, c if i < 15 else "") for i, _, c in rows])
    assert cal_main("--dataset", path, "--out", tmp_path / "out", "--seeds", 1) == 0
    assert "all 45 labelled texts are easy to learn" in capsys.readouterr().err


@pytest.mark.parametrize("more, spoil, message", [
    (["--strategies", "cal", "lc"], None, "name one in --strategies"),
    (["--t-cor", "0.2", "0.4"], None, "one --t-cor"),
    (["--seed-size", "12"], None, "--seed-size is for experiments"),
    (["--ablate"], None, "--ablate is for experiments"),
    (["--protocol", "code"], None, "goes with --protocol paper"),
    ([], lambda t: t.replace("label", "lable", 1), "next_batch.csv, row 2: its columns"),
    ([], lambda t: t.replace(" kind", " sort"), "the text is not the one that was labelled"),
    (["--out", "/dev/null"], None, "cannot write to"),
])
def test_the_next_batch_refuses(table, tmp_path, capsys, more, spoil, message):
    write, rows = table
    path = write([(i, text, c if i < 15 else "") for i, text, c in rows])
    arguments = ["--dataset", path, "--vectors", "hash", "--epochs", 1, "--seeds", 1,
                 "--out", tmp_path / "out"]
    if spoil:
        assert cal_main(*arguments) == 0
        batch = tmp_path / "out" / "my.csv-paper-hash" / "next_batch.csv"
        batch.write_text(spoil(batch.read_text().replace(",\n", ",a\n")))
        capsys.readouterr()
    assert cal_main(*arguments, *more) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_simulation_on_a_table(table, tmp_path, capsys):
    write, rows = table
    arguments = ["--dataset", write(rows), "--out", tmp_path / "out", "--vectors", "hash",
                 "--seeds", 1, "--strategies", "cal", "random", "--epochs", 2, "--jobs", 1]
    assert cal_main(*arguments, "--seed-size", 12, "--batch", 6, "--rounds", 2) == 0
    lines = run_files(tmp_path / "out")["cal-1.jsonl"]
    assert [x["labelled"] for x in lines] == [12, 18, 24]
    assert "final accuracy" in capsys.readouterr().out
    assert cal_main(*arguments, "--fresh") == 0  # sizes from the file: 48 texts
    lines = run_files(tmp_path / "out")["cal-1.jsonl"]
    assert [x["labelled"] for x in lines] == list(range(30, 49))
    assert "(t_cor" not in (tmp_path / "out" / "my.csv-paper-hash" / "report.md").read_text()
