"""Differences within seeds and their tests: Student's t, equivalence, Holm, sign flips."""

import numpy as np

MARGIN = 0.01  # accuracies that differ by less are called the same, if two tests say so


def paired(measure, one, other):
    """measure(one[seed]) - measure(other[seed]) for each seed that both {seed: lines} have: [S]."""
    return np.array([measure(one[seed]) - measure(other[seed]) for seed in one if seed in other])


def t_two_sided(t, df):
    """P(|T| > t) of Student's t with df degrees of freedom (Abramowitz & Stegun 26.7.3-4)."""
    angle = np.arctan(t / np.sqrt(df))
    first = 1 + df % 2  # the series runs over even powers of the cosine, or over odd ones
    terms, term = [], np.cos(angle) ** (first - 1) if df > 1 else 0
    for j in range(first, df, 2):
        terms.append(term)
        term *= j / (j + 1) * np.cos(angle) ** 2
    inside = np.sin(angle) * sum(terms)
    return 1 - (2 / np.pi * (angle + inside) if df % 2 else inside)


def paired_t(d):
    """The two-sided p-value of "the mean of d [S] is 0", by Student's t; 1 if every d is 0.

    Accuracies are multiples of 1 / T, so a few differences may be equal by chance. They have no
    spread for a t test, and p is that of the sign test.
    """
    if len(d) < 2 or not d.any():
        return 1.0
    sd = d.std(ddof=1)
    if equal(d, sd):
        return 2.0 ** (1 - len(d))
    return t_two_sided(abs(d.mean()) / sd * np.sqrt(len(d)), len(d) - 1)


def equal(d, sd):
    """Whether d [S], with the standard deviation sd, are equal but for rounding."""
    return sd <= 1e-9 * abs(d).max()


def below(d, most):
    """The one-sided p-value of "the mean of d [S] is `most` or more", by Student's t."""
    gap, sd = most - d.mean(), d.std(ddof=1)
    if equal(d, sd):  # differences of 0 are those of equal runs
        return (2.0 ** -len(d) if d.any() else 0.0) if gap > 1e-9 else 1.0
    t = gap / sd * np.sqrt(len(d))
    tail = t_two_sided(abs(t), len(d) - 1) / 2
    return tail if t > 0 else 1 - tail


def equivalence(d, margin=MARGIN):
    """The p-value of "the mean of d [S] is not within -margin ... margin"; 1 for one seed.

    It is the larger p-value of two one-sided t tests, one per end (Schuirmann 1987).
    """
    return max(below(d, margin), below(-d, margin)) if len(d) > 1 else 1.0


def answers(differences, margin=MARGIN):
    """What each of several differences [S] means: [(paired t's p, answer)], both after Holm.

    better or worse: the mean is not 0. the same within the margin: two one-sided tests say so.
    inconclusive: neither. A difference can be shown and be within the margin; then both are said.
    """
    differ = holm([paired_t(d) for d in differences])
    equal = holm([equivalence(d, margin) for d in differences])
    found = []
    for d, p, same in zip(differences, differ, equal):
        side = "better" if d.mean() > 0 else "worse"
        word = (f"{side} by less than {margin:g}" if max(p, same) < 0.05 else side if p < 0.05
                else f"the same within {margin:g}" if same < 0.05 else "inconclusive")
        found.append((p, word))
    return found


def critical_t(df, level=0.95):
    """The t with P(|T| > t) = 1 - level for df degrees of freedom, by bisection."""
    low, high = 0.0, 1e4
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if t_two_sided(middle, df) > 1 - level else (low, middle)
    return low


def interval(d, level=0.95):
    """The confidence interval of the mean of d [S], by Student's t -> (mean, half width).

    The half width is inf for one difference, and for several that are equal but not 0: they are
    equal by chance (see paired_t), so their spread says nothing.
    """
    if len(d) < 2:
        return (d.mean() if len(d) else np.nan), np.inf
    sd = d.std(ddof=1)
    if d.any() and equal(d, sd):
        return d.mean(), np.inf
    return d.mean(), critical_t(len(d) - 1, level) * sd / np.sqrt(len(d))


def shown(d, level=0.95, mean_as="+.3f", half_as=".3f"):
    """The interval of d [S] as text: +0.012 ± 0.003, or +0.012 (no interval)."""
    mean, half = interval(d, level)
    return f"{mean:{mean_as}} " + (f"± {half:{half_as}}" if np.isfinite(half) else "(no interval)")


def holm(p):
    """p-values [k] corrected for multiple comparisons (Holm 1979), in the order given."""
    order, k = np.argsort(p, kind="stable"), len(p)
    adjusted = np.empty(k)
    adjusted[order] = np.maximum.accumulate(np.sort(p) * np.arange(k, 0, -1))
    return np.minimum(adjusted, 1)


EXACT = 12  # seeds, at most, for which every way to flip signs is tried


def signs_of(S):
    """Every way to give S numbers a sign: [2^S, S] of 1 and -1."""
    return 1 - 2 * (np.arange(2**S)[:, None] >> np.arange(S) & 1)


def sign_flip_two_sided(d):
    """The exact p-value of "d [S] is as likely as -d", by flipping signs; NaN if S is above EXACT.

    It is the share of the 2^S ways to flip signs whose mean is as far from 0 or farther, so with
    differences that are not 0 it is never below 2/2^S.
    """
    return float((np.abs(signs_of(len(d)) @ d) >= abs(d.sum()) - 1e-12).mean()
                 ) if len(d) <= EXACT else np.nan


def sign_flip(d):
    """The one-sided p-value of "the mean of d [S] is not above 0", by flipping signs.

    It is the share of the 2^S ways to flip signs that give a mean at least as large, so it is never
    below 1/2^S. With more than 14 seeds, 2^14 ways are used: the given signs and a random sample.
    """
    if len(d) <= 14:
        signs = signs_of(len(d))
    else:
        signs = np.random.default_rng(0).choice([-1, 1], (2**14, len(d)))
        signs[0] = 1
    return float((signs @ d >= d.sum() - 1e-12).mean())
