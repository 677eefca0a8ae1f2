"""Labels to check: how suspicious each is, and how many are probably wrong.

Labels are ranked by leave-one-out ridge regression on all the other labels: the score of the given
class minus the best score of another class. Of nine scores that were tried it found wrong labels
best, and it trains no network (docs/your-csv-measured.md). A label is probably wrong if two more
margins agree: that of models trained on it, over all epochs (the area under the margin, Pleiss et
al. 2020), and that of models not trained on it (out-of-fold).
"""

from dataclasses import dataclass

import numpy as np
import torch

from fast import Stack
from labelling.held_out import epochs_for, leave_one_out, margin
from plumbing.draws import Draws
from plumbing.files import write_csv


@dataclass
class Doubts:
    """Doubted labels, the most suspicious first: positions in L, and the likelier classes.

    believed: how many are probably wrong, because all three margins favour another class.
    """

    places: list
    theirs: list
    believed: int


def find(x, y, C, seen, p):
    """The Doubts of labels y [n], x [n, D]: those for which the others favour another class.

    seen [E, R, n, C]: p by models trained on these labels, epoch by epoch; p [n, C]: out-of-fold.
    """
    ridge = leave_one_out(x, y, C)
    margins = np.stack([margin(look, y) for look in (
        ridge, p, np.log(seen.clip(1e-12)).mean((0, 1)))])  # [3, n]
    order = [int(i) for i in np.argsort(margins[0], kind="stable") if margins[0, i] < 0]
    return Doubts(order, ridge[order].argmax(1).tolist(), int((margins < 0).all(0).sum()))


def write(path, data, labelled, found, mean):
    """Write relabel.csv. mean: the data map of the labelled texts, with fields [n]."""
    rows = [(labelled[i], c, i) for i, c in zip(found.places, found.theirs)]
    write_csv(path, ["row", "text", "label", "model", *mean._fields], [
        [data.row_numbers[row], data.texts[row], data.classes[data.y[row]], data.classes[c],
         *(f"{field[i]:.4f}" for field in mean)] for row, c, i in rows])


def dynamics(x, y, C, minibatch, seeds, device="cpu"):
    """p of every labelled text at the end of each epoch, from one model per seed: [E, R, n, C]."""
    x, y = (torch.as_tensor(a, device=device).expand(len(seeds), *a.shape) for a in (x, y))
    theta = Stack(x.shape[-1], C, seeds, "doubts", device=device)
    draws = Draws(seeds, "doubts", device=device)
    training = theta.fit(x, y, epochs_for(x.shape[1], minibatch), minibatch, draws)
    return torch.stack([theta.probs(x) for _ in training]).cpu().double().numpy()
