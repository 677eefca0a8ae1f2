"""A fork: ideas of your own beside everything that is here (docs/fork.md).

    python cal.py --fork mine.py --quick                                one seed, ten rounds
    python cal.py --fork mine.py --strategies random lc mine --jobs 2

It runs as it stands. Change `mine`; take out what you do not need.
"""

import torch
from torch import nn


def mine(view, k):
    """Pick k rows for each of R runs: rows [R, k], best first.

    view.pick(score, k) takes the highest scores [R, N] of the pool. view.probs() [R, N, C] is what
    the model says of every text, view.map the data map of the labelled ones, view.memory a dict for
    each run that is kept from round to round. See class View in strategies.py.
    """
    p = view.probs().topk(2, dim=-1).values  # the two likeliest classes
    return view.pick(p[..., 1] - p[..., 0], k)


mine.reads_map = False  # it does not read view.map, so it is not run once for each --t-cor

STRATEGIES = {"mine": mine}


def brier(p, y):
    """The Brier score, a measure for run files and tables: p [R, n, C], y [n] -> [R]."""
    return ((p - nn.functional.one_hot(y, p.shape[-1])) ** 2).sum(-1).mean(-1)


MEASURES = {"brier": brier}


class Net(nn.Module):
    """A network of your own. It is used if you change None below to Net."""

    lr = 1e-3  # of AdamW; the paper's network has 1e-4

    def __init__(self, D, C):
        super().__init__()
        self.hidden, self.dropout = nn.Linear(D, 100), nn.Dropout(0.3)
        self.out = nn.Linear(100, C)  # out(psi) -> logits

    def psi(self, x):
        return self.dropout(torch.relu(self.hidden(x)))  # [n, D] -> [n, width]


MODEL = None
