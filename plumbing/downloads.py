"""Downloads whose checksums are verified, and text files that are read while they unpack."""

import contextlib
import gzip
import hashlib
import http.client
import io
import lzma
import string
import time
import urllib.parse
import urllib.request
import zipfile
import zlib
from pathlib import Path

from tqdm import tqdm

from plumbing.files import (
    InputError,
    counted,
    note,
    refuse_pipe,
    remove_parts,
    shortened,
    whole_file,
)

MOST = 1 << 30  # bytes that a download of unknown size may have
LONGEST = 10_000_000  # characters of a line: a file may unpack to a thousand times its size
DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError,
           RuntimeError)  # what unpacking raises if a file is damaged or has a password
BROKEN = (OSError, http.client.HTTPException, ValueError)  # what urllib raises; ValueError: a URL


def ensure(path, url, sha256, size=None, part_ok=False):
    """The file at `path`, fetched from `url` if it is missing; its SHA-256 is checked."""
    if not path.exists():
        fetch(url, path, sha256, size)
    elif not part_ok and not published(path, sha256):
        raise InputError(
            f"{path} is not the published file (its SHA-256 differs); remove it, so that it is"
            f" fetched again from {url}, or run `python cal.py`, which needs no download"
        )
    return path


def published(path, sha256):
    """Whether a file is the published one, byte for byte."""
    return hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def fetch(url, path, sha256, size=None):
    """Download `url` to a temporary file, check it, and rename it to `path`.

    Every failure is one InputError. It names the file, the address, the folder in which a user can
    put it, and the command that needs no download. No new folder is left then.
    """
    new = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_parts(path.parent)
        with whole_file(path) as part:
            with contextlib.closing(Download(url)) as reply, open(part, "wb") as out:
                got = copy(reply, out, size or MOST)
            if size and got != size:
                raise InputError(f"the file has {got:,} bytes instead of {size:,}{web_page(part)}")
            if hashlib.sha256(part.read_bytes()).hexdigest() != sha256:
                raise InputError("the file's SHA-256 is not the published one" + web_page(part))
    except BROKEN as e:
        for folder in new:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise InputError(
            f"cannot fetch {path.name} from {url}: {cause(e)}; put the file in {path.parent} by"
            " hand, or run `python cal.py`, which needs no download"
        )


def web_page(path):
    """Half a sentence if a file is a web page, such as one of a proxy that asks for a name."""
    start = path.read_bytes()[:1000].lstrip().lower()
    return "; it is a web page" if start.startswith((b"<!doctype", b"<html")) else ""


CAUSES = (  # the first that fits: some exceptions have no words, or those of the library's inside
    (UnicodeDecodeError, "it is not a text in UTF-8"),
    (UnicodeError, "its address cannot be used"),
    (TimeoutError, "the server does not answer"),
    (EOFError, "the file breaks off"),
    (http.client.IncompleteRead, "the connection breaks off"),
    (http.client.RemoteDisconnected, "the server closed the connection without an answer"),
    (http.client.BadStatusLine, "the server's answer is not one of a web server"),
    ((zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile), "it is damaged ({})"),
)


def cause(e):
    """An exception in words, on one line."""
    e = e.reason if isinstance(getattr(e, "reason", None), OSError) else e  # of a URLError
    words = next((words for kind, words in CAUSES if isinstance(e, kind)), "{}")
    return words.format(shortened(e) if str(e).strip("' \n") else type(e).__name__)


def copy(reply, out, most):
    """Copy a reply to a file; returns its size. An InputError if it is larger than `most`."""
    size = 0
    while piece := reply.read(1 << 16):
        out.write(piece)
        size += len(piece)
        if size > most:
            raise InputError(f"the file has more than {most:,} bytes")
    return size


class Download(io.RawIOBase):
    """A URL as a file that is read once, from start to end, with a progress bar.

    After a broken connection it continues from the same byte if the server allows ranges; otherwise
    it starts again and skips what has been read. It gives up after three breaks without progress.
    If the server gives no length, the file ends when the connection does.
    """

    def __init__(self, url):
        if url.partition(":")[0].lower() not in ("http", "https"):
            raise InputError(f"{url} is not an http or https address; give one, or a file")
        self.url, self.at, self.breaks = urllib.parse.quote(url, safe=string.punctuation), 0, 0
        self.size = None
        self.connect()
        self.bar = tqdm(total=self.size, unit="B", unit_scale=True, desc=url.rpartition("/")[2])

    def readable(self):
        return True

    def connect(self):
        """Open the URL at byte self.at; self.size: its length, None if the server gives none."""
        headers = {"Range": f"bytes={self.at}-"} if self.at else {}
        request = urllib.request.Request(self.url, headers=headers)
        self.reply = urllib.request.urlopen(request, timeout=30)
        skip = self.at if self.reply.status != 206 else 0
        length = self.reply.headers.get("Content-Length", "")
        before = self.size
        self.size = int(length) + self.at - skip if length.isdecimal() else None
        if before is not None and self.size != before:
            raise OSError(f"the server's file had {before:,} bytes, and now it has"
                          f" {self.size or 0:,}; it has changed meanwhile")
        while skip and (piece := self.reply.read(min(skip, 1 << 16))):
            skip -= len(piece)

    def readinto(self, buffer):
        while True:
            try:
                piece = self.reply.read(len(buffer))
                if piece or self.size is None or self.at >= self.size:
                    break
                raise ConnectionError(f"the connection breaks off after {self.at:,} bytes")
            except (ConnectionError, TimeoutError, http.client.IncompleteRead):
                self.breaks += 1
                if self.breaks > 3:
                    raise
                time.sleep(0.2)
                self.connect()
        buffer[: len(piece)] = piece
        self.at, self.breaks = self.at + len(piece), 0
        self.bar.update(len(piece))
        return len(piece)

    def close(self):
        if not self.closed and hasattr(self, "bar"):
            self.reply.close()
            self.bar.close()
        super().close()


def member(source, names):
    """The file of an archive that is read: the first that is no folder and no system's own."""
    files = [name for name in names if not name.endswith("/") and "__MACOSX" not in name
             and not name.rpartition("/")[2].startswith(".")]
    fit = [name for name in files if name.lower().endswith((".vec", ".txt"))] or files
    if not fit:
        raise InputError(f"{source} is an empty archive; give one with a text file")
    if len(files) > 1:
        note(f"note: {source} holds {counted(len(files), 'file')}; {shortened(fit[0])} is read; to"
             " read another, unpack it and give its path")
    return fit[0]


def refuse_url(source):
    """An InputError for the URL of a file that cannot be read from start to end."""
    name = str(source).partition("?")[0]
    if "://" in name and (ending := next((x for x in WHOLE if name.lower().endswith(x)), "")):
        raise InputError(f"{source}: a {ending} cannot be streamed; download it and"
                         " give its path")


WHOLE = ".zip", ".bin", ".npy"


@contextlib.contextmanager
def open_text(source):
    """(lines, a URL's progress bar or None) of a text file, .gz or .zip, unpacked as it is read."""
    name = source.partition("?")[0] if "://" in source else source
    refuse_url(source)
    if "://" not in source:
        refuse_pipe(Path(source))
    raw = Download(source) if "://" in source else io.FileIO(source)
    with contextlib.closing(raw):
        file = io.BufferedReader(raw, 1 << 18)
        if name.lower().endswith(".gz"):
            file = gzip.GzipFile(fileobj=file)
        elif name.lower().endswith(".zip"):
            archive = zipfile.ZipFile(file)
            file = archive.open(member(source, archive.namelist()))
        text = io.TextIOWrapper(file, encoding="utf-8", newline="\n")
        yield lines_of(text, source), getattr(raw, "bar", None)


def lines_of(text, source):
    """The lines of a text file; an InputError for one that is too long to be a line."""
    while line := text.readline(LONGEST):
        if len(line) == LONGEST:
            raise InputError(f"{source}: a line has more than {LONGEST:,} characters; give a file"
                             " with a word and its values per line")
        yield line
