"""A round with what a fork may ask for: memory, the pool's dynamics, own measures, a hook.

`opened` puts it over any algorithm, whether there is a fork or not. What a strategy returns is
checked in returned.py.
"""

from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np
import torch

import cal
from forks import memory
from forks.blame import blamed
from forks.loading import Fork
from forks.returned import check_scores, numbers, picked_by, seed_rows, untouched, who
from plumbing.checks import check_probs
from plumbing.files import InputError, shortened


def opened(algorithm, fork=None):
    """A subclass of an algorithm (cal.ActiveLearning or below) with a fork's parts."""
    fork = fork or Fork()

    @dataclass(frozen=True)
    class View(algorithm.View):
        """A View that knows its run's label and what the strategy remembers of each run.

        label: the strategy's name in files. memory: a dict for each run, empty in round 0. dynamics
        [E, R, N, C]: p of every text at the end of each epoch, for a strategy that asks for it with
        the attribute needs = {"pool_dynamics"}.
        """

        label: str = ""
        memory: list = field(default_factory=list)
        dynamics: torch.Tensor = None

        def pick(self, score, k):
            check_scores(self, score, k)
            return super().pick(score, k)

    class Opened(algorithm):
        asking, watched = (), {}

        def seed_set(self, seed):
            rows = super().seed_set
            return seed_set_of(fork, rows, seed, self) if has_own(fork, algorithm) else rows(seed)

        def train(self, i, stack, L):
            self.asking, self.watched = [run for run in stack if asks(self, run)], {}
            try:
                with blamed(f"round {i}, training {fork.model}" if fork.model else ""):
                    return super().train(i, stack, L)
            finally:
                self.asking = ()

        def new_theta(self, i, stack):
            theta = super().new_theta(i, stack)
            mine = {run: r for r, own in enumerate(stack) for run in self.asking
                    if own in (run, cal.Run("any", run.seed))}  # "any" in a shared round 0
            if mine:
                theta.fit = watching(theta, theta.fit, self.x, mine, self.watched)
            return theta

        def measure(self, theta):
            found = super().measure(theta)
            if not isinstance(found, list) or not all(isinstance(own, dict) for own in found):
                raise InputError(f"{algorithm.__name__}: measure returned {found!r:.60} instead of"
                                 " a list of dicts, one per run")
            return found

        def scored(self, p):
            found = super().scored(p)
            for name, measure in fork.measures.items():
                with blamed(f"the measure {name}", measure):
                    values = measure(p.clone(), self.y_test.clone())
                for scores, value in zip(found, numbers(name, values, len(p))):
                    scores[name] = value
            return found

        def look(self, i, runs, L, theta, data_map):
            view = super().look(i, runs, L, theta, data_map)
            dynamics = [torch.stack(self.watched.pop(run)) for run in runs if run in self.watched]
            return replace(view, label=runs[0].label, memory=[self.recall(i, run) for run in runs],
                           dynamics=torch.stack(dynamics, dim=1) if dynamics else None)

        def pick(self, runs, view):
            if view.round == self.s.rounds:
                return [[] for _ in runs]
            strategy, lines = self.strategies[runs[0].strategy], None
            if algorithm.pick is not cal.ActiveLearning.pick:  # a fork's own lines 5-10
                lines = lambda view, _k: super(Opened, self).pick(runs, view)
            return picked_by(lines or strategy, view, self.s.batch, lines and algorithm.pick)

        def keep(self, i, runs, view, scores, picked, times):
            if fork.on_round:
                what = f"on_round after {who(view)}"
                with untouched(view, fork.on_round, what), blamed(what, fork.on_round):
                    fork.on_round(view, deepcopy(scores), deepcopy(picked))
            for r, (run, kept, score) in enumerate(zip(runs, view.memory, scores)):
                if kept:
                    score["memory"] = memory.write(self.memory_of(i, run), kept, who(view, [r]))
            super().keep(i, runs, view, scores, picked, times)
            for run in runs:  # a line that is lost can be made again from the memory before it
                self.memory_of(i - 2, run).unlink(missing_ok=True)

        def recall(self, i, run):
            """What a run remembered at the end of the round before."""
            digest = self.log.read(run)[i - 1].get("memory") if i else None
            return memory.read(self.memory_of(i - 1, run), digest, self.device) if digest else {}

        def memory_of(self, i, run):
            return self.log.folder / f"{run.label}-{run.seed}.memory{i}.pt"

    Opened.View = View
    return Opened


def try_out(algorithm, fork, data):
    """InputError unless a fork's network takes four rows of the data, in training and after it."""
    if not fork.network:
        return
    C, L = len(data.classes), torch.arange(min(4, len(data.y)))[None]
    small = algorithm(data, cal.Settings(len(L[0]), epochs=1, minibatch=2), None)
    run = cal.Run("any", 1)
    try:
        with blamed(f"the network {fork.network.__name__}"):
            theta, _ = small.train(0, [run], L)
            shape = tuple(check_probs(theta.probs(x := small.x[L])).shape)
    except InputError:
        raise
    except Exception as e:  # in torch, far from the fork's lines
        raise InputError(f"the network {fork.network.__name__}: {type(e).__name__}: {shortened(e)}")
    if not x.equal(small.x[L]):
        raise InputError(f"the network {fork.network.__name__}: changed x in place, which every run"
                         " shares; work on x.clone()")
    if shape != (1, L.shape[1], C):
        raise InputError(f"the network {fork.network.__name__}: out(psi(x)) of {L.shape[1]} rows"
                         f" has the shape {list(shape[1:])}; logits [{L.shape[1]}, {C}] are needed")


def has_own(fork, algorithm):
    """Whether an algorithm is a fork's; with --model fast it is not, whatever the fork defines."""
    return bool(fork.algorithm) and issubclass(algorithm, fork.algorithm)


def seed_set_of(fork, seed_set, seed, algorithm):
    """The seed set of a fork's algorithm, checked."""
    whose = f"{fork.algorithm.__name__} of {fork.path.name}: seed_set({seed})"
    with blamed(whose):
        rows = seed_set(seed)
    return seed_rows(whose, rows, algorithm.s.seed_size, len(algorithm.y))


def try_seed_sets(algorithm, fork, data, settings, seeds):
    """InputError unless a fork's algorithm has a seed set for each seed, always the same one.

    A table that is being labelled has none.
    """
    if not has_own(fork, algorithm) or (data.y < 0).any():
        return
    with blamed(f"the algorithm {fork.algorithm.__name__}"):
        small = algorithm(data, settings, None)
    for seed in seeds:
        first, again = (seed_set_of(fork, small.seed_set, seed, small) for _ in range(2))
        if not np.array_equal(first, again):
            raise InputError(f"{fork.algorithm.__name__} of {fork.path.name}: seed_set({seed})"
                             " returned other rows when it was asked again; a seed's rows have to"
                             " stay the same")


def asks(algorithm, run):
    """Whether a run's strategy asks for the dynamics of the pool."""
    return "pool_dynamics" in getattr(algorithm.strategies.get(run.strategy), "needs", ())


def watching(theta, fit, x, mine, watched):
    """theta.fit that keeps p [N, C] of every text at the end of each epoch, in watched[run].

    mine: {run: its place in theta}.
    """
    def watched_fit(*arguments):
        for order in fit(*arguments):
            p = theta.take(list(mine.values())).probs(x[None])
            for run, own in zip(mine, p):
                watched.setdefault(run, []).append(own.clone())
            yield order

    return watched_fit
