"""Texts to numbers: every text becomes one fixed vector, computed once  (Section 4.1, Section 7).

In this file, from the top:
  load        one call for every dataset: demo, trec, agnews, or your own table
  of_arrays   or arrays instead of texts
  text_vectors, sum_vectors   x = the sum of the frozen word vectors of a text's tokens
  seed_set    the stratified seed set L that active learning starts from
  read_...    the datasets of Table 1, and the demo corpus

Word vectors come from vectors/: `pool` are learned from the training texts, `hash` are random,
others are read from a file. Tokens are lower-cased words and punctuation marks for these two; for
vectors from a file they are split at white space and keep their case, as in the authors' code.
"""

import csv
import functools
import hashlib
import html
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from plumbing.checks import fitting
from plumbing.downloads import ensure, published
from plumbing.files import InputError, digest, note
from tables.own_table import read_table
from tables.records import is_table
from vectors import kept
from vectors.facts import lengths_of, table_1
from vectors.given import given
from vectors.pool import pool_vectors
from vectors.sources import available, load_vectors, spellings
from vectors.words import index_tokens, tokens


@dataclass
class Data:
    """A dataset as numbers. N training rows, T test rows, C classes, D dimensions.

    x [N, D] float32, y [N] int64 (-1: no label), x_test [T, D], y_test [T].
    kind [N]: strings, or None. In the demo corpus a text is easy, ambiguous or mislabelled; in your
    own table "skipped" marks a text that a person did not want to label.
    row_numbers [N]: the rows of your own table as a spreadsheet numbers them (the header is 1), or
    None. picks: how many texts to pick per round. sha256 identifies the data. about: the numbers of
    Table 1, and how many of the words have a vector.
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


def load(name, data_dir="data", vectors="pool", spellings=spellings, fill=None, cache=None,
         **options):
    """The dataset `name` (demo, trec, agnews or a .csv, .tsv or .jsonl file) as a Data.

    vectors: pool, or a source of load_vectors; for fasttext, a cc.en.300 file in data_dir/fasttext
    is used before any download. Or x itself: a .npy file with one row per text (vectors/given.py).
    cache: a folder to keep x in, for the next time.
    spellings: the forms in which load_vectors looks up a word. fill: a function of (tokens that
    a text lacks of max_len [n], the first word's vector [D]) that is added to the texts' sums.
    options: those of read_agnews, or of tables.own_table.read_table for a file.
    Raises InputError, with a sentence that says what to do, if a file is missing or wrong.
    """
    try:
        raw = reader_of(name)(Path(data_dir), **options)
    except (OSError, UnicodeError, csv.Error) as e:
        raise InputError(f"cannot read the data of {name}: {e}")
    (texts, labels), (test_texts, test_labels) = raw["train"], raw["test"]
    classes = sorted({*labels, *test_labels} - {""})
    code = {c: i for i, c in enumerate(classes)} | {"": -1}
    y, y_test = (np.array([code[c] for c in ls], dtype=np.int64) for ls in (labels, test_labels))
    x, about = text_vectors(raw, available(vectors, data_dir), spellings, fill, cache)
    counts = {c: int((y == i).sum()) for i, c in enumerate(classes)}
    return Data(
        name=Path(name).name, x=x[: len(y)], y=y, texts=texts, classes=classes,
        x_test=x[len(y) :], y_test=y_test, sha256=digest(texts, labels, test_texts, test_labels),
        **{key: raw[key] for key in ("seed_size", "batch_size", "max_len", "picks", "kind",
                                     "row_numbers") if key in raw},
        about={"train": len(y), "test": len(y_test), "classes": len(classes),
               "class_counts": counts, **about},
    )


def of_arrays(x, y, x_test, y_test, seed_size=100, batch_size=16, texts=None):
    """Your own arrays as a Data: x [N, D] of any width and type, y [N] class numbers.

    texts: what the rows of x are, [N] strings to show on the page. Raises ValueError, with the row,
    if the arrays do not fit each other, or hold another kind of value.
    """
    x, y, x_test, y_test = fitting(x, y, x_test, y_test)
    classes, texts = [str(c) for c in range(max(y.max(), y_test.max()) + 1)], list(texts or [])
    if texts and (len(texts) != len(y) or not all(isinstance(text, str) for text in texts)):
        raise ValueError(f"texts has to hold {len(y)} strings, one for each row of x")
    sha256 = hashlib.sha256(b"".join(a.tobytes() for a in (x, y, x_test, y_test))).hexdigest()
    about = {"train": len(y), "test": len(y_test), "classes": len(classes),
             "class_counts": {c: int((y == i).sum()) for i, c in enumerate(classes)}}
    return Data("arrays", x, y, texts, classes, x_test, y_test, seed_size, batch_size, 0, sha256,
                about={**about, **(lengths_of(texts) if texts else {})})


def reader_of(name):
    """The function that reads a dataset; forks/readers.py says what it returns, as of a fork's."""
    if is_table(name):
        return functools.partial(read_table, Path(name), stratified=seed_set)
    if name not in READERS:
        if Path(name).is_dir():
            raise InputError(f"{name} is a directory; give a .csv, .tsv or .jsonl file")
        raise InputError(f"unknown dataset {name!r}; choose from {', '.join(READERS)}, or give a"
                         " .csv, .tsv or .jsonl file")
    return READERS[name]


# ---- every text's vector ------------------------------------------------------------------------

PIECE = 20_000  # texts summed at once


def text_vectors(raw, vectors, spellings, fill, cache=None):
    """(x [N + T, D] of the training and the test texts, Table 1's facts of the texts)."""
    texts = raw["train"][0] + raw["test"][0]
    if "x" in raw:  # a fork's reader gives it
        return raw["x"], lengths_of(texts)
    if str(vectors).lower().endswith((".npy", ".npz")):
        return given(vectors, raw.get("places", np.arange(len(texts))), raw.get("length"), texts)
    path = kept.place(cache, raw.get("stem"), vectors, (raw["train"][0], raw["test"][0]),
                      (raw["max_len"], fill, spellings))
    return kept.kept(path, len(texts), lambda: sums(raw, vectors, spellings, fill))


def sums(raw, vectors, spellings, fill):
    """Table 1's facts of the texts, and a function that gives their vectors piece by piece."""
    N, texts = len(raw["train"][0]), raw["train"][0] + raw["test"][0]
    split = tokens if vectors in ("pool", "hash") else str.split
    words, ids, ends = index_tokens(texts, split, raw["max_len"])
    train = ids[: ends[N - 1]]  # the vectors learn nothing from the test texts
    table = (pool_vectors(train, ends[:N], len(words)) if vectors == "pool"
             else load_vectors(vectors, words, spellings))
    bounds = np.concatenate([[0], ends])

    def pieces():
        for i in range(0, len(texts), PIECE):
            starts = bounds[i : i + PIECE + 1]
            x = sum_vectors(ids[starts[0] : starts[-1]], starts - starts[0], table)
            yield x + fill(raw["max_len"] - np.diff(starts), table[ids[0]]) if fill else x

    return table_1(train, ends[:N], table, words), pieces


def sum_vectors(ids, starts, table):
    """A vector per text, the sum of its words' vectors: table [V, D], starts [N + 1] -> [N, D]."""
    ids, starts = torch.from_numpy(ids.astype(np.int64)), torch.from_numpy(starts[:-1])
    bag = torch.nn.functional.embedding_bag
    return bag(ids, torch.from_numpy(table), starts, mode="sum").numpy()


# ---- the seed set -------------------------------------------------------------------------------


def seed_set(y, size, seed):
    """A stratified seed set: `size` rows whose class shares are the data's, within one instance.

    y [N] class numbers; returns [size] row numbers. Each class gets the whole part of its exact
    share, and the instances left over go to the largest remainders (Section 4.1: "stratified").
    """
    if size > len(y):
        raise InputError(f"a seed set of {size} needs as many rows, but there are {len(y)}")
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
        path = ensure(data_dir / "trec" / file, TREC_URL + file, SHA256[file], SIZE[file])
        lines = path.read_text(encoding="latin-1").splitlines()
        pairs = [line.partition(" ") for line in lines if line]
        splits[split] = [text for _, _, text in pairs], [c.split(":")[0] for c, _, _ in pairs]
    return dict(splits, max_len=42, batch_size=16, seed_size=500, stem="trec")


AGNEWS_CLASSES = {"1": "World", "2": "Sports", "3": "Business", "4": "Sci/Tech"}


def read_agnews(data_dir, agnews_text="description"):
    """AG News (Zhang et al. 2015), four classes. Any number of training rows is taken.

    agnews_text: description, as in the authors' code, or title+description.
    """
    splits, first = {}, 1 if agnews_text == "title+description" else 2
    for split, file in (("train", "train.csv"), ("test", "test.csv")):
        path = ensure(data_dir / "agnews" / file, AGNEWS_URL + file, SHA256[file], SIZE.get(file),
                      part_ok=split == "train")
        with open(path, encoding="utf-8", newline="") as f:
            rows = list(csv.reader(f))
        try:
            labels = [AGNEWS_CLASSES[row[0]] for row in rows]
            splits[split] = [repair(" ".join(row[first:3])) for row in rows], labels
        except (IndexError, KeyError):
            raise InputError(f"{path} is not AG News, whose rows are class (1-4), title and text;"
                             " remove it, so that it is fetched again")
        if split == "train" and not published(path, SHA256[file]):
            note(f"note: {path} is not the published file: its SHA-256 differs, and it has"
                 f" {len(rows):,} rows of {AGNEWS_ROWS:,}")
    return dict(splits, max_len=200, batch_size=64, seed_size=1000, stem=f"agnews-{agnews_text}")


def repair(text):
    """Decode leftovers of HTML: '#39;' for an apostrophe, '&lt;' for '<', '\\' for a space."""
    text = re.sub(r"(?<!&)#(\d+);", r"&#\1;", text.replace("\\", " "))
    text = re.sub(r"(?<![&\w])(quot|amp|lt|gt);", r"&\1;", text)
    return " ".join(html.unescape(text).split())


def read_demo(_data_dir=None):
    """The demo corpus: demo/questions.csv, which gives the kind of each row (demo/make.py)."""
    with open(Path(__file__).parent / "demo" / "questions.csv", encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    splits = {split: ([row["text"] for row in rows if row["split"] == split],
                      [row["label"] for row in rows if row["split"] == split])
              for split in ("train", "test")}
    kind = np.array([row["kind"] for row in rows if row["split"] == "train"])
    return dict(splits, kind=kind, max_len=42, batch_size=16, seed_size=100)


READERS = {"demo": read_demo, "trec": read_trec, "agnews": read_agnews}
