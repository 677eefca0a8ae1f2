"""What is said of the labels that people gave: warnings, and what cannot be meant as a label."""

from collections import Counter

from plumbing.files import BACKUP, InputError, counted, note
from tables.answers import DOUBTED, KEPT, NEXT
from tables.copies import key
from tables.labels import SKIP, named

MARKS = {"yes", "no", "y", "n", "x", "ok", "okay", "true", "false", "right", "wrong", "correct",
         "1", "0", "done", "checked", "same"}  # what people write into `checked` instead of a label


def warn_of_answers(folder, answers, rows):
    """Warn of texts with two different answers, and of answers that the table contradicts.

    rows: (place, row number, text, label) of the table as it is in the file.
    """
    if lost := answers.restored:
        note(f"warning: {KEPT} lacks {counted(len(lost), 'label')} of {folder / BACKUP / KEPT}, the"
             f" first for row {lost[0].row}; they still count; to take a label back, empty its cell"
             f" in {KEPT} instead of removing its row")
    if stale := answers.stale:
        note(f"note: {KEPT} has {counted(len(stale), 'label')} again that had been taken back or"
             f" changed, the first for row {stale[0].row}, {named(stale[0].label)}; an older page"
             " has saved it, and they are not used; to use one, give it again on the new page")
    if again := answers.kept_by_others:
        emptied, other = again[0]
        note(f"warning: {counted(len(again), 'label')} emptied in one file and still in another,"
             f" the first for row {other.row}, in {emptied.file} and {other.file};"
             f" {named(other.label)} counts; to take it back, empty its cell in {other.file}, too")
    warn_of_strays(folder)
    pairs = {key(after.text): (before, after) for before, after in answers.conflicts}
    if pairs:
        before, after = next(iter(pairs.values()))
        by = lambda a: f"{named(a.label)} {f'by {a.who}' if a.who else f'in {a.file}'}"
        note(f"warning: {counted(len(pairs), 'text')} with different answers, the first in row"
             f" {after.row}: {by(before)}, {by(after)}; {KEPT} keeps both, and {named(after.label)}"
             f" counts; settle it in {DOUBTED}, or empty the wrong one's cell in {KEPT}")
    against = [(number, label, a.label) for _, number, text, label in rows
               if label and (a := answers.by_text.get(key(text))) and a.label
               and a.label != label and not a.reviewed] if answers.given else ()
    if against:
        number, label, answer = against[0]
        note(f"warning: {counted(len(against), 'row')} of the table with another label than the"
             f" answers in {folder}, the first in row {number}: {named(label)} in the table,"
             f" {named(answer)} in the answers; the table's label counts; correct the wrong one")
    warn_of_renamed(folder, answers, {label for *_, label in rows if label})
    for lock in (*folder.glob(f".~lock.{NEXT}#"), *folder.glob(f"~${NEXT}")):
        note(f"warning: {NEXT} is open in a spreadsheet ({lock.name}); this command replaces it, so"
             " close it there before you label the next batch")


def warn_of_strays(folder):
    """Warn of files whose names say that people's answers are in them, and that are not read."""
    stems = [name.partition(".")[0] for name in (KEPT, NEXT, DOUBTED)]
    strays = sorted(
        path.name for path in folder.glob("*") if path.name[0] not in ".~"
        and any(stem in path.name.lower() for stem in stems)
        and not (path.name.startswith(tuple(stems)) and path.name.endswith(".csv")))
    if strays:
        stem = next(stem for stem in stems if stem in strays[0].lower())
        note(f"warning: {folder / strays[0]} is not read; if it holds answers, save it as a .csv"
             f" file whose name begins with {stem}"
             + (f" (so are {counted(len(strays) - 1, 'other file')})" if strays[1:] else ""))


def refuse_marks(folder, answers, data, classes):
    """Refuse a word such as yes where the right label is to be written, unless it is a class.

    classes: those of --classes. An InputError names the first.
    """
    looked = {key(a.text): a for a in answers.by_text.values() if a.reviewed}
    marked = [a for a in looked.values() if a.label.lower() in MARKS]
    if marked:
        known = {*classes, *(data.classes[c] for text, c in zip(data.texts, data.y)
                             if c >= 0 and key(text) not in looked)}
        for a in marked:
            if a.label not in known:
                raise InputError(f"{folder / a.file}: the text of row {a.row} has been given the"
                                 f" label {named(a.label)}, which no other text has; write the"
                                 " right label there, the same one again if it is right; if"
                                 f" {named(a.label)} is a class, list all classes in a file, one"
                                 " per line, and give it with --classes")


def warn_of_renamed(folder, answers, own):
    """Warn of a label that the answers alone have, if one that the table alone has may be its new
    name. own: the table's labels."""
    counts = Counter(a.label for a in answers.by_text.values() if a.label not in ("", SKIP))
    gone, new = counts.keys() - own, own - counts.keys() - {SKIP}
    if gone and new and len(gone) == len(new) and counts.keys() & own:
        old = min(gone)
        note(f"warning: {counted(counts[old], 'answer')} in {folder} with the label {named(old)},"
             f" which the table lacks, and no answer has the table's label {named(min(new))}; if a"
             f" label was renamed, rename it in {KEPT}, too")
