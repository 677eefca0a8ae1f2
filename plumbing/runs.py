"""Run files, which are the checkpoints.

runs/<strategy>-<seed>.jsonl has one line per round, written when the round is finished. The rows
that a run has picked are its whole state, so a process that is killed loses only its current round.
"""

import contextlib
import itertools
import json
import math
import os
from pathlib import Path

import numpy as np

from plumbing import made
from plumbing.files import InputError, make_folder, own_file, shortened, write_text
from plumbing.maps import STATISTICS

ALL_DATA = "full", "full-long"  # labels of training on all the data, which no strategy has picked


def read_run(path, rows=None, **known):
    """The finished rounds of a run file (a list of dicts), and the offset of their end.

    A last line without a line break is left out: a process was killed while it wrote it. rows: the
    number of training texts, or None if it is unknown. known: more of what `known_of` gives, and
    seed_set, the rows that the run began with. InputError for a line that no run writes.
    """
    raws = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    whole = list(itertools.takewhile(lambda raw: raw.endswith(b"\n"), raws))
    known |= {"rows": rows, "whole": is_whole(path)}
    lines, seen = [], set(map(int, known.get("seed_set", ())))
    for number, raw in enumerate(whole):
        try:
            line = json.loads(raw)
            wrong = wrong_in(line, number, known) or wrong_after(
                line, lines, seen, {**known, "last": number == len(whole) - 1})
        except (ValueError, RecursionError):
            wrong = "it is not JSON"
        if wrong:
            raise unwritten(path, number, wrong)
        lines.append(line)
        seen.update(line["picked"])
    return lines, sum(map(len, whole))


def known_of(config):
    """What a config.json says of every line of its run files, as `read_run` takes it."""
    return {"rows": config["about"]["train"], "classes": len(config["classes"]),
            **{name: config["settings"][name] for name in ("seed_size", "batch", "rounds")}}


def is_whole(path):
    """Whether a run file is of training on all the data."""
    return path.stem.rpartition("-")[0] in ALL_DATA


def read_runs(files, config, seed_set=lambda seed: ()):
    """{run file: its lines} of those files that a config.json names; InputError for a wrong one.

    seed_set: a function of a seed -> the rows that its runs begin with, () if they are unknown.
    """
    known, files = known_of(config), {path.stem: path for path in files}
    seeds = {f"{label}-{seed}": seed for label in [*config["strategies"], *ALL_DATA]
             for seed in config["seeds"]}
    runs = {files[name]: read_run(files[name], **known, seed_set=seed_set(seed))[0]
            for name, seed in seeds.items() if name in files}
    refuse_copies(runs, seeds)
    return runs


def refuse_copies(runs, seeds):
    """InputError if two strategies' runs are the same: no two take the same time."""
    found = {}
    for path, lines in runs.items():
        other = found.setdefault((seeds[path.stem], json.dumps(lines)), path)
        if len(lines) > 1 and other != path and not is_whole(path):
            raise InputError(f"{path} is the same as {other.name}, in its times too, so that one of"
                             " them is a copy; remove it, and the same command makes it again")


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


def wrong_in(line, number, known):
    """What is wrong in a parsed line of round `number`, as half a sentence; '' if nothing is."""
    def is_count(value, below=None):
        return type(value) is int and 0 <= value < (below or math.inf)

    if not isinstance(line, dict):
        return "it is not a JSON object"
    batch, picked, C = line.get("batch"), line.get("picked"), known.get("classes")
    right = {
        "round": is_count(line.get("round")) and line["round"] == number,
        "labelled": is_count(line.get("labelled")), "accuracy": is_share(line.get("accuracy")),
        "f1": is_share(line.get("f1", 0)),
        "picked": isinstance(picked, list) and all(is_count(row, known["rows"]) for row in picked),
        "batch": batch is None or isinstance(batch, dict) and batch.keys() == {*STATISTICS}
                 and all(map(is_share, batch.values())),
        "seconds": isinstance(line.get("seconds"), dict)
                   and {"train", "select"} <= line["seconds"].keys()
                   and all(map(is_time, line["seconds"].values())),
        "recall": "recall" not in line or is_recall(line["recall"], C),
    }
    right |= {name: is_more(name, value) for name, value in line.items() if name not in right}
    wrong = [name for name in right if not right[name]]
    if not wrong:
        return ""
    value = json.dumps(line[wrong[0]]) if wrong[0] in line else "missing"
    return f"its {wrong[0]} is {shortened(value, 60)}"


def wrong_after(line, before, seen, known):
    """What of a line does not go with those before it or with the settings; '' if nothing.

    seen: the rows that are labelled already, as far as they are known.
    """
    then = bool(before and before[-1]["picked"])
    if again := seen.intersection(line["picked"]):
        earlier = any(min(again) in x["picked"] for x in before)
        return f"it picks row {min(again)}, which " + ("was picked before" if earlier else
                                                       "is in the seed set")
    if then and line["batch"] is None:
        return "its batch is null, although rows were picked before"
    if not known.get("batch"):  # the settings are unknown
        return ""
    if line["batch"] and not then:
        return "its batch is not null, although no rows were picked before"
    if known["whole"] and before:
        return "it follows the only line of a training on all the data"
    labelled = known["rows"] if known["whole"] else known.get("seed_size") and (
        known["seed_size"] + sum(len(x["picked"]) for x in before))
    if labelled not in (None, line["labelled"]):
        return f"its labelled is {line['labelled']:,} instead of {labelled:,}"
    picks, due = len(line["picked"]), picks_due(len(before), known)
    return "" if picks in due else f"it picks {picks:,} rows instead of {due[0]:,}"


def picks_due(i, known):
    """How many rows round i may pick: a batch, or none in the last round.

    A run that was to end after fewer rounds picks nothing in the last of them (folder.reopen).
    """
    if known["whole"] or known["last"] and i == known.get("rounds"):
        return (0,)
    return (known["batch"], 0) if known["last"] else (known["batch"],)


def is_share(value):
    return type(value) in (int, float) and 0 <= value <= 1


def is_time(value):
    return type(value) in (int, float) and 0 <= value < math.inf


def is_recall(value, C=None):
    return isinstance(value, list) and all(v is None or is_share(v) for v in value) and (
        C in (None, len(value)))


def is_more(name, value):
    """Whether a line may hold a value beside ours: a fork's measure, or what a subclass notes."""
    with contextlib.suppress(ValueError):  # for NaN, at any depth
        json.dumps(value, allow_nan=False)
        return type(value) in (int, float, list, dict) or name == "memory" and type(value) is str
    return False


class Log:
    """The run files of a results directory. A run is anything with a label and a seed."""

    def __init__(self, folder):
        self.folder, self.lines, self.rows = Path(folder) / "runs", {}, None
        self.algorithm, self.checked, self.known = None, set(), {}
        make_folder(self.folder)

    def made_with(self, identity, rows, algorithm=None):
        """Record the settings of the runs; an InputError if earlier runs here had others.

        identity: the settings, a dict that JSON can hold. rows: the number of training texts.
        algorithm: the class whose source is recorded, with that of each strategy (see `made`). The
        command line's folders have it in config.json.
        """
        self.rows, before = rows, self.kept_identity()
        self.known = {name: identity.get(name) for name in ("batch", "seed_size")}
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
            self.lines[run], end = read_run(path, self.rows, **self.known)
            if path.exists() and path.stat().st_size > end:
                with os.fdopen(own_file(path, os.O_RDWR), "r+b") as f:
                    f.truncate(end)
        return self.lines[run]

    def append(self, run, line):
        """Append a finished round to the run file, and force it to the disk."""
        before = self.read(run)
        if before and not before[-1]["picked"] and before[-1]["labelled"] < (self.rows or 0):
            raise InputError(f"{self.path(run)} ended in round {before[-1]['round']}, where it"
                             " picked nothing; remove its last line, and the run goes on from"
                             " there")
        number, known = len(before), {"rows": self.rows, "classes": None}
        try:
            text = json.dumps(line)
            wrong = wrong_in(json.loads(text), number, known)
        except (TypeError, ValueError, RecursionError) as e:
            wrong = f"its line is no JSON: {shortened(e)}"
        if wrong:  # of an algorithm of a fork
            raise InputError(f"{run.label}, round {number}, seed {run.seed}: {wrong}, which a run"
                             " file cannot hold")
        before.append(line)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        with os.fdopen(own_file(self.path(run), flags), "ab") as f:
            f.write(text.encode() + b"\n")
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
