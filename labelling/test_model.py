"""The closed-form model and what may be believed of it, against loops, algebra and simulation."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from data import read_demo
from labelling import doubts, guesses, honest, kept, kernel, many, model, outcome, terms
from tables.answers import Answer, Answers
from vectors.words import index_tokens, tokens

TEXTS = ["a cat sat", "A cat ! sat sat", "dogs bark", "dogs , cats and a dog", "", "bark a cat"]


def rows_of(make, texts=TEXTS):
    words, ids, ends = index_tokens(texts, tokens, 200)
    return make(words, ids, ends)


def dense(rows):
    return rows.compact().to_dense().double().numpy()


def by_hand(lists):
    """TF-IDF by a loop over lists of terms, as {column: weight} per text."""
    df = Counter(term for found in lists for term in set(found))
    out = []
    for found in lists:
        w = {term: (1 + np.log(tf)) * (1 + np.log((1 + len(lists)) / (1 + df[term])))
             for term, tf in Counter(found).items()}
        norm = np.sqrt(sum(value**2 for value in w.values()))
        out.append({term: value / norm for term, value in w.items()})
    return out


def check(rows, lists):
    for i, want in enumerate(by_hand(lists)):
        span = slice(rows.bounds[i], rows.bounds[i + 1])
        got = dict(zip(rows.columns[span].tolist(), rows.weights[span].tolist()))
        assert got.keys() == want.keys()
        assert all(got[term] == pytest.approx(value, rel=1e-5) for term, value in want.items())


def test_words_and_pairs_against_a_loop():
    lists = []
    for text in TEXTS:
        marked = ["<s>", *tokens(text), "</s>"]
        own = [terms.column_of(word) for word in marked]
        lists.append([*own[1:-1], *(terms.pair_column(a, b) for a, b in zip(own, own[1:]))])
    check(rows_of(terms.word_rows), lists)


def test_parts_of_words_against_a_loop():
    lists = []
    for text in TEXTS:
        padded = [f" {word} " for word in tokens(text)]
        lists.append([terms.column_of(word[i : i + n]) for word in padded for n in (3, 4, 5)
                      for i in range(len(word) - n + 1)])
    check(rows_of(terms.part_rows), lists)


def test_rows_are_taken_and_multiplied_as_a_matrix():
    rows = rows_of(terms.word_rows)
    where, width = terms.numbered(rows)
    some = rows.take(torch.tensor([3, 0, 4]))
    full = dense(rows)
    np.testing.assert_array_equal(
        some.matrix(where, width).to_dense().numpy(), full[[3, 0, 4]].astype(np.float32))
    table = torch.randn(width + 1, 3, generator=torch.Generator().manual_seed(0))
    table[-1] = 0  # what the labelled texts do not have
    np.testing.assert_allclose(rows.times(table, where).numpy(), full @ table[:-1].numpy(),
                               atol=1e-6)


def test_the_names_of_terms():
    names = terms.term_names(tokens("a cat"))
    assert names == {terms.column_of("a"): "a", terms.column_of("cat"): "cat"} | {
        terms.pair_column(terms.column_of(u), terms.column_of(v)): f"{u} {v}"
        for u, v in (("<s>", "a"), ("a", "cat"), ("cat", "</s>"))}


# ---- the model ----------------------------------------------------------------------------------


def small(N=80, C=3, seed=0):
    """Texts of C kinds with their features: (features, y)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, C, N)
    words = [[f"w{c}{i}" for i in range(6)] for c in range(C)]
    texts = [" ".join([*rng.choice(words[c], 3), *rng.choice(["and", "of", "the"], 3)]) for c in y]
    x = (rng.normal(size=(N, 12)) + 1.2 * np.eye(C, 12)[y]).astype(np.float32)
    return kernel.features_of(texts, x), y


def test_chinese_is_read_by_characters_and_their_order():
    # The two classes have the same characters; a model of single ones would be right half the time.
    rng, y = np.random.default_rng(0), np.arange(400) % 2
    others = lambda: "".join(rng.choice(list("这那有我们你他她在上下来去说看想用买东西天时候"), 5))
    texts = [others() + ("好评", "评好")[c] + others() for c in y]
    features = kernel.features_of(texts, rng.normal(size=(400, 8)).astype(np.float32))
    found = kernel.fit(features, np.arange(100), np.eye(2)[y[:100]])
    assert (found.scores[100:].argmax(1) == y[100:]).mean() > 0.8


def whole_kernel(features, weights):
    """K between all texts, from dense rows."""
    K = np.ones((len(features["vectors"]),) * 2)
    for name, w in weights.items():
        kind = features[name]
        rows = dense(kind) if isinstance(kind, terms.Rows) else kind.take(
            np.arange(len(kind))).double().numpy()
        K += w * rows @ rows.T
    return K


def test_scores_and_what_is_left_out_against_fitting_again():
    features, y = small()
    L, Y = np.arange(5, 55), np.eye(3)[y[5:55]]
    fitted = kernel.fit(features, L, Y)
    K = whole_kernel(features, fitted.weights)
    A = np.linalg.solve(K[L][:, L] + fitted.penalty * np.eye(50), Y)
    np.testing.assert_allclose(fitted.scores, K[:, L] @ A, atol=2e-3)
    for i in (0, 7, 49):
        rest = np.delete(L, i)
        A = np.linalg.solve(K[rest][:, rest] + fitted.penalty * np.eye(49), np.delete(Y, i, 0))
        np.testing.assert_allclose(fitted.left_out[i], K[L[i], rest] @ A, atol=2e-3)


def test_the_weights_and_the_penalty_have_the_smallest_error():
    features, y = small(seed=3)
    L, Y = np.arange(40), torch.eye(3, dtype=torch.float64)[y[:40]]
    grams = kernel.gram(features, L)
    errors = {}
    for row in kernel.WEIGHTS:
        weights = {name: w for name, w in zip(kernel.NAMES, row) if w}
        for penalty in kernel.PENALTIES:
            G = torch.linalg.inv(kernel.mixed(weights, grams).double() + penalty * torch.eye(40))
            error = (guesses.leave_one_out(G, Y) - Y).square().sum().item()
            errors[tuple(weights.items()), penalty] = error
    fitted = kernel.fit(features, L, Y)
    best = min(errors, key=errors.get)
    assert (fitted.weights, fitted.penalty) == (dict(best[0]), pytest.approx(best[1]))


def test_conjugate_gradients_end_where_the_inverse_does(monkeypatch):
    features, y = small(120)
    L, Y = np.arange(90), np.eye(3)[y[:90]]
    exact = kernel.fit(features, L, Y)
    A = many.conjugate_gradients(features, L, exact.weights, exact.penalty, torch.as_tensor(Y),
                                 tolerance=1e-6)
    factors = [many.factor_of(features[name], L, w) for name, w in exact.weights.items()]
    K = whole_kernel(features, exact.weights)[L][:, L]
    S = np.sort(np.random.default_rng(90).permutation(90)[:45])  # its landmarks
    close = K[:, S] @ np.linalg.solve(K[S][:, S] + 1e-4 * np.eye(45), K[S])
    v = np.random.default_rng(0).normal(size=(90, 2))
    moved = torch.as_tensor(close @ v + exact.penalty * v).float()
    near = many.preconditioner(factors, exact.penalty, 90)(moved)
    np.testing.assert_allclose(near, v, atol=0.05)
    np.testing.assert_allclose(kernel.scores(features, L, exact.weights, A), exact.scores,
                               atol=5e-3)
    monkeypatch.setattr(kernel, "EXACT", 60)  # more labels than are solved exactly
    more = kernel.fit(features, L, Y)
    assert np.isnan(more.left_out[:, 0]).sum() == 30
    assert (more.scores.argmax(1) == exact.scores.argmax(1)).mean() > 0.95


def test_topics_are_the_words_in_fewer_dimensions():
    texts = ["red apple", "red apple", "green apple", "blue sky", "blue sky above", "grey sky"]
    found = kernel.topics(rows_of(terms.word_rows, texts)).double()
    unit = found / found.norm(dim=1, keepdim=True).clamp_min(1e-12)
    same = unit @ unit.T
    assert same[0, 1] == pytest.approx(1, abs=1e-4) and same[0, 2] > 0.3 > abs(same[0, 3])


def test_terms_are_kept_for_the_same_texts_alone(tmp_path):
    made, x = [], np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    texts = [f"a text {i} of {'xyz'[i % 3]} words" for i in range(30)]

    def features(texts, name="t.csv", folder=tmp_path):
        def counted(make):
            made.append(0)
            return make()
        return kernel.features_of(texts, x, keep=lambda make: kept.kept(
            folder, name, texts, lambda: counted(make)))

    def same(one, other):
        return one.keys() == other.keys() and all(
            np.array_equal(one[name].take(torch.arange(30)).weights, other[name].take(
                torch.arange(30)).weights) and torch.equal(one[name].columns, other[name].columns)
            for name in ("words", "parts")) and np.array_equal(one["topics"].x, other["topics"].x)

    first = features(texts)
    assert same(first, features(texts)) and len(made) == 1
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-9])  # damaged
    assert same(first, features(texts)) and len(made) == 2
    assert not same(first, features([*texts[1:], texts[0]])) and len(made) == 3
    assert [p.name.count("t.csv-terms-") for p in tmp_path.iterdir()] == [1]
    features(texts, "other.csv")
    assert len(list(tmp_path.iterdir())) == 2
    assert same(first, features(texts, folder=path / "no folder")) and len(made) == 5


def test_what_speaks_for_a_class_is_its_own_words():
    features, y = small(60)
    texts = [" ".join(f"w{c}0" for _ in range(2)) for c in y]  # every text: one word, twice
    features["words"] = rows_of(terms.word_rows, texts)
    L, Y = np.arange(40), np.eye(3)[y[:40]]
    fitted = kernel.fit(features, L, Y)
    asked = {row: int(fitted.scores[row].argmax()) for row in (45, 50)}
    said = kernel.speaking(features, fitted, asked, texts)
    for row, c in asked.items():
        assert said[row] and all(f"w{c}0" in term for term in said[row]) == (c == y[row])
    fitted.weights = {"vectors": 1.0}
    assert kernel.speaking(features, fitted, {45: 0}, texts) == {45: []}
    texts = [f"all w{c}0" for c in y]  # what is in every text cannot speak for every class
    features["words"] = rows_of(terms.word_rows, texts)
    fitted = kernel.fit(features, L, Y)
    own = {int(np.flatnonzero(fitted.scores.argmax(1) == c)[0]): c for c in range(3)}
    fitted.weights = {"words": 1.0}
    said = kernel.speaking(features, fitted, own, texts)
    assert all(said.values()) and not all("all" in terms for terms in said.values())


def test_models_of_half_the_labels():
    features, y = small(60)
    L = np.arange(60)
    fitted = kernel.fit(features, L, np.eye(3)[y])
    places, right = kernel.half_as_many(features, L, np.eye(3)[y], fitted, halves=4)
    assert sorted(places) == list(range(60)) and set(np.round(right * 4, 6)) <= {0, 1, 2, 3, 4}
    features, L = small(300)[0], np.arange(300)
    noise = np.eye(3)[np.random.default_rng(9).integers(0, 3, 300)]  # nothing speaks for them
    chance = kernel.half_as_many(features, L, noise, kernel.fit(features, L, noise))[1].mean()
    assert right.mean() > 0.8 and chance < 0.42


def demo_table(n, copies=0, seed=0):
    """A Data-like table of the demo: n rows labelled, each of them `copies` times more."""
    texts, labels = read_demo()["train"]
    order = np.random.default_rng(seed).permutation(900)
    texts, labels = [texts[i] for i in order], [labels[i] for i in order]
    texts += texts[:n] * copies
    classes = sorted(set(labels))
    y = np.array([classes.index(c) for c in [*labels, *labels[:n] * copies]])
    truth = y.copy()
    y[n:900] = -1
    words, ids, ends = index_tokens(texts[:900], tokens, 200)
    x = terms.word_rows(words, ids, ends)
    x = kernel.topics(x).numpy()
    x = np.concatenate([x, *[x[:n]] * copies])
    return SimpleNamespace(texts=texts, x=x, x_test=x[:0], y=y, classes=classes, kind=None,
                           row_numbers=np.arange(2, len(y) + 2), name="t"), truth


def test_copies_are_one_text():
    # Copies change how often a term occurs in the table, so the model is not the same to the bit.
    (one, truth), (three, _) = demo_table(150), demo_table(150, copies=2)
    teams = [model.train(d, Answers(), np.flatnonzero(d.y >= 0)) for d in (one, three)]
    assert [len(team.rows) for team in teams] == [len(teams[0].rows)] * 2
    rest = np.flatnonzero(one.y < 0)
    for team in teams:
        right = (team.p[rest].argmax(1) == truth[rest]).mean()
        share, low, high = team.accuracy(rest)
        assert low <= right <= high and abs(share - right) < 0.08


def test_copies_with_two_labels_share_them():
    d = SimpleNamespace(texts=["a b", "A  b", "a b", "c"], y=np.array([0, 1, 0, 1]),
                        classes=["p", "q"])
    rows, Y = model.distinct(d, np.arange(4))
    assert rows.tolist() == [0, 3]
    np.testing.assert_allclose(Y, [[2 / 3, 1 / 3], [0, 1]])


# ---- what may be believed -----------------------------------------------------------------------


def planted(n, T, e, C=5, seed=0, soft=0.05):
    """Scores [n, C], the true classes drawn from their p at T, and labels of which a share e is
    wrong."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, C)) * rng.uniform(0, 0.4, size=(n, 1)) + 0.2
    p = (1 - soft) * honest.softmax(T * scores) + soft * honest.softmax(T / 3 * scores)
    true = (p.cumsum(1) > rng.random((n, 1))).argmax(1)
    given = np.where(rng.random(n) < e, (true + rng.integers(1, C, n)) % C, true)
    return scores, true, given


@pytest.mark.parametrize("e", [0, 0.1, 0.25])
def test_temperature_and_wrong_labels_are_found_again(e):
    scores, true, given = planted(12_000, 14.0, e)
    found = honest.calibrate(scores, given)
    assert found.temperature == pytest.approx(14, rel=0.1)
    assert found.low <= e <= found.high and found.wrong == pytest.approx(e, abs=0.02)
    wrong = honest.wrong_labels(scores, given, found)
    for least in (0.2, 0.6):  # of those believed wrong with p, a share p is
        some = (wrong > least) & (wrong < least + 0.2)
        if some.sum() > 200:
            assert (given != true)[some].mean() == pytest.approx(wrong[some].mean(), abs=0.06)
    about, low, high = honest.wrong_range(scores, given, found)
    assert low - 1 <= (given != true).sum() <= high + 1 and low <= about <= high


@pytest.mark.parametrize("soft", [0, 0.1])
def test_the_range_of_wrong_labels_allows_for_less_and_more_overlap(soft):
    for e in (0, 0.1):
        scores, _, given = planted(3_000, 14.0, e, seed=2, soft=soft)
        found = honest.calibrate(scores, given)
        assert found.low <= e <= found.high and found.wrong == pytest.approx(e, abs=0.03)


def test_temperature_and_share_are_the_likeliest_under_the_prior():
    scores, _, given = planted(150, 9.0, 0.1)
    best = {}
    for T in honest.TEMPERATURES:
        p = np.exp(T * scores), np.exp(T / 3 * scores)
        p = [of / of.sum(1, keepdims=True) for of in p]
        p = (0.95 * p[0] + 0.05 * p[1])[np.arange(150), given]
        for e in honest.SHARES:
            likelihood = np.log((1 - e) * p + e * (1 - p) / 4).sum() + 20 * np.log(1 - e)
            best[likelihood] = T, e
    found = honest.calibrate(scores, given)
    assert (found.temperature, found.wrong) == pytest.approx(best[max(best)])


def test_the_range_of_wrong_labels_joins_those_of_three_softer_parts():
    scores, _, given = planted(400, 14.0, 0.2)
    rows, counts = np.arange(400), []
    for soft in (0, 0.05, 0.1):
        best = {}  # by e: the highest likelihood, and how many labels are then wrong
        for e in honest.SHARES:
            for T in honest.TEMPERATURES:
                p = [np.exp(T * by * scores) for by in (1, 1 / 3)]
                p = [of / of.sum(1, keepdims=True) for of in p]
                p = ((1 - soft) * p[0] + soft * p[1])[rows, given]
                wrong, seen = e * (1 - p) / 4, (1 - e) * p + e * (1 - p) / 4
                here = np.log(seen).sum() + 20 * np.log(1 - e), (wrong / seen).sum()
                best[e] = max(best.get(e, here), here)
        top = max(best.values())[0]
        near = [e for e in best if best[e][0] > top - 4 * 1.96**2 / 2]
        counts += [best[near[0]][1], best[near[-1]][1]]
    found = honest.calibrate(scores, given)
    wrong = honest.wrong_labels(scores, given, found)
    chance = 1.96 * np.sqrt((wrong * (1 - wrong)).sum())
    about, low, high = honest.wrong_range(scores, given, found)
    assert high == pytest.approx(about + np.hypot(max(counts) - about, chance))
    assert low == pytest.approx(about - np.hypot(about - min(counts), chance))


def test_overlap_is_not_taken_for_wrong_labels(monkeypatch):
    scores, y, _ = planted(6_000, 14.0, 0, seed=3)
    p = 0.95 * honest.softmax(14 * scores) + 0.05 * honest.softmax(14 / 3 * scores)
    found = honest.calibrate(scores, y)
    assert found.temperature == pytest.approx(14, rel=0.1) and found.wrong == found.low == 0
    monkeypatch.setattr(honest, "BLOCK", 2_500)  # rows in pieces
    np.testing.assert_allclose(replace(found, temperature=14).probs(scores), p)
    assert found.probs(scores.astype(np.float32)).dtype == np.float32
    monkeypatch.setattr(honest, "SOFT", 0.0)
    without = honest.calibrate(scores, y)
    assert 0 < without.low <= without.wrong


def test_the_posterior_by_enumeration():
    p, e = np.array([0.5, 0.2, 0.2, 0.1]), 0.1
    for y in range(4):
        joint = [p[c] * ((1 - e) if c == y else e / 3) for c in range(4)]
        want = 1 - joint[y] / sum(joint)
        assert honest.posterior(p[y], e, 4) == pytest.approx(want)
    assert honest.posterior(np.array([0.3]), 0.0, 4) == 0


def test_labels_that_are_wrong_at_most_by_hand():
    p = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.56, 0.4, 0.04],  # given 0: .553 on average
                  [0.2, 0.7, 0.1], [0.62, 0.3, 0.08], [0.05, 0.05, 0.9]])  # 1: .35; 2: never given
    y = np.array([0, 0, 0, 1, 1, 1])  # the second and the fifth are as likely of the other class
    found = honest.at_most(np.log(p), y, honest.Calibration(1.0))
    assert found == pytest.approx(2 + 1.96 * np.sqrt(2))


def test_the_accuracy_by_hand(monkeypatch):
    monkeypatch.setattr(honest, "SOFT", 0)  # p is the softmax of the scores
    found = honest.Calibration(1.0)
    left_out = np.log([[0.6, 0.4], [0.7, 0.3], [0.2, 0.8], [0.9, 0.1]])
    y, p = np.array([0, 1, 1, 0]), np.array([[0.5, 0.5], [0.1, 0.9]] * 8)
    sample = np.array([True, True, True, False])
    left = np.array([1 - 0.6, 0 - 0.7, 1 - 0.8])  # what the three in the sample were right above p
    for times, texts in ((None, 16), ([16], 1), ([8, 4, 4], 256 / 96)):
        share, low, high = honest.accuracy(p.max(1), left_out, y, sample, found, times)
        assert share == pytest.approx(0.7 + (2 - 0.6 - 0.7 - 0.8) / 3)
        # wider by what the same texts were fitted on
        error = 1.15 * left.std(ddof=1) * np.sqrt(1 / 3 + 1 / texts)
        for bound in (low, high):  # Wilson's, for as many texts as would have this error
            n = max(1, share * (1 - share) / error**2)
            assert abs(share - bound) / np.sqrt(bound * (1 - bound) / n) == pytest.approx(1.96)
        assert 0 < low < share < high < 1
    found = honest.Calibration(1.0, 0.1, 0.1, 0.1)  # a tenth of the labels is wrong
    share = honest.accuracy(p.max(1), left_out, y, sample, found)[0]
    agree = 0.9 * np.array([0.6, 0.7, 0.8]) + 0.1 * np.array([0.4, 0.3, 0.2])
    assert share == pytest.approx(0.7 + (2 - agree.sum()) / 3 / (1 - 0.1 - 0.1))


def test_its_range_allows_for_texts_that_fill_many_rows():
    """Half of 200 rows are one text: whether that text is right moves the truth by a half."""
    held, narrow, rng = [], [], np.random.default_rng(0)
    rows, found = np.repeat(np.arange(101), [100, *[1] * 100]), honest.Calibration(1.0)
    for _ in range(200):
        said, right = np.log([[0.7, 0.3]] * 60), rng.random(60) < 0.7
        true = (rng.random(101) < 0.7)[rows].mean()
        for out, times in ((held, np.bincount(rows)), (narrow, None)):
            _, low, high = honest.accuracy(np.full(200, 0.7), said,
                                           (~right).astype(int), np.ones(60, bool), found, times)
            out.append(low <= true <= high)
    assert np.mean(held) > 0.9 and np.mean(narrow) < 0.5


@pytest.mark.parametrize("e", [0, 0.1])
def test_its_range_covers_and_its_mean_is_right(e):
    held, errors = [], []
    for seed in range(150):
        scores, true, given = planted(700, 9.0, e, seed=seed)
        found = honest.calibrate(scores[:120], given[:120])
        p = found.probs(scores[120:])
        right = (p.argmax(1) == true[120:]).mean()
        share, low, high = honest.accuracy(p.max(1), scores[:120], given[:120], np.ones(120, bool),
                                            found)
        held.append(low <= right <= high)
        errors.append(share - right)
    assert np.mean(held) >= 0.9 and abs(np.mean(errors)) < (0.02 if not e else 0.05)


def test_a_range_like_wilson_s():
    for right, n in ((0, 10), (7, 10), (93, 100)):
        share = right / n
        low, high = honest.interval(share, np.sqrt(share * (1 - share) / n), n)
        for bound in (low, high):  # each bound is the share whose test gives z = 1.96
            if 0 < bound < 1:
                assert abs(share - bound) / np.sqrt(bound * (1 - bound) / n) == pytest.approx(1.96)


def test_the_gain_by_hand():
    left_out, y = np.eye(2)[[0, 0, 1, 1]], np.array([0, 0, 1, 0])  # right, right, right, wrong
    halves = np.array([1, 0.5, 0.5, 0])
    about, low, high = honest.gain(y, left_out, np.arange(4), halves, 100, 100)
    error = 1.15 * 1.96 * np.std([0, 0.5, 0.5, 0], ddof=1) / np.sqrt(4)
    assert about == pytest.approx(0.25) and low == 0  # a doubling
    assert high == pytest.approx(0.25 + error)
    assert honest.gain(y, left_out, np.arange(4), 1 - halves, 100, 50)[0] == pytest.approx(
        (0.75 - 0.5) * np.log2(1.5))
    about, low, _ = honest.gain(y, left_out, np.arange(4), np.ones(4), 100, 50)
    assert about == low == 0  # fewer labels were better, by chance: nothing is expected of more


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n", [0, 1])
def test_a_single_text_says_nothing_of_the_gain(n):
    found = honest.gain(np.zeros(1, int), np.eye(2)[:1], np.arange(n), np.ones(n), 1, 50)
    assert found == (0, 0, 1)


def test_what_people_found_counts_for_the_rest():
    assert honest.informed((40, 20, 60), 27, 4, 9) == (40, 20, 60)  # nine are too few
    about, low, high = honest.informed((40, 20, 60), 27, 4, 30)
    assert about == pytest.approx(40 * 6 / 29) and 0 <= low < about < high < 60
    assert honest.informed((40, 20, 60), 27, 27, 30)[0] == pytest.approx(40)
    # By simulation: f is a rate of which a Poisson number is seen.
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        f = rng.gamma(2, 0.5)
        seen = rng.poisson(20 * f)
        _, low, high = honest.informed((50, 50, 50), 20, seen, 30)
        held += low <= 50 * f <= high
    assert 0.9 <= held / 400 <= 0.99


# ---- doubts and files ---------------------------------------------------------------------------


def team_of(scores, y, N=0):
    fitted = kernel.Fitted(np.zeros((N, scores.shape[1])), scores, {"words": 1.0}, 0.1)
    found = honest.calibrate(scores, y)
    return model.Model({}, np.arange(len(y)), None, y, fitted, found, found.probs(fitted.scores),
                       np.ones(len(y), bool))


def test_doubts_find_what_is_wrong_and_ask_once():
    scores, true, given = planted(600, 30.0, 0.1, C=4, seed=1)
    team = team_of(scores, given)
    d = SimpleNamespace(texts=[f"text {i}" for i in range(600)], classes=list("pqrs"))
    found, bad = doubts.find(team, d, Answers()), set(np.flatnonzero(true != given).tolist())
    assert len(found.places) == doubts.MOST == len(set(found.places))
    assert len(set(found.places) & bad) > 25
    assert np.mean([found.theirs[n] == true[i] for n, i in enumerate(found.places)]) > 0.85
    assert all(a >= b for a, b in zip(found.wrong, found.wrong[1:]))
    assert found.believed[1] <= len(bad) <= found.believed[2]
    said = f" If a class is often taken for another, at most {found.at_most:,.0f} are."
    assert found.at_most > found.believed[2] and said in doubts.counted_wrong(found)
    assert said not in doubts.counted_wrong(replace(found, looked=honest.LOOKED))
    answers = Answers()
    for i in found.places[:5]:
        answers.add(Answer(i, f"text {i}", "kept", reviewed="p"))
    later = doubts.find(team, d, answers)
    assert set(later.places).isdisjoint(found.places[:5])
    assert later.believed[0] == pytest.approx(found.believed[0] - sum(found.wrong[:5]))
    team.found = honest.Calibration(  # none is believed wrong: by the scores
        9.0, 0.0, 0.0, 0.05, ((0.0, 9.0, 0.05), (0.05, 9.0, 0.05)))
    found = doubts.find(team, d, Answers())
    order = doubts.margin(scores, given)[found.places]
    assert len(order) > 5 and order.tolist() == sorted(order) and order[0] == doubts.margin(
        scores, given).min()
    p = np.array([[0.2, 0.5, 0.3], [0.1, 0.2, 0.7]])
    assert doubts.margin(p, [0, 2]) == pytest.approx([-0.3, 0.5])


def test_what_is_accepted_and_where_labels_come_from():
    d = SimpleNamespace(y=np.array([0, -1, -1, -1]), row_numbers=np.array([2, 4, 5, 9]),
                        classes=["a", "b"], kind=np.array(["", "", "", "skipped"]))
    p = np.array([[1, 0], [0.04, 0.96], [0.1, 0.9], [0, 1]])
    assert outcome.accept(d, p, 0.95) == {4: ("b", "accepted at 0.96")}
    answers = Answers()
    answers.add(Answer(7, "One text", "b", "random"))
    answers.add(Answer(9, "two", "b", "margin", "ann", "", 3))
    answers.add(Answer(4, "three", "b", "corrected", "", "a"))
    asked = ((2, "x", "a", "a"), (7, "one  text", "", "b"), (8, "one text", "", "b"),
             (5, "other", "", "a"), (6, "x", "", ""), (6, "x", "-", "-"), (9, "two", "", "b"),
             (4, "three", "a", "b"))
    said = [outcome.source_of(*cells, answers, {"other": 3}) for cells in asked]
    assert said == ["yours", "answered (random)", "copied from row 7", "copied from row 3", "", "",
                    "answered by ann in batch 3 (margin)", "corrected"]
    assert outcome.free_name("source", ["text", "Source"]) == "source_"
