"""Cartography Active Learning (Zhang & Plank, Findings of EMNLP 2021), from a handful of labels.

    python cal.py                    a demo corpus of our own: nothing to download
    python cal.py --dataset trec     the paper's evaluation on TREC, figures and tables
    python cal.py --dataset my.csv   texts of your own: a simulation, or the next batch to label

In this file, from the top:
  active_learning  Algorithm 1, for many runs (strategy x seed) side by side
  all_the_data     training on every row; the data maps of Figs. 1, 2, 5 and 6
  Log              the run files: what is written, and how a run resumes
  experiment       seeds, processes, machines
  next_batch       a file with unlabelled rows: which to label next, which labels to doubt
  bench            how long the parts take on this machine
  main             the command line
Texts become numbers in data.py, the model and the data map are in datamap.py, the acquisition
functions in strategies.py; stats.py turns finished run files into tables, curves and a report.
"""

import argparse
import csv
import datetime
import functools
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import zlib
from dataclasses import asdict, dataclass, fields
from itertools import zip_longest
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import data as texts
import datamap
import stats
import strategies
from data import InputError
from strategies import RELEASED, STRATEGIES, WITHOUT_MAP, View, shard_of

SEEDS = (398048, 127003, 259479, 869323, 570852)  # Section 7
SIX = ("random", "lc", "entropy", "bald", "dal", "cal")  # Section 4.2
T_COR = (0.0, 0.2, 0.4, 0.6, 0.8)  # Table 3


@dataclass(frozen=True)
class Run:
    """One run of the experiment: a strategy, a seed, and CAL's threshold."""

    strategy: str
    seed: int
    t_cor: float = 0.2

    @property
    def label(self):
        """The strategy's name in files and tables: cal, or cal-t0.4 for another threshold."""
        return self.strategy if self.t_cor == 0.2 else f"{self.strategy}-t{self.t_cor:g}"


@dataclass(frozen=True)
class Settings:
    """What fixes a run's numbers, apart from the data: n = rounds, K/n = batch."""

    seed_size: int
    rounds: int = 30
    batch: int = 50
    epochs: int = datamap.EPOCHS
    minibatch: int = 16
    protocol: datamap.Protocol = datamap.PAPER


# ---- Algorithm 1 --------------------------------------------------------------------------------


def active_learning(runs, data, s, log, device="cpu", show=lambda *_: None, shard=slice(None)):
    """Algorithm 1 for many runs side by side, from where their files stand to the last round.

    Line numbers are the paper's. A round trains all runs at once, measures them, and lets each
    pick its next batch; it is one line in each run's file, so that a killed process loses the
    round under way and no more. show(runs, round, |L|) is called as a round begins; shard are
    the rows of the pool that this process scores (all, unless processes share out the pool).
    """
    x, y = (torch.as_tensor(a, device=device) for a in (data.x, data.y))
    # Line 1: the seed set L; U is every other row of the training data.
    seed_set = {run: seed_set_of(run.seed, data, s) for run in runs}
    while stack := log.least_advanced(runs, s.rounds)[: side_by_side(device)]:  # line 2
        t, began = log.rounds_done(stack[0]), time.perf_counter()
        L = np.array([[*seed_set[run], *log.picked(run)] for run in stack])
        L = torch.as_tensor(L, device=device)  # [R, |L|], in the order of labelling
        show(stack, t, L.shape[1])

        # Lines 3-4, below: theta, and the data map of L with theta.
        theta, maps, seen = train(stack, t, x[L], y[L], len(data.classes), s, log)
        accuracy = accuracies(theta, data)
        train_seconds = (time.perf_counter() - began) / len(stack)

        for label, group in by_label(stack).items():  # lines 5-10: the runs of one strategy
            began, run = time.perf_counter(), stack[group[0]]
            U = torch.ones(len(group), len(x), dtype=torch.bool, device=device)
            U.scatter_(1, L[group], False)
            view = View(theta.take(group), x, L[group], U, maps[label],
                        tuple(stack[i].seed for i in group), t, s.minibatch, run.t_cor, shard,
                        s.protocol, tuple(psi[group] for psi in seen), s.epochs)
            choices = STRATEGIES if s.protocol.plain_scores else RELEASED
            picked = choices[run.strategy](view, s.batch).tolist() if t < s.rounds else []
            select_seconds = (time.perf_counter() - began) / len(group)
            for i, batch in zip_longest(group, picked, fillvalue=[]):
                log.append(stack[i], {  # lines 8-9: L <- L + x, U <- U - x
                    "round": t, "labelled": L.shape[1], "accuracy": accuracy[i], "picked": batch,
                    "batch": mean_of_batch(maps[label], group.index(i), log.last_batch(stack[i])),
                    "seconds": {"train": train_seconds, "select": select_seconds},
                })
        # Line 11: theta and theta' end here; the next round draws new parameters.
        log.forget(stack, t - 1)


def train(stack, t, x, y, classes, s, log):
    """Lines 3-4: train theta on L, and watch the instances of L while it trains.

    x [R, n, D], y [R, n]: L of every run. Returns theta; {label: DataMap of [runs, n]}, where a
    strategy that does not ask for a map is watched on its latest batch alone (for Fig. 4); and,
    for the released protocol, the Psi(L) that each epoch's training passes saw.
    """
    seeds, device, p = [run.seed for run in stack], x.device, s.protocol
    theta = new_theta(stack, t, x.shape[-1], classes, p, device)
    if not p.reset:
        log.load_state(theta, stack, t - 1)
    groups, probs, seen = by_label(stack), {}, []
    batch = max(s.seed_size, x.shape[1] - s.batch)
    first = {label: batch if stack[group[0]].strategy in WITHOUT_MAP else 0
             for label, group in groups.items()}
    draws = datamap.Draws(seeds, t, "train", device=device)
    watch = not (p.settled and p.trained_psi and p.plain_scores)
    for passes in datamap.fit(theta, x, y, s.epochs, s.minibatch, draws, shuffle=p.shuffle,
                              watch=watch):
        # Eq. (1) asks for p_theta(e)(y* | x): parameters at the end of epoch e, dropout off.
        for label, group in groups.items():
            now = (theta.take(group).probs(x[group, first[label]:]) if p.settled
                   else passes[0][group, first[label]:, :classes])
            probs.setdefault(label, []).append(now)
        seen += passes[1:]
    if not p.reset and t < s.rounds:
        log.save_state(theta, stack, t)
    maps = {label: datamap.data_map(torch.stack(probs[label]), y[group, first[label]:])
            for label, group in groups.items()}
    return theta, maps, seen


def new_theta(stack, t, dim, classes, p, device):
    """Line 11: new parameters, drawn from each run's seed and the round."""
    seeds = [run.seed for run in stack]
    hidden = datamap.HIDDEN if p.deep else datamap.HIDDEN[:2]
    theta = datamap.Stack((dim, *hidden, classes), seeds, t, device=device)
    if not p.quiet:  # each run has masks of its own, whatever else is in the stack
        keys = [(run.seed, zlib.crc32(run.label.encode())) for run in stack]
        theta.noise = datamap.Draws(keys, t, "noise", device=device).take(range(len(stack)))
    return theta


def seed_set_of(seed, data, s):
    """Line 1's L: stratified, and drawn from the run's seed."""
    if s.protocol.stratify:
        return texts.seed_set(data.y, s.seed_size, seed)
    return np.random.RandomState(42).permutation(len(data.y))[len(data.y) - s.seed_size :]


def side_by_side(device):
    """How many runs train as one stack.

    A GPU takes all of them. A core is fastest with what fits into its share of the cache: weights,
    gradients and AdamW's moments are 4.4 MB a run. (Measured with two processes on two cores: a
    step cost 1.12 ms a run in stacks of six, 0.86 in stacks of two; medians of ten.)
    """
    return 2 if device == "cpu" else None


def accuracies(theta, data):
    """The test accuracy of every run of a stack."""
    x, y = (torch.as_tensor(a, device=theta.device) for a in (data.x_test, data.y_test))
    return (theta.probs(x[None]).argmax(-1) == y).double().mean(1).tolist()


def by_label(stack):
    """{label: the positions in the stack of that strategy's runs}."""
    groups = {}
    for i, run in enumerate(stack):
        groups.setdefault(run.label, []).append(i)
    return groups


def mean_of_batch(data_map, i, size):
    """Mean confidence, variability and correctness of run i's latest batch; None without one."""
    if not size:
        return None
    return {name: field[i, -size:].mean().item() for name, field in data_map._asdict().items()}


# ---- all the data at once -----------------------------------------------------------------------


def all_the_data(seed, data, s, log, device="cpu", name="full", times=1):
    """Train on every row: one line in runs/full-<seed>.jsonl, the data maps in maps-<seed>.npz.

    The learning rate is constant, so the first ten epochs of this training are the ten-epoch
    training that Figs. 1 and 5 map. `times` as many epochs as a round has, under another name.
    """
    run, began = Run(name, seed), time.perf_counter()
    if log.rounds_done(run):
        return
    x, y = (torch.as_tensor(a, device=device)[None] for a in (data.x, data.y))
    theta, probs = watch([run], "full", x, y, len(data.classes), s, s.epochs * times)
    if times == 1:
        full_map = datamap.data_map(probs[:, 0], y[0])
        save_maps(log.folder / f"maps-{seed}.npz", seed, data, s, full_map, device)
    log.append(run, {
        "round": 0, "labelled": len(data.y), "accuracy": accuracies(theta, data)[0], "picked": [],
        "batch": None, "seconds": {"train": time.perf_counter() - began, "select": 0.0},
    })


def watch(stack, tag, x, y, classes, s, epochs, watched=datamap.MAP_EPOCHS):
    """Runs trained on x [R, n, D], y [R, n]: theta, and p [E, R, n, C] after the first epochs."""
    theta = new_theta(stack, tag, x.shape[-1], classes, s.protocol, x.device)
    seeds, probs = [run.seed for run in stack], []
    draws = datamap.Draws(seeds, tag, device=x.device)
    training = datamap.fit(theta, x, y, epochs, s.minibatch, draws, shuffle=s.protocol.shuffle)
    for epoch, _ in enumerate(training):
        if epoch < watched:
            probs.append(theta.probs(x))
    return theta, torch.stack(probs)


def save_maps(path, seed, data, s, full_map, device):
    """The data maps of all rows and of the seed set (Figs. 1, 2, 5 and 6) as a .npz file."""
    rows = seed_set_of(seed, data, s)
    x, y = (torch.as_tensor(a[rows], device=device)[None] for a in (data.x, data.y))
    run, classes = Run("seed set", seed), len(data.classes)
    _, probs = watch([run], "seed set", x, y, classes, s, datamap.MAP_EPOCHS)
    seed_map = datamap.data_map(probs[:, 0], y[0])
    arrays = {"rows": rows, "y": data.y}
    for name, one in (("full", full_map), ("seed", seed_map)):
        for field, values in one._asdict().items():
            arrays[f"{name}_{field}"] = values.cpu().numpy().astype(np.float32)
    if data.kind is not None:
        arrays["kind"] = data.kind
    with texts.whole_file(path) as part, open(part, "wb") as f:
        np.savez_compressed(f, **arrays)


# ---- run files ----------------------------------------------------------------------------------


class Log:
    """runs/<strategy>-<seed>.jsonl: one line a round. The picked rows are the whole checkpoint.

    A line is written when its round is done; a torn last line, left by a killed process, is cut
    off when the file is read again.
    """

    def __init__(self, folder, writes=True):
        self.folder, self.lines, self.writes = Path(folder) / "runs", {}, writes
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, run):
        return self.folder / f"{run.label}-{run.seed}.jsonl"

    def read(self, run):
        """The finished rounds of a run, as a list of dicts."""
        if run not in self.lines:
            path = self.path(run)
            self.lines[run], end = stats.read_run(path)
            if self.writes and path.exists() and path.stat().st_size > end:
                os.truncate(path, end)
        return self.lines[run]

    def append(self, run, line):
        """A finished round: to the file, and down to the disk."""
        self.read(run).append(line)
        if not self.writes:  # where processes share out a pool, one of them keeps the files
            return
        with open(self.path(run), "ab") as f:
            f.write(json.dumps(line).encode() + b"\n")
            f.flush()
            os.fsync(f.fileno())

    # A protocol that never resets theta has it for a state too: stored beside the run file when
    # a round's training is done, and kept until the next round's line is written.

    def state_path(self, run, t):
        return self.folder / f"{run.label}-{run.seed}.round{t}.pt"

    def save_state(self, theta, stack, t):
        """Parameters, AdamW's moments and step count of every run after round t."""
        for i, run in enumerate(stack if self.writes else ()):
            tensors = [tensor[i].cpu().clone() for tensor in theta.state]
            with texts.whole_file(self.state_path(run, t)) as part:
                torch.save([*tensors, theta.steps.cpu()], part)

    def load_state(self, theta, stack, t):
        """Put the state after round t into a new stack; nothing to do before round 0."""
        for i, run in enumerate(stack if t >= 0 else ()):
            *tensors, steps = torch.load(self.state_path(run, t), weights_only=True)
            for whole, tensor in zip(theta.state, tensors):
                whole[i] = tensor
            theta.steps.copy_(steps)

    def forget(self, stack, t):
        """Remove the states after round t, which the next round's line has made superfluous."""
        for run in stack if self.writes else ():
            self.state_path(run, t).unlink(missing_ok=True)

    def rounds_done(self, run):
        return len(self.read(run))

    def picked(self, run):
        """Every row the run has picked so far, in order."""
        return [row for line in self.read(run) for row in line["picked"]]

    def last_batch(self, run):
        """How many rows the run picked in its latest finished round (0 before the first)."""
        return len(self.read(run)[-1]["picked"]) if self.read(run) else 0

    def least_advanced(self, runs, rounds):
        """The unfinished runs that have done the fewest rounds: they can train as one stack."""
        done = {run: self.rounds_done(run) for run in runs}
        open_runs = [r for r in runs if done[r] <= rounds and (not done[r] or self.last_batch(r))]
        return [r for r in open_runs if done[r] == min(done[o] for o in open_runs)]


# ---- the experiment -----------------------------------------------------------------------------


def experiment(phases, seeds, data, s, folder, device="cpu", rank=0, world=1, share_pool=False,
               ablation=None):
    """Every run of every phase (a list of lists of Run).

    phases come one after the other; in a phase this process takes its share of the runs, seed
    after seed, so that the first curves come early. With share_pool every process trains every
    run instead, and takes its share of the rows to score. The report is drawn after every stack
    but the last: that one waits for the other processes. In an ablation there is none for each
    protocol, and `paper` and `code` get training on all the data for as many epochs as a run that
    never resets has seen by its last round.
    """
    shard = shard_of(len(data.y), rank, world) if share_pool else slice(None)
    log = Log(folder, writes=rank == 0 or not share_pool)
    dealt = (0, 1) if share_pool else (rank, world)
    baselines = seeds[dealt[0] :: dealt[1]] if log.writes else []
    plan = [stack for runs in phases for stack in stacks_of(runs, *dealt, device)]
    with Progress(plan, log, s.rounds, rank) as progress:
        if share_pool:
            wait_for_all(world)  # all have read the files; now one may write
        for stack in plan:
            active_learning(stack, data, s, log, device, progress.show, shard)
            for seed in baselines if stack is plan[0] else ():
                all_the_data(seed, data, s, log, device)
                if ablation in ("paper", "code"):
                    all_the_data(seed, data, s, log, device, "full-long", s.rounds + 1)
            if rank == 0 and not ablation and stack is not plan[-1]:
                stats.write_report(folder)


def stacks_of(runs, rank, world, device):
    """The stacks that process `rank` of `world` trains: a list of lists of runs.

    Whole seeds first, as far as they divide evenly among the processes; what is left is dealt
    out run by run, the last process first, since the first ones train more of the baselines. A
    run does not depend on its stack, so every split gives the same files. A GPU is wide enough
    to take its share as one stack.
    """
    seeds = list(dict.fromkeys(run.seed for run in runs))
    even = len(seeds) // world * world
    mine = [run for run in runs if run.seed in seeds[:even][rank::world]]
    mine += [run for run in runs if run.seed in seeds[even:]][world - 1 - rank :: world]
    if device != "cpu":
        return [mine] if mine else []
    by_seed = [[run for run in mine if run.seed == seed] for seed in seeds]
    return [stack for stack in by_seed if stack]


class Progress:
    """One bar: the seed, the round, |L|, each strategy's accuracy so far, and the time left.

    Where processes share the runs, the first one's share stands for all of them.
    """

    def __init__(self, plan, log, rounds, rank):
        left = sum(rounds + 1 - log.rounds_done(run) for stack in plan for run in stack)
        self.log, self.bar = log, tqdm(total=left, unit="run-round", disable=rank > 0 or not left,
                                       mininterval=1.0, dynamic_ncols=True)
        self.pending = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()

    def show(self, stack, t, labelled):
        """Called as a round begins: what the last one brought."""
        self.bar.update(self.pending)
        self.pending = len(stack)
        seeds = "+".join(str(seed) for seed in dict.fromkeys(run.seed for run in stack))
        seed = stack[-1].seed
        done = {run.label: lines[-1]["accuracy"] for run, lines in self.log.lines.items()
                if run.seed == seed and lines and run.strategy != "full"}
        scores = " ".join(f"{label} {accuracy:.3f}" for label, accuracy in done.items())
        self.bar.set_description(f"seed {seeds} round {t} |L| {labelled} {scores}")


# ---- the next batch to label ---------------------------------------------------------------------

ANSWERS = "next_batch.csv", "labels.csv"  # where labels filled in by hand are, and are kept
REGIONS = "easy", "ambiguous", "hard"


def next_batch(args, data, seeds, s):
    """Where rows have no label: which ones to label next, and which labels to doubt.

    All seeds train side by side on every labelled row, and pick together by the mean of their
    scores (strategies.Committee) and by the mean of their maps. Writes next_batch.csv, relabel.csv
    and map.png into the results directory, and says what to do.
    """
    names, folder = args.strategies or ["cal"], results_folder(args)
    if len(names) > 1 or len(args.t_cor) > 1:
        raise InputError("some rows have no label, and one strategy picks the next to get one:"
                         " name one in --strategies, and one --t-cor")
    if args.protocol != "paper":
        raise InputError("some rows have no label: the next batch goes with --protocol paper")
    for option in ("seed_size", "rounds", "everything", "ablate", "share_pool"):
        if getattr(args, option):
            raise InputError(f"some rows have no label: --{option.replace('_', '-')} is for"
                             " experiments, where every row has one, not for the next batch")
    make_folder(folder)
    stack = [Run(names[0], seed) for seed in seeds]
    R, labelled = len(stack), np.flatnonzero(data.y >= 0)
    warn_of_classes(data, data.y[labelled])
    x, y = (torch.as_tensor(a, device=args.device) for a in (data.x, data.y))
    L = torch.as_tensor(labelled, device=args.device).expand(R, -1)
    theta, probs = watch(stack, len(labelled), x[L], y[L], len(data.classes), s, s.epochs, s.epochs)
    maps = datamap.data_map(probs, y[L])
    mean = datamap.DataMap(*(field.mean(0) for field in maps))
    shared_map = datamap.DataMap(*(field.expand(R, -1) for field in mean))
    mean = datamap.DataMap(*(field.cpu().numpy() for field in mean))
    region = region_of(mean.correctness)
    if len(set(region)) == 1:
        texts.note(f"warning: all {len(labelled):,} labelled texts are {REGIONS[region[0]]} to"
                   " learn: the map tells little yet; label more, some of them drawn at random")
    view = strategies.Committee(theta, x, L, (y < 0).expand(R, -1), shared_map, tuple(seeds),
                                len(labelled), s.minibatch, args.t_cor[0], epochs=s.epochs)
    rows = STRATEGIES[names[0]](view, s.batch)[0].tolist()
    write_next(folder / ANSWERS[0], data, view, rows, torch.as_tensor(region, device=args.device))
    doubted = write_doubts(folder / "relabel.csv", data, labelled, mean, probs)
    datamap.draw_maps(folder / "map.png", {
        f"{len(labelled):,} labelled texts, mean over {R} seeds": mean._asdict()})
    advise(data, region, rows, doubted, folder)
    if len(data.y_test):
        accuracy = stats.plus_minus(accuracies(theta, data))
        print(f"Accuracy on {args.test}: {accuracy} over {R} seeds.")
    return 0


def region_of(correctness):
    """Regions by correctness [n]: 0 easy (0.8 and more), 1 ambiguous, 2 hard (0.2 and less).

    The paper names the regions and draws no line but t_cor = 0.2 (Section 3); 0.8 mirrors it.
    """
    return np.where(correctness >= 0.8 - 1e-9, 0, np.where(correctness <= 0.2 + 1e-9, 2, 1))


def write_next(path, data, view, rows, region):
    """next_batch.csv: the picked rows in the strategy's order, the last column to be filled in.

    The predicted region is that of a classifier like CAL's, trained on Psi(L) with three classes.
    """
    region = region.expand(len(view.rows), -1)
    head = strategies.binary_classifier(view, view.psi_labelled(), region, classes=3)
    x = view.x[None, rows]
    regions = head.probs(view.model.psi(x)).mean(0).argmax(-1).tolist()
    predicted = view.model.probs(x).mean(0).argmax(-1).tolist()
    stats.write_csv(path, ["row", "text", "score", "region", "predicted", "label"], [
        [data.row_numbers[i], data.texts[i], f"{view.scores[i]:.6f}", REGIONS[r],
         data.classes[c], ""] for i, r, c in zip(rows, regions, predicted)])


def write_doubts(path, data, labelled, mean, probs):
    """relabel.csv: labels that the models of all seeds find unlikely from first epoch to last.

    A label is doubted where confidence and variability are both below their mean over the
    labelled rows, and the models would give another (the largest mean probability over epochs
    and seeds). Most suspicious first: the smallest confidence + variability.
    """
    given, theirs = data.y[labelled], probs.mean((0, 1)).argmax(-1).cpu().numpy()
    low = (mean.confidence < mean.confidence.mean()) & (mean.variability < mean.variability.mean())
    order = np.argsort(mean.confidence + mean.variability, kind="stable")
    order = [i for i in order if low[i] and theirs[i] != given[i]]
    doubts = [[data.row_numbers[labelled[i]], data.texts[labelled[i]], data.classes[given[i]],
               data.classes[theirs[i]], *(f"{field[i]:.4f}" for field in mean)] for i in order]
    stats.write_csv(path, ["row", "text", "label", "model", *mean._fields], doubts)
    return doubts


def warn_of_classes(data, y):
    """Warnings on stderr of what L [n] lacks: classes with few labels, and with none."""
    counts = dict(zip(data.classes, np.bincount(y, minlength=len(data.classes)).tolist()))
    if few := [f"{c} ({n})" for c, n in counts.items() if 0 < n < 5]:
        texts.note(f"warning: classes with fewer than five labels: {', '.join(few)}")
    if none := [c for c, n in counts.items() if not n]:
        texts.note(f"warning: no labelled text of {', '.join(none)}; it cannot be predicted")


def advise(data, region, rows, doubted, folder):
    """What was found and what to do next, in plain words."""
    counts = np.bincount(region, minlength=3)
    print(f"""{data.name}: {len(region):,} texts have a label, {(data.y < 0).sum():,} have none.
Of the labelled, {counts[0]:,} are easy to learn, {counts[1]:,} ambiguous and {counts[2]:,} hard:
see {folder / 'map.png'}

1. Label these {len(rows):,} texts next: {folder / ANSWERS[0]}
   Write the label into its last column, or into {data.name} itself, at the row it names.""")
    if doubted:
        row, text, label, model, *_ = doubted[0]
        text = text if len(text) < 60 else text[:57] + "..."
        print(f"""2. Look again at these {len(doubted):,} labels: {folder / 'relabel.csv'}
   The most suspicious is row {row}, {text!r}:
   {label} it says, {model} say the models. Where they are right, correct {data.name}.
3. Run the same command again: it goes on from there.""")
    else:
        print("2. Run the same command again: it goes on from there.")


def answers(folder, dataset):
    """Labels that were filled in by hand in a next_batch.csv: {row number: (text, label)}.

    They are moved to labels.csv first, so that the next next_batch.csv does not lose them.
    """
    found = {}
    for name in reversed(ANSWERS):
        if (folder / name).exists():
            with open(folder / name, encoding="utf-8-sig", newline="") as f:
                for line, row in enumerate(csv.DictReader(f), 2):
                    try:
                        if label := row["label"].strip():
                            found[int(row["row"])] = row["text"], label
                    except (KeyError, TypeError, ValueError, AttributeError):
                        raise InputError(f"{folder / name}, row {line}: its columns row, text and"
                                         f" label are not what `--dataset {dataset}` wrote")
    if found:
        stats.write_csv(folder / ANSWERS[1], ["row", "text", "label"],
                        [[row, *found[row]] for row in sorted(found)])
    return found


# ---- benchmark ----------------------------------------------------------------------------------


def bench(device):
    """Time the parts of a TREC-sized round on made-up numbers; a table to set beside the README's.

    1,250 of 5,452 texts labelled (the middle of a TREC run), 300 dimensions, six classes, 30
    epochs, mini-batches of 16, one thread.
    """
    g, s = torch.Generator().manual_seed(0), Settings(1250)
    x = torch.randn(5452, 300, generator=g).to(device)
    y = torch.randint(6, (5452,), generator=g).to(device)
    for runs in dict.fromkeys((1, side_by_side(device) or 30, 6)):
        t = datamap.bench(runs, device=device)
        yield (f"training step, {runs} run{'s' if runs > 1 else ''} side by side",
               f"{t['step'] * 1e3:.2f} ms", f"{t['step'] / t['floor']:.2f} x its floor")
    stack = [Run("cal", seed) for seed in SEEDS[: side_by_side(device) or 30]]
    rows = torch.randperm(5452, generator=g)[:1250].to(device).expand(len(stack), -1)
    seconds, (theta, maps, _) = timed(
        device, lambda: train(stack, 0, x[rows], y[rows], 6, s, None))
    yield "a round's training, data map included", f"{seconds / len(stack):.2f} s", "a run"
    pool = torch.ones(1, 5452, dtype=torch.bool, device=device).scatter(1, rows[:1], False)
    one_map = datamap.DataMap(*(field[:1] for field in maps["cal"]))
    view = View(theta.take([0]), x, rows[:1], pool, one_map, SEEDS[:1], 0, s.minibatch)
    for name in SIX:
        seconds, _ = timed(device, lambda name=name: STRATEGIES[name](view, s.batch))
        per_row = f"{seconds / 5452 * 1e6:.1f} µs a row, {5452 / seconds:,.0f} rows a second"
        yield f"selection, {name}", f"{seconds:.3f} s", per_row
    scores = np.random.default_rng(0).random((2, 155))
    seconds, _ = timed("cpu", lambda: stats.aso(*scores))
    yield "ASO, 155 against 155 scores, 1,000 bootstrap samples", f"{seconds * 1e3:.0f} ms", ""


def timed(device, work):
    """(seconds, result) of a piece of work."""
    began = time.perf_counter()
    result = work()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - began, result


# ---- settings and results directory -------------------------------------------------------------


def claim_folder(args, data, s, seeds, phases):
    """Make the results directory and its config.json, or refuse one made with other settings."""
    folder, labels = results_folder(args), dict.fromkeys(r.label for runs in phases for r in runs)
    x_sha256 = hashlib.sha256(np.ascontiguousarray(data.x)).hexdigest()
    config = {
        "settings": {
            "dataset": data.name, "data_sha256": data.sha256, "protocol": args.protocol,
            "vectors": args.vectors, "x_sha256": x_sha256,
            **{k: v for k, v in asdict(s).items() if k != "protocol"}, "device": args.device,
        },
        "seeds": list(seeds), "strategies": list(labels), "classes": data.classes,
        "about": data.about,
        "versions": {"python": platform.python_version(), "numpy": np.__version__,
                     "torch": torch.__version__},
    }
    path, old = folder / "config.json", None
    make_folder(folder)
    if args.fresh:
        shutil.rmtree(folder / "runs", ignore_errors=True)
        path.unlink(missing_ok=True)
    try:
        if path.exists():
            old = json.loads(path.read_text())
    except ValueError:
        raise InputError(f"{path} is damaged; start over with --fresh, or name another --out")
    if not old and list(folder.glob("runs/*.jsonl")):
        raise InputError(f"{folder} holds runs but no config.json to tell how they were made;"
                         " start over with --fresh, or name another --out")
    if old:
        refuse_other_settings(folder, old["settings"], config["settings"])
        for key in ("seeds", "strategies"):  # a directory may grow by strategies and by seeds
            config[key] = list(dict.fromkeys(old[key] + config[key]))
    try:
        stats.write_text(path, json.dumps(config, indent=1) + "\n")
    except OSError as e:
        raise InputError(f"cannot write to {folder}: {e.strerror}")
    return folder


def make_folder(folder):
    """A results directory, or one sentence why it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise InputError(f"cannot write to {folder}: {e.strerror}")


def refuse_other_settings(folder, old, new):
    """One sentence where a results directory was made with other settings."""
    for name in new:
        if old.get(name) != new[name]:
            raise InputError(
                f"{folder} was made with {name} {old.get(name)}, and this is {name} {new[name]};"
                " start over with --fresh, or name another --out"
            )


def results_folder(args):
    """results/<dataset>-<protocol>-<vectors>; a file is named without its folder."""
    dataset = Path(args.dataset).name
    return Path(args.out) / f"{dataset}-{args.protocol}-{stats.short_name(args.vectors)}"


# ---- command line -------------------------------------------------------------------------------

DEFAULTS = {  # what the paper leaves to us: the demo corpus is ours
    "demo": {"rounds": 10, "seeds": SEEDS[:3]},
}


class Parser(argparse.ArgumentParser):
    """argparse, with one sentence and exit code 2 for a bad option."""

    def error(self, message):
        self.exit(2, f"cal.py: {message}\n")


def at_least(lowest):
    """An argparse type: a whole number of at least `lowest`."""

    def whole_number(text):
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
        if number < lowest:
            raise argparse.ArgumentTypeError(f"{number} is less than {lowest}")
        return number

    return whole_number


def threshold(text):
    """An argparse type: a correctness threshold in [0, 1)."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not in [0, 1)")
    return number


def protocol_name(text):
    """An argparse type: paper, code, or one of them with switches turned."""
    try:
        datamap.protocol_of(text)
    except ValueError:
        switches = ", ".join(f.name for f in fields(datamap.Protocol))
        raise argparse.ArgumentTypeError(
            f"{text!r} is not paper or code, alone or with +SWITCH of {switches}")
    return text


def parser():
    p = Parser(description="Cartography Active Learning (Zhang & Plank 2021).",
               formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    g = p.add_argument_group("data")
    g.add_argument("--dataset", default="demo",
                   help="demo, trec, agnews, or a .csv or .tsv file; where some of its labels are"
                   " empty: the next batch to label")
    g.add_argument("--vectors", default="pool",
                   help="pool, hash, fasttext, or a .vec, .txt (.gz, .zip) or .bin file, or a URL")
    g.add_argument("--data-dir", default="data", help="where the data files are, or are put")
    g.add_argument("--text-column", default="text", metavar="NAME", help="of a file")
    g.add_argument("--label-column", default="label", metavar="NAME", help="of a file")
    g.add_argument("--test", metavar="FILE",
                   help="texts to test on (default: a stratified fifth of the file)")
    g.add_argument("--agnews-text", default="description",
                   choices=["description", "title+description"], help="what agnews reads")
    g = p.add_argument_group("experiment")
    g.add_argument("--strategies", nargs="+", choices=list(STRATEGIES), metavar="NAME",
                   help=f"of {' '.join(STRATEGIES)} (default: the first six; next batch: cal)")
    g.add_argument("--seeds", nargs="+", type=at_least(0), help="default: the paper's (demo: 3)")
    g.add_argument("--rounds", type=at_least(1), help="batches to pick (default: 30; demo: 10)")
    g.add_argument("--batch", type=at_least(1), help="texts to pick a round (default: 50)")
    g.add_argument("--seed-size", type=at_least(1), help="default: the dataset's (Table 1)")
    g.add_argument("--epochs", type=at_least(1), default=datamap.EPOCHS, help="of each training")
    g.add_argument("--t-cor", nargs="+", type=threshold, default=[0.2],
                   help="correctness above which CAL calls a text high-cor; several: Table 3")
    g.add_argument("--protocol", type=protocol_name, default="paper",
                   help="paper: what its text says; code: what its authors' released code does;"
                   " paper+SWITCH, code+SWITCH ...: with a switch of datamap.Protocol turned")
    g.add_argument("--everything", action="store_true", help="Table 3 and DAL + CAL as well")
    g.add_argument("--ablate", action="store_true",
                   help="CAL and Random under paper, code, and each with one switch turned")
    g.add_argument("--quick", action="store_true", help="one seed, ten rounds")
    g = p.add_argument_group("machine and output")
    g.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="to train on")
    g.add_argument("--jobs", type=at_least(1), help="processes (default: a physical core a seed)")
    g.add_argument("--share-pool", action="store_true",
                   help="processes share the rows to score, not the runs (for a huge pool)")
    g.add_argument("--bench", action="store_true", help="time the parts on this machine, and stop")
    g.add_argument("--out", default="results", help="where results go")
    g.add_argument("--fresh", action="store_true", help="forget the runs already there")
    g.add_argument("--report-only", action="store_true", help="redraw the report, train nothing")
    return p


def runs_of(strategies, seeds, thresholds):
    """Every run of these strategies: one a seed, and for CAL and its kin one a threshold too."""
    return [
        Run(strategy, seed, t)
        for seed in seeds for strategy in strategies
        for t in (thresholds if strategy not in WITHOUT_MAP else [0.2])
    ]


def choose_device(args):
    """auto becomes cuda where there is one, else cpu."""
    if args.device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: no CUDA device is visible to torch; use --device cpu")
    if args.device == "auto":
        args.device = "cuda" if torch.cuda.is_available() else "cpu"


load_data = functools.lru_cache(maxsize=4)(texts.load)  # an ablation asks for four, many times


def load_for(args, p):
    """The data that the options name."""
    options = {}
    if args.dataset == "agnews":
        options["agnews_text"] = args.agnews_text
    elif texts.is_table(args.dataset):
        filled = answers(results_folder(args), args.dataset)
        options = {"text_column": args.text_column, "label_column": args.label_column,
                   "test": args.test, "filled": tuple(sorted(filled.items()))}
    elif args.test:
        raise InputError("--test goes with a .csv or .tsv file of your own as --dataset")
    return load_data(args.dataset, args.data_dir, args.vectors, p.pad, p.respell, **options)


def prepare(args):
    """Check every option against the data: (phases, seeds, data, Settings)."""
    p = datamap.protocol_of(args.protocol)
    if args.share_pool and not p.reset:
        raise InputError("--share-pool goes with protocols that reset the weights every round")
    data = load_for(args, p)
    default = DEFAULTS.get(args.dataset, {"rounds": 30, "seeds": SEEDS})
    some = 1 if args.quick else 3 if args.ablate else None
    seeds = list(dict.fromkeys(args.seeds or default["seeds"][:some]))
    if (data.y < 0).any():
        s = Settings(int((data.y >= 0).sum()), 0, args.batch or 50, args.epochs, data.batch_size)
        return [], seeds, data, s
    size, batch = args.seed_size or data.seed_size, args.batch or data.picks
    most = max(1, (len(data.y) - size) // batch)  # rounds that there are texts for
    rounds = args.rounds or min(most, 10 if args.quick else default["rounds"])
    s = Settings(size, rounds, batch, args.epochs, data.batch_size, p)
    if s.seed_size + s.rounds * s.batch > len(data.y):
        raise InputError(
            f"{s.seed_size} labels to start with and {s.rounds} x {s.batch} to pick are more than"
            f" the {len(data.y)} texts of {args.dataset}; lower --rounds, --batch or --seed-size"
        )
    names = list(dict.fromkeys(args.strategies or SIX))
    if args.ablate:
        of_cal = args.protocol.partition("+")[2] in ("settled", "exact", "trained_psi",
                                                     "binary_hidden")
        names = ["cal"] if of_cal else ["cal", "random"]
    phases = [runs_of(names, seeds, args.t_cor)]
    if args.everything:
        extra = runs_of(["cal"], seeds, T_COR) + runs_of(["cal+dal"], seeds, [0.2])
        phases.append([run for run in extra if run not in phases[0]])
    return phases, seeds, data, s


def launch(jobs):
    """Run this command in `jobs` processes, through torch's own launcher; its exit code."""
    again = [word for word in sys.argv if word != "--fresh"]  # the old runs are gone by now
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(jobs)]
    return subprocess.call([sys.executable, *launcher, *again],
                           env={**os.environ, "OMP_NUM_THREADS": "1", "CAL_LAUNCHED": "1"})


def ladder():
    """The ablation's protocols: paper and code, and each with one switch turned, reset first.

    Random's runs do not depend on CAL's own switches; plain_scores is not CAL's nor Random's.
    """
    switches = [f.name for f in fields(datamap.Protocol) if f.name != "plain_scores"]
    return ["paper", "code", *(f"{base}+{switch}" for switch in switches
                               for base in ("paper", "code"))]


def run(args):
    """The command line's work; returns the exit code."""
    if args.ablate and (args.strategies or args.everything or args.protocol != "paper"
                        or args.t_cor != [0.2]):
        raise InputError("--ablate runs CAL (t_cor 0.2) and Random under every protocol: leave"
                         " out --strategies, --t-cor, --protocol and --everything")
    names = ladder() if args.ablate else [args.protocol]
    if args.report_only:
        return print_ladder(args) if args.ablate else stats.write_report(results_folder(args))
    choose_device(args)
    if args.bench:
        torch.set_num_threads(1)
        for line in bench(args.device):
            print("{:54} {:>9}  {}".format(*line).rstrip(), flush=True)
        return 0
    cores = torch.get_num_threads()  # torch counts the physical cores it may use
    torch.set_num_threads(1)
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    plans = {}
    for args.protocol in names:
        plans[args.protocol] = prepare(args)
    args.protocol = names[0]
    _, seeds, data, s = plans[names[0]]
    if (data.y < 0).any():
        return 0 if rank else next_batch(args, data, seeds, s)
    if texts.is_table(args.dataset):
        warn_of_classes(data, data.y[seed_set_of(seeds[0], data, s)])
    return run_experiments(args, plans, rank, world, cores)


def run_experiments(args, plans, rank, world, cores):
    """The experiment of every protocol of plans {protocol: what prepare gives}, and its report.

    The process that the user started launches others where there are cores for them.
    """
    if "RANK" in os.environ:  # torchrun's, or launch's
        torch.distributed.init_process_group("gloo", timeout=datetime.timedelta(days=7))
        if args.device == "cuda":  # one GPU a process, as far as they go
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    for args.protocol, (phases, seeds, data, s) in plans.items():
        if rank == 0:
            claim_folder(args, data, s, seeds, phases)
    if "RANK" not in os.environ:
        jobs = args.jobs or (min(len(seeds), cores) if args.device == "cpu" else 1)
        if jobs > 1:
            return launch(jobs)
    wait_for_all(world)
    for args.protocol, (phases, seeds, data, s) in plans.items():
        experiment(phases, seeds, data, s, results_folder(args), args.device, rank, world,
                   args.share_pool, args.protocol if args.ablate else None)
    wait_for_all(world)
    if rank:
        return 0
    return print_ladder(args) if args.ablate else print_summary(results_folder(args))


def wait_for_all(world):
    """Until every process of `world` has come this far."""
    if world > 1:
        torch.distributed.barrier()


def print_ladder(args):
    """The ablation's report, and the same in the terminal."""
    folders = {}
    for args.protocol in ladder():
        folders[args.protocol] = results_folder(args)
    args.protocol = "ladder"
    path = stats.write_ladder(results_folder(args), folders)
    print(path.read_text(encoding="utf-8"))
    return 0


def print_summary(folder):
    """The report, and its main table in the terminal."""
    stats.write_report(folder)
    print(stats.summary(folder))
    print(f"\nThe report with its figures: {folder / 'report.md'}")
    return 0


def main():
    args = parser().parse_args()
    try:
        return run(args)
    except InputError as e:
        print(f"cal.py: {e}", file=sys.stderr)
        return 2
    except OSError as e:  # a full disk, say
        print(f"cal.py: {e}; the same command goes on from the last finished round",
              file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted; the same command goes on from the last finished round.",
              file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
