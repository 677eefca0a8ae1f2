"""Acquisition functions: which texts of the pool to label next  (Sections 3 and 4.2).

Every strategy is one short function `strategy(view, k) -> rows [R, k]`, best first, for R runs
side by side; the dict STRATEGIES at the end is what the command line offers. A View is what a
strategy may see of a round. A strategy of your own, in five lines:

    def margin(view, k):
        "The smallest gap between the two likeliest classes (Scheffer et al. 2001)."
        p = view.probs().topk(2, dim=-1).values                        # [R, N, 2]
        return view.pick(p[..., 1] - p[..., 0], k)
    STRATEGIES["margin"] = margin

For every strategy: ties go to the lowest row number, and a pool of fewer than k rows is taken
whole. For CAL and its kin: where all of L falls into one correctness class there is nothing to
learn; the run picks at random for that round, and says so.
"""

import sys
from dataclasses import dataclass, replace

import torch
from tqdm import tqdm

import datamap

MC_PASSES = 10  # Section 4.2


@dataclass(frozen=True)
class View:
    """A round as R runs of one strategy see it: N rows of training data, n of them labelled.

    model: the R trained models. x [N, D]: every text. rows [R, n]: L, in the order of labelling.
    pool [R, N]: True for the rows of U. map: the data map of L, fields [R, n]. seeds: one a run;
    with `round` they fix every random number. batch, epochs: those of the binary classifiers.
    """

    model: datamap.Stack
    x: torch.Tensor
    rows: torch.Tensor
    pool: torch.Tensor
    map: datamap.DataMap
    seeds: tuple
    round: int
    batch: int
    t_cor: float = 0.2
    epochs: int = datamap.EPOCHS
    hidden, Binary, lr = (300,), datamap.Stack, 5e-5  # theta': one ReLU layer of 300 (Section 4.3)

    def draws(self, purpose):
        """The round's random numbers for a purpose; equal for the runs of one seed."""
        return datamap.Draws(self.seeds, self.round, purpose, device=self.x.device)

    def score(self, function):
        """function(Psi(x) [R, m, width]) over every row, in pieces -> [R, N, ...]."""
        pieces = self.x[None].split(datamap.CHUNK, dim=1)
        bar = tqdm(pieces, "scoring", unit_scale=datamap.CHUNK, unit="text", leave=False,
                   disable=len(pieces) < 50)  # a pool of 200,000 and more
        return torch.cat([function(self.model.psi(piece)) for piece in bar], dim=1)

    def probs(self):
        """P_theta(y | x) of every row: [R, N, C]."""
        return self.score(self.model.head)[..., : self.model.C]

    def pick(self, score, k):
        """The k rows of U with the highest score [R, N], one by one -> [R, k] row numbers."""
        k, score = min(k, int(self.pool[0].sum())), score.masked_fill(~self.pool, -torch.inf)
        picked = torch.empty(len(score), k, dtype=torch.int64, device=score.device)
        for j in range(k):                                             # line 6
            x = score.max(dim=1).indices                               # line 7: the first of equals
            picked[:, j] = x                                           # line 8: L <- L + x
            score.scatter_(1, x[:, None], -torch.inf)                  # line 9: U <- U - x
        return picked

    def without(self, rows):
        """The same view with `rows` [R, j] gone from the pool."""
        return replace(self, pool=self.pool.scatter(1, rows, False))

    def psi_labelled(self):
        """Psi(L): [R, n, width]."""
        return self.model.psi(self.x[self.rows])

    def high_cor(self):
        """Line 5's labels: 1 where phi_i > t_cor, else 0: [R, n]."""
        return (self.map.correctness > self.t_cor).long()

    def new_classifier(self, classes):
        """theta', new every round, from Psi to an output a class."""
        sizes = (self.model.W[-1].shape[1], *self.hidden, classes)
        return self.Binary(sizes, self.seeds, self.round, "binary", lr=self.lr,
                           device=self.x.device)

    def classifier(self, features, label, classes=2):
        """theta' trained on features [R, n, width] with labels [R, n] below `classes`."""
        head = self.new_classifier(classes)
        for _epoch in datamap.fit(head, features, label, self.epochs, self.batch,
                                  self.draws("binary"), dropout=0):
            pass
        return head


# ---- Random (Rand.) -----------------------------------------------------------------------------


def random(view, k):
    """Every row of U alike."""
    return view.pick(chance(view, "random"), k)


def chance(view, purpose):
    """A random score for every row, the same for the runs of one seed: [R, N]."""
    return view.draws(purpose).uniform(len(view.x)).expand(view.pool.shape)


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
    return torch.special.entr(p).sum(dim=-1) / torch.log(torch.tensor(2.0))


# ---- BALD (Houlsby et al., 2011; Gal and Ghahramani, 2016) --------------------------------------


def bald(view, k):
    """Entropy of the mean of ten predictions with dropout on (max-entropy acquisition)."""
    return view.pick(entropy(mc_mean(view, lambda p: p)), k)


def mc_mean(view, function):
    """The mean of function(p) over ten predictions p with dropout on: [R, N, padded C]."""
    draws, total = view.draws("bald"), []
    for x in view.x[None].split(datamap.CHUNK, dim=1):
        masks = ([draws.dropout(x.shape[1], width) for width in view.model.widths[:-1]]
                 for _ in range(MC_PASSES))
        total.append(sum(function(view.model.head(view.model.psi(x, keep))) for keep in masks))
    return torch.cat(total, dim=1) / MC_PASSES


# ---- DAL (Gissin and Shalev-Shwartz, 2019) ------------------------------------------------------


def dal(view, k):
    """Train theta' to tell L (1) from U (0) on Psi; argmax P_theta'(u | Psi(x))."""
    psi = view.score(lambda psi: psi)  # [R, N, width]; every row is in L or in U
    head = view.classifier(psi, (~view.pool).long())
    return view.pick(head.probs(psi)[..., 0], k)


# ---- CAL: Cartography Active Learning (Section 3, Algorithm 1) ----------------------------------


def cal(view, k):
    """Train theta' to tell high-cor (1) from low-cor (0) in L; argmin |0.5 - P_theta'(1 | x)|."""
    label = view.high_cor()
    head = view.classifier(view.psi_labelled(), label)                 # line 5
    p_high = view.score(lambda psi: head.probs(psi)[..., 1])
    score = -(0.5 - p_high).abs()
    one_class = label.amin(dim=1) == label.amax(dim=1)  # [R]
    if one_class.any():
        seeds = {seed for seed, one in zip(view.seeds, one_class.tolist()) if one}
        tqdm.write(f"round {view.round}, seed {sorted(seeds)}: all of L is in one correctness"
                   " class, nothing to learn; CAL picks at random in this round", file=sys.stderr)
        score = torch.where(one_class[:, None], chance(view, "cal"), score)
    return view.pick(score, k)                                         # lines 6-10


# ---- half DAL, half CAL (Section 5) -------------------------------------------------------------


def cal_dal(view, k):
    """Half of the batch from CAL (the larger half of an odd one), the rest from DAL."""
    first = cal(view, k - k // 2)
    return torch.cat([first, dal(view.without(first), k // 2)], dim=1)


STRATEGIES = {
    "random": random, "lc": least_confidence, "entropy": max_entropy,
    "bald": bald, "dal": dal, "cal": cal, "cal+dal": cal_dal,
}
# These do not read view.map; their runs are watched on the latest batch alone, which is quicker.
WITHOUT_MAP = {"random", "lc", "entropy", "bald", "dal"}
