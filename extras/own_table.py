"""A table of texts and labels of one's own: .csv or .tsv, a simulation or texts still to label."""

from collections import Counter
from pathlib import Path

import numpy as np

from data import seed_set
from extras.answers import answers
from plumbing.files import InputError, note
from plumbing.tables import column, records


def read_table(path, _data_dir=None, text_column="text", label_column="label", test=None,
               folder=None):
    """A .csv or .tsv file of texts and labels; where no label is empty, a simulation.

    A simulation is tested on `test`, a second file, or on a stratified fifth of the rows. folder:
    where labels were filled in for rows that have none in the file (extras.answers).
    """
    filled = answers(folder) if folder else {}
    rows = read_rows(path, text_column, label_column, filled)
    numbers, texts, labels = (list(column) for column in zip(*rows))
    found = Counter(labels)
    unlabelled, classes = found.pop("", 0), sorted(found)
    if len(classes) < 2:
        raise InputError(
            f"{path}: " + (f"every label is {classes[0]!r}" if classes else "no row has a label")
            + ", and there must be two classes at least; label some texts drawn at random")
    warn_of_duplicates(path, rows)
    held_out = read_rows(Path(test), text_column, label_column, {}) if test else []
    if any(not label for _, _, label in held_out):
        raise InputError(f"{test}, row {next(n for n, _, c in held_out if not c)}: no label")
    if not unlabelled and not test:
        if once := [c for c in classes if found[c] == 1]:
            row = numbers[labels.index(once[0])]
            raise InputError(f"{path}, row {row}: the label {once[0]!r} stands nowhere else, and"
                             " training and test need one each")
        y = np.array([classes.index(c) for c in labels])
        fifth = set(seed_set(y, max(1, len(y) // 5), 0).tolist())
        held_out = [row for i, row in enumerate(rows) if i in fifth]
        rows = [row for i, row in enumerate(rows) if i not in fifth]
        numbers, texts, labels = (list(column) for column in zip(*rows))
    N = len(texts)
    return {
        "train": (texts, labels), "test": ([r[1] for r in held_out], [r[2] for r in held_out]),
        "row_numbers": np.array(numbers), "max_len": 200, "batch_size": 16 if N < 20_000 else 64,
        "seed_size": min(500, max(10 * len(classes), N // 20)), "picks": min(50, -(-N // 50)),
        "folder": path.resolve().parent, "stem": path.name,
    }


def read_rows(path, text_column, label_column, filled):
    """[(row number, text, label)] of the rows that have a text; a label may be empty.

    An InputError names the file, and the row, where it cannot be read.
    """
    table, rows, skipped = records(path, (text_column, label_column)), [], 0
    _, header = next(table)
    where = [column(path, header, name) for name in (text_column, label_column)]
    for number, row in table:
        if row and len(row) != len(header):
            raise InputError(f"{path}, row {number}: {len(row)} values, and there are"
                             f" {len(header)} columns")
        text, label = (row[i].strip() for i in where) if row else ("", "")
        label = label or filled_label(path, number, text, filled)
        if text:
            rows.append((number, text, label))
        else:
            skipped += bool(row)
    if not rows:
        raise InputError(f"{path} has no row with a text")
    if skipped:
        note(f"note: {path}: {skipped:,} rows without a text are skipped")
    return rows


def filled_label(path, number, text, filled):
    """The label that a row without one has been given elsewhere, or ''."""
    same, label = filled.get(number, (text, ""))
    if same != text:
        raise InputError(f"{path}, row {number}: the text is not the one that was labelled as row"
                         f" {number}; have rows been moved? (Those labels are kept in labels.csv,"
                         " beside next_batch.csv.)")
    return label


def warn_of_duplicates(path, rows):
    """Say how many texts stand there more than once, with labels that differ."""
    first, differing = {}, {}
    for number, text, label in rows:
        if label and first.setdefault(text, (number, label))[1] != label:
            differing.setdefault(text, (first[text][0], number))
    if differing:
        a, b = next(iter(differing.values()))
        note(f"warning: {path}: {len(differing):,} texts stand there with different labels, the"
             f" first in rows {a} and {b}")


def warn_of_classes(data, y):
    """Warnings on stderr of what L [n] lacks: classes with few labels, and with none."""
    counts = dict(zip(data.classes, np.bincount(y, minlength=len(data.classes)).tolist()))
    if few := [f"{c} ({n})" for c, n in counts.items() if 0 < n < 5]:
        note(f"warning: classes with fewer than five labels: {', '.join(few)}")
    if none := [c for c, n in counts.items() if not n]:
        note(f"warning: no labelled text of {', '.join(none)}; it cannot be predicted")
