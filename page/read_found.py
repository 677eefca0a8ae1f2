"""What docs/read.html says under a line: rows of the two documents about the authors' code, and
what this very run shows about CAL. A sentence stands only where the run's number bears it."""

import html
import re
from pathlib import Path

import numpy as np

from page.read_trace import CAL

DOCS = Path(__file__).resolve().parent.parent / "docs"


def rows_of(name):
    """{first cell: cells} of the tables of a Markdown file."""
    lines = (DOCS / name).read_text(encoding="utf-8").splitlines()
    cells = [[c.strip().replace(r"\|", "|") for c in re.split(r"(?<!\\)\|", line)[1:-1]]
             for line in lines if line.startswith("| ")]
    return {row[0]: row for row in reversed(cells)}


def inline(text):
    """Markdown's code marks and links, in HTML."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
    return re.sub(r"\[([^]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', text)


def released(row):
    """(heading, HTML) of a row of docs/released-code.md, or (V1 ...) of docs/versions.md."""
    if row.startswith("V"):
        _, subject, first, second, switch = rows_of("versions.md")[row]
        return (f"The code of 2021, {row}: {inline(subject)}", f"{sentence(first)} In 2022:"
                f" {inline(second)}. {switched(switch, 'first')}")
    _, subject, says, does, switch, in_paper, _in_code = rows_of("released-code.md")[row]
    effect = (f" Alone in the paper’s protocol it moves CAL’s mean accuracy on TREC by {in_paper}."
              if re.match(r"[+−]\d", in_paper) and row not in ("13", "14") else "")
    return (f"The released code, row {row}: {inline(subject)}", f"The paper: {inline(says)}. The"
            f" code: {inline(does)}.{effect} {switched(switch, 'protocols')}")


def sentence(text):
    return inline(text[0].upper() + text[1:]) + "."


def switched(switch, file):
    """Where a difference is written down: its class, and the command that turns it."""
    if not switch.startswith("`") or "--" in switch:
        return ""
    name, _, where = switch.replace("`", "").partition(": ")
    base = "paper" if file == "protocols" else "code"
    where = f" (<code>{where}</code>)" if where else ""
    return (f'Try it: <code>--protocol {base}+{name}</code>, in <a href="../released/{file}.py">'
            f"released/{file}.py</a>{where}.")


# ---- what this run shows ------------------------------------------------------------------------


def facts(tracer, demo, views, picked):
    """{round: numbers about CAL's choice}."""
    return {i: facts_of(tracer, demo, views[i], np.array(picked[i]), i) for i in views}


def facts_of(tracer, demo, view, rows, i):
    """Numbers of one round, from what its lines held."""
    held = {(name, value.shown): of[i] for (name, value), of in tracer.found.items() if i in of}
    p_high = held["strategies.cartography", "p_high"][0].astype(np.float64)
    U, high = view.U[0].numpy(), held["strategies.cartography", "label"][0]
    length = np.linalg.norm(view.theta.psi(view.x[None])[0].numpy(), axis=-1)
    words = np.array([len(text.split()) for text in demo.texts])
    told = held["strategies.View.classifier", "theta.probs(features)[..., 1]"][0] > 0.5
    share = np.bincount(demo.y[rows]).max() / len(rows)
    by_border = np.sort(np.flatnonzero(U)[np.argsort(p_high[U], kind="stable")[: len(rows)]])
    return {
        "labels": len(high), "low": int((high == 0).sum()),
        "accuracy": float((told == high).mean()),
        "larger": float(max(high.mean(), 1 - high.mean())),
        "spearman": spearman(-length[U], 1 - p_high[U]), "lowest": float(p_high[U].min()),
        "highest": float(p_high[U].max()), "below": int((p_high[U] < 0.5).sum()),
        "pool": int(U.sum()), "same": len(set(by_border.tolist()) & set(rows.tolist())),
        "picks": len(rows), "words": float(words[rows].mean()),
        "pool_words": float(words[U].mean()), "share": float(share),
        "pool_share": float(np.bincount(demo.y[U]).max() / U.sum()),
        "largest": demo.classes[int(np.bincount(demo.y[rows]).argmax())],
        "wrong": int((demo.kind[rows] == "mislabelled").sum()),
        "ambiguous": int((demo.kind[rows] == "ambiguous").sum()),
    }


def spearman(a, b):
    """The correlation of the ranks of a and b (no ties are expected)."""
    ranks = [np.argsort(np.argsort(v)) for v in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


def finding(name, f):
    """HTML of a finding, from the numbers of a round."""
    return SAID[name](f)


def low(f):
    share = f["low"] / f["labels"]
    few = ", so θ′ has few examples of one class" if share < 0.3 else ""
    return f"{f['low']} of the {f['labels']} labelled texts are low-cor ({share:.0%}){few}."


def accuracy(f):
    gain = f["accuracy"] - f["larger"]
    no_more = ("no more than" if gain < 0.005 else f"{100 * gain:.0f} points more than")
    return (f"θ′ is right about {f['accuracy']:.0%} of the texts that it was trained on: {no_more}"
            f" always naming the larger class would give ({f['larger']:.0%}).")


def length(f):
    strong = abs(f["spearman"]) >= 0.6
    shorter = "shorter" if f["spearman"] > 0 else "longer"
    said = f": the {shorter} Ψ(x), the higher is P(low-cor)" if strong else ""
    return (f"Over U, the rank correlation of P(low-cor) with −‖Ψ(x)‖ is {minus(f['spearman'])}"
            f"{said}.")


def border(f):
    if f["below"] == 0:
        return (f"No text of U reaches the border: the lowest P(high-cor) is {f['lowest']:.2f}. So"
                f" the texts nearest to 0.5 are those of lowest P(high-cor): {f['same']} of"
                f" {f['picks']} picks.")
    return (f"P(high-cor) lies between {f['lowest']:.2f} and {f['highest']:.2f} in U, and"
            f" {f['below']:,} of {f['pool']:,} texts are below 0.5, so the border runs through U.")


def kind(f):
    return (f"{f['share']:.0%} of the batch are {f['largest']} (the largest class of U has"
            f" {f['pool_share']:.0%}). The picks have {f['words']:.1f} words on average, the"
            f" texts of U {f['pool_words']:.1f}. Of the {f['picks']}, {f['ambiguous']} were planted"
            f" as ambiguous and {f['wrong']} as mislabelled.")


def minus(v):
    return f"{v:.2f}".replace("-", "−")


SAID = {function.__name__: function for function in (low, accuracy, length, border, kind)}
HEAD = f"Found in this run (seed {CAL.seed})"
