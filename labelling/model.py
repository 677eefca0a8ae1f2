"""The team's model of a table: what it predicts, how far it can be believed, and how it picks."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from labelling import guesses, honest, kernel
from labelling.kept import kept
from strategies import View
from tables.answers import key
from tables.copies import bare

CLOSED = "margin", "lc", "entropy", "random"  # strategies that ask for p(y | x) alone
UNKNOWN = "", "random"  # how a label came that no strategy has asked for


@dataclass
class Model:
    """The closed-form model of a table's labels, each distinct text of them once.

    rows [n]: the first row of each labelled text; y [n]: its class, the most frequent of its
    copies'. fitted: kernel.Fitted, but its scores, of which p [N + T, C] are made: p(y | x) of all
    texts. found: honest.Calibration. sample [n]: True where no strategy has picked the text.
    """

    features: dict
    rows: np.ndarray
    Y: np.ndarray
    y: np.ndarray
    fitted: kernel.Fitted
    found: honest.Calibration
    p: np.ndarray
    sample: np.ndarray

    @property
    def judged(self):
        """True for the labelled texts that have scores by models without them: [n]."""
        return ~np.isnan(self.fitted.left_out[:, 0])

    def wrong(self):
        """P(the given label is wrong) of each labelled text, 0 where nothing is known: [n]."""
        out, known = np.zeros(len(self.y)), self.judged
        out[known] = honest.wrong_labels(self.fitted.left_out[known], self.y[known], self.found)
        return out

    def accuracy(self, rows, text=None):
        """honest.accuracy of `rows`; None where too few labels are a sample.

        text: equal numbers for rows of the same text; by default each row number is a text.
        """
        used = self.sample & self.judged
        if used.sum() < honest.FEW or not len(rows):
            return None
        times = np.unique(rows if text is None else text, return_counts=True)[1]
        return honest.accuracy(self.p.max(1)[rows], self.fitted.left_out, self.y, used,
                               self.found, times)

    @cached_property
    def halves(self):
        """kernel.half_as_many, of which every number of further labels asks."""
        return kernel.half_as_many(self.features, self.rows, self.Y, self.fitted)

    def gain(self, more):
        """honest.gain: what `more` labels are expected to add to the accuracy of the first model,
        which makes no guesses; they add less to both."""
        places, halves = self.halves
        known = self.judged[places]
        return honest.gain(self.y, self.fitted.alone, places[known], halves[known],
                           len(self.y), more)


def train(data, answers, labelled, test_texts=(), cache=None):
    """The Model of the rows `labelled` [n] of a table. Its p has the test texts behind the rows.

    cache: the folder in which the texts' terms are kept, or None.
    """
    rows, Y = distinct(data, labelled)
    y = Y.argmax(1)
    x = np.concatenate([data.x, data.x_test]) if len(test_texts) else data.x
    texts = [*data.texts, *test_texts]
    keep = lambda make: kept(cache, data.name, texts, make) if cache else make()
    features = kernel.features_of(texts, x, keep=keep)
    same = lambda row: bare(data.texts[row])
    guessed = guesses.sample(len(data.texts), labelled, len(rows), same)
    fitted = kernel.fit(features, rows, Y, guessed)
    known = ~np.isnan(fitted.left_out[:, 0])
    found = honest.calibrate(fitted.left_out[known], y[known])
    asked = [answers.by_text.get(key(data.texts[row])) for row in rows]
    sample = np.array([a is None or a.how in UNKNOWN for a in asked])
    p, fitted.scores = found.probs(fitted.scores), None  # of a million texts each is 0.2 GB
    return Model(features, rows, Y, y, fitted, found, p, sample)


def distinct(data, labelled):
    """(the first row of each distinct labelled text [n], the shares of its copies' classes).

    Copies are one text here, so that leaving a text out leaves its copies out (tables/copies.py).
    """
    place, counts = {}, []
    for row in labelled:
        i = place.setdefault(bare(data.texts[row]), len(counts))
        if i == len(counts):
            counts.append((row, np.zeros(len(data.classes))))
        counts[i][1][data.y[row]] += 1
    rows, Y = zip(*counts)
    Y = np.array(Y)
    return np.array(rows), Y / Y.sum(1, keepdims=True)


@dataclass(frozen=True)
class ByModel(View):
    """A round in which a Model picks."""

    model: Model = None

    def probs(self):
        """p(y | x) of every row: [1, N, C]."""
        p = self.model.p[: len(self.x)]
        return torch.as_tensor(p, dtype=torch.float32, device=self.x.device)[None]


def view_of(model, view):
    """The view of a committee with the model's probabilities, as one run."""
    fields = {name: getattr(view, name) for name in View.__dataclass_fields__}
    L = torch.as_tensor(model.rows, device=view.x.device)[None]
    return ByModel(**dict(fields, L=L, U=view.U[:1], seeds=view.seeds[:1]), model=model)
