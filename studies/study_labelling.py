"""A team's way from no label to 1,550, simulated: what the next batch's choices cost and give.

    python -m studies.study_labelling --data-dir data --dataset trec --out labelling

Each seed starts from 50 typical texts (or 50 random ones), trains at least 960 steps, and is given
50 labels a round: the next batch's default strategy (margin), the same with a fifth of each batch
at random, and random alone. Beside the run files OUT/agreement.csv has, for every round, test
accuracy and the agreement (Cohen's kappa) of the model's predictions on all texts with those of the
round before. `python -m studies.study_labelling --report OUT ...` prints what the rule of
studies.outcome makes of them (docs/your-csv-measured.md).
"""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import cal
import data
import datamap
from baselines import clusters
from fast import SideBySide
from labelling import committee, next_batch
from labelling.held_out import epochs_for
from labelling.outcome import kappa, stop_at
from plumbing.arguments import Parser, at_least, script
from plumbing.draws import Draws
from plumbing.files import write_csv
from plumbing.runs import Log
from strategies import STRATEGIES, random


def margin_and_random(view, k):
    """Margin, and a fifth of the batch at random."""
    first = STRATEGIES["margin"](view, k - k // 5)
    return torch.cat([first, random(view.without(first), k // 5)], dim=1)


margin_and_random.reads_map = False


class Labelling(SideBySide):
    """ActiveLearning as a table that is being labelled has it."""

    typical = True

    def seed_set(self, seed):
        if not self.typical:
            return np.random.default_rng([seed, 2]).permutation(len(self.x))[: self.s.seed_size]
        free = torch.ones(len(self.x), dtype=torch.bool)
        return clusters.typical(self.x, torch.empty(0, dtype=torch.int64), free, self.s.seed_size,
                                Draws([seed], "first batch"))

    def learn(self, runs):
        self.last, self.agreement = {}, {}
        super().learn(runs)

    def train(self, i, stack, L):
        self.now = i, stack
        self.s = replace(self.s, epochs=epochs_for(L.shape[1], self.s.minibatch))
        return super().train(i, stack, L)

    def measure(self, theta):
        i, stack = self.now
        for run, said in zip(stack, theta.probs(self.x[None]).argmax(-1).numpy()):
            if i:
                self.agreement[run, i] = kappa(self.last[run], said)
            self.last[run] = said
        return super().measure(theta)


def simulate(args):
    """Run what is asked for, a seed at a time, and write agreement.csv."""
    d = data.load(args.dataset, args.data_dir)
    lines = []
    for start, names in (("typical", ["margin", "margin+random", "random"]),
                         ("random", ["random"])):
        for seed in args.seeds:
            log = Log(Path(args.out) / start)
            s = cal.Settings(50, args.rounds, 50, datamap.EPOCHS, d.batch_size)
            algorithm = Labelling(d, s, None)
            algorithm.log, algorithm.typical = log, start == "typical"
            runs = cal.runs_of(names, [seed])
            algorithm.learn(runs)
            for run in runs:
                lines += [[args.dataset, start, run.strategy, seed, x["labelled"], x["accuracy"],
                           algorithm.agreement.get((run, x["round"]), "")] for x in log.read(run)]
            write_csv(Path(args.out) / "agreement.csv", HEADER, lines)
            print(start, seed, flush=True)


def as_it_is(args):
    """The next batch as it is, five models that pick together: into OUT/agreement.csv as well."""
    d, lines = data.load(args.dataset, args.data_dir), []
    true = d.y.copy()
    x_test, y_test = torch.as_tensor(d.x_test)[None], torch.as_tensor(d.y_test)
    for seed in args.seeds:
        seeds, last = [10 * seed + j for j in range(5)], None
        draws, none = Draws([seed], "first batch"), torch.empty(0, dtype=torch.int64)
        L = clusters.typical(torch.as_tensor(d.x), none, torch.ones(len(true), dtype=torch.bool),
                             50, draws)
        for _ in range(args.rounds + 1):
            d.y = np.where(np.isin(np.arange(len(true)), L), true, -1)
            labelled, free = np.flatnonzero(d.y >= 0), next_batch.askable(d)
            request = next_batch.Request(
                data=d, folder=None, table=None, text_column="", label_column="", test=None,
                strategy="margin", seeds=tuple(seeds), minibatch=d.batch_size)
            view, _, _ = committee.train(request, labelled, free)
            right = view.theta.probs(x_test).mean(0).argmax(-1) == y_test
            said = view.probs().mean(0).argmax(-1).numpy()
            agreement = "" if last is None else kappa(last, said)
            lines.append([args.dataset, "typical", "committee", seed, len(L),
                          right.double().mean().item(), agreement])
            L, last = [*L, *next_batch.choose(request, view, free)[0]], said
            write_csv(Path(args.out) / "agreement.csv", HEADER, lines)
        print(seed, flush=True)


HEADER = ["data", "start", "strategy", "seed", "labelled", "accuracy", "agreement"]


def report(folders):
    """The curves, and where the rule stops."""
    for folder in folders:
        with open(Path(folder) / "agreement.csv", encoding="utf-8-sig", newline="") as f:
            rows = list(csv.DictReader(f))
        curves = {}
        for row in rows:
            curves.setdefault((row["data"], row["start"], row["strategy"]), {}).setdefault(
                row["seed"], []).append((int(row["labelled"]), float(row["accuracy"]),
                                         float(row["agreement"] or "nan")))
        for name, of_seed in curves.items():
            table = np.array(list(of_seed.values()))  # [S, rounds + 1, 3]
            mean, sd = table[..., 1].mean(0), table[..., 1].std(0, ddof=1)
            at = {int(n): f"{m:.3f} ± {e:.3f}" for n, m, e in zip(table[0, :, 0], mean, sd)}
            print(*name, {n: at[n] for n in (50, 100, 250, 500, 1000, 1550) if n in at},
                  f"mean {mean.mean():.3f}")
            for one in table:
                print("   ", stopped(stop_at(one[:, 2]), one))


def stopped(i, one):
    """Where a run [rounds + 1, 3] would have stopped (round i, or None), in words."""
    if i is None:
        return "never stops"
    last = len(one) - 1
    rise = (one[min(i + 2, last), 1] - one[i - 2, 1]) / 4
    near = one[i - 1 : min(i + 2, last + 1), 1].mean()
    return (f"stops at {one[i, 0]:.0f} with {near:.3f} (mean of three rounds); the end has"
            f" {one[-3:, 1].mean():.3f}; rising {rise:+.3f} a round")


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--data-dir", default="data")
    p.add_argument("--dataset", default="trec")
    p.add_argument("--seeds", nargs="+", type=at_least(0), default=[2000, 2001, 2002, 2003, 2004])
    p.add_argument("--rounds", type=at_least(1), default=30)
    p.add_argument("--out", default="labelling")
    p.add_argument("--committee", action="store_true", help="the next batch as it is")
    p.add_argument("--report", nargs="+", metavar="OUT")
    args = p.parse_args()
    if args.report:
        return report(args.report)
    torch.set_num_threads(1)
    STRATEGIES["margin+random"] = margin_and_random
    Path(args.out).mkdir(parents=True, exist_ok=True)
    return as_it_is(args) if args.committee else simulate(args)


if __name__ == "__main__":
    script(main)
