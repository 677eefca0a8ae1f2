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

from plumbing import made
from plumbing.files import InputError, make_folder, own_file, shortened, write_text
from plumbing.maps import STATISTICS


def read_run(path, rows=None):
    """The finished rounds of a run file (a list of dicts), and the offset of their end.

    A last line without a line break is left out: a process was killed while it wrote it. rows: the
    number of training texts, or None if it is unknown. InputError for a line that no run writes.
    """
    lines, end, seen = [], 0, set()
    for number, raw in enumerate(path.read_bytes().splitlines(keepends=True)
                                 if path.exists() else ()):
        if not raw.endswith(b"\n"):
            break
        try:
            line = json.loads(raw)
            wrong = wrong_in(line, number, rows)
        except (ValueError, RecursionError):
            wrong = "it is not JSON"
        if again := not wrong and seen.intersection(line["picked"]):
            wrong = f"it picks row {min(again)}, which was picked before"
        elif not wrong and line["batch"] is None and lines and lines[-1]["picked"]:
            wrong = "its batch is null, although rows were picked before"
        if wrong:
            raise unwritten(path, number, wrong)
        lines.append(line)
        seen.update(line["picked"])
        end += len(raw)
    return lines, end


def unwritten(path, number, wrong):
    """The InputError for the line of round `number`, in which something is wrong."""
    return InputError(f"{path}, line {number + 1}: {wrong}, but no run writes that; correct the"
                      " line, or remove it and all lines after it")


def columns(runs):
    """{name: [S, rounds]} of the measures in the lines of S runs; NaN where a line lacks one.

    The names are accuracy, f1, a fork's measures, and train and select, in seconds.
    """
    runs = [[{**line, **line["seconds"]} for line in lines] for lines in runs]
    names = dict.fromkeys(name for lines in runs for line in lines for name, value in line.items()
                          if type(value) is float)
    return {name: np.array([[line.get(name, np.nan) for line in lines] for lines in runs])
            for name in names}


def wrong_in(line, number, rows):
    """What is wrong in a parsed line of round `number`, as half a sentence; '' if nothing is."""
    def is_count(value, below=math.inf):
        return type(value) is int and 0 <= value < (below or math.inf)

    if not isinstance(line, dict):
        return "it is not a JSON object"
    batch, picked = line.get("batch"), line.get("picked")
    right = {
        "round": is_count(line.get("round")) and line["round"] == number,
        "labelled": is_count(line.get("labelled")), "accuracy": is_share(line.get("accuracy")),
        "f1": is_share(line.get("f1", 0)),
        "picked": isinstance(picked, list) and all(is_count(row, rows) for row in picked),
        "batch": batch is None or isinstance(batch, dict) and batch.keys() == {*STATISTICS}
                 and all(map(is_share, batch.values())),
        "seconds": isinstance(line.get("seconds"), dict)
                   and {"train", "select"} <= line["seconds"].keys()
                   and all(map(is_time, line["seconds"].values())),
        "recall": is_recall(line.get("recall", [])),
    }
    wrong = [name for name in right if not right[name]]
    if not wrong:
        return ""
    value = json.dumps(line[wrong[0]]) if wrong[0] in line else "missing"
    return f"its {wrong[0]} is {shortened(value, 60)}"


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
        self.algorithm, self.checked, self.batch = None, set(), None
        make_folder(self.folder)

    def made_with(self, identity, rows, algorithm=None):
        """Record the settings of the runs; an InputError if earlier runs here had others.

        identity: the settings, a dict that JSON can hold. rows: the number of training texts.
        algorithm: the class whose source is recorded, with that of each strategy (see `made`). The
        command line's folders have it in config.json.
        """
        self.rows, self.batch, before = rows, identity.get("batch"), self.kept_identity()
        if not (self.folder.parent / "config.json").exists():
            self.algorithm = algorithm
        if not before:
            write_text(self.folder / "made-with.json", json.dumps(identity) + "\n")
            return
        for name, value in identity.items():
            if before.get(name) != value:
                raise InputError(f"the runs in {self.folder} were made with {name}"
                                 f" {shortened(before.get(name))}, but this is {value}; choose"
                                 " another folder")

    def kept_identity(self):
        """What made-with.json holds, or {}."""
        with contextlib.suppress(OSError, ValueError):
            found = json.loads((self.folder / "made-with.json").read_text())
            return found if isinstance(found, dict) else {}
        return {}

    def check_source(self, strategy):
        """Record the source that makes a strategy's runs; an InputError if earlier runs here were
        made with another."""
        self.checked.add(strategy)
        identity, new = self.kept_identity(), made.sources(self.algorithm, [strategy])
        old = identity.get("sources") or {"core": new["core"], "strategies": {}}
        core, strategies = made.changed(old, new)
        if changed := [*core, *strategies]:
            raise InputError(f"the source of {shortened(', '.join(changed))} has changed since the"
                             f" runs in {self.folder} were made; choose another folder, or remove"
                             " the files of the runs that it changes, and made-with.json")
        if new["strategies"].items() - old["strategies"].items() or "sources" not in identity:
            identity["sources"] = {"core": new["core"],
                                   "strategies": {**old["strategies"], **new["strategies"]}}
            write_text(self.folder / "made-with.json", json.dumps(identity) + "\n")

    def path(self, run):
        return self.folder / f"{run.label}-{run.seed}.jsonl"

    def read(self, run):
        """The finished rounds of a run, as a list of dicts; a torn end is cut off."""
        if self.algorithm and (name := getattr(run, "strategy", run.label)) not in self.checked:
            self.check_source(name)
        if run not in self.lines:
            path = self.path(run)
            self.lines[run], end = read_run(path, self.rows)
            for number, line in enumerate(self.lines[run][:-1] if self.batch else ()):
                if (n := len(line["picked"])) != self.batch:
                    raise unwritten(path, number, f"it picks {n:,} rows instead of {self.batch:,}")
            if path.exists() and path.stat().st_size > end:
                with os.fdopen(own_file(path, os.O_RDWR), "r+b") as f:
                    f.truncate(end)
        return self.lines[run]

    def append(self, run, line):
        """Append a finished round to the run file, and force it to the disk."""
        self.read(run).append(line)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with os.fdopen(own_file(self.path(run), flags), "ab") as f:
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
