"""A team's way from no label to a thousand, simulated: what its choices cost, what is said on it.

    python -m studies.study_labelling --dataset trec --data-dir data --out labelling

Each seed starts from 50 typical texts (or 50 random ones) and is given 50 labels a round; the
closed-form model (labelling/kernel.py) picks by margin, by margin with a fifth at random, or at
random. OUT/DATASET.csv has a line per round: the accuracy on a fifth of the texts that is never
picked, that on the texts without a label, what was said of it (labelling/honest.py), and what the
next batch was expected to add. A run that is in the file already is not made again. The table of
means is printed at the end (docs/your-csv-measured.md).
"""

import csv
from pathlib import Path

import numpy as np
import torch

import data
from baselines import clusters
from labelling import guesses, honest, kernel
from labelling.model import Model
from labelling.next_batch import spread
from plumbing.arguments import Parser, at_least, script
from plumbing.draws import Draws
from plumbing.files import make_folder, write_csv

WAYS = ("random, random", "typical, random", "typical, margin",
        "typical, margin and a fifth random")
COLUMNS = ("way", "seed", "labels", "accuracy", "of the rest", "said", "low", "high", "gain",
           "gain_low", "gain_high", "ece")
BATCH = 50


def simulate(way, seed, texts, x, features, y, C, rounds):
    """A line of COLUMNS after each round."""
    start, strategy = way.split(", ")
    rng, N = np.random.default_rng([seed, 5]), len(y)
    held_out = np.random.default_rng(0).permutation(N)[: N // 5]
    pool = np.setdiff1d(np.arange(N), held_out)
    if start == "typical":
        free = torch.zeros(N, dtype=torch.bool)
        free[pool] = True
        first = clusters.typical(torch.as_tensor(x).float(), torch.empty(0, dtype=torch.int64),
                                 free, 2 * BATCH, Draws([seed], "first batch"))
        L = spread(x, first, BATCH)
        sample = [False] * len(L)
    else:
        L, sample = rng.permutation(pool)[:BATCH].tolist(), [True] * BATCH
    for _ in range(rounds):
        team = fitted(features, np.array(L), y, C, np.array(sample))
        rest, said_of_all = np.setdiff1d(pool, L), team.p.argmax(1) == y
        right = said_of_all[rest]
        said = team.accuracy(rest) or (np.nan,) * 3
        yield [way, seed, len(L), said_of_all[held_out].mean(), right.mean(), *said,
               *team.gain(BATCH), calibration_error(team.p[rest].max(1), right)]
        n_random = BATCH if strategy == "random" else BATCH // 5 if "fifth" in strategy else 0
        drawn = rng.permutation(rest)[:n_random].tolist()
        left = np.setdiff1d(rest, drawn)
        top = np.sort(team.p[left], 1)
        order = left[np.argsort(top[:, -1] - top[:, -2], kind="stable")[: 2 * BATCH]].tolist()
        picked = spread(x, order, BATCH - n_random) if n_random < BATCH else []
        L, sample = [*L, *picked, *drawn], [*sample, *[False] * len(picked), *[True] * n_random]


def fitted(features, rows, y, C, sample):
    """The Model of labelled `rows`."""
    Y = np.eye(C)[y[rows]]
    found = kernel.fit(features, rows, Y, guesses.sample(len(y), rows, len(rows)))
    own = honest.calibrate(found.left_out, y[rows])
    return Model(features, rows, Y, y[rows], found, own, own.probs(found.scores), sample)


def calibration_error(p, right, bins=10):
    """Expected calibration error of the likeliest class's probability (Naeini et al. 2015)."""
    place = np.minimum((p * bins).astype(int), bins - 1)
    return sum(abs(p[place == b].mean() - right[place == b].mean()) * (place == b).mean()
               for b in range(bins) if (place == b).any())


def load(args):
    """(texts, x, y) of at most --most training texts, the same ones for every seed."""
    d = data.load(args.dataset, args.data_dir)
    some = np.sort(np.random.default_rng(0).permutation(len(d.y))[: args.most])
    return [d.texts[i] for i in some], np.asarray(d.x[some]), d.y[some], len(d.classes)


def options():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--dataset", default="trec")
    p.add_argument("--data-dir", default="data")
    p.add_argument("--out", default="labelling", type=Path)
    p.add_argument("--seeds", nargs="+", type=at_least(0), default=[1, 2, 3, 4, 5])
    p.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, metavar="WAY")
    p.add_argument("--rounds", type=at_least(1), default=20)
    p.add_argument("--most", type=at_least(100), default=6_000, help="texts, at most")
    return p


def main():
    args = options().parse_args()
    torch.set_num_threads(1)
    make_folder(args.out)
    path = args.out / (Path(args.dataset).stem + ".csv")
    lines = read(path)
    texts, x, y, C = load(args)
    features = kernel.features_of(texts, x)
    for seed in args.seeds:
        for way in args.ways:
            if sum(line[:2] == [way, str(seed)] for line in lines) >= args.rounds:
                continue
            lines = [line for line in lines if line[:2] != [way, str(seed)]]
            for line in simulate(way, seed, texts, x, features, y, C, args.rounds):
                lines.append([v if isinstance(v, str) else f"{v:.5g}" for v in line])
            write_csv(path, COLUMNS, lines)
    print(table([line for line in lines if int(line[1]) in args.seeds]))


def read(path):
    if not path.exists():
        return []
    with open(path, encoding="utf-8-sig", newline="") as f:
        return list(csv.reader(f))[1:]


def table(lines):
    """Means over seeds of the accuracy, by labels; then how good what was said is."""
    at = ("50", "100", "200", "300", "500", "1000")
    out = ["| start, then | " + " | ".join(at) + " | mean |", "| --- " * (len(at) + 2) + "|"]
    for way in dict.fromkeys(line[0] for line in lines):
        mine = [line for line in lines if line[0] == way]
        cells = []
        for n in at:
            values = [float(line[3]) for line in mine if line[2] == n]
            cells.append(f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
                         if len(values) > 1 else "")
        cells.append(f"{np.mean([float(line[3]) for line in mine]):.3f}")
        out.append(f"| {way} | " + " | ".join(cells) + " |")
    for way in dict.fromkeys(line[0] for line in lines):
        a = np.array([line[4:] for line in lines if line[0] == way], float)
        a = a[~np.isnan(a[:, 1])]
        if len(a):
            true, said, low, high = a[:, :4].T
            out.append(f"{way}: accuracy said within its range in"
                       f" {((low <= true) & (true <= high)).mean():.2f} of {len(a)} calls, mean"
                       f" error {np.abs(said - true).mean():.3f}, width {(high - low).mean():.3f},"
                       f" expected calibration error {a[:, 7].mean():.3f}")
    return "\n".join(out)


if __name__ == "__main__":
    script(main)
