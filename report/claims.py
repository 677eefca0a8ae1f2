"""The paper's claims, each judged on the finished runs by a stated rule."""

from itertools import combinations

import numpy as np

from page.paper import SIX
from report.differences import answers, paired, shown
from report.names import name_of
from stats import final_accuracy, mean_accuracy, overlaps

RULE = """Each comparison is a two-sided paired t test of the differences within seeds. If a claim
makes several comparisons, their p-values are corrected for multiple comparisons (Holm 1979). A
claim *holds here* if every difference has the claimed sign with p < 0.05. It *does not hold here*
if one difference has the other sign with p < 0.05, or if two accuracies that the claim tells apart
are the same within {margin:g}: two one-sided t tests with that margin, corrected in the same way,
have p < 0.05. Otherwise it is *inconclusive*. A claim about a strategy without finished runs is
*not run*, and one seed gives no verdict. The ± after a mean difference is the half width of its
confidence interval (Student's t over seeds, 95 % for all comparisons of the claim together, after
Bonferroni). The claim about different texts has no test: its ratio decides."""
HOLDS, FAILS, UNSURE = "holds here", "does not hold here", "inconclusive"
NOT_RUN, ONE_SEED = "not run", "one seed: no verdict"


def verdict(differences, margin=None):
    """{name: differences [S], one per seed} -> (the verdict, the evidence as text).

    margin: within which two strategies count as the same, so that neither beats the other.
    """
    if not differences or not all(len(d) for d in differences.values()):
        return NOT_RUN, ""
    if min(map(len, differences.values())) < 2:
        return ONE_SEED, ", ".join(f"{name} {d.mean():+.3f}" for name, d in differences.items())
    judged, level = answers(differences.values(), margin or 0), 1 - 0.05 / len(differences)
    sides = [answer.split()[0] for _, answer in judged]
    word = (FAILS if {"worse", "the"} & {*sides} else HOLDS if {*sides} == {"better"} else UNSURE)
    return word, ", ".join(
        f"{name} {shown(d, level)}, p {p:.2g}"
        + f" ({answer})" * answer.startswith("the same")
        for (name, d), (p, answer) in zip(differences.items(), judged))


def batch_mean(name, rounds=slice(None)):
    """A function of a run's lines -> the mean of a batch statistic over some of its batches."""
    return lambda lines: np.mean([x["batch"][name] for x in lines[1:][rounds]])


def versus(r, a, others, measure):
    """{"A - other": measure(a) - measure(other) for each seed that both have; [] without runs}."""
    return {f"{name_of(a)} − {name_of(b)}": paired(measure, r.finished(a), r.finished(b))
            for b in others if b != a}


def drift(lines):
    """The mean confidence of the last third of the batches minus that of the first third."""
    third = max(1, (len(lines) - 1) // 3)
    late, early = slice(-third, None), slice(0, third)
    return batch_mean("confidence", late)(lines) - batch_mean("confidence", early)(lines)


def claims(r):
    """[(the paper's claim, verdict, evidence)]."""
    beats = {}
    for a in ("lc", "entropy", "bald", "cal"):
        beats |= versus(r, a, ["random"], mean_accuracy)
    few = slice(0, max(1, r.rounds // 6))
    first = f"first {few.stop} batches have" if few.stop > 1 else "first batch has"
    thresholds = [f"cal-t{t}" for t in ("0", "0.4", "0.6", "0.8")]
    judged = [
        ("LC, Entropy, BALD and CAL beat Random (mean accuracy)", beats, r.margin),
        ("CAL beats BALD and DAL (mean accuracy)",
         versus(r, "cal", ["bald", "dal"], mean_accuracy), r.margin),
        ("CAL beats every other strategy (mean accuracy)", versus(r, "cal", SIX, mean_accuracy),
         r.margin),
        ("CAL's batches have a higher variability than Random's, LC's and DAL's",
         versus(r, "cal", ["random", "lc", "dal"], batch_mean("variability"))),
        (f"LC's {first} a lower confidence than Random's",
         versus(r, "random", ["lc"], batch_mean("confidence", few))),
        ("DAL drifts to easy rows: its batches' confidence rises more than Random's",
         versus(r, "dal", ["random"], drift)),
        ("t_cor = 0.2 is the best of 0, 0.2, 0.4, 0.6 and 0.8 (final accuracy)",
         versus(r, "cal", thresholds, final_accuracy), r.margin),
        ("CAL reaches the accuracy of all the data (in the final round)",
         versus(r, "cal", ["full"], final_accuracy)),
    ]
    return [(text, *verdict(*d)) for text, *d in judged] + [overlap_claim(r)]


def overlap_claim(r):
    """The claim that no two strategies share more texts than picking at random would give."""
    text = "The strategies choose different texts (no pair shares over 1.1 times what chance gives)"
    pairs = pairs_of(r)
    if len(pairs) < 6:
        return text, NOT_RUN, ""
    ratio = {p: (n := overlaps(r, *p))["run"] / max(n["run_chance"], 1e-9) for p in pairs}
    (a, b), most = max(ratio.items(), key=lambda item: item[1])
    evidence = f"most: {name_of(a)} and {name_of(b)}, {most:.2f} times chance over the whole run"
    return text, HOLDS if most <= 1.1 else FAILS, evidence


def pairs_of(r):
    """The paper's pairs of strategies, if both have finished runs."""
    return list(combinations([x for x in ("cal", "dal", "lc", "random") if r.finished(x)], 2))
