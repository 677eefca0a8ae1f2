"""Cartography Active Learning (Zhang & Plank, Findings of EMNLP 2021), from a handful of labels.

    python cal.py                    a demo corpus of our own: nothing to download
    python cal.py --dataset trec     the paper's evaluation on TREC, figures and tables
    python cal.py --dataset my.csv   texts of your own: a simulation, or the next batch to label

In this file, from the top:
  ActiveLearning   Algorithm 1, for many runs (strategy x seed) side by side
  all_the_data     training on every row; the data maps of Figs. 1, 2, 5 and 6
  Plan             the experiment: every run of one results directory
  main             the command line
Texts become numbers in data.py, the model and the data map are in datamap.py, the acquisition
functions in strategies.py; stats.py turns finished run files into numbers. The five modules are
the paper; what goes beyond it has rooms of its own (extras/, report/, plumbing/).
"""

from plumbing.interrupt import on_interrupt

on_interrupt(__name__)  # before the imports that take seconds

import argparse
import functools
import sys
from dataclasses import asdict, dataclass, field

import numpy as np
import torch

import data as texts
import datamap
from plumbing import options, processes
from plumbing.files import InputError, read_arrays, write_arrays
from plumbing.measures import measures
from plumbing.processes import stopwatch
from plumbing.runs import Log, as_bytes, results_folder
from strategies import STRATEGIES, WITHOUT_MAP, View

SEEDS = (398048, 127003, 259479, 869323, 570852)  # Section 7
SIX = ("random", "lc", "entropy", "bald", "dal", "cal")  # Section 4.2
T_COR = (0.0, 0.2, 0.4, 0.6, 0.8)  # Table 3
MAP_EPOCHS = 10  # Figs. 1, 2, 5 and 6


@dataclass(frozen=True)
class Run:
    """One run of the experiment: a strategy, a seed, and CAL's threshold."""

    strategy: str
    seed: int
    t_cor: float = 0.2

    @property
    def label(self):
        """The strategy's name in files and tables: cal, or cal-t0.4 for another threshold."""
        return self.strategy if self.t_cor == 0.2 else f"{self.strategy}-t{number(self.t_cor)}"


def number(t):
    """A threshold as text, no two alike: 0 for 0.0, 0.4, 0.4000000001."""
    return f"{t:g}" if float(f"{t:g}") == t else repr(t)


def runs_of(strategies, seeds, thresholds=(0.2,)):
    """Every run of these strategies: one a seed, and for CAL and its kin one a threshold too."""
    runs = [
        Run(strategy, seed, float(t))
        for seed in seeds for strategy in strategies
        for t in (thresholds if strategy not in WITHOUT_MAP else [0.2])
    ]
    return list(dict.fromkeys(runs))


@dataclass(frozen=True)
class Settings:
    """What fixes a run's numbers, apart from the data: n = rounds, K/n = batch."""

    seed_size: int
    rounds: int = 30
    batch: int = 50
    epochs: int = datamap.EPOCHS
    minibatch: int = 16


# ---- Algorithm 1 --------------------------------------------------------------------------------


class ActiveLearning:
    """Algorithm 1 as the paper's text has it, for many runs (strategy x seed) side by side.

    data: a data.Data; log: where the runs stand, and go on from (plumbing.runs.Log). Line numbers
    are the paper's. A round trains all runs at once, measures them, and lets each pick its next
    batch; it is one line in each run's file, which is all that a run has for a state.
    """

    hidden, strategies, Theta, View = datamap.HIDDEN, STRATEGIES, datamap.Stack, View

    def __init__(self, data, settings, log, device="cpu"):
        self.data, self.s, self.log, self.device = data, settings, log, device
        x, x_test, self.y, self.y_test = (torch.as_tensor(a, device=device) for a in (
            data.x, data.x_test, data.y, data.y_test))
        self.x, self.x_test = x.float(), x_test.float()
        if log:
            fixed = {name: value for name, value in asdict(settings).items() if name != "rounds"}
            log.made_with({"data": data.sha256, **fixed}, len(data.y))

    def run(self, runs):
        """Take every run from where its file stands to its last round."""
        for t, stack in self.log.rounds(runs, self.s.rounds, side_by_side(self.device)):  # line 2
            lap = stopwatch(self.device)
            L = self.labelled(stack)                     # line 1, and lines 8-9 of earlier rounds
            theta, maps = self.train(t, stack, L) if t else self.round_0(stack, L)   # lines 3-4
            scores = self.measure(theta)
            seconds = lap() / len(stack)
            for label, group in by_label(stack).items():               # the runs of one strategy
                view = self.look(t, stack, group, L, theta, maps[label])
                picked = self.pick(t, stack[group][0].strategy, view)                # lines 5-10
                times = {"train": seconds, "select": lap() / len(view.seeds)}
                means = self.means(stack[group], maps[label])
                for run, score, batch, mean in zip(stack[group], scores[group], picked, means):
                    self.log.append(run, {"round": t, "labelled": L.shape[1], **score,
                                          "picked": batch, "batch": mean, "seconds": times})
            # Line 11: theta and theta' end here; the next round draws new parameters.

    def labelled(self, stack, t=None):
        """L of every run in round t (None: now): the seed set, then each batch: [R, n] rows."""
        rows = [[*self.seed_set(run.seed), *self.log.picked(run, t)] for run in stack]
        return torch.as_tensor(np.array(rows), device=self.device)

    def seed_set(self, seed):
        """Line 1's L: stratified, and drawn from the run's seed."""
        return texts.seed_set(self.data.y, self.s.seed_size, seed)

    def train(self, t, stack, L):
        """Lines 3-4: train theta on L, and watch the instances of L while it trains.

        Returns theta, and {label: DataMap of [runs, n]}: of all of L for a strategy that asks for
        a map, of the latest batch for the others (which Fig. 4 asks for).
        """
        x, y, newest = self.x[L], self.y[L], max(self.s.seed_size, L.shape[1] - self.s.batch)
        watched = {label: (group, newest if stack[group][0].strategy in WITHOUT_MAP else 0)
                   for label, group in by_label(stack).items()}
        theta, probs = self.new_theta(t, stack), {label: [] for label in watched}
        draws = self.draws(stack, t, "train")
        for order in datamap.fit(theta, x, y, self.s.epochs, self.s.minibatch, draws):
            for label, (group, first) in watched.items():
                probs[label].append(self.watch(theta, x, group, first, order))
        return theta, {label: datamap.data_map(torch.stack(probs[label]), y[group, first:])
                       for label, (group, first) in watched.items()}

    def round_0(self, stack, L):
        """train, where all runs of a seed have one L, one stream of random numbers: one model."""
        seeds = list(dict.fromkeys(run.seed for run in stack))
        first = [[run.seed for run in stack].index(seed) for seed in seeds]
        theta, maps = self.train(0, [Run("any", seed) for seed in seeds], L[first])
        mine = [seeds.index(run.seed) for run in stack]
        return theta.take(mine), {
            label: datamap.DataMap(*(field[mine][group] for field in maps["any"]))
            for label, group in by_label(stack).items()}

    def new_theta(self, t, stack):
        """Line 11: new parameters, drawn from each run's seed and the round."""
        sizes = (self.x.shape[1], *self.hidden, len(self.data.classes))
        return self.Theta(sizes, [run.seed for run in stack], t, device=self.device)

    def draws(self, stack, *purpose):
        """Mini-batch order and dropout masks of a training."""
        return datamap.Draws([run.seed for run in stack], *purpose, device=self.device)

    def watch(self, theta, x, group, first, order):
        """Eq. (1)'s p_theta(e)(y | x) at the end of epoch e, dropout off: [runs, n, C].

        order [R, n]: in which the epoch went through the instances (of no use here).
        """
        return theta.take(group).probs(x[group, first:])

    def measure(self, theta):
        """Accuracy, macro-F1 and recall by class on the test set, for every run of a stack."""
        predicted = theta.probs(self.x_test[None]).argmax(-1)
        return measures(predicted, self.y_test, len(self.data.classes))

    def look(self, t, stack, group, L, theta, data_map):
        """What the runs of one strategy may see of the round."""
        seeds, rows = tuple(run.seed for run in stack[group]), L[group]
        pool = torch.ones(len(seeds), len(self.x), dtype=torch.bool, device=self.device)
        return self.View(theta.take(group), self.x, rows, pool.scatter_(1, rows, False), data_map,
                         seeds, t, self.s.minibatch, stack[group][0].t_cor, self.s.epochs)

    def pick(self, t, strategy, view):
        """Lines 5-10, a list of rows for each run; nothing after the last round."""
        if t == self.s.rounds:
            return [[] for _ in view.seeds]
        return self.strategies[strategy](view, self.s.batch).tolist()

    def means(self, runs, data_map):
        """Fig. 4: the latest batch's mean confidence, variability, correctness; None without."""
        sizes = [self.log.last_batch(run) for run in runs]
        return [{name: field[i, -size:].mean().item() for name, field in data_map._asdict().items()}
                if size else None for i, size in enumerate(sizes)]


def side_by_side(device):
    """How many runs train as one stack.

    A GPU takes all of them. A core is fastest with what fits into its share of the cache: weights,
    gradients and AdamW's moments are 4.4 MB a run (docs/speed.md).
    """
    return 2 if device == "cpu" else None


def by_label(stack):
    """{label: the slice of the stack that holds that strategy's runs}; they stand together."""
    labels = [run.label for run in stack]
    return {label: slice(labels.index(label), labels.index(label) + labels.count(label))
            for label in dict.fromkeys(labels)}


# ---- all the data at once -----------------------------------------------------------------------


def all_the_data(algorithm, seeds, name="full", times=1):
    """Train on every row: one line in runs/full-<seed>.jsonl, the data maps in maps-<seed>.npz.

    The learning rate is constant, so the first ten epochs of this training are the ten-epoch
    training that Figs. 1 and 5 map. `times` as many epochs as a round has, under another name.
    """
    lap, log = stopwatch(algorithm.device), algorithm.log
    paths = {Run(name, seed): log.folder / f"maps-{seed}.npz" for seed in seeds}
    runs = [run for run, path in paths.items()
            if not log.rounds_done(run) or times == 1 and not read_arrays(path)]
    if not runs:
        return
    rows = torch.arange(len(algorithm.y)).expand(len(runs), -1)
    theta, probs = watched_training(algorithm, runs, "full", rows, algorithm.s.epochs * times)
    if times == 1:
        save_maps(algorithm, {run: paths[run] for run in runs}, probs)
    seconds = lap() / len(runs)
    for run, score in zip(runs, algorithm.measure(theta)):
        if not log.rounds_done(run):  # else the maps alone were missing
            log.append(run, {"round": 0, "labelled": rows.shape[1], **score, "picked": [],
                             "batch": None, "seconds": {"train": seconds, "select": 0.0}})


def watched_training(algorithm, runs, tag, rows, epochs, watched=MAP_EPOCHS):
    """Models trained on rows [R, n] of the data: theta, and p [E, R, n, C] of the first epochs."""
    x, y = algorithm.x[rows], algorithm.y[rows]
    theta, draws = algorithm.new_theta(tag, runs), algorithm.draws(runs, tag)
    probs, training = [], datamap.fit(theta, x, y, epochs, algorithm.s.minibatch, draws)
    for epoch, _ in enumerate(training):
        if epoch < watched:
            probs.append(theta.probs(x))
    return theta, torch.stack(probs)


def save_maps(algorithm, paths, full):
    """The dynamics of all rows and of the seed set (Figs. 1, 2, 5 and 6): a .npz file a run.

    A seed set smaller than TREC's 500 texts gets as many more epochs: ten would teach it nothing.
    """
    runs = [Run("seed set", run.seed) for run in paths]
    rows = np.array([algorithm.seed_set(run.seed) for run in runs])
    epochs = MAP_EPOCHS * max(1, 500 // rows.shape[1])
    _, few = watched_training(algorithm, runs, "seed set", rows, epochs, epochs)
    for i, path in enumerate(paths.values()):
        arrays = {"rows": rows[i], "y": algorithm.data.y}
        for name, probs, y in (("full", full, algorithm.y), ("seed", few, algorithm.y[rows[i]])):
            for statistic, values in datamap.data_map(probs[:, i], y)._asdict().items():
                arrays[f"{name}_{statistic}"] = values.cpu().numpy().astype(np.float32)
            arrays |= as_bytes(name, probs[:, i], y)
        if algorithm.data.kind is not None:
            arrays["kind"] = algorithm.data.kind
        write_arrays(path, arrays)


# ---- the experiment -----------------------------------------------------------------------------


@dataclass
class Plan:
    """Every run of one results directory. phases: lists of runs, one list after the other.

    baselines: {name: epochs, as a multiple of a round's} of training on all the data.
    """

    args: argparse.Namespace
    algorithm: type
    data: texts.Data
    s: Settings
    seeds: list
    phases: list
    baselines: dict = field(default_factory=lambda: {"full": 1})


def plan_of(args):
    """Check every option against the data, and say what there is to do."""
    from extras import more_strategies, noise
    algorithm, reading = ActiveLearning, {}
    if args.protocol != "paper":
        from extras import released

        algorithm, reading = released.protocol(args.protocol)
    data = load(args.dataset, args.data_dir, args.vectors, cache=f"{args.out}/cache", **reading,
                **options.reading(args))
    if args.noise:
        data = noise.flipped(data, args.noise)
    rounds, seeds = DEFAULTS.get(args.dataset, (30, SEEDS))
    seeds = list(dict.fromkeys(args.seeds or (seeds[:1] if args.quick else seeds)))
    size, batch = args.seed_size or data.seed_size, args.batch or data.picks
    most = max(1, (len(data.y) - size) // batch)  # rounds that there are texts for
    s = Settings(size, args.rounds or min(most, 10 if args.quick else rounds), batch, args.epochs,
                 data.batch_size)
    if (data.y >= 0).all() and s.seed_size + s.rounds * s.batch > len(data.y):
        raise InputError(
            f"{s.seed_size} labels to start with and {s.rounds} x {s.batch} to pick are more than"
            f" the {len(data.y)} texts of {args.dataset}; lower --rounds, --batch or --seed-size"
        )
    names = args.strategies or more_strategies.default(args.dataset, SIX)
    phases = [runs_of(names, seeds, args.t_cor)]
    if args.everything:
        extra = runs_of(["cal"], seeds, T_COR)
        extra += runs_of(["cal+dal", *more_strategies.BEST], seeds)
        phases.append([run for run in extra if run not in phases[0]])
    return Plan(args, algorithm, data, s, seeds, phases)


DEFAULTS = {"demo": (10, SEEDS[:3])}  # rounds and seeds; the demo corpus is ours
load = functools.lru_cache(maxsize=4)(texts.load)  # an ablation asks for four, many times


def work(args, task):
    """Do some runs and baselines of a protocol, in whichever process."""
    known()
    plan = plan_of(argparse.Namespace(**{**vars(args), "protocol": task.protocol}))
    log = Log(results_folder(plan.args))
    algorithm = plan.algorithm(plan.data, plan.s, log, args.device)
    for baseline in task.baselines:
        all_the_data(algorithm, *baseline)
    algorithm.run(task.runs)


# ---- command line -------------------------------------------------------------------------------


def known():
    """The names of all strategies: the paper's, and those of extras/more_strategies.py."""
    from extras import more_strategies

    WITHOUT_MAP.update(more_strategies.WITHOUT_MAP)
    STRATEGIES.update(more_strategies.BEYOND)
    return list(STRATEGIES)


def run(args):
    """The command line's work; returns the exit code."""
    from report import tables
    if args.ablate:
        from extras import ladder

        return ladder.run(args)
    if args.report_only:
        tables.write_report(results_folder(args))
        print(f"The report with its figures: {results_folder(args) / 'report.md'}")
        return 0
    args.device = processes.choose_device(args.device)
    if args.bench:
        from extras import bench

        return bench.run(args.device, args.pool)
    processes.one_thread()
    plan = plan_of(args)
    if texts.is_table(args.dataset):
        from extras import next_batch, own_table

        if next_batch.is_due(args, plan.data):
            return next_batch.run(args, plan)
        first = plan.algorithm(plan.data, plan.s, None).seed_set(plan.seeds[0])
        own_table.warn_of_classes(plan.data, plan.data.y[first])
    folder = results_folder(args)
    report = functools.partial(tables.write_report, folder)
    if processes.conduct(work, [plan], side_by_side(args.device), report):
        tables.print_summary(folder, [run.label for phase in plan.phases for run in phase])
    return 0


def main():
    options.prepare_terminal()
    load.cache_clear()
    args = options.parser(known(), datamap.EPOCHS).parse_args()
    try:
        return run(args)
    except InputError as e:
        print(f"cal.py: {e}", file=sys.stderr)
    except OSError as e:  # a full disk, say
        print(f"cal.py: {e}; the same command goes on from the last finished round",
              file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
