"""From the code of 2021 to that of 2022, one difference at a time: tables of docs/versions.md.

    T=code2021+twice; A=$T+ten+adam
    for p in code2021 $T $T+ten $A $A+weights $A+weights+last_psi code; do
        python cal.py --dataset trec --protocol $p --strategies random lc entropy bald dal cal; done
    python -m studies.steps results

The script reads these results directories and trains nothing. A step that does not concern a
strategy leaves its runs as they are, so they need not be made again.
"""

from pathlib import Path

import numpy as np

import cal
from plumbing.arguments import Parser, script
from plumbing.files import InputError
from released.first import ROWS_2021
from report.differences import paired, shown
from report.markdown import markdown
from report.names import NAMES
from stats import Results, mean_accuracy, plus_minus

CONCERNS = {"twice": ("dal", "cal"), "weights": ("dal", "cal"), "last_psi": ("cal",),
            "dal_last": ("dal",)}  # the other two concern every strategy
FEW = 3  # seeds, below which a difference is shown for each of them


def protocols():
    """[(step, protocol after it)]: each protocol has all steps before it; the last is `code`."""
    names = list(ROWS_2021)
    found = [("", "code2021")]
    found += [(name, "+".join(["code2021", *names[: i + 1]])) for i, name in enumerate(names[:-1])]
    return [*found, (names[-1], "code")]


def read(folder, dataset, vectors):
    """{protocol: Results} of those that have been run; InputError if there is none."""
    found = {}
    for _, protocol in protocols():
        path = Path(folder) / f"{dataset}-{protocol}-{vectors}"
        if (path / "config.json").exists():
            found[protocol] = Results(path)
    if not found:
        raise InputError(f"{folder} has no results of {dataset} under code2021 or a protocol with"
                         " steps from it; run the commands of this script's docstring")
    return found


def walked(done, strategy):
    """[(step, runs before it, runs after it)] of the steps that concern a strategy and were run.

    runs: {seed: lines}; before the first step, and after one that was not run, there are none.
    """
    last, found = {}, []
    for step, protocol in protocols():
        runs = done[protocol].finished(strategy) if protocol in done else {}
        if step and strategy not in CONCERNS.get(step, (strategy,)):
            last = last or runs
            continue
        if runs:
            found.append((step, last, runs))
        last = runs
    return found


def change(before, after):
    """The difference in mean accuracy as text, within seeds."""
    d = paired(mean_accuracy, after, before)
    return shown(d) if len(d) >= FEW else ", ".join(f"{x:+.3f}" for x in d)


def tables(done):
    """(header, levels, changes): rows of the two tables, one per step."""
    walks = {name: walk for name in cal.SIX if (walk := walked(done, name))}
    levels, changes = [], []
    by_step = {name: {step: runs for step, *runs in walk} for name, walk in walks.items()}
    for step, protocol in protocols():
        level = [protocol]
        for name in walks:
            runs = by_step[name].get(step, ({}, {}))[1]
            level.append(plus_minus(np.array([mean_accuracy(lines) for lines in runs.values()]))
                         if runs else "")
        levels.append(level)
        if step:
            changes.append([step, *(change(*by_step[name].get(step, ({}, {})))
                                    for name in walks)])
    seeds = [max(len(runs) for *_, runs in walk) for walk in walks.values()]
    return [NAMES[name] for name in walks], [["seeds", *seeds], *levels], changes


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("folder", help="the folder of the results directories")
    p.add_argument("--dataset", default="trec")
    p.add_argument("--vectors", default="pool")
    args = p.parse_args()
    header, levels, changes = tables(read(args.folder, args.dataset, args.vectors))
    print(markdown(["mean accuracy under", *header], levels))
    print("\n" + markdown(["step", *header], changes))


if __name__ == "__main__":
    script(main)
