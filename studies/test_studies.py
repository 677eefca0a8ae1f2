"""Tests of label noise, planned comparisons, and the scripts that gave the numbers in docs/."""

import argparse
import re

import numpy as np
import pytest
import torch

import baselines
import cal
import data
import stats
from command import experiment, noise
from fast import SideBySide
from plumbing.arguments import script
from plumbing.files import write_csv
from plumbing.runs import Log
from report import differences
from report.sections import write_report
from report.test_report import STRENGTH, by_strength, hand_made
from studies import (
    beside,
    explain,
    factors,
    rare,
    steps,
    study_honest,
    study_labelling,
    transfer,
    twice,
    upper,
    versus,
)
from test_cal import TINY, cal_main, read_csv, run_files


def test_noise_flips_labels_of_the_training_texts_alone():
    d = data.load("demo", vectors="hash")
    before = d.y.copy()
    noisy = noise.flipped(d, 0.1)
    rows = noisy.kind == "flipped"
    assert rows.sum() == 250 and (noisy.y[rows] != before[rows]).all()
    assert (noisy.y[~rows] == before[~rows]).all() and (noisy.kind[~rows] == d.kind[~rows]).all()
    assert (d.y == before).all() and (noisy.y_test == d.y_test).all()
    assert set(noisy.y[rows]) == set(range(6)) and noisy.sha256 != d.sha256
    assert (noise.flipped(d, 0.1).y == noisy.y).all()
    d.y[3] = -1
    with pytest.raises(data.InputError, match="every row has one"):
        noise.flipped(d, 0.1)


def test_noise_on_the_command_line(tmp_path):
    arguments = [*TINY, "--vectors", "hash", "--seeds", 1, "--strategies", "random", "--out",
                 tmp_path]
    assert cal_main(*arguments, "--noise", 0.2) == 0 and cal_main(*arguments) == 0
    folder = tmp_path / "demo-paper-hash-noise0.2"
    with np.load(folder / "runs" / "maps-1.npz") as m:
        assert (m["kind"] == "flipped").sum() == 500
    assert "| flipped |" in (folder / "report.md").read_text()
    assert run_files(tmp_path, folder.name) != run_files(tmp_path, "demo-paper-hash")


def test_planned_comparisons_against_counting(tmp_path):
    r = hand_made(tmp_path, by_strength(STRENGTH, 0.02), rounds=3)
    rows = versus.compared(r, [("cal", "lc"), ("lc", "bald")])
    d = [np.array([np.mean([a["accuracy"] - b["accuracy"] for a, b in zip(
        r.finished(one)[s], r.finished(other)[s])]) for s in range(5)])
        for one, other in (("cal", "lc"), ("lc", "bald"))]
    half = differences.interval(d[0], 0.975)[1]  # 95 % for the two pairs together
    assert rows[0][:3] == ["CAL − LC", 5, f"{d[0].mean():+.3f} ± {half:.3f}"]
    p = differences.holm([differences.paired_t(x) for x in d])
    assert [row[3] for row in rows] == [f"{q:.2g}" for q in p]
    assert versus.compared(r, [("cal", "lc")], seeds={0, 1})[0][1] == 2
    level = {"cal": 0.6, "lc": 0.6005, "full": 0.7}
    same = hand_made(tmp_path / "same", by_strength(level), rounds=3,
                     labels=["cal", "lc"])
    assert versus.compared(same, [("cal", "lc")])[0][4] == "the same within 0.01"
    assert versus.compared(same, [("cal", "lc")], margin=0.0001)[0][4] == "inconclusive"


def test_what_explain_notes_is_what_the_strategy_saw(tmp_path):
    d = data.load("demo", vectors="hash")
    algorithm = explain.Watched(d, cal.Settings(300, 1, 50), Log(tmp_path))
    algorithm.learn(cal.runs_of(["cal", "cal+unit", "random"], [1]))
    notes = {n["strategy"]: n for n in algorithm.notes}
    for name in ("cal", "cal+unit"):
        n = notes[name]
        nearest = np.sort(np.abs(0.5 - n["p"]))[:50]
        np.testing.assert_allclose(np.sort(np.abs(0.5 - n["p"][n["picked"]])), nearest, atol=1e-6)
        assert n["words"] == np.mean([len(d.texts[row].split()) for row in n["rows"]])
        assert len(n["p"]) == 2200 and n["picked"].sum() == 50
    assert "p" not in notes["random"] and 1 / 6 <= notes["random"]["largest class"] <= 1
    a, b = np.random.default_rng(0).normal(size=(2, 50))
    rank = [[sorted(v).index(x) for x in v] for v in (a, b)]
    assert explain.spearman(a, b) == pytest.approx(np.corrcoef(rank)[0, 1])


@pytest.mark.parametrize("main, arguments, sentence", [
    (explain.main, ["--dataset", "nope"], "unknown dataset 'nope'"),
    (explain.main, ["--rounds", "0"], "0 is less than 1"),
    (explain.main, ["--rounds", "49", "--vectors", "hash"], "2500 texts, too few for 49 rounds"),
    (explain.main, ["--dataset", "unlabelled.csv"], "texts without a label"),
    (versus.main, ["nowhere", "cal-lc"], "no results in nowhere"),
    (versus.main, ["here"], "required: A-B"),
    (versus.main, ["here", "cal-nope"], "'cal-nope' is not a pair"),
    (versus.main, ["here", "cal-random"], "is not a pair"),
])
def test_bad_input_to_a_study_is_one_sentence(main, arguments, sentence, tmp_path, monkeypatch,
                                              capsys):
    hand_made(tmp_path / "here", lambda *_: 0.5, rounds=3, labels=["cal", "lc"])
    (tmp_path / "unlabelled.csv").write_text("text,label\n" + "".join(
        f"word {i},{'ab'[i % 2] if i else ''}\n" for i in range(40)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["study.py", *arguments])
    with pytest.raises(SystemExit) as stop:
        script(main)
    said = capsys.readouterr()
    assert stop.value.code == 2 and said.out == "" and said.err.count("\n") == 1
    assert sentence in said.err and not (tmp_path / "why").exists()


def test_a_pair_of_labels_with_dashes(tmp_path):
    r = hand_made(tmp_path, lambda *_: 0.5, rounds=3, labels=["cal", "cal-t0.4", "lc"])
    pairs = ["cal-cal-t0.4", "cal-t0.4-cal", "lc-cal-t0.4", "lc-cal"]
    assert [versus.pair_of(r, pair) for pair in pairs] == [
        ("cal", "cal-t0.4"), ("cal-t0.4", "cal"), ("lc", "cal-t0.4"), ("lc", "cal")]


@pytest.mark.parametrize("kind", ["uniform", "by class", "confusion"])
def test_a_tenth_of_the_labels_is_made_wrong(kind):
    rng = np.random.default_rng(0)
    y, other = np.arange(1000) % 4, (np.arange(1000) + 1) % 4
    wrong = study_honest.made_wrong(y, 4, kind, 0.1, other, rng)
    rows = wrong != y
    assert rows.sum() == 100
    if kind == "by class":
        assert len(set(y[rows])) == 2 and len(set(zip(y[rows], wrong[rows]))) == 2
    if kind == "confusion":
        assert (wrong[rows] == other[rows]).all()


def test_the_way_of_a_team_and_what_was_said_on_it(tmp_path, monkeypatch, capsys):
    arguments = ["--dataset", "demo", "--most", "300", "--rounds", "3", "--seeds", "1", "--out",
                 str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["study.py", *arguments])
    study_labelling.main()
    said = capsys.readouterr().out
    lines = study_labelling.read(tmp_path / "out" / "demo.csv")
    assert [line[2] for line in lines] == ["50", "100", "150"] * 4
    assert {line[0] for line in lines} == set(study_labelling.WAYS)
    for line in lines:  # what is said needs twenty labels that no strategy has picked
        said_of = line[5] != "nan"
        assert said_of == (line[0] in WAYS_SAID[line[2]])
        assert 0 <= float(line[3]) <= 1
    before = (tmp_path / "out" / "demo.csv").read_bytes()
    study_labelling.main()  # nothing is made again
    assert capsys.readouterr().out == said
    assert (tmp_path / "out" / "demo.csv").read_bytes() == before


WAYS_SAID = {"50": ("random, random",), "100": ("random, random", "typical, random"),
             "150": ("random, random", "typical, random", "typical, margin and a fifth random")}


def test_calibration_error_by_hand():
    p, right = np.array([0.05, 0.35, 0.35, 1.0]), np.array([0, 1, 0, 1])
    want = 0.25 * 0.05 + 0.5 * 0.15 + 0
    assert study_labelling.calibration_error(p, right) == pytest.approx(want)


def test_what_runs_where_no_strategy_is_named():
    assert experiment.default_strategies("trec") == cal.SIX
    assert experiment.default_strategies("demo") == (*cal.SIX, "margin", "cal+unit")
    assert "dal" not in experiment.default_strategies("my.csv")
    assert set(baselines.BEST) <= set(baselines.BEYOND)


# ---- the rarest class ---------------------------------------------------------------------------


def rare_args(tmp_path, name, **more):
    return argparse.Namespace(**{"set": name, "vectors": "hash", "data_dir": "data", "rounds": 1,
                                 "sections": tmp_path / "s.csv", "seeds": [1], "out": tmp_path,
                                 **more})


def test_a_set_of_debian_s_sections_has_a_rare_one_and_no_text_twice(tmp_path):
    classes = [*rare.COMMON, "rust", "tasks"]
    rows = [[f"{c} {i}", c] for c in classes for i in range(1200)] + [["doc 1", "doc"]]
    write_csv(tmp_path / "s.csv", ["text", "label"], rows)
    d = rare.loaded(rare_args(tmp_path, "debian-rust"))
    counts = dict(zip(d.classes, np.bincount(d.y).tolist()))
    assert counts == {**dict.fromkeys(rare.COMMON, 984), "rust": 80}
    test_texts = {row["text"] for row in read_csv(tmp_path / "sets" / "debian-rust" / "test.csv")}
    assert len({*d.texts}) == len(d.texts) and not test_texts & {*d.texts}
    assert np.bincount(d.y_test).tolist() == [140] * 6
    write_csv(tmp_path / "s.csv", ["text", "label"], rows[:-1100])
    with pytest.raises(data.InputError, match="give the whole file"):
        rare.loaded(rare_args(tmp_path, "debian-tasks"))


def test_ag_news_is_thinned_with_its_own_vectors(tmp_path):
    names = [*data.AGNEWS_CLASSES.values()]
    raw = {"train": ([f"t{i}" for i in range(8000)], [names[i % 4] for i in range(8000)]),
           "test": (["t8000", "t8001"], ["World", "Sports"])}
    np.save(tmp_path / "v.npy", np.arange(8002, dtype=np.float32)[:, None])
    args = rare_args(tmp_path, "agnews-SciTech", vectors=tmp_path / "v.npy")
    d = rare.written(*rare.thinned("Sci/Tech", raw), args)
    assert np.bincount(d.y).tolist() == [80 if c == "Sci/Tech" else 1640 for c in d.classes]
    assert [f"t{int(x)}" for x in d.x[:, 0]] == d.texts  # each text has its own vector
    assert d.x_test[:, 0].tolist() == [8000, 8001]


def test_rare_counts_picks_and_corrects_for_all_that_was_planned(tmp_path, capsys):
    d, s = data.load("demo", vectors="hash"), cal.Settings(60, 2, 20, 3)
    rare.run(d, d.classes[2], s, [1, 2], tmp_path / "set", ("cal", "random"))
    lines = run_files(tmp_path)
    for row in read_csv(tmp_path / "set" / "rare.csv"):
        run = lines[f"{row['strategy']}-{row['seed']}.jsonl"]
        assert int(row["picks"]) == sum(d.y[j] == 2 for line in run for j in line["picked"]) > 0
        assert float(row["recall"]) == run[-1]["recall"][2]
    rare.tables(tmp_path)
    table = read_csv(tmp_path / "comparisons.csv")
    assert "| set | picks | Rand. |" in capsys.readouterr().out and len(table) == 2
    more = np.array([9.0, 10, 11, 10, 9.5, 10.5])  # than Random, who picks none
    of = {"cal": {"picks": more, "recall": more}, "random": {"picks": 0 * more, "recall": 0 * more}}
    for row in rare.compared({"made up": of}):
        assert float(row[7]) == pytest.approx(differences.paired_t(more) * rare.PLANNED, rel=0.05)
        assert row[8] == "CAL more" and row[4:6] == ["10", "0"]


def test_the_plan_of_rare_counts_its_comparisons():
    sets = 3 + 3 * sum(name.startswith("agnews") for name in rare.RAREST) + 2 * sum(
        name.startswith("debian") for name in rare.RAREST)
    assert 2 * (len(rare.STRATEGIES) - 1) * sets == rare.PLANNED


# ---- training twice -----------------------------------------------------------------------------


def test_a_lead_changes_by_what_cal_changes(tmp_path):
    for name, cal_s in (("code2021", 0.65), ("code2021+twice", 0.62), ("code+twice", 0.62),
                        ("code", 0.62)):
        usual = by_strength({**STRENGTH, "cal": cal_s})
        hand_made(tmp_path / f"trec-{name}-pool", lambda label, seed, t, usual=usual, name=name: (
            usual(label, seed, t) + 0.001 * (seed % 2) * (label == "cal" and name == "code2021")),
                  rounds=2, labels=["cal", "lc", "random"])
    found = twice.differences(tmp_path, "trec", "pool")
    for other in ("lc", "random"):
        np.testing.assert_allclose(found["2021", f"lead over {other}, change"], 0.03, atol=0.0011)
        np.testing.assert_allclose(found["2021", f"lead over {other}, twice"].mean(),
                                   0.65 - STRENGTH[other], atol=0.002)
        assert not found["2022", f"lead over {other}, change"].any()
    rows = twice.compared(found)
    answer = {(row[0], row[1]): row[5] for row in rows}
    assert answer["2021", "CAL, twice − once"] == "better"
    assert answer["2022", "CAL, twice − once"] == "the same within 0.01"
    assert len(rows) == 14 and sum(row[4] != "" for row in rows) == 6


def test_each_step_from_2021_to_2022_changes_what_it_concerns(tmp_path):
    gains = {"": 0, "twice": -0.02, "ten": 0.05, "adam": 0.003, "weights": 0.004, "last_psi": 0.006,
             "dal_last": 0.007}
    levels = {"cal": 0.6, "lc": 0.5, "dal": 0.55}
    for step, protocol in steps.protocols():
        for name in levels:
            if name in steps.CONCERNS.get(step, (name,)):
                levels[name] += gains[step]
        labels = [name for name in levels if name != "lc" or step not in ("", "weights")]
        if step != "adam":
            hand_made(tmp_path / f"trec-{protocol}-pool", by_strength({**STRENGTH, **levels}),
                      rounds=2, labels=labels)
    done = steps.read(tmp_path, "trec", "pool")
    assert protocol == "code" and len(done) == 6
    for name in levels:
        for step, before, after in steps.walked(done, name):
            assert name in steps.CONCERNS.get(step, (name,))
            d = differences.paired(stats.mean_accuracy, after, before)
            assert len(d) == (0 if step in ("", "weights") else 5), (name, step)
            np.testing.assert_allclose(d, gains[step], atol=1e-9)
    header, means, changes = steps.tables(done)
    assert header == ["LC", "DAL", "CAL"] and means[0] == ["seeds", 5, 5, 5]
    assert [row[0] for row in changes] == [step for step in gains if step]
    assert changes[1][0] == "ten" and changes[1][1].startswith("+0.050")
    assert changes[0][1] == changes[2][1] == "" != changes[0][2]  # LC trains once; V3 is not run
    with pytest.raises(data.InputError, match="no results of trec under code2021"):
        steps.read(tmp_path, "trec", "hash")


# ---- the four factors of theta' -----------------------------------------------------------------


def test_the_paper_s_cell_of_the_factors_is_cal(tmp_path):
    d, s = data.load("demo", vectors="hash"), cal.Settings(100, 2, 20)
    SideBySide(d, s, Log(tmp_path / "cal")).learn(cal.runs_of(["cal"], [1, 2]))
    factors.Crossed(d, s, Log(tmp_path / "cell")).learn(cal.runs_of(["cal"], [1, 2]))
    for seed in (1, 2):
        one, other = (Log(tmp_path / name).read(cal.Run("cal", seed)) for name in ("cal", "cell"))
        assert [line["picked"] for line in one] == [line["picked"] for line in other]
        words = [len(d.texts[row].split()) for row in other[0]["picked"]]
        assert other[0]["notes"]["words"] == pytest.approx(np.mean(words))


def test_class_weights_are_a_text_s_share_of_the_gradient():
    """With three texts of one class and one of the other, weights 4/6 and 4/2."""
    x, label = torch.randn(1, 4, 5), torch.tensor([[0, 0, 0, 1]])
    found = []
    for weight in ([], [4 / 6, 2.0]):
        theta = factors.Weighted(5, 2, [1], hidden=(), dropout=0)
        theta.weigh(label if weight else torch.tensor([[0, 1]]))
        onehot = torch.nn.functional.one_hot(label, theta.widths[-1]).float()
        g = theta.error(x, onehot)
        if weight:
            np.testing.assert_allclose(theta.weight[:2], weight, rtol=1e-6)
        found.append(g[0])
    np.testing.assert_allclose(found[1], found[0] * torch.tensor(
        [[4 / 6], [4 / 6], [4 / 6], [2.0]]), rtol=1e-5)


def test_unit_length_and_centring():
    psi = torch.rand(1, 6, 9)
    centred = factors.changed("centred", psi)(psi)
    assert centred.mean(1).abs().max() < 1e-6 and (centred[0, 0] - centred[0, 1]).allclose(
        psi[0, 0] - psi[0, 1])
    assert factors.changed("unitlength", psi)(psi).norm(dim=-1).allclose(torch.tensor(3.0))
    assert factors.changed("", psi)(psi) is psi


def test_effects_are_differences_of_means_over_cells():
    """Accuracies that add up from known effects give those effects back."""
    worth = {"": 0, "centred": 1, "unitlength": 2, "unitrate": 3, "weights": 10, "converged": 20,
             "median": 40}
    of = {cell: np.array([worth[kind] + sum(worth[c] for c in chosen)] * 2)
          for cell, (kind, chosen) in factors.CELLS.items()}
    assert len(of) == 32
    found = factors.effects(of)
    assert {name.split()[-1]: d.tolist() for name, d in found.items()} == {
        name: [value] * 2 for name, value in worth.items() if name}


def test_the_tables_of_the_factors(tmp_path, capsys, monkeypatch):
    """All cells are as good as the paper's, but the median adds 0.05 and then 0.15."""
    log = Log(tmp_path / "demo-pool")
    for cell, (_, chosen) in factors.CELLS.items():
        for run in cal.runs_of([cell], [1, 2, 3]):
            for i in range(2):
                gain = 0.05 + 0.1 * i + 0.0001 * (run.seed - 2)  # not the same in each seed
                accuracy = 0.5 + 0.01 * run.seed + ("median" in chosen) * gain
                log.append(run, {"round": i, "labelled": 9, "accuracy": accuracy, "macro_f1": 0.5,
                                 "recall": [0.5], "picked": [i] if i else [], "batch": None,
                                 "notes": {"words": 7.25} if i else {},
                                 "seconds": {"train": 0, "select": 0}})
    monkeypatch.setattr("sys.argv", ["factors", "--table", "--out", str(tmp_path)])
    factors.main()
    out = capsys.readouterr().out
    assert "| demo-pool | median | 3 | +0.1000 ± 0.0002 |" in out and "| better" in out
    assert "| demo-pool | weights | 3 | +0.0000 ± 0.0000 | 1 | the same within 0.01" in out
    assert "| cal+median | 0.6200 | +0.1000 ± 0.0002 | nan | nan | 7.250 |" in out
    for path in log.folder.glob("cal+*+*.jsonl"):  # some of the cells: each beside the paper's
        path.unlink()
    for path in log.folder.glob("cal+[cu]*.jsonl"):
        path.unlink()
    factors.main()
    first = capsys.readouterr().out.partition("\n\n")[0]
    assert "| demo-pool | cal+median | 3 | +0.1000 ± 0.0002 |" in first and first.count("\n") == 3
    assert "| demo-pool | cal+weights | 3 |" in first and "| median |" not in first


# ---- an upper curve, and transfer ---------------------------------------------------------------


def test_the_best_of_more_batches_is_at_least_as_good(tmp_path):
    d, s, halves = data.load("demo", vectors="hash"), cal.Settings(60, 1, 30, 8), {}
    for n in (1, 4):
        algorithm = upper.Upper(d, s, Log(tmp_path / str(n)))
        algorithm.candidates = n
        algorithm.learn(cal.runs_of(["random", *upper.BEST], [1, 2]))
        for name, half in upper.BEST.items():
            for seed in (1, 2):
                first, last = algorithm.log.read(cal.Run(name, seed))
                assert np.mean(last["halves"]) == pytest.approx(last["accuracy"])  # 500 test texts
                assert len({*first["picked"]}) == 30
                assert not {*first["picked"]} & {*algorithm.seed_set(seed).tolist()}
                halves[n, name, seed] = last["halves"][half]
    assert all(halves[4, *key] >= halves[1, *key] for _, *key in halves)
    assert any(halves[4, *key] > halves[1, *key] for _, *key in halves)
    found = upper.curves(algorithm.log, [1, 2], 1)
    lines = [algorithm.log.read(cal.Run(name, 1))[1]["halves"] for name in upper.BEST]
    assert found["best of random batches"][0, 1] == (lines[0][1] + lines[1][0]) / 2
    assert found["… on the half that chose"][0, 1] == (lines[0][0] + lines[1][1]) / 2


def test_transfer_to_a_ridge_of_one_s_own(tmp_path):
    """own_margin's first batch against ridge regression in primal form, with the same penalty."""
    d = data.load("demo", vectors="hash")
    x = np.concatenate([d.x, d.x_test]).astype(np.float64)
    features, L = {"vectors": transfer.kernel.Dense(x)}, data.seed_set(d.y, 200, 1)
    penalty = transfer.kernel.fit(features, L, np.eye(6)[d.y[L]]).penalty
    z = np.c_[x / np.linalg.norm(x, axis=1, keepdims=True), np.ones(len(x))]
    W = np.linalg.solve(z[L].T @ z[L] + penalty * np.eye(z.shape[1]), z[L].T @ np.eye(6)[d.y[L]])
    found = z @ W
    gap = np.diff(np.sort(found[: len(d.y)], axis=1)[:, -2:])[:, 0]
    gap[L] = 9
    after = transfer.own_margin(features, L, d, 1)
    assert after[:200] == L.tolist() and len({*after}) == 250
    assert len({*after[200:]} & {*np.argsort(gap)[:50].tolist()}) >= 49  # float32 ties
    said = (found[len(d.y):].argmax(1) == d.y_test).mean()
    assert transfer.accuracy(features, L, d) == pytest.approx(said, abs=0.005)


def test_the_table_of_transfer_pairs_each_strategy_with_both():
    found = {("m", "random"): np.array([0.5, 0.6]), ("m", "lc"): np.array([0.7, 0.7]),
             ("m", "own margin"): np.array([0.7, 0.8])}
    rows = transfer.rows_of(found)
    assert [row[3] for row in rows] == ["0.550", "0.700", "0.750"]
    assert rows[1][4].startswith("+0.150 ± ") and rows[1][6].startswith("-0.050 ± ")
    assert rows[2][4].startswith("+0.200 (no interval)")


def test_results_directories_side_by_side(tmp_path, capsys, monkeypatch):
    """Every cell against the run files; a strategy that one directory lacks leaves a gap."""
    labels = [*cal.SIX, "cal-t0.4", "cal+dal"]
    strength = {**STRENGTH, "cal-t0.4": 0.61, "cal+dal": 0.57}
    lower = {label: value - 0.2 for label, value in strength.items()} | {"cal": 0.41}
    folders = [tmp_path / "a", tmp_path / "b"]
    one, two = (hand_made(folder, by_strength(accuracy), labels=names, seeds=3, vectors=vectors)
                for folder, accuracy, names, vectors in
                zip(folders, (strength, lower), (labels[:-1], labels), ("pool", "hash")))
    for folder in folders:
        write_report(folder)
    monkeypatch.setattr("sys.argv", ["beside", *map(str, folders)])
    beside.main()
    printed = capsys.readouterr().out
    finals = [{label: stats.plus_minus(r.accuracy(label)[:, -1]) for label in r.labels()}
              for r in (one, two)]
    assert "| strategy | t_cor | `pool` final accuracy | `hash` final accuracy | paper |" in printed
    assert f"| CAL | 0.4 | {finals[0]['cal-t0.4']} | {finals[1]['cal-t0.4']} | 0.701 |" in printed
    assert f"| CAL+DAL | 0.2 |  | {finals[1]['cal+dal']} | 0.695 |" in printed
    means = [stats.plus_minus(r.accuracy("dal").mean(1)) for r in (one, two)]
    assert f"| DAL | {finals[0]['dal']} | {means[0]} | {finals[1]['dal']} | {means[1]} |" in printed
    assert "| strategy | `pool` labels to Random's final | `pool` 95 % interval | `hash`" in printed
    over = [stats.aso_table({x: r.accuracy(x).mean(1) for x in cal.SIX}) for r in (one, two)]
    for a, b in (("cal", "bald"), ("bald", "cal")):
        found = next(line for line in printed.splitlines()
                     if line.startswith(f"| {a.upper()} over {b.upper()} |")).split(" | ")
        assert [float(x) for x in found[2:5:2]] == [round(t[a][b], 2) for t in over]
    assert "| by chance | 0.0 | 0.0 | 0.0 | 0.0 |  |" in printed  # nobody picks anything here
    claim = next(line for line in printed.splitlines() if line.startswith("| CAL beats BALD"))
    assert re.findall(r"\*\*(.*?)\*\*", claim) == ["holds here", "does not hold here"]
    (folders[1] / "table4.csv").unlink()
    with pytest.raises(data.InputError, match="b has no table4.csv; it needs the strategies"):
        beside.main()


def test_a_folder_that_is_no_paper_s_gets_true_advice(tmp_path, monkeypatch):
    """--report-only was not given, and would not make the tables of the paper from one's own."""
    write_report(hand_made(tmp_path / "mine", by_strength(STRENGTH), rounds=2, dataset="my.csv",
                           labels=["random", "lc"]).folder)
    monkeypatch.setattr("sys.argv", ["beside", str(tmp_path / "mine")])
    with pytest.raises(data.InputError, match="no claims.csv; .* only with --everything, so add"):
        beside.main()
    for study, words in ((beside, ()), (versus, ("cal-random",)), (twice, ())):
        monkeypatch.setattr("sys.argv", ["x", str(tmp_path / "nope"), *words])
        with pytest.raises(data.InputError, match="no results in .*; name a results directory"):
            study.main()
