"""Results of labelling as files: predictions, the finished table, its classes."""

import numpy as np

from plumbing.files import InputError, armed, write_csv
from tables.answers import SKIP, key
from tables.records import column, records


def write_predictions(path, data, p):
    """predictions.csv: each text without a label, its likeliest class and that one's probability,
    the surest first. p [N, C]."""
    rows = np.flatnonzero(data.y < 0)
    best, share = p[rows].argmax(1), p[rows].max(1)
    order = np.argsort(-share, kind="stable").tolist()
    write_csv(path, ["row", "text", "predicted", "probability"], (
        [data.row_numbers[rows[i]], data.texts[rows[i]], data.classes[best[i]], f"{share[i]:.4f}"]
        for i in order))


# ---- the finished table -------------------------------------------------------------------------


def write_labelled(request, answers, p=None):
    """labelled.csv: the table as it is in the file, with every label there is by now.

    A last column, `source`, tells where a label comes from: yours (the file), answered (how the
    text was chosen), copied from row N, or accepted at P: predicted with at least the probability
    request.accept. p [N, C]: probabilities of all rows, for those.
    """
    data, path = request.data, request.table
    text_of = dict(zip(data.row_numbers.tolist(), data.texts))
    label_of = {int(n): data.classes[c] for n, c in zip(data.row_numbers, data.y) if c >= 0}
    accepted = accept(data, p, request.accept) if request.accept and p is not None else {}
    _, header = next(records(path, (request.text_column, request.label_column)))
    at, text_at = (column(path, header, name) for name in
                   (request.label_column, request.text_column))
    source = free_name("source", header)
    origins = own_labels(request, text_at, at) if request.source else {}

    def filled():
        table = records(path, (request.text_column, request.label_column))
        next(table)
        for number, cells in table:
            if cells:
                cells = [armed(cell) for cell in cells]
                own, text = cells[at].strip(), cells[text_at]
                if text.strip() != text_of.get(number, ""):
                    raise InputError(f"{path}, row {number}: this is not the text that was read;"
                                     " the table has changed meanwhile, so run the command again")
                cells[at] = label_of.get(number, cells[at])
                why = source_of(number, text, own, cells[at], answers, origins)
                if number in accepted:
                    cells[at], why = accepted[number]
                yield [*cells, why] if request.source else cells

    write_csv(request.folder / "labelled.csv",
              [*header, source] if request.source else header, filled())


def accept(data, p, least):
    """{row number: (class, where it comes from)} of texts without a label that are predicted with
    at least the probability `least`."""
    rows = np.flatnonzero(data.y < 0)
    if data.kind is not None:
        rows = rows[data.kind[rows] != "skipped"]
    rows = rows[p[rows].max(1) >= least]
    return {int(data.row_numbers[i]): (data.classes[p[i].argmax()], f"accepted at {p[i].max():.2f}")
            for i in rows}


def columns_of(request, numbers):
    """{row number: its cells of the columns request.show} of some rows of the table."""
    if not request.show:
        return {number: [] for number in numbers}
    table, wanted = records(request.table, request.show), set(numbers)
    _, header = next(table)
    at = [column(request.table, header, name) for name in request.show]
    return {number: [armed(cells[i]) for i in at] for number, cells in table if number in wanted}


def own_labels(request, text_at, at):
    """{a text's key: the first row number with a label in the file itself}."""
    table, found = records(request.table, (request.text_column, request.label_column)), {}
    next(table)
    for number, cells in table:
        if cells and cells[at].strip() not in ("", SKIP):
            found.setdefault(key(armed(cells[text_at])), number)
    return found


def source_of(number, text, own, label, answers, origins):
    """Where a row's label comes from; "" without one. own: what the file itself has."""
    if not label or label == SKIP:
        return ""
    if own == label:
        return "yours"
    answer = answers.by_text.get(key(text))
    if answer and answer.label == label:
        return f"answered ({answer.how})" if answer.row == number and answer.how else (
            "answered" if answer.row == number else f"copied from row {answer.row}")
    origin = origins.get(key(text))
    return f"copied from row {origin}" if origin else "answered"


def free_name(name, header):
    """`name`, or the same with underscores behind, so that no column has it."""
    while name.lower() in {found.lower() for found in header}:
        name += "_"
    return name
