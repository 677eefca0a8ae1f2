"""Spread and typical points: k-means++ seeding, k-means and typicality. Strategies use them, and so
does a first batch, which is chosen without a model. All is in torch and runs on the device of x."""

import math

import torch

CHUNK = 8192  # points compared at once with all centres


def seeding(parts, weight, free, first, draws):
    """k-means++ seeding (Arthur & Vassilvitskii 2007): points far from each other -> [k] rows.

    parts: lists of factors [N, d]. A point is the concatenation over parts of the outer product of
    a part's factors. It is never formed, because <a1 x b1, a2 x b2> = <a1, a2> <b1, b2>.
    weight [N]: a point is drawn with a probability proportional to weight D^2, where D is its
    distance to the nearest chosen point. free [N]: True for the rows that may be chosen. first: the
    first row. draws [k - 1] in [0, 1). If every remaining point equals a chosen one, the lowest row
    is taken.
    """
    square = inner(parts, lambda f: (f * f).sum(1))  # [N]
    rows, D2, free = [int(first)], torch.full_like(square, torch.inf), free.clone()
    for u in draws.tolist():
        last = rows[-1]
        free[last] = False
        cross = inner(parts, lambda f, last=last: f @ f[last])
        D2 = torch.minimum(D2, (square + square[last] - 2 * cross).clamp_min_(0))
        heap = (weight * D2 * free).double().cumsum(0)
        if heap[-1] > 0:
            rows.append(int(torch.searchsorted(heap, u * heap[-1], right=True)))
        else:
            rows.append(int(free.long().argmax()))
    return rows


def inner(parts, function):
    """The sum over parts of the product of function(f) over their factors."""
    return sum(math.prod(function(f) for f in factors[1:]) * function(factors[0])
               for factors in parts)


def squared_distances(x, y):
    """Squared distances of x [n, d] to y [m, d]: [n, m], clamped at 0."""
    cross = torch.addmm((y * y).sum(1), x, y.T, beta=1, alpha=-2)
    return cross.add_((x * x).sum(1, keepdim=True)).clamp_min_(0)


def nearest(x, y, k=1):
    """The k rows of y [m, d] nearest to each of x [n, d]: squared distances and rows, [n, k]."""
    d2 = (squared_distances(piece, y) for piece in x.split(CHUNK))
    found = (d.min(1, keepdim=True) if k == 1 else d.topk(k, dim=1, largest=False) for d in d2)
    return tuple(torch.cat(parts) for parts in zip(*found))


def k_means(x, K, draws, rounds=10, sample=20):
    """Lloyd's k-means of x [N, d] -> [N] cluster numbers below K.

    It starts from k-means++ seeds. The centres are learned from at most sample K points (or 2000).
    draws: plumbing.draws.Draws of one run.
    """
    learn = x[draws.permutation(len(x))[0][: max(sample * K, 2000)]]
    free = torch.ones(len(learn), dtype=torch.bool, device=x.device)
    weight = torch.ones(len(learn), device=x.device)
    centres = learn[seeding([[learn]], weight, free, 0, draws.uniform(K - 1)[0])]
    for _ in range(rounds):
        mine = nearest(learn, centres)[1][:, 0]
        sums = torch.zeros_like(centres).index_add_(0, mine, learn)
        counts = torch.bincount(mine, minlength=K)[:, None]
        centres = torch.where(counts > 0, sums / counts.clamp_min(1), centres)
    return nearest(x, centres)[1][:, 0]


def typicality(x, k):
    """The inverse of the mean distance of x [n, d] to its k nearest neighbours (Hacohen et al.)."""
    d2, _ = nearest(x, x, min(k, len(x) - 1) + 1)  # the nearest is the point itself
    return 1 / (d2.sqrt().sum(1) / min(k, len(x) - 1) + 1e-7)


def typical(x, labelled, free, k, draws, most=500, neighbours=20, least=5):
    """TypiClust (Hacohen et al. 2022): typical points of clusters without a label -> [<= k] rows.

    x [N, d]; labelled [n] rows; free [N]: True for the rows that may be chosen. k-means makes one
    cluster per label and pick, but at most 500. The clusters take turns, and each gives its most
    typical free point. Clusters with the fewest labels come first, the larger ones before the
    smaller; clusters of fewer than five points come last. No model is needed.
    """
    K = min(len(labelled) + k, most, len(x))
    cluster = k_means(x, K, draws)
    sizes, known = torch.bincount(cluster, minlength=K), torch.bincount(cluster[labelled],
                                                                        minlength=K)
    order = sorted(range(K), key=lambda c: (int(sizes[c]) < least, int(known[c]), -int(sizes[c])))
    queues = {}
    rows, turn = [], 0
    while len(rows) < min(k, int(free.sum())):
        c = order[turn % K]
        if c not in queues:
            members = (cluster == c).nonzero()[:, 0]
            score = typicality(x[members], min(neighbours, max(1, len(members) // 2)))
            best = score.argsort(descending=True, stable=True)
            queues[c] = [row for row in members[best].tolist() if free[row]]
        if queues[c]:
            rows.append(queues[c].pop(0))
        turn += 1
    return rows
