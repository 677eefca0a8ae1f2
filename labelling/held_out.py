"""Predictions for labelled texts by models that were not trained on them."""

import numpy as np
import torch

from datamap import EPOCHS
from fast import Stack
from plumbing.draws import Draws

FOLDS, STEPS = 5, 960  # 960 steps, as in the paper's first round (500 labels, 30 epochs)


def epochs_for(n, minibatch):
    """At least 30 epochs, and enough for n labels to give at least 960 steps."""
    return max(EPOCHS, -(-STEPS // -(-n // minibatch)))


def folds_of(y, K, seed=0):
    """K stratified folds of labels y [n] -> the number of each row's fold [n]."""
    rng, fold = np.random.default_rng([seed, K]), np.empty(len(y), np.int64)
    order = np.concatenate([rng.permutation(np.flatnonzero(y == c)) for c in np.unique(y)])
    fold[order] = np.arange(len(y)) % K
    return fold


def out_of_fold(x, y, C, minibatch, epochs=None, seed=0, device="cpu"):
    """p(y | x) of every labelled text by a model that was trained on the other folds: [n, C].

    x [n, D], y [n] in 0 ... C - 1. epochs: None takes epochs_for's number. The models of all folds
    train side by side, so each of them leaves out as many texts as the largest fold has.
    """
    x, y = (torch.as_tensor(a, device=device) for a in (x, y))
    K = min(FOLDS, len(y))
    fold = folds_of(y.cpu().numpy(), K, seed)
    size = len(y) - int(np.bincount(fold).max())
    rng = np.random.default_rng([seed, 1])
    rows = np.stack([np.sort(rng.permutation(np.flatnonzero(fold != k))[:size]) for k in range(K)])
    rows, seeds = torch.as_tensor(rows, device=device), [1000 * seed + k for k in range(K)]
    theta = Stack(x.shape[1], C, seeds, "folds", device=device)
    draws = Draws(seeds, "folds", device=device)
    epochs = epochs or epochs_for(size, minibatch)
    for _epoch in theta.fit(x[rows], y[rows], epochs, minibatch, draws):
        pass
    p = theta.probs(x[None])  # [K, n, C]
    return p[torch.as_tensor(fold, device=device), torch.arange(len(y), device=device)]


PENALTIES = 10.0 ** np.arange(-4, 3)


def leave_one_out(x, y, C, penalties=PENALTIES):
    """Scores of each text by ridge regression on the other texts' one-hot labels: [n, C].

    The closed form uses the hat matrix H of all n: y_i - (y_i - yhat_i) / (1 - H_ii) (Allen 1974).
    x [n, D]; the intercept is not penalised. The penalty (times the mean squared singular value)
    with the smallest squared leave-one-out error is used.
    """
    x, n = torch.as_tensor(x).double(), len(y)  # in torch, which keeps to one thread
    onehot = torch.eye(C, dtype=torch.float64)[torch.as_tensor(y)]
    U, s, _ = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    centred = onehot - onehot.mean(0)
    best, error = None, torch.inf
    for penalty in penalties * (s**2).mean().item():
        shrink = s**2 / (s**2 + penalty) if penalty else torch.ones_like(s)
        left = 1 - 1 / n - (U**2 * shrink).sum(1)  # 1 - H_ii
        residual = (centred - U @ (shrink[:, None] * (U.T @ centred))) / left.clip(1e-9)[:, None]
        if (total := (residual**2).sum().item()) < error:
            best, error = onehot - residual, total
    return best.numpy()


def margin(score, y):
    """The given class's score minus the best other class's: score [n, C], y [n] -> [n]."""
    rows, other = np.arange(len(y)), np.array(score, np.float64)
    given = other[rows, y].copy()
    other[rows, y] = -np.inf
    return given - other.max(1)
