"""A fork's own datasets: what its reader gave, checked before data.load uses it."""

import functools

import numpy as np

from forks.blame import blamed
from plumbing.checks import check_classes, finite
from plumbing.config import MOST
from plumbing.config import text as is_text
from plumbing.files import InputError

KINDS = 12  # that a picture shows side by side
SIZES = {"seed_size": 100, "batch_size": 16, "max_len": 200}  # where the reader does not say
MORE = "picks", "kind", "x"


def checked(name, reader):
    """A reader as data.load calls it: reader(data_dir) with every value checked, InputErrors.

    A reader returns a dict: "train" and "test", each (texts, labels), two lists of strings as long
    as each other. It may also give x [N + T, D], a vector (or token numbers) for each training text
    and then each test text, in place of word vectors; and seed_size (100), batch_size (16, of a
    mini-batch), max_len (200, the tokens read of a text), picks (50 texts per round), kind [N]
    (what is known of each training text, for example mislabelled; a string, of at most 12).
    """
    @functools.wraps(reader)
    def read(data_dir):
        with blamed(f"the reader of {name}", reader):
            raw = reader(data_dir)
        if not isinstance(raw, dict):
            refuse(f"returned {type(raw).__name__} instead of a dict")
        splits = {split: pair(split, raw.get(split)) for split in ("train", "test")}
        sizes = {key: whole(key, raw.get(key, size)) for key, size in SIZES.items()}
        more = {key: raw[key] for key in MORE if raw.get(key) is not None}
        n = sum(len(texts) for texts, _ in splits.values())
        if "picks" in more:
            more["picks"] = whole("picks", more["picks"])
        if "kind" in more:
            more["kind"] = kinds(more["kind"], len(splits["train"][0]))
        if "x" in more:
            try:
                more["x"] = finite(more["x"], "x")
            except ValueError as e:
                refuse(e)
            if len(more["x"]) != n:
                refuse(f"x has {len(more['x'])} rows, but there are {n} texts (those to test on"
                       " come last)")
        y, y_test = (splits[split][1] for split in ("train", "test"))
        check_classes(f"the reader of {name}", y, y_test, {label: label for label in y_test})
        return {**splits, **sizes, **more}

    def pair(split, found):
        try:
            texts, labels = map(list, found)
        except (TypeError, ValueError):
            refuse(f"{split} is not a pair of lists, (texts, labels)")
        if len(texts) != len(labels) or not texts:
            refuse(f"{split} has {len(texts)} texts and {len(labels)} labels")
        for i, (text, label) in enumerate(zip(texts, labels)):
            if not isinstance(text, str) or not isinstance(label, (str, int, np.integer)):
                refuse(f"{split}, row {i}: {text!r:.60} with the label {label!r:.60}; texts and"
                       " labels are strings")
            if label == "":
                refuse(f"{split}, row {i} has no label")
            if not is_text(text + str(label)):
                refuse(f"{split}, row {i}: {text!r:.60} with the label {label!r:.60} has half of a"
                       " surrogate pair, which no file can hold")
        return texts, [str(label) for label in labels]

    def kinds(found, N):
        found = np.array(found, object)
        if found.shape != (N,):
            refuse(f"kind has the shape {list(found.shape)}; it has to name the kind of each"
                   " training text")
        for i, kind in enumerate(found):
            if not is_text(kind) or not kind:
                refuse(f"kind, row {i} is {kind!r:.60} instead of a name")
        if len(set(found)) > KINDS:
            refuse(f"kind has {len(set(found))} different names; give at most {KINDS}")
        return found.astype(str)

    def whole(key, size):
        if not isinstance(size, (int, np.integer)) or not 1 <= size <= MOST:
            refuse(f"{key} is {size!r:.60} instead of a whole number from 1 to {MOST:,}")
        return int(size)

    def refuse(why):
        raise InputError(f"the reader of {name}: {why}")

    return read
