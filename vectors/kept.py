"""The cache: the matrix of all texts' vectors, computed once and kept as a .npy file.

It is memory-mapped when it is read, so that the processes of a machine share one copy. A .json file
with its checksum is written last; without that file the matrix is rebuilt.
"""

import contextlib
import glob
import hashlib
import json
import mmap
import os
import re
from pathlib import Path

import numpy as np

from plumbing.files import cut, digest, note, remove_parts, whole_file

LAYOUT = 1  # add 1 if the same texts and vectors give another matrix after a change


def place(folder, stem, vectors, texts, made_from):
    """The path of a kept matrix, named after what it was made from; None without a folder.

    stem: the data's name. vectors: their source. texts: lists of strings. made_from: everything
    else that fixes the numbers; a function counts by its name.
    """
    if not folder or not stem:
        return None
    parts = [LAYOUT, vectors, *identity(vectors), *made_from]
    key = digest(*texts, [getattr(part, "__name__", str(part)) for part in parts])[:16]
    name = re.sub(r"\W+", "-", Path(str(vectors)).name)
    return Path(folder) / f"{cut(stem)}-{cut(name)}-{key}.npy"


def kept(path, rows, make):
    """(x [rows, D], about) from the file at `path`, or from make() if there is no whole file.

    make() returns about, a dict of facts about the texts, and a function that yields the matrix's
    pieces. Nothing is kept if path is None or its folder is not writable. Only the newest matrix
    of a file of texts and a kind of vectors (NAME-...npy) is kept.
    """
    if path and (found := read(path, rows)):
        return found
    about, pieces = make()
    with contextlib.suppress(OSError):  # for example a full disk; then nothing is kept
        if path and writable(path.parent):
            remove_parts(path.parent)
            write(path, rows, about, pieces())
            remove_older(path)
            return np.load(path, mmap_mode="c", allow_pickle=False), about
    return np.concatenate(list(pieces())), about


def release(x):
    """Give the pages of a mapped matrix back, which are read again from the file when asked for."""
    mapped = getattr(x, "_mmap", None)
    if hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)


def writable(folder):
    """Make a folder -> whether its mode allows writing (root could write anyway)."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder.stat().st_mode & 0o222


def remove_older(path):
    """Remove this matrix's predecessors, kept before the texts or the vectors changed."""
    name = path.name.rpartition("-")[0]
    for old in path.parent.glob(f"{glob.escape(name)}-{'?' * 16}.npy*"):
        if not old.name.startswith(path.name):
            with contextlib.suppress(OSError):
                old.unlink()


def identity(vectors):
    """What distinguishes two vector files of one name: their size and time."""
    with contextlib.suppress(OSError):
        stat = os.stat(vectors)
        return stat.st_size, stat.st_mtime_ns
    return ()


def read(path, rows):
    """(x [rows, D], about) from a cache file, or None if it is missing or damaged."""
    told = path.with_name(path.name + ".json")
    if not path.is_file() or not told.is_file():
        return None
    try:
        about = json.loads(told.read_text(encoding="utf-8"))
        x = np.load(path, mmap_mode="c", allow_pickle=False)
        if len(x) == rows and hashlib.sha256(x).hexdigest() == about.pop("sha256"):
            return x, about
    except Exception:  # NumPy raises many kinds for a damaged header
        pass
    note(f"note: {path} is damaged and is rebuilt")
    return None


def write(path, rows, about, pieces):
    """Write the pieces of a matrix of `rows` rows to a .npy file one by one, then its .json."""
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
