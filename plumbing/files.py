"""Files that are written whole or not at all, and the one sentence where something is wrong."""

import contextlib
import csv
import hashlib
import io
import os
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm


class InputError(ValueError):
    """Something a user can put right. The command line prints it as one sentence, exit code 2."""


def note(text):
    """A remark on stderr, said once: not by the processes that a first one has launched."""
    if os.environ.get("RANK", "0") == "0" and "CAL_LAUNCHED" not in os.environ:
        tqdm.write(text, file=sys.stderr)


@contextlib.contextmanager
def whole_file(path):
    """Write a file whole or not at all: what is written to the path that this gives is renamed."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def write_text(path, text):
    """Write a text file whole or not at all."""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def write_csv(path, header, rows):
    """A table as a CSV file, whole or not at all."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    write_text(path, out.getvalue())


def write_arrays(path, arrays):
    """A .npz file of {name: array}, whole or not at all."""
    with whole_file(path) as part, open(part, "wb") as f:
        np.savez_compressed(f, **arrays)


def make_folder(folder):
    """A results directory, or one sentence why it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise InputError(f"cannot write to {folder}: {e.strerror}")


def digest(*lists):
    """SHA-256 of lists of strings: the identity of the data a run was made with."""
    h = hashlib.sha256()
    for strings in lists:
        for s in strings:
            h.update(s.encode("utf-8", "surrogatepass") + b"\0")
        h.update(b"\1")
    return h.hexdigest()
