"""Labels that are not what they seem: two that look alike, words for "no label", typing errors.
And a list of the classes that there are."""

import io
import re
from collections import Counter
from decimal import Decimal

from plumbing.files import InputError, counted, note
from tables.copies import bare, key
from tables.encodings import BOMS, encoding_in

SKIP = "-"  # as a label: do not ask again
MISSING = {"nan", "none", "null", "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "?", "nat", "nil",
           "#ref!", "#value!", "#name?", "undefined", "unknown", "missing", "(blank)", "--", "---",
           "_", ".", SKIP, "tbd", "todo", "(empty)", "(none)", "no label", "unlabelled",
           "unlabeled", ""}  # SKIP: another dash, which a spreadsheet makes of it; "": invisible
NUMBER = re.compile(r"[+-]?\d+([.,]\d*)?(e[+-]?\d{1,3})?")
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
LETTERS = str.maketrans("асеорхуіјѕвкмнтαορνικτ", "aceopxyijsbkmhtaopvikt")  # Cyrillic, Greek


def named(label, most=40):
    """A label as a sentence can quote it: in quotes, escaped, cut off if it is long."""
    if len(label) <= most:
        return repr(label)
    return f"{repr(label[:most])[:-1]}…' ({len(label):,} characters)"


def listed(names, most=8):
    """Names as a sentence can list them: the first ones, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def look(label):
    """What labels that look alike share: case and punctuation do not count, numbers are values.

    A Cyrillic or Greek letter counts as the Latin letter that it looks like.
    """
    same = key(label)
    number = same.replace(",", "") if THOUSANDS.fullmatch(same) else same.replace(",", ".")
    if NUMBER.fullmatch(number):
        return f"{Decimal(number).normalize() + 0:f}"
    return bare(same.translate(LETTERS))


def warn_of_labels(path, labels, others=(), skipped=0):
    """Warn of labels that look like errors. labels: of a table's rows, without '' and -.

    others: the labels of a test file, which may look like other ones of the table. skipped: how
    many rows of the file itself have the label -.
    """
    counts = Counter(labels)
    if skipped:
        note(f"note: {path}: {counted(skipped, 'row')} with the label '-', which means that the"
             " text is skipped; if '-' is a class, give it another name")
    warn_of_looks(counts + Counter(others))
    for label in sorted(label for label in counts if key(label) in MISSING):
        note(f"warning: {path}: {counted(counts[label], 'row')} with the label {named(label)},"
             " which is taken for a class; if it means that there is no label, empty these cells")
    if once := sorted(label for label, n in counts.items() if n == 1):
        note("warning: labels that occur only once (a typing error?): "
             + listed([*map(named, once)]))
    for mark in ";|,":
        several = [label for label in counts if mark in label and len(counts) > 1
                   and {part.strip() for part in label.split(mark)} & counts.keys()]
        if several:
            note(f"warning: {named(several[0])} looks like several labels in one, but a text has"
                 " one label here, so it counts as another class")


def warn_of_looks(counts):
    """Warn of the classes {label: number of rows} that look alike."""
    alike = {}
    for label in counts:
        alike.setdefault(look(label), []).append(label)
    told = []
    for same in (sorted(labels) for labels in alike.values() if len(labels) > 1):
        case = len({" ".join(label.casefold().split()) for label in same}) == 1
        show = named if case or all(map(str.isascii, same)) else lambda label: ascii(label[:40])
        told.append(listed([f"{show(label)} ({counts[label]:,})" for label in same]))
    if told:
        note("warning: these labels look alike but count as different classes: "
             + "; ".join(told[:8]) + (f"; and {len(told) - 8:,} more" if len(told) > 8 else "")
             + "; if they are one class, write them the same way")


# ---- a list of classes --------------------------------------------------------------------------


def read_classes(path):
    """The classes in a file, one per line, in its order; an InputError if it is no such list."""
    try:
        raw = path.read_bytes()
        if b"\0" in raw and b"\0" not in raw[:4] and raw[:2] not in BOMS:
            raise UnicodeError
        lines = raw.decode(encoding_in(io.BytesIO(raw), path)).lstrip("\ufeff").splitlines()
    except FileNotFoundError:
        raise InputError(f"there is no file {path}; give one with a class per line")
    except UnicodeError:
        raise InputError(f"{path} is not a text file; give one with a class per line")
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}; give a file with a class per line")
    first = {}
    for number, line in enumerate(lines, 1):
        name = line.strip()
        if name == SKIP:
            raise InputError(f"{path}, line {number}: '-' means that a text is skipped; give the"
                             " class another name")
        if name and first.setdefault(name, number) != number:
            raise InputError(f"{path}, line {number}: the class {named(name)} is in line"
                             f" {first[name]} already; remove one of them")
    if len(first) < 2:
        raise InputError(f"{path} has {'one class' if first else 'no class'}; give at least two,"
                         " one per line")
    warn_of_looks(dict.fromkeys(first, 1))
    return tuple(first)


def warn_of_others(path, classes, found):
    """Warn of labels that a list of classes does not have. found: (row number, label) of rows."""
    rows, near = {}, {look(name): name for name in classes}
    for number, label in found:
        if label not in classes:
            rows.setdefault(label, []).append(number)
    for label, numbers in list(rows.items())[:8]:
        meant = near.get(look(label))
        note(f"warning: {path} does not have the class {named(label)} of row"
             f"{'s' if len(numbers) > 1 else ''} {listed([f'{n:,}' for n in numbers], 5)}"
             + (f"; is it {named(meant)}?" if meant else "; correct the label or add the class"))
    if len(rows) > 8:
        note(f"warning: {path} does not have {len(rows) - 8:,} more classes of the table")
