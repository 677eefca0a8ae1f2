"""The released code's differences in the model; protocols.py puts them over the core."""

import torch

from fast import Stack
from plumbing.draws import Draws


class Noisy(Stack):
    """A stack whose dropout is always on. noise: a list with one Draws per run."""

    def take(self, runs):
        other = super().take(runs)
        other.noise = [self.noise[i] for i in range(len(self.noise))[runs]]
        return other

    def forward(self, x, keep=()):
        masks = keep or [torch.cat([draws.dropout(x.shape[1], width, self.dropout)
                                    for draws in self.noise])
                         for width in self.widths[:-1]]
        return super().forward(x, masks)


class InOrder(Draws):
    """Draws that leave the mini-batches in the order of labelling."""

    def permutation(self, n):
        return torch.arange(n, device=self.device)[None]


class Recorded(Stack):
    """A stack that can record p and Psi of each instance during its training passes.

    epochs: p [R, n, padded C] and Psi [R, n, width] per settled epoch, in the order of instances.
    """

    passes, mine = None, None  # mine: the runs that this stack took from another

    def record(self):
        self.passes, self.epochs = [], []

    def take(self, runs):
        other = super().take(runs)
        mine = torch.arange(len(self.W[0])) if self.mine is None else self.mine
        other.epochs, other.mine = self.epochs, mine[runs]
        return other

    def error(self, psi, onehot):
        if self.passes is not None:
            self.passes.append((self.head(psi), psi))
        return super().error(psi, onehot)

    def settle(self, order):
        """At the end of an epoch with this order [R, n], sort what it recorded by instance."""
        if self.passes:
            self.epochs.append([in_order(order, parts) for parts in zip(*self.passes)])
            self.passes = []
        return self.epochs[-1]


def in_order(order, pieces):
    """Pieces [R, B, ...] in an order [R, n] -> one tensor [R, n, ...] in the order of instances."""
    whole = torch.cat(pieces, dim=1)
    return torch.empty_like(whole).scatter_(1, order[..., None].expand_as(whole), whole)


class ReluLogits(Stack):
    """A stack with a ReLU on its outputs before the softmax."""

    def logits(self, psi):
        z = super().logits(psi)
        z[..., : self.C].relu_()
        return z

    def error(self, psi, onehot):
        return super().error(psi, onehot).mul_(self.logits(psi) > 0)
