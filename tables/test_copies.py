"""Texts that are the same, and labels that look the same."""

import unicodedata

import numpy as np
import pytest

from tables.copies import first_of, groups, key

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
