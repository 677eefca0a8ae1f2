"""A table, in Markdown for report.md and as a CSV file beside it."""

from plumbing.files import write_csv


def markdown(header, rows):
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(c) for c in line) + " |" for line in lines)


def table(folder, name, header, rows, note=""):
    """A table of the report, written as CSV too; returns its Markdown."""
    write_csv(folder / f"{name}.csv", header, rows)
    return markdown(header, rows) + (f"\n\n{note}" if note else "")
