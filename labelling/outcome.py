"""Results of labelling as files: predictions, the finished table, its classes."""

import numpy as np

from plumbing.files import InputError, armed, write_csv
from tables.answers import CORRECTED, SKIP, key
from tables.copies import is_empty
from tables.records import column, records

CHANGED = "the table has changed meanwhile, so run the command again"
SURE = 0.9  # from this probability on, finished.csv marks a prediction as one to accept


def unlabelled(data):
    """The rows without a label that are not skipped (-): what a model may give a label to."""
    rows = np.flatnonzero(data.y < 0)
    return rows if data.kind is None else rows[data.kind[rows] != "skipped"]


def write_predictions(path, data, p):
    """predictions.csv: each row of `unlabelled`, its likeliest class and that one's probability,
    the surest first. p [N, C]."""
    rows = unlabelled(data)
    best, share = p.argmax(1)[rows], p.max(1)[rows]  # p[rows] would be a second p
    order = np.argsort(-share, kind="stable").tolist()
    write_csv(path, ["row", "text", "predicted", "probability"], (
        [data.row_numbers[rows[i]], data.texts[rows[i]], data.classes[best[i]], f"{share[i]:.4f}"]
        for i in order))


# ---- the whole table ----------------------------------------------------------------------------


def write_labelled(request, answers, p=None):
    """labelled.csv: the table as it is in the file, with every label there is by now.

    A last column, `source`, tells where a label comes from (source_of), or accepted at P: predicted
    with at least the probability request.accept. p [N, C]: probabilities of all rows, for those.
    """
    data = request.data
    accepted = {} if request.accept is None or p is None else accept(data, p, request.accept)
    table = filled(request, answers, request.source)
    header, at = next(table)

    def rows():
        for number, cells, why in table:
            if number in accepted:
                cells[at], why = accepted[number]
            yield [*cells, why] if request.source else cells

    source = [free_name("source", header)] if request.source else []
    write_csv(request.folder / "labelled.csv", [*header, *source], rows())


def write_finished(request, answers, p):
    """finished.csv: the table with a label in every row, whatever happens next. p [N, C].

    source: person or model, or skipped, where no label is given. probability: the model's. accept:
    yes for a person's label and for a probability of at least request.accept (SURE), else look.
    """
    data, least = request.data, sure(request)
    best, share = p[: len(data.y)].argmax(1), p[: len(data.y)].max(1)
    place = {int(number): i for i, number in enumerate(data.row_numbers)}
    table = filled(request, answers, sources=False)
    header, at = next(table)

    def rows():
        for number, cells, _ in table:
            i = place.get(number)
            more = ["", "", ""]
            if i is None:
                cells[at] = ""
            elif data.y[i] >= 0:
                more = ["person", "", "yes"]
            elif data.kind is not None and data.kind[i] == "skipped":
                cells[at], more = "", ["skipped", "", ""]
            else:
                cells[at] = data.classes[best[i]]
                more = ["model", f"{share[i]:.4f}", "yes" if share[i] >= least else "look"]
            yield [*cells, *more]

    names = list(header)
    for name in ("source", "probability", "accept"):
        names.append(free_name(name, names))
    write_csv(request.folder / "finished.csv", names, rows())


def filled(request, answers, sources):
    """(the header, the label's place), then (number, cells, source_of) of every row with cells.

    An InputError if the table is another one than was read.
    """
    data, path = request.data, request.table
    text_of = dict(zip(data.row_numbers.tolist(), data.texts))
    label_of = {int(n): data.classes[c] for n, c in zip(data.row_numbers, data.y) if c >= 0}
    table = records(path, (request.text_column, request.label_column))
    _, header = next(table)
    at, text_at = (column(path, header, name, CHANGED) for name in
                   (request.label_column, request.text_column))
    origins = own_labels(request, text_at, at) if sources else {}
    yield header, at
    for number, cells in table:
        if cells:
            cells = [armed(cell) for cell in cells]
            own, text = cells[at].strip(), cells[text_at]
            if ("" if is_empty(text) else text.strip()) != text_of.get(number, ""):
                raise InputError(f"{path}, row {number}: this is not the text that was read;"
                                 f" {CHANGED}")
            cells[at] = label_of.get(number, cells[at])
            yield number, cells, sources and source_of(number, text, own, cells[at], answers,
                                                       origins)


def sure(request):
    """The probability from which on a prediction is marked as one to accept."""
    return SURE if request.accept is None else request.accept


def accept(data, p, least):
    """{row number: (class, where it comes from)} of texts without a label that are predicted with
    at least the probability `least`."""
    rows = unlabelled(data)
    rows = rows[p.max(1)[rows] >= least]
    return {int(data.row_numbers[i]): (data.classes[p[i].argmax()], f"accepted at {p[i].max():.2f}")
            for i in rows}


def columns_of(request, rows):
    """(names, {row: its cells}) of columns of the table, for some rows of the data: request.show,
    or all but the text's and the label's."""
    table = records(request.table, (request.text_column, request.label_column))
    _, header = next(table)
    place = lambda name, advice: column(request.table, header, name, advice)
    own = {place(name, CHANGED) for name in (request.text_column, request.label_column)}
    at = ([place(name, "name some of them with --show") for name in request.show] if request.show
          else [i for i in range(len(header)) if i not in own])
    wanted = {int(request.data.row_numbers[row]): row for row in rows}
    names = [header[i] for i in at]
    if not at or not wanted:
        return names, {row: [] for row in rows}
    return names, {wanted[number]: [armed(cells[i]) for i in at] for number, cells in table
                   if number in wanted}


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
    if answer and answer.label == label and answer.row == number:
        how = answer.how if answer.how != CORRECTED else ""
        return "".join(["corrected" if own else "answered",
                        f" by {answer.who}" if answer.who else "",
                        f" in batch {answer.batch}" if answer.batch else "",
                        f" ({how})" if how else ""])
    origin = answer.row if answer and answer.label == label else origins.get(key(text))
    return f"copied from row {origin}" if origin else "answered"


def free_name(name, header):
    """`name`, or the same with underscores behind, so that no column has it."""
    while name.lower() in {found.lower() for found in header}:
        name += "_"
    return name
