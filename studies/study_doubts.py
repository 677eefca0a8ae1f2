"""Which score finds wrong labels best: the study behind relabel.csv (docs/your-csv-measured.md).

    python -m studies.study_doubts --data-dir data --draws 3 > doubts.csv

A tenth of the labels of 500 and of 2,000 texts of TREC and AG News (`pool` vectors) is made wrong:
at random (uniform), by class (half of the classes give a fifth of their labels to one other class)
or where texts are hard (of the fifth that a model of all the data finds hardest, half get the class
that it finds likeliest of the others). Printed, for each score: ROC AUC, and the share of wrong
labels among as many first rows as there are wrong ones; and how many labels are believed wrong.
"""

import numpy as np
import torch

import data
from labelling import doubts
from labelling.held_out import leave_one_out, margin, out_of_fold
from plumbing.arguments import Parser, at_least, script
from stats import roc_auc


def made_wrong(y, C, kind, hard, other, rng):
    """Labels y [n], a tenth of them wrong. hard [n]: a model's margin; other [n]: its class."""
    wrong, n = y.copy(), len(y)
    if kind == "uniform":
        rows = rng.permutation(n)[: n // 10]
        wrong[rows] = (y[rows] + rng.integers(1, C, len(rows))) % C
    elif kind == "by class":
        swapped = rng.permutation(C)
        for c in swapped[: C // 2]:
            rows = rng.permutation(np.flatnonzero(y == c))
            wrong[rows[: round(0.2 * len(rows))]] = swapped[(list(swapped).index(c) + 1) % C]
    else:
        rows = rng.permutation(np.argsort(hard)[: n // 5])[: n // 10]
        wrong[rows] = other[rows]
    return wrong


def scores_of(x, y, C, minibatch, seeds):
    """{name: suspicion [n]} of every score that was tried, and the out-of-fold probabilities."""
    seen = doubts.dynamics(x, y, C, minibatch, seeds)  # [E, R, n, C]
    log_p = np.log(seen.clip(1e-12)).mean((0, 1))
    gold = seen[..., np.arange(len(y)), y]
    p = out_of_fold(x, y, C, minibatch).double().numpy()
    loo = leave_one_out(x, y, C)
    found = {
        "mean confidence": -gold.mean((0, 1)),
        "confidence + variability": -(gold.mean(0) + gold.std(0)).mean(0),
        "area under the margin": -margin(log_p, y),
        "out-of-fold confidence": -p[np.arange(len(y)), y],
        "out-of-fold margin": -margin(p, y),
        "leave-one-out ridge": -margin(loo, y),
    }
    ranks = {name: np.argsort(np.argsort(values)) for name, values in found.items()}
    for names in (("out-of-fold margin", "leave-one-out ridge"),
                  ("area under the margin", "leave-one-out ridge"),
                  ("area under the margin", "out-of-fold margin", "leave-one-out ridge")):
        found["ranks: " + ", ".join(names)] = sum(ranks[name] for name in names)
    return found, p


def believed_wrong(p, y):
    """How many labels y [n] confident learning counts as wrong (Northcutt et al. 2021).

    For comparison alone. p [n, C]: out-of-fold probabilities. A class's threshold is the mean
    probability that its own texts give it; a label is counted where another class is above its
    threshold, and the likeliest of those that are is not the one given.
    """
    C = p.shape[1]
    threshold = np.array([p[y == c, c].mean() if (y == c).any() else np.inf for c in range(C)])
    sure = np.where(p >= threshold, p, -1)
    return int(((sure.max(1) > 0) & (sure.argmax(1) != y)).sum())


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--data-dir", default="data")
    p.add_argument("--draws", type=at_least(1), default=3)
    p.add_argument("--keep", help="a .npz file for labels and out-of-fold probabilities")
    args = p.parse_args()
    torch.set_num_threads(1)
    print("data,labels,noise,draw,score,auc,found,wrong,believed", flush=True)
    kept = {}
    for name in ("trec", "agnews"):
        d = data.load(name, args.data_dir)
        C = len(d.classes)
        whole = leave_one_out(d.x, d.y, C)
        hard = margin(whole, d.y)
        whole[np.arange(len(d.y)), d.y] = -np.inf
        for n in (500, 2000):
            for kind in ("uniform", "by class", "hard texts"):
                for draw in range(args.draws):
                    rng = np.random.default_rng([draw, n])
                    rows = data.seed_set(d.y, n, draw)
                    true = d.y[rows]
                    y = made_wrong(true, C, kind, hard[rows], whole[rows].argmax(1), rng)
                    found, p = scores_of(d.x[rows], y, C, d.batch_size, [draw, draw + 100])
                    bad = y != true
                    kept |= {f"{name},{n},{kind},{draw},{what}": a
                             for what, a in (("p", p), ("y", y), ("true", true))}
                    for score, values in found.items():
                        first = np.argsort(-values, kind="stable")[: bad.sum()]
                        print(name, n, kind, draw, f'"{score}"', f"{roc_auc(values, bad):.4f}",
                              f"{bad[first].mean():.4f}", bad.sum(),
                              believed_wrong(p, y), sep=",", flush=True)
    if args.keep:
        np.savez_compressed(args.keep, **kept)


if __name__ == "__main__":
    script(main)
