"""Seeds of two machines in one results directory.

    python -m report.merge results/trec-paper-pool /from/another/trec-paper-pool --out merged

copies the run files of both into a new directory, and draws its report. The directories must have
the same settings, data and source; the machine, versions and last bits of the vectors may differ,
and then the report says so. A run that both have must be the same in both.
"""

import argparse
import glob
import json
import os
import shutil
from pathlib import Path

from plumbing.arguments import Parser, script
from plumbing.files import InputError, counted, note, part_folder, shortened, write_text
from plumbing.folder import machine, read_config, short_name
from plumbing.made import changed, close
from plumbing.runs import read_run, read_runs
from report.sections import write_report

MAY_DIFFER = {"device", "x_sha256"}  # between machines: what `machine` records


def differing_settings(a, b):
    """The names of the settings in which two config.json differ, other than by machine.

    Files of vectors may lie in another folder. A setting that one lacks is not compared.
    """
    def plain(name, value):
        return {"vectors": lambda v: short_name(Path(v).name), "dataset": lambda v: Path(v).name
                }.get(name, lambda v: v)(value)

    a, b = ({"model": "fast", **config["settings"]} for config in (a, b))
    return [name for name in a if name in b and name not in MAY_DIFFER
            and plain(name, a[name]) != plain(name, b[name])]


def other_vectors(a, b):
    """Whether two config.json are of different x, in more than its last bits."""
    x, y = (config["settings"].get("x_sha256") for config in (a, b))
    return x != y and not close(a.get("projections"), b.get("projections"))


def refuse_unlike(one, other, a, b):
    """An InputError unless two directories' config.json have the same settings, data and source."""
    where = f"{one} and {other}"
    for name in differing_settings(a, b):
        raise InputError(f"{where} differ in {name}: {shortened(a['settings'][name])} and"
                         f" {shortened(b['settings'][name])}; they cannot be merged")
    if a["classes"] != b["classes"]:
        raise InputError(f"{where} have other classes; they cannot be merged")
    if other_vectors(a, b):
        raise InputError(f"{where} were made with other vectors of the texts; they cannot be"
                         " merged")
    sources = [config.get("sources") for config in (a, b)]
    if not all(isinstance(s, dict) and isinstance(s.get("core"), dict) for s in sources):
        note(f"note: {where}: an earlier version, which did not record its source, made one of"
             " them; their runs are taken as they are")
        return
    if unlike := [name for names in changed(*sources) for name in names]:
        raise InputError(f"{where} were made with other source of {shortened(', '.join(unlike))};"
                         " they cannot be merged")


def first_difference(one, other):
    """Where the lines of two run files first differ, in words, apart from the times; or ""."""
    for x, y in zip(one, other):
        unlike = [name for name in {**x, **y} if name != "seconds" and x.get(name) != y.get(name)]
        if unlike:
            return f"they differ in round {x['round']} ({', '.join(unlike)})"
    return ""


def longer(one, other):
    """Whether a run file has more rounds than another; an InputError unless they begin alike."""
    a, b = read_run(one)[0], read_run(other)[0]
    if found := first_difference(a, b):
        raise InputError(f"{one} and another directory's file are the same run, but {found}; leave"
                         " one of them out")
    return len(a) > len(b)


def merged(a, b):
    """The config.json of both directories together; the first one's settings."""
    both = {**b, **a}
    for key in ("seeds", "strategies", "commands", "measures"):
        if key in both:
            both[key] = list(dict.fromkeys([*a.get(key, []), *b.get(key, [])]))
    known = [config.get("machines") or [machine(config)] for config in (a, b)]
    both["machines"] = [m for i, m in enumerate(sum(known, [])) if m not in sum(known, [])[:i]]
    if "forks" in both:
        both["forks"] = {**b.get("forks", {}), **a.get("forks", {})}
    if isinstance(a.get("sources"), dict) and isinstance(b.get("sources"), dict):
        both["sources"] = {key: {**b["sources"].get(key, {}), **a["sources"].get(key, {})}
                           for key in {**a["sources"], **b["sources"]}}
    return both


def take(source, target):
    """Copy what the target's runs/ lacks, and runs that the source has more rounds of."""
    target.mkdir(exist_ok=True)
    for path in sorted(source.glob("*.jsonl")):
        mine = target / path.name
        if not mine.exists() or longer(path, mine):
            for old in beside(target, path.stem):  # what belongs to fewer rounds
                old.unlink()
            mine.write_bytes(path.read_bytes()[: read_run(path)[1]])  # whole lines alone
            for state in beside(source, path.stem):
                if state != path:
                    shutil.copyfile(state, target / state.name)
    of_runs = {state for path in source.glob("*.jsonl") for state in beside(source, path.stem)}
    for path in sorted(source.iterdir()):  # data maps, texts, borders, training dynamics
        if path not in of_runs and not (target / path.name).exists():
            (shutil.copytree if path.is_dir() else shutil.copyfile)(path, target / path.name)


def beside(folder, run):
    """A run's file, and what is kept beside it: RUN.jsonl, RUN.round3.pt."""
    return list(folder.glob(f"{glob.escape(run)}.*"))


def merge(folders, out):
    """Merge results directories into a new one, written whole or not at all."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already; choose another --out")
    configs = []
    for folder in folders:
        if not (folder / "config.json").exists():
            raise InputError(f"no results in {folder}; name results directories")
        configs.append(read_config(folder / "config.json"))
        if any(folder.samefile(before) for before in folders[: len(configs) - 1]):
            raise InputError(f"{folder} is named twice; name different directories")
    config = configs[0]
    for folder, more in zip(folders[1:], configs[1:]):
        refuse_unlike(folders[0], folder, configs[0], more)
        config = merged(config, more)
    for folder, own in zip(folders, configs):
        read_runs(folder.glob("runs/*.jsonl"), own)  # an InputError for a wrong one
    out.parent.mkdir(parents=True, exist_ok=True)
    with part_folder(out.parent, f".{out.name}.") as part:
        part = part / out.name
        part.mkdir()
        for folder in folders:
            if (folder / "runs").is_dir():
                take(folder / "runs", part / "runs")
        write_text(part / "config.json", json.dumps(config, indent=1) + "\n")
        write_report(part)
        os.replace(part, out)
    return config


def main():
    """The command line; returns the exit code."""
    p = Parser(prog="report.merge", description=__doc__,
               formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="results directories")
    p.add_argument("--out", required=True, type=Path, help="the new results directory")
    args = p.parse_args()
    if len(args.folders) < 2:
        raise InputError("there is one directory alone; name two or more to merge")
    config = merge(args.folders, args.out)
    print(f"{args.out} has {counted(len(config['seeds']), 'seed')}:"
          f" {' '.join(map(str, config['seeds']))}")
    print(f"The report with its figures: {args.out / 'report.md'}")
    return 0


if __name__ == "__main__":
    script(main)
