"""The models that pick the next batch: one per seed, trained side by side; they pick together."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch

import datamap
from fast import Stack, View
from forks.returned import check_scores
from plumbing.draws import Draws
from plumbing.files import InputError, counted

STEPS = 960  # as in the paper's first round (500 labels, 30 epochs)


def epochs_for(n, minibatch):
    """At least 30 epochs, and enough for n labels to give at least 960 steps."""
    return max(datamap.EPOCHS, -(-STEPS // -(-n // minibatch)))


class Labels(int):
    """How many labels there are, which stands for the round; a sentence that names it says so."""

    def __format__(self, spec):
        return f"with {counted(int(self), 'label')}"


@dataclass(frozen=True)
class Committee(View):
    """A round in which the models of all seeds pick together, by the mean of their scores.

    seen: a cache of probs. strategy: the name of the one whose scores are checked, if any.
    """

    seen: dict = field(default_factory=dict)
    strategy: str = ""

    def __getattr__(self, name):
        if name in ("memory", "dynamics", "label"):
            raise InputError(f"the strategy asks for view.{name}, which there is in experiments"
                             " alone; name another strategy for the next batch")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def probs(self):
        """P_theta(y | x) of every row [R, N, C], computed once for the strategy and predictions."""
        if "probs" not in self.seen:
            self.seen["probs"] = super().probs().clone()  # without the padding's classes
        return self.seen["probs"]

    def pick(self, score, k):
        """The k best rows by the mean score, the same for every model -> [R, k]."""
        if self.strategy:
            check_scores(self, score)
        mean = score.mean(dim=0, keepdim=True)
        rows = View.pick(replace(self, U=self.U[:1]), mean, k)
        return rows.expand(len(score), -1)

    def by_jury(self, choose):
        """choose(all models) -> rows [k], the same for every model: [R, k]."""
        rows = choose(list(range(len(self.L))))
        return torch.tensor(rows, device=self.x.device).expand(len(self.L), -1)


@dataclass
class Watched:
    """How the models took the labelled texts, epoch by epoch.

    map: the mean data map over models, arrays [n]. gold [E, n]: the mean probability of the given
    class; said [E, n]: the class with the highest mean probability.
    """

    map: datamap.DataMap
    gold: np.ndarray
    said: np.ndarray

    def of(self, some):
        """The same of some of the texts: some [n] bool."""
        return Watched(datamap.DataMap(*(values[some] for values in self.map)),
                       self.gold[:, some], self.said[:, some])


def train(request, labelled, free):
    """Train a model per seed on the labelled rows: (Committee, Watched).

    free [N]: True for the rows that may be picked. Of an epoch's p [R, n, C] only what a data map
    needs is kept: of many classes and texts p would take tens of gigabytes.
    """
    data, seeds, device, n = request.data, request.seeds, request.device, len(labelled)
    x, y = (torch.as_tensor(a, device=device) for a in (data.x, data.y))
    L = torch.as_tensor(labelled, device=device).expand(len(seeds), -1)
    theta = Stack(x.shape[1], len(data.classes), seeds, n, device=device)
    draws, x_L, y_L = Draws(seeds, n, device=device), x[L], y[L]
    epochs = request.epochs or epochs_for(n, request.minibatch)
    pairs, said = [], []
    for _epoch in theta.fit(x_L, y_L, epochs, request.minibatch, draws):
        p = theta.probs(x_L)
        pairs.append(against_the_rest(p, y_L))
        said.append(p.mean(0).argmax(-1))
    pairs = torch.stack(pairs)  # [E, R, n, 2]
    mean = datamap.DataMap(*(values.mean(0) for values in
                             datamap.data_map(pairs, torch.zeros_like(y_L))))
    view = Committee(
        theta=theta, x=x, L=L, U=torch.as_tensor(free, device=device).expand(len(seeds), -1),
        map=datamap.DataMap(*(values.expand(len(seeds), -1) for values in mean)), seeds=seeds,
        round=Labels(n), minibatch=request.minibatch, t_cor=request.t_cor, epochs=epochs)
    return view, Watched(datamap.DataMap(*(values.cpu().numpy() for values in mean)),
                         pairs[..., 0].mean(1).cpu().numpy(), torch.stack(said).cpu().numpy())


def against_the_rest(p, y):
    """The given class's probability and the best other's: p [R, n, C], y [R, n] -> [R, n, 2].

    All that Eqs. (1) to (3) ask of p: class 0 of the two wins where y does.
    """
    gold = p.gather(-1, y[..., None])
    other = p.scatter(-1, y[..., None], -1).amax(-1, keepdim=True)
    return torch.cat([gold, other], dim=-1)
