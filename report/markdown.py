"""A table, as Markdown for report.md and as a CSV file in the same directory."""

import re

from plumbing.files import escaped, write_csv


class Verbatim(str):
    """Somebody's text, such as a class: a table shows it as it is, and never as Markdown."""


def markdown(header, rows):
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)


def cell(value):
    """A cell on one line. Ours may hold Markdown, but no bar and no HTML tag."""
    if isinstance(value, Verbatim):
        return escaped(value)
    return re.sub(r"(?<!\\)[|<]", r"\\\g<0>", " ".join(str(value).split()))


def fenced(lines):
    """Lines as a block of code, which none of them can end."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", "\n".join(lines))), default=0))
    return [fence, *lines, fence]


def table(folder, name, header, rows, note=""):
    """Write a table of the report as name.csv; return it as Markdown, with the note below it."""
    write_csv(folder / f"{name}.csv", header, rows)
    return markdown(header, rows) + (f"\n\n{note}" if note else "")
