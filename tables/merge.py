"""Which answers stand, and in which order they were given: what people saved since the last call
is merged with what the command knew then.

An answer is known by its place (the text, the person, whether it was a second look), its time and
its label. The page writes its time; without one, it is that of the file in which the answer was
found first, and labels.csv keeps it. So the order does not depend on that of files or rows, and a
page that only passes an older answer on adds nothing. An answer that somebody empties or changes in
labels.csv, or undoes on the page after saving it, is taken back: the command remembers it, and no
file brings it back.
"""

import contextlib
import re
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from time import gmtime, strftime

TIME = re.compile(r"(19[7-9]|2\d\d)\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def moment(text):
    """The milliseconds since 1970 of a time as `written` writes it, 0 for any other text."""
    with contextlib.suppress(ValueError):
        if TIME.fullmatch(text):
            return round(1000 * datetime.fromisoformat(text[:-1] + "+00:00").timestamp())
    return 0


def written(at):
    """Milliseconds since 1970 as a text that no spreadsheet takes for a number; 0 is empty."""
    whole, part = divmod(at, 1000)
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(whole)) + f".{part:03}Z" if at else ""


def spot(a):
    return *a.place, a.at


def said(a):
    return *a.place, a.label


def version(a):
    return *a.place, a.at, a.label


def merge(files, known, taken):
    """What stands of some files, as a dict of Answers' fields, and `rows`, by time.

    files: [(time of the file, its Answers, kind)], the one that counts least first; kind: "labels",
    or "asked" for the files that are made anew by every call, or "". known: the labels at the last
    call. taken: answers that had been taken back by then.
    """
    before = {version(a): a for a in taken}
    now = taken_back(files, known, before)
    gone = {**before, **now}
    stands = [a for a in known if version(a) not in gone]
    files = [(time, [a for a in rows if not is_gone(a, gone)], kind) for time, rows, kind in files]
    rows = [a for _, of_file, _ in files for a in of_file]
    emptied = {a.place: a for _, of_file, kind in files if kind == "labels" for a in of_file
               if not a.label}
    kept_by_others = [(e, a) for a in rows if a.label and (e := emptied.get(a.place))
                      and e.file != a.file and not (e.at and a.at)]
    there = {said(a) for a in rows if a.label}
    restored = [a for a in stands if said(a) not in there]
    rows = sorted([*restored, *dated(files, stands, before, now)], key=lambda a: a.at)
    counts = {version(a) for a in rows if a.label}
    return {"rows": rows, "restored": restored, "kept_by_others": kept_by_others,
            "taken": [a for v, a in gone.items() if v not in counts]}


def is_gone(a, gone):
    """Whether a file has an answer that was taken back. Without a time it counts as a new one."""
    return a.at and a.label and (version(a) in gone or (*spot(a), "") in gone)


def taken_back(files, known, before):
    """{version: Answer} of what somebody has emptied or changed since the last call.

    In a file without times a change is one only if no other file has the old label. An answer that
    the page takes back before the command has seen it has the label "", which stands for any.
    """
    there = {said(a) for _, rows, _ in files for a in rows if a.label}
    of, old, found = defaultdict(list), defaultdict(set), {}
    for a in known:
        of[spot(a)].append(a)
        of[(*a.place, 0)].append(a)
    for *at, label in before:
        old[tuple(at)].add(label)
    for _, rows, kind in files:
        new = defaultdict(dict)
        for a in rows if kind == "labels" else ():
            new[spot(a)][a.label] = a
        for at, labels in new.items():
            had = {a.label for a in of.get(at, ())}
            if labels.keys() - had - old.get(at, set()):
                found |= {version(a): a for a in of.get(at, ())
                          if a.label not in labels and (at[-1] or said(a) not in there)}
                if "" in labels and at[-1] and not had and at not in old:
                    found[version(labels[""])] = replace(labels[""])
    return found


def dated(files, stands, before, now):
    """The rows of all files, each with its time.

    A row that somebody has changed, and one without a time, gets that of its file, but not if the
    answer is known already. A file is never older than the times in those that count less.
    """
    at_of, latest = {said(a): a.at for a in stands}, {}
    for a in sorted(stands, key=lambda a: a.at):
        latest[a.place] = a.label
    versions, dead = {version(a) for a in stands}, {said(a) for a in before.values()} - at_of.keys()
    changed = {v[:-1] for v in now}
    stale = {v[:-1] for v in before} - changed
    clock, out = 0, []
    for time, rows, kind in files:
        clock = 1 + max([clock, time, *(a.at for a in rows)])
        for a in rows:
            differs = a.at and a.label and version(a) not in versions
            if differs and spot(a) in stale and said(a) in dead:
                continue  # changed once, and changed again since
            if not a.at or differs and (spot(a) in changed or spot(a) in stale):
                new = kind == "asked" and latest.get(a.place) != a.label
                a.at = not new and at_of.get(said(a)) or clock
            out.append(a)
    return out
