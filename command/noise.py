"""--noise 0.1: make a share of the training labels wrong; the test labels stay.

The data map keeps the rows whose label was flipped (kind: flipped), so that a report can show which
strategies pick them.
"""

from dataclasses import replace

import numpy as np

from labelling.next_batch import lacks_labels
from plumbing.files import InputError, digest


def flipped(data, share):
    """The Data with a share of its training labels replaced by another class, drawn uniformly.

    It draws the same rows and labels each time. Raises InputError if a label is missing.
    """
    if lacks_labels(data):
        raise InputError("some rows have no label, and --noise is for experiments, in which every"
                         " row has one; leave it out")
    rng, C = np.random.default_rng([len(data.y), 10]), len(data.classes)
    rows = rng.permutation(len(data.y))[: round(share * len(data.y))]
    if not len(rows):
        raise InputError(f"--noise {share:g} of {len(data.y):,} labels is not even one; give a"
                         " larger share, or leave it out")
    y = data.y.copy()
    y[rows] = (y[rows] + rng.integers(1, C, len(rows))) % C
    kind = np.full(len(y), "as given", object) if data.kind is None else data.kind.astype(object)
    kind[rows] = "flipped"
    return replace(data, y=y, kind=kind.astype(str),
                   sha256=digest([data.sha256, *map(str, y.tolist())]))
