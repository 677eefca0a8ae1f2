"""Files that are written whole or not at all, and the one sentence where something is wrong."""

import contextlib
import csv
import hashlib
import os
import re
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
from tqdm import tqdm

from plumbing.interrupt import open_parts

try:
    import fcntl
except ImportError:
    fcntl = None
    import msvcrt


class InputError(ValueError):
    """Something a user can put right. The command line prints it as one sentence, exit code 2."""


def note(text):
    """A remark on stderr, said once: not by the processes that a first one has launched."""
    if os.environ.get("RANK", "0") == "0" and "CAL_LAUNCHED" not in os.environ:
        tqdm.write(text, file=sys.stderr)


def shortened(text, most=200):
    """A text to quote in a sentence: on one line, and not longer than a reader can take in."""
    text = " ".join(str(text).split())
    return text if len(text) <= most else text[: most - 3] + "..."


# ---- written whole ------------------------------------------------------------------------------


@contextlib.contextmanager
def whole_file(path):
    """Write a file whole or not at all: what is written to the path that this gives is renamed."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    open_parts.add(part)
    try:
        with open(part, "wb") as held:
            lock(held)  # until this process is done with it, or dead
            yield part
            with open(part, "r+b") as f:
                os.fsync(f.fileno())  # the bytes are on the disk before the name is
        os.replace(part, path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
        open_parts.discard(part)


def lock(file):
    """Whether an open file could be locked for this process; the system lets go when it dies."""
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:  # Windows locks bytes, and nobody else can read them: take one that is not there
            file.seek(1 << 30)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
    except OSError:
        return False
    return True


def remove_parts(folder):
    """Remove the .part files in a folder that killed processes have left."""
    for part in Path(folder).glob(".*.part"):
        with contextlib.suppress(OSError):
            with open(part, "r+b") as f:
                left = lock(f)
            if left:
                part.unlink()


def write_text(path, text):
    """Write a text file whole or not at all."""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def write_arrays(path, arrays):
    """A .npz file of {name: array}, whole or not at all."""
    with whole_file(path) as part, open(part, "wb") as f:
        np.savez_compressed(f, **arrays)


def read_arrays(path):
    """What a .npz file holds; nothing where it is missing or damaged."""
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error):
        return {}


def make_folder(folder):
    """A results directory, or one sentence why it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise InputError(f"cannot write to {folder}: {e.strerror}")


# ---- CSV files that people open in a spreadsheet ------------------------------------------------

FORMULA = re.compile(r"'*[=+\-@\t\r]")  # how a cell begins that a spreadsheet would run
SUSPECT = tuple("'=+-@\t\r")  # the first characters of such; most cells have none of them


def write_csv(path, header, rows):
    """A table as a CSV file, whole or not at all.

    With a byte order mark, so that Excel shows accents; texts that a spreadsheet would run as a
    formula get an apostrophe in front, which `armed` takes away again.
    """
    with whole_file(path) as part, open(part, "w", encoding="utf-8-sig", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(header)
        out.writerows([disarmed(cell) for cell in row] for row in rows)


def disarmed(cell):
    """A cell as it is written: a text that looks like a formula gets an apostrophe in front."""
    if isinstance(cell, str) and cell[:1] in SUSPECT and FORMULA.match(cell):
        return cell if is_number(cell) else "'" + cell
    return cell


def armed(cell):
    """A cell as it was before it was written."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def digest(*lists):
    """SHA-256 of lists of strings: the identity of the data a run was made with."""
    h = hashlib.sha256()
    for strings in lists:
        for s in strings:
            h.update(s.encode("utf-8", "surrogatepass") + b"\0")
        h.update(b"\1")
    return h.hexdigest()
