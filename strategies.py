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
learn; the run picks at random for that round, and says so. Where processes share out the pool,
every strategy picks exactly what one process would; DAL, whose classifier learns from all of U,
and BALD, whose masks come in the order of the rows, gain nothing by it.
"""

import sys
from dataclasses import dataclass, field, replace

import torch
from tqdm import tqdm

import datamap

BINARY_LR, MC_PASSES = 5e-5, 10  # Sections 4.2 and 4.3


@dataclass(frozen=True)
class View:
    """A round as R runs of one strategy see it: N rows of training data, n of them labelled.

    model: the R trained models. x [N, D]: every text. rows [R, n]: L, in the order of labelling.
    pool [R, N]: True for the rows of U. map: the data map of L, fields [R, n]. seeds: one a run;
    with `round` they fix every random number. batch, epochs: those of the binary classifiers.
    shard: the rows that this process scores, all of them unless the pool is shared out; M = their
    number. Scores are per row, so the best k of all processes' best k are exactly the best k.
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
    shard: slice = field(default_factory=lambda: slice(None))
    protocol: datamap.Protocol = datamap.PAPER
    seen_psi: tuple = ()  # Psi(L) of every epoch's training passes, [R, n, width] each (CODE alone)
    epochs: int = datamap.EPOCHS

    def draws(self, purpose):
        """The round's random numbers for a purpose; equal for the runs of one seed."""
        return datamap.Draws(self.seeds, self.round, purpose, device=self.x.device)

    def score(self, function):
        """function(Psi(x) [R, m, width]) over the shard's rows, in pieces -> [R, M, ...]."""
        pieces = self.x[None, self.shard].split(datamap.CHUNK, dim=1)
        bar = tqdm(pieces, "scoring", unit_scale=datamap.CHUNK, unit="text", leave=False,
                   disable=len(pieces) < 50)  # a pool of 200,000 and more
        return torch.cat([function(self.model.psi(piece)) for piece in bar], dim=1)

    def probs(self):
        """P_theta(y | x) of the shard's rows: [R, M, C]."""
        return self.score(self.model.head)[..., : self.model.C]

    def pick(self, score, k):
        """The k rows of U with the highest score [R, M], one by one -> [R, k] row numbers.

        Lines 6-10 of Algorithm 1: take the best x, L <- L + x, U <- U - x, and again.
        """
        k = min(k, int(self.pool[0].sum()))
        score = score.masked_fill(~self.pool[:, self.shard], -torch.inf)
        best = torch.empty(len(score), min(k, score.shape[1]), device=score.device)
        picked = best.long()
        for j in range(best.shape[1]):
            best[:, j], picked[:, j] = score.max(dim=1)  # the first of equals
            score.scatter_(1, picked[:, j : j + 1], -torch.inf)
        picked += self.shard.start or 0
        return picked if self.shard == slice(None) else best_of_all_processes(best, picked, k)

    def without(self, rows):
        """The same view with `rows` [R, j] gone from the pool."""
        return replace(self, pool=self.pool.scatter(1, rows, False))

    def psi_labelled(self):
        """Psi(L): [R, n, width]."""
        return self.model.psi(self.x[self.rows]) if self.protocol.trained_psi else self.seen_psi[0]

    def high_cor(self):
        """Line 5: 1 where phi_i > t_cor, else 0: [R, n]."""
        phi = self.map.correctness
        phi = phi if self.protocol.exact else (phi * 5).round() / 5
        return (phi > self.t_cor).long()


@dataclass(frozen=True)
class Committee(View):
    """A round in which the runs of all seeds pick together, by the mean of their scores.

    scores: {row: the mean score with which it was picked}, filled by pick.
    """

    scores: dict = field(default_factory=dict)

    def pick(self, score, k):
        """The k best rows by the mean score, the same for every run -> [R, k]."""
        mean = score.mean(dim=0, keepdim=True)
        rows = View.pick(replace(self, pool=self.pool[:1]), mean, k)
        self.scores.update(zip(rows[0].tolist(), mean[0, rows[0]].tolist()))
        return rows.expand(len(score), -1)


def best_of_all_processes(best, picked, k):
    """The k best of every process's best: scores and row numbers [R, k of it] -> [R, k]."""
    theirs = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(theirs, (best.cpu(), picked.cpu()))
    best, rows = (torch.cat(parts, dim=1) for parts in zip(*theirs))
    # Shards lie in the order of the rows, so a stable sort leaves ties at the lowest row number.
    order = best.sort(dim=1, descending=True, stable=True).indices[:, :k]
    return rows.gather(1, order).to(picked.device)


def shard_of(N, rank, world):
    """The rows that process `rank` of `world` scores: whole chunks, so that no score changes."""
    chunks = -(-N // datamap.CHUNK)
    first, last = (chunks * r // world * datamap.CHUNK for r in (rank, rank + 1))
    return slice(first, min(last, N)) if world > 1 else slice(None)


# ---- Random (Rand.) -----------------------------------------------------------------------------


def random(view, k):
    """Every row of U alike."""
    return view.pick(chance(view), k)


def chance(view):
    """A random score for every row of the shard, the same for the runs of one seed: [R, M]."""
    return view.draws("random").uniform(len(view.x)).expand(view.pool.shape)[:, view.shard]


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
    """The mean of function(p) over ten predictions p with dropout on: [R, M, padded C]."""
    draws, total = view.draws("bald"), []
    for x in view.x[None].split(datamap.CHUNK, dim=1):
        masks = ([draws.dropout(x.shape[1], width) for width in view.model.widths[:-1]]
                 for _ in range(MC_PASSES))
        total.append(sum(function(view.model.head(view.model.psi(x, keep))) for keep in masks))
    return torch.cat(total, dim=1)[:, view.shard] / MC_PASSES


# ---- the binary classifier of DAL and CAL -------------------------------------------------------


def binary_classifier(view, features, label, classes=2):
    """theta': one ReLU layer of 300 and an output a class, new every round (Section 4.3).

    features [R, n, width], label [R, n] below `classes` (two for DAL and CAL; three where the next
    batch asks for a text's region). Returns the trained stack.
    """
    head, training = start_binary_classifier(view, features, label, classes=classes)
    for _epoch in training:
        pass
    return head


def start_binary_classifier(view, features, label, watch=False, classes=2):
    """The new stack, and the epochs of its training, to be gone through."""
    hidden, device = (300,) if view.protocol.binary_hidden else (), view.x.device
    sizes = (features.shape[-1], *hidden, classes)
    head = datamap.Stack(sizes, view.seeds, view.round, "binary", lr=BINARY_LR, device=device)
    head.relu_logits = not view.protocol.binary_hidden
    return head, datamap.fit(head, features, label, view.epochs, view.batch, view.draws("binary"),
                             dropout=0, shuffle=view.protocol.shuffle, watch=watch)


# ---- DAL (Gissin and Shalev-Shwartz, 2019) ------------------------------------------------------


def dal(view, k):
    """Train theta' to tell L (1) from U (0) on Psi; argmax P_theta'(u | Psi(x))."""
    everything = replace(view, shard=slice(None))  # a share of U would train another theta'
    psi = everything.score(lambda psi: psi)  # [R, N, width]; every row is in L or in U
    head = binary_classifier(view, psi, (~view.pool).long())
    return view.pick(head.probs(psi)[:, view.shard, 0], k)


# ---- CAL: Cartography Active Learning (Section 3, Algorithm 1) ----------------------------------


def cal(view, k):
    """Train theta' to tell high-cor (1) from low-cor (0) in L; argmin |0.5 - P_theta'(1 | x)|."""
    label = view.high_cor()
    head = binary_classifier(view, view.psi_labelled(), label)
    p_high = view.score(lambda psi: head.probs(psi)[..., 1])
    score = -(0.5 - p_high).abs()
    one_class = label.amin(dim=1) == label.amax(dim=1)  # [R]
    if one_class.any():
        seeds = {seed for seed, one in zip(view.seeds, one_class.tolist()) if one}
        tqdm.write(f"round {view.round}, seed {sorted(seeds)}: all of L is in one correctness"
                   " class, nothing to learn; CAL picks at random in this round", file=sys.stderr)
        score = torch.where(one_class[:, None], chance(view), score)
    return view.pick(score, k)  # lines 6-10


# ---- half DAL, half CAL (Section 5) -------------------------------------------------------------


def cal_dal(view, k):
    """Half of the batch from CAL (the larger half of an odd one), the rest from DAL."""
    first = cal(view, k - k // 2)
    return torch.cat([first, dal(view.without(first), k // 2)], dim=1)


# ---- as the released code has them (Protocol.plain_scores off) ----------------------------------


def released_bald(view, k):
    """Row 14: the mean of ten log-softmax outputs, soft-maxed again, then its entropy."""
    logs = mc_mean(view, torch.log)[..., : view.model.C]
    return view.pick(entropy(torch.softmax(logs, dim=-1)), k)


def released_dal(view, k):
    """Row 13: theta' learns from Psi(L) of all epochs (1), then Psi(U) (0); smallest P(1).

    The scores are the last epoch's training-time outputs. Every run has as many rows in U.
    """
    R, everything = len(view.rows), replace(view, shard=slice(None))
    rows = view.pool.nonzero()[:, 1].view(R, -1)  # U, in the order of the file
    psi = everything.score(lambda psi: psi)
    psi_U = psi.gather(1, rows[..., None].expand(-1, -1, psi.shape[-1]))
    features = torch.cat([*view.seen_psi, psi_U], dim=1)
    label = torch.zeros(features.shape[:2], dtype=torch.int64, device=view.x.device)
    label[:, : -rows.shape[1]] = 1
    _, training = start_binary_classifier(view, features, label, watch=True)
    *_, (p, _psi) = training
    score = torch.full(view.pool.shape, -torch.inf, device=view.x.device)
    score.scatter_(1, rows, -p[:, -rows.shape[1] :, 1])
    return view.pick(score[:, view.shard], k)


STRATEGIES = {
    "random": random, "lc": least_confidence, "entropy": max_entropy,
    "bald": bald, "dal": dal, "cal": cal, "cal+dal": cal_dal,
}
# These do not read view.map; their runs are watched on the latest batch alone, which is quicker.
WITHOUT_MAP = ("random", "lc", "entropy", "bald", "dal")
RELEASED = {**STRATEGIES, "bald": released_bald, "dal": released_dal}
