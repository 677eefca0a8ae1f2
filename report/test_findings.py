"""Tests of the sections beyond the paper's tables, on hand-made run files."""

import gzip
import json

import numpy as np

from report import findings, sections
from report.test_report import STRENGTH, by_strength, hand_made
from test_cal import read_csv


def test_recall_and_macro_f1_are_those_of_the_final_round(tmp_path):
    r = hand_made(tmp_path, lambda label, seed, t: 0.3 + 0.1 * t + 0.01 * seed, rounds=3,
                  labels=["cal", "random"])
    findings.recall_table(r)
    rows = {row["strategy"]: row for row in read_csv(tmp_path / "recall.csv")}
    assert rows["CAL"]["a (73.4%)"] == "0.620" and rows["CAL"]["b (26.6%)"] == ""
    assert rows["all data"]["a (73.4%)"] == "0.320"
    sections.main_table(r)
    rows = {row["strategy"]: row for row in read_csv(tmp_path / "results.csv")}
    assert rows["CAL"]["macro-F1"] == "0.520 ± 0.016" and "paper" not in rows["CAL"]


def test_who_picks_the_rarest_class(tmp_path):
    picks = {"cal": [0, 2, 4], "random": [0, 1, 2]}  # odd rows have the rare class, if any
    r = hand_made(tmp_path, by_strength(STRENGTH), None,
                  lambda label, seed, t: [row + (10 + seed) * t for row in picks[label]], rounds=2,
                  labels=["cal", "random"], seeds=2)
    kept = {"texts": [""] * 5452, "y": [i % 2 for i in range(5452)], "numbers": [*range(5452)]}
    (tmp_path / "runs" / "texts.json.gz").write_bytes(gzip.compress(json.dumps(kept).encode()))
    assert "picks of" not in findings.recall_table(r)  # a class of a quarter of the texts
    r.about["class_counts"] = {"a": 5000, "b": 452}
    assert "That class has 452 texts" in findings.recall_table(r)
    rows = {row["strategy"]: row["picks of b"] for row in read_csv(tmp_path / "recall.csv")}
    # CAL's second batch is odd for seed 1 (rows 11, 13, 15); Random's are 1 of 3, then 2 of 3.
    assert rows == {"CAL": "1.5 ± 2.1", "Rand.": "2.5 ± 0.7", "all data": ""}


def test_runs_without_recall_have_no_such_table(tmp_path):
    r = hand_made(tmp_path, by_strength(STRENGTH), rounds=2, labels=["cal", "random"])
    for of_seed in r.runs.values():
        for lines in of_seed.values():
            for line in lines:
                del line["f1"], line["recall"]
    assert findings.recall_table(r) == ""
    sections.main_table(r)
    assert "macro-F1" not in read_csv(tmp_path / "results.csv")[0]


def batches_said(folder, picks, texts, seeds=3):
    """What why_cal says of runs that pick picks(label, seed, t); odd rows are of one class."""
    r = hand_made(folder, by_strength(STRENGTH), None, picks, rounds=2, labels=["cal", "random"],
                  seeds=seeds)
    assert findings.why_cal(r) == ""  # no texts were kept
    kept = {"texts": [*texts, *[""] * (5452 - len(texts))], "y": [i % 2 for i in range(5452)],
            "numbers": [*range(5452)]}
    (folder / "runs" / "texts.json.gz").write_bytes(gzip.compress(json.dumps(kept).encode()))
    return " ".join(findings.why_cal(r).split())


def even_or_not(label, seed, t):
    """CAL picks even rows alone, Random even and odd ones; seed 2 has fewer of these."""
    rows = [0, 2, 4, 6] if label == "cal" else [0, 1, 2, 4 if seed == 2 else 3]
    return [row + 10 * t + 2 * seed for row in rows]


SHORT = ["two words" if i % 2 == 0 else "there are four words" for i in range(40)]


def test_a_difference_of_cals_batches_is_named(tmp_path):
    said = batches_said(tmp_path, even_or_not, SHORT)
    assert "CAL is number 1 of 2. On average the largest true class has 100% of a batch" in said
    assert "(more than Random's 58%)" in said
    assert "have 2.0 words (less than Random's 2.8)" in said
    assert "θ′ orders texts by the length" in said


def test_length_is_not_named_where_the_words_do_not_bear_it(tmp_path):
    longer = ["there are five words here" if i % 2 == 0 else "two words" for i in range(40)]
    level = ["three words each"] * 40
    for name, texts, way in (("a", longer, "more than"), ("b", level, "inconclusive against")):
        said = batches_said(tmp_path / name, even_or_not, texts)
        assert f"words ({way} Random's" in said and "orders texts by the length" not in said
    once = batches_said(tmp_path / "c", even_or_not, SHORT, seeds=1)  # one seed bears nothing
    assert once.count("inconclusive against") == 2 and "orders texts" not in once


def test_a_class_share_that_changes_sign_over_seeds_is_inconclusive(tmp_path):
    swapped = lambda label, seed, t: even_or_not(
        label if seed != 1 else "random" if label == "cal" else "cal", seed, t)
    said = batches_said(tmp_path, swapped, SHORT)
    assert said.count("inconclusive against") == 2 and "orders texts" not in said


def test_would_it_have_helped(tmp_path):
    r = hand_made(tmp_path, lambda label, seed, t: {
        "random": 0.2 + 0.1 * t, "lc": 0.3 + 0.1 * t + 0.001 * (seed - 1), "cal": 0.2 + 0.05 * t,
        "full": 0.9}[label],
        rounds=4, labels=["random", "lc", "cal"], seeds=3)
    said = findings.helped(r)
    assert "- LC: +0.100 ± 0.002 (95 % interval over 3 seeds)" in said
    assert "with 650 labels instead of 700" in said
    assert "- CAL: -0.100 (no interval), inconclusive, in mean" in said  # equal in all seeds
    assert "does not reach Random's final accuracy" in said
    noisy = hand_made(tmp_path / "noisy", lambda label, seed, t: {
        "random": 0.2 + 0.1 * t, "lc": 0.2 + 0.1 * t + 0.01 * (seed - 1), "full": 0.9}[label],
        rounds=4, labels=["random", "lc"], seeds=3)
    said = findings.helped(noisy)
    assert ", inconclusive, in mean accuracy" in said and "with 700 labels, as many as" in said
    assert sections.sections_of(r) == sections.SECTIONS
    r.dataset = "my.csv"
    assert sections.sections_of(r) == sections.OF_A_TABLE
    r.config["strategies"].append("cal-t0.4")
    assert sections.sections_of(r) == sections.SECTIONS


def test_kinds_are_those_that_are_there(tmp_path):
    r = hand_made(tmp_path, by_strength(STRENGTH), rounds=2)
    r.maps = {1: {"kind": np.array(["flipped", "as given"])}}
    assert findings.kinds_in(r) == ["as given", "flipped"]
