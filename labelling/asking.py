"""What is asked of whom: next_batch.csv, and the same texts on the labelling page."""

from collections import Counter
from dataclasses import dataclass

from labelling import kernel, outcome
from plumbing.files import write_csv
from tables.answers import COLUMNS, NEXT, key, saved_since

TWICE = 10  # of so many texts of a batch, two people get one both, if there are two


@dataclass
class Batch:
    """What is asked for: rows of the data in order; how, {row: how it was chosen}; number, from 1.

    columns: names of the table's own columns; beside, {row: its cells of them}.
    """

    rows: list
    how: dict
    number: int
    columns: list
    beside: dict


def batch_of(request, answers, rows, how):
    """The Batch of some rows."""
    return Batch(rows, how, answers.next_batch, *outcome.columns_of(request, rows))


def shared(rows, people):
    """[(row, person)]: each row for one of them in turn, and every tenth for two of them.

    Without people, each row is for ''.
    """
    out, P = [], len(people)
    for i, row in enumerate(rows):
        twice, before = i % TWICE == 0 and P > 1, -(-i // TWICE)  # rows so far that two got
        turn = before if twice else i - before
        out += [(row, people[(turn + j) % P] if P else "") for j in range(1 + twice)]
    return out


def ask(request, answers, batch, predicted):
    """Write next_batch.csv: the rows in order, with a last column for their labels.

    Returns the answers, with those that a person saved while this command ran.
    """
    answers = saved_since(request.folder, answers)
    data, people = request.data, request.annotators
    names = ["row", "text", "how", "batch", "predicted", *["who"] * bool(people)]
    own = []
    for name in batch.columns:
        own.append(outcome.free_name(name, [*names, *COLUMNS, *own]))
    write_csv(request.folder / NEXT, [*names, *own, "label"], [
        [data.row_numbers[i], data.texts[i], batch.how[i], batch.number,
         data.classes[predicted[i].argmax()] if len(predicted) else "",
         *[who] * bool(people), *batch.beside[i], ""] for i, who in shared(batch.rows, people)])
    return answers


def asked(request, batch, team=None):
    """What the page shows of each row that is asked for, as dicts.

    who: the people that are asked; likely: the nine likeliest classes and their probabilities;
    terms: the words that speak for the first; copies: how many rows have the text; context: columns
    of the table.
    """
    data, rows = request.data, batch.rows
    wanted, who = {key(data.texts[row]) for row in rows}, {}
    for row, name in shared(rows, request.annotators):
        who.setdefault(row, []).append(name)
    copies = Counter(k for k in map(key, data.texts) if k in wanted)
    likely = {row: team.p[row].argsort(kind="stable")[::-1][:9] if team else [] for row in rows}
    terms = kernel.speaking(team.features, team.fitted, {
        row: best[0] for row, best in likely.items()}, data.texts) if team else {}
    shown = []
    for row, best in likely.items():
        shown.append({
            "row": int(data.row_numbers[row]), "text": data.texts[row], "how": batch.how[row],
            "who": who[row], "predicted": data.classes[best[0]] if team else "",
            "likely": [[data.classes[c], round(float(team.p[row, c]), 3)] for c in best],
            "terms": terms.get(row, []), "copies": copies[key(data.texts[row])],
            "context": list(zip(batch.columns, batch.beside[row]))})
    return shown
