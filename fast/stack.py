"""datamap.Models in a faster form: R networks side by side, forward and backward by hand.

Why a stack: in every round each run (strategy x seed) has as many labels as any other. So a weight
is [R, in, out], a mini-batch is [R, B, in], and a layer is one baddbmm for all runs. The code is
the same for one run on a CPU and for thirty on a GPU. On one CPU thread, a run gives bit for bit
the same numbers in any stack.
"""

import numpy as np
import torch

from datamap import CHUNK, DROPOUT, HIDDEN, LR
from plumbing.checks import check_labels
from plumbing.draws import Draws
from plumbing.files import InputError

# A confident classifier's gradients fall below 1e-38, where a CPU computes many times slower. With
# zeros instead, the model is the same, and DAL's selection takes less than half the time.
torch.set_flush_denormal(True)

PADDING = -1e30  # the bias of a class that does not exist
BLOCK = 64  # mini-batches whose dropout masks and rows are prepared together, for speed


class Stack:
    """R multi-layer perceptrons of one shape (datamap.MLP), with the methods of datamap.Models.

    seeds: one per run; runs of one seed have the same initial weights, from torch.nn.Linear's
    distribution U(-1/sqrt(in), 1/sqrt(in)). W[l] [R, in, out] and b[l] [R, 1, out] are views of one
    flat tensor, so one fused AdamW call updates everything (PyTorch's defaults: betas 0.9 and
    0.999, eps 1e-8, weight decay 0.01). Column c >= C of an output is 0: see __init__.
    """

    decay = 0.01  # AdamW's weight decay; Adam has none

    def __init__(self, D, C, seeds, *purpose, hidden=HIDDEN, dropout=DROPOUT, lr=LR, device="cpu"):
        R, self.C, self.dropout, self.lr, self.device = len(seeds), C, dropout, lr, device
        # The classes are padded to a multiple of 8, because with six columns MKL's product depends
        # on the memory addresses. A bias of -1e30 makes the padding's probability exactly 0. (Not
        # -inf: on CUDA, AdamW subtracts decay * b from b, and -inf - -inf is NaN.)
        sizes = (D, *hidden, -(-C // 8) * 8)
        self.widths = sizes[1:]
        self.allocate([s for i, o in zip(sizes, sizes[1:]) for s in ((R, i, o), (R, 1, o))])
        draws = Draws(seeds, "weights", *purpose, device=device)
        for W, b in zip(self.W, self.b):
            for parameter in (W, b):
                bound = W.shape[1] ** -0.5
                parameter.copy_(draws.uniform(*parameter.shape[1:]) * (2 * bound) - bound)
        self.W[-1][..., C:], self.b[-1][..., C:] = 0, PADDING

    def allocate(self, shapes):
        """Parameters, gradients and AdamW's two moments: four flat tensors, and their views."""
        ends = np.cumsum([np.prod(s) for s in shapes])
        # A multiple of 64 leaves no element to a scalar loop, which would round differently.
        size = -(-int(ends[-1]) // 64) * 64
        self.flat = torch.zeros(size, device=self.device, dtype=torch.float32)
        self.flat.grad = torch.zeros_like(self.flat)
        self.moments = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        self.steps = torch.zeros((), device=self.device, dtype=torch.float32)
        views = [
            [part[end - np.prod(s) : end].view(s) for s, end in zip(shapes, ends)]
            for part in (self.flat, self.flat.grad, *self.moments)
        ]
        self.W, self.b, self.dW, self.db = (v[i::2] for v in views[:2] for i in (0, 1))
        self.state = views[0] + views[2] + views[3]  # [R, ...] each: parameters and moments

    # ---- predictions ----------------------------------------------------------------------------

    def take(self, runs):
        """A stack of some of the runs (a slice or a list); it can score but not train."""
        other = object.__new__(type(self))
        other.C, other.dropout, other.device = self.C, self.dropout, self.device
        other.widths = self.widths
        other.W, other.b = ([t[runs] for t in ts] for ts in (self.W, self.b))
        return other

    def forward(self, x, keep=()):
        """x [R or 1, n, D] and every hidden layer h_1 ... Psi(x), each [R, n, width].

        keep: dropout masks [1 or R, n, width], one per hidden layer, or no masks.
        """
        h = [x.expand(len(self.W[0]), -1, -1)]
        for layer, (W, b) in enumerate(zip(self.W[:-1], self.b)):
            h.append(torch.baddbmm(b, h[-1], W).relu_())
            if keep:
                h[-1].mul_(keep[layer])
        return h

    def psi(self, x, keep=()):
        """Psi(x), the last hidden layer: [R or 1, n, D] -> [R, n, width]."""
        return self.forward(x, keep)[-1]

    def logits(self, psi):
        """The input of the softmax: [R, n, width] -> [R, n, padded C]."""
        return torch.baddbmm(self.b[-1], psi, self.W[-1])

    def head(self, psi):
        """p(y | x) from Psi(x): [R, n, width] -> [R, n, C padded to a multiple of 8]."""
        return torch.softmax(self.logits(psi), dim=-1)

    def probs(self, x):
        """p_theta(y | x): [R or 1, n, D] -> [R, n, C], CHUNK rows at a time."""
        pieces = [self.head(self.psi(piece)) for piece in x.float().split(CHUNK, dim=1)]
        return torch.cat(pieces, dim=1)[..., : self.C]

    def masks(self, n, draws):
        """Dropout masks for n instances, one per hidden layer; no masks if dropout is 0."""
        return [draws.dropout(n, width, self.dropout) for width in self.widths[:-1]
                ] if self.dropout else []

    def with_dropout(self, x, draws):
        """p(y | x) of one pass with dropout on: [R or 1, n, D] -> [R, n, padded C]."""
        if not self.dropout:
            raise InputError("BALD needs dropout, but this Stack has dropout 0; set it above 0")
        return self.head(self.psi(x, self.masks(x.shape[1], draws)))

    # ---- training -------------------------------------------------------------------------------

    @torch.inference_mode()
    def fit(self, x, y, epochs, minibatch, draws):
        """Train; at the end of each epoch, yield the order in which it used the instances, [R, n].

        x [R, n, D] (any float type) and y [R, n]: each run's instances and labels. Every epoch has
        a new order and new dropout masks, which all runs of a seed share.
        """
        R, n, D = x.shape
        check_labels(y, self.C)
        flat_x, offset = x.float().reshape(R * n, D), torch.arange(R, device=x.device)[:, None] * n
        labels = torch.nn.functional.one_hot(y, self.widths[-1]).float().view(R * n, -1)
        for _ in range(epochs):
            order = draws.permutation(n).expand(R, n)
            for block in order.split(BLOCK * minibatch, dim=1):
                m = block.shape[1]
                rows = (block + offset).reshape(-1)
                xs = flat_x.index_select(0, rows).view(R, m, D)
                ys = labels.index_select(0, rows).view(R, m, -1)
                parts = (t.split(minibatch, dim=1) for t in (xs, ys, *self.masks(m, draws)))
                for x_b, y_b, *keep in zip(*parts):
                    self.step(x_b, y_b, keep)
            yield order

    def error(self, psi, onehot):
        """The gradient of each run's mean cross-entropy at the logits: (p - onehot) / B."""
        return self.head(psi).sub_(onehot).div_(psi.shape[1])

    def step(self, x, onehot, keep=()):
        """One AdamW step on every run's mean cross-entropy over its mini-batch.

        x [R, B, D], onehot [R, B, padded C], keep: dropout masks, as for forward.
        """
        h = self.forward(x, keep)
        g = self.error(h[-1], onehot)
        for layer in reversed(range(len(self.W))):
            torch.bmm(h[layer].transpose(1, 2), g, out=self.dW[layer])
            torch.sum(g, dim=1, keepdim=True, out=self.db[layer])
            if layer:  # h > 0 only if the ReLU was open and dropout kept the unit
                g = torch.bmm(g, self.W[layer].transpose(1, 2))
                g.mul_(h[layer].sign())
                if keep:
                    g.mul_(keep[layer - 1])
        self.adamw()

    def adamw(self):
        """One fused AdamW update of every parameter (torch.optim.AdamW without its bookkeeping)."""
        self.steps += 1
        m, v = self.moments
        torch._fused_adamw_([self.flat], [self.flat.grad], [m], [v], [], [self.steps], lr=self.lr,
                            beta1=0.9, beta2=0.999, weight_decay=self.decay, eps=1e-8,
                            amsgrad=False, maximize=False)
