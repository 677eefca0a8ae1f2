"""From Python, for a notebook: an experiment on arrays that ends in the command line's folder.

    from command.library import experiment

    results = experiment((x, y, x_test, y_test), ["random", "cal", mine], seeds=[1, 2, 3],
                         out="my-results", rounds=10, batch=20)
    results.curves()["cal"]["accuracy"]      # [seeds, rounds + 1]
"""

import contextlib
import functools
import re
from pathlib import Path

import numpy as np
import torch

import cal
import data as texts
import datamap
import forks
from command import options, processes
from command.experiment import Plan, do
from forks.calls import check_calls
from forks.loading import Fork, check_names
from plumbing import made
from plumbing.checks import check_classes
from plumbing.files import InputError, shortened
from report import sections
from stats import Results
from strategies import STRATEGIES


def experiment(data, strategies=cal.SIX, seeds=cal.SEEDS[:3], out="results/arrays", *, rounds=10,
               batch=50, seed_size=None, epochs=datamap.EPOCHS, t_cor=(0.2,), network=None,
               measures=None, device="auto"):
    """Run every strategy from every seed in this process -> stats.Results.

    data: (x [N, D], y [N], x_test [T, D], y_test [T]), or a data.Data from data.of_arrays (which
    takes texts too) or data.load. strategies: names, or functions as in strategies.py, which are
    called after their __name__; or {name: function}. out: the folder for run files, report.md,
    figures, curves.csv and explore.html; the same call again continues there. network: an nn.Module
    class with psi and out, instead of the paper's. measures: {name: function(p [R, n, C], y [n]) ->
    [R]}. rounds, batch, seed_size, epochs, t_cor, device: as on the command line.

    Raises ValueError for arrays that do not fit (with the row), and for whatever the command line
    refuses. No signal handler is set; torch's number of threads is 1 until it returns.
    """
    data = data_of(data)
    fork = Fork(network=network)
    strategies = [strategies] if isinstance(strategies, str) or callable(strategies) else strategies
    names = [named(strategy, fork) for strategy in (
        strategies.items() if isinstance(strategies, dict) else strategies)]
    fork.names["MEASURES"] = measures or {}
    seeds = [whole("a seed", seed, 0) for seed in (seeds if np.iterable(seeds) else [seeds])]
    t_cor = np.atleast_1d(t_cor).tolist()
    check(fork, names, seeds, t_cor)
    check_place(out, device)
    with registered(fork), as_it_was(), in_words_of_python():
        plan = plan_of(data, names, list(dict.fromkeys(seeds)), Path(out), fork,
                       device, t_cor, rounds=rounds, batch=batch,
                       seed_size=data.seed_size if seed_size is None else seed_size,
                       epochs=epochs, minibatch=data.batch_size)
        with made.running([*fork.names["STRATEGIES"].values(), *fork.measures.values()]):
            processes.conduct(lambda _args, task: do(plan, task), [plan],
                              functools.partial(sections.write_report, plan.folder))
    return Results(plan.folder)


def data_of(given):
    """The Data that a caller gave, as four arrays or already made."""
    if not isinstance(given, texts.Data):
        if not isinstance(given, (list, tuple)):
            raise InputError(f"experiment(): data is {shortened(repr(given), 60)} instead of (x, y,"
                             " x_test, y_test), or of what data.of_arrays or data.load returns")
        if len(given) != 4:
            raise ValueError(f"four arrays are needed, x, y, x_test and y_test, not {len(given)}")
        given = texts.of_arrays(*given)
    check_classes("experiment(): data", given.y.tolist(), given.y_test.tolist(), given.classes)
    return given


def named(strategy, fork):
    """A strategy's name; a function that is not in STRATEGIES is kept in the fork."""
    name, function = strategy if isinstance(strategy, tuple) else (None, strategy)
    if isinstance(function, str):
        if function not in STRATEGIES:
            raise InputError(f"there is no strategy {function!r}; choose from"
                             f" {', '.join(STRATEGIES)}, or give a function")
        return function
    known = [key for key, value in STRATEGIES.items() if value is function]
    if known and not name:
        return known[0]
    name = name or getattr(function, "__name__", type(function).__name__)
    if fork.names["STRATEGIES"].setdefault(name, function) is not function:
        raise InputError(f"two strategies are called {name}; give a dict of names and functions")
    return name


def check(fork, names, seeds, t_cor):
    """InputError for arguments of `experiment` that the command line or a fork could not have."""
    if not isinstance(fork.names["MEASURES"], dict):
        raise InputError("experiment(): measures has to be a dict of names and functions")
    if fork.network is not None and not isinstance(fork.network, type):
        raise InputError("experiment(): network has to be a class, an nn.Module with psi and out")
    for what, given in (("strategies", names), ("seeds", seeds), ("t_cor", t_cor)):
        if not given:
            raise InputError(f"experiment(): {what} is empty")
    if wrong := [value for value in t_cor if not (type(value) in (int, float) and 0 <= value < 1)]:
        raise InputError(f"experiment(): t_cor is {wrong[0]!r}; give a number in [0, 1)")
    check_names(fork, (STRATEGIES, texts.READERS))
    check_calls(fork)


def check_place(out, device):
    """InputError for an `out` or a device that the command line could not have."""
    if not isinstance(out, (str, Path)) or not str(out).strip():
        raise InputError(f"experiment(): out is {out!r:.60}; give the name of a folder")
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", str(device)):
        raise InputError(f"experiment(): device is {device!r:.60}; give auto, cpu or cuda")


def plan_of(data, names, seeds, folder, fork, device, t_cor, **settings):
    """The Plan of the command that does the same, for data that is there already."""
    args = options.parser(list(STRATEGIES), datamap.EPOCHS, fork.models).parse_args([])
    args.dataset, args.vectors, args.jobs = data.name, "arrays", 1
    args.device = processes.choose_device(str(device))
    s = cal.Settings(**{key: whole(key, value, 1) for key, value in settings.items()})
    if s.seed_size + s.rounds * s.batch > len(data.y):
        raise InputError(
            f"a seed set of {s.seed_size} and {s.rounds} batches of {s.batch} are more than the"
            f" {len(data.y)} rows; lower rounds, batch or seed_size")
    forks.try_out(fork.learning(), fork, data)
    given = ", ".join(f"{key}={value}" for key, value in settings.items() if key != "minibatch")
    return Plan(args, fork.learning(), data, s, seeds, [cal.runs_of(names, seeds, t_cor)], fork,
                folder, f"experiment(..., {names}, {seeds}, {str(folder)!r}, {given})")


def whole(name, value, least):
    """A whole number as an int, whatever its type; True and 1.5 are none."""
    value = value.item() if isinstance(value, (np.generic, torch.Tensor)) else value
    if type(value) not in (int, float) or value % 1 or value < least:
        raise InputError(f"experiment(): {name} is {value!r} instead of a whole number from {least}"
                         " on")
    return int(value)


@contextlib.contextmanager
def registered(fork):
    """The fork's strategies are in STRATEGIES within the `with` block."""
    STRATEGIES.update(fork.names["STRATEGIES"])
    try:
        yield
    finally:
        for name in fork.names["STRATEGIES"]:
            del STRATEGIES[name]


@contextlib.contextmanager
def in_words_of_python():
    """Say what to do about a folder of other results as a caller does it, not as an option."""
    try:
        yield
    except InputError as e:
        raise InputError(re.sub(r"start over with --fresh[^;,]*, or choose another --out",
                                "delete that folder, or give another `out`", str(e))) from None


@contextlib.contextmanager
def as_it_was():
    """One torch thread and full float32 within the block; afterwards what the caller had."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
