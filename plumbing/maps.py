"""The data maps of a seed (runs/maps-SEED.npz), checked: somebody else may have made the file."""

import numpy as np

from plumbing.files import left_out, read_arrays

STATISTICS = ("confidence", "variability", "correctness")


def read_maps(path, N):
    """The arrays of a file of maps of N texts; {} if it is missing, or damaged (which is said).

    y [N], class numbers; rows [n], the seed set; full_STATISTIC [N] and seed_STATISTIC [n];
    full_gold, full_said [E, N] and seed_gold, seed_said [E', n] in bytes, if there are at most 256
    classes; kind [N] if known.
    """
    if not path.exists():
        return {}
    m = read_arrays(path)
    if is_sound(m, N):
        return m
    left_out(path)
    return {}


def is_sound(m, N):
    """Whether arrays are those of maps of N texts."""
    rows, y = m.get("rows"), m.get("y")
    if y is None or y.shape != (N,) or y.dtype.kind not in "iu":
        return False
    if rows is None or rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows) or not (
            (rows >= 0) & (rows < N)).all():
        return False
    sizes = {"full": N, "seed": len(rows)}
    shares = [(m.get(f"{name}_{statistic}"), n) for name, n in sizes.items()
              for statistic in STATISTICS]
    if not all(a is not None and a.shape == (n,) and a.dtype.kind == "f"
               and ((a >= 0) & (a <= 1 + 1e-6)).all() for a, n in shares):
        return False
    for name, n in sizes.items():
        gold, said = m.get(f"{name}_gold"), m.get(f"{name}_said")
        if gold is not None and not (said is not None and gold.shape == said.shape
                                     and gold.ndim == 2 and gold.shape[0] and gold.shape[1] == n
                                     and gold.dtype == said.dtype == np.uint8):
            return False
    return ("full_gold" in m) == ("seed_gold" in m) and (
        "kind" not in m or m["kind"].shape == (N,) and m["kind"].dtype.kind == "U")
