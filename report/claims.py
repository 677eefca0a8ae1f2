"""The paper's claims, each judged by a stated rule on the runs that are there."""

from itertools import combinations

import numpy as np

from report.names import SIX, name_of
from stats import final_accuracy, interval, mean_accuracy, overlaps, paired

RULE = """A comparison is judged on the difference within each seed: it *holds here* if the 95 %
confidence interval of the mean difference (Student's t over seeds) lies above zero, *does not hold
here* if it lies below, and else *cannot be told*. A claim of several comparisons holds if all of
them hold, and does not if one of them does not."""
HOLDS, FAILS, UNSURE = "holds here", "does not hold here", "cannot be told"


def verdict(differences):
    """One word for {name: differences over seeds}, and the evidence as text."""
    sides = []
    for d in differences.values():
        mean, half = interval(d)
        sides.append(1 if mean - half > 0 else -1 if mean + half < 0 else 0)
    word = FAILS if -1 in sides else HOLDS if all(side == 1 for side in sides) else UNSURE
    evidence = [f"{name} {d.mean():+.3f}" + (f" ± {interval(d)[1]:.3f}" if len(d) > 1 else "")
                for name, d in differences.items() if len(d)]
    return word, ", ".join(evidence)


def batch_mean(name, rounds=slice(None)):
    """A function of a run's lines: the mean of a batch statistic over some of its batches."""
    return lambda lines: np.mean([x["batch"][name] for x in lines[1:][rounds]])


def versus(r, a, others, measure):
    """{other: measure(a) - measure(other) for each seed} of the labels that have runs."""
    return {f"{name_of(a)} − {name_of(b)}": paired(measure, r.finished(a), r.finished(b))
            for b in others if b != a and r.finished(b)} if r.finished(a) else {}


def drift(lines):
    """How much more confidence the last third of the batches has than the first third."""
    third = max(1, (len(lines) - 1) // 3)
    late, early = slice(-third, None), slice(0, third)
    return batch_mean("confidence", late)(lines) - batch_mean("confidence", early)(lines)


def claims(r):
    """[(the paper's claim, verdict, evidence)] for the runs that are there."""
    beats = {}
    for a in ("lc", "entropy", "bald", "cal"):
        beats |= versus(r, a, ["random"], mean_accuracy)
    few = slice(0, max(1, r.rounds // 6))
    first = f"first {few.stop} batches have" if few.stop > 1 else "first batch has"
    judged = [
        ("LC, Entropy, BALD and CAL beat Random (mean accuracy)", beats),
        ("CAL beats BALD and DAL (mean accuracy)",
         versus(r, "cal", ["bald", "dal"], mean_accuracy)),
        ("CAL beats every other strategy (mean accuracy)", versus(r, "cal", SIX, mean_accuracy)),
        ("CAL's batches have a higher variability than Random's, LC's and DAL's",
         versus(r, "cal", ["random", "lc", "dal"], batch_mean("variability"))),
        (f"LC's {first} a lower confidence than Random's",
         versus(r, "random", ["lc"], batch_mean("confidence", few))),
        ("DAL drifts to easy rows: its batches' confidence rises more than Random's",
         versus(r, "dal", ["random"], drift)),
        ("t_cor = 0.2 is the best of 0, 0.2, 0.4, 0.6 and 0.8 (final accuracy)",
         versus(r, "cal", [x for x in r.labels() if x.startswith("cal-t")], final_accuracy)),
    ]
    lines = [(text, *verdict(d)) for text, d in judged if d]
    return lines + efficiency_claim(r) + overlap_claim(r)


def efficiency_claim(r):
    """CAL reaches the full-data accuracy with far fewer labels."""
    full = r.accuracy("full")
    if not (r.finished("cal") and len(full)):
        return []
    text = "CAL reaches the accuracy of all the data (its mean curve over seeds does in some round)"
    cal, goal = r.accuracy("cal").mean(0), full.mean()
    reach = first_reach(r, cal, goal)
    if reach[0].isdigit():
        return [(text, HOLDS, f"{goal:.3f} with {reach} labels")]
    return [(text, FAILS, f"it ends at {cal[-1]:.3f}, all the data give {goal:.3f}")]


def first_reach(r, mean, goal):
    """The number of labels with which a mean curve first reaches a goal, and their share."""
    reached = np.flatnonzero(mean >= goal)
    if not len(reached):
        return "not reached"
    n = r.labelled()[reached[0]]
    return f"{n:,} ({n / r.about['train']:.1%})"


def overlap_claim(r):
    """Batches hardly overlap: no pair shares more rows than picking at random would."""
    pairs = pairs_of(r)
    if not pairs:
        return []
    ratio = {p: (n := overlaps(r, *p))["run"] / max(n["run_chance"], 1e-9) for p in pairs}
    (a, b), most = max(ratio.items(), key=lambda item: item[1])
    text = "The strategies choose different texts (no pair shares over 1.1 times what chance gives)"
    evidence = f"most: {name_of(a)} and {name_of(b)}, {most:.2f} times chance over the whole run"
    return [(text, HOLDS if most <= 1.1 else FAILS, evidence)]


def pairs_of(r):
    """The paper's pairs of strategies, as far as both have finished runs."""
    return list(combinations([x for x in ("cal", "dal", "lc", "random") if r.finished(x)], 2))
