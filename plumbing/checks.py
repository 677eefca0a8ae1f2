"""Checks that labels and networks are what a model needs; one sentence if they are not."""

import contextlib
import warnings

import numpy as np
import torch
from torch.nn.modules.dropout import _DropoutNd

from plumbing.files import InputError, note, shortened

ComplexWarning = getattr(np, "exceptions", np).ComplexWarning  # where NumPy before 1.25 has it
FEW = 1_000  # a class number up to this is not too high for any data


def check_labels(y, C):
    """Raise ValueError unless all labels y are class numbers 0 ... C - 1."""
    low, high = (y.min().item(), y.max().item()) if y.numel() else (0, 0)
    if not 0 <= low <= high < C:
        raise ValueError(f"labels must be class numbers from 0 to {C - 1}, but these go from"
                         f" {low} to {high}")


def check_probs(p):
    """The probabilities p, if they are numbers; an InputError if a training has diverged."""
    if not p.isfinite().all():
        raise InputError("a classifier's probabilities are NaN: its training diverged (a network of"
                         " your own may need a smaller learning rate)")
    return p


def check_network(network):
    """The network, if it has what datamap.Models needs; otherwise an InputError."""
    for name in ("psi", "out"):
        if not callable(getattr(network, name, None)):
            raise InputError(f"the network {type(network).__name__} has no `{name}`; give it"
                             " psi(x) -> [n, width] and out(psi) -> logits [n, C]")
    return network


def dropouts_of(network):
    """A network's dropout modules; an InputError if it has none."""
    found = [m for m in network.modules() if isinstance(m, _DropoutNd) and m.p]
    if not found:
        raise InputError(f"BALD needs dropout, and the network {type(network).__name__} has no"
                         " torch.nn.Dropout with p > 0; add one, or leave bald out of the"
                         " strategies")
    return found


def check_classes(whose, y, y_test, classes):
    """InputError unless the labels y are of two classes; a note on a class that only y_test has."""
    if len(known := set(y)) < 2:
        raise InputError(f"{whose} has one class in its training data; give at least two")
    if unseen := [shortened(classes[c], 40) for c in sorted(set(y_test) - known)]:
        note(f"warning: {whose} has test texts of classes without a training text:"
             f" {shortened(', '.join(unseen))}; models cannot predict them")


def fitting(x, y, x_test, y_test):
    """x [N, D], y [N], x_test [T, D] and y_test [T] as arrays; a ValueError says what is wrong."""
    x, x_test = finite(x, "x"), finite(x_test, "x_test")
    most = max(FEW, len(x) + len(x_test))
    y, y_test = whole(y, "y", most), whole(y_test, "y_test", most)
    for a, b, name, other in ((x, y, "x", "y"), (x_test, y_test, "x_test", "y_test")):
        if len(a) != len(b):
            raise ValueError(f"{name} {a.shape} and {other} {b.shape} do not fit each other: row"
                             f" {min(len(a), len(b))} is in one alone")
    if x.shape[1] != x_test.shape[1]:
        raise ValueError(f"x {x.shape} and x_test {x_test.shape} do not fit each other: a row needs"
                         " the same width in both")
    return x, y, x_test, y_test


def array(values, name, kind=None):
    """Values as an array, a tensor of any device and layout too; a ValueError says why not."""
    try:
        with np.errstate(over="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error", ComplexWarning)  # it would drop the imaginary part
            if torch.is_tensor(values):
                values = values.detach().to_dense().cpu()
                values = (values.float() if values.dtype == torch.bfloat16 else values).numpy()
            return np.asarray(values, kind)
    except (TypeError, ValueError, RuntimeError, OverflowError, ComplexWarning):
        raise ValueError(f"{name}, row {first_odd(values)}: not a row of numbers as long as row 0")


def finite(x, name):
    """x [N, D] as float32; a ValueError names the first row with a value that is not finite."""
    x = array(x, name, np.float32)
    if x.ndim != 2 or not x.size:
        raise ValueError(f"{name} has {x.ndim} dimensions instead of 2" if x.ndim != 2 else
                         f"{name} is empty: {x.shape}")
    if not (right := np.isfinite(x).all(1)).all():
        raise ValueError(f"{name}, row {right.argmin()}: a value is not finite as float32")
    return x


def first_odd(rows):
    """The first of some rows that is not a list of real numbers as long as the first one."""
    with contextlib.suppress(Exception):  # whatever rows are, row 0 is named if nothing else can be
        for i, row in enumerate(rows):
            try:
                row = np.asarray(row)
                if row.dtype.kind == "c" or len(row.astype(np.float32)) != len(rows[0]):
                    return i
            except (TypeError, ValueError, RuntimeError):
                return i
    return 0


def whole(y, name, most=2**63):
    """y [N] as int64; a ValueError names the first row whose value is not 0, 1, ... below most."""
    y = array(y, name)
    if y.ndim != 1 or not len(y):
        raise ValueError(f"{name} has {y.ndim} dimensions instead of 1" if y.ndim != 1 else
                         f"{name} is empty")
    right = (y >= 0) & (y == np.floor(y)) & (y < 2**63) if y.dtype.kind in "biuf" else (
        np.zeros(len(y), bool))
    if not right.all():
        raise ValueError(f"{name}, row {right.argmin()}: {y[right.argmin()]} is no class number"
                         " (0, 1, 2, ...)")
    y = y.astype(np.int64)
    if y.max() >= most:
        raise ValueError(f"{name}, row {y.argmax()}: {y.max():,} is too high for a class number;"
                         " number the classes 0, 1, 2, ... without gaps")
    return y
