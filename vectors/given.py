"""Text vectors from a .npy file: the embeddings of any encoder, one row per text."""

from pathlib import Path

import numpy as np

from plumbing.downloads import refuse_url
from plumbing.files import InputError, refuse_pipe
from vectors.facts import lengths_of
from vectors.sources import LARGEST

PIECE = 50_000  # rows that are checked together


def given(path, places, length, texts):
    """(x [len(places), D] float32, about) from your own .npy file, which has a row per text.

    places: the rows that are needed. length: how many rows the file must have (None: as many as
    places). Any width and float type will do. The file is memory-mapped, and not copied if it is
    float32 and all rows are needed. Raises InputError if it does not fit the texts, or holds a
    value that is not finite.
    """
    length = len(places) if length is None else length
    refuse_url(path)
    refuse_pipe(Path(path))
    try:
        x = np.load(path, mmap_mode="c", allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"there is no vector file {path}; give the path of a .npy file")
    except (OSError, ValueError, EOFError, SyntaxError, MemoryError) as e:
        objects = "Python objects" in str(e)  # in NumPy's message for an array that it cannot map
        raise InputError(f"cannot read the vectors in {path}: it "
                         + ("holds Python objects" if objects else "is not a whole .npy file")
                         + "; save a float32 array with numpy.save")
    if not isinstance(x, np.ndarray):
        raise InputError(f"cannot read the vectors in {path}: it is an archive of several arrays;"
                         " save one array with numpy.save")
    if x.ndim != 2 or x.dtype.kind != "f" or not x.shape[1]:
        raise InputError(f"{path} holds an array of shape {x.shape} and type {x.dtype}; it must"
                         " hold floats, one row per text")
    if len(x) != length:
        raise InputError(f"{path} has {len(x):,} rows, but there are {length:,} texts; give a row"
                         " per text in the order of the table, also for empty texts (for trec and"
                         " agnews, the training texts and then the test texts)")
    if not any(x[start : start + PIECE].any() for start in range(0, length, PIECE)):
        raise InputError(f"{path} holds zeros alone; give vectors that tell texts apart")
    for start in range(0, length, PIECE):
        piece = x[start : start + PIECE]
        if not (finite := np.isfinite(piece).all(1)).all():
            raise InputError(f"{path}, row {start + int(finite.argmin())} (from 0): a value is not"
                             " finite; replace it")
        if not (small := (np.abs(piece) <= LARGEST).all(1)).all():
            raise InputError(f"{path}, row {start + int(small.argmin())} (from 0): a value does not"
                             f" fit float32 arithmetic (over {LARGEST:g}); replace it, or scale the"
                             " vectors")
    if not np.array_equal(places, np.arange(length)):
        x = x[places]
    return x.astype(np.float32, copy=False), lengths_of(texts)
