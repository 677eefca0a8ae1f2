"""What texts without a label add to the model: its own guesses of their classes (self-training).

Kernel ridge regression on the n labelled texts (kernel.py) says p(y | x) of m texts without a
label. A second model learns from these guesses as well, each believed BELIEF times as much as a
label, and makes them again: G = (K + lambda W^-1)^-1 with W the belief in each text, and A = G P
with P the labels and the guesses. EM does so if guesses count for less than labels (Nigam et al.
2000, section 5.3.1). No text's guess is made from its own former guess: like the score of a
labelled text by a model that has not seen it, it is P_i - A_i / G_ii. What the model says is the
mean of both models' probabilities: the second is more often right, but too sure of itself.

What is said of the model needs scores of labelled texts by models that have seen neither them nor
guesses that they made. Those are exact, too. Without the texts F, with P_F = 0, the scores of F are
-(G_FF)^-1 (G P)_F, and every guess is made again without F.
What was measured: docs/your-csv-measured.md.
"""

import numpy as np
import torch

from labelling import honest

TEXTS = 1_500  # labelled and guessed ones together, at most
MOST = 200_000  # texts of a table, above which nothing is guessed: two models take more memory
BELIEF, ROUNDS = 0.3, 3  # chosen on TREC, AG News and the demo
LEAST = 0.01  # the second model's lambda is not less than this: guesses are no exact labels
PARTS = 10  # of the labelled texts; the second model is fitted without each in turn


def sample(N, taken, n, same=None):
    """The rows whose classes are guessed, of N: at most TEXTS - n, for n labelled texts.

    taken: rows that are labelled. same(row): a name that copies of a text share, of which one is
    taken and none that is labelled (by default no text has copies). The order is fixed, so that the
    next call has the same ones.
    """
    same, found = same or (lambda row: row), []
    seen = {same(row) for row in taken}
    for row in np.random.default_rng(0).permutation(N).tolist() if N <= MOST else ():
        if len(found) >= TEXTS - n:
            break
        if same(row) not in seen:
            seen.add(same(row))
            found.append(row)
    return np.array(found, np.int64)


class System:
    """The equations of n labelled texts and of m whose classes are guessed.

    K [n + m, n + m]: their kernel, the labelled ones first. Y [n, C]: their labels. alone [n, C]:
    the labelled texts' scores by first models without each; left_out [n, C]: by `both` models, if
    m is not 0.
    """

    def __init__(self, K, Y, penalty):
        self.Y, n, y = Y.float(), len(Y), Y.argmax(1).numpy()
        H = inverse(K[:n, :n], torch.full((n,), penalty))
        self.left_out = self.alone = leave_one_out(H, Y).numpy()
        self.H, self.guesses = H.float(), len(K) > n
        if self.guesses:
            belief = torch.ones(len(K))
            belief[n:] = BELIEF
            self.to_guessed = K[n:, :n].float()
            self.G = inverse(K, max(penalty, LEAST) / belief).float()
            self.first = honest.calibrate(self.alone, y)
            second = self.by_parts()
            self.second = honest.calibrate(second, y)
            self.left_out = self.both(self.alone, second)

    def first_without(self, F=()):
        """The first model without the texts F: A [n, C], 0 there, and the scores of F [f, C]."""
        F, Y = torch.as_tensor(F, dtype=torch.int64), self.Y.clone()
        Y[F] = 0
        return leave_out(self.H, F, self.H @ Y)

    def second_without(self, F=()):
        """The second model without the texts F, which the first one guesses without, too:
        A [n + m, C], 0 there, the scores of F and those of the guessed texts."""
        F, Y, n = torch.as_tensor(F, dtype=torch.int64), self.Y.clone(), len(self.Y)
        Y[F] = 0
        guessed = self.to_guessed @ self.first_without(F)[0]
        B = torch.linalg.solve(self.G[F][:, F], self.G[F])
        diagonal = (self.G.diagonal() - (B * self.G[F]).sum(0))[n:, None]
        for _ in range(ROUNDS):
            P = torch.cat([Y, torch.from_numpy(self.first.probs(guessed.numpy()))])
            A, own = leave_out(self.G, F, self.G @ P)
            guessed = P[n:] - A[n:] / diagonal
        return A, own, guessed

    def both(self, first, second):
        """The logarithm of the mean of both models' probabilities, from their scores [N, C]."""
        p = self.first.probs(first)
        p += self.second.probs(second)
        p /= 2
        return np.log(np.maximum(p, 1e-12, out=p), out=p)

    def by_parts(self):
        """The labelled texts' scores by second models without a PARTS-th of them: [n, C]."""
        out, order = np.empty(self.Y.shape), order_of(len(self.Y))
        for part in np.array_split(order, min(PARTS, len(order))):
            out[part] = self.second_without(part)[1].numpy()
        return out


def order_of(n):
    """The numbers below n in an order that is always the same."""
    return np.random.default_rng(n).permutation(n)


def inverse(K, ridge):
    """(K + diag(ridge))^-1."""
    K = K.clone()
    K.diagonal().add_(ridge)
    return torch.cholesky_inverse(torch.linalg.cholesky(K))


def leave_one_out(G, Y):
    """Y_i - A_i / G_ii for every i, with A = G Y: [n, C]."""
    return Y - G @ Y / G.diagonal()[:, None]


def leave_out(G, F, A):
    """(A without the texts F, their scores by that), from A = G P with P_F = 0."""
    own = -torch.linalg.solve(G[F][:, F], A[F])
    return A + G[:, F] @ own, own
