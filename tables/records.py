"""Tables as people save them, with commas, semicolons, tabs or JSON lines, in any encoding."""

import codecs
import csv
import json
from pathlib import Path

from plumbing.files import InputError, note, shortened

csv.field_size_limit(2**31 - 1)  # a text may be longer than 131,072 characters
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def is_table(name):
    """Whether a dataset's name is the name of your own table."""
    return Path(name).suffix.lower() in (".csv", ".tsv", ".jsonl")


def records(path, wanted=()):
    """(number, cells) of every row of a table, [] for blank rows; the header comes first, number 1.

    Rows are numbered as in a spreadsheet. The delimiter is whichever of , ; and tab finds most of
    the columns `wanted`. A .jsonl file has one object per line, and its rows are numbered like its
    lines. An InputError names the file, and the row that cannot be read.
    """
    number = 0
    try:
        encoding = encoding_of(path)
        with open(path, encoding=encoding, newline="") as f:
            if path.suffix.lower() == ".jsonl":
                for number, row in json_records(path, f, wanted):
                    yield number, row
                return
            delimiter = delimiter_of(f.readline(1 << 20), wanted, path.suffix.lower() == ".tsv")
            f.seek(0)
            for number, row in enumerate(csv.reader(f, strict=True, delimiter=delimiter), 1):
                yield number, ([name.strip() for name in row] if number == 1 else row)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}; give a .csv, .tsv or .jsonl file")
    except IsADirectoryError:
        raise InputError(f"{path} is a directory; give a .csv, .tsv or .jsonl file")
    except UnicodeError as e:
        raise InputError(f"{path}, line {undecodable_line(path, encoding) or number + 1}: it cannot"
                         f" be read as {encoding} ({e}); save the file as UTF-8")
    except csv.Error as e:
        why = ("a quote is opened but not closed; close it" if "end of data" in str(e) else
               f"{e}; close every quote, and double a quote inside a text")
        raise InputError(f"{path}, row {number + 1}: {why}")
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}")
    if not number:
        raise InputError(f"{path} is empty; give a table with a header")


def json_records(path, lines, wanted):
    """records of a .jsonl file. Its columns are the names in its first object, and `wanted`.

    A value that is null or missing is an empty cell.
    """
    header = None
    for number, line in enumerate(lines, 1):
        try:
            found = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError) as e:
            raise InputError(f"{path}, line {number}: this is not JSON ({shortened(e)}); give one"
                             " JSON object per line")
        if not isinstance(found, dict):
            raise InputError(f"{path}, line {number}: this is not a JSON object; write it like"
                             ' {"text": "...", "label": "..."}')
        if header is None and found:
            known = {name.lower() for name in found}
            header = [*found, *(name for name in wanted if name.lower() not in known)]
            yield 0, header
        if header:
            yield number, [cell_of(found.get(name)) for name in header] if found else []
    if header is None:
        raise InputError(f"{path} is empty; give one JSON object per line")


def cell_of(value):
    """A JSON value as a table's cell."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def encoding_of(path):
    """A text file's encoding: that of its byte order mark, else UTF-8 if it fits, else cp1252."""
    with open(path, "rb") as f:
        start = f.read(4)
        for bom, encoding in BOMS.items():
            if start.startswith(bom):
                return encoding
        if b"\0" in start:
            return "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
        f.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while piece := f.read(1 << 20):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            note(f"note: {path} is not UTF-8 and is read as cp1252 (Western European); if its"
                 " accents are wrong, save it as UTF-8")
            return "cp1252"
    return "utf-8"


def undecodable_line(path, encoding):
    """The number of the first line that a one-byte encoding cannot read; 0 for other encodings."""
    with open(path, "rb") as f:
        for n, line in enumerate(f if "16" not in encoding else (), 1):
            try:
                line.decode(encoding)
            except UnicodeError:
                return n
    return 0


def delimiter_of(header, wanted, tabs):
    """The delimiter of a table with this header line."""
    def found(delimiter):
        cells = next(csv.reader([header], delimiter=delimiter), [])
        names = {cell.strip().lower() for cell in cells}
        return sum(name.lower() in names for name in wanted)

    return max("\t,;" if tabs else ",;\t", key=found)


def column(path, header, name):
    """The number of a table's column, upper or lower case; an InputError names those that exist."""
    same = [i for i, found in enumerate(header) if found.lower() == name.lower()]
    exact = [i for i in same if header[i] == name]
    if not same:
        raise InputError(f"{path} has no column {name!r}; its columns are "
                         + shortened(", ".join(map(repr, header)))
                         + "; choose them with --text-column and --label-column")
    if len(exact or same) > 1:
        raise InputError(f"{path} has {len(exact or same)} columns {name!r}; rename one")
    return (exact or same)[0]
