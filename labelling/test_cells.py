"""Every cell that a person reads: the files and sentences of a next batch, worked out again."""

import base64
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import strategies
from labelling import committee, honest, judge, kernel, model, next_batch, outcome
from page import explore
from plumbing.files import write_csv
from tables.answers import Answer, Answers
from test_cal import cal_main, read_csv, view_of

CLASSES = "abcr"  # r is rare


def rows_of(N=130, seed=4):
    """(id, text, label as a person would give it) of N texts; a fifth has words of two classes."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(N):
        c = "r" if i % 13 == 5 else CLASSES[rng.integers(3)]
        words = [f"{c}{w}" for w in rng.integers(0, 9, 4)]
        if i % 5 == 0:
            words += [f"{CLASSES[rng.integers(3)]}{w}" for w in rng.integers(0, 9, 4)]
        rows.append([i, " ".join([*rng.permutation(words), f"t{i}"]), c])
    return rows


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    """One call on a table with blank rows and blank lines, some wrong labels, answers and a test
    file; what it saw (request, team, view, watched), and the folder with what it wrote."""
    tmp_path, rows = tmp_path_factory.mktemp("cells"), rows_of()
    truth = {text: c for _, text, c in rows}
    labelled = set(np.random.default_rng(1).permutation(130)[:80].tolist())
    given = [c if i in labelled else "" for i, _, c in rows]
    wrong = [i for i in sorted(labelled) if i % 17 == 3]
    for i in wrong:
        given[i] = "b" if given[i] == "a" else "a"
    lines = ["id,text,label", "x,,a"]  # a row without a text, and lines without anything
    for i, text, _ in rows:
        lines += [f"{i},{text},{given[i]}", *([""] if i in (4, 60) else [])]
    (tmp_path / "my.csv").write_text("\n".join(lines) + "\n")
    number = {line.split(",")[1]: n for n, line in enumerate(lines, 1) if line}
    test = [[i, f"{text} new", "c" if i % 3 else c] for i, text, c in rows_of(30, 9)]
    write_csv(tmp_path / "test.csv", ["id", "text", "label"], test)
    folder = tmp_path / "out" / "my.csv-paper-hash"
    folder.mkdir(parents=True)
    free = [i for i in range(130) if i not in labelled]
    how = [*["margin"] * 8, *["random"] * 6, *[""] * 4]
    answers = [[number[rows[i][1]], rows[i][1], rows[i][2], way] for i, way in zip(free, how)]
    corrected = wrong[0]
    answers.append([number[rows[corrected][1]], rows[corrected][1], rows[corrected][2],
                    "corrected"])
    write_csv(folder / "labels.csv", ["row", "text", "label", "how"], answers)
    seen, watch, judged = {}, next_batch.watch, next_batch.judge

    def watching(request, team, free):
        seen.update(request=request, team=team, free=free.copy())
        seen["view"], seen["watched"] = watch(request, team, free)
        return seen["view"], seen["watched"]

    with pytest.MonkeyPatch.context() as patch, pytest.MonkeyPatch.context() as out:
        said = []
        patch.setattr(next_batch, "watch", watching)
        out.setattr("builtins.print", lambda *words, **_: said.append(" ".join(map(str, words))))
        assert cal_main("--dataset", tmp_path / "my.csv", "--test", tmp_path / "test.csv", "--out",
                        tmp_path / "out", "--vectors", "hash", "--seeds", 1, 2, "--batch", 20,
                        "--epochs", 12, "--show", "id") == 0
    assert judged is next_batch.judge
    return SimpleNamespace(**seen, folder=folder, said="\n".join(said), number=number, truth=truth,
                           given={rows[i][1]: given[i] for i in range(130)}, rows=rows, test=test,
                           answers=answers)


def p_of(call, text):
    """p(y | x) of a text of the table."""
    return call.team.p[call.request.data.texts.index(text)]


def test_the_next_batch_s_cells(call):
    d, batch = call.request.data, read_csv(call.folder / "next_batch.csv")
    unlabelled = {d.texts[i] for i in np.flatnonzero(call.free)}
    assert len(batch) == 20 == len({row["text"] for row in batch})
    for row in batch:
        text = row["text"]
        p = p_of(call, text)
        assert text in unlabelled and row["row"] == str(call.number[text]) and row["label"] == ""
        assert row["id"] == text.split("t")[-1] and row["predicted"] == d.classes[p.argmax()]
    assert [row["how"] for row in batch] == ["margin"] * 16 + ["random"] * 4
    top = [np.sort(p_of(call, row["text"])) for row in batch[:16]]
    scores = [p[-2] - p[-1] for p in top]
    assert scores == sorted(scores, reverse=True) and (d.y >= 0).sum() == 80 + 18


def test_the_predictions_cells(call):
    d, rows = call.request.data, read_csv(call.folder / "predictions.csv")
    assert {row["text"] for row in rows} == {d.texts[i] for i in np.flatnonzero(d.y < 0)}
    for row in rows:
        p = p_of(call, row["text"])
        assert row["row"] == str(call.number[row["text"]])
        assert row["predicted"] == d.classes[p.argmax()]
        assert float(row["probability"]) == pytest.approx(p.max(), abs=6e-5)


def test_the_doubts_cells(call):
    d, team, rows = call.request.data, call.team, read_csv(call.folder / "relabel.csv")
    place = {d.texts[row]: i for i, row in enumerate(team.rows)}
    wrong = honest.wrong_labels(team.fitted.left_out, team.y, team.found)
    assert len(rows) >= 3
    for row in rows:
        text, i = row["text"], place[row["text"]]
        given = dict((a[1], a[2]) for a in call.answers).get(text) or call.given[text]
        assert row["row"] == str(call.number[text]) and row["label"] == given
        assert row["model"] == d.classes[team.fitted.left_out[i].argmax()] != given
        assert float(row["wrong"]) == pytest.approx(wrong[i], abs=6e-4)
        for name, values in call.watched.map._asdict().items():
            assert float(row[name]) == pytest.approx(values[i], abs=6e-5)
    order = [float(row["wrong"]) for row in rows]
    assert order == sorted(order, reverse=True)
    checked = call.answers[-1][1]  # corrected by a person: its answer counts, and is not asked for
    assert d.classes[d.y[d.texts.index(checked)]] == call.truth[checked] != call.given[checked]
    assert checked not in {row["text"] for row in rows}
    first, match = rows[0], re.search(r"is in row (\d+), .*\n +The label is (\w+); the model "
                                      r"predicts (\w+)\.", call.said)
    assert match.groups() == (first["row"], first["label"], first["model"])


def test_what_is_said_of_the_regions_and_of_the_test_file(call):
    counts = [int(n) for n in re.search(r"learn: (\d+); ambiguous: (\d+); hard: (\d+)",
                                        call.said).groups()]
    phi = call.watched.map.correctness
    assert counts == [(phi > 0.7999).sum(), ((phi > 0.2001) & (phi < 0.7999)).sum(),
                      (phi < 0.2001).sum()] and len(set(counts)) == 3
    N, d = len(call.request.data.texts), call.request.data
    right = np.mean([d.classes[p.argmax()] == c for p, (_, _, c) in zip(call.team.p[N:],
                                                                       call.test)])
    assert f"test.csv is {right:.3f}." in call.said and len(call.team.p) == N + 30
    assert len(call.watched.gold) == 12 and "98 texts with a label and 32 without" in call.said


def test_the_page_shows_the_same(call):
    d, team, D = call.request.data, call.team, explore.data_in(call.folder / "explore.html")
    batch = read_csv(call.folder / "next_batch.csv")
    assert [str(item["row"]) for item in D["todo"]] == [row["row"] for row in batch]
    for item, row in zip(D["todo"], batch):
        p = p_of(call, item["text"])
        assert item["predicted"] == row["predicted"] and item["how"] == row["how"]
        assert [c for c, _ in item["likely"]] == [d.classes[c] for c in np.argsort(-p)]
        assert [q for _, q in item["likely"]] == pytest.approx(np.sort(p)[::-1], abs=6e-4)
        assert item["context"] == [["id", row["id"]]] and item["copies"] == 1
    doubts = read_csv(call.folder / "relabel.csv")
    assert [[str(x["row"]), x["text"], x["label"], x["model"]] for x in D["doubts"]] == [
        [row["row"], row["text"], row["label"], row["model"]] for row in doubts]
    assert sorted(tuple(kept[:4]) for kept in D["kept"]) == sorted(map(tuple, call.answers))
    others = {d.texts[i] for i in np.flatnonzero(call.free)} - {row["text"] for row in batch}
    assert set(D["rest"]["texts"]) == others and D["rest"]["all"] == len(others)
    for number, text, likely in zip(*(D["rest"][name] for name in ("rows", "texts", "likely"))):
        p = p_of(call, text)
        assert number == call.number[text] and [c for c, _ in likely] == list(np.argsort(-p)[:3])
        assert [q for _, q in likely] == pytest.approx(np.sort(p)[::-1][:3], abs=6e-3)
    place = {d.texts[row]: i for i, row in enumerate(team.rows)}
    shown = D["maps"][""]["full"]
    gold, said = (np.frombuffer(base64.b64decode(shown[name]), np.uint8).reshape(
        shown["epochs"], -1) for name in ("gold", "said"))
    assert D["texts"] != sorted(D["texts"], key=lambda text: place[text])  # so that places tell
    for k, i in enumerate(shown["at"]):
        j = place[D["texts"][i]]
        assert D["numbers"][i] == call.number[D["texts"][i]]
        assert D["classes"][D["y"][i]] == d.classes[d.y[team.rows[j]]]
        assert gold[:, k].mean() / 255 == pytest.approx(call.watched.map.confidence[j], abs=4e-3)
        phi = (said[:, k] == D["y"][i]).mean()
        assert phi == pytest.approx(call.watched.map.correctness[j], abs=1e-9)


def test_the_classes_and_the_progress_cells(call):
    d, team = call.request.data, call.team
    own, y, rest = team.fitted.left_out.argmax(1), team.y, np.flatnonzero(d.y < 0)
    by_hand = {a[1] for a in call.answers[:8]}  # picked by margin; the others by no strategy
    sample = np.array([d.texts[row] not in by_hand and d.texts[row] != call.answers[-1][1]
                       for row in team.rows])
    assert (team.sample == sample).all()
    for c, row in enumerate(read_csv(call.folder / "classes.csv")):
        assert row["class"] == d.classes[c] and int(row["labels"]) == (y == c).sum()
        assert int(row["random labels"]) == ((y == c) & sample).sum()
        for name, right in (("recall", (own == c)[y == c]), ("precision", (y == c)[own == c])):
            assert row[name] == f"{right.mean():.3f}"
        low, high = wilson(row_share := (own == c)[y == c].mean(), (y == c).sum())
        assert float(row["recall_low"]) == pytest.approx(low, abs=6e-4) and row_share >= 0
        assert float(row["recall_high"]) == pytest.approx(high, abs=6e-4)
        assert int(row["predicted"]) == (team.p[rest].argmax(1) == c).sum()
        assert float(row["expected"]) == pytest.approx(team.p[rest, c].sum(), abs=0.06)
    least = re.search(r"found least: (.*?)\. All", call.said)[1].split(", ")
    found = sorted(((own == c)[y == c].mean(), d.classes[c], (y == c).sum()) for c in range(4)
                   if (y == c).sum() >= 5)
    assert least == [f"{name} {mean:.0%} of {n}" for mean, name, n in found] and len(found) > 2
    share, low, high = honest.accuracy(team.p[rest].max(1), team.fitted.left_out, y, sample,
                                       team.found)
    said = (f"about {100 * share:.0f} % of the {len(rest)} texts without a label get the right"
            f" class in finished.csv (95 % range {100 * low:.0f} to {100 * high:.0f} %)")
    assert said in call.said and f"from {sample.sum()} labels" in call.said and low < share < high
    now = read_csv(call.folder / "progress.csv")[-1]
    assert [float(now[k]) for k in ("labelled", "sample", "accuracy", "low", "high")] == (
        pytest.approx([98, sample.sum(), share, low, high], abs=6e-5))
    assert [float(now[k]) for k in ("gain", "gain_low", "gain_high")] == pytest.approx(
        team.gain(20), abs=6e-5)


def test_the_summary_has_the_same_numbers(call):
    text = (call.folder / "summary.md").read_text(encoding="utf-8")
    tables = [[line.strip("| ").split(" | ") for line in part.splitlines() if line[:1] == "|"][2:]
              for part in text.split("## Over the batches")[1].split("## Classes")]
    now, classes = (read_csv(call.folder / f"{name}.csv") for name in ("progress", "classes"))
    assert tables[0] == [[now[0]["labelled"], now[0]["accuracy"],
                          f"{now[0]['low']} to {now[0]['high']}", f"+{now[0]['gain']}"]]
    classes.sort(key=lambda row: float(row["recall"]))
    assert [row[0] for row in tables[1]] == [row["class"] for row in classes]
    for (_, labels, recall, span, expected), row in zip(tables[1], classes):
        assert (labels, float(expected)) == (row["labels"], pytest.approx(float(row["expected"])))
        assert [float(v) for v in (recall, *span.split(" to "))] == pytest.approx(
            [float(row[k]) for k in ("recall", "recall_low", "recall_high")], abs=6e-3)
    assert len({row["recall"] for row in classes}) == 4


def wilson(share, n, z=1.96):
    """Wilson's interval (1927)."""
    middle, half = share + z**2 / (2 * n), z * np.sqrt(share * (1 - share) / n + (z / (2 * n))**2)
    return (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)


def test_the_finished_table_s_cells(call):
    rows = read_csv(call.folder / "labelled.csv")
    answered = {a[1]: a for a in call.answers}
    assert len(rows) == 131 and rows[0]["text"] == "" and rows[0]["source"] == "yours"
    for row in rows[1:]:
        text, own = row["text"], call.given[row["text"]]
        if text in answered:
            how = answered[text][3]
            assert row["label"] == answered[text][2]
            assert row["source"] == ("corrected" if how == "corrected" else
                                     f"answered ({how})" if how else "answered")
        else:
            assert (row["label"], row["source"]) == (own, "yours" if own else "")


def test_what_is_marked_to_accept_follows_the_option(call, tmp_path):
    for accept, least in ((None, 0.9), (0.6, 0.6)):
        request = replace(call.request, accept=accept, folder=tmp_path)
        outcome.write_finished(request, Answers(), call.team.p)
        rows = [row for row in read_csv(tmp_path / "finished.csv") if row["source"] == "model"]
        shares = [float(row["probability"]) for row in rows]
        assert [row["accept"] for row in rows] == [
            "yes" if share >= least else "look" for share in shares]
    assert any(0.6 <= share < 0.9 for share in shares) and len(rows) == 32


# ---- how texts are chosen -----------------------------------------------------------------------


def request_of(x, **more):
    return SimpleNamespace(**{"batch": 10, "strategy": "fixed", "random_share": 0.5,
                              "data": SimpleNamespace(x=x), **more})


def test_the_random_share_is_drawn_from_all_free_rows(monkeypatch):
    x, places = np.eye(60), []
    monkeypatch.setitem(strategies.STRATEGIES, "fixed", lambda view, k: view.pick(
        -torch.arange(60.0)[None], k))
    for n in range(5, 35):  # the number of labels seeds the draw
        view, free = view_of(x, range(n)), np.arange(60) >= n
        rows, how = next_batch.choose(request_of(x), view, free)
        drawn = [row for row in rows if how[row] == "random"]
        assert len(rows) == 10 == len(set(rows)) and len(drawn) == 5 and all(free[drawn])
        first = [row for row in np.flatnonzero(free) if row not in drawn][:5]
        assert [row for row in rows if how[row] == "fixed"] == first
        places += [(row - n) / (59 - n) for row in drawn]
    assert 0.42 < np.mean(places) < 0.58 and min(places) < 0.05 and max(places) > 0.95


def test_no_near_duplicate_is_left_out_of_what_is_drawn_at_random():
    """The accuracy is estimated from them, so they are a random sample whatever the vectors are."""
    drawn = [next_batch.choose(request_of(x, strategy="random", random_share=0.2),
                               view_of(x, range(5)), np.arange(60) >= 5)
             for x in (np.eye(60), np.repeat(np.eye(12, 60), 5, axis=0))]  # five of a kind
    (rows, how), again = drawn
    assert (rows, how) == again and len(rows) == 10 and set(how.values()) == {"random"}


def test_half_dal_half_cal_is_dealt_in_turn(monkeypatch):
    x = np.eye(40)
    monkeypatch.setitem(strategies.STRATEGIES, "cal+dal", lambda view, k: torch.arange(5, 5 + k)[
        None])
    rows, _ = next_batch.choose(request_of(x, strategy="cal+dal", batch=5, random_share=0),
                                view_of(x, range(5)), np.arange(40) >= 5)
    assert rows == [5, 10, 6, 11, 7]  # ten were asked for: 5 to 9 by CAL, 10 to 14 by DAL


def small_request(seeds, epochs=6):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = (rng.normal(size=(60, 8)) + 2 * np.eye(3, 8)[y]).astype(np.float32)
    return SimpleNamespace(data=SimpleNamespace(x=x, y=y, classes=["a", "b", "c"]), seeds=seeds,
                           device="cpu", minibatch=8, epochs=epochs, t_cor=0.2)


def test_a_strategy_s_sentence_has_labels_instead_of_a_round(capsys):
    """All texts are high-cor at this threshold; the draws are those of the plain number."""
    L, free = np.arange(20), np.arange(60) >= 20
    request = SimpleNamespace(**{**vars(small_request((1, 2))), "t_cor": -1})
    view, _ = committee.train(request, L, free)
    strategies.STRATEGIES["cal"](view, 2)
    said = capsys.readouterr().err
    assert said.startswith("round with 20 labels, seed [1, 2]: all of L is in one")
    plain = replace(view, round=20)
    assert (strategies.chance(view, "x") == strategies.chance(plain, "x")).all()


def test_a_committee_s_map_is_the_mean_over_its_models():
    L, free = np.arange(30), np.arange(60) >= 30
    (both, mean), *alone = (committee.train(small_request(seeds), L, free)
                            for seeds in ((1, 2), (1,), (2,)))
    for name in mean.map._fields:
        one, other = (getattr(watched.map, name) for _, watched in alone)
        np.testing.assert_allclose(getattr(mean.map, name), (one + other) / 2, atol=1e-6)
        assert np.abs(one - other).max() > 1e-4
    np.testing.assert_allclose(mean.gold, sum(w.gold for _, w in alone) / 2, atol=1e-6)
    assert len(mean.gold) == 6 and both.probs().shape == (2, 60, 3)
    p = both.probs()[:, :30]
    assert mean.said[-1].tolist() == p.mean(0).argmax(-1).tolist() != p[0].argmax(-1).tolist()
    assert both.by_jury(lambda runs: [30 + len(runs), 41]).tolist() == [[32, 41]] * 2


@pytest.mark.parametrize("phi, region", [(0.8, 0), (0.79, 1), (0.21, 1), (0.2, 2), (1, 0), (0, 2),
                                         (np.mean([1] * 24 + [0] * 6), 0), (6 / 30, 2)])
def test_borders_belong_to_the_outer_regions(phi, region):
    assert next_batch.region_of(np.array([phi])).tolist() == [region]


# ---- before there is a model, and at the end ----------------------------------------------------


def arguments_of(path, out, *more):
    return ["--dataset", path, "--out", out, "--vectors", "hash", "--seeds", 1, "--epochs", 2,
            "--batch", 6, *more]


def test_a_first_batch_keeps_off_labelled_texts_and_clears_what_is_old(tmp_path, capsys):
    points = np.random.default_rng(0).normal(size=(35, 12))
    x = points[[*range(25), *range(10), *range(25, 35)]]  # ten texts stand where labelled ones do
    np.save(tmp_path / "x.npy", x.astype(np.float32))
    write_csv(tmp_path / "my.csv", ["text", "label"],
              [[f"text {i}", "a" if i < 25 else ""] for i in range(45)])
    folder = tmp_path / "out" / "my.csv-paper-x"
    folder.mkdir(parents=True)
    old = ["relabel.csv", "map.png", "predictions.csv", "finished.csv"]
    for name in old:
        (folder / name).write_text("row,text,label,checked\n")
    assert cal_main(*arguments_of(tmp_path / "my.csv", tmp_path / "out", "--vectors",
                                  tmp_path / "x.npy")) == 0
    assert not any((folder / name).exists() for name in old)
    batch = read_csv(folder / "next_batch.csv")  # 25 labels, but of one class
    assert {row["how"] for row in batch} == {"typical"} and "no model has chosen" in (
        capsys.readouterr().out)
    assert all(int(row["text"].split()[1]) >= 35 for row in batch) and len(batch) == 6
    rest = explore.data_in(folder / "explore.html")["rest"]  # what the page can find
    asked = {row["text"] for row in batch}
    assert {*rest["texts"]} == {f"text {i}" for i in range(25, 45)} - asked and rest["all"] == 14


def test_a_table_whose_every_row_was_answered_is_finished(tmp_path, capsys):
    texts = [f"text {i} of {'ab'[i % 2] * 3}" for i in range(40)]
    write_csv(tmp_path / "my.csv", ["text", "label"], [[text, "ab"[i % 2] if i < 30 else ""]
                                                       for i, text in enumerate(texts)])
    folder = tmp_path / "out" / "my.csv-paper-hash"
    folder.mkdir(parents=True)
    write_csv(folder / "labels.csv", ["row", "text", "label", "how"],
              [[i + 2, texts[i], "ab"[i % 2], "random"] for i in range(30, 40)])
    write_csv(folder / "next_batch.csv", ["row", "text", "how", "label"],
              [[2, texts[0], "random", ""]])  # asked for, and answered in the table itself
    assert cal_main(*arguments_of(tmp_path / "my.csv", tmp_path / "out")) == 0
    said = capsys.readouterr().out
    assert "No text is left to label" in said and "Every text has a label or is" in said
    assert not (folder / "runs").exists() and read_csv(folder / "next_batch.csv") == []
    assert [row["label"] for row in read_csv(folder / "labelled.csv")] == ["a", "b"] * 20
    kept = {row["text"]: (row["label"], row["how"]) for row in read_csv(folder / "labels.csv")}
    assert kept == {texts[i]: ("ab"[i % 2], "random") for i in (0, *range(30, 40))}


# ---- whether to stop ----------------------------------------------------------------------------


def made_up(n=1000, rest=200, right=0.9, sample=None):
    """(request, model.Model) of n labels of three classes whose left-out scores are made up."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    own = np.where(rng.random(n) < right, y, (y + 1) % 3)
    left_out = np.eye(3)[own] + 0.01 * rng.random((n, 3))
    p = np.full((n + rest, 3), 0.02) + 0.94 * np.eye(3)[np.arange(n + rest) % 3]
    fitted = kernel.Fitted(np.zeros((n + rest, 3)), left_out, {"words": 1.0}, 0.1)
    sample = np.ones(n, bool) if sample is None else sample
    team = model.Model({}, np.arange(n), np.eye(3)[y], y, fitted, honest.Calibration(4.0), p,
                       sample)
    team.__dict__["halves"] = np.arange(n), (own == y).astype(float)  # halves know as much
    data = SimpleNamespace(y=np.r_[y, np.full(rest, -1)], classes=["a", "b", "c"], name="my.csv",
                           texts=[f"text {i}" for i in range(n + rest)], kind=None,
                           row_numbers=np.arange(n + rest) + 2)
    return SimpleNamespace(data=data, batch=40, accept=None, classes=()), team


def advice(folder, request, team, one=False):
    request.folder = folder
    return judge.judge(request, team, np.flatnonzero(request.data.y >= 0), one, Answers(),
                       ["Label 40 texts next: a|b"])


def test_nothing_is_said_of_texts_that_are_skipped(tmp_path):
    request, team = made_up(n=300, rest=40)
    request.data.kind = np.array([""] * 300 + ["skipped"] * 40)
    said = advice(tmp_path, request, team)
    assert "Every text has a label or is skipped (-)." in said
    assert not any(word in said for word in ("stop", "Go on", "accept"))
    outcome.write_predictions(tmp_path / "p.csv", request.data, team.p)
    assert read_csv(tmp_path / "p.csv") == []
    request.data.kind[-1] = ""
    outcome.write_predictions(tmp_path / "p.csv", request.data, team.p)
    assert [row["row"] for row in read_csv(tmp_path / "p.csv")] == ["341"]
    assert "of the 1 text without a label" in advice(tmp_path, request, team)


def test_the_range_is_wider_where_copies_fill_the_rest(tmp_path):
    request, team = made_up(n=300, right=0.8)
    width = {}
    for name, copies in (("none", 1), ("some", 120)):
        request.data.texts[300:] = [f"Text{'.' * (i < copies)}" if i < copies else f"text {i}"
                                    for i in range(200)]
        said = re.search(r"range (\d+) to (\d+) %", advice(tmp_path, request, team))
        width[name] = int(said[2]) - int(said[1])
    times = np.r_[120, np.ones(80)]
    _, low, high = honest.accuracy(team.p[300:].max(1), team.fitted.left_out, team.y,
                                   np.ones(300, bool), team.found, times)
    assert width["some"] == pytest.approx(100 * (high - low), abs=1)
    assert width["some"] > 3 * width["none"]


def test_stop_is_said_where_every_condition_holds_and_only_there(tmp_path):
    assert "You can stop: 40 more" in advice(tmp_path, *made_up())
    said = advice(tmp_path, *made_up(), one=True)
    assert "Go on: 40 more" in said and "but the model predicts one class for every text" in said
    request, team = made_up()
    team.y[:] = np.where(team.y == 2, 0, team.y)
    team.y[5] = 2  # a class with one label; all else is as if enough were known
    own = np.where(np.arange(1000) % 10 == 0, 1 - team.y.clip(max=1), team.y)
    team.fitted.left_out[:] = np.eye(3)[own]
    team.__dict__["halves"] = np.arange(1000), (own == team.y) * 1.0
    assert team.gain(50)[2] < judge.STOP and team.accuracy(np.arange(1000, 1200))[0] > 0.8
    said = advice(tmp_path, request, team)
    assert "Go on" in said and "but a class has fewer than 5 labels" in said
    team.y[5] = 0
    assert "You can stop" in advice(tmp_path, request, team)
    request, team = made_up(right=0.3)  # no better than the largest class
    assert 0.2 < team.accuracy(np.arange(1000, 1200))[0] < 0.33
    assert "Go on" in (said := advice(tmp_path, request, team)) and "largest class, so" in said
    request, team = made_up(right=0.3, sample=np.arange(1000) < 90)  # may be better: not known
    about, _, high = team.accuracy(np.arange(1000, 1200))
    assert about < 1 / 3 < high and "largest class, so" in advice(tmp_path, request, team)
    request, team = made_up(sample=np.arange(1000) < 15)
    said = advice(tmp_path, request, team)  # nothing is known of the accuracy
    assert "Go on" in said and "15 labels are of texts that no strategy has picked, and 20" in said


def test_stop_looks_at_the_high_end_of_what_fifty_labels_add(tmp_path):
    request, team = made_up(n=300, right=0.6)
    places, halves = team.halves  # as often right, but at random: the range is wide
    team.__dict__["halves"] = places, np.random.default_rng(1).permutation(halves)
    assert team.gain(50)[1] == 0 and team.gain(50)[2] > judge.STOP > team.gain(2)[2]
    request.batch = 2
    said = advice(tmp_path, request, team)
    about, low, high = (100 * v for v in team.gain(2))
    assert f"Go on: 2 more labels are expected to add {about:.1f} points of accuracy" in said
    assert f"({low:.1f} to {high:.1f})" in said
    request.batch = 500
    assert "Go on: 200 more labels" in advice(tmp_path, request, team)  # no more than there are


def test_sure_predictions_are_judged_by_labels_predicted_as_surely(tmp_path):
    request, team = made_up(n=300)
    rng = np.random.default_rng(2)
    sure = rng.random(300) < 0.5
    own = np.where(rng.random(300) < np.where(sure, 0.95, 0.4), team.y, (team.y + 1) % 3)
    team.fitted.left_out[:] = np.where(sure, 2.0, 0.2)[:, None] * np.eye(3)[own]
    wrong = own[sure] != team.y[sure]
    low, high = wilson(wrong.mean(), sure.sum())
    assert ("200 predictions of at least 0.9, marked to accept: about"
            f" {100 * wrong.mean():.0f} in 100 ({100 * low:.0f} to {100 * high:.0f}) differ") in (
                advice(tmp_path, request, team))
    request.accept = 0.5  # as which all labels are predicted
    assert f"at least 0.5, marked to accept: about {100 * (own != team.y).mean():.0f} in 100" in (
        advice(tmp_path, request, team))


def test_a_class_whose_texts_all_lie_beyond_what_is_solved_exactly(tmp_path):
    request, team = made_up(n=300)
    team.fitted.left_out[team.y == 2] = np.nan
    said = advice(tmp_path, request, team)
    assert "Classes that are found least" not in said  # two of them are known
    row = read_csv(tmp_path / "classes.csv")[2]
    assert (row["class"], row["labels"], row["recall"]) == ("c", "100", "")
    assert "| c | 100 |  |  |" in (tmp_path / "summary.md").read_text()


def test_how_often_two_people_agree():
    answers = Answers()
    for who, labels in (("ann", "abc"), ("bob", "abb")):
        for i, label in enumerate(labels):
            answers.add(Answer(i, f"text {i}", label, "", who))
    assert judge.of_agreement(answers)[0].startswith(
        "ann and bob agree on 2 of the 3 texts that both have labelled (67%, 95 % range 21 to 94")


def test_progress_keeps_a_row_per_number_of_labels(tmp_path):
    for n in (100, 130, 130):
        advice(tmp_path, *made_up(n=n))
    assert [row["labelled"] for row in read_csv(tmp_path / "progress.csv")] == ["100", "130"]
    assert (tmp_path / "summary.md").read_text().count("\n| 1") == 2


def test_a_label_that_no_strategy_asked_for_is_a_sample():
    texts = [f"text {i} {'xy'[i % 2]}" for i in range(24)]
    d = SimpleNamespace(texts=texts + texts[:1] * 2, classes=["p", "q"],  # a text with two copies
                        y=np.r_[np.arange(24) % 2, 1, 1], x=np.eye(26, dtype=np.float32))
    answers = Answers()
    for i, how in enumerate(["margin", "random", "", "typical", "cal", "corrected"]):
        answers.add(Answer(i, d.texts[i], "p", how))
    d.x_test = d.x[:0]
    team = model.train(d, answers, np.arange(26))
    assert team.y.tolist() == [1, 1, *(np.arange(2, 24) % 2)]  # the most frequent of its labels
    assert np.flatnonzero(~team.sample).tolist() == [0, 3, 4, 5]
    team.fitted.left_out[3:5] = np.nan  # beyond what is solved exactly: no leave-one-out score
    team.found = honest.Calibration(1.0, 0.1)
    assert (team.wrong()[3:5] == 0).all() and (np.delete(team.wrong(), [3, 4]) > 0).all()
