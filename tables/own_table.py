"""Your own table (.csv, .tsv, .jsonl), for a simulation or with texts that need labels."""

import contextlib
import functools
from collections import Counter
from pathlib import Path

import numpy as np

from plumbing.files import InputError, armed, counted, note, shortened
from tables.answers import KEPT, SKIP, Answers, key, read, read_answers
from tables.copies import bare, groups, is_empty
from tables.labels import listed, named, warn_of_labels
from tables.records import column, records
from tables.remarks import warn_of_answers


def read_table(path, _data_dir=None, text_column="text", label_column="label", test=None,
               folder=None, stratified=None):
    """A file of texts and labels; if no label is empty in the file, it is for a simulation.

    A simulation is tested on `test`, a second file, or on a stratified fifth of the rows. folder:
    the results folder, with labels that people filled in (tables.answers). The label `-` means no
    label; the row's kind is `skipped`. It is `filled` if a copy or an answer gave its label.
    stratified: data.seed_set, which draws the fifth.
    """
    answers = read_answers(folder) if folder else Answers()
    rows, length = read_rows(path, text_column, label_column)
    own, rows = rows, with_answers(path, rows, answers,
                                   lambda: labels_before(folder, text_column, label_column))
    if folder:
        warn_of_answers(folder, answers, own)
        if not answers.given and not all(label for *_, label in own):
            warn_of_other_folders(folder, own)
    held_out, more = read_test(Path(test), text_column, label_column) if test else ([], 0)
    if any(not label for _, _, _, label in held_out):
        raise InputError(f"{test}, row {next(n for _, n, _, c in held_out if not c)}: this row has"
                         " no label; every text of --test needs one")
    labels = [label for *_, label in rows if label and label != SKIP]
    simulation = all(label not in ("", SKIP) for *_, label in own) and not answers.given
    if simulation:
        check_classes(path, rows)
    warn_of_labels(path, labels, [label for *_, label in held_out],
                   sum(label == SKIP for *_, label in own))
    warn_of_duplicates(path, rows)
    if simulation and not test:
        held_out, rows = split(path, rows, stratified)
    elif test:
        warn_of_shared(path, rows, test, held_out)
        held_out = [(length + place, *rest) for place, *rest in held_out]
    places, numbers, texts, labels = (list(column) for column in zip(*rows))
    N, skipped = len(texts), np.array(labels) == SKIP
    kind = np.where(skipped, "skipped", "")
    if not simulation:  # which may have moved rows
        kind[[not before and label not in ("", SKIP)
              for (*_, before), label in zip(own, labels)]] = "filled"
    labels = ["" if label == SKIP else label for label in labels]
    return {
        "train": (texts, labels), "test": ([r[2] for r in held_out], [r[3] for r in held_out]),
        "row_numbers": np.array(numbers), "max_len": 200, "batch_size": 16 if N < 20_000 else 64,
        "seed_size": min(500, max(10 * len(set(labels)), N // 20)), "picks": min(50, -(-N // 50)),
        "kind": kind if (kind != "").any() else None, "stem": path.name,
        "places": np.array([*places, *(r[0] for r in held_out)]), "length": length + more,
    }


def split(path, rows, stratified):
    """(a stratified fifth, the rest) of a simulation's rows; a text's copies are in one of them.

    If texts stand in several rows, the fifth is drawn among the distinct texts, and each of its
    texts counts once.
    """
    group = groups([text for _, _, text, _ in rows])
    first = np.unique(group, return_index=True)[1]  # [groups], each one's first row
    own, y = np.unique([rows[i][3] for i in first], return_inverse=True)
    if (few := np.bincount(y) < 2).any() or len(own) < 2:
        label = str(own[few.argmax()])
        raise InputError(f"{path}: the label {named(label)} has one text alone, if copies of a text"
                         " count once, and training and test set need one each of two classes; add"
                         " another, or remove it")
    fifth = set(stratified(y, max(1, len(y) // 5), 0).tolist())
    held_out = [rows[first[g]] for g in sorted(fifth)]
    rest = [row for g, row in zip(group.tolist(), rows) if g not in fifth]
    if len(first) < len(rows):
        left_out = len(rows) - len(rest) - len(held_out)
        note(f"note: {path}: {len(rows):,} rows hold {counted(len(first), 'different text')}; the"
             " test set shares no text with the training set and has each text once"
             f" ({counted(left_out, 'row')} not used)")
    return held_out, rest


def warn_of_shared(path, rows, test, held_out):
    """Warn of texts that the test file shares with the table."""
    known, own = ({bare(text) for _, _, text, _ in of} for of in (rows, held_out))
    if len(own) < len(held_out):
        note(f"note: {test}: {len(held_out):,} rows hold {counted(len(own), 'different text')}, and"
             " each row counts")
    if shared := [number for _, number, text, _ in held_out if bare(text) in known]:
        note(f"warning: {counted(len(shared), 'text')} of {test} also in {path}, the first in row"
             f" {shared[0]}; a model has seen them, so its accuracy looks too high; remove them")


def read_test(path, text_column, label_column):
    """read_rows of a second file, whose column of labels cannot be left empty."""
    return read_rows(path, text_column, label_column, "name")


def read_rows(path, text_column, label_column, without="add an empty column {!r}, or name"):
    """([(place, row number, text, label)] of the rows with a text, the number of all rows).

    place: 0 for the first row below the header; rows without a text count, blank lines do not. A
    cell that files.disarmed changed is restored. An InputError names the file, and the row that
    cannot be read. without: how its advice begins if there is no column of labels.
    """
    table, rows, place, skipped = records(path, (text_column, label_column)), [], -1, 0
    _, header = next(table)
    text_at = column(path, header, text_column, "name the column of texts with --text-column")
    label_at = column(path, header, label_column, without.format(label_column)
                      + " the column of labels with --label-column")
    if text_at == label_at:
        raise InputError(f"{path}: {header[text_at]!r} is the column of texts and that of labels;"
                         " name another one with --text-column or --label-column")
    for number, row in table:
        if not row:
            continue
        place += 1
        if len(row) != len(header):
            raise InputError(f"{path}, row {number}: {len(row)} values for {len(header)} columns;"
                             " quote a text that contains the delimiter")
        text, label = armed(row[text_at]).strip(), armed(row[label_at]).strip()
        if is_empty(text):
            skipped += 1
        else:
            rows.append((place, number, text, label))
    if not rows:
        raise InputError(f"{path} has no row with a text in its column {text_column!r}; choose a"
                         " column with --text-column")
    if skipped:
        note(f"note: {path}: skipped {counted(skipped, 'row')} without a text")
    return rows, place + 1


def with_answers(path, rows, answers, before=dict):
    """The rows with the labels that people filled in for them, or that copies of them have.

    Copies of a text (which may differ in case and white space) share a label if the labels in the
    file agree. A label that a person looked at again replaces the file's own. An answer is found by
    its text, or by its row if the text there has been changed a little. before: returns the table's
    {key of a text: label} of the last call; a text that had another label then has only moved.
    """
    if not answers.by_text and all(label for *_, label in rows):
        return rows
    given, used, out = {}, {}, []
    for _, _, text, label in rows:
        if label:
            given.setdefault(key(text), set()).add(label)
    known = {k for _, _, text, _ in rows if (k := key(text)) in answers.by_text
             } if answers.by_text else ()
    before = functools.cache(before)  # it is seldom needed
    for place, number, text, label in rows:
        k = key(text)
        answer = answers.by_text.get(k)
        if answer and answer.reviewed:
            label = answer.label
        elif not label:
            if not answer and (near := answers.mended(number, text, known)) and before().get(
                    k, near.label) == near.label:
                answer, used[number] = near, (near, text)
            label = answer.label if answer else ""
            if not label and len(given.get(k, ())) == 1:
                label = next(iter(given[k]))
        out.append((place, number, text, label))
    report_mended(path, used, before)
    if lost := answers.lost({*known, *(key(near.text) for near, _ in used.values())}):
        note(f"warning: not used: {counted(len(lost), 'label')} of texts that {path} does not"
             f" contain now, the first for row {lost[0].row}, {lost[0].text[:40]!r}; labels.csv"
             " keeps such labels")
    return out


def report_mended(path, used, before):
    """Say which answers were found by their row alone for the first time.

    used: {row number: (Answer, the text there now)}; before: see with_answers.
    """
    new = [(number, *found) for number, found in used.items() if key(found[1]) not in before()]
    if new:
        number, a, text = new[0]
        note(f"note: {path}: {counted(len(new), 'text')} changed a little since a label was given,"
             f" the first in row {number}, {shortened(repr(text), 60)}, which was"
             f" {shortened(repr(a.text), 60)}; the label {named(a.label)} stays; if it is wrong,"
             " write the right one into the table")


def labels_before(folder, text_column, label_column):
    """{a text's key: its label} as labelled.csv had them after the last call, {} without one."""
    try:
        table = records(folder / "labelled.csv", (text_column, label_column))
        header = next(table)[1]
        text_at, label_at = (column(folder, header, name) for name in (text_column, label_column))
        return {key(armed(row[text_at])): armed(row[label_at]) for _, row in table if row}
    except (InputError, IndexError):
        return {}


def warn_of_other_folders(folder, rows):
    """Say that another results folder has answers to these texts, and this one has none."""
    shared = Counter()
    if paths := [path for path in folder.parent.glob(f"*/{KEPT}") if path.parent != folder]:
        texts = {key(text) for _, _, text, _ in rows}
        for path in sorted(paths):
            with contextlib.suppress(InputError):
                shared[path] = sum(a.label != "" and key(a.text) in texts for a in read(path))
    for path, n in shared.most_common(1):
        if n:
            note(f"note: {path} has {counted(n, 'answer')} to texts of this table, which are not"
                 f" used here; to use them, copy it to {folder / KEPT}")


def check_classes(path, rows):
    """Refuse a simulation with fewer than two classes, or with a class that cannot be split."""
    counts = Counter(label for *_, label in rows)
    if len(counts) < 2:
        raise InputError(f"{path}: every label is {named(rows[0][3])}; give a table with at least"
                         " two classes")
    alone = [(number, label) for _, number, _, label in rows if counts[label] == 1]
    if len(alone) == 1:
        number, label = alone[0]
        raise InputError(f"{path}, row {number}: no other row has the label {named(label)}, and"
                         " training and test set need one each; add another or remove it")
    if alone:
        number, label = alone[0]
        raise InputError(f"{path}, row {number}: no other row has the label {named(label)}, and"
                         f" {len(alone) - 1:,} more rows are alone with theirs; training and test"
                         " set need one each; add others, remove them, or choose the column of"
                         " classes with --label-column")


def warn_of_duplicates(path, rows):
    """Warn of texts that are in the table more than once, with different labels."""
    first, differing = {}, {}
    for _, number, text, label in rows:
        if label and first.setdefault(key(text), (number, label))[1] != label:
            differing.setdefault(key(text), (first[key(text)][0], number))
    if differing:
        a, b = next(iter(differing.values()))
        note(f"warning: {path}: different labels for copies of {counted(len(differing), 'text')},"
             f" the first in rows {a} and {b}")


def warn_of_classes(data, y):
    """Warn of classes for which the labels y [n] are few, or none."""
    counts = dict(zip(data.classes, np.bincount(y, minlength=len(data.classes)).tolist()))
    if few := [f"{shortened(c, 40)} ({n})" for c, n in counts.items() if 0 < n < 5]:
        note(f"warning: classes with fewer than five labels: {listed(few)}")
    if none := [shortened(c, 40) for c, n in counts.items() if not n]:
        note(f"warning: classes without a labelled text: {listed(none)}; models cannot predict"
             " them")
