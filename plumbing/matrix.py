"""The matrix of all texts' vectors, made once and kept as a .npy file.

It is memory-mapped when it is read, so that the processes of a machine share one copy. With it
goes a .json with its checksum, written last, without which it is made anew.
"""

import contextlib
import hashlib
import json
import os

import numpy as np

from plumbing.files import note, remove_parts, whole_file


def kept(path, rows, make):
    """(x [rows, D], about) from the file at `path`, or from make() where no whole one is there.

    make() gives about, a dict of facts of the texts, and a generator of the matrix's pieces. No
    file is left where path is None or its folder read-only.
    """
    if path and (found := read(path, rows)):
        return found
    about, pieces = make()
    if path and path.parent.stat().st_mode & 0o222:  # root could write into a read-only folder
        with contextlib.suppress(OSError):  # a full disk, say: then there is no cache
            remove_parts(path.parent)
            write(path, rows, about, pieces())
            return np.load(path, mmap_mode="c", allow_pickle=False), about
    return np.concatenate(list(pieces())), about


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
    except FileNotFoundError:
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
