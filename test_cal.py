"""The five modules and the command line. Every test compares with an independent oracle, a symmetry
or a limit; the last part runs the real command line on a tiny budget. Each room has tests of its
own, with helpers from here. `python -m pytest -q`, no network, under four minutes."""

import ast
import atexit
import contextlib
import csv
import functools
import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import cal
import data
import datamap
import stats
import strategies
from command.main import main
from conftest import SHARED_BY_ALL
from fast import SideBySide, Stack
from fast import View as FastView
from plumbing.draws import Draws
from plumbing.files import InputError, read_csv, write_csv
from plumbing.measures import measures
from plumbing.runs import Log
from report import backend, sections
from vectors.words import index_tokens

HERE = Path(__file__).parent
SHARED = HERE.parent / "shared"
torch.set_num_threads(1)


class Sketch(backend.matplotlib().Figure):
    """A figure that is saved as an empty page, which is quick; `as_ever` is what users get."""

    def savefig(self, file, **options):
        REAL_FIGURE(figsize=(1, 1), dpi=30).savefig(file, **options)

    def findobj(self, *_, **__):
        return []  # no text is drawn


REAL_FIGURE = backend.matplotlib().Figure
backend.matplotlib().Figure = Sketch


# ---- training dynamics: Eqs. 1-3 ----------------------------------------------------------------


def test_data_map_by_hand():
    # Two epochs, two instances with gold labels 0 and 1; the second is never predicted.
    probs = np.array([[[0.6, 0.4], [0.9, 0.1]], [[0.8, 0.2], [0.7, 0.3]]])
    m = datamap.data_map(probs, np.array([0, 1]))
    np.testing.assert_allclose(m.confidence, [0.7, 0.2])
    np.testing.assert_allclose(m.variability, [0.1, 0.1])  # the population's, not the sample's
    np.testing.assert_allclose(m.correctness, [1.0, 0.0])
    assert isinstance(m.confidence, np.ndarray)


def test_data_map_against_numpy_and_with_a_run_axis():
    rng = np.random.default_rng(0)
    probs, y = rng.dirichlet(np.ones(4), (7, 3, 20)), rng.integers(4, size=(3, 20))
    m = datamap.data_map(torch.from_numpy(probs), torch.from_numpy(y))
    for r in range(3):
        gold = probs[:, r, np.arange(20), y[r]]
        np.testing.assert_allclose(m.confidence[r], np.mean(gold, axis=0))
        np.testing.assert_allclose(m.variability[r], np.std(gold, axis=0))
        right = probs[:, r].argmax(-1) == y[r]
        np.testing.assert_allclose(m.correctness[r], right.mean(axis=0))


# ---- the model ----------------------------------------------------------------------------------


def test_measures_against_counting():
    rng = np.random.default_rng(0)
    for C in (2, 5):
        y, said = rng.integers(0, C - (C > 2), 70), rng.integers(0, C, (3, 70))  # one is not there
        got = measures(torch.as_tensor(said), torch.as_tensor(y), C)
        for p, m in zip(said, got):
            assert m["accuracy"] == pytest.approx(np.mean(p == y))
            f1, recall = [], []
            for c in range(C):
                tp, fp, fn = ((p == c) & (y == c)).sum(), ((p == c) & (y != c)).sum(), (
                    (p != c) & (y == c)).sum()
                recall.append(tp / (tp + fn) if tp + fn else None)
                f1 += [2 * tp / (2 * tp + fp + fn)] if tp + fp + fn else []
            assert m["f1"] == pytest.approx(np.mean(f1)) and m["recall"] == pytest.approx(recall)
    same = measures(torch.tensor([[0, 1, 1]]), torch.tensor([0, 1, 1]), 4)[0]
    assert same == {"accuracy": 1.0, "f1": 1.0, "recall": [1.0, 1.0, None, None]}


def test_dropout_keeps_seventy_percent_and_the_mean():
    mask = Draws([3], "d").dropout(1000, 301, 0.3)
    assert mask.shape == (1, 1000, 301)
    kept = (mask > 0).double().mean().item()
    assert abs(kept - 0.7) < 5 * (0.21 / mask.numel()) ** 0.5
    assert set(mask.unique().tolist()) == {0.0, torch.tensor(1.0).div(0.7).item()}
    several = Draws([3, 4, 3], "d").dropout(10, 20, 0.3)
    assert torch.equal(several[0], several[2]) and not torch.equal(several[0], several[1])


def test_the_paper_s_constants():
    # Sections 4.2, 4.3 and 7, and the captions of Figs. 1, 2, 5 and 6.
    assert datamap.HIDDEN == (300, 300, 300) and datamap.DROPOUT == 0.3
    assert datamap.LR == 1e-4 and datamap.EPOCHS == 30 and cal.MAP_EPOCHS == 10
    assert strategies.View.binary == {"hidden": (300,), "dropout": 0, "lr": 5e-5}
    assert strategies.MC_PASSES == 10 and strategies.View.t_cor == 0.2
    assert cal.Settings(500) == cal.Settings(500, rounds=30, batch=50, epochs=30, minibatch=16)
    assert cal.SEEDS == (398048, 127003, 259479, 869323, 570852)
    assert cal.SIX == ("random", "lc", "entropy", "bald", "dal", "cal")
    assert cal.T_COR == (0.0, 0.2, 0.4, 0.6, 0.8)


class Net(torch.nn.Module):
    """A network of your own: any nn.Module with psi and out."""

    def __init__(self, D, C):
        super().__init__()
        self.layer, self.out = torch.nn.Linear(D, 7), torch.nn.Linear(7, C)

    def psi(self, x):
        return torch.tanh(self.layer(x))


class NetModels(datamap.Models):
    network = Net


class OwnNetwork(cal.ActiveLearning):
    Theta = NetModels


def test_a_network_of_one_s_own_takes_the_paper_s_place(tmp_path):
    d, log = small_data(), Log(tmp_path)
    runs = cal.runs_of(["random", "lc", "entropy", "dal", "cal"], [1])
    OwnNetwork(d, cal.Settings(40, 2, 10, 4, 8), log).learn(runs)
    assert [len(log.read(run)) for run in runs] == [3] * 5
    theta = NetModels(20, 3, [1, 2, 1])
    assert theta.psi(torch.ones(1, 5, 20)).shape == (3, 5, 7)
    net = theta.networks[1]
    x = torch.as_tensor(d.x[None, :40]).expand(3, -1, -1)
    y = torch.as_tensor(d.y[:40]).expand(3, -1)
    twin = Net(20, 3)
    twin.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(twin.parameters(), lr=1e-4)
    for order in theta.fit(x, y, 3, 16, Draws([1, 2, 1], "t")):
        for rows in order[1].split(16):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(twin.out(twin.psi(x[1, rows])), y[1, rows]).backward()
            optimizer.step()
    with torch.no_grad():
        want = twin.out(twin.psi(x[1])).softmax(-1)
    torch.testing.assert_close(theta.probs(x)[1], want)


def test_bald_refuses_a_network_without_dropout(tmp_path):
    with pytest.raises(InputError, match="BALD needs dropout, and the network Net has no"):
        OwnNetwork(small_data(), cal.Settings(40, 1, 10, 1, 8), Log(tmp_path)).learn(
            [cal.Run("bald", 1)])
    with pytest.raises(InputError, match="BALD needs dropout"):
        Stack(20, 3, [1], dropout=0).with_dropout(torch.ones(1, 5, 20), Draws([1], "b"))


@pytest.mark.parametrize("lacking", ["psi", "out"])
def test_a_network_that_lacks_a_part_is_told_which(lacking):
    kind = type("Mine", (torch.nn.Module,), {
        "__init__": lambda self, D, C: torch.nn.Module.__init__(self),
        **{name: lambda self, x: x for name in ("psi", "out") if name != lacking}})
    with pytest.raises(InputError, match=f"the network Mine has no `{lacking}`"):
        type("MineModels", (datamap.Models,), {"network": kind})(4, 2, [1])


def small_data(N=140, D=20, C=3):
    g = np.random.default_rng(0)
    y = g.integers(0, C, N)
    x = g.normal(size=(N, D)) + np.eye(C, D)[y]
    return data.of_arrays(x, y, x[:40], y[:40])


@pytest.mark.parametrize("kind", [cal.ActiveLearning, SideBySide])
def test_a_batch_s_means_are_of_the_latest_picks(tmp_path, kind):
    d, s = small_data(), cal.Settings(40, 2, 15, 2, 8)
    log, runs = Log(tmp_path), cal.runs_of(["cal", "random"], [1])
    algorithm, seen = kind(d, s, log), {}
    train = algorithm.train

    def watched(i, stack, L):
        theta, m = train(i, stack, L)
        seen.update({(run, i): (L[r], [f[r] for f in m]) for r, run in enumerate(stack)})
        return theta, m

    algorithm.train = watched
    algorithm.learn(runs)
    for i, run in itertools.product((1, 2), runs):
        L, fields = seen[run, i]
        newest = log.read(run)[i - 1]["picked"]
        assert L[-15:].tolist() == newest and len(newest) == 15
        mine = torch.isin(L, torch.tensor(newest))
        for name, field in zip(datamap.DataMap._fields, fields):
            assert log.read(run)[i]["batch"][name] == pytest.approx(field[mine].mean().item())
            unread = kind is SideBySide and run.strategy == "random"
            assert field[~mine].isnan().all() == unread


# ---- strategies: each on a case with a known answer ---------------------------------------------


def linear_model(logits, Theta):
    """A theta whose hidden layer is the identity on x >= 0, and whose logits are x @ logits."""
    D, C = logits.shape
    theta = Theta(D, C, [1], hidden=(D,))
    if Theta is Stack:
        theta.W[0][0], theta.b[0][0] = torch.eye(D), 0
        theta.W[1][0, :, :C], theta.b[1][0, :, :C] = logits, 0
    else:
        for layer, W in ((theta.networks[0].layers[0], torch.eye(D)),
                         (theta.networks[0].out, logits)):
            layer.weight.data, layer.bias.data = W.T.clone(), torch.zeros(len(W.T))
    return theta


def view_of(x, labelled, correctness=None, logits=None, seed=1, i=0, View=FastView):
    """A View of one run: rows `labelled` of x are L."""
    x, L = torch.as_tensor(x, dtype=torch.float32), torch.tensor([list(labelled)])
    theta = linear_model(torch.eye(x.shape[1]) if logits is None else logits, View.Binary)
    U = torch.ones(1, len(x), dtype=torch.bool).scatter(1, L, False)
    c = torch.full((1, len(labelled)), 0.5) if correctness is None else torch.tensor([correctness])
    return View(theta, x, L, U, datamap.DataMap(c, c, c), (seed,), i, 16)


@pytest.fixture(params=[strategies.View, FastView], ids=["plain", "fast"])
def view_in(request):
    """view_of, with datamap.Models and with fast.Stack."""
    return functools.partial(view_of, View=request.param)


X4 = np.abs(np.random.default_rng(5).normal(size=(60, 4))) * 2


def probabilities(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def best_rows(score, pool, k):
    """Oracle: highest first, lowest row number among equals, by sorting."""
    return sorted(pool, key=lambda row: (-score[row], row))[:k]


@pytest.mark.parametrize("name, score", [
    ("lc", lambda p: 1 - p.max(1)),
    ("entropy", lambda p: -(p * np.log2(p)).sum(1)),
])
def test_uncertainty_sampling_against_sorting(name, score, view_in):
    picked = strategies.STRATEGIES[name](view_in(X4, range(10)), 20)
    expected = best_rows(score(probabilities(X4)), range(10, 60), 20)
    assert picked.tolist() == [expected]


def test_entropy_is_in_bits_and_knows_zero():
    p = torch.tensor([[0.25, 0.25, 0.25, 0.25], [1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]])
    torch.testing.assert_close(strategies.entropy(p), torch.tensor([2.0, 0.0, 1.0]))


def test_random_is_uniform_over_the_pool(view_in):
    counts = np.zeros(60)
    for seed in range(600):
        picked = strategies.random(view_in(X4, range(10), seed=seed), 5)[0].tolist()
        assert len(set(picked)) == 5 and min(picked) >= 10
        counts[picked] += 1
    assert counts[:10].sum() == 0
    chi_square = ((counts[10:] - 60) ** 2 / 60).sum()
    assert chi_square < 85.4  # 99.9 % point for 49 degrees of freedom


def test_bald_prefers_what_dropout_changes(view_in):
    # Both halves are sure of class 0, but in the first half one single unit says so.
    x = np.full((40, 4), 9.0)
    x[:20, 1:] = 0
    logits = torch.zeros(4, 4)
    logits[:, 0] = 1
    picked = strategies.bald(view_in(x, [0, 20], logits=logits), 12)[0]
    assert (picked < 20).all()


def test_bald_against_an_explicit_loop():
    view = view_of(X4, range(10))
    draws, total = view.draws("bald"), 0
    for _ in range(10):
        mask = draws.dropout(60, 4, 0.3)[0].numpy()
        total = total + probabilities((X4.astype(np.float32) * mask).astype(np.float64))
    p = total / 10
    assert strategies.bald(view, 15)[0].tolist() == best_rows(
        -(p * np.log2(p)).sum(1), range(10, 60), 15)


def two_clusters(n=80, dim=12, far=3):
    x = np.abs(np.random.default_rng(0).normal(size=(n, dim))) * 0.3
    x[: n // 2, 0] += far
    x[n // 2 :, 1] += far
    return x


def test_dal_picks_what_does_not_look_labelled(view_in):
    # L lies in the first cluster alone; the pool has 100 of that cluster and all of the second.
    picked = strategies.dal(view_in(two_clusters(400, far=9), range(100)), 150)[0]
    assert (picked >= 200).all()


def test_cal_separates_high_from_low_and_picks_between(view_in):
    # Along one direction: the low-cor rows at 0, the high-cor rows at 6, the pool in between.
    x = np.zeros((160, 4))
    x[:30, 0], x[30:60, 1] = 6, 6
    at = np.linspace(0, 6, 100)
    x[60:, 0], x[60:, 1] = at, 6 - at
    view = view_in(x, range(60), correctness=[1.0] * 30 + [0.0] * 30)
    label = (view.map.correctness > 0.2).long()
    head = view.classifier(view.psi_labelled(), label)
    p = head.probs(view.x[None].relu())[0, :, 1].numpy()
    assert (p[:30] > 0.5).all() and (p[30:60] < 0.5).all()
    picked = strategies.cartography(view, 20)[0].tolist()
    assert picked == best_rows(-np.abs(0.5 - p), range(60, 160), 20)
    assert 1 < x[picked, 0].mean() < 5


def test_t_cor_is_a_strict_threshold(view_in):
    x = two_clusters()
    low = view_in(x, range(80 - 40), correctness=[0.2] * 20 + [0.21] * 20)
    label = torch.tensor([[0] * 20 + [1] * 20])
    head = low.classifier(low.psi_labelled(), label)
    p = low.score(lambda psi: head.probs(psi)[..., 1])[0].numpy()
    want = best_rows(-np.abs(0.5 - p), range(40, 80), 10)
    assert strategies.cartography(low, 10)[0].tolist() == want


def test_cal_with_one_class_falls_back_to_random_and_says_so(capsys, view_in):
    view = view_in(X4, range(10), correctness=[0.9] * 10)
    picked = strategies.cartography(view, 7)[0].tolist()
    assert "picks at random" in capsys.readouterr().err
    chance = view.draws("cal").uniform(60)[0].tolist()
    assert picked == best_rows(chance, range(10, 60), 7)
    at_random, by_cal = (set(strategy(view, 40)[0].tolist())
                         for strategy in (strategies.random, strategies.cartography))
    assert len(at_random & by_cal) < 38  # another stream: of 40 of 50, chance shares 32
    capsys.readouterr()
    mixed = view_in(X4, range(10), correctness=[0.9] * 9 + [0.1])
    strategies.cartography(mixed, 7)
    assert capsys.readouterr().err == ""


def test_cal_dal_takes_half_from_each_and_no_row_twice(view_in):
    view = view_in(two_clusters(), range(20), correctness=[0.0] * 10 + [1.0] * 10)
    both = strategies.cal_dal(view, 11)[0].tolist()
    first = strategies.cartography(view, 6)[0].tolist()
    assert both[:6] == first and len(set(both)) == 11
    without = view.without(torch.tensor([first]))
    assert both[6:] == strategies.dal(without, 5)[0].tolist()


@pytest.mark.parametrize("name", strategies.STRATEGIES)
def test_every_strategy_stays_in_the_pool_and_takes_what_is_left(name, view_in):
    view = view_in(two_clusters(30), range(24), correctness=[0.0] * 12 + [1.0] * 12)
    for k in (1, 4, 6, 50):
        picked = strategies.STRATEGIES[name](view, k)[0].tolist()
        assert len(picked) == min(k, 6) == len(set(picked)) and min(picked) >= 24


def test_ties_go_to_the_lowest_row(view_in):
    view = view_in(np.ones((12, 4)), [3, 0])
    assert strategies.least_confidence(view, 5).tolist() == [[1, 2, 4, 5, 6]]


def test_scores_do_not_depend_on_the_chunk(monkeypatch, view_in):
    view = view_in(X4, range(10))
    whole = view.probs()
    monkeypatch.setattr(datamap, "CHUNK", 16)
    torch.testing.assert_close(view.probs(), whole)


def five_lines(text):
    """The strategy of your own, as it is printed in a document."""
    code = text[text.index("def margin") :]
    code = code[: code.index("margin\n", code.index('STRATEGIES["margin"]')) + 6]
    return "\n".join(line.removeprefix("    ") for line in code.split("\n"))


def test_a_strategy_of_ones_own_in_five_lines(monkeypatch):
    text = strategies.__doc__
    monkeypatch.setattr(strategies, "STRATEGIES", dict(strategies.STRATEGIES))
    exec(five_lines(text), vars(strategies))
    picked = strategies.STRATEGIES["margin"](view_of(X4, range(10)), 9)[0].tolist()
    p = np.sort(probabilities(X4), axis=1)
    assert picked == best_rows(p[:, -2] - p[:, -1], range(10, 60), 9)
    vars(strategies).pop("margin")


# ---- data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [6, 50, 333, 1000])
def test_the_seed_set_is_stratified_within_one_instance(size):
    y = np.repeat(np.arange(6), [86, 1162, 1250, 1223, 835, 896])
    rows = data.seed_set(y, size, 7)
    assert len(set(rows.tolist())) == size
    exact = np.bincount(y) * size / len(y)
    counts = np.bincount(y[rows], minlength=6)
    assert (np.abs(counts - exact) < 1).all()
    left = sorted(exact % 1, reverse=True)[: int(size - np.floor(exact).sum())]
    assert sorted(exact[counts > exact] % 1, reverse=True) == [x for x in left if x]  # largest
    assert (rows == data.seed_set(y, size, 7)).all()
    assert (rows != data.seed_set(y, size, 8)).any()


def test_seed_set_larger_than_the_data():
    with pytest.raises(data.InputError, match="11 needs as many rows, but there are 10"):
        data.seed_set(np.zeros(10, int), 11, 1)


def test_demo_corpus_is_the_same_everywhere_whatever_the_hash_seed(capsys):
    code = ("import torch, hashlib, data; torch.set_num_threads(1); d = data.load('demo');"
            "h = data.load('demo', vectors='hash'); print(d.sha256, *[hashlib.sha256("
            "a.tobytes()).hexdigest() for a in (d.x, h.x)])")
    there = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True,
                           env={**os.environ, "PYTHONHASHSEED": "2"}, check=True).stdout.split()
    threads = torch.get_num_threads()
    exec(code, {})  # here Python's hashes have another seed
    torch.set_num_threads(threads)
    assert there == capsys.readouterr().out.split() and there[0].startswith("12c9d8129551abbe")


def test_test_texts_teach_the_vectors_nothing():
    raw = {"train": (["a b", "b c"], []), "test": ([], []), "max_len": 9}
    small = data.text_vectors(raw, "pool", data.spellings, None)[0]
    more = {**raw, "test": (["aa d", "d b"], [])}
    large = data.text_vectors(more, "pool", data.spellings, None)[0]
    assert (large[:2] == small).all() and not large[2].any() and large[3].any()


def test_tokens_as_numbers_against_lists():
    texts = ["b a b c", "", "c d e f g", "a"]
    words, ids, ends = index_tokens(texts, str.split, 4)
    assert words == sorted({w for t in texts for w in t.split()[:4]})
    bags = [[words[i] for i in ids[start:end]] for start, end in zip([0, *ends], ends)]
    assert bags == [t.split()[:4] for t in texts]


def test_sum_vectors_against_a_loop():
    table = np.random.default_rng(0).normal(size=(5, 300)).astype(np.float32)
    bags = [[0, 1, 2, 0], [], [4], [3, 3, 3]]
    got = data.sum_vectors(np.array(sum(bags, [])), np.array([0, 4, 4, 5, 8]), table)
    for row, bag in zip(got, bags):
        want = sum((table[i] for i in bag), np.zeros(300, np.float32))
        np.testing.assert_allclose(row, want, atol=1e-5)


def test_repair_of_ag_news():
    assert data.repair(r"Iraq #39;s oil\and &lt;b&gt;gas&lt;/b&gt; AT amp;T") == (
        "Iraq 's oil and <b>gas</b> AT &T")


@pytest.fixture
def trec(tmp_path):
    """A data directory with links to TREC's files, so that nothing is cached beside those."""
    if not (SHARED / "data/trec").exists():
        pytest.skip("needs ../shared/data/trec")
    (tmp_path / "data" / "trec").mkdir(parents=True)
    for file in ("train_5500.label", "TREC_10.label"):
        (tmp_path / "data" / "trec" / file).symlink_to(SHARED / "data" / "trec" / file)
    return tmp_path / "data"


def test_trec_as_distributed(trec):
    d = data.load("trec", trec, "hash")
    assert (len(d.y), len(d.y_test), len(d.classes)) == (5452, 500, 6)
    assert (d.seed_size, d.batch_size, d.max_len) == (500, 16, 42)
    assert d.texts[0] == "How did serfdom develop in and then leave Russia ?"
    assert d.classes[d.y[65]] == "LOC" and "sister\xf0city" in d.texts[65]


AG_NEWS = """"3","Oil up","Oil #39;s up\\in &lt;b&gt;Iraq&lt;/b&gt;"
"1","Vote","A vote"
"""


def test_ag_news_with_and_without_titles(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(data.SHA256, "test.csv", hashlib.sha256(AG_NEWS.encode()).hexdigest())
    (tmp_path / "agnews").mkdir()
    for file in ("train.csv", "test.csv"):
        (tmp_path / "agnews" / file).write_text(AG_NEWS)
    d = data.load("agnews", tmp_path, "hash")
    assert d.texts == ["Oil 's up in <b>Iraq</b>", "A vote"]
    assert [d.classes[c] for c in d.y] == ["Business", "World"]
    assert (d.seed_size, d.batch_size, d.max_len) == (1000, 64, 200)
    assert "it has 2 rows of 120,000" in capsys.readouterr().err
    both = data.load("agnews", tmp_path, "hash", agnews_text="title+description")
    assert both.texts == ["Oil up Oil 's up in <b>Iraq</b>", "Vote A vote"]
    assert (both.x != d.x).any() and (both.sha256 != d.sha256)


@pytest.fixture
def table(tmp_path):
    """A file of your own: 60 texts of three classes, and a function that writes another."""
    def write(rows, name="my.csv", header=("id", "text", "label"), encoding="utf-8"):
        with open(tmp_path / name, "w", newline="", encoding=encoding) as f:
            out = csv.writer(f, delimiter="\t" if name.endswith("tsv") else ",")
            out.writerows([header, *rows])
        return tmp_path / name

    rows = [(i, f"text {i} of the {c} kind, {c * 3}", c) for i in range(20) for c in "abc"]
    return write, rows


def test_data_that_cannot_be_read_is_one_sentence(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    (tmp_path / "a" / "trec" / "train_5500.label").mkdir(parents=True)
    (tmp_path / "b" / "agnews").mkdir(parents=True)
    (tmp_path / "b" / "agnews" / "train.csv").write_bytes(b'"1","a","caf\xe9"\n')
    for folder, dataset, message in (("file", "trec", "Not a directory"),
                                     ("a", "trec", "Is a directory"),
                                     ("b", "agnews", "can't decode byte")):
        monkeypatch.setattr(sys, "argv", ["cal.py", "--dataset", dataset,
                                          "--data-dir", str(tmp_path / folder)])
        assert main() == 2
        error = capsys.readouterr().err.splitlines()
        assert message in error[-1] and not any("Traceback" in line for line in error)


# ---- statistics ---------------------------------------------------------------------------------


def test_violation_ratio_by_hand():
    # n = m = 2: quantiles 1, 2 against 0, 3: squares 1 and 1, the second against A.
    assert stats.violation_ratio([1, 2], [0, 3]) == 0.5
    assert stats.violation_ratio([2, 0], [1, 3]) == 1.0
    # n = 2, m = 3: pieces of 1/3, 1/6, 1/6, 1/3 with F^-1 - G^-1 = 1, -1, 1, -2.
    assert stats.violation_ratio([1, 3], [0, 2, 5]) == pytest.approx((1 / 6 + 4 / 3) / 2)


def quantile_integral(a, b, steps=200_001):
    t = (np.arange(steps) + 0.5) / steps
    q = [np.sort(s)[np.minimum((t * len(s)).astype(int), len(s) - 1)] for s in (a, b)]
    square = (q[0] - q[1]) ** 2
    return square[q[0] < q[1]].sum() / square.sum()


@pytest.mark.parametrize("n, m", [(1, 1), (2, 5), (7, 7), (31, 155), (10, 4)])
def test_violation_ratio_against_a_fine_grid_and_its_symmetries(n, m):
    rng = np.random.default_rng(n * m)
    a, b = rng.normal(size=n), rng.normal(0.2, 1, size=m)
    eps = stats.violation_ratio(a, b)
    assert eps == pytest.approx(quantile_integral(a, b), abs=2e-3)
    assert eps + stats.violation_ratio(b, a) == pytest.approx(1)
    assert eps == pytest.approx(stats.violation_ratio(a * 3 + 7, b * 3 + 7))
    assert eps == pytest.approx(1 - stats.violation_ratio(-a, -b))


def test_aso_limits():
    a = np.random.default_rng(0).random(20)
    assert stats.violation_ratio(a, a) == 0.5
    assert stats.aso(a + 5, a) == 0.0 and stats.aso(a, a + 5) == 1.0
    assert stats.aso(a, a) > 0.5


def test_aso_bootstrap_against_a_plain_loop():
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.3, 1, 12), rng.normal(size=9)
    rng = np.random.default_rng(0)
    boot_a, boot_b = rng.choice(a, (500, 12)), rng.choice(b, (500, 9))
    ratios = [quantile_integral(x, y, 1080) for x, y in zip(boot_a, boot_b)]  # a multiple of 12 * 9
    want = stats.violation_ratio(a, b) + np.std(ratios) * 1.6448536
    assert stats.aso(a, b, n_boot=500) == pytest.approx(want, abs=1e-6)


def test_aso_grows_as_alpha_shrinks_and_is_seeded():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.5, 1, 30), rng.normal(size=30)
    eps = [stats.aso(a, b, alpha) for alpha in (0.2, 0.05, 0.01, 0.001)]
    assert eps == sorted(eps) and eps[0] < eps[-1]
    assert stats.aso(a, b) == stats.aso(a, b) != stats.aso(a, b, seed=1)


def test_aso_table_divides_alpha_by_the_number_of_pairs():
    rng = np.random.default_rng(2)
    scores = {name: rng.normal(i / 3, 1, 25) for i, name in enumerate("abcd")}
    t = stats.aso_table(scores)
    assert {(r, c) for r in t for c in t[r]} == set(itertools.permutations("abcd", 2))
    assert t["d"]["a"] == stats.aso(scores["d"], scores["a"], 0.05 / 6)


@pytest.mark.parametrize("bad", [[], [1, np.nan], [np.inf]])
def test_aso_refuses_bad_samples(bad):
    for call in (stats.violation_ratio, stats.aso):
        with pytest.raises(ValueError, match="sample of scores"):
            call(bad, [1, 2])
        with pytest.raises(ValueError, match="sample of scores"):
            call([1, 2], bad)
    with pytest.raises(ValueError, match="alpha"):
        stats.aso([1], [2], alpha=0)


def test_chance_overlap_against_a_simulation():
    rng = np.random.default_rng(0)
    counts = [stats.overlap(rng.choice(300, 60, replace=False), rng.choice(300, 45, replace=False))
              for _ in range(2000)]
    want = stats.chance_overlap(300, 60, 45)
    assert abs(np.mean(counts) - want) < 5 * np.std(counts) / 2000**0.5 and want == 9


def test_roc_auc_against_all_pairs():
    rng = np.random.default_rng(0)
    score, positive = rng.integers(0, 9, 80).astype(float), rng.random(80) < 0.3
    pairs = [(p > n) + 0.5 * (p == n) for p in score[positive] for n in score[~positive]]
    assert stats.roc_auc(score, positive) == pytest.approx(np.mean(pairs))


# ---- the house ----------------------------------------------------------------------------------

CORE = ("data", "datamap", "strategies", "cal", "stats")
# From the lowest floor up; rooms of one floor may use each other, but in no circle.
FLOORS = (("plumbing",), ("vectors", "tables"), (*CORE, "fast"),
          ("baselines", "released", "report", "page", "labelling", "forks", "dynamics"),
          ("studies", "docs"),
          ("command",))


def imports(path):
    """The modules of every import in a file, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def arrows():
    """(room, room) of every import from one room of the house in another, tests left out."""
    floor_of = {room: n for n, rooms in enumerate(FLOORS) for room in rooms}
    for path in [*HERE.glob("[a-z]*.py"), *HERE.glob("[a-z]*/*.py")]:
        room = path.stem if path.parent == HERE else path.parent.name
        if not path.name.startswith(("test_", "conftest")) and room != "demo":
            for name in imports(path):
                other = name.partition(".")[0]
                if other in floor_of and other != room:
                    yield room, other, floor_of[other] - floor_of[room]


def test_no_arrow_climbs_but_the_last_line_of_cal_py():
    found = set(arrows())
    assert {(a, b) for a, b, climb in found if climb > 0} == {("cal", "command")}
    last = ast.parse((HERE / "cal.py").read_text("utf-8")).body[-1]
    assert isinstance(last, ast.If) and "command" in ast.unparse(last) and (
        ast.unparse(last.test) == "__name__ == '__main__'")


def test_there_is_no_circle_of_rooms():
    depends = {}
    for a, b, climb in arrows():
        if climb <= 0:
            depends.setdefault(a, set()).add(b)
            depends.setdefault(b, set())
    while free := [room for room in depends if not depends[room] & set(depends)]:
        for room in free:
            del depends[room]
    assert not depends


def test_the_five_modules_load_no_room_above_them_and_no_matplotlib():
    above = {room for rooms in FLOORS[3:] for room in rooms} | {"fast", "matplotlib"}
    code = f"import sys, {', '.join(CORE)}; print(*{{m.partition('.')[0] for m in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True,
                            check=True).stdout.split()
    assert set(CORE) <= set(loaded) and not above & set(loaded)


def test_all_of_matplotlib_is_in_one_file():
    users = {path.name for path in HERE.glob("[a-z]*/*.py")
             if any(name.startswith("matplotlib") for name in imports(path))}
    assert users == {"backend.py"}


def test_the_five_modules_are_short():
    most = {"datamap": 170, "strategies": 200, "cal": 280, "data": 260, "stats": 220}
    lines = {name: (HERE / f"{name}.py").read_text("utf-8").count("\n") for name in most}
    assert all(lines[name] <= most[name] for name in most) and sum(lines.values()) <= 1150
    for name in most:
        for node in ast.walk(ast.parse((HERE / f"{name}.py").read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 45, (name, node.name)


def arrays_of_one_s_own():
    """x [400, 33], y, x_test and y_test of four classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 500)
    x = rng.normal(size=(500, 33)) + 2 * np.eye(4, 33)[y]
    return x[:400], y[:400], x[400:].astype("f2"), y[400:]


def test_arrays_of_one_s_own_that_do_not_fit():
    x, y, x_test, y_test = arrays_of_one_s_own()
    mine = data.of_arrays(x, np.where(np.arange(400) == 7, 4, y), x_test, y_test)
    assert len(mine.classes) == 5
    X, Y = torch.as_tensor(mine.x)[None], torch.as_tensor(mine.y)[None]
    for Theta in (Stack, datamap.Models):
        with pytest.raises(ValueError, match="numbers from 0 to 3, but these go from 0 to 4"):
            next(Theta(33, 4, [1]).fit(X, Y, 1, 16, Draws([1], "t")))
    for spoiled, message in (
            (np.where(x == x[3, 0], np.nan, x), "x, row 3: a value is not"),
            (x * 1e300, "x, row 0"), (x[..., None], "x has 3 dimensions"), (x[:0], "x is empty"),
            (x[:, :9], "the same width"), (x + 1j, "x, row 0: not a row of numbers"),
            (x[1:], "do not fit each other: row 399 is in one alone"),
            ([[1.0, 2], [3.0]], "x, row 1: not a row"), ([["a"] * 3] * 400, "x, row 0: not a row")):
        with pytest.raises(ValueError, match=message):
            data.of_arrays(spoiled, y, x_test, y_test)
    for spoiled, row in ((y - 1, y.argmin()), (y + 0.7, 0), (np.where(y == y[2], np.nan, y), None),
                         (np.eye(4)[y], None), (np.array(["a"] * 400), 0), (y[:0], None),
                         (np.where(np.arange(400) == 9, 10**9, y), 9), (y * 1j, 0),
                         (np.where(np.arange(400) == 8, np.inf, y), 8),
                         (np.where(np.arange(400) == 7, 1e30, y), 7)):
        message = "y has 2 dim|y is empty|y, row" if row is None else f"y, row {row}: "
        with pytest.raises(ValueError, match=message):
            data.of_arrays(x, spoiled, x_test, y_test)
    graph = torch.tensor(x, requires_grad=True)  # what torch computes may be given as it is
    assert (data.of_arrays(graph, torch.tensor(y), graph.to_sparse(), y).x == mine.x).all()
    with pytest.raises(ValueError, match="texts has to hold 400 strings"):
        data.of_arrays(x, y, x_test, y_test, texts=["a"])


# ---- the command line, for real, on a tiny budget -----------------------------------------------

TINY = ["--rounds", "2", "--epochs", "2", "--seed-size", "60", "--batch", "10", "--jobs", "1"]


def run_cal(*arguments, check=True, **options):
    """The real command line in a process of its own."""
    done = subprocess.run([sys.executable, str(HERE / "cal.py"), *map(str, arguments)],
                          capture_output=True, text=True, **options)
    assert not check or done.returncode == 0, done.stderr
    return done


def cal_main(*arguments):
    """The command line in this process, which is quicker; its exit code."""
    before, sys.argv = sys.argv, ["cal.py", *map(str, arguments)]
    try:
        return main()
    finally:
        sys.argv = before


def small_table(folder):
    """400 rows of the demo as a table of your own: its path."""
    write_csv(folder / "small.csv", ["text", "label"],
              list(zip(*data.read_demo()["train"]))[:400])
    return folder / "small.csv"


def run_files(out, folder="*"):
    """{file name: its lines without the times} of a results directory."""
    lines = {}
    for path in sorted(Path(out).glob(f"{folder}/runs/*.jsonl")):
        parsed = [json.loads(line) for line in path.read_text().splitlines()]
        lines[path.name] = [{k: v for k, v in p.items() if k != "seconds"} for p in parsed]
    return lines


@functools.cache
def tiny_run():
    """A tiny run of everything, uninterrupted, in one process: (out, what it printed).

    With several test processes (conftest.py), the first that needs it makes it, and others wait.
    Tests that write into it take a copy: another process may be reading or copying it.
    """
    folder = Path(os.environ.get(SHARED_BY_ALL) or tempfile.mkdtemp())
    if SHARED_BY_ALL not in os.environ:
        atexit.register(shutil.rmtree, folder)
    out, said = folder / "tiny", folder / "tiny.txt"
    with open(folder / "lock", "w") as lock:
        with contextlib.suppress(ImportError):  # Windows has none
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            said.write_text(run_cal(*TINY, "--seeds", 1, 2, "--everything", "--save-dynamics",
                                    "--out", out).stdout)
    return out, said.read_text()


@pytest.fixture
def tiny():
    return tiny_run()


@pytest.fixture
def as_ever(monkeypatch):
    """Figures as users get them."""
    monkeypatch.setattr(backend.matplotlib(), "Figure", REAL_FIGURE)


def test_a_run_writes_what_the_design_says(tiny):
    out, said = tiny
    folder = out / "demo-paper-pool"
    labels = [*cal.SIX, "cal-t0", "cal-t0.4", "cal-t0.6", "cal-t0.8", "cal+dal", "full",
              "margin", "cal+unit", "map+div"]
    assert set(run_files(out)) == {f"{label}-{seed}.jsonl" for label in labels for seed in (1, 2)}
    config = json.loads((folder / "config.json").read_text())
    assert config["settings"]["data_sha256"] == data.load("demo").sha256
    for name, lines in run_files(out).items():
        if name.startswith("full"):
            continue
        assert [x["round"] for x in lines] == [0, 1, 2]
        assert [x["labelled"] for x in lines] == [60, 70, 80]
        assert [len(x["picked"]) for x in lines] == [10, 10, 0]
        picks = sum((x["picked"] for x in lines), [])
        start = data.seed_set(data.load("demo").y, 60, int(name.split("-")[-1][:-6]))
        assert len(set(picks)) == 20 and not set(picks) & set(start.tolist())
        assert lines[0]["batch"] is None
        assert set(lines[1]["batch"]) == {"confidence", "variability", "correctness"}
    for file in ("report.md", "fig3_accuracy.png", "fig4_batches.png", "fig1_data_maps.png",
                 "fig1_planted_kinds.png", "table2.png", "table3.png",
                 *(f"table{i}.csv" for i in range(1, 5))):
        assert (folder / file).stat().st_size > 0
    assert "final accuracy" in said and str(folder / "report.md") in said
    with np.load(folder / "runs" / "maps-1.npz") as m:  # 60 texts: eight times TREC's ten epochs
        assert len(m["seed_gold"]) == 80 and len(m["full_gold"]) == 2


def test_one_strategy_alone_picks_the_same(tiny, tmp_path):
    assert not cal_main(*TINY, "--seeds", 2, "--strategies", "cal", "--out", tmp_path)
    assert run_files(tmp_path)["cal-2.jsonl"] == run_files(tiny[0])["cal-2.jsonl"]
    maps = "demo-paper-pool/runs/maps-2.npz"
    assert (tmp_path / maps).read_bytes() == (tiny[0] / maps).read_bytes()


def test_all_the_data_of_several_seeds_is_that_of_each_alone(tmp_path):
    class Small(SideBySide):
        shape = {"hidden": (8,)}

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 6)), np.arange(90) % 3
    d, s = data.of_arrays(x, y, x, y), cal.Settings(50, 1, 5, 12, 50)
    for folder, *tasks in (("both", (1, 2)), ("alone", (1,), (2,))):
        for seeds in tasks:
            cal.all_the_data(Small(d, s, Log(tmp_path / folder)), seeds)
    maps = {}
    for seed in (1, 2):
        both, alone = (tmp_path / name / "runs" / f"maps-{seed}.npz" for name in ("both", "alone"))
        assert both.read_bytes() == alone.read_bytes()
        maps[seed] = dict(np.load(both))
        assert len(maps[seed]["full_gold"]) == 10  # of twelve epochs
        assert len(maps[seed]["seed_gold"]) == 10 * 500 // 50  # more, because 50 texts are few
        assert maps[seed]["rows"].tolist() == data.seed_set(y, 50, seed).tolist()
    assert maps[1]["rows"].tolist() != maps[2]["rows"].tolist()


def test_a_torn_line_and_a_lost_file_are_made_good(tiny, tmp_path):
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "demo-paper-pool"
    cal_file, lc_file = folder / "runs" / "cal-1.jsonl", folder / "runs" / "lc-1.jsonl"
    cal_file.write_bytes(cal_file.read_bytes()[:-40])  # torn in the last line
    lc_file.unlink()
    sections.write_report(folder)
    assert "26 of 28 runs are finished" in (folder / "report.md").read_text()
    cal_main(*TINY, "--seeds", 1, "--strategies", "cal", "lc", "random", "--out", tmp_path)
    assert run_files(tmp_path) == run_files(tiny[0])
    assert "All runs are finished" in (folder / "report.md").read_text()


def test_kill_9_at_any_moment_and_resume(tiny, tmp_path):
    arguments = [*TINY, "--seeds", 1, "--strategies", "cal", "random", "--out", tmp_path]
    killed = 0
    for rounds in (1, 2):
        process = subprocess.Popen([sys.executable, str(HERE / "cal.py"), *map(str, arguments)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        file = tmp_path / "demo-paper-pool" / "runs" / "cal-1.jsonl"
        while process.poll() is None and not (
                file.exists() and file.read_bytes().count(b"\n") >= rounds):
            time.sleep(0.002)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
    assert killed
    cal_main(*arguments)
    want = run_files(tiny[0])
    assert run_files(tmp_path) == {name: want[name] for name in run_files(tmp_path)}
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("arguments, message", [
    (["--test", "x.csv"], "--test works only with"),
    (["--dataset", "nope.csv"], "no file nope.csv"),
    (["--agnews-text", "title"], "description"),
    (["--dataset", "nope"], "demo, trec, agnews"),
    (["--strategies", "cal", "nope"], "choose from"),
    (["--device", "tpu"], "auto"),
    (["--protocol", "nope"], "is not paper, code or code2021"),
    (["--protocol", "paper+nope"], "SWITCH of reset, quiet"),
    (["--rounds", "0"], "less than 1"), (["--batch", "-5"], "less than 1"),
    (["--epochs", "0"], "less than 1"), (["--jobs", "0"], "less than 1"),
    (["--seed-size", "0"], "less than 1"), (["--rounds", "many"], "'many'"),
    (["--seeds", "1", "x"], "'x' is not a whole number"), (["--seeds", "-1"], "less than 0"),
    (["--t-cor", "1"], "not in [0, 1)"), (["--t-cor", "-0.1"], "not in [0, 1)"),
    (["--t-cor", "nan"], "not in [0, 1)"), (["--t-cor", "low"], "'low' is not a number"),
    (["--rounds", "100"], "more than the 2500 texts"),
    (["--seed-size", "2600"], "more than the 2500 texts"),
    (["--vectors", "nope.vec"], "no vector file nope.vec"),
    (["--vectors", "."], "cannot read the vectors"),
    (["--out", "/dev/null"], "cannot write to"),
    (["--report-only", "--out", "/nowhere"], "no results in"),
    (["--report-only", "--ablate"], "no results in results/demo-paper-pool"),
    (["--share-pool"], "--share-pool"),
    (["--ablate", "--t-cor", "0.4"], "leave out --strategies, --t-cor"),
    (["--ablate", "--protocol", "code"], "leave out --strategies, --t-cor"),
    (["--nonsense"], "--nonsense"),
])
def test_bad_input_gets_one_sentence_and_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["cal.py", *arguments])
    try:
        code = main()
    except SystemExit as e:
        code = e.code
    error = capsys.readouterr().err
    assert code == 2 and message in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())  # nothing half-written is left behind


@contextlib.contextmanager
def limited(name, most):
    """As on a system whose limit of a resource is so low: RLIMIT_FSIZE of bytes is a full disk."""
    import resource

    which = getattr(resource, name)
    soft, hard = resource.getrlimit(which)
    resource.setrlimit(which, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(which, (soft, hard))


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(tmp_path, capsys):
    with limited("RLIMIT_FSIZE", 1500):
        assert cal_main(*TINY, "--seeds", 1, "--strategies", "cal", "--out", tmp_path) == 2
    error = capsys.readouterr().err
    assert "File too large" in error.splitlines()[-1] and "Traceback" not in error
    assert not list(tmp_path.rglob("*.part"))
    for config in tmp_path.rglob("config.json"):
        assert json.loads(config.read_text())["settings"]["dataset"] == "demo"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cal.py", "--device", "cuda"])
    assert main() == 2 and "no CUDA device" in capsys.readouterr().err


def test_other_settings_are_refused_by_name(tiny, tmp_path, monkeypatch, capsys):
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    config = tmp_path / "demo-paper-pool" / "config.json"
    before = config.read_bytes()
    arguments = [*TINY, "--out", str(tmp_path), "--batch", "11"]
    monkeypatch.setattr(sys, "argv", ["cal.py", *arguments])
    assert main() == 2
    error = capsys.readouterr().err
    assert "was made with batch 10, but this command has batch 11" in error
    assert error.count("\n") == 1
    assert config.read_bytes() == before


@pytest.mark.parametrize("config, message", [
    ("{", "config.json is damaged"), (None, "holds runs but no config.json"),
])
def test_a_results_directory_without_a_sound_config(tmp_path, monkeypatch, capsys, config, message):
    runs = tmp_path / "demo-paper-pool" / "runs"
    runs.mkdir(parents=True)
    (runs / "cal-1.jsonl").write_text("")
    if config:
        (runs.parent / "config.json").write_text(config)
    monkeypatch.setattr(sys, "argv", ["cal.py", *TINY, "--out", str(tmp_path)])
    assert main() == 2
    error = capsys.readouterr().err
    assert message in error and "--fresh" in error and error.count("\n") == 1


def test_fresh_starts_over(tiny, tmp_path):
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    arguments = ["--seeds", 1, "--strategies", "random", "--out", tmp_path]
    cal_main(*TINY, *arguments, "--batch", 5, "--fresh")
    assert set(run_files(tmp_path)) == {"random-1.jsonl", "full-1.jsonl"}
    assert [len(x["picked"]) for x in run_files(tmp_path)["random-1.jsonl"]] == [5, 5, 0]


def test_trec_runs_on_its_own_files(trec, tmp_path):
    cal_main("--dataset", "trec", "--data-dir", trec, "--vectors", "hash", "--seeds", 1,
             "--strategies", "cal", "random", "--out", tmp_path, "--rounds", 1, "--epochs", 1,
             "--jobs", 1)
    assert [x["labelled"] for x in run_files(tmp_path)["cal-1.jsonl"]] == [500, 550]
    with np.load(tmp_path / "trec-paper-hash" / "runs" / "maps-1.npz") as m:
        assert len(m["seed_gold"]) == 10
    report = (tmp_path / "trec-paper-hash" / "report.md").read_text()
    assert "| CAL | 1 |" in report and "0.724" not in report  # not the paper's budget


