"""Tests of label noise, planned comparisons, and the scripts that gave the numbers in docs/."""


import numpy as np
import pytest

import baselines
import cal
import data
import stats
from command import experiment, noise
from plumbing.arguments import script
from plumbing.runs import Log
from report import differences
from report.test_report import STRENGTH, by_strength, hand_made
from studies import explain, study_doubts, versus
from test_cal import TINY, cal_main, run_files


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
    half = differences.interval(d[0])[1]
    assert rows[0][:3] == ["CAL − LC", 5, f"{d[0].mean():+.3f} ± {half:.3f}"]
    p = differences.holm([differences.paired_t(x) for x in d])
    assert [row[3] for row in rows] == [f"{q:.2g}" for q in p]
    assert versus.compared(r, [("cal", "lc")], seeds={0, 1})[0][1] == 2
    assert [versus.verdict(0.1, 0.01), versus.verdict(-0.1, 0.01),
            versus.verdict(0.1, 0.06)] == ["better", "worse", "inconclusive"]


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


@pytest.mark.parametrize("kind", ["uniform", "by class", "hard texts"])
def test_a_tenth_of_the_labels_is_made_wrong(kind):
    rng = np.random.default_rng(0)
    y, hard, other = np.arange(1000) % 4, rng.normal(size=1000), (np.arange(1000) + 1) % 4
    wrong = study_doubts.made_wrong(y, 4, kind, hard, other, rng)
    rows = wrong != y
    assert rows.sum() == 100
    if kind == "by class":
        assert len(set(y[rows])) == 2
    if kind == "hard texts":
        assert hard[rows].max() <= np.sort(hard)[200] and (wrong[rows] == other[rows]).all()


def test_what_runs_where_no_strategy_is_named():
    assert experiment.default_strategies("trec") == cal.SIX
    assert experiment.default_strategies("demo") == (*cal.SIX, "margin", "cal+unit")
    assert "dal" not in experiment.default_strategies("my.csv")
    assert set(baselines.BEST) <= set(baselines.BEYOND)
