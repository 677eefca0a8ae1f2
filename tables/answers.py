"""The texts that were asked for, and the labels that people filled in for them."""

from collections import Counter
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from plumbing.files import InputError, armed, note, shortened, write_csv
from tables.copies import key
from tables.records import records

NEXT, KEPT = "next_batch.csv", "labels.csv"  # where people fill in labels, and where they are kept
SKIP = "-"  # as a label: do not ask again
CORRECTED = "corrected"  # as `how`: a doubted label that a person checked


@dataclass
class Answer:
    """A text's label ('' if it has only been asked for), and how the text was chosen."""

    row: int
    text: str
    label: str
    how: str = ""  # a strategy's name, or random


@dataclass
class Answers:
    """Every answer in a results folder, by text and by row; the latest for each text."""

    by_text: dict = field(default_factory=dict)
    by_row: dict = field(default_factory=dict)

    @property
    def given(self):
        """Whether any label has been filled in."""
        return any(answer.label for answer in self.by_text.values())

    def add(self, answer):
        before = self.by_text.get(key(answer.text))
        if before and not answer.label:
            answer.label = before.label
        if before and not answer.how:
            answer.how = before.how
        self.by_text[key(answer.text)] = self.by_row[answer.row] = answer

    def label_of(self, row, text, texts):
        """The label that was filled in for a row of a table, or ''.

        The text finds it, even if it has moved to another row. The row number finds it if the text
        there has been changed a little. texts: the keys of our texts that are still in the table.
        """
        if answer := self.by_text.get(key(text)):
            return answer.label
        answer = self.by_row.get(row)
        mended = answer and answer.label and key(answer.text) not in texts and (
            SequenceMatcher(None, answer.text, text, autojunk=False).ratio() >= 0.8)
        return answer.label if mended else ""

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


def read_answers(folder):
    """The Answers in labels.csv and next_batch.csv; an InputError if one cannot be read."""
    found = Answers()
    for path in (folder / name for name in (KEPT, NEXT)):
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
            if cells:
                yield Answer(int(row["row"]), row["text"], row["label"].strip(),
                             row.get("how", "").strip())
        except (KeyError, ValueError):
            raise InputError(f"{path}, row {line}: its columns row, text and label do not hold what"
                             " was written there, a row number and a text; restore them")


def keep_answers(folder, answers):
    """Write all labels to labels.csv before a new next_batch.csv replaces the old one."""
    if answers.given:
        write_csv(folder / KEPT, ["row", "text", "label", "how"], [
            [a.row, a.text, a.label, a.how]
            for a in sorted(answers.by_text.values(), key=lambda a: a.row) if a.label])


def warn_of_labels(labels):
    """Warn of labels that look like typing errors. labels: a list without '' and -."""
    counts, alike = Counter(labels), {}
    for label in counts:
        alike.setdefault(key(label), []).append(label)
    for same in (names for names in alike.values() if len(names) > 1):
        note("warning: these labels differ only in case or white space but count as different: "
             + ", ".join(f"{name!r} ({counts[name]:,})" for name in same))
    if once := [name for name, n in counts.items() if n == 1]:
        note("warning: labels that occur only once (a typing error?): "
             + shortened(", ".join(map(repr, sorted(once)))))
    for mark in ";|,":
        several = [name for name in counts if mark in name and len(counts) > 1
                   and {part.strip() for part in name.split(mark)} & counts.keys()]
        if several:
            note(f"warning: {several[0]!r} looks like several labels in one, but a text has one"
                 " label here, so it counts as another class")
