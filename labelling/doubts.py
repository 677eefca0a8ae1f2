"""Labels to look at again: how suspicious each is, and how many are believed wrong.

The rank is that of ridge regression on all other labels, leave-one-out: the given class's score
less the best other class's. Of nine scores tried it found wrong labels best, and it trains nothing
(docs/your-csv-measured.md). A label is believed wrong where two more looks agree: models that were
trained on it, from first epoch to last (the area under the margin, Pleiss et al. 2020), and models
that were not (out-of-fold).
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
    """Doubted labels, the most suspicious first: places in L, and the class that is likelier.

    believed: how many are believed wrong: all three looks speak for another class.
    """

    places: list
    theirs: list
    believed: int


def find(x, y, C, seen, p):
    """The Doubts of labels y [n], x [n, D]: where the other labels speak for another class.

    seen [E, R, n, C]: p of the models trained on them, epoch by epoch; p [n, C]: out-of-fold.
    """
    ridge = leave_one_out(x, y, C)
    margins = np.stack([margin(look, y) for look in (
        ridge, p, np.log(seen.clip(1e-12)).mean((0, 1)))])  # [3, n]
    order = [int(i) for i in np.argsort(margins[0], kind="stable") if margins[0, i] < 0]
    return Doubts(order, ridge[order].argmax(1).tolist(), int((margins < 0).all(0).sum()))


def write(path, data, labelled, found, mean):
    """relabel.csv. mean: the data map of the labelled texts, fields [n]."""
    rows = [(labelled[i], c, i) for i, c in zip(found.places, found.theirs)]
    write_csv(path, ["row", "text", "label", "model", *mean._fields], [
        [data.row_numbers[row], data.texts[row], data.classes[data.y[row]], data.classes[c],
         *(f"{field[i]:.4f}" for field in mean)] for row, c, i in rows])


def dynamics(x, y, C, minibatch, seeds, device="cpu"):
    """p of every labelled text at the end of each epoch, for a model a seed: [E, R, n, C]."""
    x, y = (torch.as_tensor(a, device=device).expand(len(seeds), *a.shape) for a in (x, y))
    theta = Stack(x.shape[-1], C, seeds, "doubts", device=device)
    draws = Draws(seeds, "doubts", device=device)
    training = theta.fit(x, y, epochs_for(x.shape[1], minibatch), minibatch, draws)
    return torch.stack([theta.probs(x) for _ in training]).cpu().double().numpy()
