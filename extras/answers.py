"""Labels that were filled in by hand, in next_batch.csv or before."""

from plumbing.files import InputError, armed, write_csv
from plumbing.tables import records

NEXT, KEPT = "next_batch.csv", "labels.csv"  # where labels are filled in, and are kept


def answers(folder):
    """{row number: (text, label)} of what was filled in in next_batch.csv, or before."""
    found = {}
    for path in (folder / name for name in (KEPT, NEXT)):
        if path.exists():
            table = records(path, ("row", "text", "label"))
            _, header = next(table)
            for line, cells in table:
                row = dict(zip(header, map(armed, cells)))
                try:
                    if cells and (label := row["label"].strip()):
                        found[int(row["row"])] = row["text"], label
                except (KeyError, ValueError):
                    raise InputError(f"{path}, row {line}: its columns row, text and label are not"
                                     f" those that were written there")
    return found


def keep_answers(folder):
    """Into labels.csv, before the next next_batch.csv is written over them."""
    if found := answers(folder):
        write_csv(folder / KEPT, ["row", "text", "label"],
                  [[row, *found[row]] for row in sorted(found)])
