"""How much of CAL's lead comes from training CAL twice per round: the table of docs/versions.md.

    for p in code2021 code2021+twice; do python cal.py --dataset trec --protocol $p \\
        --seeds 9001 9002 9003 9004 9005 --strategies random lc cal entropy bald dal; done
    for p in code code+twice; do python cal.py --dataset trec --protocol $p \\
        --seeds 9001 9002 9003 9004 9005 --strategies random lc cal; done
    python -m studies.twice results

The script reads the four results directories and trains nothing. Random and LC train once per round
in both protocols of a pair, so their runs are equal, and the change of CAL's lead is CAL's change.
"""

from pathlib import Path

from plumbing.arguments import Parser, script
from report.differences import answers, paired, shown
from report.markdown import markdown
from stats import Results, mean_accuracy

PAIRS = {"2021": ("code2021", "code2021+twice"), "2022": ("code+twice", "code")}  # V1 on, V1 off


def differences(folder, dataset, vectors):
    """{(code, what): differences in mean accuracy [S]}, in the order of docs/predictions.md."""
    found = {}
    for code, pair in PAIRS.items():
        on, off = (Results(Path(folder) / f"{dataset}-{p}-{vectors}") for p in pair)
        found[code, "CAL, twice − once"] = paired(
            mean_accuracy, on.finished("cal"), off.finished("cal"))
        for other in ("lc", "random"):
            lead = [paired(mean_accuracy, r.finished("cal"), r.finished(other)) for r in (on, off)]
            found[code, f"lead over {other}, twice"], found[code, f"lead over {other}, once"] = lead
            found[code, f"lead over {other}, change"] = lead[0] - lead[1]
    return found


def compared(found):
    """Rows of the table; p and the answer only for the six comparisons that were planned."""
    planned = [name for name in found if name[1].endswith(("− once", "change"))]
    judged = dict(zip(planned, answers([found[name] for name in planned])))
    rows = []
    for name, d in found.items():
        p, answer = judged.get(name, (None, ""))
        rows.append([*name, len(d), shown(d), "" if p is None else f"{p:.2g}", answer])
    return rows


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("folder", help="the folder of the four results directories")
    p.add_argument("--dataset", default="trec")
    p.add_argument("--vectors", default="pool")
    args = p.parse_args()
    print(markdown(["code of", "mean accuracy", "seeds", "difference, 95 % interval", "p (Holm)",
                    "answer"], compared(differences(args.folder, args.dataset, args.vectors))))


if __name__ == "__main__":
    script(main)
