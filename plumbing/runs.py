"""Run files, which are the checkpoints.

runs/<strategy>-<seed>.jsonl has one line per round, written when the round is finished. The rows
that a run has picked are its whole state, so a process that is killed loses only its current round.
"""

import contextlib
import json
import math
import os
from pathlib import Path

import numpy as np

from plumbing.files import InputError, make_folder, shortened, write_text

STATISTICS = {"confidence", "variability", "correctness"}


def read_run(path, rows=None):
    """The finished rounds of a run file (a list of dicts), and the offset of their end.

    A torn or damaged line is left out, with everything after it. rows: the number of training
    texts, or None if it is unknown.
    """
    lines, end, seen = [], 0, set()
    for raw in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        try:
            line = json.loads(raw)
            whole = raw.endswith(b"\n") and is_round(line, len(lines), rows)
        except (ValueError, RecursionError):
            break
        if not whole or not seen.isdisjoint(line["picked"]):
            break
        lines.append(line)
        seen.update(line["picked"])
        end += len(raw)
    return lines, end


def columns(runs):
    """{name: [S, rounds]} of the measures in the lines of S runs; NaN where a line lacks one.

    The names are accuracy, f1, a fork's measures, and train and select, in seconds.
    """
    runs = [[{**line, **line["seconds"]} for line in lines] for lines in runs]
    names = dict.fromkeys(name for lines in runs for line in lines for name, value in line.items()
                          if type(value) is float)
    return {name: np.array([[line.get(name, np.nan) for line in lines] for lines in runs])
            for name in names}


def is_round(line, number, rows):
    """Whether a parsed line is one that round `number` can have written."""
    def is_count(value, below=math.inf):
        return type(value) is int and 0 <= value < (below or math.inf)

    if not isinstance(line, dict) or line.get("round") != number:
        return False
    batch, seconds, picked = (line.get(name) for name in ("batch", "seconds", "picked"))
    return (is_count(line.get("labelled")) and is_share(line.get("accuracy"))
            and is_share(line.get("f1", 0))
            and isinstance(picked, list) and all(is_count(row, rows) for row in picked)
            and (batch is None or isinstance(batch, dict) and batch.keys() == STATISTICS
                 and all(map(is_share, batch.values())))
            and isinstance(seconds, dict) and {"train", "select"} <= seconds.keys()
            and all(map(is_time, seconds.values())) and is_recall(line.get("recall", [])))


def is_share(value):
    return type(value) in (int, float) and 0 <= value <= 1


def is_time(value):
    return type(value) in (int, float) and 0 <= value < math.inf


def is_recall(value):
    return isinstance(value, list) and all(v is None or is_share(v) for v in value)


class Log:
    """The run files of a results directory. A run is anything with a label and a seed."""

    def __init__(self, folder):
        self.folder, self.lines, self.rows = Path(folder) / "runs", {}, None
        make_folder(self.folder)

    def made_with(self, identity, rows):
        """Record the settings of the runs; an InputError if earlier runs here had others.

        identity: the settings, a dict that JSON can hold. rows: the number of training texts.
        """
        self.rows, path, before = rows, self.folder / "made-with.json", None
        with contextlib.suppress(OSError, ValueError):
            before = json.loads(path.read_text())
        if not isinstance(before, dict):
            write_text(path, json.dumps(identity) + "\n")
            return
        for name, value in identity.items():
            if before.get(name) != value:
                raise InputError(f"the runs in {self.folder} were made with {name}"
                                 f" {shortened(before.get(name))}, but this is {value}; choose"
                                 " another folder")

    def path(self, run):
        return self.folder / f"{run.label}-{run.seed}.jsonl"

    def read(self, run):
        """The finished rounds of a run, as a list of dicts; a torn end is cut off."""
        if run not in self.lines:
            path = self.path(run)
            self.lines[run], end = read_run(path, self.rows)
            if path.exists() and path.stat().st_size > end:
                os.truncate(path, end)
        return self.lines[run]

    def append(self, run, line):
        """Append a finished round to the run file, and force it to the disk."""
        self.read(run).append(line)
        with open(self.path(run), "ab") as f:
            f.write(json.dumps(line).encode() + b"\n")
            f.flush()
            os.fsync(f.fileno())

    def rounds_done(self, run):
        return len(self.read(run))

    def picked(self, run, rounds=None):
        """Every row that the run has picked so far (or in its first rounds), in order."""
        return [row for line in self.read(run)[:rounds] for row in line["picked"]]

    def last_batch(self, run):
        """How many rows the run picked in its latest finished round, 0 before the first."""
        return len(self.read(run)[-1]["picked"]) if self.read(run) else 0
