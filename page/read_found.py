"""What docs/read.html says under a line: rows of the two documents about the authors' code, and
what this very run shows about CAL. A sentence stands only where the run's number bears it."""

import functools
import html
import re
from pathlib import Path

import numpy as np

from page.read_trace import CAL

DOCS = Path(__file__).resolve().parent.parent / "docs"


@functools.cache
def tables_of(name):
    """The rows of all tables of a Markdown file of docs/, each a list of cells."""
    lines = (DOCS / name).read_text(encoding="utf-8").splitlines()
    return [[c.strip().replace(r"\|", "|") for c in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in lines if line.startswith("| ")]


def rows_of(name):
    """{first cell: cells} of the tables of a Markdown file; the first of equal cells counts."""
    return {row[0]: row for row in reversed(tables_of(name))}


def inline(text):
    """Markdown's code marks and links, in HTML."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))
    return re.sub(r"\[([^]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', text)


def released(row):
    """(heading, HTML) of a row of docs/released-code.md, or (V1 ...) of docs/versions.md."""
    if row.startswith("V"):
        _, subject, first, second, switch = rows_of("versions.md")[row]
        return (f"The authors’ code of 2021, {row}: {inline(subject)}", f"2021: {inline(first)}."
                f" 2022: {inline(second)}. {switched(switch, 'first')}")
    _, subject, says, does, switch, in_paper, _in_code = rows_of("released-code.md")[row]
    effect = (f" Changed alone, it moves CAL’s mean accuracy on TREC by {in_paper}."
              if re.match(r"[+−]\d", in_paper) and row not in ("13", "14") else "")
    return (f"The authors’ code, {row}: {inline(subject)}", f"The paper: {inline(says)}. The code:"
            f" {inline(does)}.{effect} {switched(switch, 'protocols')}")


def switched(switch, file):
    """Where a difference is written down: its class, and the command that turns it."""
    if not switch.startswith("`") or "--" in switch:
        return ""
    name, _, where = switch.replace("`", "").partition(": ")
    base = "paper" if file == "protocols" else "code"
    where = f" (<code>{where}</code>)" if where else ""
    return (f"Try it: <code>python cal.py --protocol {base}+{name}</code>, in <a"
            f' href="../released/{file}.py">released/{file}.py</a>{where}.')


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
        **of_round_0(held, demo, view, rows),
    }


def of_round_0(held, demo, view, rows):
    """Numbers for the questions, from what the lines of round 0 held."""
    if view.round:
        return {}
    gold, kind = held["datamap.data_map", "p_gold"][:, 0], demo.kind[view.L[0].numpy()]
    lc, entropy = (set(held[f"strategies.{name}", "returned"][0].tolist())
                   for name in ("least_confidence", "max_entropy"))
    return {"first": float(gold[0].mean()), "last": float(gold[-1].mean()),
            "top": float(gold.mean(0).max()),
            **{f"mu_{name}": float(gold[:, kind == name].mean())
               for name in sorted(set(kind.tolist()))},
            "lc_entropy": len(lc & entropy), "lc_cal": len(lc & set(rows.tolist())),
            "chance": len(lc) ** 2 / int(view.U.sum()), "eps": float(held["stats.aso", "eps"]),
            **{f"mean_{name}": float(np.mean(held["stats.aso", name])) for name in "ab"}}


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
            f" texts of U {f['pool_words']:.1f}. Planted among the {f['picks']}:"
            f" {f['ambiguous']} ambiguous, {f['wrong']} mislabelled.")


def corner(f):
    """What to say of a map whose top left is empty."""
    return ("" if f["top"] > 0.8 else f" No text has a μ above {f['top']:.2f}, so the top left"
            " corner, where the paper’s easy texts lie, is still empty: every text starts near one"
            " sixth, and on 300 texts θ takes most of the thirty epochs to become sure.")


PREDICT = {  # a question, and its answer from the numbers of round 0
    "first": ("There are six classes. What probability does θ give a text’s own label after the"
              " first epoch, on average?",
              lambda f: f"{f['first']:.2f}: still near one sixth, because the weights are new and"
              f" one epoch is {-(-f['labels'] // 16)} steps. After the last epoch it is"
              f" {f['last']:.2f}."),
    "regions": ("Where on the map of L will the texts lie whose label was made wrong on purpose?",
                lambda f: f"At the bottom left: their mean confidence is {f['mu_mislabelled']:.2f}."
                f" That of the easy texts is {f['mu_easy']:.2f}, and of the ambiguous"
                f" {f['mu_ambiguous']:.2f}.{corner(f)}"),
    "low": ("How many of the 300 labelled texts are low-cor, right in at most 6 of 30 epochs?",
            lambda f: f"{f['low']} in round 0. θ has seen every one of them thirty times, with its"
            " label."),
    "kind": ("CAL picks 50 texts. How many of them are of one class?",
             lambda f: f"{round(f['share'] * f['picks'])} are {f['largest']} in round 0. The"
             " notes in the code below, and the picture, say why."),
    "shared": ("LC and Entropy both look for texts of which θ is unsure. How many of the 50 picks"
               " do they share, and how many do LC and CAL?",
               lambda f: f"LC and Entropy share {f['lc_entropy']}, LC and CAL {f['lc_cal']}."
               f" Two random batches would share about {f['chance']:.0f}."),
    "epsilon": ("Here A are five final accuracies of CAL, with the mean {mean_a:.3f}, and B five of"
                " Random, with {mean_b:.3f}. Is ε nearer to 0 (A is better) or to 1?",
                lambda f: f"ε is {f['eps']:.2f}: this share of the squared gap is on Random’s side."
                " With so few scores the margin is wide, so look at ε_min before you conclude."),
}


def table_3():
    """The paper's Table 3 beside ours on TREC, with the verdict of docs/results-trec.md."""
    rows = [row for row in tables_of("results-trec.md")
            if len(row) == 6 and row[0] == "CAL" and re.fullmatch(r"0|0\.\d", row[1])]
    claim = next(row for row in tables_of("results-trec.md") if row[0].startswith("t_cor = 0.2"))
    verdicts = sorted({verdict(cell) for cell in claim[1:]})
    return ("<p>Table 3, final accuracy on TREC, beside ours (± over five seeds):</p>"
            + table(["t_cor", "paper", "<code>pool</code>", "vector file"],
                    [(t, paper, pool, file) for _, t, pool, _, file, paper in rows])
            + f"<p>That 0.2 is the best: {' or '.join(verdicts)} here, with all three kinds of"
            ' vectors tried (<a href="results-trec.md">more</a>).</p>')


def table_4():
    """The paper's Table 4 beside ours on TREC, with what docs/results-trec.md says of it."""
    rows = [row for row in tables_of("results-trec.md") if "∩" in row[0] or row[0] == "by chance"]
    text = " ".join((DOCS / "results-trec.md").read_text(encoding="utf-8").split())
    said = re.search(r"The paper gives one count per pair\. .*? compared with chance\.", text)[0]
    return ("<p>Table 4, how many of 7,500 picks two strategies share on TREC, beside ours"
            " (<code>pool</code>):</p>"
            + table(["pair", "paper", "same round", "whole run"],
                    [(row[0], row[-1], *row[1:3]) for row in rows]) + f"<p>{said}</p>")


def claims():
    """HTML of the paper's claims with the verdicts of docs/results-trec.md."""
    rows = [row for row in tables_of("results-trec.md")
            if len(row) == 4 and row[1].startswith("**")]
    return table(["the paper’s claim, on TREC", "<code>pool</code>", "<code>hash</code>",
                  "vector file"],
                 [(inline(claim), *map(verdict, (pool, chance, file)))
                  for claim, pool, chance, file in rows])


def verdict(cell):
    """The words in bold that a cell of the claims' table begins with."""
    return re.match(r"\*\*([^*]+)\*\*", cell)[1]


def table(head, rows):
    lines = [f"<tr>{''.join(f'<td>{cell}' for cell in row)}" for row in rows]
    return f"<table><tr>{''.join(f'<th>{cell}' for cell in head)}{''.join(lines)}</table>"


FIGURES = {"table 3": table_3, "table 4": table_4}


def index(steps, place):
    """HTML of all differences of the authors' code, each linked to its line. place(code, note)."""
    at = {note.about: place(code, note) for step in steps for code in step.codes
          for note in code.notes}
    rows = []
    for name, row in [*reversed(rows_of("released-code.md").items()),
                      *reversed(rows_of("versions.md").items())]:
        if not re.fullmatch(r"V\d|\d\d?", name):
            continue
        link = f'<a href="#{at[name]}">{name}</a>' if name in at else name
        effect = row[5] if name[0] != "V" and re.match(r"[+−]\d", row[5]) else ""
        effect += {"13": ", for DAL", "14": ", for BALD"}.get(name, "")
        says, does = (row[3], row[2]) if name[0] == "V" else (row[2], row[3])
        rows.append(f"<tr><td>{link}<td>{inline(row[1])}<td>{inline(says)}<td>{inline(does)}"
                    f"<td>{effect}")
    return "".join(rows)


def why():
    """HTML of the four points of docs/why-cal-loses.md, of θ′'s accuracy, and of the repair."""
    text = (DOCS / "why-cal-loses.md").read_text(encoding="utf-8")
    points = re.findall(r"^\d\. (.*?)(?=^\d\. |^$)", text, re.M | re.S)
    more = [re.search(rf"^\*\*{start}.*?(?=\n\n)", text, re.M | re.S)[0]
            for start in ("θ′ is as accurate", "CAL\\+unit, which makes two changes")]
    return ("<ol>" + "".join(f"<li>{marked(point)}</li>" for point in points) + "</ol>"
            + "".join(f"<p>{marked(paragraph)}</p>" for paragraph in more))


def marked(text):
    """A paragraph of Markdown in HTML: code, links, strong and emphasis."""
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", inline(" ".join(text.split())))
    return re.sub(r"\*(.+?)\*", r"<em>\1</em>", text)


def minus(v):
    return f"{v:.2f}".replace("-", "−")


SAID = {function.__name__: function for function in (low, accuracy, length, border, kind)}
HEAD = f"Found in this run (seed {CAL.seed})"
