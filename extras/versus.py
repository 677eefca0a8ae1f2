"""Planned comparisons of strategies, within seeds, corrected for their number.

    python -m extras.versus results/trec-paper-pool cal+unit-cal margin-lc map+div-lc ...

Reads run files, trains nothing. For each pair: the mean difference of the mean accuracy (over all
rounds) and of the final accuracy within seeds, the half width of its 95 % interval, the paired t
test's p after Holm over all pairs named, and what that says.
"""

import sys

from report.markdown import markdown
from report.names import name_of
from stats import Results, final_accuracy, holm, interval, mean_accuracy, paired, paired_t


def compared(r, pairs, seeds=None):
    """Rows of a table: pair, seeds, and for both measures the difference, p and what it says."""
    measures, found = (mean_accuracy, final_accuracy), []
    for a, b in pairs:
        runs = [{s: lines for s, lines in r.finished(x).items() if not seeds or s in seeds}
                for x in (a, b)]
        found.append([paired(measure, *runs) for measure in measures])
    rows = [[f"{name_of(a)} − {name_of(b)}", len(d[0])] for (a, b), d in zip(pairs, found)]
    for i in range(len(measures)):
        adjusted = holm([paired_t(d[i]) for d in found])
        for row, d, p in zip(rows, found, adjusted):
            mean, half = interval(d[i])
            row += [f"{mean:+.3f} ± {half:.3f}", f"{p:.2g}", said(mean, p)]
    return rows


def said(mean, p):
    """What a difference and its corrected p say."""
    return "cannot be told" if p >= 0.05 else "better" if mean > 0 else "worse"


HEADER = ["pair", "seeds", "mean accuracy", "p", "says", "final accuracy", "p ", "says "]


def main():
    folder, *pairs = sys.argv[1:]
    pairs = [tuple(pair.split("-", 1)) for pair in pairs]
    print(markdown(HEADER, compared(Results(folder), pairs)))


if __name__ == "__main__":
    main()
