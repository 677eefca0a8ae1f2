"""Differences between every two strategies that ran: tests within seeds, ASO."""

from itertools import combinations

import numpy as np

from plumbing.files import counted, write_csv
from report.differences import EXACT, answers, equivalence, holm, interval, paired, paired_t
from report.differences import sign_flip_two_sided as flips
from report.markdown import table
from report.names import name_of
from report.samples import FEWEST, baseline_of
from stats import aso_table, mean_accuracy

HEADER = ["strategy", "compared with", "seeds", "difference", "95 % from", "95 % to",
          *(f"p ({test}{holm})" for test in ("t", "signs", "same") for holm in ("", ", Holm")),
          "answer"]


def differences(r):
    """Every strategy beside the baseline, in mean accuracy; every pair as pairs.csv, aso.csv."""
    labels, goal = r.labels(), baseline_of(r)
    if len(labels) < 2:
        return ""
    write_csv(r.folder / "pairs.csv", HEADER, tested(r, list(combinations(labels, 2)), digits=6))
    write_aso(r, labels)
    rows = tested(r, [(label, goal) for label in labels if label != goal] if goal else [])
    text = "## Differences within seeds\n\n"
    if not rows:
        return text + ("No strategy has finished three seeds that another has finished too, so"
                       " nothing is tested." if goal else
                       f"The baseline, {name_of(r.baseline)}, has no finished run.") + EVERY_PAIR
    keep = [i for i in range(len(HEADER)) if i != 1]
    return text + table(r.folder, "differences", [HEADER[i] for i in keep],
                        [[row[i] for i in keep] for row in rows],
                        note_of(r, goal, [row[2] for row in rows]))


def tested(r, pairs, digits=3):
    """A row of HEADER for each pair of labels with three seeds in common."""
    found = {(a, b): paired(mean_accuracy, r.finished(a), r.finished(b)) for a, b in pairs}
    return judged({(name_of(a), name_of(b)): d for (a, b), d in found.items()
                   if len(d) >= FEWEST}, r.margin, digits)


def judged(found, margin, digits=3):
    """A row of HEADER for each pair of names: {(one, other): differences [S]}, S three or more.

    Holm's correction is over all of them.
    """
    if not found:
        return []
    ds, rows = list(found.values()), []
    t, flipped, same = ([test(d) for d in ds] for test in (
        paired_t, flips, lambda d: equivalence(d, margin)))
    words = [word for _, word in answers(ds, margin)]
    for names, d, *cells, word in zip(found, ds, t, holm(t), flipped, holm_known(flipped), same,
                                      holm(same), words):
        mean, half = interval(d)
        rows.append([*names, len(d),
                     *(f"{value:+.{digits}f}" if np.isfinite(value) else ""
                       for value in (mean, mean - half, mean + half)),
                     *("" if np.isnan(p) else f"{p:.{max(2, digits - 1)}g}" for p in cells), word])
    return rows


def holm_known(p):
    """Holm's correction of the p-values that are not NaN."""
    p = np.array(p)
    p[~np.isnan(p)] = holm(p[~np.isnan(p)])
    return p


def write_aso(r, labels):
    """ASO of all strategies: aso.csv, with pooled rounds and with one number per seed."""
    samples = {"pooled rounds": {label: r.accuracy(label).ravel() for label in labels}}
    if min(len(r.finished(label)) for label in labels) > 1:
        samples["one number per seed"] = {label: r.accuracy(label).mean(1) for label in labels}
    rows = []
    for which, scores in samples.items():
        t = aso_table(scores)
        rows += [[which, name_of(a), *("" if a == b else f"{t[a][b]:.4f}" for b in labels)]
                 for a in labels]
    write_csv(r.folder / "aso.csv", ["sample", "row over column", *map(name_of, labels)], rows)


def note_of(r, goal, seeds):
    """What the tests are, and what so few seeds can show."""
    least, k = min(seeds), len(seeds)
    text = (f"Differences are in mean accuracy, a strategy's minus {name_of(goal)}'s, within seeds."
            " *p (t)* is of a two-sided paired t test. *p (signs)* is of the exact two-sided"
            f" test that flips signs ({EXACT} seeds at most). *p (same)* is of two one-sided t"
            f" tests with a margin of {r.margin:g}. Each is followed by Holm's correction over the"
            f" {counted(k, 'comparison')}; the interval is not corrected. The answer uses the t"
            " tests after correction, and"
            f" *the same within {r.margin:g}* is said only after the two one-sided tests.")
    if least <= EXACT and (p := 2 / 2**least * k) > 0.05:
        text += (f" With {counted(int(least), 'seed')}, the smallest p of flipped signs is"
                 f" 2/2^{least} = {2 / 2**least:.3g}, or {min(p, 1):.3g} after correction, so that"
                 " test cannot show a difference here.")
    return text + EVERY_PAIR


EVERY_PAIR = """ pairs.csv has the same tests of every pair of strategies, with Holm's correction
over all pairs. aso.csv has ε_min of every pair, for pooled rounds and for one number per seed."""
