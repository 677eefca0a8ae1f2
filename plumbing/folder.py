"""A results directory: one process locks it, and all its runs have the same settings."""

import contextlib
import glob
import gzip
import json
import os
import re
import shutil
import zlib
from pathlib import Path

from plumbing.config import read_config
from plumbing.files import (
    LARGEST,
    InputError,
    counted,
    left_out,
    lock,
    make_folder,
    note,
    own_file,
    refuse_odd,
    remove_parts,
    shortened,
    whole_file,
    write_text,
)
from plumbing.made import changed, close
from plumbing.maps import read_maps
from plumbing.runs import read_run, read_runs


def results_name(dataset, protocol, vectors, noise=0, model="fast"):
    """<dataset>-<protocol>-<vectors>, then -noise0.1 and -MODEL; without the folder of a file."""
    name = f"{Path(dataset).name}-{protocol}-{short_name(vectors)}"
    return name + (f"-noise{noise:g}" if noise else "") + (f"-{model}" if model != "fast" else "")


def short_name(source):
    """The name of a file or URL, without the endings of vector files."""
    return re.sub(r"(\.(vec|txt|bin|npy|gz|zip))+$", "", Path(source.partition("?")[0]).name,
                  flags=re.IGNORECASE)


@contextlib.contextmanager
def locked(folder):
    """Keep a results directory for this process and its workers, as long as it lives.

    The operating system holds the lock, and releases it if the process is killed.
    """
    make_folder(folder)
    refuse_odd(folder)
    try:
        file = os.fdopen(own_file(folder / ".lock", os.O_RDWR | os.O_CREAT), "r+b")
    except OSError as e:
        raise InputError(f"cannot write to {folder / '.lock'}: {e.strerror}; remove it, or choose"
                         " another --out")
    with file:
        if (got := lock(file)) is None:
            note(f"warning: the file system of {folder} has no locks; run one command at a time in"
                 " this folder")
        elif not got:
            raise InputError(f"{folder} is in use by process {file.read(20).decode() or '?'}; wait"
                             " for it, or choose another --out")
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        remove_leftovers(folder)
        yield


def remove_leftovers(folder):
    """Remove what a killed process has left: parts of files, and states of finished rounds."""
    for place in (folder, folder / "runs"):
        remove_parts(place)
    for path in folder.glob("runs/*.round*.pt"):
        run, _, t = path.stem.rpartition(".round")
        with contextlib.suppress(InputError):  # a damaged run file is for its reader to say
            done = len(read_run(path.with_name(f"{run}.jsonl"))[0])
            if t.isdigit() and int(t) < done - 1:
                path.unlink()


def claim(folder, config, fresh=None, seed_set=lambda seed: ()):
    """Write a results directory's config.json, or refuse a directory that has other settings.

    Strategies, seeds and rounds may be added to a directory. fresh: first delete its runs: [] all
    of them, a list of names those of these strategies; None deletes nothing. seed_set: a function
    of a seed -> the rows that its runs begin with. Nothing is deleted or shortened before every
    file that is to stay has been read.
    """
    path, runs, grown = folder / "config.json", {}, False
    mine = {f"{label}-{seed}" for label in config["strategies"] for seed in config["seeds"]}
    if fresh == []:
        empty(folder / "runs")
        path.unlink(missing_ok=True)
    old = read_config(path) if path.exists() else None
    left = [file for file in folder.glob("runs/*.jsonl") if not any(
        is_of(name, file.name) for name in fresh or ())]
    if not old and left:
        raise InputError(f"{folder} holds runs but no config.json with their settings; start over"
                         " with --fresh, or choose another --out")
    config["machines"] = [machine(config)]
    if old:
        config["machines"] = machines(old, config)
        refuse_other_settings(folder, old["settings"], config["settings"])
        config["commands"] = list(dict.fromkeys([*old.get("commands", []), *config["commands"]]))
        config["sources"]["strategies"] = agreed(folder, old.get("sources"), config["sources"],
                                                 left)
        for key in ("seeds", "strategies"):
            config[key] = list(dict.fromkeys(old[key] + config[key]))
        if isinstance(old.get("forks"), dict):
            config["forks"] = {**old["forks"], **config.get("forks", {})}
        runs = read_runs(left, config, seed_set)
        grown = config["settings"]["rounds"] > old["settings"]["rounds"]
    for name in fresh or ():
        remove_runs(folder, name)
    reopen({file: lines for file, lines in runs.items() if file.stem in mine},
           config["settings"]["rounds"])
    for file in left if grown else ():
        if re.fullmatch(r"full-long-\d+", file.stem):  # as many epochs as there are rounds
            file.unlink()
    if old:
        say_machine(folder, config["machines"], old, left)
    try:
        write_text(path, json.dumps(config, indent=1) + "\n")
    except OSError as e:
        raise InputError(f"cannot write to {folder}: {e.strerror}; choose another --out")


def machine(config):
    """What may differ between the seeds of one directory: device, versions, last bits of x."""
    return {"device": config["settings"].get("device"), "versions": config.get("versions"),
            "x_sha256": config["settings"].get("x_sha256")}


def machines(old, config):
    """Every machine that has made runs in a directory, and this one.

    If x differs in its last bits alone, config takes over the SHA-256 of the first machine's.
    """
    before, new = old.get("machines") or [machine(old)], machine(config)
    if close(old.get("projections"), config["projections"]) and old["settings"].get("x_sha256"):
        config["settings"]["x_sha256"] = old["settings"]["x_sha256"]
    config["settings"]["device"] = old["settings"].get("device", config["settings"]["device"])
    return before if new in before else [*before, new]


def say_machine(folder, known, old, left):
    """Say that a directory's runs come from two machines, if the last of those known is new."""
    before = old.get("machines") or [machine(old)]
    if len(known) > len(before) and left:
        unlike = [name.replace("x_sha256", "last digits of the vectors") for name in known[-1]
                  if known[-1][name] != before[-1].get(name)]
        note(f"note: the runs in {folder} were made on another machine or with other versions"
             f" (different: {', '.join(unlike)}); the report will name both")


OURS = re.compile(r"[^/]+-\d+\.(jsonl|npz|json)|.+\.(round|memory)\d+\.pt|made-with\.json|"
                  r"texts\.json\.gz|\..+\.part|dynamics-\d+")  # what is in runs/


def empty(folder):
    """Remove what is in a folder; the folder itself may be a link to a bigger disk, and stays.

    Of a link's folder, files with names of ours alone are removed: it may lead anywhere.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        if folder.is_symlink() and not OURS.fullmatch(path.name):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def remove_runs(folder, strategy):
    """Remove a strategy's run files, and what is kept beside them, under every threshold."""
    for path in folder.glob(f"runs/{glob.escape(strategy)}-*"):
        if is_of(strategy, path.name):
            path.unlink()


def is_of(strategy, name):
    """Whether a file in runs/ is of a strategy's runs, under any threshold."""
    return re.fullmatch(rf"{re.escape(strategy)}(-t[\d.]+)?-\d+(\..*)?", name)


def agreed(folder, old, new, left):
    """The digests of every strategy that has runs here, old and new; an InputError if a source
    has changed since its runs were made. left: the run files that stay."""
    if not isinstance(old, dict) or not old.get("core"):
        if left:
            note(f"note: {folder} was made by an earlier version, which did not record its source;"
                 " its runs are taken as they are")
        return new["strategies"]
    core, strategies = changed(old, new)
    measures = [name for name in strategies if name.startswith("measure ")]
    if measures and left:
        raise InputError(f"the source of the {measures[0]} has changed since the runs in {folder}"
                         " were made; start over with --fresh, or choose another --out")
    strategies = [name for name in strategies if any(is_of(name, file.name) for file in left)]
    if core and left:
        raise InputError(f"the runs in {folder} were made with other source of"
                         f" {shortened(', '.join(core))}; start over with --fresh, or choose"
                         " another --out")
    if strategies:
        names = " ".join(strategies)
        raise InputError(f"the source of {', '.join(strategies)} has changed since its runs in"
                         f" {folder} were made; start over with --fresh {names}, or choose another"
                         " --out")
    return {**old["strategies"], **new["strategies"]}


def warn_of_seeds(folder):
    """Warn of run files (copied from another machine, say) whose seeds config.json lacks; an
    InputError for a wrong one of those that it names."""
    if not (folder / "config.json").exists():
        return
    config = read_config(folder / "config.json")
    read_runs(folder.glob("runs/*.jsonl"), config, lambda seed: read_maps(
        folder / "runs" / f"maps-{seed}.npz", config["about"]["train"]).get("rows", ()))
    labels = "|".join(map(re.escape, [*config["strategies"], "full"]))
    found = [(path, match) for path in sorted(folder.glob("runs/*.jsonl"))
             if (match := re.fullmatch(rf"(?:{labels})-(\d+)", path.stem))]
    last = config["settings"]["rounds"]
    if long := [path.name for path, _ in found if len(read_run(path)[0]) > last + 1]:
        note(f"warning: {counted(len(long), 'run file')} with more rounds than the {last:,} of"
             f" config.json, the first {long[0]}, left out of the report")
    left = [path.name for path, match in found if int(match[1]) not in config["seeds"]]
    if left:
        note(f"warning: {counted(len(left), 'run file')} of seeds that no command has named here,"
             f" the first {left[0]}, left out of the report; to take them in, name their seeds in"
             " --seeds")


def keep_texts(folder, data):
    """Write the training texts, for the page that shows them (page/explore.py).

    Arrays without texts get "row 0", "row 1", ..., and the file says so: "texts made up".
    """
    path = folder / "runs" / "texts.json.gz"
    if not read_texts(folder, len(data.y), len(data.classes)):
        make_folder(path.parent)
        numbers = range(len(data.y)) if data.row_numbers is None else data.row_numbers.tolist()
        kept = {"texts": data.texts or [f"row {i}" for i in range(len(data.y))],
                "y": data.y.tolist(), "numbers": list(numbers)}
        kept |= {} if data.texts else {"made up": True}
        with whole_file(path) as part:
            part.write_bytes(gzip.compress(json.dumps(kept).encode(), mtime=0))


def read_texts(folder, N, C):
    """What keep_texts wrote, of N texts and C classes; {} if it is missing, or damaged (said)."""
    path = folder / "runs" / "texts.json.gz"
    if not path.exists():
        return {}
    with contextlib.suppress(OSError, EOFError, ValueError, RecursionError, zlib.error):
        with gzip.open(path) as f:
            text = f.read(LARGEST + 1)
        kept = json.loads(text) if len(text) <= LARGEST else None
        if (isinstance(kept, dict) and all(
                isinstance(kept.get(name), list) and len(kept[name]) == N
                and all(type(value) is kind for value in kept[name])
                for name, kind in (("texts", str), ("y", int), ("numbers", int)))
                and all(0 <= c < C for c in kept["y"])):
            "".join(kept["texts"]).encode()  # a ValueError for half a surrogate pair
            return kept
    left_out(path)
    return {}


def refuse_other_settings(folder, old, new):
    """Raise InputError if a results directory was made with other settings."""
    old = {"model": "fast", **old}  # in directories from before there was a choice
    digests = {"data_sha256": f"the texts or labels of {new['dataset']}",
               "x_sha256": f"the vectors of {new['dataset']} ({new['vectors']})"}
    for name in new:
        if old.get(name) != new[name] and not (name == "rounds" and old[name] < new[name]):
            why = (f"{digests[name]} have changed since the runs in {folder} were made, or are read"
                   " with other options now" if name in digests else
                   f"{folder} was made with {name} {shortened(old.get(name))}, but this command has"
                   f" {name} {new[name]}")
            raise InputError(f"{why}; start over with --fresh, or choose another --out")


def reopen(runs, rounds):
    """Let runs that were to end before this round go on: their last line, which picked nothing, is
    removed. runs: {run file: its lines}."""
    for path, lines in runs.items():
        if lines and not lines[-1]["picked"] and lines[-1]["round"] < rounds:
            raw = path.read_bytes().splitlines(keepends=True)
            os.truncate(path, sum(map(len, raw[: len(lines) - 1])))
