"""The studies' own arithmetic: what is compared, in which direction, on which rows."""

import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import data
from command import noise
from labelling.test_model import small
from report.differences import holm, interval, paired_t
from report.test_report import hand_made
from studies import (
    binary,
    rare,
    study_accuracy,
    study_doubts,
    study_honest,
    study_labelling,
    twice,
    versus,
)


def test_versus_tells_the_mean_from_the_final_accuracy(tmp_path):
    lead = {"cal": (0.1, -0.2), "lc": (0, 0), "full": (0, 0)}  # over the rounds, and in the last
    r = hand_made(tmp_path, lambda label, seed, t: 0.5 + lead[label][t == 4] + 0.002 * (
        seed * (label == "cal")), rounds=4, labels=["cal", "lc"], seeds=4)
    (row,) = versus.compared(r, [("cal", "lc")])
    assert row[2].startswith(f"{(4 * 0.1 - 0.2) / 5 + 0.003:+.3f} ± ") and row[4] == "better"
    assert row[5].startswith("-0.197 ± ") and row[7] == "worse"  # four rounds of 0.1, one of -0.2
    d = np.arange(4) * 0.002 - 0.2
    assert row[6] == f"{paired_t(d):.2g}" and row[5].endswith(f"{interval(d)[1]:.3f}")


def test_noise_of_another_share_is_other_data():
    d = data.load("demo", vectors="hash")
    digests = {noise.flipped(d, share).sha256 for share in (0.1, 0.1, 0.2, 0.21)}
    assert len(digests) == 3 and d.sha256 not in digests
    d.sha256 = "other"
    assert noise.flipped(d, 0.1).sha256 not in digests


@pytest.fixture
def simulated(monkeypatch):
    """simulate() on a made-up table, without its models: {way: its lines}, and the rows it had."""
    N, had = 600, []
    p = np.random.default_rng(0).dirichlet(np.ones(3), N)
    y, x = np.arange(N) % 3, np.random.default_rng(1).normal(size=(N, 24)).astype("f4")

    def fitted(features, rows, y, C, sample):
        had.append((rows.copy(), np.array(sample)))
        return SimpleNamespace(p=p, accuracy=lambda rest: (0.5, 0.4, 0.6), gain=lambda n: (0, 0, 0))

    monkeypatch.setattr(study_labelling, "fitted", fitted)
    out = {}
    for way in study_labelling.WAYS:
        had.clear()
        lines = list(study_labelling.simulate(way, 1, ["t"] * N, x, None, y, 3, 3))
        out[way] = lines, list(had)
    return p, y, out


def test_a_team_s_way_picks_what_it_says(simulated):
    p, y, out = simulated
    margin = np.sort(p, 1)[:, -1] - np.sort(p, 1)[:, -2]
    held_out = set(np.random.default_rng(0).permutation(600)[:120].tolist())
    for way, (lines, had) in out.items():
        assert [line[2] for line in lines] == [50, 100, 150]
        assert not held_out & set(had[-1][0].tolist()) and len(set(had[-1][0].tolist())) == 150
        start, then = way.split(", ")
        assert had[0][1].tolist() == [start == "random"] * 50
        new, of_sample = had[1][0][50:], had[1][1][50:]
        drawn = {"random": 50, "margin": 0}.get(then, 10)
        assert of_sample.tolist() == [False] * (50 - drawn) + [True] * drawn
        pool = sorted(set(range(600)) - held_out - set(had[0][0].tolist()) - set(
            new[50 - drawn :].tolist()))
        assert new[: 50 - drawn].tolist() == sorted(pool, key=lambda row: margin[row])[: 50 - drawn]
        right = p.argmax(1) == y
        assert lines[0][3] == pytest.approx(right[sorted(held_out)].mean())
        rest = sorted(set(range(600)) - held_out - set(had[0][0].tolist()))
        assert lines[0][4] == pytest.approx(right[rest].mean())


def test_the_table_of_ways_by_hand():
    lines = [["w", str(s), str(n), str(0.5 + n / 1000 + s / 100), "0.6", *said, *"000", "0.1"]
             for s in (1, 2) for n in (50, 100)
             for said in [("nan",) * 3 if n == 50 else ("0.7", "0.5", str(0.5 + s / 20))]]
    rows = study_labelling.table(lines).splitlines()
    assert "| w | 0.565 ± 0.007 | 0.615 ± 0.007 |" in rows[2] and rows[2].endswith(" 0.590 |")
    assert "within its range in 0.50 of 2 calls, mean error 0.100, width 0.075" in rows[3]


def test_the_calibration_error_by_hand():
    p, right = np.array([0.95, 0.91, 0.55, 1.0]), np.array([1, 0, 1, 1])
    want = 3 / 4 * abs((0.95 + 0.91 + 1) / 3 - 2 / 3) + 1 / 4 * 0.45
    assert study_labelling.calibration_error(p, right) == pytest.approx(want)


@pytest.mark.parametrize("kind, share", [("uniform", 0.2), ("confusion", 0.05), ("none", 0)])
def test_the_share_made_wrong(kind, share):
    y, other = np.arange(1000) % 4, (np.arange(1000) + 1) % 4
    wrong = study_honest.made_wrong(y, 4, kind, share, other, np.random.default_rng(0))
    assert (wrong != y).sum() == round(1000 * share)


def test_doubts_are_scored_by_hand():
    doubt, wrong = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, False, True, False])
    assert study_doubts.told(doubt, 7, wrong) == [pytest.approx((1 + 1 + 0.5 + 1) / 4), 2, 7]
    assert study_doubts.told(np.arange(40), 0, np.arange(40) >= 20)[1] == 20  # of 39 to 10


def test_the_command_doubts_what_is_wrong(monkeypatch):
    monkeypatch.setattr(study_doubts, "cleanlab", lambda *_: [0, 0, 0])  # it is not installed
    features, y = small(300)
    found = study_doubts.one_draw(None, features, y, 3, 200, "uniform", 1, False)
    assert found[0][0] > 0.8 and found[0][1] > 12 and len(found) == 2  # of 20 that are wrong


def test_the_accuracy_is_on_texts_without_a_label(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["study_accuracy", "--dataset", "made up", "--seeds", "1",
                                      "--labels", "40"])
    monkeypatch.setattr(study_accuracy, "load", lambda args: (
        [f"text {'abc'[c]} {i}" for i, c in enumerate(kind)], x, y, 3))
    monkeypatch.setattr(study_accuracy, "TfidfVectorizer", None)
    rng = np.random.default_rng(0)
    y, x = rng.integers(0, 3, 120), rng.normal(size=(120, 4)).astype(np.float32)
    kind = np.where(rng.random(120) < 0.6, y, (y + 1) % 3)  # not all that tells the classes apart
    study_accuracy.main()
    said = float(re.search(r"closed form \| (\S+)", capsys.readouterr().out)[1])
    order = np.random.default_rng(1).permutation(120)
    features = study_accuracy.kernel.features_of(study_accuracy.load(None)[0], x)
    p = study_accuracy.kernel.fit(features, order[:40], np.eye(3)[y[order[:40]]]).scores.argmax(1)
    assert said == pytest.approx((p == y)[order[40:]].mean(), abs=6e-4)
    assert abs(said - (p == y)[order[:40]].mean()) > 0.01


def test_a_binary_classifier_is_beside_its_larger_class():
    label = torch.tensor([[1, 1, 1, 0], [0, 0, 0, 0]])
    said = torch.tensor([[1, 1, 0, 0], [0, 1, 0, 0]])
    view = SimpleNamespace(psi_labelled=lambda: None, high_cor=lambda: label,
                           classifier=lambda *_: SimpleNamespace(
                               probs=lambda f: torch.nn.functional.one_hot(said, 2)))
    assert list(binary.Classified.of_binary(None, "cal", view)) == [(0.75, 0.75), (0.75, 1.0)]


def test_twice_is_the_lead_with_less_the_lead_without(tmp_path):
    level = {"code2021": {"cal": 0.7, "lc": 0.6, "random": 0.5},
             "code2021+twice": {"cal": 0.65, "lc": 0.6, "random": 0.5},
             "code": {"cal": 0.66, "lc": 0.62, "random": 0.5},
             "code+twice": {"cal": 0.69, "lc": 0.62, "random": 0.5}}
    for name, of in level.items():
        hand_made(tmp_path / f"trec-{name}-pool", lambda label, seed, t, of=of: of.get(label, 0.8)
                  + 0.001 * seed, rounds=2, labels=list(of))
    found = {name: d.mean() for name, d in twice.differences(tmp_path, "trec", "pool").items()}
    assert found["2021", "CAL, twice − once"] == pytest.approx(0.05)
    assert found["2022", "CAL, twice − once"] == pytest.approx(0.03)
    assert found["2021", "lead over lc, twice"] == pytest.approx(0.1)
    assert found["2021", "lead over lc, once"] == pytest.approx(0.05)
    assert found["2022", "lead over random, change"] == pytest.approx(0.03)


def test_the_rare_class_s_comparisons_count_every_planned_one():
    of = {"cal": {"picks": np.array([9.0, 8, 9]), "recall": np.array([0.5, 0.4, 0.6])},
          "lc": {"picks": np.array([5.0, 4.1, 5]), "recall": np.array([0.7, 0.9, 0.8])}}
    rows, p = rare.compared({"set": of}), [paired_t(np.array(d)) for d in (
        [4, 3.9, 4], [-0.2, -0.5, -0.2])]
    assert [row[6].split(" ")[0] for row in rows] == ["+3.97", "-0.3"]
    adjusted = holm([*p, *[1] * (rare.PLANNED - 2)])[:2]
    assert [row[7] for row in rows] == [f"{q:.2g}" for q in adjusted]
    assert [row[8] for row in rows] == ["CAL more" if p[0] * 152 < 0.05 else "inconclusive",
                                        "inconclusive"]
