"""Tables as people save them, with commas, semicolons, tabs or JSON lines, in any encoding."""

import csv
import json
import math
import re
from pathlib import Path

from plumbing.files import InputError, refuse_pipe, shortened
from tables.encodings import encoding_of, undecodable_line

csv.field_size_limit(2**31 - 1)  # a text may be longer than 131,072 characters
# Excel's own first line, which names the delimiter.
SEP = re.compile('\ufeff*"?sep=(.)"?[ \t]*\r?\n?', re.IGNORECASE)
MOST_NAMES = 1_000  # in a .jsonl file; a file whose names are keys of data has as many as rows
STRIPPED = " \t\r\n\ufeff"  # around a column's name; a byte order mark may stand there twice


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
    refuse_pipe(path)
    try:
        encoding = encoding_of(path)
        with open(path, encoding=encoding, newline="") as f:
            if path.suffix.lower() == ".jsonl":
                for number, row in json_records(path, f, wanted):
                    yield number, row
                return
            first, begin = f.readline(1 << 20), 0
            if excel := SEP.fullmatch(first):  # hidden in Excel, so rows are counted without it
                delimiter, begin = excel[1], f.tell()
            else:
                delimiter = delimiter_of(first, wanted, path.suffix.lower() == ".tsv")
            f.seek(begin)
            letters = delimiter == "\t" and quotes_are_letters(f)
            f.seek(begin)
            more = []
            for number, row in enumerate(csv.reader(f, strict=True, delimiter=delimiter, quoting=(
                    csv.QUOTE_NONE if letters else csv.QUOTE_MINIMAL)), 1):
                if number == 1:
                    row = [name.strip(STRIPPED) for name in row]
                    more = missing(row, wanted)
                    yield number, [*row, *more]
                else:
                    yield number, [*row, *[""] * len(more)] if row and more else row
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
        raise InputError(f"cannot read {path}: {e.strerror}; give another file")
    if not number:
        raise InputError(f"{path} is empty; give a table with a header")


def quotes_are_letters(lines):
    """Whether a table with tabs writes quotes as it writes letters, like the files of GLUE.

    In such a table every line has as many tabs as the first, and of the lines with a cell that
    begins with a quote, most cannot be read as cells in quotes.
    """
    tabs, readable, others = 0, 0, 0
    for line in filter(str.strip, lines):
        tabs = tabs or line.count("\t")
        if not tabs or line.count("\t") != tabs:
            return False
        if line[0] == '"' or '\t"' in line:
            try:
                next(csv.reader([line], strict=True, delimiter="\t"))
                readable += 1
            except csv.Error:
                others += 1
    return others > readable


def missing(header, wanted):
    """The columns to add to a table that has the first of `wanted` alone: it has no label yet."""
    return list(wanted[1:]) if wanted and [n.lower() for n in header] == [wanted[0].lower()] else []


def json_records(path, lines, wanted):
    """records of a .jsonl file. Its columns are the names in all its objects, and `wanted`.

    A value that is null or missing is an empty cell. lines: the file, which is read twice, so that
    a name which comes late is a column, too.
    """
    names = names_in(objects(path, lines, json.JSONDecoder()))
    mixed = any(len(spellings(names, name, wanted)) > 1 for name in wanted)
    if mixed:
        names = names_in(spelled(path, objects(path, rewound(lines), DECODER), wanted))
    if not names:
        raise InputError(f"{path} is empty; give one JSON object per line")
    if len(names) > MOST_NAMES:
        raise InputError(f"{path} has {len(names):,} different names in its objects, and each would"
                         f" be a column; put those that belong together into one object of their"
                         f" own, so that at most {MOST_NAMES:,} are left")
    kinds = dict.fromkeys(names, "")
    for name in wanted:
        own = name if name in kinds else next(iter(spellings(kinds, name, wanted)), name)
        kinds[own] = kinds.get(own) or ("text" if name == wanted[0] else "label")
    yield 0, list(kinds)
    rows = objects(path, rewound(lines), DECODER)
    for number, found in spelled(path, rows, wanted) if mixed else rows:
        # most values are ASCII strings, which are cells as they are
        yield number, [value if type(value := found.get(name)) is str and value.isascii() else
                       cell_of(value) if not kind else
                       plain(value, name, kind == "text", f"{path}, line {number}")
                       for name, kind in kinds.items()] if found else []


def objects(path, lines, decoder):
    """(line number, object) of a .jsonl file, {} for a blank line."""
    for number, line in enumerate(lines, 1):
        try:
            found = decoder.decode(line) if line.strip() else {}
        except (ValueError, RecursionError) as e:
            raise InputError(f"{path}, line {number}: this is not JSON ({shortened(e)}); give one"
                             " JSON object per line")
        if not isinstance(found, dict):
            raise InputError(f"{path}, line {number}: this is not a JSON object; write it like"
                             ' {"text": "...", "label": "..."}')
        yield number, found


def rewound(lines):
    """A file that is read again from its beginning."""
    lines.seek(0)
    return lines


def names_in(numbered):
    """The names in some numbered objects, in order of appearance, as the keys of a dict."""
    names = {}
    for _, found in numbered:
        names.update(found)
    return names


def spellings(names, name, wanted):
    """Those of some names that are `name` in upper or lower case, and are not another wanted one's
    own."""
    return [own for own in names if own.lower() == name.lower()
            and (own == name or own not in wanted)]


def spelled(path, numbered, wanted):
    """Numbered objects with the wanted names spelled as in `wanted`; an exact name counts first.

    An InputError for an object with two spellings that are not exact, of one wanted name.
    """
    for number, found in numbered:
        new = {}
        for name in wanted:
            own = [] if name in found else spellings(found, name, wanted)
            if len(own) > 1:
                raise InputError(f"{path}, line {number}: both {own[0]!r} and {own[1]!r} could be"
                                 f" its {name!r}; rename one")
            new |= dict.fromkeys(own, name)
        yield number, {new.get(own, own): value for own, value in found.items()} if new else found


def once(pairs):
    """The pairs of a JSON object as a dict; a ValueError if a name stands there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        name = next(name for i, (name, _) in enumerate(pairs) if name in dict(pairs[:i]))
        raise ValueError(f"{name!r} stands there twice")
    return found


DECODER = json.JSONDecoder(object_pairs_hook=once)


def plain(value, name, text, where):
    """The value of a column that is read, as a cell; an InputError if it is no text or label.

    text: whether it is the column of texts, where a number is an error. A list of one string is
    that string (doccano writes labels so); null, NaN and an empty list are no value.
    """
    if isinstance(value, list) and len(value) < 2:
        value = value[0] if value else None
    number = isinstance(value, (int, float)) and not text and abs(value) != math.inf
    if value is None or value != value or isinstance(value, str) or number:
        return cell_of(value)
    raise InputError(f"{where}: its {name!r} is {shortened(json.dumps(value), 60)}; give "
                     + ("a text in quotes" if text else "one text or number"))


def cell_of(value):
    """A JSON value as a table's cell; half of a surrogate pair becomes U+FFFD, as in browsers."""
    if value is None or value != value:
        return ""
    cell = value if isinstance(value, str) else json.dumps(value)
    try:
        cell.encode()
    except UnicodeEncodeError:
        return cell.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return cell


def delimiter_of(header, wanted, tabs):
    """The delimiter of a table with this header line."""
    def found(delimiter):
        cells = next(csv.reader([header], delimiter=delimiter), [])
        names = {cell.strip().lower() for cell in cells}
        return sum(name.lower() in names for name in wanted)

    return max("\t,;" if tabs else ",;\t", key=found)


def column(path, header, name, advice="name another one"):
    """The number of a table's column, upper or lower case; an InputError names those that exist.

    advice: what to do if there is none.
    """
    same = [i for i, found in enumerate(header) if found.lower() == name.lower()]
    exact = [i for i in same if header[i] == name]
    if not any(header):
        raise InputError(f"{path}: its first line is empty; it must hold the columns' names")
    if not same:
        raise InputError(f"{path} has no column {name!r}; its columns are "
                         + shortened(", ".join(map(repr, header)))
                         + f"; {advice}")
    if len(exact or same) > 1:
        raise InputError(f"{path} has {len(exact or same)} columns {name!r}; rename one")
    return (exact or same)[0]
