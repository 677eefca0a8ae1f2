"""Runs go on where nothing has changed, and stop where something has."""

import os
import subprocess
import sys

import pytest

import forks
from plumbing import made
from plumbing.source import ROOT
from plumbing.test_follow import END, P, S, in_process, write

PAIR = "import math\nimport torch\n{}\n" + S.format("math.pi * HALF") + \
    "def t(view, k):\n    return @1\n{}" + END.replace("}", ", 't': t}")


@pytest.mark.parametrize(("above", "below"), [
    ("HALF = 0.5", ""), ("HALF = math.sqrt(0.25)", ""), ("A, HALF = 1, 0.5", "s.reads_map = False"),
    ("HALF = 0.5\nRANKS = [1, 2]", "for f in (s, t):\n    f.needs = {'pool_dynamics'}"),
    ("HALF = 0.5\nWORDS = set('ab')", "if __name__ == '__main__':\n    print(s)"),
    ("class HALF(torch.nn.Module):\n    lr: float = 1e-3\n    __n = 1\n    @property\n"
     "    def n(self):\n        return 1", ""),
    ("HALF = {'a': [0.5, (1, 2)]}", "from strategies import STRATEGIES\nSTRATEGIES['u'] = t"),
], ids=["constant", "root", "pair", "needs", "main", "class", "registered"])
def test_an_edit_of_another_strategy_is_no_change(tmp_path, above, below):
    fork = tmp_path / "fork.py"
    found = []
    for value in ("1", "2"):
        forks.load()
        write(tmp_path, PAIR.replace("{}", above, 1).replace("{}", below, 1), value)
        functions = forks.load(fork).names["STRATEGIES"]
        found.append([made.of(functions[name]) for name in "st"])
    forks.load()
    assert found[0][0] == found[1][0] and found[0][1] != found[1][1]


NOTEBOOK = """
import functools, json
import torch
from plumbing import made
K, WORDS, log = @1, {"a", "b", "c", "@1"}, []
def helper(x):
    return x * K
def s(view, k):
    return helper(str(view.round) in {"0", "1", "2", "dd", "ee"})
def words(view, k):
    log.append(torch.tensor(len(WORDS)))
def make(a):
    def s(view, k):
        return a
    return s
class O:
    def __init__(self, n):
        self.n = n
    def __call__(self, view, k):
        return self.n
class Child(O):
    @property
    def k(self):
        return K
exec("def made_by_exec(view, k): return K")
generator = torch.Generator().manual_seed(5 + @1)
print(json.dumps([made.of(f) for f in (
    s, words, make(O(@1)), make({"x", "y", "@1"}), make(generator), make(make(@1)), O(@1), Child(1),
    functools.partial(s, f=words), functools.partial(s, words={"abc", "def", "@1"}),
    lambda view, k: K, made_by_exec)]))
"""


def test_what_is_typed_in_counts_with_what_it_refers_to():
    found, again, edited = (in_process(seed, NOTEBOOK.replace("@1", value))
                            for seed, value in ((1, "1"), (2, "1"), (3, "-1")))
    assert found == again and [i for i, a in enumerate(found) if a == edited[i]] == []


def test_what_a_function_s_own_runs_change_is_no_change():
    class Counts:
        n = 0

        def __call__(self, view, k):
            self.n += 1

    strategy = Counts()
    before = made.known(strategy)
    with made.running([strategy]):
        strategy(None, 1)
    assert made.of(strategy) != made.known(strategy) == before
    strategy.n = 7  # by hand
    assert made.known(strategy) != before


PICKS = "view.pick(view.x[..., 0].expand(len(view.seeds), -1) * {}, k)\n"


@pytest.mark.parametrize(("fork", "code"), [
    (P.replace("return self.n\n", "return " + PICKS.format("self.n"), 1)
     + "STRATEGIES = {'s': P(@1)}", 2),
    ("from functools import partial\ndef s(view, k, f=None, words=()):\n    return "
     + PICKS.format("1") + "def g():\n    pass\n"
     "STRATEGIES = {'s': partial(s, f=g, words={'a', 'b', 'c', 'd'})}", 0),
], ids=["edited", "as it was"])
def test_the_command_line_stops_at_a_change_and_goes_on_without_one(tmp_path, fork, code):
    for value, wanted in (("1", 0), ("-1", code)):
        write(tmp_path, fork, value)
        ran = subprocess.run(
            [sys.executable, "cal.py", "--fork", tmp_path / "fork.py", "--strategies", "s",
             "--seeds", "1", "--rounds", "1", "--batch", "5", "--seed-size", "20", "--epochs", "1",
             "--jobs", "1", "--out", tmp_path / "out", "--vectors", "hash"], cwd=ROOT, text=True,
            capture_output=True, env={**os.environ, "PYTHONHASHSEED": str(len(value))})
        assert ran.returncode == wanted, ran.stderr
        assert ("the source of s has changed since its runs in" in ran.stderr) == bool(wanted)
