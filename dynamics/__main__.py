"""A data map of any model's training dynamics: map.png, explore.html and td_metrics.jsonl.

    python -m dynamics FOLDER --texts texts.csv --out OUT
"""

import functools
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dynamics.metrics import map_of, write_metrics
from dynamics.reading import read
from dynamics.texts import classes_of, joined, read_texts
from page import explore
from plumbing.arguments import Parser, script
from plumbing.files import InputError, digest, make_folder, note
from report.figures import draw_maps


def main():
    args = options().parse_args()
    refuse_idle(args)
    bar = functools.partial(tqdm, desc="reading", unit="epoch", delay=2, leave=False)
    d = read(args.dynamics, bar)
    texts, classes = [str(guid) for guid in d.guids], [str(c) for c in range(d.C)]
    if args.texts:
        table = read_texts(args.texts, args.text_column, args.guid_column, args.label_column)
        texts, labels = joined(d, table, args.texts)
        classes = classes_of(d, labels, table, args.texts)
    make_folder(args.out)
    m = map_of(d)
    write_metrics(args.out / "td_metrics.jsonl", d)
    remark = draw_maps(args.out / "map.png", {f"{len(texts):,} texts, {len(d.said)} epochs": m})
    if d.C <= 256:
        explore.write(args.out / "explore.html", shown_of(d, texts, classes, args.dynamics.name))
    else:
        note("note: there is no explore.html, because the page shows at most 256 classes")
    print(summary(d, m) + f"\nIn {args.out}: td_metrics.jsonl, map.png"
          + (", explore.html" if d.C <= 256 else "") + f".{remark}")
    return 0


def options():
    p = Parser(prog="python -m dynamics", allow_abbrev=False,
               description="A data map of any model's training dynamics (docs/dynamics.md).")
    p.add_argument("dynamics", type=Path, metavar="FOLDER",
                   help="the folder of dynamics_epoch_N.jsonl, or a .npz file with probs [E, N, C]"
                   " and y [N]")
    p.add_argument("--texts", type=Path, metavar="FILE",
                   help="a .csv, .tsv or .jsonl file with a row per text; without it, the page"
                   " shows guids")
    p.add_argument("--out", type=Path, required=True, help="the folder for what is written")
    p.add_argument("--text-column", nargs="+", default=["text"], metavar="NAME",
                   help="the column of texts, or several, such as premise hypothesis")
    p.add_argument("--guid-column", default="guid", metavar="NAME", help="the column of guids")
    p.add_argument("--label-column", metavar="NAME",
                   help="the column with the classes' names (default: label, if there is one)")
    return p


def refuse_idle(args):
    """An InputError for the name of a column without the table that has it."""
    for name in ("text_column", "guid_column", "label_column"):
        if not args.texts and getattr(args, name) != options().get_default(name):
            raise InputError(f"--{name.replace('_', '-')} works only with --texts, the file that"
                             " has the column; add it, or leave the option out")


def summary(d, m):
    """A few lines about the dynamics."""
    shares = (d.said == d.gold).mean(1)
    means = ", ".join(f"{name} {values.mean():.3f}" for name, values in m._asdict().items())
    return (f"{len(d.guids):,} texts, {len(d.said)} epochs, {d.C} classes; means: {means}\n"
            "training accuracy after each epoch: " + " ".join(f"{share:.3f}" for share in shares))


def shown_of(d, texts, classes, name):
    """The page's data; the head of explore.html's script describes it."""
    N, E = len(texts), len(d.said)
    rows = np.arange(N)
    if N > explore.MOST:
        rows = np.sort(np.random.default_rng(0).choice(N, explore.MOST, replace=False))
    sample = f" The page shows {len(rows):,} of them, sampled at random." if len(rows) < N else ""
    shown = explore.map_of((d.p_gold[:, rows] * 255).round(), d.said[:, rows], range(len(rows)))
    return {
        "title": f"{name}: its texts on the data map",
        "about": f"{N:,} texts, {d.C} classes, {E} epochs.{sample} Confidence, variability and"
                 " correctness are taken over the epochs of a training on these texts.",
        "id": f"dynamics {digest(texts)[:16]}", "folder": name, "classes": classes,
        "rows": rows.tolist(), "numbers": [d.guids[i] for i in rows], "rowName": "guid",
        "texts": [texts[i] for i in rows], "y": d.gold[rows].tolist(),
        "names": {"full": "all texts" if len(rows) == N else f"{len(rows):,} texts, sampled"},
        "maps": {"": {"full": shown}}, "runs": {}, "rounds": 0,
        "todo": [], "doubts": [], "kept": [],
    }


if __name__ == "__main__":
    script(main)
