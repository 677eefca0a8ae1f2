"""The demo corpus: what its rows say of themselves is so, and the grammar makes them again."""

import re
from pathlib import Path

import numpy as np

import data
from demo import make


def test_demo_corpus_shares_and_templates():
    d = data.load("demo")
    assert d.x.shape == (2500, 300) and d.x_test.shape == (500, 300) and d.x.dtype == np.float32
    assert d.classes == ["ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"]
    share = {k: np.mean(d.kind == k) for k in ("easy", "ambiguous", "mislabelled")}
    assert share == {"easy": 0.75, "ambiguous": 0.15, "mislabelled": 0.10}
    assert len(set(d.texts)) == 2500
    templates = [t for ts in make.TEMPLATES.values() for t in ts.split("\n")]
    both = [t for ts in make.AMBIGUOUS.values() for t in ts.split("\n")]
    assert len(templates) + 6 * len(make.FRAMES.split("\n")) + len(both) >= 60


def test_demo_labels_are_what_the_kinds_say():
    raw = data.read_demo()

    def words_of(slot):
        nouns = " ".join(make.NOUNS.values())
        words = nouns if slot == "noun" else make.SLOTS[slot.rstrip("2")]
        return f"(?P<{slot}>{'|'.join(map(re.escape, words.split()))})"

    def template_of(text, templates):
        for template in templates:
            parts = re.split(r"{(\w+)}", template)
            parts[0::2] = map(re.escape, parts[0::2])
            parts[1::2] = map(words_of, parts[1::2])
            if m := re.fullmatch("".join(parts), text):
                return m
        return None

    ambiguous = {pair: ts.split("\n") for pair, ts in make.AMBIGUOUS.items()}
    counts = {}
    for text, label, kind in zip(*raw["train"], raw["kind"]):
        own = template_of(text, make.TEMPLATES[label].split("\n"))
        noun = template_of(text, make.FRAMES.split("\n"))
        fits = bool(own) or bool(noun and noun["noun"] in make.NOUNS[label].split())
        pair = next((p for p, ts in ambiguous.items() if template_of(text, ts)), None)
        assert (kind == "ambiguous") == bool(pair and label in pair and not fits), text
        assert (kind == "easy") == fits, text
        if kind == "ambiguous":
            counts[label, pair] = counts.get((label, pair), 0) + 1
    for pair in ambiguous:  # half the time each
        assert abs(counts[pair[0], pair] - counts[pair[1], pair]) <= 2


def test_the_grammar_makes_the_same_file_again(tmp_path):
    make.write(tmp_path / "questions.csv")
    ours = Path(make.__file__).parent / "questions.csv"
    assert (tmp_path / "questions.csv").read_bytes() == ours.read_bytes()
