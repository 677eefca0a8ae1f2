"""The model, its training dynamics, and the data map  (Section 3, Eqs. 1-3; Sections 4.3 and 7).

In this file, from the top:
  data_map   confidence, variability, correctness: Eqs. (1)-(3)
  Stack      R multi-layer perceptrons trained side by side, forward and backward by hand
  fit        the epochs of a training
  Draws      the random numbers, shared by the runs of one seed

Symbols: E epochs, R runs, N instances, C classes, D dimensions, B a mini-batch;
  theta  the Stack's W and b           p_theta(e)(y | x)  Stack.probs after epoch e
  Psi    Stack.psi, the last hidden layer, h_3 = f(W_3 h_2 + b_3)
  mu, sigma, phi  DataMap.confidence, .variability, .correctness

Why a stack: at round t every run (strategy x seed) has as many labels as any other. So a weight
is [R, in, out] and a batch [R, B, in], a layer is one baddbmm for all runs, and the code is the
same for one run on a CPU and for thirty on a GPU. On one CPU thread a run's numbers are, bit for
bit, the ones it has alone.
"""

import zlib
from typing import NamedTuple

import numpy as np
import torch

# A confident classifier's gradients fall below 1e-38, where a CPU computes many times slower; as
# zeros they train the same model (DAL's selection in less than half the time).
torch.set_flush_denormal(True)

HIDDEN, DROPOUT, LR, EPOCHS = (300, 300, 300), 0.3, 1e-4, 30  # Sections 4.3 and 7
BLOCK = 64  # mini-batches whose dropout masks and rows are prepared at once
CHUNK = 4096  # rows scored at once; memory does not grow with the pool


# ---- training dynamics --------------------------------------------------------------------------


class DataMap(NamedTuple):
    """Training dynamics of N instances, each field [N] (or [R, N] for a stack)."""

    confidence: torch.Tensor  # mu_i, Eq. (1)
    variability: torch.Tensor  # sigma_i, Eq. (2)
    correctness: torch.Tensor  # phi_i, Eq. (3)


def data_map(probs, y):
    """Confidence, variability and correctness from the probabilities at the end of each epoch.

    probs [E, N, C], y [N] gold labels (a run axis may stand before N in both). Returns a DataMap
    of fields [N], NumPy arrays for NumPy input. ValueError for a label that is not in 0 ... C - 1.
    """
    p, gold = torch.as_tensor(probs, dtype=torch.float64), torch.as_tensor(y)
    check_labels(gold, p.shape[-1])
    p_gold = p.gather(-1, gold.expand(p.shape[:-1])[..., None])[..., 0]  # [E, N]
    # Eq. (1): mu_i = 1/E sum_e p_theta(e)(y*_i | x_i)
    mu = p_gold.mean(0)
    # Eq. (2): sigma_i = sqrt(sum_e (p_theta(e)(y*_i | x_i) - mu_i)^2 / E)
    sigma = ((p_gold - mu) ** 2).mean(0).sqrt()
    # Eq. (3): phi_i = 1/E sum_e 1(yhat_i = y*_i)
    phi = (p.argmax(-1) == gold).double().sum(0) / len(p)
    if isinstance(probs, np.ndarray):
        return DataMap(mu.numpy(), sigma.numpy(), phi.numpy())
    return DataMap(mu, sigma, phi)


def check_labels(y, C):
    """A ValueError where labels are not class numbers 0 ... C - 1."""
    low, high = (y.min().item(), y.max().item()) if y.numel() else (0, 0)
    if not 0 <= low <= high < C:
        raise ValueError(f"labels must be class numbers from 0 to {C - 1}, and these go from"
                         f" {low} to {high}")


# ---- the model ----------------------------------------------------------------------------------


class Stack:
    """R multi-layer perceptrons of one shape, side by side: ReLU layers, then C logits.

    sizes: (D, hidden widths ..., C). seeds: one a run; runs of one seed start alike, drawn as
    torch.nn.Linear draws, U(-1/sqrt(in), 1/sqrt(in)). W[l] [R, in, out] and b[l] [R, 1, out] are
    views of one flat tensor, so one fused AdamW call updates everything (PyTorch's defaults:
    betas 0.9 and 0.999, eps 1e-8, weight decay 0.01).
    """

    def __init__(self, sizes, seeds, *purpose, lr=LR, device="cpu"):
        R, self.C, self.lr, self.device = len(seeds), sizes[-1], lr, device
        # Classes come padded to a multiple of 8: with six columns MKL's product depends on how its
        # arguments lie in memory. A bias of -inf makes the padding's probability exactly 0.
        sizes = (*sizes[:-1], -(-self.C // 8) * 8)
        self.widths = sizes[1:]
        self.allocate([s for i, o in zip(sizes, sizes[1:]) for s in ((R, i, o), (R, 1, o))])
        draws = Draws(seeds, "weights", *purpose, device=device)
        for W, b in zip(self.W, self.b):
            for parameter in (W, b):
                bound = W.shape[1] ** -0.5
                parameter.copy_(draws.uniform(*parameter.shape[1:]) * (2 * bound) - bound)
        self.W[-1][..., self.C :], self.b[-1][..., self.C :] = 0, -torch.inf

    def allocate(self, shapes):
        """Parameters, gradients and AdamW's two moments: four flat tensors, and their views."""
        ends = np.cumsum([np.prod(s) for s in shapes])
        # A multiple of 64: no element is left to a scalar tail, which would round differently.
        self.flat = torch.zeros(-(-int(ends[-1]) // 64) * 64, device=self.device)
        self.flat.grad = torch.zeros_like(self.flat)
        self.moments = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        self.steps = torch.zeros((), device=self.device)
        views = [
            [part[end - np.prod(s) : end].view(s) for s, end in zip(shapes, ends)]
            for part in (self.flat, self.flat.grad, *self.moments)
        ]
        self.W, self.b, self.dW, self.db = (v[i::2] for v in views[:2] for i in (0, 1))
        self.state = views[0] + views[2] + views[3]  # [R, ...] each: parameters and moments

    def take(self, runs):
        """Some of the runs (a slice or a list), as a stack to score with; it cannot be trained."""
        other = object.__new__(type(self))
        other.C, other.device, other.widths = self.C, self.device, self.widths
        other.W, other.b = ([t[runs] for t in ts] for ts in (self.W, self.b))
        return other

    def forward(self, x, keep=()):
        """x [R or 1, n, D] and every hidden layer h_1 ... Psi(x), each [R, n, width].

        keep: dropout masks [1 or R, n, width], one a hidden layer, or none at all.
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
        """What the softmax sees: [R, n, width] -> [R, n, padded C]."""
        return torch.baddbmm(self.b[-1], psi, self.W[-1])

    def head(self, psi):
        """p(y | x) from Psi(x): [R, n, width] -> [R, n, C padded to a multiple of 8]."""
        return torch.softmax(self.logits(psi), dim=-1)

    def probs(self, x):
        """p_theta(y | x): [R or 1, n, D] -> [R, n, C], CHUNK rows at a time."""
        pieces = [self.head(self.psi(piece)) for piece in x.float().split(CHUNK, dim=1)]
        return torch.cat(pieces, dim=1)[..., : self.C]

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
            if layer:  # h is positive where the ReLU was open and dropout kept the unit, else 0
                g = torch.bmm(g, self.W[layer].transpose(1, 2))
                g.mul_(h[layer].sign())
                if keep:
                    g.mul_(keep[layer - 1])
        self.adamw()

    def adamw(self):
        """One fused AdamW update of every parameter (torch.optim.AdamW, less its bookkeeping)."""
        self.steps += 1
        m, v = self.moments
        torch._fused_adamw_([self.flat], [self.flat.grad], [m], [v], [], [self.steps], lr=self.lr,
                            beta1=0.9, beta2=0.999, weight_decay=0.01, eps=1e-8, amsgrad=False,
                            maximize=False)


@torch.inference_mode()
def fit(stack, x, y, epochs, batch, draws, dropout=DROPOUT):
    """Train a stack; yields at the end of each epoch, the order its instances came in [R, n].

    x [R, n, D] (any float type) and y [R, n]: each run's instances and labels. Every epoch has a
    new order and new dropout masks, both the same for all runs of a seed.
    """
    R, n, D = x.shape
    check_labels(y, stack.C)
    flat_x, offset = x.float().reshape(R * n, D), torch.arange(R, device=x.device)[:, None] * n
    labels = torch.nn.functional.one_hot(y, stack.widths[-1]).float().view(R * n, -1)
    for _ in range(epochs):
        order = draws.permutation(n).expand(R, n)
        for block in order.split(BLOCK * batch, dim=1):
            m = block.shape[1]
            rows = (block + offset).reshape(-1)
            xs = flat_x.index_select(0, rows).view(R, m, D)
            ys = labels.index_select(0, rows).view(R, m, -1)
            keep = [draws.dropout(m, w, dropout) for w in stack.widths[:-1]] if dropout else []
            for x_b, y_b, *masks in zip(*(t.split(batch, dim=1) for t in (xs, ys, *keep))):
                stack.step(x_b, y_b, masks)
        yield order


# ---- random numbers -----------------------------------------------------------------------------


class Draws:
    """Random numbers for a stack of runs, the same for all runs of one seed.

    Common random numbers: runs of a seed share initial weights, batch order and dropout masks,
    so what differs between two strategies is the strategy. A generator depends on (seed, purpose)
    alone: no run can notice what else is in its stack, and a resumed round replays nothing.
    Draws come as [1, ...] where the stack has one seed (they broadcast), else as [R, ...].
    """

    def __init__(self, seeds, *purpose, device="cpu"):
        distinct = sorted(set(seeds))
        self.owner = torch.tensor([distinct.index(s) for s in seeds], device=device)
        self.device = device
        tags = [p if isinstance(p, int) else zlib.crc32(p.encode()) for p in purpose]
        state = [np.random.SeedSequence([seed, *tags]).generate_state(2) for seed in distinct]
        self.generators = [
            torch.Generator(device).manual_seed(int(a) << 31 ^ int(b)) for a, b in state
        ]

    def _each(self, draw):
        if len(self.generators) == 1:
            return draw(self.generators[0])[None]
        return torch.stack([draw(g) for g in self.generators])[self.owner]

    def uniform(self, *shape):
        """[1 or R, *shape] in [0, 1)."""
        return self._each(lambda g: torch.rand(shape, generator=g, device=self.device))

    def permutation(self, n):
        """[1 or R, n]: an order of n instances."""
        return self._each(lambda g: torch.randperm(n, generator=g, device=self.device))

    def dropout(self, n, width, p=DROPOUT):
        """[1 or R, n, width]: 0 with probability p, otherwise 1 / (1 - p)."""
        def draw(g):
            words = torch.empty((n * width + 3) // 4, dtype=torch.int64, device=self.device)
            bits = words.random_(-(2**63), None, generator=g).view(torch.int16)  # 4 draws a word
            keep = torch.empty(n * width, device=self.device)
            torch.ge(bits[: n * width], round(p * 2**16) - 2**15, out=keep)
            return keep.div_(1 - p).view(n, width)

        return self._each(draw)
