"""The texts that were asked for, and the labels that people filled in for them."""

import functools
from dataclasses import dataclass, field
from itertools import combinations

from plumbing.files import (
    BACKUP,
    InputError,
    armed,
    counted,
    make_folder,
    note,
    refuse_odd,
    write_csv,
)
from tables.alike import alike
from tables.copies import is_empty, key
from tables.labels import SKIP
from tables.merge import is_gone, merge, moment, version, written
from tables.records import records

NEXT, KEPT = "next_batch.csv", "labels.csv"  # where people fill in labels, and where they are kept
TAKEN = "taken.csv"  # beside the backup of labels.csv: labels that were taken back or changed
STEM = KEPT.partition(".")[0]  # of labels.csv and of copies of it
ASKED = NEXT.partition(".")[0]  # of next_batch.csv and of copies of it
DOUBTED = "relabel.csv"  # labels to look at again; people fill in its column `checked`
LISTED = {"row", "text", "label", "model", "wrong", "why", "confidence", "variability",
          "correctness"}  # the other columns of relabel.csv
COLUMNS = ["row", "text", "label", "how", "who", "reviewed", "batch", "at"]  # of labels.csv
BEFORE = "-"  # as `reviewed`: the label before is not known
CORRECTED = "corrected"  # as `how` in files of earlier versions: a label that was looked at again
MENDED = 0.8  # a text that is as much like another one (alike) is the same text, corrected a little


@dataclass
class Answer:
    """A text's label ('' if it has only been asked for), and how it came about.

    how: a strategy's name, random or typical: how the text was chosen; '' is not known. who: the
    person. reviewed: the label that a person looked at again, '' if nobody did. batch: the number
    of the batch, 0 if it is not known. file: the name of the file. at: when it was given, in
    milliseconds since 1970, 0 if it is not known.
    """

    row: int
    text: str
    label: str
    how: str = ""
    who: str = ""
    reviewed: str = ""
    batch: int = 0
    file: str = ""
    at: int = 0

    @functools.cached_property
    def place(self):
        """What tells whose answer to which text it is; a second look is another one."""
        return key(self.text), self.who, bool(self.reviewed)

    @property
    def same(self):
        """What two answers to one text share if one of them adds nothing to the other."""
        return self.label, self.who, bool(self.reviewed)


@dataclass
class Answers:
    """Every answer in a results folder, by text and by row; the one that counts for each text.

    others: answers to the same texts that do not count, in the order in which they were given.
    restored: answers that labels.csv had when it was written and does not have now.
    kept_by_others: (an answer that was emptied, the one that another file still has).
    taken: answers that were taken back or changed since they were given. stale: those of them that
    labels.csv has again, as somebody has saved an older one over it.
    """

    by_text: dict = field(default_factory=dict)
    by_row: dict = field(default_factory=dict)
    others: list = field(default_factory=list)
    restored: list = field(default_factory=list)
    kept_by_others: list = field(default_factory=list)
    taken: list = field(default_factory=list)
    stale: list = field(default_factory=list)

    @property
    def given(self):
        """Whether any label has been filled in."""
        return any(answer.label for answer in self.by_text.values())

    @property
    def conflicts(self):
        """(an answer, another one that counts) of texts whose labels differ, unless somebody has
        looked at the text again."""
        return [(a, now) for a in self.others
                if not (now := self.by_text[key(a.text)]).reviewed and now.label != a.label]

    @property
    def next_batch(self):
        """The number of the batch after the last one in which a label was given."""
        return 1 + max((a.batch for a in (*self.by_text.values(), *self.others) if a.label),
                       default=0)

    def add(self, answer):
        """Take an answer in. A later label replaces an earlier one, but not one that somebody has
        looked at again. How a text was chosen stays as it was."""
        k = key(answer.text)
        if before := self.by_text.get(k):
            first, then = (before, answer) if before.label else (answer, before)
            how = next((a.how for a in (first, then) if a.how not in ("", CORRECTED)), "")
            batch = first.batch or then.batch
            if before.label and (not answer.label or before.reviewed and not answer.reviewed):
                before, answer = answer, before
            if before.label and before.same != answer.same:
                self.others.append(before)
            answer.how, answer.batch = how or answer.how or before.how, batch
        self.by_text[k] = answer
        self.by_row.setdefault(answer.row, {})[k] = True

    def mended(self, row, text, texts):
        """The Answer for a row of a table whose text has been changed a little since, or None.

        texts: the keys of our texts that are still in the table.
        """
        for k in self.by_row.get(row, ()):
            answer = self.by_text[k]
            if answer.label and k not in texts and alike(answer.text, text) >= MENDED:
                return answer
        return None

    def complete(self, data):
        """Take labels from the table itself for texts that were asked for and have no answer.

        If copies of a text have different labels, only that of the row that was asked for counts.
        """
        found = {}  # by text: {row number: class}
        for number, text, c in zip(data.row_numbers, data.texts, data.y):
            k = key(text) if c >= 0 else None
            if (a := self.by_text.get(k)) and not a.label and a.file.startswith(ASKED):
                found.setdefault(k, {})[int(number)] = data.classes[c]
        for k, labels in found.items():
            answer, agreed = self.by_text[k], set(labels.values())
            answer.label = agreed.pop() if len(agreed) == 1 else labels.get(answer.row, "")

    def lost(self, texts):
        """Labels whose text (by its key) is none of these."""
        return [a for k, a in self.by_text.items() if a.label and k not in texts]

    def kept(self):
        """Every label as labels.csv has them (COLUMNS), by row.

        If a text has several labels, all are kept; `at` says which of them is the last.
        """
        now = {k: a.same for k, a in self.by_text.items()}
        others = {(k, *a.same): a for a in self.others if now[k := key(a.text)] != a.same}
        every = [*others.values(), *(a for a in self.by_text.values() if a.label)]
        return rows_of(sorted(every, key=lambda a: a.row))

    def agreement(self):
        """{(one person, another): [n] bool} of the texts that both have labelled: whether their
        labels are the same. What somebody looked at again does not count."""
        said, found = {}, {}
        for a in (*self.others, *self.by_text.values()):
            if a.who and not a.reviewed and a.label not in ("", SKIP):
                said.setdefault(key(a.text), {})[a.who] = a.label
        for labels in said.values():
            for pair in combinations(sorted(labels), 2):
                found.setdefault(pair, []).append(labels[pair[0]] == labels[pair[1]])
        return dict(sorted(found.items()))


def rows_of(answers):
    """Answers as rows of labels.csv."""
    return [[*(getattr(a, name) for name in COLUMNS[:-2]), a.batch or "", written(a.at)]
            for a in answers]


def read_answers(folder):
    """The Answers in labels.csv, next_batch.csv, relabel.csv, and copies such as `labels (1).csv`.

    The answer that was given last counts (merge.py), and what was looked at again more than what
    was not. Labels whose rows are in none of the files are taken from the backup, so a page or a
    person that saves an older labels.csv removes nothing; a row of labels.csv or a copy of it whose
    label was emptied takes it back. An empty row of another file is only a question. An InputError
    if a file cannot be read.
    """
    refuse_odd(folder)
    last, found = [folder / NEXT, folder / DOUBTED], Answers()
    copies = [path for name in (KEPT, NEXT, DOUBTED)
              for path in folder.glob(name.replace(".", "*.")) if path not in last]
    copies.sort(key=lambda path: (path.stat().st_mtime_ns, path.name))
    files = [(time_of(path), list(read(path)), "asked" if path in last else
              "labels" if path.name.startswith(STEM) else "")
             for path in (*copies, *last) if path.exists()]
    known, taken = ([a for a in read(path) if a.label or name == TAKEN] if path.exists() else []
                    for name in (KEPT, TAKEN) for path in [folder / BACKUP / name])
    for a in known:
        a.at = a.at or time_of(folder / BACKUP / KEPT)  # of an earlier version
    before = {version(a) for a in taken}
    found.stale = [a for _, rows, _ in files for a in rows if a.file == KEPT and is_gone(a, before)]
    merged = merge(files, known, taken)
    for answer in merged.pop("rows"):
        answer.reviewed = answer.reviewed if answer.label else ""  # what is taken back was not seen
        found.add(answer)
    vars(found).update(merged)
    return found


def time_of(path):
    """When a file was changed last, in milliseconds since 1970."""
    return path.stat().st_mtime_ns // 1_000_000


def read(path):
    """Every Answer of labels.csv or next_batch.csv; of relabel.csv, what is filled in there."""
    again = path.name.startswith(DOUBTED.partition(".")[0])
    table = records(path, ("row", "text", "label", *["checked"] * again))
    _, header = next(table)
    names = [name.lower() for name in header]
    if again and "checked" not in names:
        if {"row", "text", "label"} <= set(names) <= LISTED:
            return  # of an earlier version, which was only to be read
        raise InputError(f"{path} has no column 'checked', into which the right labels are written;"
                         " restore its first line, or remove the file")
    if doubled := [name for name in (*COLUMNS, "checked") if names.count(name) > 1]:
        raise InputError(f"{path} has {names.count(doubled[0])} columns {doubled[0]!r}; rename"
                         " those that this command did not write")
    for line, cells in table:
        if any(cells[len(names):]):
            raise InputError(f"{path}, row {line}: {len(cells)} values for {len(names)} columns;"
                             " put a text or label that contains the delimiter into quotes")
        if "text" in names and len(cells) > names.index("text"):  # a tool may cut empty cells off
            cells = [*cells, *[""] * (len(names) - len(cells))]
        row = dict(zip(names, map(armed, cells)))
        try:
            if any(cells) and not (again and not row["checked"].strip()):
                number = float(row["row"] or 0)  # a spreadsheet may write 12.0
                answer = Answer(int(number), row["text"], row["label"].strip(),
                                row.get("how", "").strip(), row.get("who", "").strip(),
                                row.get("reviewed", "").strip(), batch_of(row), path.name,
                                moment(row.get("at", "").strip()))
                if again:
                    answer.label, answer.reviewed = row["checked"].strip(), answer.label or BEFORE
                elif answer.how == CORRECTED:
                    answer.reviewed = answer.reviewed or BEFORE
                if number != answer.row or answer.label and is_empty(answer.text):
                    raise ValueError
                yield answer
        except (KeyError, ValueError, OverflowError):
            raise InputError(f"{path}, row {line}: its columns row, text and label do not hold what"
                             " was written there, a row number and a text; restore them")


def batch_of(row):
    """The number of a row's batch, 0 if it has none."""
    text = row.get("batch", "").strip().removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() else 0


def keep_answers(folder, answers):
    """Write all labels to labels.csv and its backup before a new next_batch.csv replaces the old
    one."""
    if answers.given or answers.taken:
        make_folder(folder / BACKUP)
        write_csv(folder / BACKUP / TAKEN, COLUMNS, rows_of(answers.taken))
        for path in (folder / BACKUP / KEPT, folder / KEPT):
            write_csv(path, COLUMNS, answers.kept())


def saved_since(folder, answers):
    """The Answers in the folder now; what was saved after `answers` was read goes to labels.csv."""
    now = read_answers(folder)
    had = {tuple(row[1:]) for row in answers.kept()}
    if late := [row for row in now.kept() if tuple(row[1:]) not in had]:
        keep_answers(folder, now)
        note(f"note: {counted(len(late), 'label')} saved while this command ran, the first for row"
             f" {late[0][0]}; {KEPT} keeps them, and the next call uses them")
    return now
