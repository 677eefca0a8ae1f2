"""Tests of the strategies beyond the paper, each against a slow loop written from its source."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import cal
import datamap
import strategies
from baselines import BEYOND, clusters, today
from fast import Stack, View
from labelling.committee import Committee
from plumbing.draws import Draws
from test_cal import X4, best_rows, probabilities, two_clusters, view_of

# view_of's model is the identity on x >= 0 up to Psi, and its logits are x: Psi(x) = x.
POOL = range(10, 60)


def plus_plus(points, weight, allowed, first, draws, k):
    """Oracle: k-means++ seeding by Arthur & Vassilvitskii, one row at a time."""
    chosen, allowed = [first], [row for row in allowed if row != first]
    for u in draws[: k - 1]:
        d2 = [weight[row] * min(((points[row] - points[c]) ** 2).sum() for c in chosen)
              for row in allowed]
        heap = np.cumsum(d2)
        row = allowed[int(np.argmax(heap > u * heap[-1]))] if heap[-1] > 0 else allowed[0]
        chosen.append(row)
        allowed.remove(row)
    return chosen


def draws_of(view, purpose, k):
    return view.draws(purpose).uniform(k - 1)[0].double().numpy()


def test_margin_against_sorting():
    p = np.sort(probabilities(X4), axis=1)
    picked = BEYOND["margin"](view_of(X4, range(10)), 20)[0].tolist()
    assert picked == best_rows(p[:, -2] - p[:, -1], POOL, 20)


@pytest.mark.parametrize("k", [1, 2, 15])
def test_badge_against_whole_gradients(k):
    view, p = view_of(X4, range(10)), probabilities(X4)
    gradient = np.stack([np.outer(p[i] - np.eye(4)[p[i].argmax()], X4[i]).ravel()
                         for i in range(60)])  # [N, C width]: what the factors never form
    first = max(POOL, key=lambda row: (gradient[row] ** 2).sum())
    want = plus_plus(gradient, np.ones(60), POOL, first, draws_of(view, "badge", k), k)
    assert BEYOND["badge"](view, k)[0].tolist() == want


def test_core_set_against_a_loop():
    centres, picked = list(range(10)), []
    for _ in range(12):
        far = [min(((X4[row] - X4[c]) ** 2).sum() for c in centres) for row in range(60)]
        picked.append(best_rows(far, [row for row in POOL if row not in picked], 1)[0])
        centres.append(picked[-1])
    assert BEYOND["coreset"](view_of(X4, range(10)), 12)[0].tolist() == picked


@pytest.mark.parametrize("labelled", [10, 25])
def test_contrastive_against_a_loop(labelled):
    p, score = probabilities(X4), np.zeros(60)
    for i in range(60):
        near = sorted(range(labelled), key=lambda j: ((X4[i] - X4[j]) ** 2).sum())[:10]
        score[i] = np.mean([(p[j] * np.log(p[j] / p[i])).sum() for j in near])
    picked = BEYOND["contrastive"](view_of(X4, range(labelled)), 15)[0].tolist()
    assert picked == best_rows(score, range(labelled, 60), 15)


def of_unit_length(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize("name", ["lc+div", "map+div"])
def test_uncertain_and_spread_against_a_loop(name):
    confidence = np.random.default_rng(1).random(20)
    view = view_of(X4, range(20), correctness=confidence.tolist())
    best = best_rows(1 - probabilities(X4).max(1), range(20, 60), 5 * 6)
    unit, weight = of_unit_length(X4), np.ones(60)
    if name == "map+div":
        for i in range(60):
            near = sorted(range(20), key=lambda j: ((unit[i] - unit[j]) ** 2).sum())[:15]
            weight[i] = 1 - confidence[near].mean()
    want = plus_plus(unit[best], weight[best], range(30), 0, draws_of(view, "spread", 6), 6)
    assert BEYOND[name](view, 6)[0].tolist() == [best[i] for i in want]


def test_cal_on_unit_psi_is_cal_where_every_psi_has_one_length():
    class Faster(View):
        binary = {**View.binary, "lr": 1e-3}

    correctness = [1.0] * 12 + [0.0] * 8
    picked = BEYOND["cal+unit"](view_of(X4, range(20), correctness), 9)
    scaled = view_of(of_unit_length(X4) * 2, range(20), correctness)  # 2 = sqrt(width)
    assert picked.tolist() == strategies.cartography(Faster(**vars(scaled)), 9).tolist()
    plain = strategies.cartography(view_of(X4, range(20), correctness), 9)
    assert picked.tolist() != plain.tolist()
    longer = X4 * np.random.default_rng(0).uniform(1, 9, (60, 1))  # the length does not matter
    assert BEYOND["cal+unit"](view_of(longer, range(20), correctness), 9).tolist() == (
        picked.tolist())


# ---- clusters -----------------------------------------------------------------------------------


def blobs(sizes=(30, 20, 10), dim=5, far=20):
    rng = np.random.default_rng(0)
    kind = np.repeat(np.arange(len(sizes)), sizes)
    x = rng.normal(size=(len(kind), dim)) + far * np.eye(dim)[kind]
    return torch.as_tensor(x).float(), kind


def test_nearest_against_all_distances(monkeypatch):
    monkeypatch.setattr(clusters, "CHUNK", 7)
    x, y = torch.randn(40, 6), torch.randn(25, 6)
    d2 = ((x[:, None] - y[None]) ** 2).sum(-1)
    for k in (1, 4):
        got, rows = clusters.nearest(x, y, k)
        torch.testing.assert_close(got, d2.sort(dim=1).values[:, :k], atol=1e-4, rtol=1e-4)
        assert torch.equal(rows, d2.argsort(dim=1)[:, :k])


def test_k_means_finds_clusters_that_are_there_and_ends_where_lloyd_ends():
    x, kind = blobs()
    mine = clusters.k_means(x, 3, Draws([1], "t")).numpy()
    assert len({(a, b) for a, b in zip(mine, kind)}) == 3  # one cluster per blob
    centres = np.stack([x.numpy()[mine == c].mean(0) for c in range(3)])
    again = ((x.numpy()[:, None] - centres) ** 2).sum(-1).argmin(1)
    assert (again == mine).all()


def test_typicality_against_a_loop():
    x, _ = blobs()
    want = [1 / np.mean(sorted(((x[i] - x[j]) ** 2).sum().item() ** 0.5
                               for j in range(60) if j != i)[:7]) for i in range(60)]
    np.testing.assert_allclose(clusters.typicality(x, 7), want, rtol=1e-3)


def test_typiclust_against_the_paper_s_list():
    # Hacohen et al. 2022: cluster into |L| + B, of the uncovered clusters the largest first; from
    # each the most typical; clusters under five points are left alone.
    x, kind = blobs((30, 20, 12, 9, 3))
    labelled, free = torch.tensor([0, 30]), torch.ones(len(x), dtype=torch.bool)
    free[labelled] = False
    draws = Draws([3], "t")
    cluster = clusters.k_means(x, 5, Draws([3], "t")).numpy()
    picked = clusters.typical(x, labelled, free, 3, draws)
    sizes = np.bincount(cluster, minlength=5)
    covered = set(cluster[labelled.numpy()])
    order = sorted(range(5), key=lambda c: (sizes[c] < 5, c in covered, -sizes[c]))
    want = []
    for c in order[:3]:
        rows = [i for i in np.flatnonzero(cluster == c)]
        near = min(20, max(1, len(rows) // 2))
        typical = {i: -np.mean(sorted(((x[i] - x[j]) ** 2).sum().item() ** 0.5
                                      for j in rows if j != i)[:near]) for i in rows if free[i]}
        want.append(max(typical, key=typical.get))
    assert picked == want
    assert [kind[row] for row in picked] == [2, 3, 0]  # two large blobs are covered; one is tiny


def test_typiclust_of_a_view():
    x = two_clusters(60)
    view = view_of(x, range(5))
    picked = BEYOND["typiclust"](view, 8)[0].tolist()
    assert picked == clusters.typical(view.x, view.L[0], view.U[0], 8,
                                      Draws((1,), 0, "typiclust"))
    assert any(row >= 30 for row in picked[:2])  # the blob without a label comes first


# ---- what holds for all -------------------------------------------------------------------------


@pytest.mark.parametrize("name", BEYOND)
def test_every_strategy_stays_in_the_pool_and_takes_what_is_left(name):
    view = view_of(two_clusters(30), range(24), correctness=[0.0] * 12 + [1.0] * 12)
    for k in (1, 4, 6, 50):
        picked = BEYOND[name](view, k)[0].tolist()
        assert len(picked) == min(k, 6) == len(set(picked)) and min(picked) >= 24


@pytest.mark.parametrize("name", BEYOND)
def test_equal_texts_are_taken_from_the_lowest_row(name):
    view = view_of(np.ones((40, 4)), [3, 0], correctness=[0.0, 1.0])
    picked = BEYOND[name](view, 5)[0].tolist()
    assert picked == [1, 2, 4, 5, 6]


@pytest.mark.parametrize("name", BEYOND)
def test_runs_side_by_side_pick_what_they_pick_alone(name):
    one = view_of(X4, range(20), correctness=[1.0] * 12 + [0.0] * 8)
    other = view_of(X4, range(5, 25), correctness=[0.0] * 9 + [0.7] * 11)
    both = replace(one, theta=together(one.theta, one.theta),
                   L=torch.cat([one.L, other.L]), U=torch.cat([one.U, other.U]),
                   map=datamap.DataMap(*map(torch.cat, zip(one.map, other.map))), seeds=(1, 1))
    want = [BEYOND[name](view, 7)[0].tolist() for view in (one, other)]
    assert BEYOND[name](both, 7).tolist() == want


def together(*models):
    """Stacks of one run each -> one stack of them all, to score with."""
    out = models[0].take([0] * len(models))
    out.W = [torch.cat(ws) for ws in zip(*(m.W for m in models))]
    out.b = [torch.cat(bs) for bs in zip(*(m.b for m in models))]
    return out


def committee_of(views):
    """The views of several runs with the same L -> one view of a committee."""
    model = together(*(view.theta for view in views))
    R = len(views)
    return Committee(model, views[0].x, views[0].L.expand(R, -1), views[0].U.expand(R, -1),
                     datamap.DataMap(*(f.expand(R, -1) for f in views[0].map)), tuple(range(R)), 0,
                     16)


@pytest.mark.parametrize("name", BEYOND)
def test_a_committee_picks_as_one(name):
    correctness, rng = [1.0] * 12 + [0.0] * 8, np.random.default_rng(2)
    views = [view_of(X4, range(20), correctness, torch.as_tensor(rng.normal(size=(4, 3))).float())
             for _ in range(3)]
    committee = committee_of(views)
    rows = BEYOND[name](committee, 7)
    assert rows.shape == (3, 7) and (rows == rows[0]).all()
    assert len(set(rows[0].tolist())) == 7 and rows.min() >= 20


def test_a_committee_s_badge_and_core_set_see_every_member():
    # The squared distances of two members add up: one member separates what the other does not.
    rng = np.random.default_rng(2)
    logits = [torch.as_tensor(rng.normal(size=(4, 3))).float() for _ in range(2)]
    views = [view_of(X4, range(20), None, z) for z in logits]
    p = [probabilities(X4 @ z.double().numpy()) for z in logits]
    g = np.concatenate([[np.outer(q[i] - np.eye(3)[q[i].argmax()], X4[i]).ravel()
                         for i in range(60)] for q in p], axis=1)
    committee = committee_of(views)
    first = max(range(20, 60), key=lambda row: (g[row] ** 2).sum())
    draws = Draws([0, 1], 0, "badge").uniform(8)[0].double().numpy()
    want = plus_plus(g, np.ones(60), range(20, 60), first, draws, 9)
    assert BEYOND["badge"](committee, 9)[0].tolist() == want


def test_the_names_and_who_reads_the_map():
    assert not set(BEYOND) & {"random", "lc", "entropy", "bald", "dal", "cal", "cal+dal"}
    assert {name for name in BEYOND if cal.reads_map(name)} == {"cal+unit", "map+div"}
