"""A round with what a fork may ask for: memory, the pool's dynamics, own measures, a hook.

`opened` puts it over any algorithm, whether there is a fork or not. It also checks what a strategy
returns, so that a wrong row is one sentence and not a wrong number.
"""

from dataclasses import dataclass, field, replace

import torch

import cal
from forks import memory
from forks.blame import blamed
from forks.loading import Fork
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
            check_scores(self, score)
            return super().pick(score, k)

    class Opened(algorithm):
        asking, watched = (), {}

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

        def scored(self, p):
            found = super().scored(p)
            for name, measure in fork.measures.items():
                with blamed(f"the measure {name}"):
                    values = measure(p, self.y_test)
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
                return super().pick(runs, view)
            with blamed(who(view)):
                rows = self.strategies[runs[0].strategy](view, self.s.batch)
            return checked(view, rows, self.s.batch)

        def keep(self, i, runs, view, scores, picked, times):
            if fork.on_round:
                with blamed(f"on_round after {who(view)}"):
                    fork.on_round(view, scores, picked)
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
            shape = tuple(check_probs(theta.probs(small.x[L])).shape)
    except InputError:
        raise
    except Exception as e:  # in torch, far from the fork's lines
        raise InputError(f"the network {fork.network.__name__}: {type(e).__name__}: {shortened(e)}")
    if shape != (1, L.shape[1], C):
        raise InputError(f"the network {fork.network.__name__}: out(psi(x)) of {L.shape[1]} rows"
                         f" has the shape {list(shape[1:])}; logits [{L.shape[1]}, {C}] are needed")


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


def who(view, runs=None):
    """"strategy cal, round 3, seed 1": whom a sentence is about."""
    seeds = [view.seeds[r] for r in runs] if runs else view.seeds
    return (f"strategy {view.label}, round {view.round}, seed{'s' * (len(seeds) > 1)}"
            f" {', '.join(map(str, seeds))}")


def check_scores(view, score):
    """InputError unless score is [R, N] without NaN in U."""
    if not torch.is_tensor(score) or score.shape != view.U.shape:
        shape = list(score.shape) if torch.is_tensor(score) else type(score).__name__
        raise InputError(f"{who(view)}: view.pick needs a score [R, N] = {list(view.U.shape)}, but"
                         f" this is {shape}")
    wrong = score.isnan() & view.U
    if wrong.any():
        r, row = wrong.nonzero()[0].tolist()
        raise InputError(f"{who(view, [r])}: the score of row {row} is NaN (a strategy with"
                         " reads_map = False is not shown all of the data map)")


def checked(view, rows, k):
    """What a strategy returned, as lists of rows; an InputError unless it is [R, k] rows of U."""
    R, N = view.U.shape
    k = min(k, int(view.U[0].sum()))
    try:
        rows = torch.as_tensor(rows)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{who(view)}: returned {type(rows).__name__}; a tensor of row numbers"
                         f" [R, k] = [{R}, {k}] is needed")
    if rows.is_floating_point() or rows.dtype == torch.bool or tuple(rows.shape) != (R, k):
        raise InputError(f"{who(view)}: returned {str(rows.dtype)[6:]} {list(rows.shape)}; row"
                         f" numbers [R, k] = [{R}, {k}] are needed")
    for r, mine in enumerate(rows.tolist()):
        for j, row in enumerate(mine):
            wrong = (f"is not one of 0 ... {N - 1}" if not 0 <= row < N else
                     "is in L already" if not view.U[r, row] else
                     "is there twice" if row in mine[:j] else "")
            if wrong:
                raise InputError(f"{who(view, [r])}: returned row {row}, which {wrong}")
    return rows.tolist()


def numbers(name, values, R):
    """What a measure returned, as R finite numbers; an InputError for anything else."""
    try:
        values = torch.as_tensor(values, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"the measure {name} returned {type(values).__name__}; a tensor [{R}], a"
                         " number per run, is needed")
    if tuple(values.shape) != (R,):
        raise InputError(f"the measure {name} returned {list(values.shape)}; a tensor [{R}], a"
                         " number per run, is needed")
    if not values.isfinite().all():
        raise InputError(f"the measure {name} returned {values[~values.isfinite()][0].item()}")
    return values.tolist()
