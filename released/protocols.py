"""The authors' released code: its differences from the paper, put over the core from outside.

    python cal.py --dataset trec --protocol code            every difference
    python cal.py --dataset trec --protocol paper+reset     one alone, in the text's protocol
    python cal.py --dataset trec --protocol code+pad        all but one
    python cal.py --dataset trec --protocol code2021        the code as it was first released

There is one class (or function) per difference. Its docstring describes what the released code
does, with the row number of docs/released-code.md. A protocol is a subclass of fast.SideBySide and
of its rows' classes. A row may override new_theta, watch, seed_set, draws or strategies of the
algorithm, and high_cor, psi_labelled, draws or new_classifier of the View.
"""

import zlib

import numpy as np
import torch

from datamap import HIDDEN
from fast import SideBySide, View
from plumbing.draws import Draws
from plumbing.files import InputError
from released.first import ROWS_2021
from released.model import InOrder, Noisy, Recorded, ReluLogits
from released.recording import Recording, laid
from released.reset import NeverReset
from strategies import MC_PASSES, STRATEGIES, entropy


def protocol(name):
    """(algorithm class, how data.load reads the texts) of a base, or one with rows turned.

    Bases: paper, code (the authors' code of 2022), code2021 (of 2021). paper+pad, code-reset ...:
    + and - both turn a row. InputError for another name, or a row that is turned twice.
    """
    base, *turned = name.replace("-", "+").split("+")
    every = {**ROWS, **ROWS_2021}
    if base not in BASES or set(turned) - set(every):
        raise InputError(f"--protocol {name!r} is not paper, code or code2021, alone or with"
                         " +SWITCH of " + ", ".join(every))
    if twice := [row for row in dict.fromkeys(turned) if turned.count(row) > 1]:
        raise InputError(f"--protocol {name!r} turns {twice[0]} more than once;"
                         " name each switch once")
    rows = [row for row in every if (row in turned) != (row in BASES[base])]
    over = [c for row in reversed(rows) for c in every[row] if isinstance(c, type)]
    reading = dict(c for row in rows for c in every[row] if isinstance(c, tuple))
    return compose(SideBySide, over, View=compose(View, over)), reading


def compose(base, over, **attributes):
    """A subclass of `base` and of those classes of `over` that extend it."""
    mine = dict.fromkeys(c for c in over if issubclass(c, base))
    mine = [c for c in mine if not any(c in other.__mro__[1:] for other in mine)]
    return laid(*mine, base, **attributes)


# ---- rows 2 and 10 ------------------------------------------------------------------------------


class DropoutStaysOn(SideBySide):
    """Rows 2 and 10: dropout stays on for the dynamics, the pool and the test set.

    Each run has its own masks, and they do not depend on the other runs of the stack.
    """

    shared_start = False

    @property
    def Theta(self):
        return laid(Noisy, super().Theta)

    def new_theta(self, i, stack):
        theta = super().new_theta(i, stack)
        theta.noise = [Draws([run.seed], zlib.crc32(run.label.encode()), i, "noise",
                             device=self.device) for run in stack]
        return theta


# ---- rows 3 and 16: functions for data.load -----------------------------------------------------


def first_word(missing, first):
    """Row 3: a text is padded to max_len with the first word of the training file."""
    return missing[:, None].astype(np.float32) * first


def as_written(word):
    """Row 16: a word is zeros if the vector file lacks its exact spelling."""
    return [word]


# ---- rows 4 to 6 --------------------------------------------------------------------------------


class TwoLayers(SideBySide):
    """Row 4: two hidden layers instead of three; Psi is the second."""

    shape = {"hidden": HIDDEN[:2]}


class OneSeedSet(SideBySide):
    """Row 5: one fixed shuffle, not stratified, for all seeds."""

    def seed_set(self, seed):
        N = len(self.data.y)
        return np.random.RandomState(42).permutation(N)[N - self.s.seed_size :]


class Unshuffled(SideBySide):
    """Row 6: theta's mini-batches are never shuffled."""

    def draws(self, stack, *purpose):
        return InOrder([run.seed for run in stack], *purpose, device=self.device)


class UnshuffledBinary(View):
    """Row 6: the mini-batches of theta' are never shuffled."""

    def draws(self, purpose):
        return InOrder(self.seeds, self.round, purpose, device=self.x.device)


# ---- rows 7 and 9: what the training passes saw -------------------------------------------------


class MidEpoch(Recording):
    """Row 7: the dynamics are those of the training passes: weights mid-epoch, dropout on."""

    def watch(self, theta, x, group, start, order):
        return theta.settle(order)[0][group, start:, : theta.C]


class FirstEpochPsi(View):
    """Row 9: theta' learns from the Psi(L) of the first epoch's training passes."""

    def psi_labelled(self):
        return self.theta.epochs[0][1][self.theta.mine]


# ---- rows 8 and 11: CAL's labels and its classifier ---------------------------------------------


class NearestFifth(View):
    """Row 8: correctness is rounded to the nearest fifth before t_cor is applied."""

    def high_cor(self):
        return ((self.map.correctness * 5).round() / 5 > self.t_cor).long()


class LinearBinary(View):
    """Row 11: theta' is one linear layer with a ReLU on its two outputs."""

    Binary, binary = ReluLogits, {**View.binary, "hidden": ()}


# ---- rows 13 and 14 -----------------------------------------------------------------------------


class ReleasedScores(Recording):
    """Rows 13 and 14: DAL and BALD as below."""

    @property
    def strategies(self):
        return {**STRATEGIES, "bald": bald, "dal": dal}


class RecordedBinary(View):
    """Row 13 reads theta' off its training passes. epochs_of_L: of which epochs DAL sees Psi(L)."""

    epochs_of_L = slice(None)

    @property
    def Binary(self):
        return laid(Recorded, super().Binary)


def dal(view, k):
    """Row 13: theta' learns from Psi(L) of all epochs (class 1), then Psi(U) (class 0).

    It picks the smallest P(1), from the training passes of the last epoch. Every run of the
    stack has the same number of rows in U.
    """
    rows = view.U.nonzero()[:, 1].view(len(view.L), -1)  # U, in the order of the file
    psi_U = view.score(lambda psi: psi)
    psi_U = psi_U.gather(1, rows[..., None].expand(-1, -1, psi_U.shape[-1]))
    psi_L = [psi[view.theta.mine] for _p, psi in view.theta.epochs[view.epochs_of_L]]
    features, n = torch.cat([*psi_L, psi_U], dim=1), rows.shape[1]
    label = torch.ones(features.shape[:2], dtype=torch.int64, device=view.x.device)
    label[:, -n:] = 0
    binary, draws = view.new_classifier(features.shape[-1], 2), view.draws("binary")
    binary.record()
    for order in binary.fit(features, label, view.epochs, view.minibatch, draws):
        p, _psi = binary.settle(order)
        binary.record()
    score = torch.full(view.U.shape, -torch.inf, device=view.x.device)
    return view.pick(score.scatter_(1, rows, -p[:, -n:, 1]), k)


def bald(view, k):
    """Row 14: the entropy of the softmax of the mean of ten log-softmax outputs."""
    draws = view.draws("bald")
    logs = view.in_pieces(lambda x: sum(torch.log(view.theta.with_dropout(x, draws))
                                        for _ in range(MC_PASSES))) / MC_PASSES
    return view.pick(entropy(torch.softmax(logs[..., : view.theta.C], dim=-1)), k)


ROWS = {
    "reset": (NeverReset,), "quiet": (DropoutStaysOn,), "pad": (("fill", first_word),),
    "deep": (TwoLayers,), "stratify": (OneSeedSet,), "shuffle": (Unshuffled, UnshuffledBinary),
    "settled": (MidEpoch,), "exact": (NearestFifth,), "trained_psi": (Recording, FirstEpochPsi),
    "binary_hidden": (LinearBinary,), "plain_scores": (ReleasedScores, RecordedBinary),
    "respell": (("spellings", as_written),),
}
BASES = {"paper": (), "code": (*ROWS,), "code2021": (*ROWS, *ROWS_2021)}
