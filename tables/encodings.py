"""Which encoding a text file is in, and which file is no text at all.

A file that is not UTF-8 is read as cp1252 (Western European), unless its letters say otherwise. In
a Western text most letters are ASCII, so two bytes above 127 seldom stand side by side, while in
all other scripts nearly all do. Such a file is refused with a guess, because it would be read as
nonsense.
"""

import codecs
import functools
import re

from plumbing.files import InputError, note

BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
        codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
NO_TEXT = {b"PK\3\4": "a .zip archive or an .xlsx workbook", b"\x1f\x8b": "a gzip archive",
           b"\xd0\xcf\x11\xe0": "an .xls workbook", b"%PDF": "a PDF file",
           b"PAR1": "a Parquet file", b"\xfd7zX": "an .xz archive", b"BZh": "a .bz2 archive"}
LEAST, DENSE = 20, 0.6  # bytes above 127, and the share of them that stand side by side
HAN = ("的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生"
       "這為來個們說國時會對過發後")  # frequent characters, simplified and traditional
# The encodings that are guessed at, the share of the letters that must be of a kind, and the kind.
GUESSES = (("Shift-JIS", "cp932", 0.2, "[぀-ヿ]"), ("EUC-JP", "euc_jp", 0.2, "[぀-ヿ]"),
           ("EUC-KR", "cp949", 0.9, "[가-힣]"), ("GB18030", "gb18030", 0.1, f"[{HAN}]"),
           ("Big5", "big5", 0.1, f"[{HAN}]"),
           ("Windows-1251 (Cyrillic), Windows-1253 (Greek) or Windows-1255 (Hebrew)", "cp1251",
            0.75, "[а-яё]"),
           ("KOI8-R (Cyrillic)", "koi8_r", 0.75, "[а-яё]"),
           ("cp866 (Cyrillic)", "cp866", 0.75, "[а-яё]"))
# Bytes that are letters in DOS or on old Macintoshs, and signs or capitals in cp1252: between two
# small letters they are letters. Dashes, dots and ’ may stand there, so they are left out.
INSIDE = re.compile(rb"(?<=[a-z])[\x80-\xff](?=[a-z])")
OLD = set(b"\x80\x81\x82\x83\x84\x86\x87\x88\x89\x8a\x8b\x8c\x8e\x93\x94\x95\x98\x99\x9b\x9f")


def encoding_of(path):
    """A text file's encoding (encoding_in)."""
    with open(path, "rb") as f:
        return encoding_in(f, path)


def encoding_in(f, path):
    """The encoding of a text file that is open: that of its byte order mark, else UTF-8 if it fits,
    else cp1252. path: what it is called.

    An InputError if the file is no text, or if its letters are not Western European.
    """
    start = f.read(4)
    for bom, encoding in BOMS.items():
        if start.startswith(bom):
            return encoding
    for first, what in NO_TEXT.items():
        if start.startswith(first):
            raise InputError(f"{path} is {what}; save the table as CSV in UTF-8")
    if b"\0" in start:
        return "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
    f.seek(0)
    decoder, piece = codecs.getincrementaldecoder("utf-8")(), b""
    try:
        while piece := f.read(1 << 20):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        if guess := not_western(piece):
            raise InputError(f"{path} is not UTF-8, and its letters are not those of a Western"
                             f" European text; it may be {guess}; save it as UTF-8")
        say_western(path)
        return "cp1252"
    return "utf-8"


@functools.cache
def say_western(path):
    """Say, once, that a file is read as cp1252: a table is read several times."""
    note(f"note: {path} is not UTF-8 and is read as cp1252 (Western European); if its accents are"
         " wrong, save it as UTF-8")


def not_western(piece):
    """The encoding that bytes may be in, in words, if it is not cp1252; "" if it may be."""
    high = len(re.findall(rb"[\x80-\xff]", piece))
    inside = INSIDE.findall(piece)
    if len(inside) > 2 and sum(byte[0] in OLD for byte in inside) > len(inside) / 2:
        return "cp437 or cp850 (DOS) or Mac OS Roman"
    dense = sum(map(len, re.findall(rb"[\x80-\xff]{2,}", piece)))
    if high < LEAST or dense < DENSE * high:
        return ""
    for name, encoding, least, kind in GUESSES:
        letters = re.sub(r"[\0-\x7f]", "", piece.decode(encoding, errors="replace"))
        if len(re.findall(kind, letters)) > least * len(letters) > 0 and (
                letters.count("\ufffd") < 0.02 * len(letters)):
            return name
    return "an encoding of another script"


def undecodable_line(path, encoding):
    """The number of the first line that a one-byte encoding cannot read; 0 for other encodings."""
    with open(path, "rb") as f:
        for n, line in enumerate(f if encoding[:6] not in ("utf-16", "utf-32") else (), 1):
            try:
                line.decode(encoding)
            except UnicodeError:
                return n
    return 0
