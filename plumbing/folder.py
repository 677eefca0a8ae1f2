"""A results directory: locked by one process, claimed by one set of settings, with the texts."""

import contextlib
import gzip
import json
import os
import re
import shutil
import zlib
from pathlib import Path

from plumbing.files import (
    InputError,
    lock,
    make_folder,
    remove_parts,
    shortened,
    whole_file,
    write_text,
)
from plumbing.runs import read_run


def results_name(dataset, protocol, vectors, noise=0, model="fast"):
    """<dataset>-<protocol>-<vectors>, and -noise0.1, -plain; a file is named without its folder."""
    name = f"{Path(dataset).name}-{protocol}-{short_name(vectors)}"
    return name + (f"-noise{noise:g}" if noise else "") + ("-plain" if model == "plain" else "")


def short_name(source):
    """A file's or a URL's name without the endings of vector files."""
    return re.sub(r"(\.(vec|txt|bin|npy|gz|zip))+$", "", Path(source.partition("?")[0]).name)


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
    """One sentence if a results directory was made with other settings."""
    old = {"model": "fast", **old}  # before there was a choice
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
