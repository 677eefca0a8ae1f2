"""Planned comparisons of strategies, within seeds, corrected for multiple comparisons.

    python -m studies.versus results/trec-paper-pool cal+unit-cal margin-lc map+div-lc ...

The script reads run files and trains nothing. For each pair, and for both the mean accuracy (over
all rounds) and the final accuracy, it prints the mean difference within seeds, the half width of
its interval (95 % for all pairs together, after Bonferroni), the p-value of a paired t test
(corrected for all pairs named, Holm 1979) and the verdict: better, worse, the same within --margin
(two one-sided t tests, corrected after Holm) or inconclusive.
"""

from plumbing.arguments import Parser, script, threshold
from plumbing.files import InputError
from report.differences import MARGIN, answers, paired, shown
from report.markdown import markdown
from report.names import name_of
from stats import Results, final_accuracy, mean_accuracy


def compared(r, pairs, seeds=None, margin=MARGIN):
    """Rows of a table: pair, seeds, and for both measures the difference, p and the verdict."""
    measures, found = (mean_accuracy, final_accuracy), []
    for a, b in pairs:
        runs = [{s: lines for s, lines in r.finished(x).items() if not seeds or s in seeds}
                for x in (a, b)]
        found.append([paired(measure, *runs) for measure in measures])
    rows = [[f"{name_of(a)} − {name_of(b)}", len(d[0])] for (a, b), d in zip(pairs, found)]
    for i in range(len(measures)):
        judged = answers([d[i] for d in found], margin)
        for row, d, (p, answer) in zip(rows, found, judged):
            row += [shown(d[i], 1 - 0.05 / len(pairs)), f"{p:.2g}", answer]
    return rows


HEADER = ["pair", "seeds", "mean accuracy", "p", "verdict", "final accuracy", "p ", "verdict "]


def pair_of(r, text):
    """The two strategies of A-B, whose names may contain dashes: cal-cal-t0.4."""
    parts = text.split("-")
    for i in range(1, len(parts)):
        a, b = "-".join(parts[:i]), "-".join(parts[i:])
        if set(r.finished(a)) & set(r.finished(b)):
            return a, b
    raise InputError(f"{text!r} is not a pair A-B of strategies that have finished the same seed in"
                     f" {r.folder}; choose two of: {' '.join(r.labels()) or '(none is finished)'}")


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("folder", help="a results directory")
    p.add_argument("pairs", nargs="+", metavar="A-B", help="two strategies to compare")
    p.add_argument("--margin", type=threshold, default=MARGIN,
                   help="accuracies are the same if they differ by less than this")
    args = p.parse_args()
    r = Results(args.folder)
    pairs = [pair_of(r, pair) for pair in args.pairs]
    print(markdown(HEADER, compared(r, pairs, margin=args.margin)))


if __name__ == "__main__":
    script(main)
