"""Strategies beyond the paper: today's baselines, and CAL with unit Psi.

    python cal.py --dataset trec --strategies cal margin badge lc+div cal+unit

Each is a function `strategy(view, k) -> rows [R, k]` as in strategies.py, with its source and its
formula. A jury is the runs that pick together (View.by_jury).
"""

import torch

import strategies
from baselines import clusters
from plumbing.draws import Draws
from strategies import View

NEIGHBOURS, CANDIDATES, MAP_NEIGHBOURS = 10, 5, 15


def unit(psi):
    """Psi(x) / |Psi(x)|."""
    return psi / psi.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def joined(tensor, jury):
    """A jury's tensors [R, N, d] concatenated to [N, R d]: squared distances add up over runs."""
    return torch.cat([tensor[r] for r in jury], dim=-1)


# ---- Margin (Scheffer et al., 2001) -------------------------------------------------------------


def margin(view, k):
    """argmin P(y1 | x) - P(y2 | x); y1 is the likeliest class and y2 the second."""
    p = view.probs().topk(2, dim=-1).values
    return view.pick(p[..., 1] - p[..., 0], k)


# ---- BADGE (Ash et al., 2020) -------------------------------------------------------------------


def badge(view, k):
    """k-means++ seeding of g_x = (p - onehot(yhat)) x Psi(x), the last layer's gradient.

    The outer product [C width] is never formed: clusters.seeding takes its two factors. The first
    pick is the longest gradient, as in the authors' code.
    """
    psi, C = view.score(lambda psi: psi), view.theta.C
    p = view.theta.head(psi)[..., :C]
    error = p - torch.nn.functional.one_hot(p.argmax(-1), C)
    length = ((error**2).sum(-1) * (psi**2).sum(-1)).masked_fill(~view.U, -1)  # [R, N]
    k = min(k, int(view.U[0].sum()))
    draws = view.draws("badge").uniform(max(k - 1, 0)).expand(len(psi), -1)

    def choose(jury):
        first = length[jury].sum(0).argmax()
        return clusters.seeding([[error[r], psi[r]] for r in jury], 1.0, view.U[jury[0]],
                                first, draws[jury[0]])[:k]

    return view.by_jury(choose)


# ---- Core-Set (Sener and Savarese, 2018) --------------------------------------------------------


def core_set(view, k):
    """k-centre greedy: argmax over U of the distance of Psi(x) to the nearest of L and picks."""
    psi, psi_L = view.score(lambda psi: psi), view.psi_labelled()

    def choose(jury):
        x, pool, rows = joined(psi, jury), view.U[jury[0]], []
        d2 = clusters.nearest(x, joined(psi_L, jury))[0][:, 0].masked_fill(~pool, -1)
        square = (x * x).sum(1)
        for _ in range(min(k, int(pool.sum()))):
            c = int(d2.argmax())
            rows.append(c)
            d2 = torch.minimum(d2, (square + square[c] - 2 * (x @ x[c])).clamp_min_(0))
            d2[rows] = -1
        return rows

    return view.by_jury(choose)


# ---- Contrastive active learning (Margatina et al., 2021) ---------------------------------------


def contrastive(view, k):
    """argmax of the mean KL(p(y | x_l) || p(y | x)) over the ten labelled x_l nearest in Psi."""
    psi_L, C = view.psi_labelled(), view.theta.C
    p_L = view.theta.head(psi_L)[..., :C]  # [R, n, C]
    near = min(NEIGHBOURS, psi_L.shape[1])

    def divergence(psi):  # [R, m, width] -> [R, m]
        log_p, out = view.theta.head(psi)[..., :C].clamp_min(1e-12).log(), []
        for r in range(len(psi)):
            p_l = p_L[r][clusters.nearest(psi[r], psi_L[r], near)[1]]  # [m, near, C]
            kl = -torch.special.entr(p_l).sum(-1) - (p_l * log_p[r][:, None]).sum(-1)
            out.append(kl.mean(1))
        return -torch.stack(out)

    return view.pick(-view.score(divergence), k)


# ---- TypiClust (Hacohen et al., 2022) -----------------------------------------------------------


def typiclust(view, k):
    """The most typical texts of the clusters without a label, found in the texts' vectors."""
    def choose(jury):
        r = jury[0]
        draws = Draws(view.seeds[r : r + 1], view.round, "typiclust", device=view.x.device)
        return clusters.typical(view.x, view.L[r], view.U[r], k, draws)

    return view.by_jury(choose)


# ---- uncertain and spread -----------------------------------------------------------------------


def lc_div(view, k):
    """k of LC's first 5 k picks, chosen by k-means++ on unit Psi; the first is LC's first."""
    return among_the_uncertain(view, k, lambda run, psi: torch.ones(len(psi), device=psi.device))


def map_div(view, k):
    """lc+div weighted by the data map: 1 - the mean mu of the 15 labelled texts nearest in Psi.

    So a text is more likely to be picked if the confidence (Eq. 1) of its labelled neighbours is
    low.
    """
    L = unit(view.psi_labelled())

    def weight(run, psi):
        near = clusters.nearest(psi, L[run], min(MAP_NEIGHBOURS, L.shape[1]))[1]
        return 1 - view.map.confidence[run][near].mean(1).float()

    return among_the_uncertain(view, k, weight)


def among_the_uncertain(view, k, weight):
    """k-means++ on unit Psi among LC's first 5 k picks (of a committee, if runs pick together).

    weight(run, psi [m, width]) -> [m]: the weight of each candidate in one run.
    """
    score = 1 - view.probs().amax(dim=-1)  # [R, N]
    rows = view.pick(score, CANDIDATES * k)  # [R, m]
    psi = unit(view.theta.psi(view.x[rows]))
    k, free = min(k, rows.shape[1]), torch.ones(rows.shape[1], dtype=torch.bool, device=psi.device)
    draws = view.draws("spread").uniform(max(k - 1, 0)).expand(len(rows), -1)

    def choose(jury):
        mean = torch.stack([weight(r, psi[r]) for r in jury]).mean(0)
        mine = clusters.seeding([[psi[r]] for r in jury], mean, free, 0, draws[jury[0]])[:k]
        return rows[jury[0]][mine].tolist()

    return view.by_jury(choose)


# ---- CAL on unit Psi ----------------------------------------------------------------------------


class UnitView(View):
    """A View in which Psi has the same length for all texts: Psi / |Psi| sqrt(width).

    On Psi itself theta' learns to tell short texts from long ones (docs/why-cal-loses.md).
    """

    binary = {**View.binary, "lr": 1e-3}

    def score(self, function):
        return super().score(lambda psi: function(unit(psi) * psi.shape[-1] ** 0.5))

    def psi_labelled(self):
        psi = super().psi_labelled()
        return unit(psi) * psi.shape[-1] ** 0.5


def on_unit_psi(view):
    """A view of any View class -> the same view with unit Psi."""
    return type("UnitView", (UnitView, type(view)), {})(**vars(view))


def cal_unit(view, k):
    """CAL with theta' on unit Psi and a learning rate of 1e-3; all else is the same."""
    return strategies.cartography(on_unit_psi(view), k)


BEYOND = {
    "margin": margin, "badge": badge, "coreset": core_set, "contrastive": contrastive,
    "typiclust": typiclust, "lc+div": lc_div, "cal+unit": cal_unit, "map+div": map_div,
}
BEST = ("margin", "cal+unit", "map+div")  # the best of these (docs/strategies.md)
for strategy in (margin, badge, core_set, contrastive, typiclust, lc_div):
    strategy.reads_map = False
