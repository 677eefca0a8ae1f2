"""The texts of training dynamics, from a table (.csv, .tsv, .jsonl) with a column of guids."""

from pathlib import Path

from dynamics.reading import key
from plumbing.files import InputError, armed, note, shortened
from tables.records import column, records


def read_texts(path, text_columns=("text",), guid_column="guid", label_column=None):
    """{guid as text: (row number, text, label)} of a table; the label is "" if it has none.

    The cells of several text columns become one text, a line each. label_column: None takes a
    column `label` if there is one; a name that is given has to be there, and hold a label.
    """
    path, label = Path(path), label_column or "label"
    table, found = records(path, (*text_columns, guid_column, label)), {}
    _, header = next(table)
    place = lambda name, option: column(path, header, name, f"name another with {option}")
    guid_at = place(guid_column, "--guid-column")
    at = [place(name, "--text-column") for name in text_columns]
    labelled = label_column or label in [name.lower() for name in header]
    label_at = place(label, "--label-column") if labelled else None
    for number, row in table:
        if not row:
            continue
        if len(row) != len(header):
            raise InputError(f"{path}, row {number}: {len(row)} values for {len(header)} columns;"
                             " quote a text that contains the delimiter")
        guid = armed(row[guid_at]).strip()
        if guid in found or not guid:
            why = f"the guid {guid!r} is in row {found[guid][0]}, too" if guid else "it has no guid"
            raise InputError(f"{path}, row {number}: {shortened(why)}; a guid belongs to one text")
        text = "\n".join(armed(row[i]).strip() for i in at)
        found[guid] = number, text, armed(row[label_at]).strip() if labelled else ""
    if found and not any(text.strip() for _, text, _ in found.values()):  # JSON has no header
        raise InputError(f"{path} has no text in {' or '.join(map(repr, text_columns))}; name"
                         " another column with --text-column")
    if label_column and not any(label for *_, label in found.values()):
        raise InputError(f"{path} has no label in its column {label_column!r}; name another with"
                         " --label-column, or leave it out")
    return found


def joined(d, table, path):
    """(texts [N], labels [N]) of Dynamics d, from read_texts' table."""
    keys = [key(guid) for guid in d.guids]
    known = set(keys)
    if not known & table.keys():
        raise InputError(f"{path} has other guids than {d.path}, such as"
                         f" {shortened(next(iter(table), '-'), 40)!r} and"
                         f" {shortened(keys[0], 40)!r}; choose the column with --guid-column")
    for i, guid in enumerate(keys):
        if guid not in table:
            raise InputError(f"{d.where(i)}: the guid {shortened(guid, 60)!r} has no text in"
                             f" {path}; add a row for it")
    for guid, (number, *_) in table.items():
        if guid not in known:
            raise InputError(f"{path}, row {number}: the guid {shortened(guid, 60)!r} has no"
                             f" dynamics in {d.path}; give only the texts of the training")
    rows = [table[guid] for guid in keys]
    return [text for _, text, _ in rows], [label for *_, label in rows]


def classes_of(d, labels, table, path):
    """The names of the C classes: the table's labels if they fit the numbers, or else the numbers.

    They fit if each number always stands beside the same label, and each label beside one number.
    """
    names, numbers = {}, {}
    for guid, label, gold in zip(d.guids, labels, d.gold.tolist()):
        if not label:
            return [str(c) for c in range(d.C)]
        if names.setdefault(gold, label) != label or numbers.setdefault(label, gold) != gold:
            note(f"note: {path}, row {table[key(guid)][0]}: the label {shortened(label, 60)!r} is"
                 f" class {gold} here, but not everywhere; are these the guids of the training? The"
                 " page shows the numbers of the classes")
            return [str(c) for c in range(d.C)]
    return [names.get(c, str(c)) for c in range(d.C)]
