"""The authors' released code: its differences from the paper, put over the core from outside.

    python cal.py --dataset trec --protocol code            every difference
    python cal.py --dataset trec --protocol paper+reset     one alone, in the text's protocol
    python cal.py --dataset trec --protocol code+pad        all but one

There is one class (or function) per difference. Its docstring describes what the released code
does, with the row number of docs/released-code.md. A protocol is a subclass of fast.SideBySide and
of its rows' classes. A row may override new_theta, watch, seed_set, draws or strategies of the
algorithm, and high_cor, psi_labelled, draws or new_classifier of the View.
"""

import contextlib
import io
import pickle
import zlib

import numpy as np
import torch

from datamap import HIDDEN
from fast import SideBySide, View
from plumbing.draws import Draws
from plumbing.files import InputError, whole_file
from released.model import InOrder, Noisy, Recorded, ReluLogits
from strategies import MC_PASSES, STRATEGIES, entropy


def protocol(name):
    """(algorithm class, how data.load reads the texts) of paper, code, or one with rows turned.

    paper+pad, code-reset ...: + and - both turn a row. InputError for another name.
    """
    base, *turned = name.replace("-", "+").split("+")
    if base not in ("paper", "code") or set(turned) - set(ROWS):
        raise InputError(f"--protocol {name!r} is not paper or code, alone or with +SWITCH of "
                         + ", ".join(ROWS))
    rows = [row for row in ROWS if (row in turned) != (base == "code")]
    over = [c for row in reversed(rows) for c in ROWS[row] if isinstance(c, type)]
    reading = dict(c for row in rows for c in ROWS[row] if isinstance(c, tuple))
    return compose(SideBySide, over, View=compose(View, over)), reading


def compose(base, over, **attributes):
    """A subclass of `base` and of those classes of `over` that extend it."""
    mine = dict.fromkeys(c for c in over if issubclass(c, base))
    mine = [c for c in mine if not any(c in other.__mro__[1:] for other in mine)]
    return laid(*mine, base, **attributes)


def laid(*classes, **attributes):
    """One class of several, each laid over the next."""
    return type(classes[0].__name__, classes, attributes)


# ---- row 1 --------------------------------------------------------------------------------------


class NeverReset(SideBySide):
    """Row 1: theta and its AdamW state go on from round to round, 30 more epochs each.

    So the state after a round is kept, beside the run file, until the next round is done. Where it
    is not there, the rounds so far are trained again: the run file has what they picked.
    """

    shared_start = False  # each run has a state of its own

    def new_theta(self, i, stack):
        theta = super().new_theta(i, stack)
        for r, run in enumerate(stack if i in range(1, self.s.rounds + 1) else ()):
            *tensors, steps = self.state(i - 1, run)
            for whole, tensor in zip(theta.state, tensors):
                whole[r] = tensor
            theta.steps.copy_(steps)
        return theta

    def train(self, i, stack, L):
        theta, data_map = super().train(i, stack, L)
        for r, run in enumerate(stack if i < self.s.rounds else ()):
            state, out = [tensor[r].cpu().clone() for tensor in theta.state], io.BytesIO()
            torch.save([*state, theta.steps.cpu()], out)
            with whole_file(self.state_path(i, run)) as part:
                part.write_bytes(out.getvalue())  # a full disk is an OSError then, not torch's
            self.state_path(i - 2, run).unlink(missing_ok=True)
        return theta, data_map

    def learn(self, runs):
        super().learn(runs)
        for run in runs:  # done: nothing is left to go on from
            for path in self.log.folder.glob(self.state_path("*", run).name):
                path.unlink()

    def state(self, i, run):
        """Parameters, AdamW's moments and step count of a run after round i."""
        with contextlib.suppress(OSError, RuntimeError, ValueError, KeyError, EOFError,
                                 pickle.UnpicklingError):
            return torch.load(self.state_path(i, run), weights_only=True)
        self.train(i, [run], self.labelled([run], i))
        return torch.load(self.state_path(i, run), weights_only=True)

    def state_path(self, i, run):
        return self.log.folder / f"{run.label}-{run.seed}.round{i}.pt"


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


class Recording(SideBySide):
    """Theta keeps what its training passes see (rows 7, 9 and 13 ask for it)."""

    @property
    def Theta(self):
        return laid(Recorded, super().Theta)

    def new_theta(self, i, stack):
        theta = super().new_theta(i, stack)
        if isinstance(i, int):  # a round; all the data at once would be much to keep
            theta.record()
        return theta

    def watch(self, theta, x, group, start, order):
        theta.settle(order)
        return super().watch(theta, x, group, start, order)


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
    """Row 13 reads theta' off its training passes."""

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
    psi_L = [psi[view.theta.mine] for _p, psi in view.theta.epochs]
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
