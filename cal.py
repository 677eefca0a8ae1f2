"""Cartography Active Learning (Zhang & Plank, Findings of EMNLP 2021), from a handful of labels.

    python cal.py                    our demo corpus; nothing to download
    python cal.py --dataset trec     the paper's evaluation on TREC, figures and tables
    python cal.py --dataset my.csv   your own texts: a simulation, or the next batch to label

In this file, from the top:
  ActiveLearning   Algorithm 1
  all_the_data     training on every row; the data maps of Figs. 1, 2, 5 and 6
Texts become numbers in data.py, the model and the data map are in datamap.py, the acquisition
functions in strategies.py, and stats.py turns finished run files into numbers. These five modules
are the paper. The command line is in command/; each folder's __init__.py tells whom it is for.

The paper's symbols (Algorithm 1), and their names here:
  L         `labelled`: row numbers [R, |L|]; View.L       theta, theta'  models, new in every round
  U         View.U: True for the rows of U, [R, N]         Psi            theta.psi, see datamap.py
  i         `i`, the round: 0, 1, ... n                    n              Settings.rounds, --rounds
  K/n       Settings.batch, --batch; `k` in a strategy     t_cor          Run.t_cor, --t-cor
  mu, sigma, phi   DataMap, see datamap.py                 E              Settings.epochs
Here R is the number of runs (strategy x seed) that train side by side, and N the number of texts.
The mini-batch of a training is `minibatch` in Settings, and `batch_size` in a dataset.
"""

from plumbing.interrupt import on_interrupt

on_interrupt(__name__)  # before the imports that take seconds, so that Ctrl-C works

import sys
from dataclasses import asdict, dataclass

import numpy as np
import torch

import data as texts
import datamap
import strategies
from plumbing.checks import check_probs
from plumbing.clock import stopwatch
from plumbing.draws import Draws
from plumbing.files import write_arrays
from plumbing.maps import read_maps
from plumbing.measures import as_bytes, measures

SEEDS = (398048, 127003, 259479, 869323, 570852)  # Section 7
SIX = ("random", "lc", "entropy", "bald", "dal", "cal")  # Section 4.2
T_COR = (0.0, 0.2, 0.4, 0.6, 0.8)  # Table 3
MAP_EPOCHS = 10  # Figs. 1, 2, 5 and 6 (their captions); CAL's own map has a round's 30 epochs


@dataclass(frozen=True)
class Run:
    """One run of the experiment: a strategy, a seed, and CAL's threshold."""

    strategy: str
    seed: int
    t_cor: float = 0.2

    @property
    def label(self):
        """The strategy's name in files and tables: cal, or cal-t0.4 for another threshold."""
        short = f"{self.t_cor:g}"  # 0 for 0.0; repr if %g would merge two thresholds
        t_cor = short if float(short) == self.t_cor else repr(self.t_cor)
        return self.strategy if self.t_cor == 0.2 else f"{self.strategy}-t{t_cor}"


def runs_of(names, seeds, thresholds=(0.2,)):
    """Every run of these strategies: one per seed, and per threshold if it reads the data map."""
    runs = [
        Run(name, seed, float(t_cor))
        for seed in seeds for name in names
        for t_cor in (thresholds if reads_map(name) else [0.2])
    ]
    return list(dict.fromkeys(runs))


def reads_map(name):
    """Whether the strategy of this name reads the data map, which is the default."""
    return getattr(strategies.STRATEGIES.get(name), "reads_map", True)


@dataclass(frozen=True)
class Settings:
    """What fixes a run's numbers, besides the data. Algorithm 1: n = rounds, K/n = batch.

    epochs counts for theta and theta' alike, so --epochs changes both.
    """

    seed_size: int
    rounds: int = 30
    batch: int = 50
    epochs: int = datamap.EPOCHS
    minibatch: int = 16


# ---- Algorithm 1 --------------------------------------------------------------------------------


class ActiveLearning:
    """Algorithm 1 as the paper's text has it, for many runs (strategy x seed).

    data: a data.Data. log: the run files (plumbing.runs.Log); a run continues from the end of its
    file. A round trains the models of a stack of runs, measures them, and picks a batch for each.
    It becomes one line in each run's file, and that file is the whole state of the run.
    Theta, View, shape: the main model, what strategies see, and keyword arguments of the network.
    """

    Theta, View, shape = datamap.Models, strategies.View, {}
    strategies = strategies.STRATEGIES

    def __init__(self, data, settings, log, device="cpu"):
        self.data, self.s, self.log, self.device = data, settings, log, device
        x, x_test, self.y, self.y_test = (torch.as_tensor(a, device=device) for a in (
            data.x, data.x_test, data.y, data.y_test))
        self.x, self.x_test = x.float(), x_test.float()
        if log:
            fixed = {name: value for name, value in asdict(settings).items() if name != "rounds"}
            log.made_with({"data": data.sha256, **fixed}, len(data.y), type(self))

    def learn(self, runs):
        """Algorithm 1: take every run from the end of its file to its last round."""
        for i in range(self.s.rounds + 1):                             # line 2: for i = 1, ..., n
            for stack in self.stacks(i, runs):           # runs that have this round to do, together
                lap = stopwatch(self.device)
                L = self.labelled(stack)                 # line 1, and lines 8-9 of earlier rounds
                theta, data_map = self.train(i, stack, L)              # lines 3-4
                scores = self.measure(theta)
                seconds = lap() / len(stack)
                for group in by_label(stack).values():                 # the runs of one strategy
                    view = self.look(i, stack[group], L[group], theta.take(group),
                                     datamap.DataMap(*(field[group] for field in data_map)))
                    picked = self.pick(stack[group], view)             # lines 5-10
                    times = {"train": seconds, "select": lap() / len(picked)}
                    self.keep(i, stack[group], view, scores[group], picked, times)
                # Line 11: theta and theta' end here, and the next round draws new parameters.
        # Line 12: L and U are in the run files. (The paper's "return" is inside its loop.)

    def stacks(self, i, runs):
        """Lists of runs that are to do round i side by side; here one run at a time."""
        for run in runs:
            if self.log.rounds_done(run) == i:
                yield [run]

    def labelled(self, stack, i=None):
        """L of every run in round i (None: now): the seed set, then each batch: rows [R, |L|]."""
        rows = [[*self.seed_set(run.seed), *self.log.picked(run, i)] for run in stack]
        return torch.as_tensor(np.array(rows), device=self.device)

    def seed_set(self, seed):
        """Line 1's L, stratified (so it takes every label: a simulation's privilege)."""
        return texts.seed_set(self.data.y, self.s.seed_size, seed)

    def train(self, i, stack, L):
        """Lines 3-4: theta trained on L, and the data map of L, fields [R, |L|]."""
        theta, x, y, probs = self.new_theta(i, stack), self.x[L], self.y[L], []
        draws = self.draws(stack, i, "train")
        for _epoch in theta.fit(x, y, self.s.epochs, self.s.minibatch, draws):
            probs.append(theta.probs(x))         # p_theta(e)(y | x) at the end of epoch e
        return theta, datamap.data_map(torch.stack(probs), y)          # Eqs. (1)-(3)

    def new_theta(self, i, stack):
        """Line 11: new parameters, drawn from each run's seed and the round."""
        return self.Theta(self.x.shape[1], len(self.data.classes), [run.seed for run in stack], i,
                          device=self.device, **self.shape)

    def draws(self, stack, *purpose):
        """Mini-batch order and dropout of a training."""
        return Draws([run.seed for run in stack], *purpose, device=self.device)

    def measure(self, theta):
        """Accuracy, macro-F1 and recall by class on the test set: one dict per run."""
        return self.scored(check_probs(theta.probs(self.x_test[None])))

    def scored(self, p):
        """The measures of predictions p [R, T, C]."""
        return measures(p.argmax(-1), self.y_test, len(self.data.classes))

    def look(self, i, runs, L, theta, data_map):
        """What the runs of one strategy may see of the round."""
        U = torch.ones(len(runs), len(self.x), dtype=torch.bool, device=self.device)
        return self.View(
            theta=theta, x=self.x, L=L, U=U.scatter_(1, L, False), map=data_map, round=i,
            seeds=tuple(run.seed for run in runs), t_cor=runs[0].t_cor,
            minibatch=self.s.minibatch, epochs=self.s.epochs)

    def pick(self, runs, view):
        """Lines 5-10: a list of rows for each run; empty after the last round."""
        if view.round == self.s.rounds:
            return [[] for _ in runs]
        return self.strategies[runs[0].strategy](view, self.s.batch).tolist()

    def keep(self, i, runs, view, scores, picked, times):
        """Append the round to each run's file, with Fig. 4's means of the latest batch."""
        for r, run in enumerate(runs):
            size = self.log.last_batch(run)
            batch = {name: field[r, -size:].mean().item()
                     for name, field in view.map._asdict().items()} if size else None
            self.log.append(run, {"round": i, "labelled": view.L.shape[1], **scores[r],
                                  "picked": picked[r], "batch": batch, "seconds": times})

    def has_maps(self, seed):
        """Whether the data maps of a seed are there, and whole."""
        return bool(read_maps(maps_file(self, seed), len(self.y)))

    def keep_maps(self, runs, probs):
        """Keep the data maps of training on all the data; probs [E, R, N, C]."""
        save_maps(self, runs, probs)


def by_label(stack):
    """{label: the slice of the stack that holds that strategy's runs}; they are neighbours."""
    labels = [run.label for run in stack]
    return {label: slice(labels.index(label), labels.index(label) + labels.count(label))
            for label in dict.fromkeys(labels)}


# ---- all the data at once -----------------------------------------------------------------------


def all_the_data(algorithm, seeds, name="full", times=1):
    """Train on every row: one line in runs/full-<seed>.jsonl, the data maps in maps-<seed>.npz.

    The learning rate is constant, so the first ten epochs of this training are the ten-epoch
    training that Figs. 1 and 5 map. times: a multiple of a round's epochs, with another name.
    """
    lap, log = stopwatch(algorithm.device), algorithm.log
    runs = [run for run in (Run(name, seed) for seed in seeds)
            if not log.rounds_done(run) or times == 1 and not algorithm.has_maps(run.seed)]
    if not runs:
        return
    rows = torch.arange(len(algorithm.y)).expand(len(runs), -1)
    theta, probs = watched_training(algorithm, runs, "full", rows, algorithm.s.epochs * times)
    if times == 1:
        algorithm.keep_maps(runs, probs)
    seconds = lap() / len(runs)
    for run, score in zip(runs, algorithm.measure(theta)):
        if not log.rounds_done(run):  # otherwise only the maps were missing
            log.append(run, {"round": 0, "labelled": rows.shape[1], **score, "picked": [],
                             "batch": None, "seconds": {"train": seconds, "select": 0.0}})


def watched_training(algorithm, runs, tag, rows, epochs, watched=MAP_EPOCHS):
    """Train on rows [R, n] of the data: theta, and p [E, R, n, C] of the first epochs."""
    x, y = algorithm.x[rows], algorithm.y[rows]
    theta, draws = algorithm.new_theta(tag, runs), algorithm.draws(runs, tag)
    probs = []
    for epoch, _ in enumerate(theta.fit(x, y, epochs, algorithm.s.minibatch, draws)):
        if epoch < watched:
            probs.append(theta.probs(x))
    return theta, torch.stack(probs)


def save_maps(algorithm, runs, full):
    """The dynamics of all rows and of the seed set (Figs. 1, 2, 5 and 6): one .npz file per run.

    With fewer than TREC's 500 texts there are more epochs in proportion, because ten would be too
    few to learn anything.
    """
    runs = [Run("seed set", run.seed) for run in runs]
    rows = np.array([algorithm.seed_set(run.seed) for run in runs])
    epochs = MAP_EPOCHS * max(1, 500 // rows.shape[1])
    _, few = watched_training(algorithm, runs, "seed set", rows, epochs, epochs)
    for r, run in enumerate(runs):
        arrays = {"rows": rows[r], "y": algorithm.data.y}
        for name, probs, y in (("full", full, algorithm.y), ("seed", few, algorithm.y[rows[r]])):
            for statistic, values in datamap.data_map(probs[:, r], y)._asdict().items():
                arrays[f"{name}_{statistic}"] = values.cpu().numpy().astype(np.float32)
            arrays |= as_bytes(name, probs[:, r], y)
        if algorithm.data.kind is not None:
            arrays["kind"] = algorithm.data.kind
        write_arrays(maps_file(algorithm, run.seed), arrays)


def maps_file(algorithm, seed):
    return algorithm.log.folder / f"maps-{seed}.npz"


if __name__ == "__main__":  # the command's only import; `import cal` loads no room above this one
    from command.main import main

    sys.exit(main())
