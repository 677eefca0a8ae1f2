"""A text's tokens, in any script."""

import functools
import re
import unicodedata
from array import array

import numpy as np

# Scripts without spaces between words, such as Thai, Lao, Myanmar, Khmer, kana and Han.
UNSPACED = ("\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
            "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff")
PLAIN = re.compile(r"\w+|[^\w\s]")


@functools.cache
def patterns():
    """Patterns of a word or punctuation mark, a stretch of an unspaced script, a character.

    A combining mark (a vowel sign of Hindi or Thai, a separate accent) belongs to its word.
    """
    marks = "".join(ranges(c for plane in (range(0x20000), range(0xE0000, 0xE0200)) for c in plane
                           if unicodedata.category(chr(c))[0] == "M"))  # no other plane has any
    stretch = f"[{UNSPACED}][{UNSPACED}{marks}]*"
    return (re.compile(rf"[\w{marks}]+|[^\w\s{marks}]"), re.compile(rf"({stretch})"),
            re.compile(rf".[{marks}]*"))


def ranges(codes):
    """Sorted code points as the ranges of a character class."""
    first = last = None
    for code in codes:
        if last is None or code > last + 1:
            if first is not None:
                yield f"{chr(first)}-{chr(last)}"
            first = code
        last = code
    yield f"{chr(first)}-{chr(last)}"


def tokens(text):
    """Lower-cased words and punctuation marks.

    A stretch of a script without spaces between words (Chinese, Japanese, Thai) becomes its
    characters and its pairs of neighbours. That needs no dictionary, and most Chinese words have
    one or two characters. A character keeps its combining marks.
    """
    if text.isascii():
        return PLAIN.findall(text.lower())
    words, unspaced, characters = patterns()
    return [token for word in words.findall(text.lower())
            for token in split(word, unspaced, characters)]


def split(word, unspaced, characters):
    """A word's parts; stretches of a script without spaces become characters and pairs."""
    for i, part in enumerate(unspaced.split(word)):
        if i % 2:
            single = characters.findall(part)
            yield from single
            yield from map("".join, zip(single, single[1:]))
        elif part:
            yield part


def index_tokens(texts, split, max_len):
    """(the words, sorted; the texts' tokens as word numbers, one after the other; ends [N])."""
    index, ids, ends = {}, array("i"), []
    for text in texts:
        ids.extend([index.setdefault(w, len(index)) for w in split(text)[:max_len]])
        ends.append(len(ids))
    words = sorted(index)
    rank = np.empty(len(words), np.int32)
    rank[[index[w] for w in words]] = np.arange(len(words))
    return words, rank[np.frombuffer(ids, np.int32)], np.array(ends)
