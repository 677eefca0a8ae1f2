"""A fork's own datasets: what its reader gave, checked before data.load uses it."""

import functools

import numpy as np

from forks.blame import blamed
from plumbing.checks import finite
from plumbing.files import InputError

SIZES = {"seed_size": 100, "batch_size": 16, "max_len": 200}  # where the reader does not say
MORE = "picks", "kind", "x"


def checked(name, reader):
    """A reader as data.load calls it: reader(data_dir) with every value checked, InputErrors.

    A reader returns a dict: "train" and "test", each (texts, labels), two lists of strings as long
    as each other. It may also give x [N + T, D], a vector (or token numbers) for each training text
    and then each test text, in place of word vectors; and seed_size (100), batch_size (16, of a
    mini-batch), max_len (200, the tokens read of a text), picks (50 texts per round), kind [N]
    (what is known of each training text, for example mislabelled).
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
            more["kind"] = np.array(more["kind"], str)
            if more["kind"].shape != (len(splits["train"][0]),):
                refuse(f"kind has the shape {list(more['kind'].shape)}; it has to name the kind of"
                       " each training text")
        if "x" in more:
            try:
                more["x"] = finite(more["x"], "x")
            except ValueError as e:
                refuse(e)
            if len(more["x"]) != n:
                refuse(f"x has {len(more['x'])} rows, but there are {n} texts (those to test on"
                       " come last)")
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
        return texts, [str(label) for label in labels]

    def whole(key, size):
        if not isinstance(size, (int, np.integer)) or size < 1:
            refuse(f"{key} is {size!r} instead of a whole number from 1 on")
        return int(size)

    def refuse(why):
        raise InputError(f"the reader of {name}: {why}")

    return read
