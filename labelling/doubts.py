"""Labels to check: how likely each is wrong, by a model that has learned from all the others."""

import math
from dataclasses import dataclass

import numpy as np

from labelling import honest
from plumbing.files import counted, write_csv
from tables.answers import BEFORE, DOUBTED, key

MOST = 30  # rows: further down a list, most labels are right


@dataclass
class Doubts:
    """Doubted labels: places in Model.rows, and the likelier classes.

    First those with two different answers, then the most suspicious ones. why: what speaks against
    the label. wrong: the probability that each is wrong. believed: how many labels are wrong that
    nobody has looked at again, as (estimate, low, high); at_most: if mistakes are systematic
    (honest.at_most), or None where that says little. looked, changed: how many labels people
    looked at again, and how many of them they changed.
    """

    places: list
    theirs: list
    why: list
    wrong: list
    believed: tuple
    at_most: float | None
    looked: int = 0
    changed: int = 0


def find(team, data, answers):
    """The Doubts of a model.Model: labels with two answers, or for which the others favour another
    class. Labels that a person has looked at again are not asked for once more."""
    known, y, left_out = team.judged, team.y, team.fitted.left_out
    likelier = np.where(known, left_out.argmax(1), y)
    of_text = [answers.by_text.get(key(data.texts[row])) for row in team.rows]
    again = np.array([bool(a and a.reviewed) for a in of_text])
    wrong = np.where(again, 0, team.wrong())
    order = np.lexsort((margin(np.nan_to_num(left_out), y), -wrong))
    code = {c: i for i, c in enumerate(data.classes)}
    place = {key(a.text): i for i, a in enumerate(of_text) if a}
    two = {place[k]: (code.get(a.label, y[place[k]]), of(a))
           for a, _ in answers.conflicts if (k := key(a.text)) in place}
    more = [int(i) for i in order if likelier[i] != y[i] and not again[i] and i not in two]
    left = known & ~again
    believed = honest.wrong_range(left_out[left], y[left], team.found)
    at_most = honest.at_most(left_out[left], y[left], team.found)
    if at_most > left.sum() / 3:  # of many classes that overlap it is most of the labels
        at_most = None
    before = {i: code.get(a.reviewed) for i, a in enumerate(of_text)
              if again[i] and known[i] and a.reviewed != BEFORE}
    seen = [i for i, c in before.items() if c is not None]
    expected = honest.wrong_labels(left_out[seen], np.array([before[i] for i in seen], int),
                                   team.found).sum() if seen else 0
    changed = sum(of_text[i].label != of_text[i].reviewed for i in before)
    believed = honest.informed(believed, expected, changed, len(before))
    places = [*two, *more[: math.ceil(believed[2])]][:MOST]  # no more than may be wrong
    theirs = [int(two[i][0]) if i in two else int(likelier[i]) for i in places]
    return Doubts(places, theirs, [two[i][1] if i in two else "the model disagrees"
                                   for i in places], wrong[places].tolist(), believed,
                  at_most, len(before), changed)


def of(answer):
    """Whose other answer it is, in words."""
    return f"another answer{f' by {answer.who}' if answer.who else ''}"


def margin(score, y):
    """The given class's score minus the best other class's: score [n, C], y [n] -> [n]."""
    rows, other = np.arange(len(y)), np.array(score, np.float64)
    given = other[rows, y].copy()
    other[rows, y] = -np.inf
    return given - other.max(1)


def counted_wrong(found):
    """How many labels are wrong, in a sentence or two."""
    about, low, high = (round(value) for value in found.believed)
    told = (f"About {about:,} labels are wrong, if slips are random (95 % range {low:,} to"
            f" {high:,}).")
    if found.at_most and found.at_most > high and found.looked < honest.LOOKED:
        told += f" If a class is often taken for another, at most {found.at_most:,.0f} are."
    if found.looked:
        told += (f"\n   Of the {counted(found.looked, 'label')} that you looked at again,"
                 f" {found.changed:,} {'was' if found.changed == 1 else 'were'} wrong"
                 + ("." if found.looked < honest.LOOKED else "; the number allows for that."))
    return told


def write(folder, data, team, found, mean):
    """Write relabel.csv, whose last column is for the right label. mean: the data map of the judged
    texts of Model.rows."""
    place = {int(i): k for k, i in enumerate(np.flatnonzero(team.judged))}
    of_map = lambda i: [f"{f[place[i]]:.4f}" if i in place else "" for f in mean]
    write_csv(folder / DOUBTED, ["row", "text", "label", "model", "wrong", "why", *mean._fields,
                                 "checked"], [
        [data.row_numbers[row := team.rows[i]], data.texts[row], data.classes[data.y[row]],
         data.classes[c], f"{p:.3f}", why, *of_map(i), ""]
        for i, c, why, p in zip(found.places, found.theirs, found.why, found.wrong)])
