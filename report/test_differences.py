"""Tests of differences, against printed tables, loops and simulations."""

import itertools

import numpy as np
import pytest

from report import differences
from report.claims import verdict
from report.findings import way_of
from report.pairs import judged


def test_student_s_t_against_printed_tables():
    # Two-sided 95 % and 99 % points, 1, 2, ... degrees of freedom.
    for df, t95, t99 in ((1, 12.706, 63.657), (2, 4.303, 9.925), (3, 3.182, 5.841),
                         (4, 2.776, 4.604), (5, 2.571, 4.032), (9, 2.262, 3.250),
                         (10, 2.228, 3.169), (29, 2.045, 2.756), (30, 2.042, 2.750)):
        assert differences.t_two_sided(t95, df) == pytest.approx(0.05, abs=1e-4)
        assert differences.t_two_sided(t99, df) == pytest.approx(0.01, abs=1e-4)
        d = np.arange(df + 1.0)
        half = t95 * d.std(ddof=1) / (df + 1) ** 0.5
        assert differences.interval(d)[1] == pytest.approx(half, rel=1e-3)
    assert differences.t_two_sided(0, 4) == pytest.approx(1)


def test_paired_t_is_uniform_where_nothing_differs():
    rng = np.random.default_rng(0)
    p = np.sort([differences.paired_t(rng.normal(size=5)) for _ in range(3000)])
    assert np.abs(p - (np.arange(3000) + 0.5) / 3000).max() < 0.03  # Kolmogorov-Smirnov, 1 %
    assert differences.paired_t(np.zeros(5)) == 1 and differences.paired_t(np.ones(1)) == 1


def test_two_one_sided_tests_are_the_90_percent_interval():
    rng = np.random.default_rng(0)
    for _ in range(200):
        d = rng.normal(0.004, 0.008, 6)
        mean, half = differences.interval(d, 0.9)
        inside = abs(mean) + half < 0.01
        assert (differences.equivalence(d, 0.01) < 0.05) == inside
        assert differences.equivalence(d) == differences.equivalence(-d)
    assert differences.equivalence(np.zeros(5)) == 0  # equal runs
    assert differences.equivalence(np.full(5, 0.01)) == 1  # the margin itself is not within it
    assert differences.equivalence(np.zeros(1)) == 1
    edge = [differences.equivalence(rng.normal(0.01, 0.003, 5)) for _ in range(3000)]
    assert np.mean(np.array(edge) < 0.05) == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize("S", [2, 3, 5, 8])
def test_equal_differences_are_no_proof(S):
    # Accuracies on 100 texts are multiples of 0.01, so two seeds often differ by the same.
    for d in (np.full(S, 0.02), np.array([0.1 + 0.2 - 0.28, *[0.02] * (S - 1)])):
        assert differences.paired_t(d) == differences.paired_t(-d) == 2 ** (1 - S)
        assert differences.equivalence(d, 0.03) == 2**-S and differences.equivalence(d, 0.02) == 1
    assert differences.answers([np.full(2, 0.02)])[0] == (0.5, "inconclusive")
    assert differences.paired_t(np.full(S, 0.02) + 1e-5 * np.arange(S)) < 0.01  # as ever


def test_answers_are_corrected_and_say_both():
    small = np.array([-1, 1, -2, 2, 0.5]) * 1e-3
    found = [small, small + 0.005, small + 0.05, small - 0.05, small * 50]
    assert [word for _, word in differences.answers(found)] == [
        "the same within 0.01", "better by less than 0.01", "better", "worse", "inconclusive"]
    assert differences.answers([small], 0)[0][1] == "inconclusive"  # without a margin
    assert differences.answers([small], 0.001)[0][1] == "inconclusive"
    weak = np.array([0.1, 0.3, 0.05, 0.2, 0.1])
    alone, among = differences.answers([weak]), differences.answers([weak] * 9)
    assert alone[0][1] == "better" and among[0][1] == "inconclusive"
    assert among[0][0] == pytest.approx(9 * alone[0][0])


def test_holm_by_hand():
    assert differences.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert differences.holm([0.5, 0.6]) == pytest.approx([1, 1])
    assert differences.holm([0.2]) == [0.2]
    assert differences.holm([0.001, 0.02, 0.02, 0.9]) == pytest.approx([0.004, 0.06, 0.06, 0.9])


@pytest.mark.parametrize("S", [1, 2, 5, 8])
def test_sign_flips_against_a_loop(S):
    d = np.random.default_rng(S).normal(0.3, 1, S)
    ways = [np.dot(signs, d) >= d.sum() - 1e-12 for signs in itertools.product((1, -1), repeat=S)]
    assert differences.sign_flip(d) == np.mean(ways)
    assert differences.sign_flip(np.abs(d)) == 1 / 2**S and differences.sign_flip(-np.abs(d)) == 1


def test_sign_flips_of_many_seeds_are_drawn():
    d = np.random.default_rng(0).normal(0.2, 1, 20)
    few = [np.dot(signs, d) >= d.sum() for signs in
           np.random.default_rng(5).choice([-1, 1], (40_000, 20))]
    assert differences.sign_flip(d) == pytest.approx(np.mean(few), abs=0.015)
    assert differences.sign_flip(np.abs(d)) == 2**-14


def test_the_interval_covers_the_truth_95_times_in_100():
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(4000):
        mean, half = differences.interval(rng.normal(1, 2, 5))
        inside.append(abs(mean - 1) < half)
    assert abs(np.mean(inside) - 0.95) < 0.015


def test_equal_differences_have_no_interval():
    equal = np.full(3, 0.02)
    assert differences.interval(equal) == (0.02, np.inf)
    assert differences.shown(equal) == "+0.020 (no interval)" == differences.shown(equal[:1])
    assert differences.interval(np.zeros(3)) == (0, 0)  # equal runs
    assert differences.shown(np.zeros(3)) == "+0.000 ± 0.000"
    assert way_of(equal) == 0 and way_of(equal + np.array([0, 1e-4, 2e-4])) == 1
    ((*_, mean, low, high, t, _, _, _, _, _, word),) = judged({("a", "b"): equal}, 0.01)
    assert (mean, low, high, word) == ("+0.020", "", "", "inconclusive")
    assert "+0.020 (no interval), p 0.25" in verdict({"a": equal})[1]
