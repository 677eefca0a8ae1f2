"""What the names of the modules hold in one run, read off while the modules' own lines run.

A Value says where to look: a line of a function, by a mark that stands in it once, and an
expression over the function's names. It is evaluated when that line has run, so that nothing is
shown that is not yet filled. The modules know nothing of this.
"""

import ast
import contextlib
import functools
import importlib
import inspect
import sys
import tempfile
import textwrap
from typing import NamedTuple

import numpy as np
import torch

import cal
import data
import fast
import stats
import strategies
from plumbing.files import InputError
from plumbing.runs import Log

SEED, ROUNDS, SEED_SIZE = 1, (0, 1), 300
CAL = cal.Run("cal", SEED)


class Value(NamedTuple):
    """One value of a line.

    axes: one word per axis, such as "E R L" (read_values.NAMES). L* is a list of row numbers, and
    an axis with - behind it says that the shape is enough. when: "first" or "last" of the times
    that the line runs, or "each", for a list of numbers.
    label: how the page calls it, if not by the expression.
    """

    mark: str
    shown: str
    axes: str = ""
    label: str = ""
    when: str = "first"


# ---- the modules' lines -------------------------------------------------------------------------


def function_of(name):
    """The function, method or class of a name such as strategies.View.pick."""
    module, *path = name.split(".")
    return functools.reduce(getattr, path, importlib.import_module(module))


@functools.cache
def lines_of(name):
    """{line number: text} of a function, method or class, without its docstrings."""
    found, first = inspect.getsourcelines(function_of(name))
    lines = {first + i: text.rstrip("\n") for i, text in enumerate(found)}
    for node in ast.walk(ast.parse(textwrap.dedent("".join(found)))):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            for i in range(node.body[0].lineno, node.body[0].end_lineno + 1):
                lines.pop(first + i - 1)
    return lines


def line_of(name, mark):
    """The one line of a function that holds a mark; InputError if none or several do."""
    found = [i for i, text in lines_of(name).items() if mark in text]
    if len(found) != 1:
        raise InputError(f"{name}: {mark!r} stands in {len(found)} lines, not in one;"
                         " page/read_steps.py has to follow the code")
    return found[0]


@functools.cache
def statement_of(name, mark):
    """The lines of the statement that a mark is in; of a loop or an if, those of its head."""
    line, (found, first) = line_of(name, mark), inspect.getsourcelines(function_of(name))
    best = None
    for node in ast.walk(ast.parse(textwrap.dedent("".join(found)))):
        if isinstance(node, ast.stmt) and node.lineno <= line - first + 1 <= node.end_lineno:
            best = node  # walk goes from the outside in
    body = getattr(best, "body", None)
    end = body[0].lineno - 1 if isinstance(body, list) else best.end_lineno
    return range(best.lineno + first - 1, max(end, best.lineno) + first)


# ---- reading the values off ---------------------------------------------------------------------


class Tracer:
    """Evaluates Values as their lines run: found[function, Value][round] is what they held.

    values: {function: [Value]}. Only the first call of a function in a round is read.
    """

    def __init__(self, values):
        self.round, self.found, self.begun = 0, {}, set()
        self.values = {function_of(name).__code__: (name, wanted)
                       for name, wanted in values.items()}
        self.frames = {}  # frame: the line that it is at

    def __call__(self, frame, event, arg):
        if frame.f_code not in self.values:
            return None
        if frame not in self.frames:  # a generator's frame is called again and again
            if (frame.f_code, self.round) in self.begun:
                return None
            self.begun.add((frame.f_code, self.round))
            self.frames[frame] = frame.f_lineno  # the line of its def
        return self.step

    def step(self, frame, event, arg):
        if event == "exception":
            return self.step
        before, ended = self.frames[frame], event == "return"
        self.frames[frame] = None if ended else frame.f_lineno
        name, wanted = self.values[frame.f_code]
        for value in wanted if before else ():
            lines = statement_of(name, value.mark)
            if before in lines and (ended or frame.f_lineno not in lines):
                self.read(name, value, frame, arg if ended else None)
        return self.step

    def read(self, name, value, frame, returned):
        of_round = self.found.setdefault((name, value), {})
        if value.when == "first" and self.round in of_round:
            return
        names = {**frame.f_globals, **frame.f_locals, "returned": returned}
        held = frozen(eval(value.shown, names))  # our own expression, from read_steps.py
        if value.when == "each":
            of_round.setdefault(self.round, []).append(float(held))
        else:
            of_round[self.round] = held

    @contextlib.contextmanager
    def on(self):
        sys.settrace(self)
        try:
            yield
        finally:
            sys.settrace(None)


def frozen(held):
    """A value as it is now: what a later line changes in place does not change it."""
    if isinstance(held, torch.Tensor):
        return held.detach().cpu().clone().numpy()
    if isinstance(held, np.ndarray):
        return held.copy()
    return [frozen(part) for part in held] if isinstance(held, (list, tuple)) else held


# ---- the run: the demo, CAL, seed 1, rounds 0 and 1 ---------------------------------------------


class Watched(cal.ActiveLearning):
    """Algorithm 1 that stops after some rounds, and keeps the views of these."""

    def stacks(self, i, runs):
        self.tracer.round = i
        return super().stacks(i, runs) if i in self.rounds else iter(())

    def look(self, i, runs, L, theta, data_map):
        self.views[i] = super().look(i, runs, L, theta, data_map)
        return self.views[i]


def traced_run(values, samples, rounds=ROUNDS):
    """(Tracer, the demo's Data, the View of each round, the rows that CAL picked by round).

    samples: {strategy: scores} of two strategies, for the ASO.
    """
    tracer = Tracer(values)
    with tempfile.TemporaryDirectory() as folder:
        with tracer.on():
            demo = data.load("demo")
            algorithm = Watched(demo, cal.Settings(SEED_SIZE, len(rounds), demo.picks),
                                Log(folder))
            algorithm.tracer, algorithm.views, algorithm.rounds = tracer, {}, rounds
            algorithm.learn([CAL])
            tracer.round = 0
            for name in ("random", "lc", "entropy", "bald", "dal"):
                view = algorithm.views[0]
                if name == "dal":  # its theta' learns from every text: the quick form of it
                    view = fast.View(**vars(view))
                strategies.STRATEGIES[name](view, demo.picks)
        picked = {line["round"]: line["picked"] for line in algorithm.log.read(CAL)}
        with tracer.on():
            stats.aso(*samples.values())
    return tracer, demo, algorithm.views, picked
