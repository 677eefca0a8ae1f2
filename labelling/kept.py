"""The terms and topics of a table's texts, counted once and kept for the next call.

They are in OUT/cache, beside the vectors, as one .npz file per table. Its name has a digest of all
that they depend on: the texts in order, this source, and the versions of NumPy and torch. A file
that is missing or damaged is made again; a folder that cannot be written to is left alone.
"""

import contextlib
import glob
import hashlib
from pathlib import Path

import numpy as np
import torch

from plumbing.files import cut, digest, read_arrays, remove_parts, whole_file
from vectors.kept import writable

SOURCES = ("labelling/kernel.py", "labelling/terms.py", "vectors/words.py", "vectors/pool.py",
           "labelling/kept.py")
MOST = 100_000_000  # numbers, about half a gigabyte


def kept(folder, name, texts, make):
    """{name: array} of make(), from the file in `folder` if there is one. name: the table's."""
    path = Path(folder) / f"{cut(name)}-terms-{key(texts)}.npz"
    if found := read_arrays(path):
        return found
    found = make()
    if sum(array.size for array in found.values()) <= MOST:
        with contextlib.suppress(OSError):  # for example a full disk; then nothing is kept
            if writable(path.parent):
                remove_parts(path.parent)
                with whole_file(path) as part, open(part, "wb") as f:
                    np.savez(f, **found)
                remove_older(path)
    return found


def key(texts):
    """A digest of all that the arrays depend on."""
    here, sources = Path(__file__).parents[1], hashlib.sha256()
    for source in SOURCES:
        sources.update((here / source).read_bytes())
    return digest(texts, [sources.hexdigest(), np.__version__, torch.__version__])[:16]


def remove_older(path):
    """Remove what was kept of this table before its texts, or the source, changed."""
    name = path.name.rpartition("-")[0]
    for old in path.parent.glob(f"{glob.escape(name)}-{'?' * 16}.npz"):
        if old != path:
            with contextlib.suppress(OSError):
                old.unlink()
