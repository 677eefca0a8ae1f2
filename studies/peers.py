"""The time of our selection and of scikit-activeml's, for the same work in one process on one core.

    python -m venv peers && peers/bin/pip install -r requirements.txt scikit-activeml==1.0.1
    OMP_NUM_THREADS=1 peers/bin/python -m studies.peers --pool 20000 --turns 3

scikit-activeml is not a dependency of this project. Both sides get the same matrix, labels and
linear classifier (ours is a View whose model has no hidden layer), so neither computes a
representation. On both sides the discriminator of DAL is an MLP with 300 hidden units, trained for
30 epochs with mini-batches of 64. The two sides are timed in turn.
"""

import time
import warnings
from importlib.util import find_spec

import numpy as np
import torch

import baselines  # noqa: F401 (its strategies join STRATEGIES)
from datamap import DataMap
from fast import Stack, View
from plumbing.arguments import Parser, at_least, script
from plumbing.files import InputError
from strategies import STRATEGIES

ALL = ("lc", "margin", "entropy", "badge", "coreset", "contrastive", "dal", "typiclust")


def made_up(N, D, C, labelled):
    """x [N, D] of C classes around 3 C centres; y, a fifth of it random; the labelled rows."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3 * C, N)
    x = (rng.normal(size=(3 * C, D))[kind] + rng.normal(size=(N, D))).astype(np.float32)
    y = np.where(rng.random(N) < 0.2, rng.integers(0, C, N), kind % C)
    return x, y, rng.permutation(N)[:labelled]


def ours(x, y, rows, C, linear):
    """{name: our function of k that picks rows}, on a View whose Psi is x itself."""
    model = Stack(x.shape[1], C, [1], hidden=())
    model.W[0][0, :, :C] = torch.as_tensor(linear.coef_.T)
    model.b[0][0, 0, :C] = torch.as_tensor(linear.intercept_)
    x, rows = torch.as_tensor(x), torch.as_tensor(rows)[None]
    pool = torch.ones(1, len(x), dtype=torch.bool).scatter_(1, rows, False)
    some = torch.rand(rows.shape)
    view = View(model, x, rows, pool, DataMap(some, some, some), (1,), 0, 64)
    return {name: lambda k, name=name: STRATEGIES[name](view, k)[0].tolist() for name in ALL}


def theirs(x, y, rows, C, linear):
    """{name: scikit-activeml's function of k that picks rows}."""
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import (
        Badge,
        ContrastiveAL,
        CoreSet,
        DiscriminativeAL,
        TypiClust,
        UncertaintySampling,
    )
    from sklearn.cluster import KMeans
    from sklearn.neural_network import MLPClassifier

    known = np.full(len(y), np.nan)
    known[rows] = y[rows]
    clf = SklearnClassifier(linear, classes=np.arange(C)).fit(x[rows], y[rows])
    mlp = MLPClassifier((300,), batch_size=64, max_iter=30, learning_rate_init=5e-5,
                        n_iter_no_change=99, random_state=0)
    mlp = SklearnClassifier(mlp, classes=[0, 1])
    uncertain = {"lc": "least_confident", "margin": "margin_sampling", "entropy": "entropy"}
    queries = {name: (UncertaintySampling(method=m, random_state=0), {"clf": clf, "fit_clf": False})
               for name, m in uncertain.items()}
    queries |= {
        "badge": (Badge(random_state=0), {"clf": clf, "fit_clf": False}),
        "coreset": (CoreSet(random_state=0), {}),
        "contrastive": (ContrastiveAL(nearest_neighbors_dict={"n_neighbors": 10}, random_state=0),
                        {"clf": clf, "fit_clf": False}),
        "dal": (DiscriminativeAL(greedy_selection=True, random_state=0), {"discriminator": mlp}),
        "typiclust": (TypiClust(cluster_algo=KMeans, cluster_algo_dict={"n_init": 1},
                                random_state=0), {}),
    }
    return {name: lambda k, q=q, more=more: q.query(x, known, batch_size=k, **more)
            for name, (q, more) in queries.items()}


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--pool", type=at_least(2000), default=20_000)
    p.add_argument("--turns", type=at_least(1), default=3)
    p.add_argument("--only", nargs="+", choices=ALL, metavar="NAME", help=" ".join(ALL))
    args = p.parse_args()
    if not find_spec("skactiveml"):
        raise InputError("scikit-activeml is not installed: pip install scikit-activeml==1.0.1")
    from sklearn.linear_model import LogisticRegression

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    C, k = 6, 50
    x, y, rows = made_up(args.pool, 300, C, 1250)
    linear = LogisticRegression(max_iter=50).fit(x[rows], y[rows])
    pairs = ours(x, y, rows, C, linear), theirs(x, y, rows, C, linear)
    print(f"{args.pool:,} x 300, {k} picks, median of {args.turns} turns: seconds")
    print(f"{'':12} {'ours':>8} {'theirs':>8} {'ratio':>7}")
    for name in args.only or ALL:
        seconds = [[], []]
        for _ in range(args.turns):
            for side, times in zip(pairs, seconds):
                began = time.perf_counter()
                assert len(set(side[name](k))) == k
                times.append(time.perf_counter() - began)
        a, b = map(np.median, seconds)
        print(f"{name:12} {a:8.3f} {b:8.3f} {b / a:7.1f}", flush=True)


if __name__ == "__main__":
    script(main)
