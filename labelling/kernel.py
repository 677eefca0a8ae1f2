"""The team's model: kernel ridge regression on one-hot labels, in closed form.

K = sum of w_m K_m + 1 with four cosines K_m: of the texts' vectors, of their words and pairs of
words, of parts of words, and of their topics (latent semantic analysis of the words, Deerwester
et al. 1990); the 1 is an intercept. With G = (K + lambda I)^-1 and A = G Y, a text's scores are
k(x)' A, and those of a labelled text i by a model that has not seen it are exactly
Y_i - A_i / G_ii (Rifkin & Lippert 2007). The w and lambda are those with the smallest squared
leave-one-out error. guesses.py adds a second model, which learns from texts without a label too.
"""

from dataclasses import dataclass

import numpy as np
import torch

from labelling import terms
from labelling.guesses import System, order_of
from labelling.many import conjugate_gradients
from labelling.terms import PIECE, Rows, add_product, numbered
from vectors.kept import release
from vectors.words import index_tokens, tokens

NAMES = "vectors", "words", "parts", "topics"
# What is tried: each row's w_m, in the order of NAMES. Chosen on TREC, AG News and the demo.
WEIGHTS = ((.25, .25, .25, .25), (1 / 3, 1 / 3, 1 / 3, 0), (.5, .25, .25, 0), (.6, .1, .2, .1),
           (.2, .2, .6, 0), (.2, .6, .2, 0), (.1, .6, .1, .2), (.1, .1, .6, .2), (.4, .2, .2, .2))
PENALTIES = 10.0 ** np.arange(-2.5, 1.51, 0.5)  # lambda; a text's K_m with itself is 1
TRY_WEIGHTS, TRY_PENALTIES = 600, 1_000  # labels on which w, and lambda, are chosen, at most
HALVED = 2_000  # labelled texts of which models of half of them are made, at most
EXACT = 5_000  # labels up to which G is inverted; conjugate gradients solve for more
PARTS_OF_ROWS = "columns", "weights", "bounds"
TOPICS, TOPIC_TEXTS = 200, 6_000  # dimensions, and the texts that they are learned from


# ---- texts --------------------------------------------------------------------------------------


@dataclass
class Dense:
    """Rows of unit length: x [N, D], any length, scaled as it is read; norms [N]."""

    x: np.ndarray

    def __len__(self):
        return len(self.x)

    def take(self, rows):
        return unit(torch.as_tensor(self.x[np.asarray(rows)]).float())

    def times(self, table):
        """Unit rows times a table [D, K] -> [N, K], a piece at a time."""
        out = torch.empty(len(self), table.shape[1])
        for i in range(0, len(self), PIECE):
            out[i : i + PIECE] = unit(torch.as_tensor(self.x[i : i + PIECE]).float()) @ table
            release(self.x)  # of a million texts, x alone would fill a gigabyte
        return out


def unit(x):
    """x [N, D] with rows of length 1; a row of zeros stays one."""
    return x / x.norm(dim=1, keepdim=True).clamp_min(1e-12)


def features_of(texts, x, max_len=200, keep=lambda make: make()):
    """{name: Rows or Dense} of all texts. x [N, D]: their vectors.

    Above MOST_PARTS texts, vectors and words alone: the others would take too long. keep(make)
    gives the arrays of make(), a function without arguments, from where they are kept.
    """
    release(x)

    def make():
        words, ids, ends = index_tokens(texts, tokens, max_len)
        found = {"words": terms.word_rows(words, ids, ends)}
        if len(texts) <= terms.MOST_PARTS:
            found["parts"] = terms.part_rows(words, ids, ends)
        arrays = {f"{name}.{part}": getattr(rows, part).numpy()
                  for name, rows in found.items() for part in PARTS_OF_ROWS}
        if len(texts) <= terms.MOST_PARTS:
            arrays["topics"] = topics(found["words"]).numpy()
        return arrays

    arrays, found = keep(make), {"vectors": Dense(x)}
    for name in ("words", "parts"):
        if f"{name}.columns" in arrays:
            found[name] = Rows(*(torch.from_numpy(arrays[f"{name}.{part}"])
                                 for part in PARTS_OF_ROWS))
    if "topics" in arrays:
        found["topics"] = Dense(arrays["topics"])
    return found


def topics(words):
    """Latent semantic analysis of words [N]: their rows in TOPICS dimensions, [N, TOPICS]."""
    rows = np.random.default_rng(0).permutation(len(words))[:TOPIC_TEXTS]
    sample = words.take(torch.as_tensor(np.sort(rows)))
    where, width = numbered(sample)
    counts = torch.bincount(where[sample.columns], minlength=width)
    where[where < width] = torch.where(  # a term of one text joins it to no other
        counts > 1, (counts > 1).cumsum(0) - 1, int((counts > 1).sum()))[where[where < width]]
    width = int((counts > 1).sum())
    where.clamp_(max=width)
    if not width:
        return torch.zeros(len(words), 1)
    matrix = sample.matrix(where, width)
    V = right_singular(matrix, min(TOPICS, *matrix.shape))
    return words.times(torch.cat([V, torch.zeros(1, V.shape[1])]), where)


def right_singular(M, k, power=2, extra=20):
    """The k largest right singular vectors of a sparse M [n, W], as columns: [W, k].

    Randomised subspace iteration, as in vectors.pool.truncated_svd, but W may be large. So the only
    columns that are made orthogonal are those of length n, and the SVD of B = Q'M is that of BB'.
    """
    start = np.random.default_rng(0).standard_normal((M.shape[1], min(k + extra, M.shape[0])))
    M, Mt = M.to_sparse_csr(), M.t().to_sparse_csr()
    Q = torch.linalg.qr(M @ torch.from_numpy(start.astype(np.float32))).Q
    for _ in range(power):
        Q = torch.linalg.qr(M @ (Mt @ Q)).Q
    B = Mt @ Q  # B' of the docstring
    S2, P = torch.linalg.eigh((B.T @ B).double())
    scale = torch.where(S2 / S2[-1] > 1e-10, S2.rsqrt(), 0)  # else it is rounding
    return B @ (P * scale)[:, -k:].flip(1).float()


def gram(features, rows):
    """The cosines of `rows` with each other by kind of feature: {name: [n, n] float32}."""
    return {name: cosines(kind, rows) for name, kind in features.items()}


def cosines(kind, rows):
    """The cosines of `rows` with each other by one kind of feature: [n, n] float32."""
    some = kind.take(torch.as_tensor(rows))
    if not isinstance(some, Rows):
        return some @ some.T
    out = torch.zeros(len(rows), len(rows))
    add_product(out, some.compact().to_sparse_csr(), torch.arange(len(rows)))
    return out


def kernel_of(features, rows, weights):
    """K = sum of w_m K_m + 1 of `rows` [n, n], one K_m at a time: a gigabyte of 5,000 texts."""
    K = torch.ones(len(rows), len(rows), dtype=torch.float64)
    for name, w in weights.items():
        K += w * cosines(features[name], rows)
    return K


# ---- the model ----------------------------------------------------------------------------------


@dataclass
class Fitted:
    """scores [N, C] of all texts; left_out [n, C]: of the labelled, by models without each.

    left_out is NaN for labelled texts beyond EXACT; alone [n, C]: the same by models that make no
    guesses. weights {name: w}; penalty: lambda. used [u]: the labelled texts and those whose
    classes were guessed; A [u, C]: their coefficients.
    """

    scores: np.ndarray
    left_out: np.ndarray
    weights: dict
    penalty: float
    alone: np.ndarray = None
    used: np.ndarray = None
    A: torch.Tensor = None
    system: System = None

    def __post_init__(self):
        self.alone = self.left_out if self.alone is None else self.alone


def fit(features, rows, Y, guessed=()):
    """The Fitted of labelled `rows` [n], each a text of its own. Y [n, C]: one-hot, or shares
    where copies of a text have different labels. guessed [m]: texts to learn from without a label
    (guesses.sample)."""
    Y, rows, n = torch.as_tensor(Y).double(), np.asarray(rows), len(rows)
    some = order_of(n)[:EXACT]
    few = some[:TRY_WEIGHTS]
    weights = choose_weights(gram(features, rows[few]), Y[few])
    own = np.concatenate([rows[some], np.asarray(guessed, np.int64)])
    K, few = kernel_of(features, own, weights), slice(0, TRY_PENALTIES)
    penalty = best_penalty(K[:n, :n][few, few].float(), Y[some[few]])[1]
    system = System(K, Y[some], penalty)
    del K
    left_out, alone = np.full((2, *Y.shape), np.nan)
    left_out[some], alone[some] = system.left_out, system.alone
    if n > EXACT:
        own, A = rows, conjugate_gradients(features, rows, weights, penalty, Y)
        found = scores(features, rows, weights, A)
    else:
        found, A = of_system(system, features, own, n, weights)
    return Fitted(found, left_out, weights, penalty, alone, own, A,
                  system if n <= HALVED else None)


def of_system(system, features, own, n, weights):
    """(scores [N, C] of all texts, A): of both models, and the mean of their A, if there are two.

    own [n + m]: the labelled texts, then those whose classes were guessed.
    """
    A, _ = system.first_without()
    found = scores(features, own[:n], weights, A)
    if not system.guesses:
        return found, A
    more, _, left = system.second_without()
    learned = scores(features, own, weights, more)
    learned[own[n:]] = left
    more[:n] += A
    return system.both(found, learned), more / 2


def mixed(weights, grams):
    """K = sum of w_m K_m + 1."""
    return sum(w * grams[name] for name, w in weights.items() if w) + 1


def half_as_many(features, rows, Y, fitted, halves=6):
    """How often first models of half the labels are right on the others: (places [m], shares [m]).

    Of more than HALVED labelled texts, a sample. Right is the class with the highest share of Y.
    """
    rng, system = np.random.default_rng(len(rows) + 1), fitted.system
    places = rng.permutation(len(rows))[:HALVED]
    if system is None:
        K = kernel_of(features, np.asarray(rows)[places], fitted.weights)
        system = System(K, torch.as_tensor(Y)[places].double(), fitted.penalty)
    else:
        places = order_of(len(rows))  # as in `fit`
    y, right = system.Y.argmax(1).numpy(), np.zeros(len(places))
    for _ in range(halves):
        order = rng.permutation(len(places))
        for half in np.array_split(order, 2):
            right[half] += (system.first_without(half)[1].numpy().argmax(1) == y[half]) / halves
    return places, right


def choose_weights(grams, Y):
    """Of WEIGHTS that with the smallest squared leave-one-out error, as {name: w}."""
    tried = []
    for row in WEIGHTS:
        weights = {name: w for name, w in zip(NAMES, row) if name in grams and w}
        total = sum(weights.values())
        tried.append({name: w / total for name, w in weights.items()})
    return min(tried, key=lambda weights: best_penalty(mixed(weights, grams), Y)[0])


def best_penalty(K, Y):
    """(squared leave-one-out error, lambda) of the best of PENALTIES."""
    values, V = torch.linalg.eigh(K)
    d = 1 / (values.clamp_min(0) + torch.as_tensor(PENALTIES, dtype=K.dtype)[:, None])  # [P, n]
    A = (d[:, :, None] * (V.T @ Y.to(K.dtype))).transpose(0, 1)  # [n, P, C], without the V before
    left = (V @ A.flatten(1)).view(A.shape) / (V**2 @ d.T)[:, :, None]
    errors = left.double().square().sum((0, 2))
    best = int(errors.argmin())
    return float(errors[best]), float(PENALTIES[best])


def scores(features, rows, weights, A):
    """k(x)' A of every text: [N, C] float32."""
    A, total = A.float(), A.sum(0).float()
    out = total.expand(len(next(iter(features.values()))), -1).clone()
    for name, w in weights.items():
        some = features[name].take(torch.as_tensor(rows))
        if isinstance(some, Rows):
            where, width = numbered(some)
            table = torch.sparse.mm(some.matrix(where, width).t(), A)
            out += w * features[name].times(torch.cat([table, torch.zeros(1, A.shape[1])]), where)
        else:
            out += w * features[name].times(some.T @ A)
    return out.numpy()


def speaking(features, fitted, asked, texts, most=4):
    """{row: the words and pairs that speak most for its class}. asked: {row: the class's number}.

    Exact, since the kernel of words is linear: a term's part in a class's score, less its mean
    part in all classes'. Empty if words have no weight.
    """
    if not fitted.weights.get("words"):
        return {row: [] for row in asked}
    some = features["words"].take(torch.as_tensor(fitted.used))
    where, width = numbered(some)
    table = torch.sparse.mm(some.matrix(where, width).t(), fitted.A.float())
    table = torch.cat([table - table.mean(1, keepdim=True), torch.zeros(1, table.shape[1])])
    found = {}
    for row, c in asked.items():
        own = features["words"].take(torch.tensor([row]))
        parts = own.weights * table[where[own.columns], c]
        names = terms.term_names(tokens(texts[row]))
        best = parts.argsort(descending=True, stable=True)[:most]
        found[row] = [names[column] for i in best.tolist() if parts[i] > 0
                      and (column := int(own.columns[i])) in names]
    return found
