"""The model, its training dynamics and the data map  (Section 3, Eqs. 1-3; Sections 4.3 and 7).

In this file, from the top:
  data_map   confidence, variability and correctness: Eqs. (1)-(3)
  MLP        the paper's network, with its last hidden layer Psi
  Models     R networks of one shape, one per run: trained and measured in explicit loops

The paper's symbols, and their names here:
  theta               Models: the networks' parameters
  Psi(x)              .psi(x), the last hidden layer, h_3 = f(W_3 h_2 + b_3)
  p_theta(e)(y | x)   .probs(x) at the end of epoch e
  mu, sigma, phi      DataMap.confidence, .variability, .correctness
Shapes: E epochs, R runs, N instances, C classes, D dimensions.

`Models` is what you would write yourself. fast/stack.py has the same methods in a quicker form,
which the command line uses by default; a test checks that the two agree.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from plumbing.checks import check_labels, check_network, dropouts_of
from plumbing.draws import Draws, seeded

HIDDEN, DROPOUT, LR, EPOCHS = (300, 300, 300), 0.3, 1e-4, 30  # Sections 4.3 and 7
CHUNK = 4096  # rows that are scored at once; memory does not grow with the pool

# ---- training dynamics --------------------------------------------------------------------------


class DataMap(NamedTuple):
    """Training dynamics of N instances, each field [N] (or [R, N] for R runs)."""

    confidence: torch.Tensor  # mu_i, Eq. (1)
    variability: torch.Tensor  # sigma_i, Eq. (2)
    correctness: torch.Tensor  # phi_i, Eq. (3)


def data_map(probs, y):
    """Confidence, variability and correctness from the probabilities at the end of each epoch.

    probs [E, N, C], y [N] gold labels; both may have a run axis before N. Returns a DataMap of
    fields [N] in float64, NumPy arrays for NumPy input. Raises ValueError for a label that is not
    one of 0 ... C - 1.
    """
    p, gold = torch.as_tensor(probs), torch.as_tensor(y)
    check_labels(gold, p.shape[-1])
    # p_theta(e)(y*_i | x_i), the column of the gold label: [E, N]
    p_gold = p.take_along_dim(gold[None, ..., None], dim=-1)[..., 0].double()
    # Eq. (1): mu_i = 1/E sum_e p_theta(e)(y*_i | x_i)
    mu = p_gold.mean(0)
    # Eq. (2): sigma_i = sqrt(sum_e (p_theta(e)(y*_i | x_i) - mu_i)^2 / E)
    sigma = ((p_gold - mu) ** 2).mean(0).sqrt()
    # Eq. (3): phi_i = 1/E sum_e 1(yhat_i = y*_i); a sum divided by E, since a mean multiplies by
    # 1/E and may end a last digit above t_cor
    phi = (p.argmax(-1) == gold).double().sum(0) / len(p)
    found = DataMap(mu, sigma, phi)
    return DataMap(*(f.numpy() for f in found)) if isinstance(probs, np.ndarray) else found


# ---- the network --------------------------------------------------------------------------------


class MLP(nn.Module):
    """Section 4.3: ReLU layers of 300, each with dropout behind it, then one logit per class."""

    def __init__(self, D, C, hidden=HIDDEN, dropout=DROPOUT):
        super().__init__()
        widths = [D, *hidden]
        self.layers = nn.ModuleList(nn.Linear(i, o, dtype=torch.float32)
                                    for i, o in zip(widths, hidden))
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(widths[-1], C, dtype=torch.float32)

    def psi(self, x):
        """Psi(x) = h_3 = f(W_3 h_2 + b_3): [n, D] -> [n, width]."""
        for layer in self.layers:
            x = self.dropout(torch.relu(layer(x)))
        return x

    def forward(self, x):
        """Logits: [n, D] -> [n, C]."""
        return self.out(self.psi(x))


# ---- theta --------------------------------------------------------------------------------------


class Models:
    """theta: R networks, one per run.

    seeds: one per run; runs of one seed start alike. purpose: what else fixes the initial weights,
    such as the round. shape: keyword arguments for the network. A subclass may name another
    `network`: an nn.Module class, made by network(D, C), that has psi(x) [n, ...] -> [n, width]
    and out(Psi) -> logits [n, C]. Raises InputError if it lacks either.
    """

    network = MLP

    def __init__(self, D, C, seeds, *purpose, lr=LR, device="cpu", **shape):
        self.C, self.networks = C, []
        for number in Draws(seeds, "weights", *purpose).numbers():
            with seeded(number, device):
                network = check_network(type(self).network(D, C, **shape))
            self.networks.append(network.to(device, torch.float32))
        self.optimizers = [torch.optim.AdamW(network.parameters(), lr=lr, betas=(0.9, 0.999),
                                             eps=1e-8) for network in self.networks]

    def fit(self, x, y, epochs, minibatch, draws):
        """Train with cross-entropy and AdamW; yields at the end of each epoch.

        x [R, n, D] and y [R, n]: each run's instances and their labels. draws: random numbers for
        the order of the mini-batches, which is new in every epoch, and for the networks' dropout.
        What is yielded is that order, [R, n].
        """
        check_labels(y, self.C)
        for _epoch in range(epochs):
            order = draws.permutation(x.shape[1]).expand(x.shape[:2])
            for r, number in enumerate(draws.numbers()):
                network, optimizer = self.networks[r].train(), self.optimizers[r]
                with seeded(number, x.device):
                    for rows in order[r].split(minibatch):
                        logits = network.out(network.psi(x[r, rows]))
                        loss = nn.functional.cross_entropy(logits, y[r, rows])
                        optimizer.zero_grad()
                        loss.backward()
                        optimizer.step()
            yield order

    @torch.no_grad()
    def psi(self, x):
        """Psi(x), dropout off: [R or 1, n, D] -> [R, n, width]."""
        x = x.expand(len(self.networks), *x.shape[1:])
        return torch.stack([network.eval().psi(x[r]) for r, network in enumerate(self.networks)])

    @torch.no_grad()
    def head(self, psi):
        """p_theta(y | x) from Psi(x), dropout off: [R, n, width] -> [R, n, C]."""
        return torch.stack([network.eval().out(psi[r]).softmax(-1)
                            for r, network in enumerate(self.networks)])

    def probs(self, x):
        """p_theta(y | x), dropout off: [R or 1, n, D] -> [R, n, C], CHUNK rows at a time."""
        return torch.cat([self.head(self.psi(piece)) for piece in x.split(CHUNK, dim=1)], dim=1)

    @torch.no_grad()
    def with_dropout(self, x, draws):
        """p_theta(y | x) of one pass with dropout on: [R or 1, n, D] -> [R, n, C].

        Raises InputError if a network has no dropout: BALD would be Max-Entropy then.
        """
        x, found = x.expand(len(self.networks), *x.shape[1:]), []
        for r, number in enumerate(draws.numbers()):
            network = self.networks[r].eval()
            for dropout in dropouts_of(network):
                dropout.train()
            with seeded(number, x.device):
                found.append(network.out(network.psi(x[r])).softmax(-1))
        return torch.stack(found)

    def take(self, runs):
        """Some of the runs (a slice or a list of numbers), to score with."""
        other = object.__new__(type(self))
        other.C, numbers = self.C, range(len(self.networks))
        numbers = numbers[runs] if isinstance(runs, slice) else runs
        other.networks = [self.networks[r] for r in numbers]
        return other
