"""Values as docs/read.html shows them: the shape with the names of its axes, and what it says of
the text that is followed."""

import html

import numpy as np

from plumbing.files import InputError

NAMES = {"R": "R", "seed": "seed set", "N": "N", "N+T": "N + T", "L": "|L|", "E": "E", "C": "C",
         "D": "D", "W": "width", "B": "batch", "k": "k", "V": "words", "S": "scores"}
NBSP = "\u00a0"
FREE = ("words", "list", "pieces")  # axes of no fixed length


class Text:
    """A followed text: its row, its place in L by round (None: in U), and what to call it."""

    def __init__(self, key, row, L, demo):
        self.key, self.row = key, int(row)
        self.at = {i: rows.tolist().index(self.row) if self.row in rows else None
                   for i, rows in L.items()}
        self.words, self.y = demo.texts[self.row], int(demo.y[self.row])
        self.label, self.kind = demo.classes[self.y], str(demo.kind[self.row])


def shape_of(held, value, sizes):
    """The shape in words; InputError if an axis has another size than it must."""
    dims, inside = [], held
    for name in value.axes.replace("*", "").replace("-", "").split():
        length = len(inside)
        if name not in FREE:
            if length != sizes[name]:
                raise InputError(f"{value.shown} has {length} along {name}, not {sizes[name]};"
                                 " page/read_steps.py has to follow the code")
            dims.append(f"{NAMES[name]} = {length:,}".replace(" ", NBSP))
        inside = inside[0] if length else None
    return f"[{', '.join(dims)}]" if dims else ""


def shown(held, value, i, text, demo):
    """HTML of a value in round i for a Text: numbers, or a sentence if it has none."""
    if value.when == "each":
        return f"{number(held[0])} at first, {number(held[-1])} at last ({len(held)} mini-batches)"
    if "-" in value.axes:  # its shape says enough
        return ""
    rest = []
    for name in value.axes.split():
        place = {"R": 0, "N": text.row, "N+T": text.row, "L": text.at[i]}.get(name, slice(None))
        if place is None:
            return '<span class="none">in U, so not here</span>'
        if isinstance(place, slice):
            rest.append(name)
        elif isinstance(held, list):
            held = held[place]
        else:
            held = held.take(place, axis=len(rest))
    return of_rest(held, rest, text, demo)


def of_rest(held, names, text, demo):
    """HTML of what is left of a value when the followed text has been taken out of it."""
    if names == ["words"]:
        return " · ".join(f"<q>{html.escape(word)}</q>" for word in held)
    if not names:
        return f"<b>{number(held)}</b>"
    if names == ["C"]:
        return " ".join(f"<span{' class=gold' if c == text.y else ''}>{name} {number(p)}</span>"
                        for c, (name, p) in enumerate(zip(demo.classes, held)))
    if names == ["E"]:
        return '<span class="epochs">' + " ".join(
            f'<i data-e="{e + 1}">{number(p, 2)}</i>' for e, p in enumerate(held)) + "</span>"
    if names == ["E", "C"]:
        return "after the last epoch: " + of_rest(held[-1], ["C"], text, demo)
    if names in (["D"], ["W"]):
        return (" ".join(number(v) for v in held[:4])
                + f" … (its length: {number(np.linalg.norm(held))})")
    if names in (["k"], ["L*"], ["seed*"]):
        place = [int(row) for row in held].index(text.row) + 1 if text.row in held else 0
        rows = " ".join(f"{int(row)}" for row in held[:6]) + " …"
        said = f"this text (row {text.row}) is number {place}" if place else (
            f"this text (row {text.row}) is not among them")
        return f"rows {rows}; {said}"
    return " ".join(number(v) for v in held)


def number(v, digits=3):
    """A number in few characters: .123, 12.3, −∞, 1,234."""
    v = np.asarray(v).item()
    if isinstance(v, bool):
        return str(v)
    if isinstance(v, int):
        return f"{v:,}".replace("-", "−")
    if not np.isfinite(v):
        return "−∞" if v < 0 else "∞"
    text = f"{v:.{digits}f}" if abs(v) < 10 else f"{v:,.1f}"
    if text.strip("-0.") == "" and v:
        text = f"{v:.0e}"
    return text.replace("0.", ".", 1).replace("-", "−") if abs(v) < 1 and text[-3:-2] != "e" else (
        text.replace("-", "−"))
