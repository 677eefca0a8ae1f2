"""A table, as Markdown for report.md and as a CSV file in the same directory."""

import re

from plumbing.files import write_csv


def markdown(header, rows):
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)


def cell(value):
    """A cell on one line. A label may hold a bar or an HTML tag, which must not act as one."""
    return re.sub(r"(?<!\\)[|<]", r"\\\g<0>", " ".join(str(value).split()))


def table(folder, name, header, rows, note=""):
    """Write a table of the report as name.csv; return it as Markdown, with the note below it."""
    write_csv(folder / f"{name}.csv", header, rows)
    return markdown(header, rows) + (f"\n\n{note}" if note else "")
