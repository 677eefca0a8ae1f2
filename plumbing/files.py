"""Files that are written whole or not at all, and one sentence for whatever a user can mend."""

import contextlib
import csv
import errno
import functools
import hashlib
import os
import re
import sys
import tempfile
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
    """Something that a user can mend. The command prints it as one sentence; its exit code is 2."""


CONTROL = "[\0-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"  # characters that a terminal would obey


def note(text):
    """Print a remark on one line of stderr, once: processes that another one has launched are
    silent."""
    if os.environ.get("RANK", "0") == "0" and "CAL_LAUNCHED" not in os.environ:
        tqdm.write(visible(text), file=sys.stderr)


def place_of(e):
    """The file of an OSError as text; of two, the one that was to be written. Empty if unknown."""
    place = str(e.filename2 or e.filename or "")
    return re.sub(r"(^|[/\\])\.([^/\\]+)\.\d+\.part$", r"\1\2", place)  # see whole_file


def sentence(e, otherwise=""):
    """An OSError as what a command says: what is wrong, where, and what to do."""
    where = f" ({place})" if (place := place_of(e)) else ""
    advice = {errno.ENAMETOOLONG: "give it a shorter name", **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS),
        "you may not read or write there; change that, or name another place")}
    return "; ".join(filter(None, (f"{e.strerror or e}{where}", advice.get(e.errno, otherwise))))


def visible(text, characters=CONTROL):
    """A text with some characters as Python writes them, such as \\x1b for that of the Esc key."""
    return re.sub(characters, lambda c: ascii(c[0])[1:-1], text)


def cut(name, most=100):
    """A part of a file's name that is no longer than so many bytes: longer names may be no file's.
    """
    return os.fsencode(name)[:most].decode("utf-8", "ignore")


def shortened(text, most=200):
    """A text as a sentence can quote it: on one line, cut off if it is long, and without control
    characters."""
    text = visible(" ".join(str(text).split()))
    return text if len(text) <= most else text[: most - 3] + "..."


def escaped(text):
    """Somebody's text (a label, a file's name) for Markdown: it is shown as it is, on one line."""
    return "".join("\\" + c if c in "\\`*_|<>[]$&~#" else c for c in " ".join(str(text).split()))


def coded(text):
    """Somebody's text as code in Markdown, between more backticks than it has itself."""
    text = " ".join(str(text).split())
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{text}{fence}" if len(fence) == 1 else f"{fence} {text} {fence}"


def counted(n, noun):
    """1, "seed" -> "1 seed"; 2,000, "seed" -> "2,000 seeds"."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


# ---- written whole ------------------------------------------------------------------------------


@contextlib.contextmanager
def whole_file(path):
    """Write a file whole or not at all: the path that this yields is renamed at the end."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    open_parts.add(part)
    try:
        part.unlink(missing_ok=True)  # of a killed process with our number, or somebody's link
        with open(part, "xb") as held:
            lock(held)  # until this process has finished or died
            yield part
            with open(part, "r+b") as f:
                os.fsync(f.fileno())  # the bytes reach the disk before the name does
        os.replace(part, path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
        open_parts.discard(part)


@contextlib.contextmanager
def part_folder(parent=None, prefix="tmp"):
    """A temporary folder, which is removed at the end, after Ctrl-C too."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as folder:
        open_parts.add(Path(folder))
        try:
            yield Path(folder)
        finally:
            open_parts.discard(Path(folder))


NO_LOCKS = {getattr(errno, name, None) for name in ("ENOSYS", "EOPNOTSUPP", "ENOTSUP", "ENOLCK")}


def lock(file):
    """Lock an open file, until this process ends: whether that worked, and None if the file system
    has no locks (some network and user-space file systems)."""
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:  # Windows locks bytes, which others then cannot read: lock one behind the end
            file.seek(1 << 30)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
    except OSError as e:
        return None if e.errno in NO_LOCKS else False
    return True


def own_file(path, flags):
    """os.open that follows no link: a folder that somebody else made may have one to outside."""
    if path.is_symlink():
        raise InputError(f"{path} is a link, and nothing is written through it; remove it")
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def remove_parts(folder):
    """Remove the .part files that killed processes have left in a folder."""
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
    """Write {name: array} as a .npz file, whole or not at all."""
    with whole_file(path) as part, open(part, "wb") as f:
        np.savez_compressed(f, **arrays)


LARGEST = 3 << 29  # bytes that a file of ours unpacks to, 1.5 GB


def refuse_pipe(path):
    """An InputError for a pipe or a device where a file is read more than once."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise InputError(f"{path} is a pipe or device, and it is read more than once; save what it"
                         " gives as a file, and give that")


def read_arrays(path):
    """The {name: array} of a .npz file, or {} if the file is missing, damaged, or too large."""
    if not path.is_file():  # a pipe might be waited for for ever
        return {}
    try:
        with np.load(path) as arrays:
            size = sum(member.file_size for member in arrays.zip.infolist())
            return dict(arrays) if size <= LARGEST else {}
    except (OSError, ValueError, EOFError, KeyError, MemoryError, NotImplementedError,
            zipfile.BadZipFile, zlib.error):
        return {}


@functools.cache
def left_out(path, how="the command that made the folder makes it again"):
    """Say, once, that a file of a results directory is damaged, and how it is made again."""
    note(f"note: {path} is damaged and is left out; {how}")


def make_folder(folder):
    """Make a results directory; an InputError says why if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise InputError(f"cannot write to {folder}: {e.strerror}; " + (
            "give --out or the table a shorter name" if e.errno == errno.ENAMETOOLONG else
            "choose another --out"))


# Endings that no directory of ours has.
OF_FILES = {".json", ".jsonl", ".npz", ".gz", ".pt", ".csv", ".md", ".html", ".png", ".tex", ".pdf",
            ".svg"}
BACKUP = "backup"  # a folder with a second labels.csv, in case an older one is saved over the first


def refuse_odd(folder):
    """An InputError if something in a results directory is no file where one of ours may stand:
    a pipe or a device, which might be read for ever, a directory, or a link to nothing."""
    for place in (folder, folder / "runs", folder / BACKUP):
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            if path.is_symlink() and not path.exists() and path.name[:2] != ".#":  # Emacs's lock
                raise InputError(f"{path} is a link to something that is not there; remove it, or"
                                 " bring that back")
            if path.exists() and not path.is_file() and (
                    not path.is_dir() or path.suffix in OF_FILES):
                kind = "directory" if path.is_dir() else "pipe or device"
                raise InputError(f"{path} is a {kind}, where only a file can be; remove it")


# ---- CSV files that people open in a spreadsheet ------------------------------------------------

FORMULA = re.compile(r"'*[=+\-@\t\r]")  # the start of a cell that a spreadsheet would run
SUSPECT = tuple("'=+-@\t\r")  # a quick test: few cells start so


def write_csv(path, header, rows, encoding="utf-8-sig"):
    """Write a table as a CSV file, whole or not at all.

    The default encoding begins with a byte order mark, which makes Excel show accents. A text that
    a spreadsheet would run as a formula gets an apostrophe in front, which `armed` removes.
    """
    with whole_file(path) as part, open(part, "w", encoding=encoding, newline="") as f:
        out = csv.writer(Lines(f), lineterminator="\r\n")
        out.writerow(header)
        out.writerows([disarmed(cell) for cell in row] for row in rows)


class Lines:
    """A file whose lines end with \\n, for a csv.writer that ends them with \\r\\n: it puts a cell
    with \\r in quotes only then, and without quotes the cell would end the row."""

    def __init__(self, f):
        self.f = f

    def write(self, line):
        return self.f.write(line[:-2] + "\n")


def read_csv(path):
    """The rows of a table that `write_csv` wrote, as dicts of texts."""
    with open(path, encoding="utf-8-sig", newline="") as f:
        return [{name: armed(cell) for name, cell in row.items()} for row in csv.DictReader(f)]


def disarmed(cell):
    """A cell as it is written: with an apostrophe in front if the text looks like a formula."""
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
    """SHA-256 of lists of strings, which identifies the data of an experiment."""
    h = hashlib.sha256()
    for strings in lists:
        for s in strings:
            h.update(s.encode("utf-8", "surrogatepass") + b"\0")
        h.update(b"\1")
    return h.hexdigest()
