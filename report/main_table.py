"""The main table, in report.md and on the terminal."""

import numpy as np

from report.findings import first_reach
from report.long_form import own_measures
from report.markdown import table
from report.names import name_of, paper_of
from report.samples import common_seeds, interval_of, labels_to
from stats import Results, plus_minus


def main_table(r):
    """Final and mean accuracy, labels to reach Random's final accuracy, seconds per round."""
    header, rows = without_empty(*main_rows(r))
    note = ("± is the standard deviation over seeds. Mean accuracy is the mean over all rounds (the"
            " area under the curve). A row *all data* has models trained on all training texts.")
    if SPAN in header:
        note += (" The labels to Random's final accuracy are those of the first round in which the"
                 " mean curve reaches it; the interval is of a bootstrap over seeds, which is rough"
                 " with few of them.")
    return "## Results\n\n" + table(r.folder, "results", header, rows, note) if r.labels() else ""


SPAN = "95 % interval"


def main_rows(r):
    """The header and the rows of the main table."""
    random = r.accuracy("random")
    goal = random[:, -1].mean() if len(random) else None
    paper, rows = paper_of(r).get("final", {}), []
    own = own_measures(lines for runs in r.runs.values() for lines in runs.values())
    for label in r.labels():
        accuracy, runs = r.accuracy(label), r.finished(label).values()
        final = accuracy[:, -1]
        rows.append([
            name_of(label), len(accuracy), plus_minus(final), *beside(final, paper.get(label)),
            final_of(runs, "f1"), *(final_of(runs, name) for name in own),
            plus_minus(accuracy.mean(1)), when(r, accuracy.mean(0), goal), span(r, label),
            *(f"{np.median([x['seconds'][k] for lines in runs for x in lines]):.2f}"
              for k in ("train", "select")),
        ])
    full = r.accuracy("full")
    if len(full):
        rows.append([name_of("full"), len(full), plus_minus(full[:, -1]),
                     *beside(full[:, -1], paper.get("full")),
                     *(final_of(r.finished("full").values(), name) for name in ("f1", *own)),
                     "", "" if goal is None else r.about["train"], "", "", ""])
    return ["strategy", "seeds", "final accuracy", "paper", "difference", "macro-F1", *own,
            "mean accuracy", "labels to Random's final", SPAN, "s/round to train",
            "s/round to select"], rows


def when(r, mean, goal):
    """A cell: the labels at which a mean curve first reaches a goal; empty without a goal."""
    return "" if goal is None else first_reach(r, mean, goal) or "never"


def span(r, label):
    """A cell: the interval of the labels to Random's final accuracy; empty under three seeds."""
    seeds = common_seeds(r, [label, "random"])
    return interval_of(*labels_to(r, label, "random", seeds)[1:]) if seeds else ""


def final_of(runs, name):
    """A measure in the last round of runs; empty if an older version wrote a run without it."""
    found = [lines[-1][name] for lines in runs if name in lines[-1]]
    return plus_minus(found) if len(found) == len(runs) else ""


def beside(ours, paper):
    """The two cells (paper, difference) that follow a number of ours."""
    return ["", ""] if paper is None else [f"{paper:.3f}", f"{np.mean(ours) - paper:+.3f}"]


def summary(folder, labels):
    """The main table for some strategies' labels, as plain text for a terminal."""
    r = Results(folder)
    r.config["strategies"] = [label for label in r.config["strategies"] if label in labels]
    if not r.labels():
        return "No run has finished yet."
    header, rows = without_empty(*main_rows(r), hidden=SPAN)  # a terminal has little room
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    width = [max(map(len, column)) for column in zip(*cells)]
    return "\n".join("  ".join(map(str.ljust, row, width)).rstrip() for row in cells)


def without_empty(header, rows, hidden=""):
    """A table without its empty columns, and without the column called `hidden`."""
    keep = [i for i, name in enumerate(header)
            if name != hidden and any(row[i] != "" for row in rows)]
    return [header[i] for i in keep], [[row[i] for i in keep] for row in rows]
