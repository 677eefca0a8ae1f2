"""The texts that were asked for, and the labels that people filled in for them."""

from collections import Counter
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from plumbing.files import InputError, armed, counted, note, write_csv
from tables.copies import key
from tables.labels import named
from tables.records import records

NEXT, KEPT = "next_batch.csv", "labels.csv"  # where people fill in labels, and where they are kept
SKIP = "-"  # as a label: do not ask again
CORRECTED = "corrected"  # as `how`: a doubted label that a person checked
MENDED = 0.8  # a text that is as much like another one (alike) is the same text, corrected a little
EXACT = 250_000  # the product of two lengths up to which texts are compared exactly


@dataclass
class Answer:
    """A text's label ('' if it has only been asked for), and how the text was chosen."""

    row: int
    text: str
    label: str
    how: str = ""  # a strategy's name, or random
    file: str = ""


@dataclass
class Answers:
    """Every answer in a results folder, by text and by row; the one that counts for each text.

    others: answers that another one for the same text has replaced. conflicts: (before, after) of
    each pair whose labels differ, unless the one that counts is a correction.
    """

    by_text: dict = field(default_factory=dict)
    by_row: dict = field(default_factory=dict)
    others: list = field(default_factory=list)
    conflicts: list = field(default_factory=list)

    @property
    def given(self):
        """Whether any label has been filled in."""
        return any(answer.label for answer in self.by_text.values())

    def add(self, answer):
        """Take an answer in: a later label replaces an earlier one, but not a correction."""
        k = key(answer.text)
        before = self.by_text.get(k)
        if before and before.label:
            if not answer.label:
                answer = before
            elif before.label != answer.label:
                if before.how == CORRECTED != answer.how:
                    return
                if answer.how != CORRECTED:
                    self.others.append(before)
                    self.conflicts.append((before, answer))
        if before and not answer.how:
            answer.how = before.how
        self.by_text[k] = answer
        self.by_row.setdefault(answer.row, {})[k] = answer

    def label_of(self, row, text, texts):
        """The label that was filled in for a row of a table, or ''.

        The text finds it, even if it has moved to another row. The row number finds it if the text
        there has been changed a little. texts: the keys of our texts that are still in the table.
        """
        if answer := self.by_text.get(key(text)):
            return answer.label
        for k, answer in self.by_row.get(row, {}).items():
            if answer.label and k not in texts and alike(answer.text, text) >= MENDED:
                return answer.label
        return ""

    def complete(self, data):
        """Take labels from the table itself for texts that were asked for and have no answer."""
        for text, c in zip(data.texts, data.y):
            answer = self.by_text.get(key(text)) if c >= 0 else None
            if answer and not answer.label:
                answer.label = data.classes[c]

    def lost(self, texts, used_rows):
        """Labels whose text (by its key) is not in the table and whose row is not used."""
        return [a for k, a in self.by_text.items()
                if a.label and k not in texts and a.row not in used_rows]

    def kept(self):
        """[row, text, label, how] of every label, by row, as labels.csv has them.

        If a text has several labels, all are kept, and the one that counts is the last of them.
        """
        counts = {k: a.label for k, a in self.by_text.items()}
        others = {(k, a.label): a for a in self.others if counts[k := key(a.text)] != a.label}
        every = [*others.values(), *(a for a in self.by_text.values() if a.label)]
        return [[a.row, a.text, a.label, a.how] for a in sorted(every, key=lambda a: a.row)]


def alike(a, b):
    """How alike two texts are, from 0 to 1: the share of their characters that both have in order.

    What both start and end with is compared first. Only short rests are compared exactly; long ones
    by the five-character pieces that both have, because the exact way takes the square of the
    length.
    """
    most = min(len(a), len(b))
    start = next((i for i in range(most) if a[i] != b[i]), most)
    end = next((i for i in range(most - start) if a[-1 - i] != b[-1 - i]), most - start)
    both, total = start + end, len(a) + len(b)
    a, b = a[start : len(a) - end], b[start : len(b) - end]
    if len(a) * len(b) <= EXACT:
        both += sum(m.size for m in SequenceMatcher(None, a, b, autojunk=False)
                    .get_matching_blocks())
    else:
        pieces = [Counter(text[i : i + 5] for i in range(len(text))) for text in (a, b)]
        both += (pieces[0] & pieces[1]).total()
    return 2 * both / total if total else 1.0


def read_answers(folder):
    """The Answers in labels.csv, in copies of it such as `labels (1).csv`, and in next_batch.csv.

    The file that was saved last counts most; next_batch.csv counts more than all others. An
    InputError if one cannot be read.
    """
    found, last = Answers(), folder / NEXT
    copies = [path for name in (KEPT, NEXT)
              for path in folder.glob(name.replace(".", "*.")) if path != last]
    for path in (*sorted(copies, key=lambda path: (path.stat().st_mtime_ns, path.name)), last):
        for answer in read(path) if path.exists() else ():
            found.add(answer)
    return found


def read(path):
    """Every Answer of labels.csv or next_batch.csv."""
    table = records(path, ("row", "text", "label"))
    _, header = next(table)
    names = [name.lower() for name in header]
    for line, cells in table:
        row = dict(zip(names, map(armed, cells)))
        try:
            if any(cells):
                number = float(row["row"] or 0)  # a spreadsheet may write 12.0
                answer = Answer(int(number), row["text"], row["label"].strip(),
                                row.get("how", "").strip(), path.name)
                if number != answer.row or answer.label and not answer.text.strip():
                    raise ValueError
                yield answer
        except (KeyError, ValueError, OverflowError):
            raise InputError(f"{path}, row {line}: its columns row, text and label do not hold what"
                             " was written there, a row number and a text; restore them")


def keep_answers(folder, answers):
    """Write all labels to labels.csv before a new next_batch.csv replaces the old one."""
    if answers.given:
        write_csv(folder / KEPT, ["row", "text", "label", "how"], answers.kept())


def saved_since(folder, answers):
    """The Answers in the folder now; what was saved after `answers` was read goes to labels.csv."""
    now = read_answers(folder)
    had = {tuple(row[1:3]) for row in answers.kept()}
    if late := [row for row in now.kept() if tuple(row[1:3]) not in had]:
        keep_answers(folder, now)
        note(f"note: {counted(len(late), 'label')} saved while this command ran, the first for row"
             f" {late[0][0]}; {KEPT} keeps them, and the next call uses them")
    return now


def warn_of_answers(folder, answers, rows):
    """Warn of texts with two different answers, and of answers that the table contradicts.

    rows: (place, row number, text, label) of the table as it is in the file.
    """
    pairs = {key(after.text): (before, after) for before, after in answers.conflicts}
    if pairs:
        before, after = next(iter(pairs.values()))
        used = answers.by_text[key(after.text)].label
        note(f"warning: {counted(len(pairs), 'text')} with different answers, the first in row"
             f" {after.row}: {named(before.label)} in {before.file}, {named(after.label)} in"
             f" {after.file}; {KEPT} keeps both, and {named(used)} counts; remove the wrong one")
    against = [(number, label, a.label) for _, number, text, label in rows
               if label and (a := answers.by_text.get(key(text))) and a.label
               and a.label != label and a.how != CORRECTED] if answers.given else ()
    if against:
        number, label, answer = against[0]
        note(f"warning: {counted(len(against), 'row')} of the table with another label than the"
             f" answers in {folder}, the first in row {number}: {named(label)} in the table,"
             f" {named(answer)} in the answers; the table's label counts; correct the wrong one")
    for lock in (*folder.glob(f".~lock.{NEXT}#"), *folder.glob(f"~${NEXT}")):
        note(f"warning: {NEXT} is open in a spreadsheet ({lock.name}); this command replaces it, so"
             " close it there before you label the next batch")
