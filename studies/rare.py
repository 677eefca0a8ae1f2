"""Who picks the rarest class: the comparisons that docs/predictions.md declares, and their table.

    python -m studies.rare --set trec --vectors pool --data-dir /work/data --out rare
    python -m studies.rare --set debian-rust --sections sections.csv --out rare
    python -m studies.rare --table --out rare        over every set that has been run

A set is trec (its rarest class is ABBR), agnews-World (-Sports, -Business, -SciTech: AG News with
1.6 % of that class), or debian-rust and debian-tasks (six sections of Debian's packages; rust's
descriptions have the most words, and tasks' the fewest). Run files are kept, so that a run that is
killed continues where it was.
"""

import csv
from pathlib import Path

import numpy as np
import torch

import baselines  # noqa: F401 (its strategies join STRATEGIES)
import cal
import data
from fast import SideBySide
from plumbing.arguments import Parser, at_least, script
from plumbing.files import InputError, make_folder, read_csv, write_csv
from plumbing.folder import short_name
from plumbing.runs import Log
from report.differences import holm, paired_t, shown
from report.markdown import markdown, table
from report.names import name_of

STRATEGIES = ("cal", "margin", "lc", "cal+unit", "random")
SEEDS = range(7001, 7011)
SEED_SIZE, BATCH, ROUNDS = 500, 50, 6
POOL, RARE = 5000, 80  # texts of a set that is made here, and of its rarest class: 1.6 %
COMMON = ("libs", "devel", "doc", "perl", "java")  # sections beside the rare one
RAREST = {"trec": "ABBR", "agnews-World": "World", "agnews-Sports": "Sports",
          "agnews-Business": "Business", "agnews-SciTech": "Sci/Tech",
          "debian-rust": "rust", "debian-tasks": "tasks"}
PLANNED = 152  # comparisons: two measures, four strategies, and 3 + 4 x 3 + 2 x 2 sets of runs


# ---- the sets that are made ---------------------------------------------------------------------


def of_classes(labels, sizes, taken=()):
    """Rows drawn without replacement, `sizes` {class: number}, none of `taken`: sorted [n]."""
    rng, labels, rows = np.random.default_rng(0), np.array(labels), []
    for c, n in sizes.items():
        there = np.setdiff1d(np.flatnonzero(labels == c), taken)
        if len(there) < n:
            raise InputError(f"there are {len(there)} texts of the class {c!r}, but the set needs"
                             f" {n}; give the whole file")
        rows.append(rng.choice(there, n, replace=False))
    return np.sort(np.concatenate(rows))


def sizes_of(rare, common):
    return {**dict.fromkeys(common, (POOL - RARE) // len(common)), rare: RARE}


def thinned(rare, raw):
    """AG News with 80 texts of one class and 1,640 of each other: train, test, rows of vectors."""
    (texts, labels), test = raw["train"], raw["test"]
    rows = of_classes(labels, sizes_of(rare, sorted({*labels} - {rare})))
    train = [texts[i] for i in rows], [labels[i] for i in rows]
    return train, test, [*rows, *range(len(texts), len(texts) + len(test[0]))]


def sections(rare, path):
    """Six of Debian's sections: 80 texts of one and 984 of each other; 140 of each to test on."""
    with open(path, encoding="utf-8-sig", newline="") as f:
        of_text = {row["text"]: row["label"] for row in csv.DictReader(f)}  # each text once
    texts, labels = list(of_text), list(of_text.values())
    test = of_classes(labels, dict.fromkeys((*COMMON, rare), 140))
    rows = of_classes(labels, sizes_of(rare, COMMON), test)
    return *(([texts[i] for i in of], [labels[i] for i in of]) for of in (rows, test)), None


def loaded(args):
    """The set as a Data."""
    if args.set == "trec":
        return data.load("trec", args.data_dir, args.vectors)
    rare = RAREST[args.set]
    if args.set.startswith("agnews"):
        return written(*thinned(rare, data.read_agnews(Path(args.data_dir))), args)
    return written(*sections(rare, args.sections), args)


def written(train, test, rows, args):
    """Write a set as two tables, and its rows of a .npy file; the set as a Data."""
    folder, vectors = Path(args.out) / "sets" / args.set, args.vectors
    make_folder(folder)
    for name, (texts, labels) in (("train", train), ("test", test)):
        write_csv(folder / f"{name}.csv", ["text", "label"], zip(texts, labels))
    if str(vectors).endswith(".npy"):
        if rows is None:
            raise InputError(f"{args.set} has no rows in {vectors}; give pool or word vectors")
        np.save(folder / "vectors.npy", np.load(vectors, mmap_mode="r")[rows])
        vectors = folder / "vectors.npy"
    return data.load(str(folder / "train.csv"), args.data_dir, vectors,
                     test=str(folder / "test.csv"))


# ---- a set's runs, and the table over all sets --------------------------------------------------


def run(d, rare, s, seeds, folder, strategies=STRATEGIES):
    """Run the strategies on a set, and write what they picked of its rarest class: rare.csv."""
    algorithm, c, rows = SideBySide(d, s, Log(folder)), d.classes.index(rare), []
    runs = cal.runs_of(strategies, seeds)
    algorithm.learn(runs)
    for one in runs:
        lines = algorithm.log.read(one)[: s.rounds + 1]
        picked = [row for line in lines[:-1] for row in line["picked"]]
        words = [len(d.texts[row].split()) for row in picked]
        rows.append([one.label, one.seed, int((d.y[picked] == c).sum()),
                     lines[-1]["recall"][c], lines[-1]["accuracy"], round(np.mean(words), 3)])
    write_csv(folder / "rare.csv", HEADER, rows)


HEADER = ["strategy", "seed", "picks", "recall", "accuracy", "words"]


def read(path):
    """{strategy: {measure: values [S]}} of a rare.csv, in the order of the seeds."""
    rows = sorted(read_csv(path), key=lambda row: int(row["seed"]))
    return {name: {m: np.array([float(row[m]) for row in rows if row["strategy"] == name])
                   for m in HEADER[2:]} for name in dict.fromkeys(row["strategy"] for row in rows)}


def compared(found):
    """Rows of a table of {set: read(...)}: CAL minus each other strategy, with Holm's p.

    Every comparison that was planned counts in the correction: one that was not run has p = 1.
    """
    rows, p = [], []
    for name, of in found.items():
        for measure in ("picks", "recall"):
            for other in [label for label in of if label != "cal"]:
                d = of["cal"][measure] - of[other][measure]
                rows.append([name, measure, name_of(other), len(d),
                             f"{of['cal'][measure].mean():.3g}", f"{of[other][measure].mean():.3g}",
                             shown(d, 0.95, "+.3g", ".2g"), d.mean()])
                p.append(paired_t(d))
    adjusted = holm(np.array([*p, *[1.0] * (PLANNED - len(p))]))
    return [[*row[:-1], f"{q:.2g}",
             "inconclusive" if q >= 0.05 else "CAL more" if row[-1] > 0 else "CAL less"]
            for row, q in zip(rows, adjusted)]


def tables(out):
    """Write and print the table of the comparisons, and that of what each strategy picks."""
    found = {path.parent.name: read(path) for path in sorted(Path(out).glob("*/rare.csv"))}
    if not found:
        raise InputError(f"there is no rare.csv in the folders of {out}; run a --set first")
    print(table(Path(out), "comparisons", [
        "set and vectors", "measure", "CAL against", "seeds", "CAL", "the other",
        "difference, 95 % interval", "p (Holm)", "answer"], compared(found)), end="\n\n")
    print(markdown(["set and vectors", "strategy", *HEADER[2:]], [
        [name, name_of(label), *(f"{of[label][m].mean():.3f}" for m in HEADER[2:])]
        for name, of in found.items() for label in of]))


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--set", choices=[*RAREST], help="the set to run")
    p.add_argument("--vectors", default="pool")
    p.add_argument("--data-dir", default="data")
    p.add_argument("--sections", default="sections.csv", help="Debian's sections: text, label")
    p.add_argument("--seeds", nargs="+", type=at_least(0), default=[*SEEDS])
    p.add_argument("--rounds", type=at_least(1), default=ROUNDS)
    p.add_argument("--table", action="store_true", help="print the table of every set in --out")
    p.add_argument("--out", default="rare")
    args = p.parse_args()
    if bool(args.set) == args.table:
        p.error("give either --set or --table")
    torch.set_num_threads(1)
    if args.table:
        return tables(args.out)
    s = cal.Settings(SEED_SIZE, args.rounds, BATCH, minibatch=16)
    folder = Path(args.out) / f"{args.set}-{short_name(args.vectors)}"
    run(loaded(args), RAREST[args.set], s, args.seeds, folder)


if __name__ == "__main__":
    script(main)
