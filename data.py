"""Texts to numbers: every text becomes one fixed vector of 300 numbers, computed once.

In this file, from the top:
  load          one call for every dataset: demo, trec, agnews, a .csv   (Section 4.1, Table 1)
  matrix        a text's vector, made once and kept beside the data
  seed_set      the stratified seed set                                  (Section 4.1)
  read_...      the datasets, and a table of one's own
  fetch         downloads that are checked before they are believed
  vectors       `pool` (learned from the texts), `hash`, a .vec file or URL, a fastText .bin model
  demo corpus   a grammar of our own in which every row knows its kind

x = sum of the (frozen) word vectors of a text's tokens (Banea et al. 2014; Section 7).
Tokens are lower-cased words and punctuation marks for the built-in vectors; for vectors from a
file they are what stands between white space, case kept, as in the authors' code.
"""

import contextlib
import csv
import functools
import gzip
import hashlib
import html
import http.client
import io
import json
import mmap
import os
import random
import re
import shutil
import struct
import sys
import time
import urllib.request
import warnings
import zipfile
from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

DIM = 300  # d_emb in the paper


class InputError(ValueError):
    """Something a user can put right. The command line prints it as one sentence, exit code 2."""


@dataclass
class Data:
    """A dataset as numbers. N training rows, T test rows, C classes; D = 300.

    x [N, D] float32, y [N] int64 (-1: no label), x_test [T, D], y_test [T].
    kind [N] strings (the demo corpus alone: easy, ambiguous or mislabelled), otherwise None.
    row_numbers [N]: the rows of a file of one's own as a spreadsheet numbers them (the header is
    1), otherwise None. picks: how many texts to pick a round. sha256 tells the data apart; about
    holds what Table 1 says and what the vectors know of it.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    texts: list
    classes: list
    x_test: np.ndarray
    y_test: np.ndarray
    seed_size: int
    batch_size: int
    max_len: int
    sha256: str
    picks: int = 50
    kind: np.ndarray = None
    row_numbers: np.ndarray = None
    about: dict = field(default_factory=dict)


def note(text):
    """A remark on stderr, said once: not by the processes that a first one has launched."""
    if os.environ.get("RANK", "0") == "0" and "CAL_LAUNCHED" not in os.environ:
        tqdm.write(text, file=sys.stderr)


@contextlib.contextmanager
def whole_file(path):
    """Write a file whole or not at all: what is written to the path that this gives is renamed."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


# ---- load ---------------------------------------------------------------------------------------


def load(name, data_dir="data", vectors="pool", pad=False, respell=True, **options):
    """The dataset `name` (demo, trec, agnews or a .csv or .tsv file) as a Data.

    vectors: pool, or a source of load_vectors; for fasttext, a cc.en.300 file in data_dir/fasttext
    goes before the download.
    pad: fill texts up to max_len with the training file's first word, as the released code does;
    respell: look words that a file lacks up in lower case and without punctuation too.
    options: those of read_agnews, or of read_table for a file.
    Raises InputError, with a sentence that says what to do, where a file is missing or wrong.
    """
    reader = READERS.get(name)
    if is_table(name):
        reader = functools.partial(read_table, Path(name))
    if not reader:
        if Path(name).is_dir():
            raise InputError(f"{name} is a directory; give a .csv or .tsv file")
        raise InputError(f"unknown dataset {name!r}; choose from {', '.join(READERS)}, or give a"
                         " .csv or .tsv file")
    try:
        raw = reader(Path(data_dir), **options)
    except (OSError, UnicodeError, csv.Error) as e:
        raise InputError(f"cannot read the data of {name}: {e}")
    (texts, labels), (test_texts, test_labels) = raw["train"], raw["test"]
    classes = sorted({*labels, *test_labels} - {""})
    code = {c: i for i, c in enumerate(classes)} | {"": -1}
    y, y_test = (np.array([code[c] for c in ls], dtype=np.int64) for ls in (labels, test_labels))
    if vectors == "fasttext":
        names = (f"cc.en.300{ending}" for ending in (".bin", ".vec", ".vec.gz"))
        files = (Path(data_dir) / "fasttext" / name for name in names)
        vectors = next((str(file) for file in files if file.exists()), vectors)
    x, about = matrix(raw, vectors, pad, respell)
    counts = {c: int((y == i).sum()) for i, c in enumerate(classes)}
    return Data(
        name=Path(name).name, x=x[: len(y)], y=y, texts=texts, classes=classes,
        x_test=x[len(y) :], y_test=y_test, sha256=digest(texts, labels, test_texts, test_labels),
        **{key: raw[key] for key in ("seed_size", "batch_size", "max_len", "picks", "kind",
                                     "row_numbers") if key in raw},
        about={"train": len(y), "test": len(y_test), "classes": len(classes),
               "class_counts": counts, **about},
    )


# ---- every text's vector, made once -------------------------------------------------------------

PIECE = 20_000  # texts summed at once
LAYOUT = 1  # raise it where the same texts and vectors come to give another matrix


def matrix(raw, vectors, pad, respell):
    """(x [N + T, D] of the training and the test texts, what the vectors know of the texts).

    Kept as a .npy file beside the data (raw["folder"]; none where that is missing or read-only),
    memory-mapped when it is read, so that the processes of a machine share one copy. Its name
    carries what it was made from; with it goes a .json with its checksum, written last, without
    which it is made anew.
    """
    folder = raw.get("folder")
    key = [LAYOUT, raw["max_len"], vectors, *identity(vectors), pad, respell]
    key = digest(raw["train"][0], raw["test"][0], map(str, key))[:16]
    name = re.sub(r"\W+", "-", Path(str(vectors)).name)
    path = folder and folder / f"{raw['stem']}-{name}-{key}.npy"
    if path and (found := read_cache(path)):
        return found
    about, pieces = sums(raw, vectors, pad, respell)
    if path and folder.stat().st_mode & 0o222:  # root could write into a read-only folder: do not
        with contextlib.suppress(OSError):  # a full disk, say: then there is no cache
            write_cache(path, len(raw["train"][0]) + len(raw["test"][0]), about, pieces())
            return np.load(path, mmap_mode="c", allow_pickle=False), about
    return np.concatenate(list(pieces())), about


def identity(vectors):
    """What tells one vector file from another of its name: its size and its time."""
    with contextlib.suppress(OSError):
        stat = os.stat(vectors)
        return stat.st_size, stat.st_mtime_ns
    return ()


def read_cache(path):
    """(x, about) from a cache file, or None where there is none that is whole."""
    try:
        about = json.loads(path.with_name(path.name + ".json").read_text(encoding="utf-8"))
        x = np.load(path, mmap_mode="c", allow_pickle=False)
        if hashlib.sha256(x).hexdigest() == about.pop("sha256"):
            return x, about
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, KeyError):
        pass
    note(f"note: {path} is damaged and is made anew")
    return None


def write_cache(path, rows, about, pieces):
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


def sums(raw, vectors, pad, respell):
    """Table 1's facts of the texts, and a function that gives their vectors piece by piece."""
    N, texts = len(raw["train"][0]), raw["train"][0] + raw["test"][0]
    split = tokens if vectors in ("pool", "hash") else str.split
    words, ids, ends = index_tokens(texts, split, raw["max_len"])
    train = ids[: ends[N - 1]]
    table = (pool_vectors(train, ends[:N], len(words)) if vectors == "pool"
             else load_vectors(vectors, words, respell))
    first, bounds = table[ids[0]] if pad else None, np.concatenate([[0], ends])

    def pieces():
        for i in range(0, len(texts), PIECE):
            starts = bounds[i : i + PIECE + 1]
            x = sum_vectors(ids[starts[0] : starts[-1]], starts - starts[0], table)
            if pad:
                x += (raw["max_len"] - np.diff(starts))[:, None].astype(np.float32) * first
            yield x

    return table_1(train, ends[:N], table, words), pieces


def index_tokens(texts, split, max_len):
    """(the words, sorted; the texts' tokens as word numbers, one after the other; ends [N])."""
    index, ids, ends = {}, array("i"), []
    for text in texts:
        ids.extend([index.setdefault(w, len(index)) for w in split(text)[:max_len]])
        ends.append(len(ids))
    words = sorted(index)
    rank = np.empty(len(words), np.int32)
    rank[[index[w] for w in words]] = np.arange(len(words))
    return words, rank[np.frombuffer(ids, np.int32)], np.array(ends)


def table_1(ids, ends, table, words):
    """What the paper's Table 1 says of the texts, and what share of them the vectors know."""
    lengths, counts = np.diff(ends, prepend=0), np.bincount(ids, minlength=len(words))
    known = table.any(axis=1)
    unknown = np.flatnonzero(~known & (counts > 0))
    frequent = unknown[np.argsort(-counts[unknown], kind="stable")][:20]
    return {
        "length_mean": round(float(np.mean(lengths)), 2), "length_max": int(lengths.max()),
        "types": int((counts > 0).sum()),
        "types_known": float((known & (counts > 0)).sum() / max(1, (counts > 0).sum())),
        "tokens_known": float(1 - counts[unknown].sum() / max(1, counts.sum())),
        "missing": [words[i] for i in frequent],
    }


def digest(*lists):
    """SHA-256 of lists of strings: the identity of the data a run was made with."""
    h = hashlib.sha256()
    for strings in lists:
        for s in strings:
            h.update(s.encode("utf-8", "surrogatepass") + b"\0")
        h.update(b"\1")
    return h.hexdigest()


def seed_set(y, size, seed):
    """A stratified seed set: `size` rows whose class shares are the data's, within one instance.

    y [N] class numbers; returns [size] row numbers. Each class gets the whole part of its exact
    share, and the instances left over go to the largest remainders (Section 4.1: "stratified").
    """
    if size > len(y):
        raise InputError(f"a seed set of {size} needs as many rows, and there are {len(y)}")
    share = np.bincount(y) * size / len(y)
    count = np.floor(share).astype(int)
    count[np.argsort(-(share - count), kind="stable")[: size - count.sum()]] += 1
    rng = np.random.default_rng([seed, 1])
    rows = [rng.choice(np.flatnonzero(y == c), n, replace=False) for c, n in enumerate(count)]
    return rng.permutation(np.concatenate(rows))


# ---- the datasets -------------------------------------------------------------------------------

TREC_URL = "https://cogcomp.seas.upenn.edu/Data/QA/QC/"
AGNEWS_URL = "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv/"
SHA256 = {
    "train_5500.label": "9e4c8bdcaffb96ed61041bd64b564183d52793a8e91d84fc3a8646885f466ec3",
    "TREC_10.label": "033f22c028c2bbba9ca682f68ffe204dc1aa6e1cf35dd6207f2d4ca67f0d0e8e",
    "train.csv": "76a0a2d2f92b286371fe4d4044640910a04a803fdd2538e0f3f29a5c6f6b672e",
    "test.csv": "521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699",
}
SIZE = {"train_5500.label": 335858, "TREC_10.label": 23354, "test.csv": 1857427}
AGNEWS_ROWS = 120_000


def read_trec(data_dir):
    """TREC question classification (Li & Roth 2002), six coarse classes."""
    splits = {}
    for split, file in (("train", "train_5500.label"), ("test", "TREC_10.label")):
        path = ensure(data_dir / "trec" / file, TREC_URL + file)
        lines = path.read_text(encoding="latin-1").splitlines()
        pairs = [line.partition(" ") for line in lines if line]
        splits[split] = [text for _, _, text in pairs], [c.split(":")[0] for c, _, _ in pairs]
    return dict(splits, max_len=42, batch_size=16, seed_size=500, folder=path.parent, stem="trec")


AGNEWS_CLASSES = {"1": "World", "2": "Sports", "3": "Business", "4": "Sci/Tech"}


def read_agnews(data_dir, agnews_text="description"):
    """AG News (Zhang et al. 2015), four classes. Any number of training rows is taken.

    agnews_text: description, as in the authors' code, or title+description.
    """
    splits, first = {}, 1 if agnews_text == "title+description" else 2
    for split, file in (("train", "train.csv"), ("test", "test.csv")):
        path = ensure(data_dir / "agnews" / file, AGNEWS_URL + file, part_ok=split == "train")
        with open(path, encoding="utf-8", newline="") as f:
            rows = list(csv.reader(f))
        try:
            labels = [AGNEWS_CLASSES[row[0]] for row in rows]
            splits[split] = [repair(" ".join(row[first:3])) for row in rows], labels
        except (IndexError, KeyError):
            raise InputError(f"{path} is not AG News: its rows are class (1-4), title and text")
        if split == "train" and not published(path):
            note(f"note: {path} is not the published file: its SHA-256 differs, and it has"
                 f" {len(rows):,} rows of {AGNEWS_ROWS:,}")
    return dict(splits, max_len=200, batch_size=64, seed_size=1000, folder=path.parent,
                stem=f"agnews-{agnews_text}")


def repair(text):
    """AG News' left-overs of HTML: '#39;' for an apostrophe, '&lt;' for '<', '\\' for a space."""
    text = re.sub(r"(?<!&)#(\d+);", r"&#\1;", text.replace("\\", " "))
    text = re.sub(r"(?<![&\w])(quot|amp|lt|gt);", r"&\1;", text)
    return " ".join(html.unescape(text).split())


def ensure(path, url, part_ok=False):
    """The file at `path`, fetched from `url` if it is not there; its SHA-256 is checked."""
    if not path.exists():
        fetch(url, path, SHA256[path.name], SIZE.get(path.name))
    elif not part_ok and not published(path):
        raise InputError(
            f"{path} is not the published file (its SHA-256 differs); remove it and it will"
            f" be fetched from {url}, or run `python cal.py`, which needs no download"
        )
    return path


def published(path):
    """Whether a file is, byte for byte, the one that was published."""
    return hashlib.sha256(path.read_bytes()).hexdigest() == SHA256[path.name]


# ---- a table of one's own -----------------------------------------------------------------------


def is_table(name):
    """Whether a dataset's name is that of a file of one's own."""
    return Path(name).suffix.lower() in (".csv", ".tsv")


def read_table(path, _data_dir=None, text_column="text", label_column="label", test=None,
               filled=()):
    """A .csv or .tsv file of texts and labels; where no label is empty, a simulation.

    A simulation is tested on `test`, a second file, or on a stratified fifth of the rows. filled:
    pairs (row number, (text, label)), labels for rows that have none in the file.
    """
    rows = read_rows(path, text_column, label_column, dict(filled))
    numbers, texts, labels = (list(column) for column in zip(*rows))
    found = Counter(labels)
    unlabelled, classes = found.pop("", 0), sorted(found)
    if len(classes) < 2:
        raise InputError(
            f"{path}: " + (f"every label is {classes[0]!r}" if classes else "no row has a label")
            + ", and there must be two classes at least; label some texts drawn at random")
    warn_of_duplicates(path, rows)
    held_out = read_rows(Path(test), text_column, label_column, {}) if test else []
    if any(not label for _, _, label in held_out):
        raise InputError(f"{test}, row {next(n for n, _, c in held_out if not c)}: no label")
    if not unlabelled and not test:
        if once := [c for c in classes if found[c] == 1]:
            row = numbers[labels.index(once[0])]
            raise InputError(f"{path}, row {row}: the label {once[0]!r} stands nowhere else, and"
                             " training and test need one each")
        y = np.array([classes.index(c) for c in labels])
        fifth = set(seed_set(y, max(1, len(y) // 5), 0).tolist())
        held_out = [row for i, row in enumerate(rows) if i in fifth]
        rows = [row for i, row in enumerate(rows) if i not in fifth]
        numbers, texts, labels = (list(column) for column in zip(*rows))
    N = len(texts)
    return {
        "train": (texts, labels), "test": ([r[1] for r in held_out], [r[2] for r in held_out]),
        "row_numbers": np.array(numbers), "max_len": 200, "batch_size": 16 if N < 20_000 else 64,
        "seed_size": min(500, max(10 * len(classes), N // 20)), "picks": min(50, -(-N // 50)),
        "folder": path.resolve().parent, "stem": path.name,
    }


def read_rows(path, text_column, label_column, filled):
    """[(row number, text, label)] of the rows that have a text; a label may be empty.

    Rows are numbered as a spreadsheet numbers them: the header is row 1. An InputError names the
    file, and the row, where it cannot be read.
    """
    rows, number, skipped = [], 0, 0
    try:
        with open(path, encoding="utf-8-sig", newline="") as f:
            table = csv.reader(f, strict=True,
                               delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            header = [name.strip() for name in next(table, [])]
            for name in (text_column, label_column):
                if name not in header:
                    raise InputError(f"{path} has no column {name!r}; its columns are "
                                     + ", ".join(map(repr, header)) if header else
                                     f"{path} is empty")
            where, number = (header.index(text_column), header.index(label_column)), 1
            for number, row in enumerate(table, 2):
                if row and len(row) != len(header):
                    raise InputError(f"{path}, row {number}: {len(row)} values, and there are"
                                     f" {len(header)} columns")
                text, label = (row[i].strip() for i in where) if row else ("", "")
                label = label or filled_label(path, number, text, filled)
                if text:
                    rows.append((number, text, label))
                else:
                    skipped += bool(row)
    except FileNotFoundError:
        raise InputError(f"no file {path}")
    except IsADirectoryError:
        raise InputError(f"{path} is a directory; give a .csv or .tsv file")
    except UnicodeDecodeError as e:
        raise InputError(f"{path}, line {undecodable_line(path)}: not UTF-8 ({e.reason}); save the"
                         " file as UTF-8")
    except csv.Error as e:
        unclosed = "end of data" in str(e) or "field limit" in str(e)
        why = ("a quote is opened and not closed" if unclosed else
               f"{e}; is a quote not closed, or one inside a text not doubled?")
        raise InputError(f"{path}, row {number + 1}: {why}")
    if not rows:
        raise InputError(f"{path} has no row with a text")
    if skipped:
        note(f"note: {path}: {skipped:,} rows without a text are skipped")
    return rows


def filled_label(path, number, text, filled):
    """The label that a row without one has been given elsewhere, or ''."""
    same, label = filled.get(number, (text, ""))
    if same != text:
        raise InputError(f"{path}, row {number}: the text is not the one that was labelled as row"
                         f" {number}; have rows been moved? (Those labels are kept in labels.csv,"
                         " beside next_batch.csv.)")
    return label


def undecodable_line(path):
    """The number of the first line that is not UTF-8."""
    with open(path, "rb") as f:
        for n, line in enumerate(f, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return n
    return n


def warn_of_duplicates(path, rows):
    """Say how many texts stand there more than once, with labels that differ."""
    first, differing = {}, {}
    for number, text, label in rows:
        if label and first.setdefault(text, (number, label))[1] != label:
            differing.setdefault(text, (first[text][0], number))
    if differing:
        a, b = next(iter(differing.values()))
        note(f"warning: {path}: {len(differing):,} texts stand there with different labels, the"
             f" first in rows {a} and {b}")


# ---- downloads ----------------------------------------------------------------------------------


def fetch(url, path, sha256, size=None):
    """Download `url` to `path`: streamed to a temporary file, checked, then renamed into place.

    Every failure is one InputError that names the file, the address, the folder to put it in by
    hand, and the command that needs no download.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            with contextlib.closing(Download(url)) as reply, open(part, "wb") as out:
                shutil.copyfileobj(reply, out)
            got = part.stat().st_size
            if size and got != size:
                raise InputError(f"it has {got:,} bytes instead of {size:,}")
            if hashlib.sha256(part.read_bytes()).hexdigest() != sha256:
                raise InputError("its SHA-256 is not the published one")
    except (OSError, InputError, http.client.HTTPException) as e:
        raise InputError(
            f"could not fetch {path.name} from {url}: {e}; put it in {path.parent} by hand, or"
            " run `python cal.py`, which needs no download"
        )


class Download(io.RawIOBase):
    """A URL as a file read once from start to end, under a progress bar.

    A broken connection goes on from the same byte where the server allows ranges, and otherwise
    starts again and skips what has been read. It gives up after three breaks without progress.
    """

    def __init__(self, url):
        self.url, self.at, self.breaks = url, 0, 0
        self.connect()
        self.bar = tqdm(total=self.size or None, unit="B", unit_scale=True,
                        desc=url.rpartition("/")[2])

    def readable(self):
        return True

    def connect(self):
        """Open the URL at byte self.at."""
        headers = {"Range": f"bytes={self.at}-"} if self.at else {}
        request = urllib.request.Request(self.url, headers=headers)
        self.reply = urllib.request.urlopen(request, timeout=30)
        skip = self.at if self.reply.status != 206 else 0
        self.size = int(self.reply.headers.get("Content-Length") or 0) + self.at - skip
        while skip and (piece := self.reply.read(min(skip, 1 << 16))):
            skip -= len(piece)

    def readinto(self, buffer):
        while True:
            try:
                piece = self.reply.read(len(buffer))
                if piece or self.at >= self.size:
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


# ---- tokens and vectors -------------------------------------------------------------------------


def tokens(text):
    """Lower-cased words and punctuation marks."""
    return re.findall(r"\w+|[^\w\s]", text.lower())


def sum_vectors(ids, starts, table):
    """One vector a text, the sum of its words' vectors: table [V, D], starts [N + 1] -> [N, D]."""
    ids, starts = torch.from_numpy(ids.astype(np.int64)), torch.from_numpy(starts[:-1])
    bag = torch.nn.functional.embedding_bag
    return bag(ids, torch.from_numpy(table), starts, mode="sum").numpy()


FASTTEXT = "https://dl.fbaipublicfiles.com/fasttext/vectors-crawl/cc.en.300.vec.gz"


def load_vectors(source, words, respell=True):
    """[len(words), D] float32 vectors of `words`; zeros where unknown.

    source: hash; fasttext (the paper's cc.en.300, streamed from its address); a .vec or .txt file
    or the URL of one (see text_vectors); or a fastText .bin model (see bin_vectors).
    """
    if source == "hash":
        return hash_vectors(words)
    source = FASTTEXT if source == "fasttext" else str(source)
    if source.endswith(".bin"):
        return bin_vectors(source, words)
    return text_vectors(source, words, respell)


BUCKETS = 100_003  # rows of the hash table, a prime


def hash_vectors(words):
    """A fixed random vector for a word: the sum of those of the word and its character n-grams.

    fastText's subword scheme (n-grams of 3 to 6 characters of <word>, Bojanowski et al. 2017)
    without the training: the weak end of the scale. Every n-gram is 300 random signs; they are
    summed as integers and divided by the sum's expected norm, so that a word has the same bytes
    in every vocabulary and on every machine, and a norm of about 1.
    """
    signs = np.random.Generator(np.random.PCG64(300)).bytes(BUCKETS * DIM // 8 + 1)
    signs = np.unpackbits(np.frombuffer(signs, np.uint8))[: BUCKETS * DIM].reshape(BUCKETS, DIM)
    out = np.empty((len(words), DIM), np.float32)
    for row, word in zip(out, words):
        grams = {word, *(f"<{word}>"[i : i + n] for n in range(3, 7) for i in range(len(word)))}
        rows = [fnv1a(g.encode("utf-8", "surrogatepass")) % BUCKETS for g in grams]
        total = signs[rows].sum(0, dtype=np.int64) * 2 - len(rows)
        row[:] = total / np.sqrt(len(rows) * DIM)
    return out


def fnv1a(data):
    """The 32-bit FNV-1a hash of bytes (or of signed chars)."""
    h = 2166136261
    for byte in data:
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return h


def unit_mean_norm(table):
    """Scale [V, D] so that the mean norm of its non-zero rows is 1 (in place)."""
    norms = np.sqrt((table.astype(np.float64) ** 2).sum(1))
    if norms.any():
        table /= np.float32(norms[norms > 0].mean())
    return table


WINDOW, SMOOTH = 10, 0.75  # co-occurrence within 10 words; context distribution to the 0.75
MAX_TEXTS, MAX_WORDS = 200_000, 30_000  # what the vectors are learned from, at most


def pool_vectors(ids, ends, V):
    """Word vectors learned from the texts at hand (Levy, Goldberg & Dagan 2015).

    ids: the training texts' words as numbers below V, one text after the other; ends [N]: where
    each text ends. Returns [V, 300] float32, zeros for words that do not occur. From the counts
    c(w, v) of words within WINDOW words of each other, PPMI(w, v) = max(0, log p(w, v) / (p(w)
    q(v))), with q(v) proportional to p(v)^0.75; its truncated SVD is U S V', and the vectors are
    U sqrt(S), scaled to a mean norm of 1. A vocabulary under 300 words leaves zeros at the end.
    Above 200,000 texts a fixed sample teaches; the 30,000 most frequent words learn.
    """
    text = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    if len(ends) > MAX_TEXTS:
        keep = np.zeros(len(ends), bool)
        keep[np.random.default_rng(0).choice(len(ends), MAX_TEXTS, replace=False)] = True
        ids, text = ids[keep[text]], text[keep[text]]
    freq = np.bincount(ids, minlength=V)
    vocab = np.argsort(-freq, kind="stable")[: min(MAX_WORDS, np.count_nonzero(freq))]
    rank = np.full(V, -1)
    rank[vocab] = np.arange(len(vocab))
    ppmi = positive_pmi(rank[ids], text, len(vocab))
    out, threads = np.zeros((V, DIM), np.float32), torch.get_num_threads()
    torch.set_num_threads(1)  # so that the bytes do not depend on how many there are
    u, s = truncated_svd(ppmi, min(DIM, len(vocab)))
    torch.set_num_threads(threads)
    out[vocab, : len(s)] = (u * s.sqrt()).numpy()
    return unit_mean_norm(out)


def positive_pmi(ids, text, V):
    """PPMI of co-occurrence within WINDOW words of one text, as a sparse [V, V] torch tensor."""
    keys, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    for d in range(1, WINDOW + 1):
        a, b = ids[:-d], ids[d:]
        near = (text[:-d] == text[d:]) & (a >= 0) & (b >= 0)
        key = np.minimum(a, b)[near] * V + np.maximum(a, b)[near]
        new, n = np.unique(key, return_counts=True)
        keys, where = np.unique(np.concatenate([keys, new]), return_inverse=True)
        counts = np.bincount(where, np.concatenate([counts, n])).astype(np.int64)
    i, j, c = keys // V, keys % V, counts.astype(np.float64)
    # Symmetric: (i, j) and (j, i); a word next to itself is seen from both sides.
    c[i == j] *= 2
    other = i != j
    i, j, c = np.r_[i, j[other]], np.r_[j, i[other]], np.r_[c, c[other]]
    total = np.bincount(i, c, V)
    context = total**SMOOTH / (total**SMOOTH).sum()
    pmi = np.log(c / (total[i] * context[j]))
    i, j, pmi = i[pmi > 0], j[pmi > 0], pmi[pmi > 0].astype(np.float32)
    index = torch.from_numpy(np.stack([i, j]))
    return torch.sparse_coo_tensor(index, torch.from_numpy(pmi), (V, V), check_invariants=True)


def truncated_svd(M, k, power=4, extra=20):
    """The k largest singular triplets of a sparse M [V, V], without V: (U [V, k], S [k]).

    Randomised subspace iteration (Halko, Martinsson & Tropp 2011), seeded. Each column's sign
    is fixed by its largest entry, so the result does not depend on the start.
    """
    width = min(k + extra, M.shape[0])
    start = np.random.default_rng(0).standard_normal((M.shape[1], width)).astype(np.float32)
    with warnings.catch_warnings():  # torch still calls its CSR tensors "beta"
        warnings.simplefilter("ignore", UserWarning)
        Q, M, Mt = torch.from_numpy(start), M.to_sparse_csr(), M.t().to_sparse_csr()
    Q = torch.linalg.qr(M @ Q).Q
    for _ in range(power):
        Q = torch.linalg.qr(M @ torch.linalg.qr(Mt @ Q).Q).Q
    U, S, _ = torch.linalg.svd((Mt @ Q).T, full_matrices=False)
    U, S = (Q @ U)[:, :k], S[:k]
    return U * U[U.abs().argmax(0), torch.arange(k)].sign(), S


def text_vectors(source, words, respell=True):
    """Vectors of `words` from text: a word and its values a line, with a header line or without.

    source: a .vec or .txt file, plain, .gz or .zip, or the URL of one (not .zip). It is streamed:
    only the rows asked for are kept, and reading stops when every word is found as it is written.
    A word the file lacks is tried in lower case, then without its surrounding punctuation (then
    both); failing that it is zeros. InputError names the line number of a malformed line.
    """
    wanted = {}  # a spelling in the file -> the words it would serve, and how good it is for them
    for i, word in enumerate(words):
        for rank, form in enumerate(spellings(word) if respell else [word]):
            wanted.setdefault(form, []).append((i, rank))
    best, out, exact = np.full(len(words), 9), None, 0
    try:
        with open_text(source) as (lines, bar):
            for n, line in enumerate(lines, 1):
                if bar and n % 1000 == 0:
                    bar.set_postfix_str(f"{(best < 9).sum():,} of {len(words):,} words", False)
                parts = line.rstrip(" \n\r").split(" ")
                if n == 1 and len(parts) == 2:
                    continue  # the header: how many words, how many values
                if len(parts) < 2:
                    raise InputError(f"{source}, line {n}: no values; is this a file of vectors?")
                if out is None:
                    out = np.zeros((len(words), len(parts) - 1), np.float32)
                dim = out.shape[1]
                if len(parts) <= dim or len(parts) > dim + 1 and is_number(parts[1]):
                    found = len(parts) - 1
                    raise InputError(f"{source}, line {n}: {found} values instead of {dim}")
                for i, rank in wanted.get(" ".join(parts[:-dim]), ()):
                    if rank < best[i]:
                        out[i] = parse_floats(parts[-dim:], source, n)
                        best[i], exact = rank, exact + (rank == 0)
                if exact == len(words):
                    break
    except FileNotFoundError:
        raise InputError(f"no vector file {source}; --vectors takes pool, hash, fasttext, a file"
                         " or the address of one")
    except (OSError, EOFError, http.client.HTTPException, zipfile.BadZipFile, UnicodeError) as e:
        raise InputError(f"cannot read the vectors in {source}: {e}")
    if out is None:
        raise InputError(f"{source} holds no vectors")
    return out


def parse_floats(values, source, n):
    """A line's values as float32, or an InputError with the line number."""
    try:
        return np.array(values, dtype=np.float32)
    except ValueError:
        raise InputError(f"{source}, line {n}: a value is no number")


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def spellings(word):
    """The forms in which a word is looked up, best first."""
    bare = word.strip("\"'`.,;:!?()[]{}<>-*")
    return list(dict.fromkeys(w for w in (word, word.lower(), bare, bare.lower()) if w))


@contextlib.contextmanager
def open_text(source):
    """(lines, progress bar of a URL or None) of a text file, .gz or .zip, never unpacked whole."""
    name = source.partition("?")[0] if "://" in source else source
    if "://" in source and name.endswith(".zip"):
        raise InputError(f"{source}: a .zip cannot be streamed; fetch it and give its path")
    raw = Download(source) if "://" in source else io.FileIO(source)
    with contextlib.closing(raw):
        file = io.BufferedReader(raw, 1 << 18)
        if name.endswith(".gz"):
            file = gzip.GzipFile(fileobj=file)
        elif name.endswith(".zip"):
            archive = zipfile.ZipFile(file)
            file = archive.open(archive.namelist()[0])  # its first member
        yield io.TextIOWrapper(file, encoding="utf-8", newline="\n"), getattr(raw, "bar", None)


# ---- fastText's binary models -------------------------------------------------------------------


def bin_vectors(path, words):
    """Vectors of `words` from a fastText .bin model (Bojanowski et al. 2017), as the library's.

    A word's vector is the mean of its own row, if it is in the dictionary, and of the rows of its
    character n-grams. The file is memory-mapped: only the rows asked for are read. InputError for
    supervised, quantized and damaged models.
    """
    try:
        with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as file:
            model = read_bin(path, file, {w.encode("utf-8", "surrogatepass") for w in words})
            vectors = [bin_vector(*model, w.encode("utf-8", "surrogatepass")) for w in words]
            del model  # the file cannot be closed while an array looks into it
    except FileNotFoundError:
        raise InputError(f"no vector file {path}; --vectors takes pool, hash, fasttext, a file"
                         " or the address of one")
    except (OSError, ValueError, struct.error) as e:
        if isinstance(e, InputError):
            raise
        raise InputError(f"{path} is no whole fastText model: {e}")
    return np.stack(vectors)


def read_bin(path, file, wanted):
    """(input matrix [rows, dim], {wanted word: id}, words, minn, maxn, buckets) of a model."""
    magic, version, dim, *rest = struct.unpack_from("<14i", file)
    model, bucket, minn, maxn = rest[6], rest[7], rest[8], rest[9]
    if magic != 793712314 or version not in (11, 12):
        raise InputError(f"{path} is no fastText model that can be read (its first bytes differ)")
    if model == 3:
        raise InputError(f"{path} is a supervised model; vectors come from cbow or skipgram models")
    size, n_words, _labels, _tokens, pruned = struct.unpack_from("<3i2q", file, 64)
    ids, at = {}, 64 + 28
    for i in range(size):  # an entry: the word, a zero byte, its count (8 bytes), its type (1)
        end = file.find(b"\0", at)
        if end < 0:
            raise ValueError("the dictionary breaks off")
        if (word := file[at:end]) in wanted:
            ids[word] = i
        at = end + 10
    if pruned > 0 or file[at]:
        raise InputError(f"{path} is a quantized model; give the one it was made from")
    rows, columns = struct.unpack_from("<2q", file, at + 1)
    if columns != dim or rows < n_words:
        raise ValueError("its matrix does not fit its dictionary")
    matrix = np.frombuffer(file, "<f4", rows * columns, at + 17).reshape(rows, columns)
    return matrix, ids, n_words, minn, maxn, bucket


def bin_vector(matrix, ids, n_words, minn, maxn, bucket, word):
    """A word's vector [dim], added up in the library's order: the same bit for bit."""
    rows = [ids[word]] if word in ids else []
    if word != b"</s>":
        grams = subwords(b"<" + word + b">", minn, maxn) if bucket else []
        rows += [n_words + fnv1a(signed(gram)) % bucket for gram in grams]
    vector = np.zeros(matrix.shape[1], np.float32)
    for row in rows:
        vector += matrix[row]
    return vector * np.float32(1 / len(rows)) if rows else vector


def subwords(word, minn, maxn):
    """The character n-grams of a word in its brackets, n from minn to maxn; brackets are no 1-gram.

    word: UTF-8 bytes; a character starts at every byte that is not 10xxxxxx.
    """
    starts = [i for i, byte in enumerate(word) if byte & 0xC0 != 0x80] + [len(word)]
    for i in range(len(starts) - 1):
        for n in range(max(1, minn), min(maxn, len(starts) - 1 - i) + 1):
            if n > 1 or 0 < i < len(starts) - 2:
                yield word[starts[i] : starts[i + n]]


def signed(data):
    """Bytes as C++'s signed char sees them; fastText hashes those."""
    return (byte - 256 if byte > 127 else byte for byte in data)


# ---- the demo corpus ----------------------------------------------------------------------------

# Frames stand under all six classes: only the noun in the slot tells the class.
FRAMES = """What {noun} is associated with {person} ?
Which {noun} did {person} mention in {book} ?
Name the {noun} that {company} chose in {year} .
Tell me the {noun} {person} was looking for in {city} ."""

# Templates of one class each (a class, then its templates).
TEMPLATES = {
    "ABBR": """What does {abbr} stand for ?
What is {abbr} short for ?
What do the letters {abbr} mean ?
How is {company} written in short ?
What is the full form of {abbr} in {country} ?""",
    "DESC": """Why does {thing} matter to {person} ?
How does {thing} work in a {animal} ?
What is the difference between {thing} and {thing2} ?
Why did {person} leave {city} ?
How do you explain {thing} to a child ?
What causes {thing} in {country} ?""",
    "ENTY": """What kind of {animal} lives near {city} ?
Which food goes well with {food} ?
What do you call a young {animal} ?
What is {person} 's favorite {goods} ?
Which {goods} did {company} sell first ?
What is made from {food} and {food2} ?""",
    "HUM": """Who wrote {book} ?
Who founded {company} ?
Who was the first to cross {country} with a {animal} ?
Whose idea was {thing} ?
Who taught {person} about {thing} ?
Who painted the walls of {city} ?""",
    "LOC": """Where was {person} born ?
Where is {city} ?
Where can I buy {goods} made by {company} ?
Where do {animal} herds spend the winter ?
In what part of {country} is {city} ?
Where did {person} write {book} ?""",
    "NUM": """How many {animal} herds live in {country} ?
When did {company} open in {city} ?
How much does a {goods} cost in {country} ?
How old was {person} in {year} ?
How far is {city} from {city2} ?
What year was {book} printed ?""",
}

# Ambiguous templates stand under two classes, half the time each.
AMBIGUOUS = {
    ("ABBR", "DESC"): """What is {abbr} in {country} ?
What does the term {abbr} mean to {person} ?""",
    ("DESC", "ENTY"): """What is {food} made of in {country} ?
What made {person} famous in {country} ?""",
    ("ENTY", "HUM"): """What won the prize in {city} in {year} ?
Which team did {company} back in {year} ?""",
    ("HUM", "LOC"): """Which club of {city} met {person} ?
Which school of {city} taught {person} ?""",
    ("LOC", "NUM"): """What is the address of {company} in {city} ?
At which point did {person} stop in {year} ?""",
    ("DESC", "NUM"): """How did {city} grow after {year} ?
How big is {company} in {country} ?""",
}

NOUNS = {
    "ABBR": """abbreviation acronym initialism shorthand monogram code-name ticker
        callsign postcode-letters contraction short-form cipher""",
    "DESC": """reason meaning cause purpose definition origin explanation
        method principle function story process""",
    "ENTY": """color instrument dish disease language breed currency
        gem sport dance vitamin fruit""",
    "HUM": """actor inventor president singer author king coach
        pilot doctor sculptor astronaut senator""",
    "LOC": """river mountain island capital province desert bay
        village street lake continent planet""",
    "NUM": """percentage distance date price temperature speed population
        weight age salary length score""",
}

SLOTS = {
    "abbr": """NARO UCEP DLM BTRO FESO IPCA KLT MPS NHO OBE PQR RTA SDI TGV UWO VHC WPA XLR YMK
        ZTO AFB BCD CEO DPI EKG FAQ GMT HQ ISBN JPG LCD MRI NGO OCR PDF RSVP SOS TBA UFO VIP""",
    "person": """Ada Bruno Clara Dmitri Elena Farid Greta Hugo Ingrid Jamal Keiko Lars Mira Nadia
        Omar Petra Quentin Rosa Stefan Tariq Ursula Viktor Wanda Xavier Yusuf Zelda Anton Bella
        Carlo Daria Emil Fiona Gustav Helga Igor Judith Kamal Lena Marco Nora""",
    "book": """Moonrise Saltwater Bluebird Ironwood Daybreak Foxglove Landfall Nightjar Overcoat
        Pilgrim Quicksand Riverbend Snowdrift Tidemark Undertow Vineyard Windmill Yellowtail
        Ashfall Birdsong Cornfield Driftwood Evergreen Firelight Gravel Hourglass Inkwell""",
    "company": """Acmetra Boldware Cindex Dynaco Everlux Fabrico Gigastep Heliosys Intermax Jetline
        Kilnworks Lumina Metacorp Nordtek Omnipart Polycast Quantix Rotoplan Solaris Terrafab
        Unibrew Vectron Wavecom Xylotech Yarnhouse Zenith Altus Brightway Corex Deltagen""",
    "city": """Lisbon Oslo Quito Hanoi Perth Lyon Turin Basel Kyoto Delhi Cairo Lima Riga Sofia
        Tunis Accra Bogota Dakar Essen Fargo Ghent Haifa Izmir Jaffa Kiel Leeds Malmo Nice Osaka
        Porto Reno Split Tampa Utica Vigo Waco Xian Yalta Zagreb Bergen""",
    "country": """Norway Peru Ghana Japan Chile Egypt Latvia Nepal Kenya Spain Tonga Yemen Brazil
        Canada Cuba Fiji Greece Haiti India Italy Jordan Laos Malta Mexico Oman Qatar Samoa Togo""",
    "animal": """horse camel goat otter falcon lizard badger heron beaver moose panda rabbit salmon
        tiger walrus zebra donkey ferret gecko hyena ibex jackal koala lemur mule newt ox puma""",
    "thing": """gravity inflation rust thunder erosion yeast magnetism dew friction fever laughter
        static hunger gossip fog sleep boredom echo lightning mold memory rainbow frost jealousy
        tides drought insulin oxygen credit rhythm""",
    "food": """bread rice cheese honey pepper garlic ginger mustard butter lentils olives barley
        spinach cocoa vanilla tofu oats saffron vinegar almonds figs pumpkin cream sesame""",
    "goods": """lamp bicycle carpet violin kettle jacket mirror wallet camera ladder blanket watch
        hammer saddle umbrella radio drill tent canoe helmet pillow notebook piano scooter""",
    "year": " ".join(str(y) for y in range(1871, 1999, 3)),
}

DEMO_WEIGHTS = {"ABBR": 7, "DESC": 18, "ENTY": 20, "HUM": 20, "LOC": 17, "NUM": 18}
DEMO_TRAIN, DEMO_TEST, DEMO_AMBIGUOUS, DEMO_MISLABELLED = 2500, 500, 0.15, 0.10


def read_demo(_data_dir=None):
    """A grammar of our own: 2,500 questions to train from, 500 to test, the same everywhere.

    A training row's kind is easy (75 %), ambiguous (15 %: its template stands under two classes,
    half the time each) or mislabelled (10 %: an easy row whose label was changed). The test rows
    are clean, no label is changed; 15 % are ambiguous, as in the pool, and cannot be known.
    """
    rng = random.Random(2021)
    pick = lambda items: items[int(rng.random() * len(items))]  # stable across Python versions
    classes = [c for c, n in DEMO_WEIGHTS.items() for _ in range(n)]
    slots = {k: v.split() for k, v in SLOTS.items()}
    pairs = [(pair, t) for pair, ts in AMBIGUOUS.items() for t in ts.split("\n")]
    easy = {c: ts.split("\n") + FRAMES.split("\n") for c, ts in TEMPLATES.items()}

    def question(template, label):
        for slot in re.findall(r"{(\w+)}", template):
            words = NOUNS[label].split() if slot == "noun" else slots[slot.rstrip("2")]
            template = template.replace(f"{{{slot}}}", pick(words), 1)
        return template

    def split(size, kinds, seen):
        rows, turn = [], 0
        while len(rows) < size:
            kind = kinds[len(rows)]
            if kind == "ambiguous":
                pair, template = pairs[turn // 2 % len(pairs)]
                label = pair[turn % 2]
            else:
                label = pick(classes)
                template = pick(easy[label])
            text = question(template, label)
            if kind == "mislabelled":
                label = pick([c for c in DEMO_WEIGHTS if c != label])
            if text not in seen:
                seen.add(text)
                rows.append((text, label, kind))
                turn += kind == "ambiguous"
        return sorted(rows, key=lambda _: rng.random())

    seen = set()
    n_amb, n_mis = int(DEMO_TRAIN * DEMO_AMBIGUOUS), int(DEMO_TRAIN * DEMO_MISLABELLED)
    kinds = ["ambiguous"] * n_amb + ["mislabelled"] * n_mis
    train = split(DEMO_TRAIN, kinds + ["easy"] * (DEMO_TRAIN - len(kinds)), seen)
    n_amb = int(DEMO_TEST * DEMO_AMBIGUOUS)
    test = split(DEMO_TEST, ["ambiguous"] * n_amb + ["easy"] * (DEMO_TEST - n_amb), seen)
    columns = [list(column) for column in zip(*train)]
    return {
        "train": columns[:2], "test": [list(c) for c in zip(*test)][:2],
        "kind": np.array(columns[2]), "max_len": 42, "batch_size": 16, "seed_size": 100,
    }


READERS = {"demo": read_demo, "trec": read_trec, "agnews": read_agnews}
