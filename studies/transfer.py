"""Do texts that one model picked help another (Lowell et al. 2019)? The table of docs/causes.md.

    python -m studies.transfer --dataset trec --data-dir /work/data --encoder minilm-trec.npy \\
        --out transfer

The network on `pool` vectors picks. Two other models learn from its picks: ridge regression
(labelling/kernel.py) on TF-IDF, and on the vectors of --encoder. Each is compared with itself on
Random's picks, and on picks of its own (margin), from the same seed sets.
"""

from pathlib import Path

import numpy as np
import torch

import baselines  # noqa: F401 (its strategies join STRATEGIES)
import cal
import data
from fast import SideBySide
from labelling import kernel
from plumbing.arguments import Parser, at_least, script
from plumbing.folder import short_name
from plumbing.runs import Log
from report.differences import answers, shown
from report.markdown import markdown
from report.names import name_of

STRATEGIES = ("random", "lc", "margin", "cal", "cal+unit")
SEEDS, ROUNDS, BATCH = range(7401, 7406), 10, 50


def models(d, texts, encoder):
    """{name: features of all texts, the test texts behind the others}, for kernel.fit."""
    x = np.load(encoder)
    words = kernel.features_of(texts, x)["words"]
    return {"TF-IDF": {"words": words}, Path(encoder).stem: {"vectors": kernel.Dense(x)}}


def scores(features, L, y, C):
    """The scores of all texts by the ridge regression of labelled rows L [n]: [N + T, C]."""
    return kernel.fit(features, np.asarray(L), np.eye(C)[y[L]]).scores


def accuracy(features, L, d):
    said = scores(features, L, d.y, len(d.classes))[len(d.y):].argmax(1)
    return (said == d.y_test).mean()


def own_margin(features, L, d, rounds):
    """L after `rounds` batches of the texts with the smallest gap of the two highest scores."""
    L = [*L]
    for _ in range(rounds):
        found = np.sort(scores(features, L, d.y, len(d.classes))[: len(d.y)], axis=1)
        gap = found[:, -1] - found[:, -2]
        gap[L] = np.inf
        L += np.argsort(gap, kind="stable")[:BATCH].tolist()
    return L


def found_of(algorithm, runs, of):
    """{(model, who picked): accuracies [S]} at the last number of labels."""
    d, rounds, out = algorithm.data, algorithm.s.rounds, {}
    for name, features in of.items():
        for strategy in dict.fromkeys(run.strategy for run in runs):
            out[name, strategy] = np.array([
                accuracy(features, algorithm.labelled([run], rounds)[0].tolist(), d)
                for run in runs if run.strategy == strategy])
        out[name, "own margin"] = np.array([
            accuracy(features, own_margin(features, algorithm.seed_set(run.seed), d, rounds), d)
            for run in runs if run.strategy == "random"])
    return out


def rows_of(found):
    """Rows of the table: each strategy's picks, minus Random's and minus the model's own."""
    pairs = [(key, found[key] - found[key[0], other]) for key in found
             if key[1] not in ("random", "own margin") for other in ("random", "own margin")]
    judged = iter(answers([d for _, d in pairs]))
    rows, gaps = [], iter(pairs)
    for (model, who), values in found.items():
        row = [model, name_of(who), len(values), f"{values.mean():.3f}"]
        if who in ("random", "own margin"):
            d = values - found[model, "random"]
            row += [shown(d) if d.any() else "", "", "", ""]
        else:
            for _ in range(2):
                (_, d), (p, answer) = next(gaps), next(judged)
                row += [shown(d), f"p {p:.2g}, {answer}"]
        rows.append(row)
    return rows


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--dataset", default="trec")
    p.add_argument("--data-dir", default="data")
    p.add_argument("--encoder", required=True, help=".npy, a row per text, test texts last")
    p.add_argument("--vectors", default="pool", help="of the network that picks")
    p.add_argument("--seeds", nargs="+", type=at_least(0), default=[*SEEDS])
    p.add_argument("--rounds", type=at_least(1), default=ROUNDS)
    p.add_argument("--out", default="transfer")
    args = p.parse_args()
    torch.set_num_threads(1)
    d = data.load(args.dataset, args.data_dir, args.vectors)
    s = cal.Settings(d.seed_size, args.rounds, BATCH, minibatch=d.batch_size)
    folder = Path(args.out) / f"{Path(args.dataset).stem}-{short_name(args.vectors)}"
    algorithm, runs = SideBySide(d, s, Log(folder)), cal.runs_of(STRATEGIES, args.seeds)
    algorithm.learn(runs)
    test = data.reader_of(args.dataset)(Path(args.data_dir))["test"][0]
    texts = [*d.texts, *test]
    print(markdown(["model that learns", "who picked", "seeds", "accuracy", "minus Random's picks",
                    "", "minus its own margin picks", " "],
                   rows_of(found_of(algorithm, runs, models(d, texts, args.encoder)))))


if __name__ == "__main__":
    script(main)
