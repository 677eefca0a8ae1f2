"""docs/read.html: the paper's words beside the lines that do them, beside what the lines held.

    python -m page.read              # writes docs/read.html
    python -m page.read OUT.html

The words are in read_paper.txt and read_math.py, the steps in read_steps.py. The lines are cut out
of the modules, and the values are read off a run (read_trace.py): the demo, CAL, seed 1, rounds 0
and 1. So after a change in a module the page has to be written again; a test says so.
"""

import base64
import hashlib
import html
import json
import sys
from pathlib import Path

import numpy as np
import torch

from datamap import HIDDEN
from page import read_found, read_results, read_steps
from page.explore import data_in
from page.read_code import algorithm, code_of, places, symbol_of
from page.read_math import EQUATIONS, mathml, with_formulas
from page.read_trace import ROUNDS, SEED_SIZE, line_of, statement_of, traced_run
from page.read_values import Text, shape_of, shown
from plumbing.arguments import script
from plumbing.files import InputError, write_text

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
SEEDS = ("1000", "1001", "1002", "1003", "1004")
MARKS = {"code": "in the code", "figure": "a figure", "measured": "measured anew",
         "not reproduced": "not reproduced"}


def main():
    torch.set_num_threads(1)
    if len(sys.argv) > 2 or sys.argv[1:2] and sys.argv[1].startswith("-"):
        raise InputError("give the file to write, or nothing for docs/read.html")
    out = Path(sys.argv[1]) if sys.argv[1:] else DOCS / "read.html"
    write_text(out, page(traced()))
    print(f"{out}: {out.stat().st_size / 1000:,.0f} kB")


def page(run):
    """The whole page as text."""
    sections = [section(step, n, run) for n, step in enumerate(read_steps.STEPS, 1)]
    contents = "".join(f'<li><a href="#{step.key}">{step.title}</a>' for step in read_steps.STEPS)
    filled = (HERE / "read.html").read_text("utf-8")
    for name, text in {"SECTIONS": "\n".join(sections), "CONTENTS": contents,
                       "CHOICES": run.choices(),
                       "INDEX": read_found.index(read_steps.STEPS, place),
                       "WHY": read_found.why(), "RESULTS": read_results.section(part_of_paper),
                       "SCRIPT": (HERE / "read.js").read_text("utf-8"),
                       "DATA": run.data()}.items():
        filled = filled.replace(f"@{name}@", text)
    code = filled.rsplit("<script>", 1)[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return filled.replace("@HASH@", digest)


def traced(rounds=ROUNDS):
    """A Run of these rounds, 0 the first."""
    return Run(*traced_run(read_steps.wanted(), samples(), rounds))


def samples():
    """{strategy: final accuracies on TREC, one per seed}, of the runs in docs/trec-explore.html."""
    runs = data_in(DOCS / "trec-explore.html")["runs"]
    return {name: [runs[name][seed]["accuracy"][-1] for seed in SEEDS]
            for name in ("cal", "random")}


class Run:
    """The traced run, as the sections ask for it."""

    def __init__(self, tracer, demo, views, picked):
        self.tracer, self.demo, self.views, self.picked = tracer, demo, views, picked
        self.L = {i: view.L[0].numpy() for i, view in views.items()}
        self.facts = read_found.facts(tracer, demo, views, picked)
        self.sizes = {i: {
            "R": 1, "N": len(demo.x), "N+T": len(demo.x) + len(demo.x_test), "L": len(self.L[i]),
            "seed": SEED_SIZE, "E": views[i].epochs, "C": len(demo.classes), "W": HIDDEN[-1],
            "D": demo.x.shape[1], "B": views[i].minibatch, "k": demo.picks, "S": len(SEEDS),
            "V": len(self.held("data.sums", "table", 0))} for i in views}
        self.texts, self.variants = self.followed(), {}

    def held(self, function, expression, i):
        """What an expression of a function held in round i."""
        return next(of[i] for (name, value), of in self.tracer.found.items()
                    if (name, value.shown) == (function, expression))

    def followed(self):
        """An easy, an (as planted) ambiguous and a hard text of L, and CAL's first pick."""
        mu, sigma, phi = (f[0].numpy() for f in self.views[0].map)
        L = self.L[0]
        middle = sigma - np.abs(phi - 0.5) - (self.demo.kind[L] != "ambiguous")
        rows = {"easy": L[mu.argmax()], "ambiguous": L[middle.argmax()], "hard": L[mu.argmin()],
                "picked": self.picked[0][0]}
        return {key: Text(key, row, self.L, self.demo) for key, row in rows.items()}

    def choices(self):
        """The buttons that choose the text."""
        said = {"easy": "easy: highest μ", "ambiguous": "ambiguous: σ high",
                "hard": "hard: lowest μ", "picked": "CAL’s first pick"}
        return "".join(
            f'<label><input type="radio" name="text" value="{key}"'
            f'{" checked" if key == "ambiguous" else ""}> {said[key]}</label>' for key in said)

    def value(self, function, value):
        """HTML of a value: its name, its shape, and what it says of the text that is followed."""
        of_round = self.tracer.found[function, value]
        key = f"v{len(self.variants)}"
        shapes = {i: shape_of(held, value, self.sizes[i]) for i, held in of_round.items()}
        said = {i: {text.key: shown(held, value, i, text, self.demo)
                    for text in self.texts.values()} for i, held in of_round.items()}
        self.variants[key] = {i: [shapes[i], *compact(said[i])] for i in of_round}
        line, name = line_of(function, value.mark), value.label or value.shown
        symbol = symbol_of(name)
        return (f'<div class="value" data-at="{function}:{line}"><a class="n" href="#{function}:'
                f'{line}">{line}</a> <b{symbol}>{html.escape(name)}</b> <span class="shape">'
                f'{shapes[0]}</span><div data-v="{key}">{said[0]["ambiguous"]}</div></div>')

    def data(self):
        """The numbers that the page plays with, as JSON that no text can break."""
        found = {
            "variants": self.variants, "facts": self.facts,
            "texts": self.demo.texts, "y": self.demo.y.tolist(), "classes": self.demo.classes,
            "kinds": "".join(str(kind)[0] for kind in self.demo.kind),
            "follow": {t.key: {"row": t.row, "label": t.label, "kind": t.kind, "at": t.at}
                       for t in self.texts.values()},
            "rounds": {i: self.round(i) for i in self.views}, "samples": samples()}
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        return text.replace("<", "\\u003c")

    def round(self, i):
        """L, p of the gold label and whether θ was right by epoch, and P(high-cor), in round i."""
        p = self.held("datamap.data_map", "p", i)[:, 0]
        gold = self.held("datamap.data_map", "p_gold", i)[:, 0]
        right = p.argmax(-1) == self.demo.y[self.L[i]]
        p_high = self.held("strategies.cartography", "p_high", i)[0]
        return {"L": self.L[i].tolist(), "picked": self.picked[i],
                "gold": [[round(1000 * v) for v in of_text] for of_text in gold.T.tolist()],
                "right": ["".join("01"[r] for r in of_text) for of_text in right.T.astype(int)],
                "p": [round(1e5 * v) for v in p_high.tolist()]}


def compact(said):
    """[what all texts have] if it is the same, otherwise [None, {text: what it has}]."""
    one = set(said.values())
    return [one.pop()] if len(one) == 1 else [None, said]


# ---- a section ----------------------------------------------------------------------------------


def section(step, number, run):
    """HTML of one step: the paper, the code and the values, and what there is to play with."""
    codes, values = [], []
    for code in step.codes:
        codes.append(code_of(code, {line: note_of(note, run) for line, note in notes_of(code)}))
        if code.values:
            values.append(f'<h4>{code.function}</h4>' + "".join(
                run.value(code.function, value) for value in sorted(
                    code.values, key=lambda value: line_of(code.function, value.mark))))
    paper = "".join(map(part_of_paper, step.paper))
    if step.key == "algorithm":
        every = [code for other in read_steps.STEPS for code in other.codes]
        paper = f'<h4>Algorithm 1</h4>{algorithm(places(), every)}' + paper
    see = read_found.FIGURES.get(step.see, lambda: step.see)()
    boxes = f'<div class="see">{see}</div>' * bool(see) + "".join(
        f'<p class="silent"><span class="mark">{mark}</span> {text}</p>'
        for mark, texts in (("the paper is silent", step.silent), ("to know", step.aside))
        for text in texts)
    play = f'<div class="play" id="play-{step.play}"></div>' if step.play else ""
    return (f'<section id="{step.key}"><h2><a href="#{step.key}">{number}. {step.title}</a></h2>'
            f'<p class="say">{step.say}</p>{predict(step, run)}'
            f'<div class="columns{" plays" if play else ""}">'
            f'<div class="paper"><h3>The paper</h3>{paper}{boxes}</div>'
            f'<div class="code"><h3>The code</h3>{"".join(codes)}</div>'
            f'<div class="values"><h3>Values in the run</h3>{"".join(values)}</div>{play}</div>'
            f"</section>")


def place(code, note):
    """The id of a note's line."""
    return f"{code.function}:{line_of(code.function, note.mark)}"


def predict(step, run):
    """HTML of a question to answer before the result is seen."""
    if not step.predict:
        return ""
    question, answer = read_found.PREDICT[step.predict]
    return ('<details class="predict"><summary>Predict first:'
            f" {question.format(**run.facts[0])}</summary><p>{answer(run.facts[0])}</p></details>")


def notes_of(code):
    """[(line, [notes])] of a code's notes; the line is the last one of its statement."""
    by_line = {}
    for note in code.notes:
        by_line.setdefault(statement_of(code.function, note.mark)[-1], []).append(note.about)
    return by_line.items()


def note_of(abouts, run):
    """HTML of the notes under one line."""
    found = []
    for about in abouts:
        if about in read_found.SAID:
            text = "".join(f'<span data-round="{i}"{" hidden" if i else ""}>'
                           f"{read_found.finding(about, run.facts[i])}</span>" for i in run.facts)
            found.append(f'<details class="found"><summary>{read_found.HEAD}</summary>{text}'
                         "</details>")
        else:
            head, text = read_found.released(about)
            found.append(f'<details class="released"><summary>{head}</summary>{text}</details>')
    return "".join(found)


def part_of_paper(name):
    """HTML of a paragraph or an equation of the paper."""
    if name in EQUATIONS:
        formula, number, *_ = EQUATIONS[name]
        return f'<div class="equation">{mathml(formula, True)} <span>{number}</span></div>'
    where, mark, text = paragraphs()[name]
    return (f'<blockquote><p class="where">{where} <span class="mark {mark.split()[0]}">'
            f"{MARKS[mark]}</span></p>{with_formulas(text)}</blockquote>")


def paragraphs():
    """{key: (where it stands, what became of it, text)} of read_paper.txt."""
    blocks = (HERE / "read_paper.txt").read_text("utf-8").split("\n@ ")[1:]
    found = {}
    for head, _, text in (block.partition("\n") for block in blocks):
        key, where, mark = head.split(" | ")
        found[key] = (where, mark, text.strip())
    return found


if __name__ == "__main__":
    script(main)
