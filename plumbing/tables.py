"""Tables that people have saved from a spreadsheet: commas, semicolons or tabs, in any encoding."""

import codecs
import csv

from plumbing.files import InputError, note, shortened

csv.field_size_limit(2**31 - 1)  # a text may be longer than 131,072 characters
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def records(path, wanted=()):
    """(number, cells) of every row of a table, blank rows as []; the first is the header, number 1.

    Rows are numbered as a spreadsheet numbers them. The delimiter is the one of , ; and tab that
    finds most of the columns `wanted`. InputError names the file, and the row, where it cannot be
    read.
    """
    number = 0
    try:
        encoding = encoding_of(path)
        with open(path, encoding=encoding, newline="") as f:
            delimiter = delimiter_of(f.readline(1 << 20), wanted, path.suffix.lower() == ".tsv")
            f.seek(0)
            for number, row in enumerate(csv.reader(f, strict=True, delimiter=delimiter), 1):
                yield number, ([name.strip() for name in row] if number == 1 else row)
    except FileNotFoundError:
        raise InputError(f"no file {path}")
    except IsADirectoryError:
        raise InputError(f"{path} is a directory; give a .csv or .tsv file")
    except UnicodeError as e:
        raise InputError(f"{path}, line {undecodable_line(path, encoding) or number + 1}: not to be"
                         f" read as {encoding} ({e}); save the file as UTF-8")
    except csv.Error as e:
        why = ("a quote is opened and not closed" if "end of data" in str(e) else
               f"{e}; is a quote not closed, or one inside a text not doubled?")
        raise InputError(f"{path}, row {number + 1}: {why}")
    except OSError as e:
        raise InputError(f"cannot read {path}: {e.strerror}")
    if not number:
        raise InputError(f"{path} is empty")


def encoding_of(path):
    """A text file's encoding: by its byte order mark, else UTF-8 if it is that, else cp1252."""
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
    """The number of the first line that an encoding of single bytes cannot read; 0 for others."""
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
        return sum(name in map(str.strip, cells) for name in wanted)

    return max("\t,;" if tabs else ",;\t", key=found)


def column(path, header, name):
    """The number of a table's column; an InputError that names those it has."""
    if name not in header:
        raise InputError(f"{path} has no column {name!r}; its columns are "
                         + shortened(", ".join(map(repr, header))))
    return header.index(name)
