"""Row 1 of docs/released-code.md: the released code never resets theta."""

import contextlib
import io
import pickle

import torch

from fast import SideBySide
from plumbing.files import whole_file


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
        self.keep_state(i, stack, theta)
        return theta, data_map

    def keep_state(self, i, stack, theta):
        for r, run in enumerate(stack if i < self.s.rounds else ()):
            state, out = [tensor[r].cpu().clone() for tensor in theta.state], io.BytesIO()
            torch.save([*state, theta.steps.cpu()], out)
            with whole_file(self.state_path(i, run)) as part:
                part.write_bytes(out.getvalue())  # a full disk is an OSError then, not torch's
            self.state_path(i - 2, run).unlink(missing_ok=True)

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
