"""x itself from a .npy file: the embeddings of any encoder, one row per text."""

import numpy as np

from plumbing.files import InputError

PIECE = 50_000  # rows that are checked together


def given(path, places, length, texts):
    """(x [len(places), D] float32, about) from a .npy file of one's own, a row a text.

    places: the rows that are wanted; length: how many rows there must be (None: as many as places).
    Any width and float type; memory-mapped, and used as it is where all of it is wanted and it is
    float32. InputError where it does not fit the texts or holds what is no finite number.
    """
    length = len(places) if length is None else length
    try:
        x = np.load(path, mmap_mode="c", allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"no vector file {path}")
    except (OSError, ValueError, EOFError, SyntaxError, MemoryError) as e:
        objects = "Python objects" in str(e)  # what NumPy says of an array that it cannot map
        raise InputError(f"cannot read the vectors in {path}: it "
                         + ("holds Python objects" if objects else "is no whole .npy file"))
    if not isinstance(x, np.ndarray):
        raise InputError(f"cannot read the vectors in {path}: it is an archive of several arrays")
    if x.ndim != 2 or x.dtype.kind != "f" or not x.shape[1]:
        raise InputError(f"{path} holds an array of shape {x.shape} and type {x.dtype}; it must be"
                         " rows of floats, one row a text")
    if len(x) != length:
        raise InputError(f"{path} has {len(x):,} rows, and there are {length:,} texts (in the order"
                         " of the file, rows with an empty text counted; for trec and agnews the"
                         " training texts and then the test texts)")
    for start in range(0, length, PIECE):
        if not (finite := np.isfinite(x[start : start + PIECE]).all(1)).all():
            raise InputError(f"{path}, row {start + int(finite.argmin())} (from 0): a value is not"
                             " finite")
    if not np.array_equal(places, np.arange(length)):
        x = x[places]
    lengths = [len(text.split()) for text in texts]
    return x.astype(np.float32, copy=False), {
        "length_mean": round(float(np.mean(lengths)), 2), "length_max": max(lengths)}
