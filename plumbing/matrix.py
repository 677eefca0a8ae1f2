"""The matrix of all texts' vectors, made once and kept as a .npy file.

It is memory-mapped when it is read, so that the processes of a machine share one copy. With it
goes a .json with its checksum, written last, without which it is made anew.
"""

import contextlib
import glob
import hashlib
import json
import os

import numpy as np

from plumbing.files import InputError, note, remove_parts, whole_file

PIECE = 50_000  # rows looked at together


def kept(path, rows, make):
    """(x [rows, D], about) from the file at `path`, or from make() where no whole one is there.

    make() gives about, a dict of facts of the texts, and a generator of the matrix's pieces. No
    file is left where path is None or its folder cannot be written to. Of the matrices of one file
    of texts and one kind of vectors (NAME-...npy) the newest alone is kept.
    """
    if path and (found := read(path, rows)):
        return found
    about, pieces = make()
    with contextlib.suppress(OSError):  # a full disk, say: then there is no cache
        if path and writable(path.parent):
            remove_parts(path.parent)
            write(path, rows, about, pieces())
            remove_older(path)
            return np.load(path, mmap_mode="c", allow_pickle=False), about
    return np.concatenate(list(pieces())), about


def writable(folder):
    """Make a folder; whether it may be written to (root could write into a read-only one)."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder.stat().st_mode & 0o222


def remove_older(path):
    """Remove what was kept in this matrix's place before the texts, or the vectors, changed."""
    name = path.name.rpartition("-")[0]
    for old in path.parent.glob(f"{glob.escape(name)}-{'?' * 16}.npy*"):
        if not old.name.startswith(path.name):
            with contextlib.suppress(OSError):
                old.unlink()


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


def identity(vectors):
    """What tells one vector file from another of its name: its size and its time."""
    with contextlib.suppress(OSError):
        stat = os.stat(vectors)
        return stat.st_size, stat.st_mtime_ns
    return ()


def read(path, rows):
    """(x [rows, D], about) from a cache file, or None where there is none that is whole."""
    try:
        about = json.loads(path.with_name(path.name + ".json").read_text(encoding="utf-8"))
        x = np.load(path, mmap_mode="c", allow_pickle=False)
        if len(x) == rows and hashlib.sha256(x).hexdigest() == about.pop("sha256"):
            return x, about
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Exception:  # whatever NumPy makes of a damaged header
        pass
    note(f"note: {path} is damaged and is made anew")
    return None


def write(path, rows, about, pieces):
    """The pieces of a matrix of `rows` rows as a .npy file, never held whole; then its .json."""
    h = hashlib.sha256()
    with whole_file(path) as part, open(part, "wb") as f:
        for i, piece in enumerate(pieces):
            if not i:
                header = {"descr": "<f4", "fortran_order": False, "shape": (rows, piece.shape[1])}
                np.lib.format.write_array_header_1_0(f, header)
            f.write(piece)
            h.update(piece)
    with whole_file(path.with_name(path.name + ".json")) as part:
        part.write_text(json.dumps({**about, "sha256": h.hexdigest()}), encoding="utf-8")
