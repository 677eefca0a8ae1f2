"""The texts' numbers in the paper's Table 1, and how many of their words have a vector."""

import numpy as np


def lengths_of(texts):
    """The mean and the greatest number of words in texts."""
    words = [len(text.split()) for text in texts]
    return {"length_mean": round(float(np.mean(words)), 2), "length_max": max(words)}


def table_1(ids, ends, table, words):
    """The texts' numbers in Table 1, and the shares of types and tokens that have a vector."""
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
