"""view.memory: what a strategy keeps from round to round, beside the run file.

A file holds the memory of one run after one round. The round's line in the run file has the digest
of its values, so a memory that is missing or damaged is noticed.
"""

import hashlib
import io
import pickle
import re

import torch

from plumbing.files import InputError, shortened, whole_file
from plumbing.runs import read_run


def write(path, memory, whose):
    """Write a dict whole or not at all; returns the digest of its values."""
    out = io.BytesIO()
    try:
        memory = plain(memory, whose)
        torch.save(memory, out)
        found = digest(memory)
    except (RuntimeError, TypeError, UnicodeError) as e:  # a list in itself, a sparse tensor
        raise InputError(f"{whose}: view.memory holds something that cannot be kept:"
                         f" {type(e).__name__}: {shortened(e)}")
    with whole_file(path) as part:
        part.write_bytes(out.getvalue())  # a full disk is an OSError then, not torch's
    return found


def read(path, wanted, device):
    """The dict in a file; an InputError if it is not there or has another digest than `wanted`."""
    try:
        memory = torch.load(path, map_location=device, weights_only=True)
        if digest(memory) == wanted:
            return memory
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, TypeError, InputError,
            pickle.UnpicklingError):
        pass
    name = path.name.partition(".memory")[0]
    strategy = re.sub(r"(-t[\d.]+)?-\d+$", "", name)
    raise InputError(f"{path}, the memory of {name}, is missing or damaged, and its next round"
                     f" needs it; start over with --fresh {strategy}")


def check(folder, runs, rounds):
    """InputError if the next of so many rounds of a run in this folder lacks its memory."""
    for run in runs:
        name = f"{run.label}-{run.seed}"
        lines, _ = read_run(folder / f"{name}.jsonl")
        picked = [line for line in lines if line["picked"]]  # the last line of a finished run has
        if len(lines) <= rounds and picked and "memory" in picked[-1]:  # none, and may be removed
            read(folder / f"{name}.memory{len(picked) - 1}.pt", picked[-1]["memory"], "cpu")


def plain(value, whose):
    """A copy of what a memory may hold: tensors, numbers, strings, None, lists and dicts."""
    if torch.is_tensor(value):
        return value.detach().cpu().clone()  # a slice alone would be saved with all it is from
    if isinstance(value, dict):
        if odd := [key for key in value if not isinstance(key, (str, int))]:
            raise InputError(f"{whose}: view.memory keeps dicts whose keys are strings or whole"
                             f" numbers, but not {odd[0]!r:.60}")
        return {key: plain(part, whose) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part, whose) for part in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise InputError(f"{whose}: view.memory keeps tensors, numbers, strings, lists and dicts, but"
                     f" not {type(value).__name__}")


def digest(value):
    """Twelve hexadecimal digits of a plain value."""
    h = hashlib.sha256()

    def add(part):
        if torch.is_tensor(part):
            h.update(f"{part.dtype} {tuple(part.shape)}".encode())
            h.update(part.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        elif isinstance(part, dict):
            h.update(b"{")
            for key, inside in part.items():
                h.update(repr(key).encode())
                add(inside)
            h.update(b"}")
        elif isinstance(part, (list, tuple)):
            h.update(b"[")
            for inside in part:
                add(inside)
            h.update(b"]")
        else:
            h.update(repr(part).encode() + b";")

    add(value)
    return h.hexdigest()[:12]
