"""Two results directories that differ in one setting: what it changes, within seeds.

    python -m report.compare results/trec-paper-hash results/trec-paper-pool

prints, for every strategy that both have, the second's accuracy minus the first's, and what the
setting does to each strategy's lead over the baseline. The setting may be the vectors, the
protocol, the model, the epochs, the source of a fork, and so on; the data must be the same.
"""

import argparse
from pathlib import Path

from plumbing.arguments import Parser, script, share
from plumbing.files import InputError, shortened, write_csv
from plumbing.made import changed
from report.differences import MARGIN
from report.markdown import markdown
from report.merge import differing_settings, other_vectors
from report.names import name_of
from report.pairs import HEADER, judged
from report.samples import FEWEST, sample
from stats import Results, final_accuracy, mean_accuracy

LABELS = {"seed_size", "rounds", "batch"}  # they fix how many labels there are in each round
MEASURES = {"mean accuracy": mean_accuracy, "final accuracy": final_accuracy}


def setting_of(one, other):
    """What two Results differ in, in words; an InputError if it is more than one setting."""
    unlike = differing_settings(one.config, other.config)
    where = f"{one.folder} and {other.folder}"
    if {"dataset", "data_sha256"} & {*unlike}:
        raise InputError(f"{where} have other data, so their runs cannot be paired by seed")
    if LABELS & {*unlike}:
        raise InputError(f"{where} differ in {', '.join(sorted(LABELS & {*unlike}))}, so their"
                         " rounds have other numbers of labels")
    if len(unlike) > 1:
        raise InputError(f"{where} differ in more than one setting: {', '.join(unlike)}; compare"
                         " directories that differ in one")
    phrases = [f"{name} {shortened(other.settings.get(name, 'fast'))} instead of"
               f" {shortened(one.settings.get(name, 'fast'))}" for name in unlike]
    if other_vectors(one.config, other.config) and not {"protocol", "vectors"} & {*unlike}:
        phrases.append("other vectors of the texts")
    sources = [r.config.get("sources") for r in (one, other)]
    known = all(isinstance(s, dict) and isinstance(s.get("core"), dict) for s in sources)
    if known and not {"protocol", "model"} & {*unlike}:  # these two are other source by themselves
        names = [name for names in changed(*sources) for name in names]
        phrases += [f"other source of {shortened(', '.join(names))}"] if names else []
    return ", and ".join(phrases) or "nothing that config.json records differs"


def differences(one, other, measure, baseline=""):
    """{label: other minus one [S]} of the labels that both have finished three common seeds of.

    baseline: take the differences of the label's lead over this label.
    """
    found = {}
    for label in [label for label in one.labels() if label != baseline]:
        needed = [r.finished(name) for r in (one, other) for name in (label, baseline) if name]
        seeds = [seed for seed in one.config["seeds"] if all(seed in f for f in needed)]
        if len(seeds) >= FEWEST:
            a, b = (sample(r, label, measure, seeds) - (
                sample(r, baseline, measure, seeds) if baseline else 0) for r in (one, other))
            found[label] = b - a
    return found


def tables(one, other, baseline, margin):
    """[(title, measure, rows)]: each strategy's change, then the change of its lead."""
    found = []
    for goal in ("", baseline):
        title = f"The lead over {name_of(goal)}" if goal else "Accuracy"
        for name, measure in MEASURES.items():
            by_label = differences(one, other, measure, goal)
            rows = judged({(name_of(label), ""): d for label, d in by_label.items()}, margin)
            found.append((f"{title}, {name}", [[row[0], *row[2:]] for row in rows]))
    return [(title, rows) for title, rows in found if rows]


def main():
    """The command line; returns the exit code."""
    p = Parser(prog="report.compare", description=__doc__,
               formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("one", type=Path, metavar="A", help="a results directory")
    p.add_argument("other", type=Path, metavar="B", help="another, which differs in one setting")
    p.add_argument("--baseline", metavar="NAME",
                   help="the strategy over which each one's lead is looked at (default: random)")
    p.add_argument("--margin", type=share, default=MARGIN,
                   help="accuracies are the same if they are shown to differ by less than this")
    p.add_argument("--out", type=Path, metavar="FILE.csv", help="write the tables to this file too")
    args = p.parse_args()
    one, other = Results(args.one), Results(args.other)
    if args.one.samefile(args.other):
        raise InputError(f"{args.one} and {args.other} are one directory; name two that differ in"
                         " one setting")
    if args.baseline and not (one.finished(args.baseline) and other.finished(args.baseline)):
        raise InputError(f"--baseline {args.baseline}: {args.one} and {args.other} have no runs of"
                         " it in common")
    setting = setting_of(one, other)
    found = tables(one, other, args.baseline or "random", args.margin)
    if not found:
        raise InputError(f"{args.one} and {args.other} have no strategy that has finished {FEWEST}"
                         " seeds in common")
    header = [name for name in HEADER if name != "compared with"]
    print(f"{args.other} minus {args.one}, within seeds: {setting}.")
    for title, rows in found:
        print(f"\n{title}\n\n{markdown(header, rows)}")
    print(f"\np (t): two-sided paired t test. p (signs): exact test that flips signs. p (same): two"
          f" one-sided t tests with a margin of {args.margin:g}. Holm's correction is over the rows"
          " of a table; the interval is not corrected.")
    if args.out:
        write_csv(args.out, ["table", *header], [[t, *row] for t, rows in found for row in rows])
    return 0


if __name__ == "__main__":
    script(main)
