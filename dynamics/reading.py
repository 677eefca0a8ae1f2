"""Training dynamics from files: allenai/cartography's, one per epoch, or a .npz file of our own.

    dynamics_epoch_0.jsonl      {"guid": 7, "logits_epoch_0": [1.5, -0.2, 0.1], "gold": 2}
    anything.npz                probs [E, N, C], y [N], and guid [N] if texts have other names
                                than 0 ... N - 1

Every text is in every epoch, once. An InputError names the file and the line of what does not fit.
"""

import json
import re
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from plumbing.checks import whole
from plumbing.files import InputError, read_arrays, shortened

FILE = re.compile(r"dynamics_epoch_(0|[1-9]\d*)\.jsonl")
LINES, NUMBERS = 8192, {int, float}  # lines that become one array; what a logit is


@dataclass
class Dynamics:
    """What a model said of N texts at the end of each of E epochs."""

    guids: list  # [N], int or str
    gold: np.ndarray  # [N], the number of the text's label
    C: int  # classes
    p_gold: np.ndarray  # [E, N], the probability of the label
    said: np.ndarray  # [E, N], the likeliest class
    path: Path  # where guids were read first
    lines: list = field(default_factory=list)  # [N] there; [] for a .npz file

    def where(self, i):
        """Where text i stands, for a message."""
        return f"{self.path}, " + (f"line {self.lines[i]}" if self.lines else f"row {i}")


def read(path, progress=list):
    """The Dynamics of a folder or a .npz file. progress: wraps the list of files, for a bar."""
    path = Path(path)
    return read_folder(path, progress) if path.is_dir() else read_npz(path)


# ---- a folder of one file per epoch -------------------------------------------------------------


def read_folder(folder, progress=list):
    """The Dynamics of a folder's dynamics_epoch_N.jsonl, or of those in its training_dynamics/."""
    d, places = None, {}
    for epoch, path in enumerate(progress(epoch_files(folder))):
        if epoch == 0:
            d = read_first(path, places)
        else:
            read_next(path, epoch, places, d)
    d.p_gold, d.said = np.stack(d.p_gold), np.stack(d.said)
    return d


def epoch_files(folder):
    """The files of a folder, epoch by epoch; an InputError if there is none, or one is missing."""
    for place in (folder, folder / "training_dynamics"):
        found = {int(m[1]): path for path in (place.iterdir() if place.is_dir() else ())
                 if (m := FILE.fullmatch(path.name))}
        if found:
            break
    else:
        raise InputError(f"{folder} has no dynamics_epoch_0.jsonl, and no folder training_dynamics"
                         " with one; give the folder of these files, or a .npz file")
    for epoch in range(max(found)):
        if epoch not in found:
            raise InputError(f"{place / f'dynamics_epoch_{epoch}.jsonl'} is missing, but there is"
                             f" a {found[max(found)].name}; add it, or number the files from 0 on")
    return [found[epoch] for epoch in range(len(found))]


def read_first(path, places):
    """The Dynamics of the first epoch; places {guid as text: place} is filled in."""
    d = Dynamics([], [], 0, [], [], path)
    pieces = []
    for numbers, guids, logits, gold in read_epoch(path, 0):
        for n, guid in zip(numbers, guids):
            if (at := places.setdefault(key(guid), len(d.guids))) != len(d.guids):
                raise InputError(f"{path}, line {n}: the guid {shown(guid)} is in line"
                                 f" {d.lines[at]}, too; each text is in a file once")
            d.guids.append(guid)
            d.lines.append(n)
        d.C = d.C or len(logits[0])
        pieces.append((*judged(path, numbers, logits, gold, d), gold))
    if not pieces:
        raise InputError(f"{path} is empty; it needs one line per text")
    p_gold, said, gold = (np.concatenate(column) for column in zip(*pieces))
    d.gold, d.p_gold, d.said = gold, [p_gold], [said]
    return d


def read_next(path, epoch, places, d):
    """Add an epoch, whose lines may be in another order, to the Dynamics."""
    N, labels = len(d.guids), d.gold.tolist()
    taken = [0] * N  # the line of each text, as far as it was read
    p_gold, said = np.empty(N), np.empty(N, np.int64)
    for numbers, guids, logits, gold in read_epoch(path, epoch):
        at = [places.get(key(guid), -1) for guid in guids]
        for n, guid, i, label in zip(numbers, guids, at, gold.tolist()):
            if i < 0:
                raise InputError(f"{path}, line {n}: the guid {shown(guid)} is not in {d.path};"
                                 " every text is needed in every epoch")
            if taken[i]:
                raise InputError(f"{path}, line {n}: the guid {shown(guid)} is in line {taken[i]},"
                                 " too; each text is in a file once")
            if label != labels[i]:
                raise InputError(f"{path}, line {n}: gold is {label}, but {labels[i]} in"
                                 f" {d.where(i)}; a text has one label")
            taken[i] = n
        p_gold[at], said[at] = judged(path, numbers, logits, gold, d)
    if 0 in taken:
        i = taken.index(0)
        raise InputError(f"{d.where(i)}: the guid {shown(d.guids[i])} is not in {path}; every text"
                         " is needed in every epoch")
    d.p_gold.append(p_gold)
    d.said.append(said)


def read_epoch(path, epoch):
    """A file's lines, some thousands at a time: line numbers, guids, logits (lists), gold [n]."""
    try:
        with open(path, encoding="utf-8-sig") as f:
            parsed = parsed_lines(path, f, epoch)
            while some := list(islice(parsed, LINES)):
                numbers, guids, logits, gold = zip(*some)
                yield numbers, guids, logits, np.array(gold)
    except UnicodeError as e:
        raise InputError(f"{path} is not UTF-8 ({shortened(e)}); is it a text file?")
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}")


def parsed_lines(path, lines, epoch):
    """(line number, guid, logits, gold) of every line that is not blank."""
    name = f"logits_epoch_{epoch}"
    for n, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
            guid, logits, gold = found["guid"], found[name], found["gold"]
        except (ValueError, RecursionError):
            raise InputError(f"{path}, line {n}: this is not JSON, {shortened(line, 60)!r}")
        except (TypeError, KeyError, IndexError) as e:
            lacks = f"it has no {e}" if isinstance(e, KeyError) else "this is no JSON object"
            raise InputError(f"{path}, line {n}: {lacks}; a line is like"
                             f' {{"guid": 7, "{name}": [1.5, -0.2], "gold": 0}}')
        if type(guid) is float and guid.is_integer():  # as pandas writes a column with a gap
            guid = int(guid)
        if type(guid) not in (int, str) or not isinstance(logits, list):
            raise InputError(f"{path}, line {n}: " + (
                f"the guid {shown(guid)} is no whole number or text"
                if type(guid) not in (int, str) else f"its {name} is no list"))
        if type(gold) is not int or not 0 <= gold < len(logits):
            raise InputError(f"{path}, line {n}: gold is {shortened(gold, 60)}; it has to be the"
                             f" number of a class, and {len(logits)} logits are of classes 0 to"
                             f" {len(logits) - 1}")
        yield n, guid, logits, gold


def judged(path, numbers, logits, gold, d):
    """(the label's probability, the likeliest class) of some lines, each [n]."""
    for n, values in zip(numbers, logits):
        if len(values) != d.C or d.C < 2:
            raise InputError(f"{path}, line {n}: {len(values)} logits, but " + (
                f"{d.C} in {d.where(0)}" if d.C > 1 else "a classifier has at least two classes"))
        if not NUMBERS.issuperset(map(type, values)):
            raise InputError(f"{path}, line {n}: the logits {shortened(values, 60)} are not all"
                             " numbers (pandas writes null for NaN)")
    try:
        z = np.array(logits, np.float64)  # [n, C]
        wrong = ~np.isfinite(z).all(1)
    except OverflowError:  # a whole number of 400 digits
        wrong = np.array([any(abs(v) > 1e300 for v in values) for values in logits])
    if wrong.any():
        i = int(wrong.argmax())
        raise InputError(f"{path}, line {numbers[i]}: the logits {shortened(logits[i], 60)} are not"
                         " all finite; has the training diverged?")
    e = np.exp(z - z.max(1, keepdims=True))
    return e[np.arange(len(z)), gold] / e.sum(1), z.argmax(1)


def key(guid):
    """A guid as a table holds it."""
    return str(guid).strip()


def shown(guid):
    """A guid in a message."""
    return shortened(repr(guid), 60)


# ---- a .npz file --------------------------------------------------------------------------------


def read_npz(path):
    """The Dynamics of a .npz file with probs [E, N, C], y [N], and perhaps guid [N]."""
    if not path.exists():
        raise InputError(f"there is no {path}; give a folder with dynamics_epoch_0.jsonl, or a .npz"
                         " file")
    arrays = read_arrays(path) if path.suffix.lower() == ".npz" else {}
    if not {"probs", "y"} <= arrays.keys():
        raise InputError(f"{path} is no .npz file with the arrays probs [E, N, C] and y [N]"
                         + (f"; it has {shortened(', '.join(arrays))}" if arrays else ""))
    probs = arrays["probs"]
    if probs.ndim != 3 or probs.dtype.kind != "f" or 0 in probs.shape or probs.shape[2] < 2:
        raise InputError(f"{path}: probs is {probs.dtype} {list(probs.shape)}; it has to be float"
                         " [E, N, C], with at least two classes")
    E, N, C = probs.shape
    try:
        gold = whole(arrays["y"], "y")
    except (ValueError, TypeError) as e:
        raise InputError(f"{path}: {shortened(e)}; it has to be class numbers [{N}]")
    if gold.shape != (N,) or (gold >= C).any():
        raise InputError(f"{path}: y has {len(gold)} values up to {gold.max(initial=0)}, but probs"
                         f" has {N} texts and classes 0 to {C - 1}")
    for e, p in enumerate(probs):
        right = np.isfinite(p).all(1) & (p >= 0).all(1)
        right &= np.abs(p.sum(1, dtype=np.float64) - 1) < 0.01
        if not right.all():
            i = int(right.argmin())
            raise InputError(f"{path}: probs[{e}, {i}] is {shortened(p[i].tolist(), 60)}, which are"
                             " no probabilities; they are at least 0, and their sum is 1")
    p_gold = np.take_along_axis(probs, gold[None, :, None], 2)[..., 0].astype(np.float64)
    return Dynamics(guids_of(path, arrays, N), gold, C, p_gold, probs.argmax(2), path)


def guids_of(path, arrays, N):
    """The guids of a .npz file, each of them once."""
    guids = arrays.get("guid", np.arange(N))
    if guids.shape != (N,) or guids.dtype.kind not in "iuU":
        raise InputError(f"{path}: guid is {guids.dtype} {list(guids.shape)}; it has to be [{N}]"
                         " whole numbers or texts")
    values, first = np.unique(guids, return_index=True)
    if len(values) < N:
        i = int(np.setdiff1d(np.arange(N), first)[0])
        raise InputError(f"{path}: the guid {shown(guids[i].item())} is there more than once, the"
                         f" second time in row {i}")
    return guids.tolist()
