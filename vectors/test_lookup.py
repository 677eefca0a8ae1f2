"""From a word to its vector: which spelling, which sample, what counts as known, what is kept."""

import os

import numpy as np
import pytest

import data
from vectors import facts, kept, pool
from vectors.sources import load_vectors


def raw_of(train, test=(), max_len=9, stem="my"):
    return {"train": (train, []), "test": (list(test), []), "max_len": max_len, "stem": stem}


def test_words_of_a_file_are_split_at_white_space_and_keep_their_case(tmp_path):
    (tmp_path / "v.vec").write_text("how 1 0\nHow 2 0\nwho? 4 0\nwho 8 0\n? 16 0\n")
    x = data.text_vectors(raw_of(["How", "how", "who?", "who ?", "Who?"]), str(tmp_path / "v.vec"),
                          data.spellings, None)[0]
    assert x[:, 0].tolist() == [2, 1, 4, 24, 4]


def test_of_two_lines_with_one_word_the_first_counts_and_the_best_spelling_of_all(tmp_path):
    (tmp_path / "v.vec").write_text("obama 1\nObama 2\nobama 3\nhow 5\nhow 6\n")
    assert load_vectors(str(tmp_path / "v.vec"), ["Obama", "obama,", "how", "HOW", "none"]
                        )[:, 0].tolist() == [2, 1, 5, 5, 0]


def test_known_tokens_by_hand():
    words, table = ["a", "b", "c", "d"], np.array([[1.0], [0], [2], [0]])
    ids, ends = np.array([0, 0, 1, 2, 0, 1]), np.array([2, 6])  # d does not occur
    found = facts.table_1(ids, ends, table, words)
    assert found["tokens_known"] == pytest.approx(4 / 6) and found["types"] == 3
    assert found["types_known"] == pytest.approx(2 / 3) and found["missing"] == ["b"]
    assert (found["length_mean"], found["length_max"]) == (3.0, 4)


def ppmi_vectors(bags, words):
    """Levy et al.'s vectors by loops: U sqrt(S) of PPMI, each sign free."""
    count = np.zeros((len(words),) * 2)
    for bag in bags:
        for i, v in enumerate(bag):
            for j, w in enumerate(bag):
                if i != j and abs(i - j) <= 10:
                    count[words.index(v), words.index(w)] += 1
    context = count.sum(0) ** 0.75
    with np.errstate(divide="ignore", invalid="ignore"):
        pmi = np.log(count / np.outer(count.sum(1), context / context.sum()))
    u, s, _ = np.linalg.svd(np.where(count > 0, np.maximum(pmi, 0), 0))
    v = u * np.sqrt(s)
    return v / np.linalg.norm(v, axis=1).mean()


def bags_of(n, V=40, seed=0):
    rng = np.random.default_rng(seed)
    return [[f"w{w:02d}" for w in rng.permutation(np.r_[
        rng.integers(0, V // 2, 4) + i % 2 * V // 2, rng.integers(0, V, 2)])] for i in range(n)]


def vectors_of(bags):
    words, ids, ends = data.index_tokens(map(" ".join, bags), str.split, 99)
    return words, pool.pool_vectors(ids, ends, len(words))


def same_products(a, b):
    """Whether two tables of vectors are the same but for a rotation."""
    np.testing.assert_allclose(a @ a.T, b @ b.T, atol=2e-3)


def test_pool_vectors_are_u_times_the_root_of_s():
    bags = bags_of(150)
    words, got = vectors_of(bags)
    same_products(got.astype(float), ppmi_vectors(bags, words))


def test_pool_vectors_of_many_texts_are_learned_from_whole_texts_of_a_sample(monkeypatch):
    bags = bags_of(120)
    monkeypatch.setattr(pool, "MAX_TEXTS", 60)
    words, got = vectors_of(bags)
    keep = np.sort(np.random.default_rng(0).choice(120, 60, replace=False))
    some = [bags[i] for i in keep]
    known = sorted({w for bag in some for w in bag})
    same_products(got[[words.index(w) for w in known]].astype(float), ppmi_vectors(some, known))


def test_the_thirty_thousand_most_frequent_words_have_vectors(monkeypatch):
    assert (pool.MAX_TEXTS, pool.MAX_WORDS, pool.WINDOW, pool.SMOOTH) == (200_000, 30_000, 10, 0.75)
    bags = bags_of(200)
    monkeypatch.setattr(pool, "MAX_WORDS", 25)
    words, got = vectors_of(bags)
    counts = {w: sum(bag.count(w) for bag in bags) for w in words}
    most = sorted(words, key=lambda w: (-counts[w], w))[:25]
    assert {w for w, row in zip(words, got) if row.any()} == set(most)


def test_a_kept_matrix_is_of_its_texts_vectors_length_fill_and_spellings(tmp_path):
    fill = lambda missing, first: missing[:, None].astype(np.float32) * first
    exact = lambda word: [word]
    (tmp_path / "v.vec").write_text("a 1\nb 2\n")
    base = {"raw": raw_of(["a B", "b b b"]), "vectors": str(tmp_path / "v.vec"),
            "spellings": data.spellings, "fill": None}
    others = [{}, {"raw": raw_of(["a B", "b b b"], max_len=2)}, {"fill": fill},
              {"spellings": exact}, {"raw": raw_of(["a B", "b b a"])},
              {"raw": raw_of(["a B"], ["b b b"])}]
    paths = {kept.place(tmp_path, b["raw"]["stem"], b["vectors"], (
        b["raw"]["train"][0], b["raw"]["test"][0]), (b["raw"]["max_len"], b["fill"],
        b["spellings"])) for b in ({**base, **other} for other in others)}
    assert len(paths) == len(others)
    for asked in (asked for other in others for asked in (base, {**base, **other}, base)):
        alone = data.text_vectors(**asked)[0]
        found = data.text_vectors(**asked, cache=tmp_path / "cache")[0]
        assert (found == alone).all()  # read from the one folder as if alone
    texts = [" ".join(bag) for bag in bags_of(40)]
    for split in (40, 20, 40):  # the same texts, but fewer of them teach the vectors
        asked = (raw_of(texts[:split], texts[split:]), "pool", data.spellings, None)
        assert (data.text_vectors(*asked, tmp_path / "cache")[0] == data.text_vectors(*asked)[0]
                ).all()
    before = data.text_vectors(**base, cache=tmp_path / "cache")[0].copy()
    (tmp_path / "v.vec").write_text("a 1\nb 7\n")  # of the same size, and saved later
    os.utime(tmp_path / "v.vec", (2e9, 2e9))
    after = data.text_vectors(**base, cache=tmp_path / "cache")[0]
    assert (after == data.text_vectors(**base)[0]).all() and (after != before).any()
