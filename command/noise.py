"""--noise 0.1: a share of the training labels is made wrong, never of the test labels.

Which rows were flipped is kept beside the data map (kind: flipped), so that a report can say which
strategies pick them.
"""

from dataclasses import replace

import numpy as np

from plumbing.files import InputError, digest


def flipped(data, share):
    """The Data with `share` of its training labels drawn anew, uniformly among the other classes.

    The same rows and labels each time. InputError where a label is missing.
    """
    if (data.y < 0).any():
        raise InputError("--noise flips labels in an experiment, where every row has one")
    rng, C = np.random.default_rng([len(data.y), 10]), len(data.classes)
    rows = rng.permutation(len(data.y))[: round(share * len(data.y))]
    y = data.y.copy()
    y[rows] = (y[rows] + rng.integers(1, C, len(rows))) % C
    kind = np.full(len(y), "as given", object) if data.kind is None else data.kind.astype(object)
    kind[rows] = "flipped"
    return replace(data, y=y, kind=kind.astype(str),
                   sha256=digest([data.sha256, *map(str, y.tolist())]))
