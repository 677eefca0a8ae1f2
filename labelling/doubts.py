"""Labels to check: how likely each is wrong, by a model that has learned from all the others."""

from dataclasses import dataclass

import numpy as np

from labelling import honest
from plumbing.files import write_csv
from tables.answers import CORRECTED, key

MOST = 30  # rows: further down a list, most labels are right


@dataclass
class Doubts:
    """Doubted labels, the most suspicious first: places in Model.rows, and the likelier classes.

    wrong: the probability that each is wrong. believed: how many labels are wrong in all, as
    (estimate, low, high).
    """

    places: list
    theirs: list
    wrong: list
    believed: tuple


def find(team, data, answers):
    """The Doubts of a model.Model: labels for which the others favour another class.

    Labels that a person has looked at again are not asked for once more.
    """
    known = team.judged
    left_out, y = team.fitted.left_out, team.y
    likelier = np.where(known, left_out.argmax(1), y)
    checked = np.array([(a := answers.by_text.get(key(data.texts[row]))) is not None
                        and a.how == CORRECTED for row in team.rows])
    wrong = team.wrong()
    order = np.lexsort((margin(np.nan_to_num(left_out), y), -wrong))
    places = [int(i) for i in order if likelier[i] != y[i] and not checked[i]][:MOST]
    return Doubts(places, likelier[places].tolist(), wrong[places].tolist(),
                  honest.wrong_range(left_out[known], y[known], team.found))


def margin(score, y):
    """The given class's score minus the best other class's: score [n, C], y [n] -> [n]."""
    rows, other = np.arange(len(y)), np.array(score, np.float64)
    given = other[rows, y].copy()
    other[rows, y] = -np.inf
    return given - other.max(1)


def counted_wrong(found):
    """How many labels are wrong, as a sentence."""
    about, low, high = (round(value) for value in found.believed)
    return (f"About {about:,} labels are wrong, if slips are random (95 % range {low:,} to"
            f" {high:,}).")


def write(path, data, team, found, mean):
    """Write relabel.csv. mean: the data map of Model.rows, with fields [n]."""
    write_csv(path, ["row", "text", "label", "model", "wrong", *mean._fields], [
        [data.row_numbers[row := team.rows[i]], data.texts[row], data.classes[data.y[row]],
         data.classes[c], f"{p:.3f}", *(f"{field[i]:.4f}" for field in mean)]
        for i, c, p in zip(found.places, found.theirs, found.wrong)])
