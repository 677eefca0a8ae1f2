"""Sections beyond the paper's tables: planted kinds, rare classes, CAL's rank, your own table."""

import numpy as np

from plumbing.files import escaped
from report.differences import interval, paired, shown
from report.markdown import Verbatim, table
from report.names import name_of
from stats import mean_accuracy, plus_minus, roc_auc


def kinds_in(r):
    """The known kinds of the rows, in order: easy first, wrong labels, those of a fork last."""
    order = ("easy", "ambiguous", "as given", "mislabelled", "flipped")
    found = {str(kind) for m in r.maps.values() for kind in np.unique(m.get("kind", []))} - {""}
    return [*(name for name in order if name in found), *sorted(found.difference(order))]


def planted(r):
    """How much of each kind each strategy picks, and how well the maps find the wrong labels."""
    kinds, rows = kinds_in(r), []
    for label in r.labels():
        of_pool, of_picks = [], []
        for seed in [seed for seed in r.finished(label) if "kind" in r.maps.get(seed, ())]:
            lines = r.finished(label)[seed]
            kind, in_pool = r.maps[seed]["kind"], np.ones(r.about["train"], bool)
            in_pool[r.maps[seed]["rows"]] = False
            picks = [row for x in lines for row in x["picked"]]
            of_pool.append([np.mean(kind[in_pool] == k) for k in kinds])
            of_picks.append([np.mean(kind[picks] == k) for k in kinds])
        if not of_picks:
            continue
        rows.append([name_of(label), *(plus_minus(np.array(of_picks)[:, i])
                                       for i in range(len(kinds)))])
        pool = ["the pool itself", *(plus_minus(np.array(of_pool)[:, i])
                                       for i in range(len(kinds)))]
    if not rows:
        return ""
    wrong = [name for name in ("mislabelled", "flipped") if name in kinds]
    few = [roc_auc(-m["seed_confidence"], np.isin(m["kind"][m["rows"]], wrong))
           for m in r.maps.values()]
    full = [roc_auc(-m["full_confidence"], np.isin(m["kind"], wrong)) for m in r.maps.values()]
    note = (f"Low confidence finds the {' and the '.join(wrong)} texts with an ROC AUC (0.5 is"
            f" chance) of {auc_of(few)} on the seed-set map and {auc_of(full)} on the map of all"
            " the data.") if wrong else ""
    header = ["share of the picks", *map(Verbatim, kinds)]
    return "### Planted truth\n\n" + table(r.folder, "planted", header, [pool, *rows], note)


def auc_of(values):
    """Part of a sentence: the ROC AUC of the seeds whose map has texts of both kinds."""
    known = [value for value in values if not np.isnan(value)]
    return plus_minus(known, 2) if known else "nothing (none of them is there)"


def recall_table(r):
    """Recall per class in the final round, mean over seeds, and the picks of the rarest class."""
    counts, n, rows = r.about["class_counts"], r.about["train"], []
    rare, kept = min(counts, key=counts.get), r.texts()
    told = bool(kept) and counts[rare] < n / len(counts) / 2
    for label in [*r.labels(), *(["full"] if r.finished("full") else [])]:
        found = [lines[-1].get("recall") for lines in r.finished(label).values()]
        if all(recall and len(recall) == len(counts) for recall in found):
            found = np.array(found, dtype=float)
            rows.append([name_of(label), *("" if np.isnan(v).all() else f"{np.nanmean(v):.3f}"
                                           for v in found.T)])
            rows[-1] += [picked_of(r, label, rare, kept["y"])] if told else []
    if not rows:
        return ""
    header = ["strategy", *(Verbatim(f"{c} ({counts[c] / n:.1%})") for c in r.config["classes"])]
    header += [Verbatim(f"picks of {rare}")] if told else []
    note = ("The cells are the recall on the test texts in the final round, mean over seeds. The"
            " share of each class is in brackets." + " The last column is the number of a run's"
            f" picks that are of the rarest class. That class has {counts[rare]} texts, including"
            " those of the seed set." * told)
    return "## Recall by class\n\n" + table(r.folder, "recall", header, rows, note)


def picked_of(r, label, name, y):
    """A cell: how many of a run's picks are of a class, mean over seeds; "" for all the data."""
    c = r.config["classes"].index(name)
    numbers = [sum(y[row] == c for x in lines for row in x["picked"])
               for lines in r.finished(label).values()]
    return "" if label == "full" else plus_minus(np.array(numbers, dtype=float), 1)


def why_cal(r):
    """Where CAL stands, and what its batches are like beside Random's within seeds."""
    cal, random, kept = r.finished("cal"), r.finished("random"), r.texts()
    if not all(any(x["picked"] for x in lines) for runs in (cal, random) for lines in runs.values()
               ) or not (cal and random and kept) or kept.get("made up"):
        return ""
    order = sorted(r.labels(), key=lambda label: -r.accuracy(label).mean())
    y, length = np.array(kept["y"]), np.array([len(text.split()) for text in kept["texts"]])
    batches = lambda lines: [x["picked"] for x in lines[:-1] if x["picked"]]
    one = lambda lines: np.mean([np.bincount(y[rows]).max() / len(rows) for rows in batches(lines)])
    words = lambda lines: np.mean([length[rows].mean() for rows in batches(lines)])
    mean = lambda measure, runs: np.mean([measure(lines) for lines in runs.values()])
    class_way, word_way = (way_of(paired(measure, cal, random)) for measure in (one, words))
    said = {1: "more than", -1: "less than", 0: "inconclusive against"}
    place = f"number {order.index('cal') + 1} of {len(order)}"
    return f"""## CAL's batches beside Random's

By mean accuracy CAL is {place}. On average the largest true class has {mean(one, cal):.0%} of
a batch of CAL's ({said[class_way]} Random's {mean(one, random):.0%}). CAL's texts have
{mean(words, cal):.1f} words ({said[word_way]} Random's {mean(words, random):.1f}). A difference is
named only if its 95 % interval within seeds excludes 0.\
{LENGTH if class_way > 0 and word_way < 0 else ""}"""


# Run files hold no representations: the report can say what the picks fit, not what caused them.
LENGTH = """ Batches of one class and of short texts fit what
docs/why-cal-loses.md measured: θ′ orders texts by the length of their representation."""


def way_of(d):
    """The sign of the mean of d [S] if its 95 % interval excludes 0, otherwise 0."""
    mean, half = interval(d)
    return int(np.sign(mean)) if abs(mean) > half else 0


def first_reach(r, mean, goal):
    """The number of labels at which a mean curve [rounds + 1] first reaches a goal, or None."""
    reached = r.labelled()[mean >= goal - 1e-12]  # means of the same numbers may differ so much
    return reached[0] if len(reached) else None


def helped(r):
    """For your own table: would active learning have saved labels? One sentence per strategy."""
    if not r.finished("random"):
        return ""
    lines, goal = [], r.accuracy("random")[:, -1].mean()
    own = first_reach(r, r.accuracy("random").mean(0), goal)
    for label in (label for label in r.labels() if label != "random"):
        d = paired(mean_accuracy, r.finished(label), r.finished("random"))
        if not len(d):
            lines.append(f"- {escaped(name_of(label))}: no seed has finished with it and with"
                         " picking at random yet.")
            continue
        about = shown(d) if len(d) > 1 else f"{d.mean():+.3f}"
        sure = f" (95 % interval over {len(d)} seeds)" if "±" in about else ""
        if len(d) > 1 and not way_of(d):
            sure += ", inconclusive,"
        n = first_reach(r, r.accuracy(label).mean(0), goal)
        saved = ("does not reach Random's final accuracy" if n is None else
                 f"reaches Random's final accuracy with {n:,} labels"
                 + (f" instead of {own:,}" if n < own else ", as many as Random" if n == own else
                    f", more than Random's {own:,}"))
        lines.append(f"- {escaped(name_of(label))}: {about}{sure} in mean accuracy compared"
                     f" with picking at random; it {saved}.")
    return "## Would active learning have helped?\n\n" + "\n".join(lines)
