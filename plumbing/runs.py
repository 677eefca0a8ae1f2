"""Run files, and the results directory that holds them.

runs/<strategy>-<seed>.jsonl has one line a round, written when the round is done. The rows picked
so far are a run's whole state, so that file is the checkpoint: a process that is killed loses the
round under way and no more.
"""

import hashlib
import json
import os
import platform
import re
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from plumbing.files import InputError, make_folder, write_text


def read_run(path):
    """The finished rounds of a run file (a list of dicts), and where the last whole line ends.

    A torn or damaged line and all that follows it are left out.
    """
    lines, end = [], 0
    if path.exists():
        for raw in path.read_bytes().splitlines(keepends=True):
            try:
                line = json.loads(raw)
            except ValueError:
                break
            if not raw.endswith(b"\n") or line.get("round") != len(lines):
                break
            lines.append(line)
            end += len(raw)
    return lines, end


class Log:
    """The run files of a results directory. A run is anything with a label and a seed."""

    def __init__(self, folder):
        self.folder, self.lines = Path(folder) / "runs", {}
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, run):
        return self.folder / f"{run.label}-{run.seed}.jsonl"

    def read(self, run):
        """The finished rounds of a run, as a list of dicts; what is torn is cut off."""
        if run not in self.lines:
            path = self.path(run)
            self.lines[run], end = read_run(path)
            if path.exists() and path.stat().st_size > end:
                os.truncate(path, end)
        return self.lines[run]

    def append(self, run, line):
        """A finished round: to the file, and down to the disk."""
        self.read(run).append(line)
        with open(self.path(run), "ab") as f:
            f.write(json.dumps(line).encode() + b"\n")
            f.flush()
            os.fsync(f.fileno())

    def rounds_done(self, run):
        return len(self.read(run))

    def picked(self, run, rounds=None):
        """Every row the run has picked so far (or in its first rounds), in order."""
        return [row for line in self.read(run)[:rounds] for row in line["picked"]]

    def last_batch(self, run):
        """How many rows the run picked in its latest finished round (0 before the first)."""
        return len(self.read(run)[-1]["picked"]) if self.read(run) else 0

    def rounds(self, runs, last, width=None):
        """(round, runs that have it to do) until every run has done rounds 0 ... last.

        The least advanced come first, at most `width` of them: they have as many labels, so they
        can train side by side. The caller appends a line for each before it asks again.
        """
        while todo := [run for run in runs if self.rounds_done(run) <= last]:
            t = min(self.rounds_done(run) for run in todo)
            yield t, [run for run in todo if self.rounds_done(run) == t][:width]


# ---- the directory ------------------------------------------------------------------------------


def results_folder(args):
    """results/<dataset>-<protocol>-<vectors>; a file is named without its folder."""
    return Path(args.out) / f"{Path(args.dataset).name}-{args.protocol}-{short_name(args.vectors)}"


def short_name(source):
    """A file's or a URL's name without the endings of vector files."""
    return re.sub(r"(\.(vec|txt|bin|gz|zip))+$", "", Path(source.partition("?")[0]).name)


def config_of(plan):
    """config.json: every setting, the data's SHA-256, versions, device."""
    args, data = plan.args, plan.data
    x = np.ascontiguousarray(data.x)
    labels = dict.fromkeys(run.label for phase in plan.phases for run in phase)
    return {
        "settings": {
            "dataset": data.name, "data_sha256": data.sha256, "protocol": args.protocol,
            "vectors": args.vectors, "x_sha256": hashlib.sha256(x).hexdigest(), **asdict(plan.s),
            "device": args.device,
        },
        "seeds": plan.seeds, "strategies": list(labels), "classes": data.classes,
        "about": data.about,
        "versions": {"python": platform.python_version(), "numpy": np.__version__,
                     "torch": torch.__version__},
    }


def claim(folder, config, fresh=False):
    """Make a results directory and its config.json, or refuse one made with other settings.

    A directory may grow by strategies and by seeds. fresh: forget the runs already there.
    """
    path = folder / "config.json"
    make_folder(folder)
    if fresh:
        shutil.rmtree(folder / "runs", ignore_errors=True)
        path.unlink(missing_ok=True)
    old = read_config(path)
    if not old and list(folder.glob("runs/*.jsonl")):
        raise InputError(f"{folder} holds runs but no config.json to tell how they were made;"
                         " start over with --fresh, or name another --out")
    if old:
        refuse_other_settings(folder, old["settings"], config["settings"])
        for key in ("seeds", "strategies"):
            config[key] = list(dict.fromkeys(old[key] + config[key]))
    try:
        write_text(path, json.dumps(config, indent=1) + "\n")
    except OSError as e:
        raise InputError(f"cannot write to {folder}: {e.strerror}")


def read_config(path):
    """What config.json holds; None where there is none."""
    try:
        return json.loads(path.read_text()) if path.exists() else None
    except ValueError:
        raise InputError(f"{path} is damaged; start over with --fresh, or name another --out")


def refuse_other_settings(folder, old, new):
    """One sentence where a results directory was made with other settings."""
    for name in new:
        if old.get(name) != new[name]:
            raise InputError(
                f"{folder} was made with {name} {old.get(name)}, and this is {name} {new[name]};"
                " start over with --fresh, or name another --out"
            )
