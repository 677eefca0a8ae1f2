"""Acquisition functions: which texts of the pool to label next  (Sections 3 and 4.2).

Every strategy is one short function `strategy(view, k) -> rows [R, k]`, best first, for R runs
side by side. The dict STRATEGIES at the end is what the command line offers. A View is what a
strategy may see of a round. Your own strategy, in five lines:

    def margin(view, k):
        "The smallest gap between the two likeliest classes (Scheffer et al. 2001)."
        p = view.probs().topk(2, dim=-1).values                        # [R, N, 2]
        return view.pick(p[..., 1] - p[..., 0], k)
    STRATEGIES["margin"] = margin

Ties go to the lowest row number. If the pool has fewer than k rows, all are picked.
"""

import math
import sys
from dataclasses import dataclass, replace

import torch
from tqdm import tqdm

import datamap
from plumbing.draws import Draws
from plumbing.pieces import in_pieces

MC_PASSES = 10  # Section 4.2


@dataclass(frozen=True)
class View:
    """A round as R runs of one strategy see it: N rows of training data, some of them labelled.

    theta: the R trained models. x [N, D]: every text. L [R, |L|]: the labelled rows, in the order
    of labelling. U [R, N]: True for the rows of the pool. map: the data map of L, fields [R, |L|].
    seeds: one per run; with `round` they fix every random number. minibatch, epochs: of theta'.
    """

    theta: datamap.Models
    x: torch.Tensor
    L: torch.Tensor
    U: torch.Tensor
    map: datamap.DataMap
    seeds: tuple
    round: int
    minibatch: int
    t_cor: float = 0.2
    epochs: int = datamap.EPOCHS
    Binary, binary = datamap.Models, {"hidden": (300,), "dropout": 0, "lr": 5e-5}  # Section 4.3

    def draws(self, purpose):
        """The round's random numbers for a purpose; equal for the runs of one seed."""
        return Draws(self.seeds, self.round, purpose, device=self.x.device)

    def in_pieces(self, function):
        """function(x [1, m, D]) -> [R, m, ...] over every row, a piece at a time: [R, N, ...]."""
        return torch.cat([function(x) for x in in_pieces(self.x[None], datamap.CHUNK)], dim=1)

    def score(self, function):
        """function(Psi(x) [R, m, width]) over every row: [R, N, ...]."""
        return self.in_pieces(lambda x: function(self.theta.psi(x)))

    def probs(self):
        """P_theta(y | x) of every row: [R, N, C]."""
        return self.score(self.theta.head)[..., : self.theta.C]  # fast.Stack pads the classes

    def pick(self, score, k):
        """The k rows of U with the highest score [R, N], one by one: row numbers [R, k]."""
        k, score = min(k, int(self.U[0].sum())), score.masked_fill(~self.U, -torch.inf)
        picked = torch.empty(len(score), k, dtype=torch.int64, device=score.device)
        for j in range(k):                                             # line 6
            row = score.max(dim=1).indices                             # line 7: the first of equals
            picked[:, j] = row                          # line 8: L <- L + x, once the round is done
            score.scatter_(1, row[:, None], -torch.inf)                # line 9: U <- U - x
        return picked

    def without(self, rows):
        """The same view with `rows` [R, j] removed from the pool."""
        return replace(self, U=self.U.scatter(1, rows, False))

    def by_jury(self, choose):
        """choose(runs) -> rows [k] of runs that pick together, here one: [R, k]."""
        return torch.tensor([choose([r]) for r in range(len(self.L))], device=self.x.device)

    def psi_labelled(self):
        """Psi(L): [R, |L|, width]."""
        return self.theta.psi(self.x[self.L])

    def high_cor(self):
        """Line 5's labels: 1 if phi_i > t_cor, otherwise 0: [R, |L|]."""
        return (self.map.correctness > self.t_cor).long()

    def classifier(self, features, label, classes=2):
        """theta', new every round, trained on features [R, n, width] with labels [R, n]."""
        theta = self.new_classifier(features.shape[-1], classes)
        draws = self.draws("binary")
        for _epoch in theta.fit(features, label, self.epochs, self.minibatch, draws):
            pass
        return theta

    def new_classifier(self, width, classes):
        """theta' before it is trained: from Psi to one output per class."""
        return self.Binary(width, classes, self.seeds, self.round, "binary", device=self.x.device,
                           **self.binary)


# ---- Random (Rand.) -----------------------------------------------------------------------------


def random(view, k):
    """Every row of U with equal probability."""
    return view.pick(chance(view, "random"), k)


def chance(view, purpose):
    """A random score for every row, the same for the runs of one seed: [R, N]."""
    return view.draws(purpose).uniform(len(view.x)).expand(view.U.shape)


# ---- Least Confidence (LC; Culotta and McCallum, 2005) ------------------------------------------


def least_confidence(view, k):
    """argmax 1 - P_theta(yhat | x)."""
    return view.pick(1 - view.probs().amax(dim=-1), k)


# ---- Max-Entropy (Ent.; Dagan and Engelson, 1995) -----------------------------------------------


def max_entropy(view, k):
    """argmax -sum_y P_theta(y | x) log2 P_theta(y | x)."""
    return view.pick(entropy(view.probs()), k)


def entropy(p):
    """Entropy in bits over the last axis; 0 log 0 = 0."""
    return torch.special.entr(p).sum(dim=-1) / math.log(2)


# ---- BALD (Houlsby et al., 2011; Gal and Ghahramani, 2016) --------------------------------------


def bald(view, k):
    """Entropy of the mean of ten predictions with dropout on (max-entropy acquisition)."""
    draws = view.draws("bald")
    p = view.in_pieces(lambda x: sum(view.theta.with_dropout(x, draws) for _ in range(MC_PASSES)))
    return view.pick(entropy(p / MC_PASSES), k)


# ---- DAL (Gissin and Shalev-Shwartz, 2019) ------------------------------------------------------


def dal(view, k):
    """Train theta' to tell L (1) from U (0) on Psi; argmax P_theta'(u | Psi(x))."""
    psi = view.score(lambda psi: psi)  # [R, N, width], DAL's "logits of the last hidden layer"
    binary = view.classifier(psi, (~view.U).long())
    return view.pick(binary.probs(psi)[..., 0], k)


# ---- CAL: Cartography Active Learning (Section 3, Algorithm 1) ----------------------------------
# The paper's footnote 1 names another CAL, Contrastive Active Learning: see baselines/today.py.


def cartography(view, k):
    """Train theta' to tell high-cor (1) from low-cor (0) in L; argmin |0.5 - P_theta'(1 | x)|."""
    label = view.high_cor()
    binary = view.classifier(view.psi_labelled(), label)               # line 5
    p_high = view.score(lambda psi: binary.probs(psi)[..., 1])
    score = at_random_where_one_class(view, label, -(0.5 - p_high).abs())
    return view.pick(score, k)                                         # lines 6-10


def at_random_where_one_class(view, label, score):
    """score [R, N], but at random for runs with one class in label [R, |L|]: nothing to learn."""
    one_class = label.amin(dim=1) == label.amax(dim=1)  # [R]
    if not one_class.any():
        return score
    seeds = {seed for seed, one in zip(view.seeds, one_class.tolist()) if one}
    tqdm.write(f"round {view.round}, seed {sorted(seeds)}: all of L is in one correctness class,"
               " nothing to learn; CAL picks at random in this round", file=sys.stderr)
    return torch.where(one_class[:, None], chance(view, "cal"), score)


# ---- half DAL, half CAL (Section 5) -------------------------------------------------------------


def cal_dal(view, k):
    """Half of the batch from CAL (the larger half of an odd one), the rest from DAL."""
    first = cartography(view, k - k // 2)
    return torch.cat([first, dal(view.without(first), k // 2)], dim=1)


STRATEGIES = {
    "random": random, "lc": least_confidence, "entropy": max_entropy,
    "bald": bald, "dal": dal, "cal": cartography, "cal+dal": cal_dal,
}
# These do not read view.map: they have no t_cor, and fast/ measures less of their training.
for strategy in (random, least_confidence, max_entropy, bald, dal):
    strategy.reads_map = False
