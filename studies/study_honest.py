"""Whether what is said of a team's model is true: accuracy, probabilities, wrong labels.

    python -m studies.study_honest --dataset trec --data-dir data --draws 24

From --most texts, 100, 300 and 1,000 are labelled at random, and none or some of the labels are
made wrong: uniformly, by class (half of the classes give theirs to one other), or by confusion (to
the class that a model finds likeliest of the others). A row per kind: means over the draws, and in
how many of them a 95 % range held the truth (docs/your-csv-measured.md). *Error* is without its
sign. *With copies*: a tenth of the texts stand in 2 to 20 rows.
"""

import numpy as np
import torch

from labelling import honest, kernel
from plumbing.arguments import Parser, at_least, script
from studies.study_labelling import calibration_error, fitted, load

KINDS = (("none", 0), ("uniform", 0.02), ("uniform", 0.05), ("uniform", 0.1), ("uniform", 0.2),
         ("by class", 0.1), ("confusion", 0.1))
DIGITS = 3, 3, 3, 2, 3, 3, 2, 3, 3, 0, 1, 2, 0, 2, 1  # of the means of HEADER, from `accuracy` on
HEADER = ("labels", "made wrong", "accuracy", "said too high by", "error", "held",
          "with copies: said too high by", "error", "held", "width", "calibration error", "planted",
          "believed wrong", "held", "at most", "held", "believed one by one")


def made_wrong(y, C, kind, share, other, rng):
    """Labels y [n], a share of them wrong. other [n]: each text's likeliest other class."""
    wrong, m = y.copy(), round(share * len(y))
    rows = rng.permutation(len(y))[:m]
    if kind == "uniform":
        wrong[rows] = (y[rows] + rng.integers(1, C, m)) % C
    elif kind == "by class":
        giving = rng.permutation(C)[: max(1, C // 2)]
        taking = dict(zip(giving, (giving + rng.integers(1, C, len(giving))) % C))
        rows = rng.permutation(np.flatnonzero(np.isin(y, giving)))[:m]
        wrong[rows] = [taking[c] for c in y[rows]]
    elif kind == "confusion":
        wrong[rows] = other[rows]
    return wrong


def mistaken(features, L, y, C, kind, share, rng):
    """(the labels [N], a share of those of L wrong; the Team that is fitted on L with them)."""
    n = len(L)
    other = np.zeros(n, np.int64)
    if kind == "confusion":
        left = kernel.fit(features, L, np.eye(C)[y[L]]).left_out.copy()
        left[np.arange(n), y[L]] = -np.inf
        other = left.argmax(1)
    given = y.copy()
    given[L] = made_wrong(y[L], C, kind, share, other, rng)
    return given, fitted(features, L, given, C, np.ones(n, bool))


def one_draw(features, y, C, n, kind, share, draw):
    """What is said, and what is true: the numbers of HEADER from `accuracy` on."""
    rng = np.random.default_rng([draw, n])
    order = rng.permutation(len(y))
    L, rest = order[:n], order[n:]
    given, team = mistaken(features, L, y, C, kind, share, rng)
    right = team.p[rest].argmax(1) == y[rest]
    said, low, high = team.accuracy(rest)
    rows = np.repeat(rest, np.where(rng.random(len(rest)) < 0.1, rng.integers(2, 21, len(rest)), 1))
    true, (about, least, most) = (team.p[rows].argmax(1) == y[rows]).mean(), team.accuracy(rows)
    copies = [about - true, abs(about - true), least <= true <= most]
    planted = int((given[L] != y[L]).sum())
    about, least, most = honest.wrong_range(team.fitted.left_out, given[L], team.found)
    off = said - right.mean()
    more = honest.at_most(team.fitted.left_out, given[L], team.found)
    return [right.mean(), off, abs(off), low <= right.mean() <= high, *copies, high - low,
            calibration_error(team.p[rest].max(1), right), planted, about,
            round(least) <= planted <= round(most), more, planted <= round(more),
            (team.wrong() > 0.5).sum()]


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--dataset", default="trec")
    p.add_argument("--data-dir", default="data")
    p.add_argument("--draws", type=at_least(1), default=24)
    p.add_argument("--first", type=at_least(0), default=1, help="the first draw's number")
    p.add_argument("--labels", nargs="+", type=at_least(20), default=[100, 300, 1000])
    p.add_argument("--kinds", type=at_least(1), default=len(KINDS), help="the first so many")
    p.add_argument("--most", type=at_least(1_100), default=6_000, help="texts, at most")
    args = p.parse_args()
    torch.set_num_threads(1)
    texts, x, y, C = load(args)
    features = kernel.features_of(texts, x)
    print("| " + " | ".join(HEADER) + " |\n" + "| --- " * len(HEADER) + "|", flush=True)
    for n in args.labels:
        for kind, share in KINDS[: args.kinds]:
            found = np.array([one_draw(features, y, C, n, kind, share, draw) for draw in
                              range(args.first, args.first + args.draws)], float).mean(0)
            what = f"{share:.0%} {kind}" if share else "none"
            print(f"| {n:,} | {what} | " + " | ".join(
                f"{value:.{digits}f}" for value, digits in zip(found, DIGITS)) + " |", flush=True)


if __name__ == "__main__":
    script(main)
