"""What a fork's functions return, checked: a wrong row is one sentence and not a wrong number.

Whatever they write into the tensors that they are shown, a round goes on with its own values.
"""

import contextlib
import zlib

import numpy as np
import torch

from forks.blame import blamed, is_ours
from plumbing.files import InputError


def picked_by(strategy, view, k, written=None):
    """What a strategy picks for each run of a view, as lists of rows; a wrong one is refused.

    written: the function that `strategy` calls, if it only passes its arguments on.
    """
    written = written or strategy
    with untouched(view, written, who(view)), blamed(who(view), written):
        rows = strategy(view, k)
    return checked(view, rows, k)


@contextlib.contextmanager
def untouched(view, function, whose):
    """A view is afterwards what it was before a function saw it, except for its memory.

    All runs share x, which is too large for a copy of its own: an InputError if a function of a
    fork has changed it.
    """
    before = vars(view) | copies(view)
    watched = not is_ours(function)  # our strategies only read x, and are quicker without
    checksum = checksum_of(view.x) if watched else None
    yield
    vars(view).update(before)
    if watched and checksum_of(view.x) != checksum:
        raise InputError(f"{whose}: changed view.x in place, which every run shares; work on"
                         " view.x.clone()")
    memory = vars(view).get("memory")  # there is none when a table is labelled
    if memory is not None and [*map(type, memory)] != [dict] * len(view.seeds):
        raise InputError(f"{whose}: view.memory has to stay a list of {len(view.seeds)} dicts, one"
                         " per run")


def copies(view):
    """The tensors that a function may write into, L, U and the data map."""
    return {"L": view.L.clone(), "U": view.U.clone(),
            "map": view.map._make(field.clone() for field in view.map)}


def checksum_of(x):
    """The CRC-32 of a tensor's bytes: NumPy and x.data write without torch's counting it."""
    return zlib.crc32(np.ascontiguousarray(x.detach().cpu().numpy()))


def who(view, runs=None):
    """"strategy cal, round 3, seed 1": whom a sentence is about; without a round when labelling."""
    seeds, known = [view.seeds[r] for r in runs] if runs else view.seeds, vars(view)
    name = f"{view.label}, round {view.round}" if "label" in known else known.get("strategy")
    return f"strategy {name}, seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"


def check_scores(view, score, k=0):
    """InputError unless score is [R, N], numbers without NaN in U, and above -inf for k rows."""
    if not torch.is_tensor(score) or score.shape != view.U.shape:
        shape = list(score.shape) if torch.is_tensor(score) else type(score).__name__
        raise InputError(f"{who(view)}: view.pick needs a score [R, N] = {list(view.U.shape)}, but"
                         f" this is {shape}")
    if score.dtype == torch.bool or score.is_complex():
        raise InputError(f"{who(view)}: view.pick needs a score of numbers, but this is"
                         f" {str(score.dtype)[6:]}; score.float() makes such of True and False")
    wrong = score.isnan() & view.U
    if wrong.any():
        r, row = wrong.nonzero()[0].tolist()
        why = (" (a strategy with reads_map = False is not shown all of the data map)"
               if view.map.confidence.isnan().any() else "")
        raise InputError(f"{who(view, [r])}: the score of row {row} is NaN{why}")
    there, needed = (view.U & (score > -torch.inf)).sum(1), view.U.sum(1).clamp(max=k)
    if (short := there < needed).any():
        r = short.nonzero()[0].item()
        raise InputError(f"{who(view, [r])}: view.pick needs {needed[r]} rows of the pool with a"
                         f" score above -inf, but there are {there[r]}")


def checked(view, rows, k):
    """What a strategy returned, as lists of rows; an InputError unless it is [R, k] rows of U."""
    R, N = view.U.shape
    k = min(k, int(view.U[0].sum()))
    try:
        rows = dense(rows)
    except ValueError:
        raise InputError(f"{who(view)}: returned {type(rows).__name__}; a tensor of row numbers"
                         f" [R, k] = [{R}, {k}] is needed")
    if rows.is_floating_point() or rows.dtype == torch.bool or tuple(rows.shape) != (R, k):
        raise InputError(f"{who(view)}: returned {str(rows.dtype)[6:]} {list(rows.shape)}; row"
                         f" numbers [R, k] = [{R}, {k}] are needed")
    for r, (mine, labelled) in enumerate(zip(rows.tolist(), view.L.tolist())):
        for j, row in enumerate(mine):
            wrong = (f"is not one of 0 ... {N - 1}" if not 0 <= row < N else
                     "is in L already" if row in labelled else
                     "is not in the pool, view.U" if not view.U[r, row] else
                     "is there twice" if row in mine[:j] else "")
            if wrong:
                raise InputError(f"{who(view, [r])}: returned row {row}, which {wrong}")
    return rows.tolist()


def dense(values, dtype=None):
    """Values as a tensor on the CPU; a ValueError if they are none, or have no real numbers."""
    try:
        found = torch.as_tensor(values).detach().to_dense().cpu()
        if found.is_complex():
            raise ValueError("complex numbers")
        return found.to(dtype or found.dtype)
    except (TypeError, RuntimeError, OverflowError) as e:  # or sparse, or on the device `meta`
        raise ValueError(str(e))


def seed_rows(whose, rows, size, N):
    """What an algorithm's seed_set returned, as an array; an InputError unless it is a seed set."""
    needed = f"a seed set is {size} different rows (--seed-size) of the {N} training texts"
    try:
        found = dense(rows).numpy()
    except ValueError:
        raise InputError(f"{whose} returned {type(rows).__name__}; {needed}")
    if found.dtype.kind not in "iu" or found.shape != (size,):
        raise InputError(f"{whose} returned {found.dtype} {list(found.shape)}; {needed}")
    if (wrong := found[(found < 0) | (found >= N)]).size:
        raise InputError(f"{whose} returned row {wrong[0]}, which is not one of 0 ... {N - 1};"
                         f" {needed}")
    values, counts = np.unique(found, return_counts=True)
    if len(values) < size:
        raise InputError(f"{whose} returned row {values[counts.argmax()]} more than once; {needed}")
    return found


def numbers(name, values, R):
    """What a measure returned, as R finite numbers; an InputError for anything else."""
    try:
        values = dense(values, torch.float64)
    except ValueError:
        raise InputError(f"the measure {name} returned {type(values).__name__}; a tensor [{R}], a"
                         " number per run, is needed")
    if tuple(values.shape) != (R,):
        raise InputError(f"the measure {name} returned {list(values.shape)}; a tensor [{R}], a"
                         " number per run, is needed")
    if not values.isfinite().all():
        raise InputError(f"the measure {name} returned {values[~values.isfinite()][0].item()}")
    return values.tolist()
