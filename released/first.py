"""What the authors' code of 2021 does otherwise than that of 2022: one class per difference.

The rows V1 to V6 are those of docs/versions.md. protocols.py lays them over the rows of the code of
2022 (--protocol code2021), or over any other protocol one by one (--protocol code+twice).
"""

from dataclasses import replace

import torch

from datamap import EPOCHS
from fast import SideBySide, Stack, View
from released.recording import Recording, laid
from released.reset import NeverReset

TWICE = "cal", "dal", "cal+dal"  # the strategies that V1 trains again


class TrainedTwice(NeverReset):
    """V1: from the second round on, CAL and DAL train once more on the same L before they pick.

    The test accuracy is measured before that second training. The strategy picks with its result,
    and the next round starts from it. The other strategies train once. V1 brings row 1 (never
    reset) with it, because without that row the second training would replace the first.
    """

    again = None  # the theta that is trained once more

    def stacks(self, i, runs):
        for stack in super().stacks(i, runs):
            for twice in (False, True):
                if part := [run for run in stack if (run.strategy in TWICE) == twice]:
                    yield part

    def train(self, i, stack, L):
        theta, data_map = super().train(i, stack, L)
        if not 0 < i < self.s.rounds or stack[0].strategy not in TWICE:
            return theta, data_map
        once = theta.take(slice(None))
        once.W, once.b = ([t.clone() for t in ts] for ts in (once.W, once.b))
        self.again = theta
        try:
            theta, data_map = self.train_watched(i, stack, L)
        finally:
            self.again = None
        self.keep_state(i, stack, theta)
        theta.once = once
        return theta, data_map

    def new_theta(self, i, stack):
        return super().new_theta(i, stack) if self.again is None else self.fresh(self.again)

    def fresh(self, theta):
        """theta, ready to be trained once more (Recording asks for an empty record)."""
        if getattr(theta, "passes", None) is not None:
            theta.record()
        return theta

    def draws(self, stack, *purpose):
        return super().draws(stack, *purpose, *(() if self.again is None else ("again",)))

    def measure(self, theta):
        return super().measure(getattr(theta, "once", theta))


class TenEpochs(SideBySide):
    """V2: ten epochs for theta and theta' (or as many as --epochs says)."""

    def __init__(self, data, settings, log, device="cpu"):
        if settings.epochs == EPOCHS:
            settings = replace(settings, epochs=10)
        super().__init__(data, settings, log, device)


class NoDecay(Stack):
    """A stack that is trained by Adam: AdamW without weight decay."""

    decay = 0.0


class Adam(SideBySide):
    """V3: theta is trained by Adam."""

    @property
    def Theta(self):
        return laid(NoDecay, super().Theta)


class AdamBinary(View):
    """V3: so is theta', with theta's learning rate."""

    @property
    def Binary(self):
        return laid(NoDecay, super().Binary)

    @property
    def binary(self):
        return {**super().binary, "lr": 1e-4}


class Weighted(Stack):
    """A stack whose cross-entropy weighs an instance by 1 - its class's share, as a weighted mean
    over the mini-batch."""

    def fit(self, x, y, epochs, minibatch, draws):
        shares = torch.nn.functional.one_hot(y, self.widths[-1]).float().mean(dim=1, keepdim=True)
        self.weights = (1 - shares).clamp_min(1e-12)  # [R, 1, padded C]
        return super().fit(x, y, epochs, minibatch, draws)

    def error(self, psi, onehot):
        own = (onehot * self.weights).sum(-1, keepdim=True)  # [R, B, 1]
        return super().error(psi, onehot).mul_(own * psi.shape[1] / own.sum(1, keepdim=True))


class WeightedBinary(View):
    """V4: theta' weighs its classes."""

    @property
    def Binary(self):
        return laid(Weighted, super().Binary)


class LastEpochPsi(View):
    """V5: Psi(L) for theta' is that of the last epoch's training passes.

    (The code of 2021 makes one more pass per mini-batch for it, with other dropout masks.)
    """

    def psi_labelled(self):
        return self.theta.epochs[-1][1][self.theta.mine]


class LastEpochForDal(View):
    """V6: so is what DAL's theta' sees of L."""

    epochs_of_L = slice(-1, None)


ROWS_2021 = {
    "twice": (TrainedTwice,), "ten": (TenEpochs,), "adam": (Adam, AdamBinary),
    "weights": (WeightedBinary,), "last_psi": (Recording, LastEpochPsi),
    "dal_last": (LastEpochForDal,),
}
