"""--bench: how long the parts take on this machine.

    python cal.py --bench                   the parts of a TREC-sized round
    python cal.py --bench --pool 100000     every strategy on a large pool
"""

import multiprocessing
import sys
from dataclasses import replace

import numpy as np
import torch

import baselines  # noqa: F401  a spawned process needs today's strategies, too
import cal
import stats
from data import Data
from datamap import DROPOUT, HIDDEN, DataMap
from fast import SideBySide, Stack, View, at_once
from fast.memory import one_thread
from plumbing.clock import stopwatch
from plumbing.draws import Draws
from plumbing.files import InputError, counted
from strategies import STRATEGIES


def run(device, pool=None):
    """Print each line as soon as it is measured."""
    one_thread()
    for line in selection_at_scale(pool, device) if pool else lines(device):
        print("{:54} {:>9}  {}".format(*line).rstrip(), flush=True)
    return 0


# ---- a large pool -------------------------------------------------------------------------------


def selection_at_scale(N, device, D=300, C=6, labelled=1250, k=50):
    """Every strategy's seconds and peak memory on N made-up texts, each in a separate process."""
    spawn = multiprocessing.get_context("spawn")
    for name in STRATEGIES:
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=select, args=(name, N, D, C, labelled, k, device, theirs))
        process.start()
        theirs.close()  # so that we are told if the process ends without an answer
        try:
            seconds, before, peak = ours.recv()
        except EOFError:
            raise InputError(f"the process that times {name} ended without an answer; is there"
                             f" enough memory for {N:,} texts?")
        process.join()
        per_row = f"{seconds / N * 1e6:.1f} µs per row, peak memory {peak:.2f} GB"
        yield f"{name}, {N:,} x {D}", f"{seconds:.2f} s", f"{per_row} ({before:.2f} GB before)"


def select(name, N, D, C, labelled, k, device, pipe):
    """Send the seconds of one selection, the memory in GB before it, and the peak memory."""
    one_thread()
    view = made_up_view(N, D, C, labelled, device)
    before = gigabytes()
    seconds, picked = timed(device, lambda: STRATEGIES[name](view, k))
    assert len(set(picked[0].tolist())) == k
    pipe.send((seconds, before, gigabytes()))


def made_up_view(N, D, C, labelled, device):
    """A view of N texts of C classes around 3 C centres, with a model trained on some of them.

    A fifth of the labels is drawn at random, so that some texts are hard.
    """
    g = torch.Generator().manual_seed(0)
    kind = torch.randint(3 * C, (N,), generator=g)
    x = (torch.randn(3 * C, D, generator=g)[kind] + torch.randn(N, D, generator=g)).to(device)
    rows = torch.randperm(N, generator=g)[:labelled].to(device)[None]
    y = torch.where(torch.rand(N, generator=g) < 0.2, torch.randint(C, (N,), generator=g), kind % C)
    data = Data("bench", x, y, [], list(range(C)), x[:0], kind[:0], labelled, 16, 0, "")
    algorithm = SideBySide(data, cal.Settings(labelled, 1, 50, 6), None, device)
    stack = [cal.Run("cal", 1)]
    theta, data_map = algorithm.train(0, stack, rows)
    return replace(algorithm.look(0, stack, rows, theta, data_map), epochs=30)


def gigabytes():
    """This process's peak memory so far (macOS counts bytes, Linux kilobytes)."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)


# ---- the parts ----------------------------------------------------------------------------------


def lines(device):
    """Time the parts of a TREC-sized round on random numbers; compare with docs/speed.md.

    1,250 of 5,452 texts have labels (the middle of a TREC run). There are 300 dimensions, six
    classes, 30 epochs, mini-batches of 16 and one thread.
    """
    g, s = torch.Generator().manual_seed(0), cal.Settings(1250)
    x = torch.randn(5452, 300, generator=g)
    y = torch.randint(6, (5452,), generator=g)
    width = at_once(device) or 30
    binary = View.binary["hidden"], 2, View.binary["dropout"]
    for which, hidden, C, dropout, counts in (("", HIDDEN, 6, DROPOUT, (1, width, 6)),
                                              (" of theta'", *binary, (1, 5))):
        for runs in dict.fromkeys(counts):
            t = step(runs, hidden, C, dropout, device=device)
            yield (f"training step{which}, {counted(runs, 'run')} side by side",
                   f"{t['step'] * 1e3:.2f} ms", f"{t['step'] / t['floor']:.2f} x its floor")
    data = Data("bench", x, y, [], list("abcdef"), x[:0], y[:0], 1250, 16, 0, "")
    algorithm = SideBySide(data, s, None, device)
    stack = [cal.Run("cal", seed) for seed in cal.SEEDS[:width]]
    rows = torch.randperm(5452, generator=g)[:1250].to(device).expand(len(stack), -1)
    seconds, (theta, data_map) = timed(device, lambda: algorithm.train(0, stack, rows))
    yield "a round's training, data map included", f"{seconds / len(stack):.2f} s", "per run"
    pool = torch.ones(1, 5452, dtype=torch.bool, device=device).scatter(1, rows[:1], False)
    one_map = DataMap(*(field[:1] for field in data_map))
    view = View(theta.take(slice(0, 1)), x.to(device), rows[:1], pool, one_map, cal.SEEDS[:1], 0,
                s.minibatch)
    for name in cal.SIX:
        seconds, _ = timed(device, lambda name=name: STRATEGIES[name](view, s.batch))
        per_row = f"{seconds / 5452 * 1e6:.1f} µs per row, {5452 / seconds:,.0f} rows per second"
        yield f"selection, {name}", f"{seconds:.3f} s", per_row
    scores = np.random.default_rng(0).random((2, 155))
    seconds, _ = timed("cpu", lambda: stats.aso(*scores))
    yield "ASO, 155 against 155 scores, 1,000 bootstrap samples", f"{seconds * 1e3:.0f} ms", ""


def step(R=6, hidden=HIDDEN, C=6, dropout=DROPOUT, minibatch=16, device="cpu", steps=64, repeats=9):
    """Seconds of a training step, and of its floor: only its matrix products and fused AdamW.

    Returns {"step", "floor"}: medians of `repeats` turns. Each turn times both, one after the
    other, so that other load on the machine affects both alike.
    """
    stack = Stack(300, C, range(R), hidden=hidden, dropout=dropout, device=device)
    x = torch.randn(R, steps * minibatch, 300, device=device)
    y = torch.randint(C, (R, steps * minibatch), device=device)
    h, g = x[:, :minibatch].contiguous(), torch.randn(R, minibatch, 8, device=device)

    def floor():
        for _ in range(steps):
            a = h
            for W, b in zip(stack.W, stack.b):
                a = torch.baddbmm(b, a, W)
            d = g
            for layer in reversed(range(len(stack.W))):
                torch.bmm(h.transpose(1, 2), d, out=stack.dW[layer])
                d = torch.bmm(d, stack.W[layer].transpose(1, 2)) if layer else d
            stack.adamw()

    def training():
        list(stack.fit(x, y, 1, minibatch, Draws([0] * R, "bench", device=device)))

    times = {"step": [], "floor": []}
    for _ in range(repeats):
        for name, work in (("step", training), ("floor", floor)):
            times[name].append(timed(device, work)[0] / steps)
    return {name: float(np.median(values)) for name, values in times.items()}


def timed(device, work):
    """(seconds, result) of a piece of work."""
    lap = stopwatch(device)
    result = work()
    return lap(), result
