"""Texts that are the same, and labels that look the same."""

import unicodedata

import numpy as np
import pytest

import data
from plumbing.files import InputError, write_csv
from tables.copies import first_of, groups, key, near_copies, warn_of_near_copies
from tables.own_table import read_table

SAME = ["Ein Café, 10 km", "ein  cafe\u0301,\u00a010\tkm ", "\ufeffEin Ca\u200bfé, 10 km",
        "Ein Ca\u00adfé, 10 km\ufe0f", "Ｅｉｎ Café, 10 ㎞", "EIN CAFÉ, 10 KM\n",
        "\u200eEin Café, 10 km"]


@pytest.mark.parametrize("text", SAME[1:])
def test_copies_that_a_reader_takes_for_one_text(text):
    assert text != SAME[0] and key(text) == key(SAME[0])
    assert groups([SAME[0], "another", text]).tolist() == [0, 1, 0]


def test_punctuation_keeps_labels_apart_and_judged_texts_together():
    texts = ["it’s fine – really", "it's fine - really", "Its fine", "it's fine: really!", "C",
             "C++", ":)", ":(", "हिन्दी", "हन्द", "don`t", "don't"]
    assert key(texts[0]) == key(texts[1]) != key(texts[3])
    assert groups(texts).tolist() == [0, 0, 1, 0, 2, 3, 4, 5, 6, 7, 8, 8]


def test_keys_and_groups_are_equivalence_relations():
    rng = np.random.default_rng(0)
    letters = list("aAäÄ'’-–. \u200bß\u0308Ａ")
    texts = ["".join(rng.choice(letters, 3)) for _ in range(400)]
    assert all(key(key(text)) == key(text) for text in texts)
    assert [key(unicodedata.normalize("NFD", text)) for text in texts] == [*map(key, texts)]
    group = groups(texts)
    for text, g in zip(texts, group):  # the same key is always in the same group
        assert {group[i] for i, other in enumerate(texts) if key(other) == key(text)} == {g}
    first = first_of(group)
    assert first.sum() == len(set(group.tolist())) and group[first].tolist() == sorted(set(
        group.tolist()))


def test_near_copies_are_counted_and_said_where_they_are_many(capsys):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 30))
    texts = [f"text {i}" for i in range(400)]
    x[1], x[7], x[9] = x[0] * 3 + 0.01, x[6] + 0.2 * rng.normal(size=30), x[8]
    texts[9] = "Text 8!"  # the same text, which is another matter
    cosine = np.corrcoef(x[[6, 7]], rowvar=True)[0, 1]
    want = {0, 1} | ({6, 7} if cosine > 0.95 else set())
    assert near_copies(texts, x) == pytest.approx(len(want) / 400)
    warn_of_near_copies(texts, x)
    assert capsys.readouterr().err == ""
    x[20:40] = x[20]
    warn_of_near_copies(texts, x)
    share = 100 * (len(want) + 20) / 400
    assert f"note: {share:.0f} in 100 texts have a near-copy" in capsys.readouterr().err
    for n in (99, 100):  # of fewer than 100 texts, nothing is said
        warn_of_near_copies(texts[10 : 10 + n], x[10 : 10 + n])
        assert ("20 in 100 texts" in capsys.readouterr().err) == (n == 100)
    assert near_copies(list("abcde"), np.zeros((5, 3))) == 0 == near_copies(["a"], np.ones((1, 3)))
    many = np.repeat(rng.normal(size=(6_000, 8)), 2, axis=0)  # more than are compared
    assert 0.7 < near_copies([f"text {i}" for i in range(12_000)], many) < 1


def test_a_class_of_one_text_is_refused_and_copies_in_a_test_file_are_said(tmp_path, capsys):
    for rows, label in (([("one", "a")] * 30 + [("two", "b"), ("Two!", "b"), ("three", "a")], "b"),
                        ([("one", "ab"[i % 2]) for i in range(30)], "a")):
        write_csv(tmp_path / "t.csv", ["text", "label"], rows)
        with pytest.raises(InputError, match=f"the label '{label}' has one text alone"):
            read_table(tmp_path / "t.csv", stratified=data.seed_set)
    write_csv(tmp_path / "t.csv", ["text", "label"], [(f"t{i}", "ab"[i % 2]) for i in range(9)])
    write_csv(tmp_path / "test.csv", ["text", "label"], [("x", "a"), ("X.", "a"), ("y", "b")])
    raw = read_table(tmp_path / "t.csv", test=tmp_path / "test.csv")
    assert len(raw["test"][0]) == 3 and "3 rows hold 2 different texts, and" in (
        capsys.readouterr().err)
