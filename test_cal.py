"""Every test compares with an independent oracle, a symmetry or a limit; the last part runs the
real command line on a tiny budget. `python -m pytest -q`, no network, under four minutes."""

import contextlib
import csv
import dataclasses
import gzip
import hashlib
import http.server
import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import cal
import data
import datamap
import stats
import strategies

HERE = Path(__file__).parent
SHARED = HERE.parent / "shared"
torch.set_num_threads(1)


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


def torch_mlp(stack, run):
    """The same network as run `run` of a stack, as torch modules; dropout is left to the test."""
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
    stack = datamap.Stack((30, 20, 10, C), [1, 2])
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


def train_stack(seeds, instances, n=61, C=6):
    """Train a stack whose run r has seed seeds[r] and data set number instances[r]."""
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(8, n, 300, generator=g), torch.randint(C, (8, n), generator=g)
    stack = datamap.Stack((300, *datamap.HIDDEN, C), seeds)
    x, y = x[list(instances)], y[list(instances)]
    for _ in datamap.fit(stack, x, y, 2, 16, datamap.Draws(seeds, "test")):
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
    stack = datamap.Stack((10, 8, 2), [1, 1, 2])
    assert torch.equal(stack.W[0][0], stack.W[0][1])
    assert not torch.equal(stack.W[0][0], stack.W[0][2])
    assert stack.W[0].abs().max() <= 10**-0.5  # torch.nn.Linear's bound


def test_dropout_keeps_seventy_percent_and_the_mean():
    mask = datamap.Draws([3], "d").dropout(1000, 301, 0.3)
    assert mask.shape == (1, 1000, 301)
    kept = (mask > 0).double().mean().item()
    assert abs(kept - 0.7) < 5 * (0.21 / mask.numel()) ** 0.5
    assert set(mask.unique().tolist()) == {0.0, torch.tensor(1.0).div(0.7).item()}
    several = datamap.Draws([3, 4, 3], "d").dropout(10, 20)
    assert torch.equal(several[0], several[2]) and not torch.equal(several[0], several[1])


def test_fit_learns_what_can_be_learned():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(1, 400, 300, generator=g)
    y = (x[..., 0] > 0).long() + 2 * (x[..., 1] > 0).long()
    stack = datamap.Stack((300, *datamap.HIDDEN, 4), [1])
    early = [stack.probs(x).argmax(-1) for _ in datamap.fit(
        stack, x, y, 30, 16, datamap.Draws([1], "t"))]
    assert (early[0] == y).double().mean() < 0.6 < 0.99 < (early[-1] == y).double().mean()


# ---- strategies: each on a case with a known answer ---------------------------------------------


def linear_model(logits, dim=4):
    """A stack whose hidden layer is the identity on x >= 0, and whose logits are x @ logits."""
    stack = datamap.Stack((dim, dim, logits.shape[1]), [1])
    stack.W[0][0], stack.b[0][0] = torch.eye(dim), 0
    stack.W[1][0] = 0
    stack.W[1][0, :, : logits.shape[1]], stack.b[1][0, :, : logits.shape[1]] = logits, 0
    return stack


def view_of(x, labelled, correctness=None, logits=None, seed=1, t=0):
    """A View of one run: rows `labelled` of x are L."""
    x, rows = torch.as_tensor(x, dtype=torch.float32), torch.tensor([list(labelled)])
    model = linear_model(torch.eye(x.shape[1]) if logits is None else logits, x.shape[1])
    pool = torch.ones(1, len(x), dtype=torch.bool).scatter(1, rows, False)
    c = torch.full((1, len(labelled)), 0.5) if correctness is None else torch.tensor([correctness])
    return strategies.View(model, x, rows, pool, datamap.DataMap(c, c, c), (seed,), t, 16)


X4 = np.abs(np.random.default_rng(5).normal(size=(60, 4))) * 2


def probabilities(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def test_a_committee_picks_by_the_mean_of_the_scores():
    score = torch.rand(3, 40, generator=torch.Generator().manual_seed(0))
    one = view_of(torch.zeros(40, 4), [0, 1, 2])
    rows, pool = torch.tensor([[0, 1, 2]] * 3), one.pool.expand(3, -1)
    committee = strategies.Committee(None, one.x, rows, pool, None, (1, 2, 3), 0, 16)
    got, mean = committee.pick(score, 5).tolist(), score.mean(0).tolist()
    assert got == [best_rows(mean, range(3, 40), 5)] * 3
    assert committee.scores == {r: mean[r] for r in got[0]}


def best_rows(score, pool, k):
    """Oracle: highest first, lowest row number among equals, by sorting."""
    return sorted(pool, key=lambda row: (-score[row], row))[:k]


@pytest.mark.parametrize("name, score", [
    ("lc", lambda p: 1 - p.max(1)),
    ("entropy", lambda p: -(p * np.log2(p)).sum(1)),
])
def test_uncertainty_sampling_against_sorting(name, score):
    picked = strategies.STRATEGIES[name](view_of(X4, range(10)), 20)
    expected = best_rows(score(probabilities(X4)), range(10, 60), 20)
    assert picked.tolist() == [expected]


def test_entropy_is_in_bits_and_knows_zero():
    p = torch.tensor([[0.25, 0.25, 0.25, 0.25], [1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]])
    torch.testing.assert_close(strategies.entropy(p), torch.tensor([2.0, 0.0, 1.0]))


def test_random_is_uniform_over_the_pool():
    counts = np.zeros(60)
    for seed in range(600):
        picked = strategies.random(view_of(X4, range(10), seed=seed), 5)[0].tolist()
        assert len(set(picked)) == 5 and min(picked) >= 10
        counts[picked] += 1
    assert counts[:10].sum() == 0
    chi_square = ((counts[10:] - 60) ** 2 / 60).sum()
    assert chi_square < 85.4  # 99.9 % point for 49 degrees of freedom


def test_bald_prefers_what_dropout_changes():
    # Both halves are sure of class 0, but in the first half one single unit says so.
    x = np.full((40, 4), 9.0)
    x[:20, 1:] = 0
    logits = torch.zeros(4, 4)
    logits[:, 0] = 1
    picked = strategies.bald(view_of(x, [0, 20], logits=logits), 12)[0]
    assert (picked < 20).all()


def test_bald_against_an_explicit_loop():
    view = view_of(X4, range(10))
    draws, total = view.draws("bald"), 0
    for _ in range(10):
        mask = draws.dropout(60, 4)[0].numpy()
        total = total + probabilities((X4.astype(np.float32) * mask).astype(np.float64))
    p = total / 10
    assert strategies.bald(view, 15)[0].tolist() == best_rows(
        -(p * np.log2(p)).sum(1), range(10, 60), 15)


def two_clusters(n=80, dim=12, far=3):
    x = np.abs(np.random.default_rng(0).normal(size=(n, dim))) * 0.3
    x[: n // 2, 0] += far
    x[n // 2 :, 1] += far
    return x


def test_dal_picks_what_does_not_look_labelled():
    # L lies in the first cluster alone; the pool has 100 of that cluster and all of the second.
    picked = strategies.dal(view_of(two_clusters(400, far=9), range(100)), 150)[0]
    assert (picked >= 200).all()


def test_cal_separates_high_from_low_and_picks_between():
    # Along one direction: the low-cor rows at 0, the high-cor rows at 6, the pool in between.
    x = np.zeros((160, 4))
    x[:30, 0], x[30:60, 1] = 6, 6
    at = np.linspace(0, 6, 100)
    x[60:, 0], x[60:, 1] = at, 6 - at
    view = view_of(x, range(60), correctness=[1.0] * 30 + [0.0] * 30)
    label = (view.map.correctness > 0.2).long()
    head = strategies.binary_classifier(view, view.psi_labelled(), label)
    p = head.probs(view.x[None].relu())[0, :, 1].numpy()
    assert (p[:30] > 0.5).all() and (p[30:60] < 0.5).all()
    picked = strategies.cal(view, 20)[0].tolist()
    assert picked == best_rows(-np.abs(0.5 - p), range(60, 160), 20)
    assert 1 < x[picked, 0].mean() < 5


def test_t_cor_is_a_strict_threshold():
    x = two_clusters()
    low = view_of(x, range(80 - 40), correctness=[0.2] * 20 + [0.21] * 20)
    label = torch.tensor([[0] * 20 + [1] * 20])
    head = strategies.binary_classifier(low, low.psi_labelled(), label)
    p = low.score(lambda psi: head.probs(psi)[..., 1])[0].numpy()
    assert strategies.cal(low, 10)[0].tolist() == best_rows(-np.abs(0.5 - p), range(40, 80), 10)


def test_cal_with_one_class_falls_back_to_random_and_says_so(capsys):
    view = view_of(X4, range(10), correctness=[0.9] * 10)
    assert strategies.cal(view, 7).tolist() == strategies.random(view, 7).tolist()
    assert "picks at random" in capsys.readouterr().err
    mixed = view_of(X4, range(10), correctness=[0.9] * 9 + [0.1])
    strategies.cal(mixed, 7)
    assert capsys.readouterr().err == ""


def test_cal_dal_takes_half_from_each_and_no_row_twice():
    view = view_of(two_clusters(), range(20), correctness=[0.0] * 10 + [1.0] * 10)
    both = strategies.cal_dal(view, 11)[0].tolist()
    first = strategies.cal(view, 6)[0].tolist()
    assert both[:6] == first and len(set(both)) == 11
    without = view.without(torch.tensor([first]))
    assert both[6:] == strategies.dal(without, 5)[0].tolist()


@pytest.mark.parametrize("name", strategies.STRATEGIES)
def test_every_strategy_stays_in_the_pool_and_takes_what_is_left(name):
    view = view_of(two_clusters(30), range(24), correctness=[0.0] * 12 + [1.0] * 12)
    for k in (1, 4, 6, 50):
        picked = strategies.STRATEGIES[name](view, k)[0].tolist()
        assert len(picked) == min(k, 6) == len(set(picked)) and min(picked) >= 24


def test_ties_go_to_the_lowest_row():
    view = view_of(np.ones((12, 4)), [3, 0])
    assert strategies.least_confidence(view, 5).tolist() == [[1, 2, 4, 5, 6]]


def test_scores_do_not_depend_on_the_chunk(monkeypatch):
    view = view_of(X4, range(10))
    whole = view.probs()
    monkeypatch.setattr(datamap, "CHUNK", 16)
    torch.testing.assert_close(view.probs(), whole)


def five_lines(text):
    """The strategy of one's own, as it is printed in a document."""
    code = text[text.index("def margin") :]
    code = code[: code.index("margin\n", code.index('STRATEGIES["margin"]')) + 6]
    return "\n".join(line[4:] if line.startswith("    ") and text is strategies.__doc__ else line
                     for line in code.split("\n"))


@pytest.mark.parametrize("where", ["README.md", "strategies.py"])
def test_a_strategy_of_ones_own_in_five_lines(where, monkeypatch):
    text = strategies.__doc__ if where == "strategies.py" else (HERE / where).read_text()
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
    assert (np.abs(np.bincount(y[rows], minlength=6) - exact) < 1).all()
    assert (rows == data.seed_set(y, size, 7)).all()
    assert (rows != data.seed_set(y, size, 8)).any()


def test_seed_set_larger_than_the_data():
    with pytest.raises(data.InputError, match="11 needs as many rows, and there are 10"):
        data.seed_set(np.zeros(10, int), 11, 1)


def test_demo_corpus_shares_and_templates():
    d = data.load("demo")
    assert d.x.shape == (2500, 300) and d.x_test.shape == (500, 300) and d.x.dtype == np.float32
    assert d.classes == ["ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"]
    share = {k: np.mean(d.kind == k) for k in ("easy", "ambiguous", "mislabelled")}
    assert share == {"easy": 0.75, "ambiguous": 0.15, "mislabelled": 0.10}
    assert len(set(d.texts)) == 2500
    templates = [t for ts in data.TEMPLATES.values() for t in ts.split("\n")]
    both = [t for ts in data.AMBIGUOUS.values() for t in ts.split("\n")]
    assert len(templates) + 6 * len(data.FRAMES.split("\n")) + len(both) >= 60


def test_demo_labels_are_what_the_kinds_say():
    raw = data.read_demo()

    def words_of(slot):
        nouns = " ".join(data.NOUNS.values())
        words = nouns if slot == "noun" else data.SLOTS[slot.rstrip("2")]
        return f"(?P<{slot}>{'|'.join(map(re.escape, words.split()))})"

    def template_of(text, templates):
        for template in templates:
            parts = re.split(r"{(\w+)}", template)
            parts[0::2] = map(re.escape, parts[0::2])
            parts[1::2] = map(words_of, parts[1::2])
            if m := re.fullmatch("".join(parts), text):
                return m
        return None

    ambiguous = {pair: ts.split("\n") for pair, ts in data.AMBIGUOUS.items()}
    counts = {}
    for text, label, kind in zip(*raw["train"], raw["kind"]):
        own = template_of(text, data.TEMPLATES[label].split("\n"))
        noun = template_of(text, data.FRAMES.split("\n"))
        fits = bool(own) or bool(noun and noun["noun"] in data.NOUNS[label].split())
        pair = next((p for p, ts in ambiguous.items() if template_of(text, ts)), None)
        assert (kind == "ambiguous") == bool(pair and label in pair and not fits), text
        assert (kind == "easy") == fits, text
        if kind == "ambiguous":
            counts[label, pair] = counts.get((label, pair), 0) + 1
    for pair in ambiguous:  # half the time each
        assert abs(counts[pair[0], pair] - counts[pair[1], pair]) <= 2


def test_demo_corpus_is_the_same_everywhere_whatever_the_hash_seed():
    code = ("import torch, hashlib, data; torch.set_num_threads(1); d = data.load('demo');"
            "h = data.load('demo', vectors='hash'); print(d.sha256, *[hashlib.sha256("
            "a.tobytes()).hexdigest() for a in (d.x, h.x)])")
    said = [subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True,
                           env={**os.environ, "PYTHONHASHSEED": seed}, check=True).stdout.split()
            for seed in ("1", "2")]
    assert said[0] == said[1]
    assert said[0][0].startswith("12c9d8129551abbe")


def test_hash_vectors_are_the_same_on_every_machine_and_know_their_kin():
    v = data.hash_vectors(["how", "serfdom", "?", "naïve"])
    assert hashlib.sha256(v.tobytes()).hexdigest().startswith("220c68592092e135")
    assert (v[[3]] == data.hash_vectors(["naïve"])).all()  # whatever the vocabulary
    a, b, c = data.hash_vectors(["interesting", "interestingly", "zebra"])
    assert a @ b > 0.5 > abs(a @ c) and 0.8 < a @ a < 1.2


def test_ppmi_against_counting_by_hand():
    bags = [["a", "b", "a", "c"], ["b", "b"], ["c"] * 12]
    words = ["a", "b", "c"]
    count = np.zeros((3, 3))
    for bag in bags:
        for (i, v), (j, w) in itertools.permutations(enumerate(bag), 2):
            if abs(i - j) <= 10:
                count[words.index(v), words.index(w)] += 1
    context = count.sum(0) ** 0.75
    expected = np.log(np.maximum(count, 1e-300) / np.outer(count.sum(1), context / context.sum()))
    ids = np.array([words.index(w) for bag in bags for w in bag])
    text = np.repeat(np.arange(3), [4, 2, 12])
    got = data.positive_pmi(ids, text, 3).to_dense().numpy()
    np.testing.assert_allclose(got, np.maximum(expected, 0), atol=1e-6)


def test_truncated_svd_against_numpy():
    rng = np.random.default_rng(1)
    M = (rng.normal(size=(90, 12)) * 0.7 ** np.arange(12)) @ rng.normal(size=(12, 90))
    U, S = data.truncated_svd(torch.from_numpy(M.astype(np.float32)).to_sparse(), 5)
    u, s, _ = np.linalg.svd(M)
    np.testing.assert_allclose(S, s[:5], rtol=1e-4)
    np.testing.assert_allclose(np.abs(U.numpy().T @ u[:, :5]), np.eye(5), atol=1e-3)


def test_pool_vectors_of_a_small_vocabulary_are_padded_with_zeros():
    bags = [f"w{i} w{i + 1} w{i + 2}" for i in range(20)]
    words, ids, ends = data.index_tokens(bags, str.split, 10)
    v = data.pool_vectors(ids, ends, len(words) + 1)  # and one more that does not occur
    assert v.shape == (23, 300) and not v[:, 22:].any() and not v[-1].any()
    assert abs(np.linalg.norm(v[:-1], axis=1).mean() - 1) < 1e-5


def test_test_texts_teach_the_vectors_nothing():
    raw = {"train": (["a b", "b c"], []), "test": ([], []), "max_len": 9}
    small = data.matrix(raw, "pool", False, True)[0]
    large = data.matrix({**raw, "test": (["aa d", "d b"], [])}, "pool", False, True)[0]
    assert (large[:2] == small).all() and not large[2].any() and large[3].any()


def test_tokens_as_numbers_against_lists():
    texts = ["b a b c", "", "c d e f g", "a"]
    words, ids, ends = data.index_tokens(texts, str.split, 4)
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


def vector_lines(words, header=True):
    rng = np.random.default_rng(0)
    v = {w: np.round(rng.normal(size=300), 4) for w in words}
    lines = [f"{w} " + " ".join(f"{x:g}" for x in v[w]) for w in words]
    return ([f"{len(words)} 300"] if header else []) + lines, v


@pytest.mark.parametrize("suffix", [".vec", ".txt", ".vec.gz", ".vec.zip"])
@pytest.mark.parametrize("header", [True, False])
def test_text_vectors(tmp_path, suffix, header):
    lines, v = vector_lines(["How", "how", "obama", "naïve", "New York", "'"], header)
    path, text = tmp_path / f"v{suffix}", "\n".join(lines) + "\n"
    if suffix.endswith("gz"):
        path.write_bytes(gzip.compress(text.encode()))
    elif suffix.endswith("zip"):
        with zipfile.ZipFile(path, "w") as z:
            z.writestr("v.vec", text)
    else:
        path.write_text(text, encoding="utf-8")
    asked = ["How", "HOW", "Obama", "obama,", "(Obama!)", "naïve", "xyz"]
    got = data.load_vectors(str(path), asked)
    want = [v["How"], v["how"], v["obama"], v["obama"], v["obama"], v["naïve"], np.zeros(300)]
    np.testing.assert_allclose(got, np.array(want, np.float32))


def test_text_vectors_of_another_dimension_and_words_with_spaces(tmp_path):
    (tmp_path / "v.txt").write_text("a 1 2\n. . 3 4\nb 5 6\n")
    got = data.load_vectors(str(tmp_path / "v.txt"), ["b", ". .", "c"])
    np.testing.assert_array_equal(got, np.array([[5, 6], [3, 4], [0, 0]], np.float32))


FIXTURE = HERE / ".ci" / "fasttext-demo.bin"  # skipgram, dim 8, minn 2, maxn 4, 60 buckets


def test_fasttext_models_give_the_official_library_s_vectors():
    lines = FIXTURE.with_suffix(".vec").read_text(encoding="utf-8").splitlines()
    want = {word: [float.fromhex(v) for v in values]
            for word, *values in (line.split(" ") for line in lines)}
    assert {"naïveté", "北京大学", "unseenword", "</s>"} < set(want)
    got = data.load_vectors(str(FIXTURE), list(want))
    assert (got == np.array(list(want.values()), np.float32)).all()  # bit for bit


@pytest.mark.parametrize("change, message", [
    (lambda b: b[:4] + b"\x63" + b[5:], "no fastText model"),
    (lambda b: b[:36] + b"\x03" + b[37:], "supervised"),
    (lambda b: b[: len(b) // 3], "no whole fastText model"),
    (lambda b: b"", "no whole fastText model"),
])
def test_other_binary_models_are_refused(tmp_path, change, message):
    path = tmp_path / "m.bin"
    path.write_bytes(change(FIXTURE.read_bytes()))
    with pytest.raises(data.InputError, match=message):
        data.load_vectors(str(path), ["how"])


def test_subwords_by_hand():
    grams = [g.decode() for g in data.subwords("<né>".encode(), 1, 3)]
    assert grams == ["<n", "<né", "n", "né", "né>", "é", "é>"]


@pytest.mark.parametrize("spoil, message", [
    (lambda lines: lines[:3] + [lines[3].rsplit(" ", 2)[0]], "line 4: 298 values instead of 300"),
    (lambda lines: lines[:2] + [lines[2][:-1] + "x"], "line 3: a value is no number"),
    (lambda lines: ["a 1 2 3", "b 1 2 3 4"], "line 2: 4 values instead of 3"),
    (lambda lines: [], "holds no vectors"),
    (lambda lines: ["id,text,label", "0,Who,HUM"], "line 1: no values"),
])
def test_malformed_vectors_are_named_by_line(tmp_path, spoil, message):
    path = tmp_path / "v.vec"
    path.write_text("".join(line + "\n" for line in spoil(vector_lines(["a", "b", "c"])[0])))
    with pytest.raises(data.InputError, match=message):
        data.load_vectors(str(path), ["a", "b", "c"])


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


# ---- the matrix kept beside the data ------------------------------------------------------------


@pytest.fixture
def table(tmp_path):
    """A file of one's own: 60 texts of three classes, and a function that writes another."""
    def write(rows, name="my.csv", header=("id", "text", "label"), encoding="utf-8"):
        with open(tmp_path / name, "w", newline="", encoding=encoding) as f:
            out = csv.writer(f, delimiter="\t" if name.endswith("tsv") else ",")
            out.writerows([header, *rows])
        return tmp_path / name

    rows = [(i, f"text {i} of the {c} kind, {c * 3}", c) for i in range(20) for c in "abc"]
    return write, rows


def test_a_matrix_is_made_once_and_made_anew_where_it_is_damaged(table, tmp_path, capsys):
    write, rows = table
    path = write(rows)
    first = data.load(str(path))
    assert isinstance(first.x, np.ndarray) and not list(tmp_path.glob("*.part"))
    (cache,) = tmp_path.glob("my.csv-pool-*.npy")
    want, whole = np.array(first.x), cache.read_bytes()
    built = os.stat(cache).st_mtime_ns
    again = data.load(str(path))
    assert os.stat(cache).st_mtime_ns == built and isinstance(again.x, np.memmap)
    assert (again.x == want).all() and again.about == first.about
    pickled = io.BytesIO()
    np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    for damaged in (whole[:-100], b"", pickled.getvalue(), flipped):
        cache.write_bytes(damaged)
        assert (data.load(str(path)).x == want).all() and cache.read_bytes() == whole
        assert f"{cache} is damaged" in capsys.readouterr().err
    cache.with_name(cache.name + ".json").write_text("{")
    assert (data.load(str(path)).x == want).all()


def test_a_matrix_carries_what_it_was_made_from(table, tmp_path):
    write, rows = table
    path, vectors = write(rows), tmp_path / "v.vec"
    lines, _ = vector_lines(["text", "of"])
    vectors.write_text("\n".join(lines))
    a = np.array(data.load(str(path), vectors=str(vectors)).x)
    vectors.write_text("\n".join(lines[:-1]))
    b = np.array(data.load(str(path), vectors=str(vectors)).x)
    assert (a != b).any()
    write([(*row[:2], "") if i < 9 else row for i, row in enumerate(rows)])
    data.load(str(path))
    caches = set(tmp_path.glob("my.csv-pool-*.npy"))
    write([(*row[:2], "") if i < 5 else row for i, row in enumerate(rows)])
    data.load(str(path))  # labels do not change a text's vector
    assert set(tmp_path.glob("my.csv-pool-*.npy")) == caches and len(caches) == 1


def test_no_matrix_is_left_in_a_read_only_folder(table, tmp_path):
    write, rows = table
    path = write(rows)
    os.chmod(tmp_path, 0o555)
    x = data.load(str(path)).x
    os.chmod(tmp_path, 0o755)
    assert not list(tmp_path.glob("*.npy")) and not isinstance(x, np.memmap)
    assert (x == data.load(str(path)).x).all()


# ---- a table of one's own -----------------------------------------------------------------------


@pytest.mark.parametrize("name, encoding", [("my.csv", "utf-8"), ("my.csv", "utf-8-sig"),
                                            ("my.tsv", "utf-8")])
def test_a_table_is_split_by_class_and_keeps_its_row_numbers(table, name, encoding):
    write, rows = table
    rows[7] = (7, 'a "quoted", text\nof two lines é', "a")
    d = data.load(str(write(rows, name, encoding=encoding)), vectors="hash")
    assert d.classes == ["a", "b", "c"] and len(d.y) == 48 and np.bincount(d.y_test).max() == 4
    numbers = {text: number for number, (_, text, _) in enumerate(rows, 2)}
    assert d.row_numbers.tolist() == [numbers[text] for text in d.texts]
    label = {text: c for _, text, c in rows}
    assert [d.classes[c] for c in d.y] == [label[text] for text in d.texts]
    both = [*d.texts, *(t for t in label if t not in set(d.texts))]
    assert sorted(both) == sorted(label) and len(d.x_test) == 12


def test_other_columns_a_test_file_and_missing_labels(table, capsys):
    write, rows = table
    rows[3] = (3, "", "a")
    path = write(rows, header=("id", "body", "topic"))
    test = write(rows[:5], "test.csv", header=("id", "body", "topic"))
    names = {"text_column": "body", "label_column": "topic"}
    d = data.load(str(path), vectors="hash", test=str(test), **names)
    assert (len(d.y), len(d.y_test)) == (59, 4)
    assert "1 rows without a text are skipped" in capsys.readouterr().err
    rows[10:20] = [(i, text, "") for i, text, _ in rows[10:20]]
    path = write(rows, header=("id", "body", "topic"))
    filled = ((12 + 2, (rows[12][1], "b")),)
    d = data.load(str(path), vectors="hash", filled=filled, **names)
    assert (d.y == -1).sum() == 9 and d.classes[d.y[d.row_numbers == 14][0]] == "b"
    with pytest.raises(data.InputError, match="row 14: the text is not the one"):
        data.load(str(path), vectors="hash", filled=((14, ("other", "b")),), **names)


def test_duplicate_texts_with_other_labels_are_counted(table, capsys):
    write, rows = table
    rows[5] = (5, rows[0][1], "b")
    data.load(str(write(rows)), vectors="hash")
    assert "1 texts stand there with different labels, the first in rows 2 and 7" in (
        capsys.readouterr().err)


@pytest.mark.parametrize("spoil, message", [
    (lambda b: b"", "my.csv is empty"),
    (lambda b: b.splitlines(True)[0], "no row with a text"),
    (lambda b: b.replace(b"label", b"topic", 1), "no column 'label'; its columns are 'id', 'text'"),
    (lambda b: b.replace(b"of the b", b"of the \xe9 b", 1), "line 3: not UTF-8"),
    (lambda b: b + b'9,"open,a\n', "row 62: a quote is opened and not closed"),
    (lambda b: b + b'9,"open,a\n' * 2, "row 62: ',' expected after"),
    (lambda b: b + b'9,"open,a\n' + b"x" * 140_000, "row 62: a quote is opened and not closed"),
    (lambda b: b + b'9,"quoted" more,a\n', "row 62: ',' expected after"),
    (lambda b: b + b"9,one, two,a\n", "row 62: 4 values, and there are 3 columns"),
    (lambda b: b.replace(b",b\r", b",a\r").replace(b",c\r", b",a\r"), "every label is 'a'"),
    (lambda b: b.replace(b",b\r", b",\r").replace(b",c\r", b",\r").replace(b",a\r", b",\r"),
     "no row has a label"),
    (lambda b: b + b"9,a text,d\n", "row 62: the label 'd' stands nowhere else"),
])
def test_bad_tables_get_one_sentence(table, spoil, message):
    write, rows = table
    path = write(rows)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(data.InputError) as e:
        data.load(str(path), vectors="hash")
    assert message in str(e.value) and "my.csv" in str(e.value) and "\n" not in str(e.value)


def test_other_things_than_tables(table, tmp_path):
    write, rows = table
    (tmp_path / "folder.csv").mkdir()
    test = write([(1, "a text", "")], "test.csv")
    for name, options, message in (
            (tmp_path / "nope.csv", {}, "no file"), (tmp_path / "folder.csv", {}, "a directory"),
            (tmp_path, {}, "is a directory"), (tmp_path / "x.npy", {}, "or give a .csv or .tsv"),
            (write(rows), {"test": str(test)}, "test.csv, row 2: no label")):
        with pytest.raises(data.InputError, match=message):
            data.load(str(name), vectors="hash", **options)


# ---- downloads: every failure, against a server on this machine ---------------------------------

BODY = bytes(range(256)) * 1000


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves BODY; /missing is a 404, /drop-N breaks off the first N times, /short lies."""

    asked = {}

    def do_GET(self):
        n = Handler.asked[self.path] = Handler.asked.get(self.path, 0) + 1
        if self.path == "/missing":
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        drops = int(self.path.rpartition("-")[2]) if "drop" in self.path else 0
        self.wfile.write(BODY if n > drops else BODY[:1000])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{s.server_address[1]}"
        s.shutdown()


SHA = hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize("path", ["/good", "/drop-1", "/drop-2"])
def test_fetch_checks_and_tries_again(server, tmp_path, path):
    file = tmp_path / "new" / "file.bin"
    data.fetch(server + path, file, SHA, len(BODY))
    assert file.read_bytes() == BODY and os.listdir(file.parent) == ["file.bin"]


@pytest.mark.parametrize("path, sha, size, message", [
    ("/drop-3x-99", SHA, len(BODY), "breaks off after 1,000 bytes"),
    ("/missing", SHA, None, "404"),
    ("/good", "0" * 64, len(BODY), "SHA-256"),
    ("/good", SHA, len(BODY) + 1, "256,000 bytes instead of 256,001"),
    (None, SHA, None, "refused"),
])
def test_fetch_failures_say_what_to_do(server, tmp_path, path, sha, size, message):
    url = "http://127.0.0.1:9/closed" if path is None else server + path
    file = tmp_path / "trec" / "file.bin"
    with pytest.raises(data.InputError) as e:
        data.fetch(url, file, sha, size)
    for part in (message, "file.bin", url, str(file.parent), "python cal.py"):
        assert part in str(e.value)
    assert "\n" not in str(e.value) and os.listdir(file.parent) == []


def test_fetch_to_a_full_disk(server, tmp_path):
    code = ("import resource, signal, sys, data; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (70000, 70000));"
            "from pathlib import Path\n"
            "try: data.fetch(sys.argv[1], Path(sys.argv[2]), 'x')\n"
            "except data.InputError as e: print(e)")
    done = subprocess.run([sys.executable, "-c", code, server + "/good", str(tmp_path / "f.bin")],
                          cwd=HERE, capture_output=True, text=True)
    assert "File too large" in done.stdout and "python cal.py" in done.stdout
    assert os.listdir(tmp_path) == []


def test_trec_is_fetched_where_it_is_missing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "TREC_URL", server + "/missing?")
    with pytest.raises(data.InputError, match="train_5500.label"):
        data.load("trec", tmp_path)
    (tmp_path / "trec" / "train_5500.label").write_text("DESC:x spoiled ?\n")
    with pytest.raises(data.InputError, match="not the published file"):
        data.load("trec", tmp_path)


class VectorHandler(http.server.BaseHTTPRequestHandler):
    """Serves a vector file at /NAME, breaking off each reply after `piece` bytes."""

    body, piece, ranges, sent = b"", 1 << 30, True, 0

    def do_GET(self):
        asked = self.headers.get("Range") if self.ranges else None
        start = int(asked[6:-1]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(self.body) - start))
        self.end_headers()
        end = start + self.piece if self.ranges else VectorHandler.sent + self.piece
        with contextlib.suppress(OSError):
            self.wfile.write(self.body[start:end])
        VectorHandler.sent = end

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("ending", [".vec", ".vec.gz"])
def test_vectors_from_a_url_over_a_breaking_connection(monkeypatch, ranges, ending):
    lines, v = vector_lines([f"word{i}" for i in range(200)])
    text = "\n".join(lines).encode()
    for name, value in (("body", gzip.compress(text) if ending == ".vec.gz" else text),
                        ("piece", 100_000), ("ranges", ranges), ("sent", 0)):
        monkeypatch.setattr(VectorHandler, name, value)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), VectorHandler) as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{s.server_address[1]}/v{ending}"
        got = data.load_vectors(url, ["word199", "word3", "no-such-word"])
        with pytest.raises(data.InputError, match="cannot be streamed"):
            data.load_vectors(url.partition("/v")[0] + "/v.zip", ["a"])
        s.shutdown()
    np.testing.assert_array_equal(got, np.array([v["word199"], v["word3"], np.zeros(300)], "f4"))


def test_a_stream_stops_when_every_word_is_found(monkeypatch, capsys):
    lines, _ = vector_lines([f"word{i}" for i in range(2000)])
    monkeypatch.setattr(VectorHandler, "body", "\n".join(lines).encode())
    seen = []
    monkeypatch.setattr(data.Download, "close", lambda self: seen.append(self.at))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), VectorHandler) as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        data.load_vectors(f"http://127.0.0.1:{s.server_address[1]}/v.vec", ["word1", "word1100"])
        s.shutdown()
    assert seen[0] < len(VectorHandler.body) * 0.7
    assert "1 of 2 words" in capsys.readouterr().err  # on the progress bar


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
        assert cal.main() == 2
        error = capsys.readouterr().err.splitlines()
        assert message in error[-1] and not any("Traceback" in line for line in error)


def test_vectors_from_an_address_that_does_not_answer(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cal.py", "--vectors", "http://127.0.0.1:9/x.vec"])
    assert cal.main() == 2
    error = capsys.readouterr().err
    assert "http://127.0.0.1:9/x.vec" in error and error.count("\n") == 1


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


def test_the_interval_covers_the_truth_95_times_in_100():
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(4000):
        mean, half = stats.interval(rng.normal(1, 2, 5))
        inside.append(abs(mean - 1) < half)
    assert abs(np.mean(inside) - 0.95) < 0.015


def test_verdicts():
    up, down = np.array([0.1, 0.12, 0.11]), np.array([-0.1, -0.12, -0.11])
    open_ = np.array([1, -1, 0.2])
    assert stats.verdict({"a": up})[0] == stats.HOLDS
    assert stats.verdict({"a": up, "b": down})[0] == stats.FAILS
    assert stats.verdict({"a": up, "b": open_})[0] == stats.UNSURE
    assert stats.verdict({"a": up[:1]})[0] == stats.UNSURE


# ---- the released code's switches ---------------------------------------------------------------


def test_protocols_by_name():
    assert datamap.protocol_of("paper") == datamap.PAPER
    assert datamap.protocol_of("code").pad and not datamap.protocol_of("code").reset
    assert datamap.protocol_of("code+reset-pad") == datamap.replace(
        datamap.CODE, reset=True, pad=False)
    for bad in ("papers", "paper+nothing", "", "+pad"):
        with pytest.raises(ValueError):
            datamap.protocol_of(bad)
    # The ladder changes one thing at a time.
    for name in cal.ladder():
        base = datamap.protocol_of(name.partition("+")[0])
        changed = [f.name for f in datamap.fields(base)
                   if getattr(base, f.name) != getattr(datamap.protocol_of(name), f.name)]
        assert len(changed) == ("+" in name)


def test_row_1_without_reset_round_1_starts_where_round_0_ended(tmp_path):
    s = cal.Settings(20, 2, 5, 2, 8, datamap.replace(datamap.PAPER, reset=False))
    stack = [cal.Run("cal", 1), cal.Run("random", 2)]
    log, g = cal.Log(tmp_path), torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 20, 300, generator=g), torch.randint(3, (2, 20), generator=g)
    theta, _, _ = cal.train(stack, 0, x, y, 3, s, log)
    later = cal.new_theta(stack[::-1], 1, 300, 3, s.protocol, "cpu")
    log.load_state(later, stack[::-1], 0)
    for old, new in zip(theta.state, later.state):
        assert torch.equal(old, new.flip(0))
    assert later.steps == theta.steps == 2 * 3  # two epochs of three mini-batches


def test_row_2_dropout_stays_on_and_a_run_does_not_depend_on_its_stack():
    noisy = datamap.replace(datamap.PAPER, quiet=False)
    runs = [cal.Run("cal", 1), cal.Run("random", 1), cal.Run("cal", 2)]
    x = torch.randn(1, 50, 300, generator=torch.Generator().manual_seed(0))
    alone = cal.new_theta(runs[:1], 0, 300, 6, noisy, "cpu")
    together = cal.new_theta(runs, 0, 300, 6, noisy, "cpu")
    first, second = alone.probs(x), alone.probs(x)
    assert not torch.equal(first, second)
    taken = together.take([2, 0])
    assert torch.equal(taken.probs(x)[1], first[0])
    assert torch.equal(together.take([0]).probs(x)[0], second[0])


def test_row_3_padding_adds_the_first_word(monkeypatch):
    texts = ["How do you", "what is this now"]
    raw = {"train": (texts, ["a", "b"]), "test": (["what"], ["a"]), "max_len": 5, "batch_size": 1,
           "seed_size": 1}
    monkeypatch.setitem(data.READERS, "tiny", lambda _: raw)
    plain, padded = data.load("tiny", vectors="hash"), data.load("tiny", vectors="hash", pad=True)
    how = data.hash_vectors(["how"])[0]
    np.testing.assert_allclose(padded.x[0] - plain.x[0], 2 * how, atol=1e-6)
    np.testing.assert_allclose(padded.x[1] - plain.x[1], how, atol=1e-6)
    np.testing.assert_allclose(padded.x_test[0] - plain.x_test[0], 4 * how, atol=1e-6)


def test_row_4_two_hidden_layers():
    run = [cal.Run("cal", 1)]
    assert cal.new_theta(run, 0, 300, 6, datamap.PAPER, "cpu").widths == (300, 300, 300, 8)
    assert cal.new_theta(run, 0, 300, 6, datamap.CODE, "cpu").widths == (300, 300, 8)


def test_row_5_one_seed_set_for_all():
    d = data.load("demo", vectors="hash")
    s = cal.Settings(100, protocol=datamap.CODE)
    rows = [cal.seed_set_of(seed, d, s) for seed in (1, 2)]
    assert (rows[0] == rows[1]).all()
    assert (rows[0] == np.random.RandomState(42).permutation(2500)[2400:]).all()


def test_rows_6_and_7_order_of_labelling_and_what_the_passes_saw():
    x, y = torch.randn(2, 13, 30), torch.randint(3, (2, 13))
    stack, twin = datamap.Stack((30, 20, 3), [1, 2]), datamap.Stack((30, 20, 3), [1, 2])
    training = datamap.fit(stack, x, y, 1, 4, datamap.Draws([1, 2], "t"), dropout=0,
                           shuffle=False, watch=True)
    p, psi = next(training)
    onehot = torch.nn.functional.one_hot(y, 8).float()
    for i in range(0, 13, 4):  # the passes of one epoch, by hand: before each step
        now = slice(i, i + 4)
        torch.testing.assert_close(p[:, now, :3], twin.probs(x[:, now]))
        torch.testing.assert_close(psi[:, now], twin.psi(x[:, now]))
        twin.step(x[:, now], onehot[:, now], [])
    assert torch.equal(stack.flat, twin.flat)


def test_what_the_passes_saw_is_in_the_order_of_the_instances():
    x, y = torch.randn(2, 13, 30), torch.randint(3, (2, 13))
    stack = datamap.Stack((30, 20, 3), [1, 2], lr=0.0)  # it never moves, so the order is all
    draws = datamap.Draws([1, 2], "t")
    for p, _psi in datamap.fit(stack, x, y, 2, 4, draws, dropout=0, watch=True):
        torch.testing.assert_close(p[..., :3], stack.probs(x))


def test_row_8_correctness_to_the_nearest_fifth():
    phi = [0.0, 0.2, 0.29, 0.3 - 1e-9, 0.31, 0.5, 1.0]
    phi = torch.tensor([phi], dtype=torch.float64)
    view = strategies.replace(view_of(X4, range(7)), map=datamap.DataMap(phi, phi, phi))
    assert view.high_cor().tolist() == [[0, 0, 1, 1, 1, 1, 1]]
    rounded = strategies.replace(view, protocol=datamap.CODE)
    assert rounded.high_cor().tolist() == [[0, 0, 0, 0, 1, 1, 1]]


def test_row_9_psi_of_the_first_epoch():
    view = view_of(X4, range(7))
    view = strategies.replace(view, protocol=datamap.CODE, seen_psi=("first", "2nd"))
    assert view.psi_labelled() == "first"
    assert view_of(X4, range(7)).psi_labelled().shape == (1, 7, 4)


def test_row_11_linear_layer_with_a_relu_on_its_outputs():
    view = strategies.replace(view_of(X4, range(24)), protocol=datamap.CODE)
    y = torch.tensor([[0, 1] * 12])
    head = strategies.binary_classifier(view, view.x[None, :24], y)
    assert head.widths == (8,)
    twin = datamap.Stack((4, 2), view.seeds, view.round, "binary")
    linear = torch.nn.Linear(4, 2)
    linear.weight.data = twin.W[0][0, :, :2].T.clone()
    linear.bias.data = twin.b[0][0, 0, :2].clone()
    optimizer = torch.optim.AdamW(linear.parameters(), lr=5e-5)
    for i in [0, 16] * 30:  # in the order of labelling
        optimizer.zero_grad()
        out = torch.relu(linear(view.x[i : min(i + 16, 24)]))
        torch.nn.functional.cross_entropy(out, y[0, i : min(i + 16, 24)]).backward()
        optimizer.step()
    want = torch.softmax(torch.relu(linear(view.x)), dim=-1)
    torch.testing.assert_close(head.probs(view.x[None])[0], want)


def test_row_13_dal_learns_from_every_epoch():
    x = torch.from_numpy(two_clusters(400, far=9)).float()
    view = strategies.replace(view_of(x, range(100)), protocol=datamap.CODE,
                              seen_psi=(x[None, :100],) * 30)
    assert (strategies.released_dal(view, 150)[0] >= 200).all()


def test_row_14_bald_averages_logarithms():
    view = view_of(X4, range(10))
    draws, total = view.draws("bald"), 0
    for _ in range(10):
        mask = draws.dropout(60, 4)[0].numpy()
        total = total + np.log(probabilities((X4.astype(np.float32) * mask).astype(np.float64)))
    p = probabilities(total / 10)
    assert strategies.released_bald(view, 15)[0].tolist() == best_rows(
        -(p * np.log2(p)).sum(1), range(10, 60), 15)


def test_row_16_words_as_they_are_written(tmp_path):
    lines, v = vector_lines(["how"])
    (tmp_path / "v.vec").write_text("\n".join(lines) + "\n")
    got = data.load_vectors(str(tmp_path / "v.vec"), ["How", "how"], respell=False)
    np.testing.assert_allclose(got, np.array([np.zeros(300), v["how"]], np.float32))


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
        return cal.main()
    finally:
        sys.argv = before


def run_files(out):
    """{file name: its lines without the times}."""
    lines = {}
    for path in sorted(Path(out).glob("*/runs/*.jsonl")):
        parsed = [json.loads(line) for line in path.read_text().splitlines()]
        lines[path.name] = [{k: v for k, v in p.items() if k != "seconds"} for p in parsed]
    return lines


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A tiny run of everything, uninterrupted, in one process."""
    out = tmp_path_factory.mktemp("tiny")
    done = run_cal(*TINY, "--seeds", 1, 2, "--everything", "--out", out)
    return out, done


def test_a_run_writes_what_the_design_says(tiny):
    out, done = tiny
    folder = out / "demo-paper-pool"
    labels = [*cal.SIX, "cal-t0", "cal-t0.4", "cal-t0.6", "cal-t0.8", "cal+dal", "full"]
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
    assert "final accuracy" in done.stdout and str(folder / "report.md") in done.stdout


def test_the_report_is_what_the_run_files_say(tiny):
    out, _ = tiny
    folder, files = out / "demo-paper-pool", run_files(out)
    with open(folder / "results.csv", encoding="utf-8") as f:
        rows = {row["strategy"]: row for row in csv.DictReader(f)}
    for label, name in (("cal", "CAL"), ("random", "Rand."), ("cal-t0.4", "CAL (t_cor 0.4)")):
        scores = np.array([[x["accuracy"] for x in files[f"{label}-{s}.jsonl"]] for s in (1, 2)])
        final = f"{scores[:, -1].mean():.3f} ± {scores[:, -1].std(ddof=1):.3f}"
        assert rows[name]["final accuracy"] == final
        assert rows[name]["mean accuracy"].startswith(f"{scores.mean():.3f}")
    with open(folder / "table4.csv", encoding="utf-8") as f:
        table4 = {row["pair"]: row for row in csv.DictReader(f)}
    shared = sum(len(set(a["picked"]) & set(b["picked"])) for s in (1, 2)
                 for a, b in zip(files[f"cal-{s}.jsonl"], files[f"random-{s}.jsonl"]))
    assert table4["CAL ∩ Rand."]["same round"] == str(shared)
    assert float(table4["CAL ∩ Rand."]["by chance"]) == pytest.approx(2 * 2 * 100 / 2440, abs=0.05)
    with open(folder / "table2.csv", encoding="utf-8") as f:
        cell = next(row for row in csv.DictReader(f)
                    if (row["sample"], row["row over column"]) == ("pooled rounds", "CAL"))
    pools = {label: np.ravel([[x["accuracy"] for x in files[f"{label}-{s}.jsonl"]] for s in (1, 2)])
             for label in cal.SIX}
    assert float(cell["Rand."]) == pytest.approx(
        stats.aso(pools["cal"], pools["random"], 0.05 / 15), abs=0.005)
    with open(folder / "planted.csv", encoding="utf-8") as f:
        planted = {row["share of the picks"]: row for row in csv.DictReader(f)}
    kind = data.load("demo").kind
    share = [np.mean([kind[row] == "mislabelled" for x in files[f"dal-{s}.jsonl"]
                      for row in x["picked"]]) for s in (1, 2)]
    assert planted["DAL"]["mislabelled"].startswith(f"{np.mean(share):.3f}")
    report = (folder / "report.md").read_text(encoding="utf-8")
    for heading in ("Results", "The paper's claims", "Data efficiency", "Table 1", "Table 2",
                    "Table 3", "Table 4", "Data maps", "Planted truth"):
        assert f"# {heading}" in report
    assert "All runs are finished." in report


def test_report_only_redraws_the_same_bytes(tiny):
    out, _ = tiny
    folder = out / "demo-paper-pool"
    before = {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    for name in before:
        if name != "config.json":
            (folder / name).unlink()
    assert not cal_main("--report-only", "--out", out)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before


def test_one_strategy_alone_picks_the_same(tiny, tmp_path):
    assert not cal_main(*TINY, "--seeds", 2, "--strategies", "cal", "--out", tmp_path)
    assert run_files(tmp_path)["cal-2.jsonl"] == run_files(tiny[0])["cal-2.jsonl"]
    maps = "demo-paper-pool/runs/maps-2.npz"
    assert (tmp_path / maps).read_bytes() == (tiny[0] / maps).read_bytes()


def test_three_processes_write_the_same_files(tiny, tmp_path):
    # Three ranks for two seeds: the seeds are dealt out run by run.
    run_cal(*TINY[:-1], 3, "--seeds", 1, 2, "--out", tmp_path, "--strategies", "random", "bald",
            "cal")
    got, want = run_files(tmp_path), run_files(tiny[0])
    assert len(got) == 8 and got == {name: want[name] for name in got}


def test_all_seeds_in_one_stack_as_on_a_gpu(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(cal, "side_by_side", lambda device: None)
    runs = cal.runs_of(["random", "bald", "dal", "cal"], [1, 2], [0.2])
    assert cal.stacks_of(runs, 0, 1, "cuda") == [runs]
    log = cal.Log(tmp_path / "demo-paper-pool")
    cal.active_learning(runs, data.load("demo"), cal.Settings(60, 2, 10, 2), log)
    want = run_files(tiny[0])
    assert run_files(tmp_path) == {name: want[name] for name in run_files(tmp_path)}


@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_every_run_has_one_process(world):
    runs = cal.runs_of(cal.SIX, cal.SEEDS, [0.2])
    dealt = [run for rank in range(world) for stack in cal.stacks_of(runs, rank, world, "cpu")
             for run in stack]
    assert sorted(dealt, key=runs.index) == runs
    shares = [sum(map(len, cal.stacks_of(runs, rank, world, "cpu"))) for rank in range(world)]
    assert max(shares) - min(shares) <= 1


def test_a_killed_process_loses_its_round_alone(tiny, tmp_path):
    arguments = [*TINY[:-1], 2, "--seeds", 1, 2, "--strategies", "cal", "--out", tmp_path]
    whole = subprocess.Popen([sys.executable, str(HERE / "cal.py"), *map(str, arguments)],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while whole.poll() is None and not list(tmp_path.rglob("cal-*.jsonl")):
        time.sleep(0.01)
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (str(tmp_path).encode() in (process / "cmdline").read_bytes()
                    and b"\0RANK=1\0" in (process / "environ").read_bytes()):
                os.kill(int(process.name), signal.SIGKILL)
    assert whole.wait(timeout=120) != 0
    run_cal(*arguments)
    want = run_files(tiny[0])
    assert run_files(tmp_path) == {name: want[name] for name in run_files(tmp_path)}


def test_the_benchmark_prints_a_ratio():
    name, time_, ratio = next(cal.bench("cpu"))
    assert name == "training step, 1 run side by side" and time_.endswith(" ms")
    assert 0.5 < float(ratio.split()[0]) < 20


def test_two_processes_that_share_the_pool_pick_what_one_picks(tiny, tmp_path, monkeypatch):
    # Chunks of 4,096 rows would leave the demo corpus to one process: this one has 2,500 rows.
    code = "import datamap, cal, sys; datamap.CHUNK = 512; sys.exit(cal.main())"
    (tmp_path / "small_chunks.py").write_text(code)
    arguments = ["--rounds", 1, *TINY[2:-2], "--seeds", 1, "--strategies", "random", "entropy",
                 "bald", "cal", "cal+dal", "--out"]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}
    for launcher, out in (([], "one"), (["-m", "torch.distributed.run", "--standalone",
                                         "--nproc-per-node", "2"], "two")):
        command = [sys.executable, *launcher, str(tmp_path / "small_chunks.py"), *arguments,
                   tmp_path / out, *(["--share-pool"] if launcher else ["--jobs", "1"])]
        subprocess.run(list(map(str, command)), env=environment, check=True, capture_output=True)
    one, two = run_files(tmp_path / "one"), run_files(tmp_path / "two")
    assert len(one) == 6 and one == two


@pytest.mark.parametrize("N, world", [(5452, 2), (5452, 3), (100, 2), (12288, 3), (1, 4)])
def test_shards_are_whole_chunks_and_cover_every_row_once(N, world):
    rows = [r for rank in range(world) for r in range(N)[strategies.shard_of(N, rank, world)]]
    assert rows == list(range(N))
    assert all(strategies.shard_of(N, r, world).start % datamap.CHUNK == 0 for r in range(world))


def test_a_torn_line_and_a_lost_file_are_made_good(tiny, tmp_path):
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "demo-paper-pool"
    cal_file, lc_file = folder / "runs" / "cal-1.jsonl", folder / "runs" / "lc-1.jsonl"
    cal_file.write_bytes(cal_file.read_bytes()[:-40])  # torn in the last line
    lc_file.unlink()
    stats.write_report(folder)
    assert "20 of 22 runs are finished" in (folder / "report.md").read_text()
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


def test_the_released_protocol_resumes_and_does_not_depend_on_the_stack(tmp_path):
    arguments = [*TINY, "--seeds", 1, "--protocol", "code", "--out"]
    cal_main(*arguments, tmp_path / "all", "--strategies", "random", "bald", "dal", "cal")
    cal_main(*arguments, tmp_path / "cut", "--strategies", "cal", "dal")
    runs = tmp_path / "cut" / "demo-code-pool" / "runs"
    assert not list(runs.glob("*.pt"))  # done: nothing is left to go on from
    want = run_files(tmp_path / "all")
    assert len(want) == 5
    assert run_files(tmp_path / "cut") == {n: want[n] for n in run_files(tmp_path / "cut")}


def test_the_released_protocol_after_kill_9(tmp_path):
    arguments = [*TINY, "--seeds", 1, "--protocol", "code", "--strategies", "cal", "random",
                 "--out"]
    cal_main(*arguments, tmp_path / "one")
    process = subprocess.Popen([sys.executable, str(HERE / "cal.py"),
                                *map(str, [*arguments, tmp_path / "two"])], stderr=subprocess.PIPE)
    while process.poll() is None and not list(tmp_path.glob("two/*/runs/cal-1.round*.pt")):
        time.sleep(0.001)
    process.kill()
    process.communicate()
    cal_main(*arguments, tmp_path / "two")
    assert run_files(tmp_path / "one") == run_files(tmp_path / "two")


def test_the_ladder(tmp_path):
    arguments = ["--ablate", *TINY[:-1], 2, "--seeds", 1, 2, "--out", tmp_path]
    arguments[arguments.index("--rounds") + 1] = 1
    arguments[arguments.index("--epochs") + 1] = 1
    said = run_cal(*arguments).stdout
    with open(tmp_path / "demo-ladder-pool" / "ladder.csv", encoding="utf-8") as f:
        rows = {row["protocol"]: row for row in csv.DictReader(f)}
    assert list(rows) == cal.ladder()

    def accuracy(name, label):
        return np.array([[json.loads(line)["accuracy"] for line in
                          (tmp_path / f"demo-{name}-pool" / "runs" / f"{label}-{s}.jsonl").open()]
                         for s in (1, 2)])

    for name in ("paper+pad", "code+deep"):
        for label, head, change in (("cal", "CAL", "change"), ("full", "all data", "change  ")):
            now, before = accuracy(name, label), accuracy(name.partition("+")[0], label)
            assert rows[name][head] == stats.plus_minus(now[:, -1])
            d = (now - before)[:, -1]
            assert rows[name][change] == ("+" if d.mean() >= 0 else "") + stats.plus_minus(d)
        d = (accuracy(name, "cal") - accuracy(name.partition("+")[0], "cal")).mean(1)
        assert float(rows[name]["mean's change"].split()[0]) == pytest.approx(d.mean(), abs=6e-4)
    assert rows["paper+exact"]["Random"] == "as before"
    assert "for as many epochs" in said
    assert (tmp_path / "demo-ladder-pool" / "ladder.png").stat().st_size > 0


# ---- the next batch to label --------------------------------------------------------------------


def read_table(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def test_next_batch_fill_in_next_batch(tmp_path, capsys):
    (texts, labels), kind = data.read_demo()["train"], data.load("demo").kind
    known = set(np.random.default_rng(0).choice(2500, 500, replace=False).tolist())
    with open(tmp_path / "my.csv", "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([("text", "label"), *(
            (text, label if i in known else "") for i, (text, label) in
            enumerate(zip(texts, labels)))])
    arguments = ["--dataset", tmp_path / "my.csv", "--out", tmp_path / "results"]
    said = run_cal(*arguments).stdout
    folder = tmp_path / "results" / "my.csv-paper-pool"
    assert "500 texts have a label, 2,000 have none" in said and "Run the same command" in said
    batch, doubts = read_table(folder / "next_batch.csv"), read_table(folder / "relabel.csv")
    assert list(batch[0]) == ["row", "text", "score", "region", "predicted", "label"]
    numbers = [int(row["row"]) - 2 for row in batch]
    assert len(set(numbers)) == 50 and not set(numbers) & known
    assert all(row["text"] == texts[i] and row["label"] == "" for i, row in zip(numbers, batch))
    assert {row["region"] for row in batch} <= {"easy", "ambiguous", "hard"}
    scores = [float(row["score"]) for row in batch]
    assert scores == sorted(scores, reverse=True) and -0.5 <= min(scores) <= max(scores) <= 0
    assert all(int(row["row"]) - 2 in known and row["model"] != row["label"] for row in doubts)
    total = [float(row["confidence"]) + float(row["variability"]) for row in doubts]
    assert all(b > a - 1e-3 for a, b in zip(total, total[1:]))  # four digits are written
    assert (folder / "map.png").stat().st_size > 0
    found = sum(kind[int(row["row"]) - 2] == "mislabelled" for row in doubts[:50])
    chance = 50 * np.mean([kind[i] == "mislabelled" for i in known])
    with capsys.disabled():
        print(f"\nrelabel.csv: {found} of its first 50 rows are planted mislabelled rows (labelled"
              f" rows at random: {chance:.1f})")
    assert found > 4 * chance

    for i, row in zip(numbers[:40], batch):  # forty in next_batch.csv, ten in the file itself
        row["label"] = labels[i]
    stats.write_csv(folder / "next_batch.csv", batch[0], [row.values() for row in batch])
    rows = read_table(tmp_path / "my.csv")
    for i in numbers[40:]:
        rows[i]["label"] = labels[i]
    stats.write_csv(tmp_path / "my.csv", rows[0], [row.values() for row in rows])
    assert "550 texts have a label, 1,950 have none" in run_cal(*arguments, "--seeds", 1, 2).stdout
    after = [int(row["row"]) - 2 for row in read_table(folder / "next_batch.csv")]
    assert len(after) == 50 and not set(after) & (known | set(numbers))
    assert len(read_table(folder / "labels.csv")) == 40


def test_the_next_batch_warns_and_takes_any_strategy(table, tmp_path, capsys):
    write, rows = table
    rows[9:] = [(i, text, c if n % 5 == 0 and c != "c" else "") for n, (i, text, c) in
                enumerate(rows[9:])]
    test = write([(1, "of the d kind, ddd", "d")], "test.csv")
    arguments = ["--dataset", write(rows), "--test", test, "--epochs", 1, "--seeds", 1, 2,
                 "--vectors", "hash", "--out", tmp_path / "results"]
    for name in ("cal", "lc", "bald", "dal", "cal+dal", "random"):
        assert cal_main(*arguments, "--strategies", name, "--batch", 7) == 0
        said = capsys.readouterr()
        assert "fewer than five labels: c (3)" in said.err
        assert "no labelled text of d; it cannot be predicted" in said.err
        assert f"Accuracy on {test}: 0.000 ± 0.000 over 2 seeds." in said.out
        picked = read_table(tmp_path / "results" / "my.csv-paper-hash" / "next_batch.csv")
        assert len({row["row"] for row in picked}) == 7
    folder = tmp_path / "results" / "my.csv-paper-hash"
    assert cal_main(*arguments, "--batch", 70) == 0  # more than there are
    assert len(read_table(folder / "next_batch.csv")) == sum(not c for *_, c in rows)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert cal_main(*arguments, "--batch", 70) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_map_of_one_region_is_pointed_out(table, tmp_path, capsys):
    write, rows = table
    path = write([(i, c * 3 + f" {c * 3}" * 150, c if i < 15 else "") for i, _, c in rows])
    assert cal_main("--dataset", path, "--out", tmp_path / "out", "--seeds", 1) == 0
    assert "all 45 labelled texts are easy to learn" in capsys.readouterr().err


@pytest.mark.parametrize("more, spoil, message", [
    (["--strategies", "cal", "lc"], None, "name one in --strategies"),
    (["--t-cor", "0.2", "0.4"], None, "one --t-cor"),
    (["--seed-size", "12"], None, "--seed-size is for experiments"),
    (["--ablate"], None, "--ablate is for experiments"),
    (["--protocol", "code"], None, "goes with --protocol paper"),
    ([], lambda t: t.replace("label", "lable", 1), "next_batch.csv, row 2: its columns"),
    ([], lambda t: t.replace(" kind", " sort"), "the text is not the one that was labelled"),
    (["--out", "/dev/null"], None, "cannot write to"),
])
def test_the_next_batch_refuses(table, tmp_path, capsys, more, spoil, message):
    write, rows = table
    path = write([(i, text, c if i < 15 else "") for i, text, c in rows])
    arguments = ["--dataset", path, "--vectors", "hash", "--epochs", 1, "--seeds", 1,
                 "--out", tmp_path / "out"]
    if spoil:
        assert cal_main(*arguments) == 0
        batch = tmp_path / "out" / "my.csv-paper-hash" / "next_batch.csv"
        batch.write_text(spoil(batch.read_text().replace(",\n", ",a\n")))
        capsys.readouterr()
    assert cal_main(*arguments, *more) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_simulation_on_a_table(table, tmp_path, capsys):
    write, rows = table
    arguments = ["--dataset", write(rows), "--out", tmp_path / "out", "--vectors", "hash",
                 "--seeds", 1, "--strategies", "cal", "random", "--epochs", 2, "--jobs", 1]
    assert cal_main(*arguments, "--seed-size", 12, "--batch", 6, "--rounds", 2) == 0
    lines = run_files(tmp_path / "out")["cal-1.jsonl"]
    assert [x["labelled"] for x in lines] == [12, 18, 24]
    assert "final accuracy" in capsys.readouterr().out
    assert cal_main(*arguments, "--fresh") == 0  # sizes from the file: 48 texts
    lines = run_files(tmp_path / "out")["cal-1.jsonl"]
    assert [x["labelled"] for x in lines] == list(range(30, 49))
    assert "(t_cor" not in (tmp_path / "out" / "my.csv-paper-hash" / "report.md").read_text()


@pytest.mark.parametrize("arguments, message", [
    (["--test", "x.csv"], "--test goes with"), (["--dataset", "nope.csv"], "no file nope.csv"),
    (["--agnews-text", "title"], "description"),
    (["--dataset", "nope"], "demo, trec, agnews"),
    (["--strategies", "cal", "nope"], "choose from"),
    (["--device", "tpu"], "auto"),
    (["--protocol", "nope"], "is not paper or code"),
    (["--protocol", "paper+nope"], "SWITCH of reset, quiet"),
    (["--rounds", "0"], "less than 1"), (["--batch", "-5"], "less than 1"),
    (["--epochs", "0"], "less than 1"), (["--jobs", "0"], "less than 1"),
    (["--seed-size", "0"], "less than 1"), (["--rounds", "many"], "'many'"),
    (["--seeds", "1", "x"], "'x' is no whole number"), (["--seeds", "-1"], "less than 0"),
    (["--t-cor", "1"], "not in [0, 1)"), (["--t-cor", "-0.1"], "not in [0, 1)"),
    (["--t-cor", "nan"], "not in [0, 1)"), (["--t-cor", "low"], "'low' is no number"),
    (["--rounds", "100"], "more than the 2500 texts"),
    (["--seed-size", "2600"], "more than the 2500 texts"),
    (["--vectors", "nope.vec"], "no vector file nope.vec"),
    (["--vectors", "."], "cannot read the vectors"),
    (["--out", "/dev/null"], "cannot write to"),
    (["--report-only", "--out", "/nowhere"], "no results in"),
    (["--report-only", "--ablate"], "no results in results/demo-paper-pool"),
    (["--share-pool", "--protocol", "code"], "reset the weights every round"),
    (["--ablate", "--share-pool"], "reset the weights every round"),
    (["--ablate", "--t-cor", "0.4"], "leave out --strategies, --t-cor"),
    (["--ablate", "--protocol", "code"], "leave out --strategies, --t-cor"),
    (["--nonsense"], "--nonsense"),
])
def test_bad_input_gets_one_sentence_and_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["cal.py", *arguments])
    try:
        code = cal.main()
    except SystemExit as e:
        code = e.code
    error = capsys.readouterr().err
    assert code == 2 and message in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())  # nothing half-written is left behind


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(tmp_path):
    limit = ("import resource, signal, sys, cal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
             "resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500)); sys.exit(cal.main())")
    arguments = [*map(str, [*TINY, "--seeds", 1, "--strategies", "cal", "--out", tmp_path])]
    done = subprocess.run([sys.executable, "-c", limit, *arguments], cwd=HERE, text=True,
                          capture_output=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "File too large" in done.stderr.splitlines()[-1]
    assert not list(tmp_path.rglob("*.part"))
    for config in tmp_path.rglob("config.json"):
        assert json.loads(config.read_text())["settings"]["dataset"] == "demo"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cal.py", "--device", "cuda"])
    assert cal.main() == 2 and "no CUDA device" in capsys.readouterr().err


def test_other_settings_are_refused_by_name(tiny, monkeypatch, capsys):
    config = tiny[0] / "demo-paper-pool" / "config.json"
    before = config.read_bytes()
    arguments = [*TINY, "--out", str(tiny[0]), "--batch", "11"]
    monkeypatch.setattr(sys, "argv", ["cal.py", *arguments])
    assert cal.main() == 2
    error = capsys.readouterr().err
    assert "was made with batch 10, and this is batch 11" in error and error.count("\n") == 1
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
    assert cal.main() == 2
    error = capsys.readouterr().err
    assert message in error and "--fresh" in error and error.count("\n") == 1


def test_fresh_starts_over(tiny, tmp_path):
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    arguments = ["--seeds", 1, "--strategies", "random", "--out", tmp_path]
    cal_main(*TINY, *arguments, "--batch", 5, "--fresh")
    assert set(run_files(tmp_path)) == {"random-1.jsonl", "full-1.jsonl"}
    assert [len(x["picked"]) for x in run_files(tmp_path)["random-1.jsonl"]] == [5, 5, 0]


def test_ctrl_c_says_how_to_go_on(tmp_path):
    process = subprocess.Popen(
        [sys.executable, str(HERE / "cal.py"), "--jobs", "1", "--out", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(tmp_path.rglob("*.jsonl")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130 and "goes on from the last finished round" in error
    assert "Traceback" not in error


def test_trec_runs_on_its_own_files(trec, tmp_path):
    cal_main("--dataset", "trec", "--data-dir", trec, "--vectors", "hash", "--seeds", 1,
             "--strategies", "cal", "random", "--out", tmp_path, "--rounds", 1, "--epochs", 1,
             "--jobs", 1)
    assert [x["labelled"] for x in run_files(tmp_path)["cal-1.jsonl"]] == [500, 550]
    report = (tmp_path / "trec-paper-hash" / "report.md").read_text()
    assert "| CAL | 1 |" in report and "0.724" in report


def test_the_readme_links_to_the_lines_that_turn_a_switch():
    links = re.findall(r"\[`(\w+)`\]\((\w+\.py)#L(\d+)\)", (HERE / "README.md").read_text("utf-8"))
    for name, file, line in links:
        assert name in (HERE / file).read_text("utf-8").splitlines()[int(line) - 1], (name, file)
    switches = {name for name, *_ in links} | {"plain_scores"}
    assert switches >= {f.name for f in dataclasses.fields(datamap.Protocol)}
