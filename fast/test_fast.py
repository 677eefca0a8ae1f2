"""Tests of fast/ against autograd, loops by hand, and datamap.Models, which it replaces."""

import copy
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

import cal
import data
import datamap
import strategies
from fast import SideBySide, Stack, side_by_side
from plumbing.draws import Draws
from plumbing.files import InputError
from plumbing.runs import Log
from test_cal import (
    HERE,
    TINY,
    X4,
    cal_main,
    run_files,
    small_data,
    small_table,
    tiny,
    view_of,
)


def torch_mlp(stack, run):
    """The network of run `run` of a stack, as torch modules; the test applies the dropout."""
    layers = []
    for W, b in zip(stack.W, stack.b):
        linear = torch.nn.Linear(W.shape[1], W.shape[2])
        linear.weight.data, linear.bias.data = W[run].T.clone(), b[run, 0].clone()
        layers.append(linear)
    layers[-1] = torch.nn.Linear(layers[-1].in_features, stack.C)
    layers[-1].weight.data = stack.W[-1][run, :, : stack.C].T.clone()
    layers[-1].bias.data = stack.b[-1][run, 0, : stack.C].clone()
    return layers


@pytest.mark.parametrize("C", [2, 6, 8, 9])
def test_steps_equal_autograd_and_torch_adamw(C):
    torch.manual_seed(0)
    stack = Stack(30, C, [1, 2], hidden=(20, 10))
    reference = [torch_mlp(stack, run) for run in (0, 1)]
    optimizers = [torch.optim.AdamW([p for layer in layers for p in layer.parameters()], lr=1e-4)
                  for layers in reference]
    for _ in range(20):
        x, y = torch.randn(2, 7, 30), torch.randint(C, (2, 7))
        keep = [(torch.rand(1, 7, w) > 0.3).float() / 0.7 for w in (20, 10)]
        stack.step(x, torch.nn.functional.one_hot(y, stack.widths[-1]).float(), keep)
        for run, (layers, optimizer) in enumerate(zip(reference, optimizers)):
            h = x[run]
            for layer, mask in zip(layers, keep):
                h = torch.relu(layer(h)) * mask[0]
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(layers[-1](h), y[run]).backward()
            optimizer.step()
    x = torch.randn(1, 50, 30)
    for run, layers in enumerate(reference):
        h = x[0]
        for layer in layers[:-1]:
            h = torch.relu(layer(h))
        expected = torch.softmax(layers[-1](h), -1)
        torch.testing.assert_close(stack.probs(x)[run], expected, atol=2e-6, rtol=1e-4)



def test_padding_survives_cuda_s_adamw():
    """CUDA computes b - lr decay b, which is NaN for an infinite b, where a CPU scales b."""
    stack = Stack(30, 6, [1, 2])
    decayed = stack.flat - stack.lr * stack.decay * stack.flat
    assert decayed.isfinite().all()
    assert (stack.head(torch.randn(2, 5, 300))[..., 6:] == 0).all()


@pytest.mark.parametrize("Theta", [Stack, datamap.Models])
def test_a_training_that_diverges_is_refused(Theta, tmp_path):
    class Diverging(SideBySide):
        shape = {"lr": 1e30}
    Diverging.Theta = Theta
    s = cal.Settings(seed_size=30, rounds=1, batch=5, epochs=2)
    with pytest.raises(InputError, match="training diverged"):
        Diverging(small_data(), s, Log(tmp_path)).learn([cal.Run("lc", 1)])
    assert not list(tmp_path.glob("runs/*.jsonl"))


def train_stack(seeds, instances, n=61, C=6):
    """Train a stack whose run r has seed seeds[r] and data set number instances[r]."""
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(8, n, 300, generator=g), torch.randint(C, (8, n), generator=g)
    stack = Stack(300, C, seeds)
    x, y = x[list(instances)], y[list(instances)]
    for _ in stack.fit(x, y, 2, 16, Draws(seeds, "test")):
        pass
    return stack


@pytest.mark.parametrize("seeds, instances", [
    ([5, 5], [3, 1]), ([5] * 6, [0, 1, 2, 3, 4, 5]), ([9, 5, 5], [0, 3, 2]),
    ([7, 8, 9, 5, 5] * 2, [0, 1, 2, 3, 4, 5, 6, 7, 4, 3]),
])
def test_a_run_is_bit_for_bit_the_same_in_every_stack(seeds, instances):
    alone, together = train_stack([5], [3]), train_stack(seeds, instances)
    run = next(i for i, pair in enumerate(zip(seeds, instances)) if pair == (5, 3))
    for one, many in zip(alone.W + alone.b, together.W + together.b):
        assert torch.equal(one[0], many[run])
    x = torch.randn(1, 101, 300, generator=torch.Generator().manual_seed(1))
    assert torch.equal(alone.probs(x)[0], together.take([run]).probs(x)[0])


def test_runs_of_one_seed_start_alike_and_others_do_not():
    stack = Stack(10, 2, [1, 1, 2], hidden=(8,))
    assert torch.equal(stack.W[0][0], stack.W[0][1])
    assert not torch.equal(stack.W[0][0], stack.W[0][2])
    assert stack.W[0].abs().max() <= 10**-0.5  # torch.nn.Linear's bound


def hand_loop(x, y, C, seed, sizes, purpose, epochs, batch, lr, dropout, weights):
    """Modules, autograd and torch.optim.AdamW with our random numbers: layers, p [E, n, C]."""
    draws = Draws([seed], "weights", *weights)
    layers, padded = [], [*sizes, -(-C // 8) * 8]
    for i, o in zip(padded, padded[1:]):
        layer = torch.nn.Linear(i, o)
        layer.weight.data = (draws.uniform(i, o)[0] * 2 - 1).T * i**-0.5
        layer.bias.data = (draws.uniform(1, o)[0, 0] * 2 - 1) * i**-0.5
        layers.append(layer)
    last = torch.nn.Linear(sizes[-1], C)
    last.weight.data, last.bias.data = layers[-1].weight.data[:C], layers[-1].bias.data[:C]
    layers[-1] = last
    optimizer = torch.optim.AdamW([p for layer in layers for p in layer.parameters()], lr=lr,
                                  betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    draws, p = Draws([seed], *purpose), []
    for _ in range(epochs):
        order = draws.permutation(len(x))[0]
        for start in range(0, len(x), 64 * batch):
            block = order[start : start + 64 * batch]
            masks = [draws.dropout(len(block), width, dropout)[0] for width in sizes[1:]
                     ] if dropout else None
            for i in range(0, len(block), batch):
                h = x[block[i : i + batch]]
                for j, layer in enumerate(layers[:-1]):
                    h = torch.relu(layer(h)) * (masks[j][i : i + batch] if dropout else 1)
                loss = torch.nn.functional.cross_entropy(layers[-1](h), y[block[i : i + batch]])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        with torch.no_grad():
            h = x
            for layer in layers[:-1]:
                h = torch.relu(layer(h))
            p.append(torch.softmax(layers[-1](h), dim=-1))
    return layers, torch.stack(p)



def test_two_rounds_of_training_against_a_hand_written_loop(tmp_path):
    d, s = small_data(), cal.Settings(40, 2, 15, 24, 8)
    algorithm, run = SideBySide(d, s, Log(tmp_path)), cal.Run("cal", 7)
    for i, n in ((0, 40), (1, 55)):
        L = torch.arange(n)[None] * 2
        theta, got = algorithm.train(i, [run], L)
        x, y = torch.as_tensor(d.x)[L[0]], torch.as_tensor(d.y)[L[0]]
        layers, p = hand_loop(x, y, 3, 7, (20, 300, 300, 300), (i, "train"), 24, 8, 1e-4, 0.3, (i,))
        for layer, W, b in zip(layers, theta.W, theta.b):
            out = layer.out_features
            torch.testing.assert_close(layer.weight.data.T, W[0, :, :out], atol=3e-6, rtol=1e-4)
            torch.testing.assert_close(layer.bias.data, b[0, 0, :out], atol=3e-6, rtol=1e-4)
        gold = p[:, torch.arange(n), y].double()  # [E, n]
        torch.testing.assert_close(got.confidence[0], gold.mean(0), atol=2e-5, rtol=0)
        torch.testing.assert_close(got.variability[0], gold.std(0, correction=0), atol=2e-5, rtol=0)
        right = (p.argmax(-1) == y).double().mean(0)
        assert (got.correctness[0] - right).abs().max() < 0.26 and torch.equal(
            got.correctness[0].round(decimals=6), right.round(decimals=6))


def test_the_binary_classifier_against_a_hand_written_loop():
    view = replace(view_of(X4, range(40), seed=3, i=2), epochs=5)
    label = torch.arange(40) % 2
    head = view.classifier(view.x[None, :40], label[None])
    layers, p = hand_loop(view.x[:40], label, 2, 3, (4, 300), (2, "binary"), 5, 16, 5e-5, 0,
                          (2, "binary"))
    torch.testing.assert_close(head.probs(view.x[None, :40])[0], p[-1], atol=1e-5, rtol=0)
    torch.testing.assert_close(head.W[0][0], layers[0].weight.data.T, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("size", [1e-9, 1e-7, 1e-3])
def test_adamw_with_tiny_gradients(size):
    stack = Stack(3, 2, [1], hidden=(2,))
    p = torch.nn.Parameter(stack.flat.clone())
    optimizer = torch.optim.AdamW([p], lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    finite = p.isfinite()
    for _ in range(3):
        p.grad = torch.full_like(p, size)
        stack.flat.grad.fill_(size)
        optimizer.step()
        stack.adamw()
    torch.testing.assert_close(stack.flat[finite], p.data[finite], atol=0, rtol=1e-6)



def test_all_seeds_in_one_stack_as_on_a_gpu(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(side_by_side, "at_once", lambda device: None)
    runs = cal.runs_of(["random", "bald", "dal", "cal"], [1, 2])
    log = Log(tmp_path / "demo-paper-pool")
    SideBySide(data.load("demo"), cal.Settings(60, 2, 10, 2), log).learn(runs)
    want = run_files(tiny[0])
    assert run_files(tmp_path) == {name: want[name] for name in run_files(tmp_path)}


# ---- two bodies, one surface --------------------------------------------------------------------


class Mask(torch.nn.Dropout):
    """Dropout with the masks that a Stack draws."""

    def __init__(self):
        super().__init__(0.3)
        self.queue = []  # masks, or a function that draws the next one

    def forward(self, h):
        if not self.training:
            return h
        return h * (self.queue(*h.shape) if callable(self.queue) else self.queue.pop(0))


class SameDraws(Draws):
    """Draws of one run that give a network's Mask what a Stack would draw after the same order."""

    def __init__(self, view_or_seeds, *purpose, device="cpu"):
        super().__init__(view_or_seeds, *purpose, device=device)
        self.order = None

    def permutation(self, n):
        self.order = super().permutation(n)
        return self.order

    def numbers(self):
        theta = Twin.now
        mask = theta.networks[0].dropout
        if not isinstance(mask, Mask):
            return [0]
        if self.order is None:  # BALD: a mask per layer and pass
            mask.queue = lambda n, width: self.dropout(n, width, 0.3)[0]
        else:
            n, batch = self.order.shape[1], Twin.minibatch
            assert n <= 64 * batch  # one block of fast/stack.py
            keep = [self.dropout(n, w, 0.3)[0].split(batch) for w in theta.widths]
            mask.queue = [m for masks in zip(*keep) for m in masks]
        return [0]


class Twin(datamap.Models):
    """datamap.Models with the initial weights and dropout masks of a Stack."""

    now, minibatch = None, 16

    def __init__(self, D, C, seeds, *purpose, **more):
        super().__init__(D, C, seeds, *purpose, **more)
        stack = Stack(D, C, seeds, *purpose, **more)
        self.widths = stack.widths[:-1]
        for r, network in enumerate(self.networks):
            for layer, W, b in zip([*network.layers, network.out], stack.W, stack.b):
                layer.weight.data.copy_(W[r].T[: layer.out_features])
                layer.bias.data.copy_(b[r, 0, : layer.out_features])
            if network.dropout.p:
                network.dropout = Mask()

    def fit(self, *args):
        Twin.now = self
        yield from super().fit(*args)

    def with_dropout(self, x, draws):
        Twin.now = self
        return super().with_dropout(x, draws)

    def take(self, runs):
        other = super().take(runs)
        other.widths = self.widths
        return other


class TwinView(strategies.View):
    Binary = Twin

    def draws(self, purpose):
        return SameDraws(self.seeds, self.round, purpose)


class TwinLearning(cal.ActiveLearning):
    """The core itself, with the same random numbers as fast.SideBySide."""

    Theta, View = Twin, TwinView

    def draws(self, stack, *purpose):
        return SameDraws([run.seed for run in stack], *purpose)


def test_a_seed_of_which_one_strategy_is_done_starts_like_the_others(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 6)), np.arange(90) % 3
    d, s = data.of_arrays(x, y, x, y), cal.Settings(30, 1, 5, 10, 8)
    runs, done = cal.runs_of(["entropy", "lc"], [1, 2]), [cal.Run("entropy", 2)]
    for folder, parts in (("at once", [runs]), ("in parts", [done, runs])):
        for part in parts:
            SideBySide(d, s, Log(tmp_path / folder)).learn(part)
    whole, parts = (run_files(tmp_path, name) for name in ("at once", "in parts"))
    assert whole == parts and len(whole) == 4


def test_ten_epochs_of_both_bodies_give_the_same_probabilities():
    """In two of three seeds at least, to 1e-6: where a unit's input is 0 but for its last bit, the
    rectifier opens it in one body and not in the other, and the two part (seen on one CPU)."""
    d, apart = data.load("demo"), []
    for seed in (1, 2, 3):
        L = torch.as_tensor(data.seed_set(d.y, 300, seed))[None]
        x, y, found = torch.as_tensor(d.x)[L], torch.as_tensor(d.y)[L], []
        for Theta, draws in ((Stack, Draws), (Twin, SameDraws)):
            theta = Theta(300, 6, [seed], 0)
            found.append(torch.stack([theta.probs(x) for _ in theta.fit(
                x, y, 10, 16, draws([seed], 0, "train"))]))
        p, q = found
        assert p.shape == q.shape == (10, 1, 300, 6)
        assert (p[-1] - p[0]).abs().max() > 0.1  # there was something to learn
        fast, plain = (datamap.data_map(probs, y).correctness for probs in found)
        apart.append(((p - q).abs().max().item(), (fast != plain).sum().item()))
    assert sorted(apart)[1][0] < 1e-6 and sorted(apart)[1][1] == 0 and max(apart)[0] < 0.01


def test_both_bodies_pick_the_same_in_round_0(tmp_path):
    d, s, runs = data.load("demo"), cal.Settings(100, 1, 20, 5), cal.runs_of(
        [*cal.SIX, "cal+dal"], [3])
    d = replace(d, x=d.x[:900], y=d.y[:900], texts=d.texts[:900], kind=d.kind[:900])
    picked = []
    for kind in (SideBySide, TwinLearning):
        log = Log(tmp_path / kind.__name__)
        kind(d, s, log).learn(runs)
        picked.append({run.label: sorted(log.read(run)[0]["picked"]) for run in runs})
    assert picked[0] == picked[1] and len(set(map(tuple, picked[0].values()))) == 7


@pytest.mark.parametrize("Theta", [Stack, datamap.Models])
def test_both_bodies_have_one_surface(Theta):
    x, y = torch.randn(3, 50, 20), torch.randint(4, (3, 50))
    theta, shown = Theta(20, 4, [1, 1, 2]), torch.randn(1, 9, 20)
    before = copy.deepcopy(theta.probs(shown))
    torch.testing.assert_close(before[0], before[1])  # runs of a seed start alike
    assert (before[0] - before[2]).abs().max() > 1e-3
    x[1], y[1] = x[0], y[0]
    orders = list(theta.fit(x, y, 2, 16, Draws([1, 1, 2], "t")))
    p, psi = theta.probs(shown), theta.psi(shown)
    assert [o.shape for o in orders] == [(3, 50)] * 2 and psi.shape == (3, 9, 300)
    for order in orders:
        assert torch.equal(order.sort(dim=1).values, torch.arange(50).expand(3, 50))
        assert torch.equal(order[0], order[1]) and not torch.equal(order[0], order[2])
    assert p.shape == (3, 9, 4) and (p != before).any() and theta.C == 4
    torch.testing.assert_close(p[0], p[1])  # one seed, one L: one order and one dropout
    torch.testing.assert_close(theta.head(psi)[..., :4], p)
    torch.testing.assert_close(p.sum(-1), torch.ones(3, 9))
    for runs in (slice(1, 3), [2, 0]):
        want = p[runs]
        torch.testing.assert_close(theta.take(runs).probs(shown), want)
    one, two = (theta.with_dropout(shown, Draws([1, 1, 2], "b"))[..., :4] for _ in range(2))
    assert torch.equal(one, two) and torch.equal(one[0], one[1])
    assert (one[0] - p[0]).abs().max() > 1e-3


def test_the_command_on_plain_models_and_with_another_default_type(tmp_path, capsys):
    arguments = [*map(str, [*TINY, "--rounds", 1, "--seeds", 1, "--vectors", "hash", "--strategies",
                            "entropy", "bald", "dal", "cal", "map+div", "--dataset",
                            small_table(tmp_path), "--out"])]
    code = ("import sys, torch; torch.set_default_dtype(torch.float64)\n"  # before the modules
            "from command.main import main; sys.exit(main())")
    subprocess.run([sys.executable, "-c", code, *arguments, tmp_path / "double"], cwd=HERE,
                   capture_output=True, check=True)
    assert cal_main(*arguments, tmp_path / "single") == 0
    assert cal_main(*arguments, tmp_path / "single", "--model", "plain") == 0
    torch.set_default_dtype(torch.float64)
    try:
        assert cal_main(*arguments, tmp_path / "double", "--model", "plain") == 0
    finally:
        torch.set_default_dtype(torch.float32)
    names = "small.csv-paper-hash-plain", "small.csv-paper-hash"
    plain, fast = (run_files(tmp_path / "single", name) for name in names)
    assert [run_files(tmp_path / "double", name) for name in names] == [plain, fast]
    assert set(plain) == set(fast) and plain != fast and len(plain) == 6
    for name, lines in plain.items():
        assert [x["labelled"] for x in lines] == [x["labelled"] for x in fast[name]]
        assert [len(x["picked"]) for x in lines] == [len(x["picked"]) for x in fast[name]]
    config = json.loads((tmp_path / "single" / names[0] / "config.json").read_text())
    assert config["settings"]["model"] == "plain"
    capsys.readouterr()
    assert cal_main(*arguments, tmp_path, "--model", "plain", "--protocol", "code") == 2
    assert "--model plain works only with --protocol paper" in capsys.readouterr().err
