"""The next batch to label: the texts picked, the labels doubted, the results, when to stop."""

import base64
import contextlib
import csv
import io
import shutil
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import data
import datamap
import forks
from labelling import asking, committee, next_batch
from page import explore
from plumbing.files import armed, write_csv
from tables.answers import key
from test_cal import best_rows, cal_main, probabilities, read_csv, table, view_of


def test_a_committee_picks_by_the_mean_of_the_scores():
    score = torch.rand(3, 40, generator=torch.Generator().manual_seed(0))
    one = view_of(torch.zeros(40, 4), [0, 1, 2])
    L, U = torch.tensor([[0, 1, 2]] * 3), one.U.expand(3, -1)
    together = committee.Committee(None, one.x, L, U, None, (1, 2, 3), 0, 16)
    got, mean = together.pick(score, 5).tolist(), score.mean(0).tolist()
    assert got == [best_rows(mean, range(3, 40), 5)] * 3


BODIES = (
    ("view.L[:, :k]", "returned row 0, which is in L already"),
    ("torch.arange(19, 19 + k).expand(2, -1)", "returned row 19, which is in L already"),
    ("view.pick(view.probs()[..., 0], k).clone().fill_(33)", "row 33, which is there twice"),
    ("view.pick(view.probs()[..., 0], k)[:, :3]", "returned int64 [2, 3]; row numbers [R, k] = [2"),
    ("view.pick(view.probs()[..., 0] * float('nan'), k)", "the score of row 20 is NaN\n"),
    ("[view.U.fill_(True), view.L.fill_(50), torch.arange(k).expand(2, -1)][2]", "row 0, which is"),
    ("view.pick(view.x.mul_(2)[:, 0].expand(2, -1), k)", "changed view.x in place"),
    ("None", "returned NoneType"), ("1 / 0", "{file}, line 3, in mine: ZeroDivisionError"),
    ("view.pick(view.probs(), k)", "view.pick needs a score [R, N] = [2, 60]"),
    ("view.pick(view.probs()[..., 0], k)", ""),
)


@pytest.mark.parametrize(("body", "message"), BODIES)
def test_what_a_fork_s_strategy_picks_for_a_table_is_checked(body, message, tmp_path, capsys):
    fork, my, out = tmp_path / "mine.py", tmp_path / "my.csv", tmp_path / "out"
    fork.write_text(f"import torch\ndef mine(view, k):\n    return {body}\n"
                    "STRATEGIES = {'mine': mine}\n")
    write_csv(my, ["text", "label"], [
        (f"{('red', 'blue')[i % 2]} number {i}", "ab"[i % 2] if i < 20 else "")
        for i in range(60)])
    code = cal_main("--fork", fork, "--dataset", my, "--vectors", "hash", "--strategies", "mine",
                    "--seeds", 1, 2, "--epochs", 1, "--batch", 10, "--random-share", 0,
                    "--out", out)
    error, batch = capsys.readouterr().err, out / "my.csv-paper-hash" / "next_batch.csv"
    forks.load()
    if not message:
        rows = [int(row["row"]) - 2 for row in read_csv(batch)]
        assert code == 0 and len(set(rows)) == 10 and min(rows) >= 20
        return
    assert code == 2 and not batch.exists() and "Traceback" not in error
    error = error.splitlines(True)[-1]  # after a warning that so few labels tell little
    assert error.startswith("cal.py: strategy mine, seed")
    assert message.replace("{file}", str(fork)) in error


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A fifth of the demo's labels in a table, and what the first call made of it."""
    path = tmp_path_factory.mktemp("begun")
    (texts, labels), kind = data.read_demo()["train"], data.read_demo()["kind"]
    known = set(np.random.default_rng(0).choice(2500, 500, replace=False).tolist())
    with open(path / "my.csv", "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([("text", "label"), *(
            (text, label if i in known else "") for i, (text, label) in
            enumerate(zip(texts, labels)))])
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert cal_main(*call_of(path)) == 0
    folder = path / "results" / "my.csv-paper-pool"
    return SimpleNamespace(path=path, folder=folder, said=said.getvalue(), texts=texts,
                           labels=labels, kind=kind, known=known, numbers=[
                               int(row["row"]) - 2 for row in read_csv(folder / "next_batch.csv")])


def call_of(path):
    return ["--dataset", path / "my.csv", "--out", path / "results", "--seeds", 1, 2,
            "--random-share", 0, "--epochs", 15]


def test_from_half_a_table_to_the_next_batch(begun, capsys):
    assert "texts with a label" in begun.said and "Run the same command" in begun.said
    assert "If you stop now, about" in begun.said
    assert "Go on: 50 more labels are expected" in begun.said
    batch, doubted = (read_csv(begun.folder / f"{name}.csv") for name in ("next_batch", "relabel"))
    assert list(batch[0]) == ["row", "text", "how", "batch", "predicted", "label"]
    assert len({key(begun.texts[i]) for i in begun.numbers}) == 50
    assert not set(begun.numbers) & begun.known
    assert all(row["text"] == begun.texts[i] and row["label"] == ""
               for i, row in zip(begun.numbers, batch))
    assert {row["how"] for row in batch} == {next_batch.DEFAULT}
    assert all(row["model"] != row["label"] for row in doubted)
    found = sum(begun.kind[int(row["row"]) - 2] == "mislabelled" for row in doubted)
    chance = len(doubted) * np.mean([begun.kind[i] == "mislabelled" for i in begun.known])
    with capsys.disabled():
        print(f"\nrelabel.csv: {found} of its {len(doubted)} rows are planted mislabelled rows"
              f" (labelled rows at random: {chance:.1f})")
    assert found > 5 * chance
    assert (begun.folder / "map.png").stat().st_size > 0


def test_what_half_a_table_says_of_the_rest(begun):
    shown = read_csv(begun.folder / "labelled.csv")
    without = [row for row in shown if not row["label"]]
    predictions = read_csv(begun.folder / "predictions.csv")
    assert sorted(int(row["row"]) for row in predictions) == [
        n for n, row in enumerate(shown, 2) if not row["label"]]
    assert all(row["text"] == begun.texts[int(row["row"]) - 2] for row in predictions)
    shares = [float(row["probability"]) for row in predictions]
    assert shares == sorted(shares, reverse=True)
    assert {row["source"] for row in shown if row["label"] and not row["source"].startswith(
        "copied from row ")} == {"yours"} and not any(row["source"] for row in without)
    estimate, low, high = (float(read_csv(begun.folder / "progress.csv")[0][name])
                           for name in ("accuracy", "low", "high"))
    right = np.mean([row["predicted"] == begun.labels[int(row["row"]) - 2] for row in predictions])
    assert right > 0.5 and all(0 < share <= 1 for share in shares)
    clean = np.mean([row["predicted"] == begun.labels[int(row["row"]) - 2] for row in predictions
                     if begun.kind[int(row["row"]) - 2] != "mislabelled"])  # wrong labels aside
    assert low <= estimate <= high and abs(estimate - clean) < 0.08


def test_forty_labels_in_the_next_batch_and_ten_in_the_table(begun, tmp_path, capsys):
    shutil.copytree(begun.path, tmp_path, dirs_exist_ok=True)
    folder, numbers = tmp_path / "results" / begun.folder.name, begun.numbers
    batch, rows = read_csv(folder / "next_batch.csv"), read_csv(tmp_path / "my.csv")
    before = sum(bool(row["label"]) for row in read_csv(folder / "labelled.csv"))
    for i, row in zip(numbers[:40], batch):
        row["label"] = begun.labels[i]
    write_csv(folder / "next_batch.csv", batch[0], [row.values() for row in batch])
    for i in numbers[40:]:
        rows[i]["label"] = begun.labels[i]
    write_csv(tmp_path / "my.csv", rows[0], [row.values() for row in rows])
    assert cal_main(*call_of(tmp_path)) == 0
    said = capsys.readouterr().out
    copies = Counter(map(key, begun.texts))
    now = before + sum(copies[key(begun.texts[i])] for i in numbers)
    assert f"my.csv has {now:,} texts with a label" in said
    progress = read_csv(folder / "progress.csv")
    assert [int(row["labelled"]) for row in progress] == [before, now]
    assert "labels of texts that no strategy has picked" in said
    after = [int(row["row"]) - 2 for row in read_csv(folder / "next_batch.csv")]
    assert len(after) == 50 and not set(after) & (begun.known | set(numbers))
    kept = read_csv(folder / "labels.csv")
    assert len(kept) == 50 and {row["how"] for row in kept} == {next_batch.DEFAULT}
    done = {row["text"]: row["label"] for row in read_csv(folder / "labelled.csv")}
    assert all(done[begun.texts[i]] == begun.labels[i] for i in numbers)


def answer(folder, label_of, skip=()):
    """Fill in next_batch.csv; returns its texts."""
    batch = read_csv(folder / "next_batch.csv")
    for row in batch:
        row["label"] = "-" if row["text"] in skip else label_of(row["text"])
    write_csv(folder / "next_batch.csv", batch[0], [row.values() for row in batch])
    return [row["text"] for row in batch]


def test_from_no_label_to_a_finished_table(tmp_path, capsys):
    kinds = {"cat": "the cat sat on mat", "dog": "a dog barks at night", "bird": "birds sing songs"}
    rows = [(i, f"{words} {i // 2} {'=x+'[i % 3]}", "") for i, (c, words) in enumerate(
        list(kinds.items()) * 20)]
    rows[7] = (7, rows[4][1].upper(), "")
    rows[8] = (8, "", "")
    with open(tmp_path / "my.csv", "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([("id", "Text", "Label"), *rows])
    truth = {key(text): next((c for c in kinds if c in text.lower()), "") for _, text, _ in rows}
    arguments = ["--dataset", tmp_path / "my.csv", "--out", tmp_path / "out", "--vectors", "hash",
                 "--seeds", 1, 2, "--batch", 20, "--epochs", 20, "--random-share", 0.4,
                 "--strategies", "margin"]
    folder, asked = tmp_path / "out" / "my.csv-paper-hash", []
    for call in range(5):
        assert cal_main(*arguments) == 0
        said = capsys.readouterr()
        if call == 0:
            assert "my.csv has 0 texts with a label and 59 without." in said.out
            assert not (folder / "relabel.csv").exists()
        if not (batch := read_csv(folder / "next_batch.csv")):
            break
        how = [row["how"] for row in batch]
        assert set(how) == {"typical"} if call == 0 else how.count("random") == round(
            0.4 * len(batch))
        asked += answer(folder, lambda text: truth[key(text)], asked[:1] or [batch[0]["text"]])
        assert len({key(text) for text in asked}) == len(asked)  # no text twice
    assert call == 3 and "No text is left to label. The finished table" in said.out
    assert "If you stop now" not in said.out  # sixteen labels are no sample
    done = read_csv(folder / "labelled.csv")
    assert [(row["id"], row["Text"]) for row in done] == [(str(i), text) for i, text, _ in rows]
    assert all(row["Label"] == truth[key(row["Text"])] for row in done
               if row["Text"] and row["Text"] not in asked[:1])
    assert done[7]["Label"] == "dog"  # the copy's
    assert [row["Label"] for row in done if row["Text"] == asked[0]] in (["-"], [""])
    assert read_csv(folder / "predictions.csv") == []  # the text without a label is skipped
    assert next(row for row in read_csv(folder / "labels.csv") if row["text"] == asked[0])[
        "label"] == "-"


def test_the_next_batch_warns_and_takes_any_strategy(table, tmp_path, capsys):
    write, rows = table
    rows[9:] = [(i, text, c if n % 2 == 0 and c != "c" else "") for n, (i, text, c) in
                enumerate(rows[9:])]
    test = write([(1, "of the d kind, ddd", "d")], "test.csv")
    arguments = ["--dataset", write(rows), "--test", test, "--epochs", 1, "--seeds", 1, 2,
                 "--vectors", "hash", "--out", tmp_path / "results", "--random-share", 0]
    folder = tmp_path / "results" / "my.csv-paper-hash"
    for name in ("cal", "bald", "dal", "cal+dal", "badge", "random", "typiclust"):
        assert cal_main(*arguments, "--strategies", name, "--batch", 7) == 0
        said = capsys.readouterr()
        assert "1 class has fewer than 5 labels: c (3)." in said.out
        assert "1 class has no label yet: d." in said.out
        assert f"The accuracy on {test} is 0.000." in said.out
        assert ("needs networks: 2 of them pick" in said.out) == (name != "random")
        picked = read_csv(folder / "next_batch.csv")
        assert len({row["row"] for row in picked}) == 7 and {row["how"] for row in picked} == {name}
    assert cal_main(*arguments, "--batch", 70) == 0  # more than there are to label
    assert len(read_csv(folder / "next_batch.csv")) == sum(not c for *_, c in rows)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert cal_main(*arguments, "--batch", 70) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir() if p.suffix not in (".csv", "")] == []


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
    assert "my.csv has 48 texts with a label and 12 without." in capsys.readouterr().out
    kept = read_csv(folder / "labels.csv")
    assert {row["text"] for row in kept} == {cells[1][1:] for cells in picked[1:]}


def test_a_map_of_one_region_is_pointed_out(table, tmp_path, capsys):
    write, rows = table
    path = write([(i, f"{c * 3} {i}" + f" {c * 3}" * 150, c if i < 15 else "")
                  for i, _, c in rows])
    assert not cal_main("--dataset", path, "--out", tmp_path, "--seeds", 1, "--epochs", 100)
    assert "every labelled text (45) is easy to learn" in capsys.readouterr().err


def test_models_that_predict_one_class_doubt_nothing(table, tmp_path, capsys, monkeypatch):
    write, rows = table
    watched, train = [], next_batch.train
    monkeypatch.setattr(next_batch, "train", lambda *what: watched.append(train(*what)) or
                        watched[-1])
    path = write([(i, text, ("a" if n % 12 else "b") if n < 36 else "") for n, (i, text, c) in
                  enumerate(rows)])
    arguments = ["--dataset", path, "--out", tmp_path, "--seeds", 1, "--vectors", "hash"]
    (tmp_path / "my.csv-paper-hash").mkdir()
    old = tmp_path / "my.csv-paper-hash" / "relabel.csv"
    old.write_text("row,text,label,checked\n")
    assert cal_main(*arguments, "--epochs", 1) == 0
    said = capsys.readouterr()
    assert "the model predicts one class, 'a', for every text" in said.err and not old.exists()
    assert "Check labels" not in said.out and "You can stop" not in said.out
    write([(i, text, c if n < 36 else "") for n, (i, text, c) in enumerate(rows)])
    assert cal_main(*arguments) == 0
    assert "predicts one class" not in capsys.readouterr().err and old.exists()
    gold = watched[1][1].gold
    assert [len(w.gold) for _, w in watched] == [1, committee.epochs_for(36, 16)] != [1, 30]
    shown = explore.data_in(tmp_path / "my.csv-paper-hash" / "explore.html")["maps"][""]["full"]
    first, *_, last = np.frombuffer(base64.b64decode(shown["gold"]), np.uint8).reshape(30, -1)
    assert (sorted(first), sorted(last)) == tuple(sorted((gold[e] * 255).round()) for e in (0, -1))


@pytest.mark.parametrize("more, spoil, message", [
    (["--strategies", "cal", "lc"], None, "name one in --strategies"),
    (["--t-cor", "0.2", "0.4"], None, "one --t-cor"),
    (["--seed-size", "12"], None, "--seed-size is for experiments"),
    (["--ablate"], None, "--ablate is for experiments"),
    (["--protocol", "code"], None, "works only with --protocol paper and --model fast"),
    ([], lambda t: t.replace("label", "lable", 1), "next_batch.csv, row 2: its columns"),
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
    lines = [line for line in error.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1 and message in lines[0]




# ---- choosing -----------------------------------------------------------------------------------


def test_no_two_picks_are_near_duplicates_while_there_are_others():
    x = np.eye(6)[[0, 0, 1, 0, 2, 1, 3]] + 0.01 * np.random.default_rng(0).normal(size=(7, 6))
    rows = [0, 1, 2, 3, 4, 5, 6]
    assert next_batch.spread(x, rows, 3) == [0, 2, 4]
    assert next_batch.spread(x, rows[::-1], 4) == [6, 5, 4, 3]
    assert next_batch.spread(x, rows, 6) == [0, 1, 2, 3, 4, 6]  # filled up in the given order
    assert next_batch.spread(np.zeros((3, 2)), [2, 0], 5) == [2, 0]
    for cosine, want in ((0.96, [0, 2]), (0.94, [0, 1])):  # near-copies from 0.95 on
        x = np.array([[1, 0, 0], [cosine, np.sqrt(1 - cosine**2), 0], [0, 0, 1]])
        assert next_batch.spread(x, [0, 1, 2], 2) == want


def test_a_text_is_asked_for_once_and_not_where_it_is_skipped():
    d = data.of_arrays(np.zeros((6, 2)), [0] * 6, np.zeros((1, 2)), [0])
    d.texts, d.y = ["a b", "c", "A  b ", "d", "e", "c"], np.array([-1, -1, -1, 0, -1, -1])
    assert next_batch.askable(d).tolist() == [True, True, False, False, True, False]
    d.kind = np.array(["skipped", "", "", "", "skipped", ""])
    assert next_batch.askable(d).tolist() == [False, True, True, False, False, False]


def test_the_default_strategy_follows_the_labels_per_class(table, tmp_path):
    write, rows = table
    path = write([(i, text, c if n < 27 else "") for n, (i, text, c) in enumerate(rows)])
    test = write([(1, "of the d kind, ddd", "d")], "test.csv")  # a class that nobody has used
    arguments = ["--dataset", path, "--vectors", "hash", "--epochs", 1, "--seeds", 1, "--batch", 4,
                 "--random-share", 0, "--out", tmp_path / "out", "--test", test]
    folder, how = tmp_path / "out" / "my.csv-paper-hash", []
    for labels in (27, 30):  # of three classes
        copies = [rows[0]] * (30 - labels)  # a text counts once
        write([(i, text, c if n < labels else "") for n, (i, text, c) in enumerate(rows)] + copies)
        assert cal_main(*arguments) == 0
        how.append({row["how"] for row in read_csv(folder / "next_batch.csv")})
    assert how == [{"random"}, {"margin"}]
    assert cal_main(*arguments, "--strategies", "entropy") == 0
    assert {row["how"] for row in read_csv(folder / "next_batch.csv")} == {"entropy"}


@pytest.mark.parametrize("n", [60, 15])  # with a model, and with too few labels for one
def test_a_table_whose_copies_have_every_label_is_finished(table, tmp_path, capsys, n):
    """It is no simulation, because rows have no label in the file; noise is for those alone."""
    write, rows = table
    path = write([*rows[:n], *((90 + i, text.upper(), "") for i, text, _ in rows[:4])])
    arguments = ["--dataset", path, "--vectors", "hash", "--epochs", 1, "--seeds", 1, "--out",
                 tmp_path / "out", "--batch", 50]
    assert cal_main(*arguments) == 0
    told = capsys.readouterr().out
    assert ("No text is left to label" if n == 60 else "There is no text to ask for") in told
    folder = tmp_path / "out" / "my.csv-paper-hash"
    assert f"{folder / 'labelled.csv'}" in told and not (folder / "runs").exists()
    for row, (_, _, label), at in zip(read_csv(folder / "labelled.csv")[n:], rows, range(2, 6)):
        assert (row["label"], row["source"]) == (label, f"copied from row {at}")
    if n == 60:
        assert [row["label"] for row in read_csv(folder / "finished.csv")] == [
            c for _, _, c in [*rows, *rows[:4]]]
    assert cal_main(*arguments, "--noise", 0.2) == 2
    assert "some rows have no label, and --noise is" in capsys.readouterr().err


def test_columns_beside_a_text_and_predictions_that_are_accepted(table, tmp_path):
    write, rows = table
    path = write([(i, text, c if n < 45 else "") for n, (i, text, c) in enumerate(rows)])
    arguments = ["--dataset", path, "--vectors", "hash", "--epochs", 1, "--seeds", 1, "--batch", 5,
                 "--out", tmp_path / "out", "--show", "id"]
    folder = tmp_path / "out" / "my.csv-paper-hash"
    assert cal_main(*arguments, "--accept", 0.5) == 0
    own = {int(row["row"]): row["id"] for row in read_csv(folder / "next_batch.csv")}
    table_of = read_csv(path)
    assert own == {number: table_of[number - 2]["id"] for number in own} and len(own) == 5
    predicted = {int(row["row"]): row for row in read_csv(folder / "predictions.csv")}
    for number, row in enumerate(read_csv(folder / "labelled.csv"), 2):
        said = predicted.get(number)
        if said and float(said["probability"]) >= 0.5:
            assert row["label"] == said["predicted"]
            assert row["source"] == f"accepted at {float(said['probability']):.2f}"
        else:
            assert row["source"] in ("yours", "") and row["label"] == table_of[number - 2]["label"]
    assert any(row["source"].startswith("accepted") for row in read_csv(folder / "labelled.csv"))
    done = read_csv(folder / "finished.csv")
    assert [row["id"] for row in done] == [row["id"] for row in table_of]
    for number, row in enumerate(done, 2):
        if own_label := table_of[number - 2]["label"]:
            want = (own_label, "person", "", "yes")
        else:
            said = predicted[number]
            want = (said["predicted"], "model", said["probability"],
                    "yes" if float(said["probability"]) >= 0.5 else "look")
        assert tuple(row[name] for name in ("label", "source", "probability", "accept")) == want
    assert cal_main(*arguments, "--no-source") == 0
    assert list(read_csv(folder / "labelled.csv")[0]) == ["id", "text", "label"]
    assert cal_main(*arguments[:-1], "nope") == 2


def test_two_people_a_list_of_classes_and_what_they_look_at_again(table, tmp_path, capsys):
    write, rows = table
    path = write([(i, text, c if n < 30 else "") for n, (i, text, c) in enumerate(rows)],
                 header=("who", "text", "label"))
    (tmp_path / "classes.txt").write_text("a\nb\nnever\n")
    folder = tmp_path / "out" / "my.csv-paper-hash"
    arguments = ["--dataset", path, "--vectors", "hash", "--epochs", 1, "--seeds", 1, "--batch", 15,
                 "--out", tmp_path / "out", "--random-share", 1, "--annotator", "ann", "bob",
                 "--classes", tmp_path / "classes.txt"]
    assert cal_main(*arguments) == 0
    out, error = capsys.readouterr()
    assert "does not have the class 'c' of rows" in error and "no label yet: never" in out
    batch = read_csv(folder / "next_batch.csv")
    assert {row["how"] for row in batch} == {"random"} and {row["batch"] for row in batch} == {"1"}
    people = Counter(row["row"] for row in batch)
    assert len(people) == 15 and sorted(people.values()) == [1] * 13 + [2] * 2
    assert Counter(row["who"] for row in batch) == {"ann": 9, "bob": 8}
    table_of = read_csv(path)
    assert all(row["who_"] == table_of[int(row["row"]) - 2]["who"] for row in batch)
    twice = [row for row in batch if people[row["row"]] == 2]
    truth = {text: c for _, text, c in rows}
    for row in batch:
        row["label"] = truth[row["text"]]
    twice[-1]["label"] = "a" if twice[-1]["label"] != "a" else "b"  # they do not agree on one
    write_csv(folder / "next_batch.csv", batch[0], [row.values() for row in batch])
    assert cal_main(*arguments) == 0
    out, error = capsys.readouterr()
    assert "1 text with different answers" in error
    agreed = "ann and bob agree on 1 of the 2 texts that both have labelled (50%"
    assert agreed in out and agreed in (folder / "summary.md").read_text()
    again = read_csv(folder / "relabel.csv")
    assert again[0]["text"] == twice[-1]["text"] and again[0]["why"] == (
        f"another answer by {twice[-2]['who']}")
    sources = {row["text"]: row["source"] for row in read_csv(folder / "labelled.csv")}
    assert sources[batch[0]["text"]].endswith("in batch 1 (random)")
    assert {row["batch"] for row in read_csv(folder / "next_batch.csv")} == {"2"}
    sample = int(read_csv(folder / "progress.csv")[-1]["sample"])
    kept = (folder / "labels.csv").read_bytes()
    write_csv(folder / "relabel.csv", again[0], [[*list(again[0].values())[:-1], "Yes"]])
    assert list(again[0])[-1] == "checked" and cal_main(*arguments) == 2  # not a label
    assert "label 'Yes', which no other text has; write the right label" in capsys.readouterr().err
    assert (folder / "labels.csv").read_bytes() == kept
    for row in again:  # all of them are looked at, and the right label is given
        row["checked"] = truth[row["text"]]
    write_csv(folder / "relabel.csv", again[0], [row.values() for row in again])
    assert cal_main(*arguments) == 0
    out, error = capsys.readouterr()
    kept = [row for row in read_csv(folder / "labels.csv") if row["reviewed"]]
    assert {row["text"] for row in kept} == {row["text"] for row in again}
    assert {row["how"] for row in kept} <= {"random", ""} and "different answers" not in error
    assert int(read_csv(folder / "progress.csv")[-1]["sample"]) == sample
    assert not {row["text"] for row in read_csv(folder / "relabel.csv")} & {
        row["text"] for row in again} and agreed in out
    if len(again) > 1:
        assert f"Of the {len(again)} labels that you looked at again," in out
    assert cal_main(*arguments, "--annotator", "ann ", " bob") == 0  # read back without spaces
    assert {row["who"] for row in read_csv(folder / "next_batch.csv")} <= {"ann", "bob"}
    capsys.readouterr()
    assert cal_main(*arguments, "--annotator", "ann", "bob", "ann ") == 2
    assert "'ann' is there twice; give each person another one" in capsys.readouterr().err


def test_copies_of_a_text_that_is_asked_for_are_counted_as_the_project_counts_them():
    rows = SimpleNamespace(texts=["One", "two", " one ", "ONE"], row_numbers=np.array([2, 3, 5, 9]))
    batch = asking.Batch([0, 1], {0: "a", 1: "b"}, 1, ["id"], {0: ["x"], 1: ["y"]})
    shown = asking.asked(SimpleNamespace(data=rows, annotators=()), batch)
    assert [(item["row"], item["how"], item["copies"], item["context"]) for item in shown] == [
        (2, "a", 3, [("id", "x")]), (3, "b", 1, [("id", "y")])]


def test_a_batch_is_shared_evenly():
    for people, k in ((2, 50), (3, 50), (4, 7), (1, 5), (0, 5)):
        names = [f"p{i}" for i in range(people)]
        pairs = asking.shared(list(range(k)), names)
        rows, who = Counter(row for row, _ in pairs), Counter(name for _, name in pairs)
        assert set(rows) == set(range(k)) and len(set(pairs)) == len(pairs)
        assert sum(n == 2 for n in rows.values()) == (-(-k // 10) if people > 1 else 0)
        assert set(who) == set(names or [""]) and max(who.values()) - min(who.values()) <= 2
