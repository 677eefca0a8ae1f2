"""How much there is to win: each round keeps the best of many random batches (docs/causes.md).

    python -m studies.upper --dataset trec --data-dir /work/data --out upper

"Best" is by the accuracy of the next model on one half of the test texts; its accuracy on the
other half is what is reported, and the halves are exchanged. So the curve is a bound from below of
what a choice could reach. Run files are kept, so that a run that is killed continues where it was.
"""

from pathlib import Path

import numpy as np
import torch

import baselines  # noqa: F401 (its strategies join STRATEGIES)
import cal
import data
from fast import SideBySide
from plumbing.arguments import Parser, at_least, script
from plumbing.folder import short_name
from plumbing.runs import Log
from report.differences import shown
from report.markdown import markdown
from report.names import name_of

BEST = {"best-first-half": 0, "best-second-half": 1}  # the half of the test texts that chooses
STRATEGIES = ("random", "lc", "margin", "cal", "cal+unit")
SEEDS, ROUNDS, BATCH, CANDIDATES = (7301, 7302, 7303), 10, 50, 20


class Upper(SideBySide):
    """SideBySide whose strategies in BEST look at the test texts; lines hold accuracy by half."""

    candidates = CANDIDATES

    def measure(self, theta):
        scores, right = super().measure(theta), self.right(theta)
        return [score | {"halves": right[r].tolist()} for r, score in enumerate(scores)]

    def right(self, theta):
        """Accuracy on each half of the test texts, which are dealt out in turn: [R, 2]."""
        right = theta.probs(self.x_test[None]).argmax(-1) == self.y_test
        return np.array([[of[half::2].double().mean() for half in (0, 1)] for of in right])

    def pick(self, runs, view):
        if runs[0].strategy not in BEST or view.round == self.s.rounds:
            return super().pick(runs, view)
        return [self.best(run, view.L[r], view.U[r].nonzero()[:, 0], view.round + 1)
                for r, run in enumerate(runs)]

    def best(self, run, L, pool, i):
        """Of random batches from pool [n], that whose model of round i is best on run's half."""
        rng = np.random.default_rng([run.seed, i, *run.strategy.encode()])
        batches = [pool[np.sort(rng.permutation(len(pool))[: self.s.batch])]
                   for _ in range(self.candidates)]
        found = []
        for batch in batches:
            theta, _ = self.train(i, [run], torch.cat([L, batch])[None])
            found.append(self.right(theta)[0, BEST[run.strategy]])
        return batches[int(np.argmax(found))].tolist()


def curves(log, seeds, rounds):
    """{strategy: accuracies [S, rounds + 1]}; of BEST, on the half that did not choose."""
    lines = lambda name, seed: log.read(cal.Run(name, seed))[: rounds + 1]
    found = {name: np.array([[line["accuracy"] for line in lines(name, seed)] for seed in seeds])
             for name in STRATEGIES}
    found["best of random batches"] = np.mean([
        [[line["halves"][1 - half] for line in lines(name, seed)] for seed in seeds]
        for name, half in BEST.items()], axis=0)
    found["… on the half that chose"] = np.mean([
        [[line["halves"][half] for line in lines(name, seed)] for seed in seeds]
        for name, half in BEST.items()], axis=0)
    return found


def rows_of(found):
    """A row per curve: mean and final accuracy, and mean accuracy minus Random's."""
    rows = []
    for name, accuracy in found.items():
        gain = accuracy.mean(1) - found["random"].mean(1)
        rows.append([name_of(name), len(accuracy), f"{accuracy.mean():.3f}",
                     f"{accuracy[:, -1].mean():.3f}", shown(gain)])
    return rows


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--dataset", default="demo")
    p.add_argument("--vectors", default="pool")
    p.add_argument("--data-dir", default="data")
    p.add_argument("--seeds", nargs="+", type=at_least(0), default=[*SEEDS])
    p.add_argument("--rounds", type=at_least(1), default=ROUNDS)
    p.add_argument("--candidates", type=at_least(1), default=CANDIDATES,
                   help="random batches per round")
    p.add_argument("--out", default="upper")
    args = p.parse_args()
    torch.set_num_threads(1)
    d = data.load(args.dataset, args.data_dir, args.vectors)
    s = cal.Settings(d.seed_size, args.rounds, BATCH, minibatch=d.batch_size)
    log = Log(Path(args.out) / f"{Path(args.dataset).stem}-{short_name(args.vectors)}")
    algorithm = Upper(d, s, log)
    algorithm.candidates = args.candidates
    algorithm.learn(cal.runs_of((*STRATEGIES, *BEST), args.seeds))
    print(markdown(["strategy", "seeds", "mean accuracy", "final accuracy",
                    "mean accuracy minus Random's, 95 % interval"],
                   rows_of(curves(log, args.seeds, args.rounds))))


if __name__ == "__main__":
    script(main)
