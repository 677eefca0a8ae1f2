"""The model, its training dynamics, and the data map  (Section 3, Eqs. 1-3; Sections 4.3 and 7).

In this file, from the top:
  Draws      the random numbers, shared by the runs of one seed
  Stack      R multi-layer perceptrons trained side by side, forward and backward by hand
  fit        the epochs of a training
  data_map   confidence, variability, correctness
  draw_maps  the picture (Figs. 1, 2, 5, 6)
  bench      the training step against its floor (`python cal.py --bench`)

Symbols: E epochs, R runs, N instances, C classes, D = 300 dimensions, B a mini-batch;
  theta  the Stack's W and b           p_theta(e)(y | x)  Stack.probs after epoch e
  Psi    Stack.psi, the last hidden layer, h_3 = f(W_3 h_2 + b_3)
  mu, sigma, phi  DataMap.confidence, .variability, .correctness

Why a stack: at round t every run (strategy x seed) has as many labels as any other. So a weight
is [R, in, out] and a batch [R, B, in], a layer is one baddbmm for all runs, and the code is the
same for one run on a CPU and for thirty on a GPU. On one CPU thread a run's numbers are, bit for
bit, the ones it has alone.
"""

import time
import zlib
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
import torch
from torch.optim.adamw import adamw

from data import whole_file

HIDDEN, DROPOUT, LR, EPOCHS = (300, 300, 300), 0.3, 1e-4, 30  # Sections 4.3 and 7
MAP_EPOCHS = 10  # Figs. 1, 2, 5 and 6
BLOCK = 64  # mini-batches whose dropout masks and rows are prepared at once
CHUNK = 4096  # rows scored at once; memory does not grow with the pool


# ---- protocol -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Protocol:
    """What the paper's text says (the defaults), and where the authors' code parts from it.

    The comments say what the released code does, under the row number of the README's table.
    Read the project with the defaults in mind; `--protocol code` turns every switch.
    """

    reset: bool = True  # 1: theta and its AdamW state go on from round to round
    quiet: bool = True  # 2, 10: dropout stays on for the dynamics, the pool and the test set
    pad: bool = False  # 3: texts are padded to max_len with the training file's first word
    deep: bool = True  # 4: two hidden layers instead of three
    stratify: bool = True  # 5: one fixed seed set, not stratified, for all seeds
    shuffle: bool = True  # 6: mini-batches in the order of labelling
    settled: bool = True  # 7: dynamics are read off the training passes, mid-epoch, dropout on
    exact: bool = True  # 8: correctness is rounded to the nearest fifth before t_cor is applied
    trained_psi: bool = True  # 9: Psi(L) of the first epoch's training passes
    binary_hidden: bool = True  # 11: theta' is one linear layer and a ReLU on its two outputs
    plain_scores: bool = True  # 13, 14: DAL learns from every epoch's Psi(L); BALD averages logs
    respell: bool = True  # 16: a word that the vector file lacks as it is written is zeros


PAPER = Protocol()
CODE = Protocol(**{f.name: not f.default for f in fields(Protocol)})


def protocol_of(name):
    """paper, code, or one of them with switches turned: paper+pad, code-reset ... (ValueError)."""
    base, *switches = name.replace("-", "+").split("+")
    if base not in ("paper", "code") or set(switches) - {f.name for f in fields(Protocol)}:
        raise ValueError(name)
    start = PAPER if base == "paper" else CODE
    return replace(start, **{switch: not getattr(start, switch) for switch in switches})


# ---- random numbers -----------------------------------------------------------------------------


class Draws:
    """Random numbers for a stack of runs, the same for all runs of one seed.

    Common random numbers: runs of a seed share initial weights, batch order and dropout masks,
    so what differs between two strategies is the strategy. A generator depends on (seed, purpose)
    alone: no run can notice what else is in its stack, and a resumed round replays nothing.
    Draws come as [1, ...] where the stack has one seed (they broadcast), else as [R, ...].
    A seed is a number, or a tuple of them.
    """

    def __init__(self, seeds, *purpose, device="cpu"):
        distinct = sorted(set(seeds))
        self.owner = torch.tensor([distinct.index(s) for s in seeds], device=device)
        self.device = device
        tags = [p if isinstance(p, int) else zlib.crc32(p.encode()) for p in purpose]
        keys = [[*np.atleast_1d(seed), *tags] for seed in distinct]
        state = [np.random.SeedSequence(key).generate_state(2) for key in keys]
        self.generators = [
            torch.Generator(device).manual_seed(int(a) << 31 ^ int(b)) for a, b in state
        ]

    def take(self, runs):
        """The draws of some runs, each of which has a seed of its own; they go on from here."""
        other = object.__new__(Draws)
        other.device = self.device
        other.generators = [self.generators[self.owner[run]] for run in runs]
        other.owner = torch.arange(len(runs), device=self.device)
        return other

    def _each(self, draw):
        drawn = torch.stack([draw(g) for g in self.generators])
        return drawn if len(drawn) == 1 else drawn[self.owner]

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
            keep = bits[: n * width] >= round(p * 2**16) - 2**15
            return keep.view(n, width).float().div_(1 - p)

        return self._each(draw)


# ---- the model ----------------------------------------------------------------------------------


class Stack:
    """R multi-layer perceptrons of one shape, side by side: ReLU layers, then C logits.

    sizes: (D, hidden widths ..., C). seeds: one a run; runs of one seed start alike, drawn as
    torch.nn.Linear draws, U(-1/sqrt(in), 1/sqrt(in)). W[l] [R, in, out] and b[l] [R, 1, out] are
    views of one flat tensor, so one fused AdamW call updates everything (PyTorch's defaults:
    betas 0.9 and 0.999, eps 1e-8, weight decay 0.01).
    """

    def __init__(self, sizes, seeds, *purpose, lr=LR, device="cpu"):
        R, self.C, self.device = len(seeds), sizes[-1], device
        self.relu_logits, self.noise = False, None  # the released code's; see Protocol
        # Classes come padded to a multiple of 8: with six columns MKL's product depends on how its
        # arguments lie in memory. A bias of -inf makes the padding's probability exactly 0.
        sizes = (*sizes[:-1], -(-self.C // 8) * 8)
        self.widths = sizes[1:]
        shapes = [s for i, o in zip(sizes, sizes[1:]) for s in ((R, i, o), (R, 1, o))]
        ends = np.cumsum([np.prod(s) for s in shapes])
        # A multiple of 64: no element is left to a scalar tail, which would round differently.
        self.flat = torch.zeros(-(-int(ends[-1]) // 64) * 64, device=device)
        self.flat.grad = torch.zeros_like(self.flat)
        self.moments = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        self.lr, self.steps = lr, torch.zeros((), device=device)
        views = [
            [part[end - np.prod(s) : end].view(s) for s, end in zip(shapes, ends)]
            for part in (self.flat, self.flat.grad, *self.moments)
        ]
        self.W, self.b, self.dW, self.db = (v[i::2] for v in views[:2] for i in (0, 1))
        self.state = views[0] + views[2] + views[3]  # [R, ...] each: parameters and AdamW's moments
        draws = Draws(seeds, "weights", *purpose, device=device)
        for W, b in zip(self.W, self.b):
            for parameter in (W, b):
                bound = W.shape[1] ** -0.5
                parameter.copy_(draws.uniform(*parameter.shape[1:]) * (2 * bound) - bound)
        self.W[-1][..., self.C :], self.b[-1][..., self.C :] = 0, -torch.inf

    def take(self, runs):
        """The runs of a list alone, as a stack to score with (a copy that cannot be trained)."""
        other = object.__new__(Stack)
        other.C, other.device, other.widths = self.C, self.device, self.widths
        other.relu_logits, other.noise = self.relu_logits, self.noise and self.noise.take(runs)
        other.W, other.b = ([t[runs] for t in ts] for ts in (self.W, self.b))
        return other

    def psi(self, x, keep=None):
        """Psi(x): [R or 1, n, D] -> [R, n, last hidden width]; keep: dropout masks, one a layer."""
        if self.noise and not keep:
            keep = [self.noise.dropout(x.shape[1], width) for width in self.widths[:-1]]
        h = x.expand(len(self.W[0]), -1, -1)
        for layer, (W, b) in enumerate(zip(self.W[:-1], self.b)):
            h = torch.baddbmm(b, h, W).relu_()
            if keep:
                h.mul_(keep[layer])
        return h

    def head(self, psi):
        """p(y | x) from Psi(x): [R, n, width] -> [R, n, C padded to a multiple of 8]."""
        return torch.softmax(self.logits(psi), dim=-1)

    def logits(self, psi):
        """What the softmax sees: [R, n, width] -> [R, n, padded C]."""
        z = torch.baddbmm(self.b[-1], psi, self.W[-1])
        if self.relu_logits:
            z[..., : self.C].relu_()
        return z

    def probs(self, x):
        """p_theta(y | x): [R or 1, n, D] -> [R, n, C], CHUNK rows at a time."""
        pieces = [self.head(self.psi(piece)) for piece in x.split(CHUNK, dim=1)]
        return torch.cat(pieces, dim=1)[..., : self.C]

    def step(self, x, onehot, keep):
        """One AdamW step on every run's mean cross-entropy over its mini-batch.

        x [R, B, D], onehot [R, B, padded C], keep: dropout masks [1 or R, B, width], one a hidden
        layer, or none at all. Returns what the pass saw: p [R, B, padded C] and Psi [R, B, width].
        """
        h = [x]
        for layer, (W, b) in enumerate(zip(self.W[:-1], self.b)):
            h.append(torch.baddbmm(b, h[-1], W).relu_())
            if keep:
                h[-1].mul_(keep[layer])
        z = self.logits(h[-1])
        p = torch.softmax(z, dim=-1)
        # Backward: the gradient at the logits of softmax and cross-entropy is (p - onehot) / B.
        g = p.sub(onehot).div_(x.shape[1])
        if self.relu_logits:
            g.mul_(z > 0)
        for layer in reversed(range(len(self.W))):
            torch.bmm(h[layer].transpose(1, 2), g, out=self.dW[layer])
            torch.sum(g, dim=1, keepdim=True, out=self.db[layer])
            if layer:  # h is positive where the ReLU was open and dropout kept the unit, else 0
                g = torch.bmm(g, self.W[layer].transpose(1, 2))
                g.mul_(h[layer].sign())
                if keep:
                    g.mul_(keep[layer - 1])
        self.adamw()
        return p, h[-1]

    def adamw(self):
        """One fused AdamW update of every parameter (torch.optim.AdamW, less its bookkeeping)."""
        m, v = self.moments
        adamw([self.flat], [self.flat.grad], [m], [v], [], [self.steps], fused=True, amsgrad=False,
              maximize=False, beta1=0.9, beta2=0.999, lr=self.lr, weight_decay=0.01, eps=1e-8)


def fit(stack, x, y, epochs, batch, draws, dropout=DROPOUT, shuffle=True, watch=False):
    """Train a stack; yields once at the end of each epoch.

    x [R, n, D] and y [R, n]: each run's instances and labels. Every epoch has a new order (unless
    shuffle is off) and new dropout masks, both the same for all runs of a seed. With watch on, it
    yields what the epoch's training passes saw of each instance: p [R, n, C] and Psi [R, n, width].
    """
    R, n, D = x.shape
    flat_x, offset = x.reshape(R * n, D), torch.arange(R, device=x.device)[:, None] * n
    labels = torch.nn.functional.one_hot(y, stack.widths[-1]).float().view(R * n, -1)
    for _ in range(epochs):
        order = draws.permutation(n) if shuffle else torch.arange(n, device=x.device)[None]
        seen, order = [], order.expand(R, n)
        for block in order.split(BLOCK * batch, dim=1):
            m = block.shape[1]
            rows = (block + offset).reshape(-1)
            xs = flat_x.index_select(0, rows).view(R, m, D)
            ys = labels.index_select(0, rows).view(R, m, -1)
            keep = [draws.dropout(m, w, dropout) for w in stack.widths[:-1]] if dropout else []
            for i in range(0, m, batch):
                now = slice(i, i + batch)
                saw = stack.step(xs[:, now], ys[:, now], [mask[:, now] for mask in keep])
                seen += [saw] if watch else []
        yield [in_order(order, parts) for parts in zip(*seen)]


def in_order(order, pieces):
    """Pieces [R, B, ...] that came in an order [R, n], as one tensor [R, n, ...] by instance."""
    whole = torch.cat(pieces, dim=1)
    return torch.empty_like(whole).scatter_(1, order[..., None].expand_as(whole), whole)


# ---- training dynamics --------------------------------------------------------------------------


class DataMap(NamedTuple):
    """Training dynamics of N instances, each field [N] (or [R, N] for a stack)."""

    confidence: torch.Tensor  # mu_i, Eq. (1)
    variability: torch.Tensor  # sigma_i, Eq. (2)
    correctness: torch.Tensor  # phi_i, Eq. (3)


def data_map(probs, y):
    """Confidence, variability and correctness from the probabilities at the end of each epoch.

    probs [E, N, C], y [N] gold labels (a run axis may stand before N in both). Returns a DataMap
    of fields [N], NumPy arrays for NumPy input.
    """
    p, gold = torch.as_tensor(probs, dtype=torch.float64), torch.as_tensor(y)
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


# ---- pictures -----------------------------------------------------------------------------------

CORRECTNESS_MARKERS = "ovs^D*"  # with a colour each, for correctness 0, 0.2 ... 1
BINS = {"confidence": np.linspace(0, 1, 41), "variability": np.linspace(0, 0.5, 41),
        "correctness": np.linspace(-0.05, 1.05, 12)}  # each tenth, the middle of its bin
MOST_POINTS = 10_000  # drawn of a map; more would only be ink
REGIONS = {"easy-to-learn": (0.04, 0.96), "ambiguous": (0.86, 0.5), "hard-to-learn": (0.04, 0.04)}


def draw_maps(path, maps):
    """Data maps side by side, each with the densities of its statistics (Figs. 1, 2, 5 and 6).

    maps: {title: {"confidence": [N], "variability": [N], "correctness": [N]}}. Colour and marker
    tell the correctness. Returns a sentence for the caption where points were left out.
    """
    figure = new_figure(8 * len(maps), 6)
    grid = figure.add_gridspec(3, 3 * len(maps))
    for column, (title, m) in enumerate(maps.items()):
        ax = figure.add_subplot(grid[:, 3 * column : 3 * column + 2])
        draw_map(ax, m, title)
        for row, (name, bins) in enumerate(BINS.items()):
            side = figure.add_subplot(grid[row, 3 * column + 2])
            side.hist(m[name], bins=bins, color=("#6A3D9A", "#1B9E77", "#555555")[row])
            side.set(xlabel=name, ylabel="texts")
    save_figure(figure, path)
    most = max(len(m["confidence"]) for m in maps.values())
    return f" A map shows {MOST_POINTS:,} of {most:,} texts, sampled." if most > MOST_POINTS else ""


def draw_map(ax, m, title):
    """One data map: variability on x, confidence on y."""
    N = len(m["confidence"])
    shown = np.arange(N)
    if N > MOST_POINTS:
        shown = np.sort(np.random.default_rng(0).choice(N, MOST_POINTS, replace=False))
    fifth = np.round(m["correctness"][shown] * 5).astype(int)
    colors = colormap("cividis")(np.linspace(0, 0.85, 6))
    for k in range(6):
        rows = shown[fifth == k]
        ax.scatter(m["variability"][rows], m["confidence"][rows], s=18, alpha=0.6, linewidths=0,
                   color=colors[k], marker=CORRECTNESS_MARKERS[k], label=f"{k / 5:.1f}")
    decorate(ax, title, "correctness (nearest fifth)")


def draw_kinds(path, m, kind):
    """The map of the demo corpus, coloured by what was planted. m: fields [N], kind [N]."""
    figure = new_figure(15, 5)
    for i, name in enumerate(("easy", "ambiguous", "mislabelled")):
        ax, rows = figure.add_subplot(1, 3, i + 1), kind == name
        ax.scatter(m["variability"][~rows], m["confidence"][~rows], s=8, color="#DDDDDD",
                   linewidths=0, label="other")
        ax.scatter(m["variability"][rows], m["confidence"][rows], s=12, linewidths=0, alpha=0.7,
                   color=("#0072B2", "#E69F00", "#D55E00")[i], marker="os^"[i], label=name)
        decorate(ax, f"{name}: {rows.sum():,} texts", "planted kind")
    save_figure(figure, path)


def decorate(ax, title, legend):
    """Axes, limits, the regions' names in place."""
    ax.set(xlabel="variability", ylabel="confidence", title=title, xlim=(-0.01, 0.52),
           ylim=(-0.02, 1.02))
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "#888888"}
    for name, (x, y) in REGIONS.items():
        ax.text(x, y, name, transform=ax.transAxes, ha="left" if x < 0.5 else "center",
                va="center", weight="bold", bbox=box)
    ax.legend(title=legend, loc="upper right", fontsize=8, title_fontsize=8, markerscale=1.6)


def new_figure(width, height):
    """A matplotlib figure that needs no screen."""
    from matplotlib.figure import Figure  # here, so that training does not wait for matplotlib

    return Figure(figsize=(width, height), dpi=110, layout="constrained")


def colormap(name):
    from matplotlib import colormaps

    return colormaps[name]


def save_figure(figure, path):
    """Write a PNG whole or not at all, the same bytes each time."""
    with whole_file(path) as part:
        figure.savefig(part, format="png", metadata={"Software": None})


# ---- benchmark ----------------------------------------------------------------------------------


def bench(R=6, batch=16, device="cpu", steps=64, repeats=9):
    """Seconds of a training step, and of its floor: its bare matrix products and fused AdamW.

    Returns {"step", "floor"}, medians of `repeats` turns in which both are timed one after the
    other, so that other load on the machine meets both alike.
    """
    stack = Stack((300, *HIDDEN, 6), range(R), device=device)
    x = torch.randn(R, steps * batch, 300, device=device)
    y = torch.randint(6, (R, steps * batch), device=device)
    h, g = x[:, :batch].contiguous(), torch.randn(R, batch, 8, device=device)

    def floor():
        for _ in range(steps):
            a = h
            for W, b in zip(stack.W, stack.b):
                a = torch.baddbmm(b, a, W)
            d = g
            for layer in (3, 2, 1, 0):
                torch.bmm(h.transpose(1, 2), d, out=stack.dW[layer])
                d = torch.bmm(d, stack.W[layer].transpose(1, 2)) if layer else d
            stack.adamw()

    def step():
        list(fit(stack, x, y, 1, batch, Draws([0] * R, "bench", device=device)))

    times = {"step": [], "floor": []}
    for _ in range(repeats):
        for name, work in (("step", step), ("floor", floor)):
            start = time.perf_counter()
            work()
            if device != "cpu":
                torch.cuda.synchronize()
            times[name].append((time.perf_counter() - start) / steps)
    return {name: float(np.median(values)) for name, values in times.items()}
