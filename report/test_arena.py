"""Tests of the arena (Ash et al. 2020) and of performance profiles (Agarwal et al. 2021)."""

import csv

import numpy as np
import pytest

import stats
from report import arena, differences, profile, sections
from report.test_report import hand_made
from test_cal import as_ever, read_csv


def scores_of(A, S, T):
    """Scores [A, S, T] with some clear differences, some unclear ones and equal ones."""
    rng = np.random.default_rng(2)
    scores = (0.7 + 0.01 * np.arange(A)[:, None, None] + 0.02 * rng.normal(size=(1, S, 1))
              + 0.008 * rng.normal(size=(A, S, T)))
    scores[1, :, 0] = scores[0, :, 0]  # the same in every seed: no win
    scores[2, :, 0] = scores[0, :, 0] + 0.01  # by the same in every seed: a win
    return scores.round(4)


def test_wins_against_a_loop():
    A, S, T = 4, 5, 6
    scores = scores_of(A, S, T)
    P = np.zeros((A, A))
    for t in range(T):  # as the appendix of Ash et al. says it
        for i in range(A):
            for j in range(A):
                d = scores[i, :, t] - scores[j, :, t]
                sigma = np.sqrt(((d - d.mean()) ** 2).sum() / (S - 1))
                if d.mean() > 0 and (sigma < 1e-9 or np.sqrt(S) * d.mean() / sigma > 2.776):
                    P[i, j] += 1 / T
    assert 0.2 < P.sum() / (A * (A - 1)) < 0.8
    np.testing.assert_allclose(arena.wins(scores), P)
    means = [np.mean([P[i, j] for i in range(A) if i != j]) for j in range(A)]
    np.testing.assert_allclose(arena.column_means(P), means)
    # Of 2 strategies that differ by chance, each beats the other in 2.5 % of the rounds.
    P = arena.wins(np.random.default_rng(0).normal(size=(2, 3, 40_000)))
    assert [P[0, 1], P[1, 0]] == pytest.approx([0.025, 0.025], abs=0.004)


def test_the_arena_of_a_results_directory(tmp_path, as_ever):
    scores, labels = scores_of(4, 5, 6), ["random", "a_b", "cal-t0.4", "house"]
    r = hand_made(tmp_path, lambda label, seed, t: 0.7 if label == "full" else float(
        scores[labels.index(label), seed, t - 1]), rounds=6, labels=labels)  # round 0: t - 1 = -1
    text = sections.arena(r)
    P = arena.wins(scores)
    rows = read_csv(tmp_path / "wins.csv")
    assert [row["row beats column"] for row in rows][:2] == ["Rand.", "a_b"]
    for i, row in enumerate(rows[:4]):
        cells = list(row.values())[1:]
        assert cells.pop(i) == ""
        assert [float(c) for c in cells] == pytest.approx(np.delete(P[i], i), abs=0.005)
    assert [float(c) for c in list(rows[4].values())[1:]] == pytest.approx(
        arena.column_means(P), abs=0.005)
    tex = (tmp_path / "table_arena.tex").read_text()
    assert r"a\_b & " in tex and tex.count("&") == 4 * 6 and "over 5 seeds" in text
    assert (tmp_path / "arena.png").stat().st_size > 1000
    few = hand_made(tmp_path / "few", lambda *_: 0.7, rounds=2, seeds=2)
    assert sections.arena(few) == "" == sections.performance_profile(few)


# Two strategies, two tasks, seven seeds; from rliable 1.2.0 (arch 7.2.0, numpy 2.4.6):
# aggregate_iqm, get_interval_estimates with 50,000 draws, create_performance_profile with 20,000.
A = [[0.787, 0.797], [0.833, 0.813], [0.767, 0.8], [0.788, 0.803], [0.768, 0.805], [0.805, 0.832],
     [0.806, 0.81]]
B = [[0.775, 0.888], [0.763, 0.853], [0.81, 0.794], [0.8, 0.8], [0.831, 0.817], [0.864, 0.765],
     [0.82, 0.793]]
RLIABLE = {"A": (0.80175, 0.793375, 0.811375), "B": (0.808125, 0.78975, 0.83125)}
SHARES = {0.775: (10 / 14 + 2 / 14, 11 / 14), 0.8: (8 / 14, 7 / 14), 0.81: (3 / 14, 6 / 14),
          0.85: (0, 3 / 14)}  # of A and of B; at 0.8 the intervals below
AT_08 = {"A": (0.357142857, 0.785714286), "B": (0.214285714, 0.785714286)}


@pytest.mark.parametrize("name, scores", [("A", np.array(A)), ("B", np.array(B))])
def test_interquartile_means_and_profiles_are_rliable_s(name, scores):
    mean, low, high = RLIABLE[name]
    assert profile.iqm(scores.ravel()) == pytest.approx(mean, abs=1e-12)
    drawn = profile.resampled(list(scores.T), 20_000)
    assert profile.limits(profile.iqm(drawn)) == pytest.approx([low, high], abs=4e-4)
    thresholds = np.array(list(SHARES))
    expected = [pair[name == "B"] for pair in SHARES.values()]
    assert profile.profile(scores.ravel(), thresholds) == pytest.approx(expected)
    assert profile.limits(profile.profile(drawn, np.array([0.8])))[:, 0] == pytest.approx(
        AT_08[name], abs=1e-6)


def test_interquartile_mean_by_hand():
    assert profile.iqm(np.array([9.0, 1, 2, 3, 4])) == 3  # one of five is cut at each end
    assert profile.iqm(np.array([1.0, 2, 6])) == 3  # none of three
    assert profile.iqm(np.arange(16.0)) == 7.5


def test_a_profile_of_several_directories(tmp_path, capsys, monkeypatch):
    for k, name in enumerate(("one", "two")):
        hand_made(tmp_path / name, lambda label, seed, t, k=k: (A if label == "a" else B)[seed][k]
                  if label in "ab" else 0.5, rounds=2, seeds=7, labels=["a", "b"][:: 1 - 2 * k])
    monkeypatch.setattr("sys.argv", ["profile", *(str(tmp_path / n) for n in ("one", "two")),
                                     "--out", str(tmp_path / "both")])
    assert profile.main() == 0
    rows = {row["strategy"]: row for row in read_csv(tmp_path / "both" / "iqm.csv")}
    assert rows["a"]["interquartile mean"] == "0.8017" and rows["b"]["runs"] == "14"
    assert float(rows["b"]["95 % from"]) == pytest.approx(0.78975, abs=2e-3)
    shares = {(row["strategy"], row["mean accuracy above"]): float(row["share of runs"])
              for row in read_csv(tmp_path / "both" / "profile.csv")}
    assert shares["a", "0.8"] == pytest.approx(8 / 14, abs=1e-4) and shares["b", "0.885"] > 0
    assert "0.8017" in capsys.readouterr().out and (tmp_path / "both" / "profile.png").exists()
    monkeypatch.setattr("sys.argv", ["profile", str(tmp_path / "one"), str(tmp_path / "one"),
                                     "--out", "x"])
    with pytest.raises(profile.InputError, match="twice"):
        profile.main()
    hand_made(tmp_path / "few", lambda *_: 0.7, rounds=2, seeds=2, labels=["a"])
    monkeypatch.setattr("sys.argv", ["profile", str(tmp_path / "few"), "--out", "x"])
    with pytest.raises(profile.InputError, match="3 seeds"):
        profile.main()
