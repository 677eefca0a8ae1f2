"""What results were made with: digests of the source that fixes their numbers.

A function or class counts with what it refers to (follow.py). What every run needs is in `core`.
"""

import contextlib

import numpy as np

from plumbing.follow import of, of_named
from plumbing.source import ROOT, file_of, in_project, of_files

CORE = "cal.py", "datamap.py", "plumbing/draws.py", "plumbing/measures.py"
FAST = "fast/stack.py", "fast/side_by_side.py"


def sources(algorithm, strategies, measures=None):
    """What config.json records of an algorithm's class: {"core": {name: digest}, "strategies":
    {name: digest}}. strategies: the names of those that run. measures: {name: function} of a
    fork, whose digests are beside the strategies', under "measure NAME"."""
    classes = [c for owner in (algorithm, algorithm.Theta if isinstance(algorithm.Theta, type)
                               else object, algorithm.View)
               for c in owner.__mro__ if c is not object and in_project(c.__module__)
               and not vars(c).get("changes_no_number")]
    core = {name: of_files([ROOT / name]) for name in CORE}
    if any(file_of(c.__module__) == ROOT / FAST[1] for c in classes):
        core |= {name: of_files([ROOT / name]) for name in FAST}
    for c in classes:
        if (path := file_of(c.__module__)) not in [ROOT / name for name in (*CORE, *FAST)]:
            core[f"{path.stem}.{c.__qualname__}"] = of_named(c.__module__, c.__qualname__)
    network = getattr(algorithm.Theta, "network", None)
    if isinstance(network, type):
        core["network"] = of(network)
    functions = algorithm.strategies if isinstance(algorithm.strategies, dict) else {}
    digests = {name: known(functions[name]) for name in strategies if name in functions}
    digests |= {f"measure {name}": known(function) for name, function in (measures or {}).items()}
    return {"core": core, "strategies": digests}


became = {}  # {digest after a function's own runs: its digest before them}


def known(function):
    """A function's digest, as it was before its own runs in this process."""
    return became.get(found := of(function), found)


@contextlib.contextmanager
def running(functions):
    """Functions run within the block. What they change themselves, as a list that one of them
    appends to, is no change of theirs: the same call again goes on."""
    before = [known(function) for function in functions]
    try:
        yield
    finally:
        became.update((of(function), digest) for function, digest in zip(functions, before))


def changed(old, new):
    """(names of the core, names of strategies) whose digests differ between two `sources`."""
    core = [name for name in new["core"] if old["core"].get(name) != new["core"][name]]
    core += [name for name in old["core"] if name not in new["core"]]
    return core, [name for name, value in new["strategies"].items()
                  if old["strategies"].get(name, value) != value]


def projections(x):
    """Five numbers of x [N, D] that change with any row, but hardly with its last bits.

    Another processor's pool vectors differ from this one's in their last bits. Their SHA-256 does
    not say that they are the same otherwise; these numbers do (`close`).
    """
    random = np.random.default_rng(0)
    u, v = random.standard_normal((4, len(x))), random.standard_normal((x.shape[1], 4))
    length = float(np.linalg.norm(x))
    return [length, *(((u @ x) * v.T).sum(1) / (length or 1)).tolist()]


def close(a, b):
    """Whether two lists of `projections` are of the same x, apart from its last bits."""
    with contextlib.suppress(TypeError, ValueError):
        return len(a) == len(b) and bool(np.allclose(a, b, rtol=1e-4, atol=1e-4))
    return False
