"""Files that are not UTF-8: which are read as Western European, and which are refused by name."""

import pytest

from plumbing.files import InputError
from tables.encodings import encoding_of
from tables.labels import warn_of_labels
from tables.records import records

TEXTS = {
    "gb18030": ("这是第{}个句子关于天气和运动", "GB18030"),
    "big5": ("這是第{}個句子關於天氣", "Big5"),
    "shift-jis": ("これは{}番目の文章です", "Shift-JIS"),
    "euc-jp": ("これは{}番目の文章です", "EUC-JP"),
    "euc-kr": ("이것은 {}번째 문장입니다", "EUC-KR"),
    "cp1251": ("это предложение номер {}", "1251"),
    "koi8-r": ("это предложение номер {}", "KOI8-R"), "cp866": ("это предложение {}", "cp866"),
    "cp1253": ("αυτή είναι η πρόταση {}", "1253"), "cp1255": ("זה משפט מספר {}", "1255"),
    "cp874": ("นี่คือประโยคที่ {}", "another script"), "cp850": ("für ärzte {} été", "cp850"),
    "cp437": ("für ärzte {} été", "cp437"), "mac-roman": ("für ärzte {} été", "Mac OS Roman"),
    "cp1252": ("für Ärzte {} é naïve – “quoted” l’été word—word GRÖẞER".replace("ẞ", "ß"), ""),
    "latin-1": ("señor {} ¿qué? ÄÖÜ", ""),
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_an_encoding_is_told_by_its_letters(tmp_path, encoding, capsys):
    text, guess = TEXTS[encoding]
    path = tmp_path / "t.csv"
    lines = ["text,label", *(f"{text.format(i)},a" for i in range(40))]
    path.write_bytes("\n".join(lines).encode(encoding))
    if guess:
        with pytest.raises(InputError, match=rf"t.csv is not UTF-8, .*{guess}.*; save it as UTF-8"):
            list(records(path))
    else:
        for _ in range(2):
            assert [cells[0] for _, cells in records(path)][1] == text.format(0)
        assert capsys.readouterr().err.count("is read as cp1252") == 1  # said once


def test_a_few_odd_letters_are_no_other_script(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"text,label\n" + "ÄÖÜ,a\n".encode("cp1252") * 3)
    assert encoding_of(path) == "cp1252"


@pytest.mark.parametrize("start, what", [
    (b"PK\x03\x04rest", "an .xlsx workbook"), (b"\x1f\x8b\x08rest", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0rest", "an .xls workbook"), (b"%PDF-1.7", "a PDF file")])
def test_what_is_no_text_is_named(tmp_path, start, what):
    path = tmp_path / "t.csv"
    path.write_bytes(start * 5)
    with pytest.raises(InputError, match=f"t.csv is .*{what}; save the table as CSV"):
        list(records(path))


def test_utf_32_is_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("text,label\né,a\n".encode("utf-32"))
    assert [cells for _, cells in records(path)] == [["text", "label"], ["é", "a"]]


def test_a_json_label_that_is_infinite_is_refused_and_a_long_dash_is_said(tmp_path, capsys):
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "x", "label": 1e400}\n')
    with pytest.raises(InputError, match="line 1: its 'label' is Infinity; give one text or num"):
        list(records(path, ("text", "label")))
    path.write_text('{"text": "x", "label": "a", "label": "b"}\n')
    with pytest.raises(InputError, match="line 1: this is not JSON .'label' stands there twice"):
        list(records(path, ("text", "label")))
    warn_of_labels("t.csv", ["a", "b", "\u2013", "a", "b", "\u2013", "\u2014", "todo", "todo"])
    error = capsys.readouterr().err
    for label in ("'\u2013'", "'\u2014'", "'todo'"):
        assert f"with the label {label}, which is taken for a class" in error
