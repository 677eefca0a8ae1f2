"""What texts without a label add: against models that are fitted again, text by text."""

import numpy as np
import torch

from labelling import guesses, honest, kernel
from labelling.guesses import BELIEF, LEAST, ROUNDS, System, sample
from labelling.test_model import small, whole_kernel


def ridge(K, own, P, penalties):
    """The coefficients of kernel ridge regression on the texts `own`, zeros elsewhere."""
    A = np.zeros((len(K), P.shape[1]))
    A[own] = np.linalg.solve(K[np.ix_(own, own)] + np.diag(penalties[own]), P[own])
    return A


def fitted_again(K, n, Y, penalty, F, probs):
    """Both models' scores of the texts F [f, C], and the guessed texts', all by models without F,
    each guess by a model without its own former guess."""
    N, rest = len(K), np.setdiff1d(np.arange(n), F)
    P = np.concatenate([Y, np.zeros((N - n, Y.shape[1]))])
    first = K @ ridge(K, rest, P, np.full(N, penalty))
    guessed, own = first[n:], np.concatenate([rest, np.arange(n, N)])
    trust = np.where(np.arange(N) < n, 1, BELIEF)
    for _ in range(ROUNDS):
        P[n:] = probs(guessed)
        again = lambda own: K @ ridge(K, own, P, max(penalty, LEAST) / trust)
        second = again(own)
        guessed = np.array([again(np.setdiff1d(own, [j]))[j] for j in range(n, N)])
    return first[F], second[F], guessed


def test_both_models_without_some_texts_against_fitting_again():
    features, y = small(90)
    n, Y = 40, np.eye(3)[y[:40]]
    K = whole_kernel(features, {"vectors": 0.5, "words": 0.5})
    system = System(torch.from_numpy(K), torch.from_numpy(Y), 0.1)
    for F in ([3], [0, 7, 8, 20], list(range(5, 25)), []):
        first, second, guessed = fitted_again(K, n, Y, 0.1, np.array(F, int), system.first.probs)
        (own, one), (A, two, left) = system.first_without(F), system.second_without(F)
        np.testing.assert_allclose(one, first, atol=1e-4)
        np.testing.assert_allclose(two, second, atol=1e-4)
        np.testing.assert_allclose(left, guessed, atol=1e-4)
        np.testing.assert_allclose(A[F], 0, atol=1e-5)
        np.testing.assert_allclose(own[F], 0, atol=1e-5)
    one, two = np.random.default_rng(0).random((2, 5, 3))
    np.testing.assert_allclose(np.exp(system.both(one, two)),
                               (system.first.probs(one) + system.second.probs(two)) / 2)


def test_a_table_without_guesses_is_left_out_one_by_one():
    features, y = small(60)
    K, Y = whole_kernel(features, {"words": 1.0}), np.eye(3)[y]
    system = System(torch.from_numpy(K), torch.from_numpy(Y), 0.1)
    for i in (0, 31):
        again = (K @ ridge(K, np.delete(np.arange(60), i), Y, np.full(60, 0.1)))[i]
        np.testing.assert_allclose(system.left_out[i], again, atol=1e-6)
        np.testing.assert_allclose(system.first_without([i])[1][0], again, atol=1e-4)


def test_what_is_said_of_labelled_texts_does_not_know_their_labels(monkeypatch):
    # Labels that nothing speaks for: a model that had seen them, or guesses made with them, would
    # find more than the half that chance does.
    features, _ = small(400)
    rng, L = np.random.default_rng(3), np.arange(100)
    shares = []
    for _ in range(4):
        y = rng.integers(0, 2, 100)
        found = kernel.fit(features, L, np.eye(2)[y], sample(400, L, 100))
        shares.append((found.left_out.argmax(1) == y).mean())
    assert np.mean(shares) < 0.56


def test_guesses_find_what_a_few_labels_do_not():
    # Words that no labelled text has stand beside words that one has, in texts without a label.
    gains = []
    for seed in range(3):
        features, y = small(500, seed=seed)
        features = {"words": features["words"]}
        L = np.random.default_rng(seed).permutation(500)[:9]
        rest, Y = np.setdiff1d(np.arange(500), L), np.eye(3)[y[L]]
        right = [(kernel.fit(features, L, Y, some).scores[rest].argmax(1) == y[rest]).mean()
                 for some in ((), sample(500, L, 9))]
        gains.append(right[1] - right[0])
    assert np.mean(gains) > 0.01


def test_probabilities_of_both_models_mean_what_they_say():
    features, y = small(1200, seed=5)
    L = np.arange(150)
    found = kernel.fit(features, L, np.eye(3)[y[L]], sample(1200, L, 150))
    p = honest.calibrate(found.left_out, y[L]).probs(found.scores)[150:]
    assert abs(p.max(1).mean() - (p.argmax(1) == y[150:]).mean()) < 0.05


def test_which_texts_are_guessed(monkeypatch):
    texts = [f"text {i % 50}" for i in range(80)]  # thirty of them stand in two rows
    rows = sample(80, [0, 3], 2, lambda row: texts[row])
    names = [texts[row] for row in rows]
    assert len(set(names)) == len(names) == 48 and not {"text 0", "text 3"} & set(names)
    monkeypatch.setattr(guesses, "TEXTS", 30)
    before, after = sample(80, [0, 3], 2), sample(80, [0, 3, 9], 3)
    assert len(before) == 28 and len(after) == 27
    assert len(set(before) - set(after)) <= 2  # the next call has nearly the same ones
    assert len(sample(80, range(40), 40)) == 0
    monkeypatch.setattr(guesses, "MOST", 79)
    assert len(sample(80, [0], 1)) == 0
