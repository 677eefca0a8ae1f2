"""Run files, and the results directory that holds them.

runs/<strategy>-<seed>.jsonl has one line a round, written when the round is done. The rows picked
so far are a run's whole state, so that file is the checkpoint: a process that is killed loses the
round under way and no more.
"""

import contextlib
import gzip
import hashlib
import json
import math
import os
import platform
import re
import shutil
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from plumbing.files import (
    InputError,
    lock,
    make_folder,
    remove_parts,
    shortened,
    whole_file,
    write_text,
)


def read_run(path, rows=None):
    """The finished rounds of a run file (a list of dicts), and where the last whole line ends.

    A torn or damaged line and all that follows it are left out; rows: how many texts there are to
    pick from, where that is known.
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


def is_round(line, number, rows):
    """Whether a parsed line is what round `number` would have written."""
    def is_count(value, below=math.inf):
        return type(value) is int and 0 <= value < (below or math.inf)

    if not isinstance(line, dict) or line.get("round") != number:
        return False
    batch, seconds, picked = (line.get(name) for name in ("batch", "seconds", "picked"))
    return (is_count(line.get("labelled")) and is_share(line.get("accuracy"))
            and is_share(line.get("f1", 0))
            and isinstance(picked, list) and all(is_count(row, rows) for row in picked)
            and (batch is None or isinstance(batch, dict) and len(batch) == 3
                 and all(map(is_share, batch.values())))
            and isinstance(seconds, dict) and {"train", "select"} <= seconds.keys())


def is_share(value):
    return type(value) in (int, float) and 0 <= value <= 1


class Log:
    """The run files of a results directory. A run is anything with a label and a seed."""

    def __init__(self, folder):
        self.folder, self.lines, self.rows = Path(folder) / "runs", {}, None
        make_folder(self.folder)

    def made_with(self, identity, rows):
        """Say what the runs are made with; an InputError where those there were made with other.

        identity: a dict that JSON can hold. rows: how many texts there are to pick from.
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
                                 f" {shortened(before.get(name))}, and this is {value}; take"
                                 " another folder")

    def path(self, run):
        return self.folder / f"{run.label}-{run.seed}.jsonl"

    def read(self, run):
        """The finished rounds of a run, as a list of dicts; what is torn is cut off."""
        if run not in self.lines:
            path = self.path(run)
            self.lines[run], end = read_run(path, self.rows)
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
        can train side by side (in round 0, all: they share their models). A label's runs stand
        together. The caller appends a line for each before it asks again.
        """
        while todo := [run for run in runs if self.rounds_done(run) <= last]:
            t = min(self.rounds_done(run) for run in todo)
            stack = [run for run in todo if self.rounds_done(run) == t][: width if t else None]
            yield t, sorted(stack, key=lambda run: run.label)


def as_bytes(name, probs, y):
    """Training dynamics to look at: arrays NAME_gold (p of the label, of 255) and NAME_said.

    probs [E, n, C] at the end of each epoch, y [n]; both arrays are [E, n] uint8. Nothing where
    there are more classes than a byte can tell.
    """
    if probs.shape[-1] > 256:
        return {}
    gold = probs.gather(-1, y.expand(probs.shape[:-1])[..., None])[..., 0]
    return {f"{name}_gold": (gold * 255).round().cpu().numpy().astype(np.uint8),
            f"{name}_said": probs.argmax(-1).cpu().numpy().astype(np.uint8)}


# ---- the directory ------------------------------------------------------------------------------


def results_folder(args):
    """results/<dataset>-<protocol>-<vectors>, and -noise0.1; a file is named without its folder."""
    name = f"{Path(args.dataset).name}-{args.protocol}-{short_name(args.vectors)}"
    return Path(args.out) / (name + (f"-noise{args.noise:g}" if args.noise else ""))


def short_name(source):
    """A file's or a URL's name without the endings of vector files."""
    return re.sub(r"(\.(vec|txt|bin|npy|gz|zip))+$", "", Path(source.partition("?")[0]).name)


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


@contextlib.contextmanager
def locked(folder):
    """A results directory for this process and its workers alone, as long as it lives.

    The lock is the operating system's: a process that is killed holds it no longer.
    """
    make_folder(folder)
    try:
        file = open(folder / ".lock", "a+b")  # noqa: SIM115 (held until the end)
    except OSError as e:
        raise InputError(f"cannot write to {folder}: {e.strerror}")
    with file:
        if not lock(file):
            file.seek(0)
            raise InputError(f"{folder} is in use by process {file.read(20).decode() or '?'}; wait"
                             " for it, or name another --out")
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        remove_leftovers(folder)
        yield


def remove_leftovers(folder):
    """What a killed process has left: parts of files, states of rounds long done."""
    for place in (folder, folder / "runs"):
        remove_parts(place)
    for path in folder.glob("runs/*.round*.pt"):
        run, _, t = path.stem.rpartition(".round")
        done = len(read_run(path.with_name(f"{run}.jsonl"))[0])
        if t.isdigit() and int(t) < done - 1:
            path.unlink()


def claim(folder, config, fresh=False):
    """Write a results directory's config.json, or refuse one made with other settings.

    A directory may grow by strategies, by seeds and by rounds. fresh: forget the runs there.
    """
    path = folder / "config.json"
    if fresh:
        shutil.rmtree(folder / "runs", ignore_errors=True)
        path.unlink(missing_ok=True)
    old = read_config(path) if path.exists() else None
    if not old and list(folder.glob("runs/*.jsonl")):
        raise InputError(f"{folder} holds runs but no config.json to tell how they were made;"
                         " start over with --fresh, or name another --out")
    if old:
        refuse_other_settings(folder, old["settings"], config["settings"])
        for key in ("seeds", "strategies"):
            config[key] = list(dict.fromkeys(old[key] + config[key]))
        if config["settings"]["rounds"] > old["settings"]["rounds"]:
            reopen(folder)
    try:
        write_text(path, json.dumps(config, indent=1) + "\n")
    except OSError as e:
        raise InputError(f"cannot write to {folder}: {e.strerror}")


def keep_texts(folder, data):
    """The texts that the runs are about, for the page that shows them (page/explore.py)."""
    path = folder / "runs" / "texts.json.gz"
    if data.texts and not path.exists():
        make_folder(path.parent)
        numbers = range(len(data.texts)) if data.row_numbers is None else data.row_numbers.tolist()
        kept = {"texts": data.texts, "y": data.y.tolist(), "numbers": list(numbers)}
        with whole_file(path) as part:
            part.write_bytes(gzip.compress(json.dumps(kept).encode(), mtime=0))


def read_texts(folder):
    """What keep_texts has left; nothing where it is missing or damaged."""
    with contextlib.suppress(OSError, EOFError, ValueError, zlib.error):
        return json.loads(gzip.decompress((folder / "runs" / "texts.json.gz").read_bytes()))
    return {}


def read_config(path):
    """What config.json holds; an InputError where that is not what a run wrote."""
    kinds = {"seeds": list, "strategies": list, "classes": list, "about": dict, "settings": dict}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        settings = config["settings"]
        whole = all(isinstance(config[key], kind) for key, kind in kinds.items())
        numbers = [settings[key] for key in ("rounds", "batch", "seed_size")]
        if whole and {"dataset", "protocol", "vectors"} <= settings.keys() and all(
                type(n) is int for n in numbers):
            return config
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        pass
    raise InputError(f"{path} is damaged; start over with --fresh, or name another --out")


def refuse_other_settings(folder, old, new):
    """One sentence where a results directory was made with other settings."""
    for name in new:
        if old.get(name) != new[name] and not (name == "rounds" and old[name] < new[name]):
            raise InputError(
                f"{folder} was made with {name} {shortened(old.get(name))}, and this is {name}"
                f" {new[name]}; start over with --fresh, or name another --out"
            )


def reopen(folder):
    """Let finished runs go on: their last round, which picked nothing, is to be done again."""
    for path in folder.glob("runs/*.jsonl"):
        lines, _ = read_run(path)
        if path.name.startswith("full-long"):  # as many epochs as there are rounds
            path.unlink()
        elif len(lines) > 1 and not lines[-1]["picked"]:
            raw = path.read_bytes().splitlines(keepends=True)
            os.truncate(path, sum(map(len, raw[: len(lines) - 1])))
