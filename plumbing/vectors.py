"""Word vectors: `hash`, a .vec or .txt file or the URL of one, a fastText .bin model.

The vectors learned from the texts at hand, `pool`, are in pool.py, and models in fasttext.py.
"""

import http.client
import zipfile

import numpy as np

from plumbing.downloads import open_text
from plumbing.fasttext import bin_vectors, fnv1a
from plumbing.files import InputError

DIM = 300  # d_emb in the paper
FASTTEXT = "https://dl.fbaipublicfiles.com/fasttext/vectors-crawl/cc.en.300.vec.gz"


def spellings(word):
    """The forms in which a word is looked up, best first."""
    bare = word.strip("\"'`.,;:!?()[]{}<>-*")
    return list(dict.fromkeys(w for w in (word, word.lower(), bare, bare.lower()) if w))


def load_vectors(source, words, spellings=spellings):
    """[len(words), D] float32 vectors of `words`; zeros where unknown.

    source: hash; fasttext (the paper's cc.en.300, streamed from its address); a .vec or .txt file
    or the URL of one (see text_vectors); or a fastText .bin model (see bin_vectors).
    """
    if source == "hash":
        return hash_vectors(words)
    source = FASTTEXT if source == "fasttext" else str(source)
    if source.endswith(".bin"):
        return bin_vectors(source, words)
    return text_vectors(source, words, spellings)


BUCKETS = 100_003  # rows of the hash table, a prime


def hash_vectors(words):
    """A fixed random vector for a word: the sum of those of the word and its character n-grams.

    fastText's subword scheme (n-grams of 3 to 6 characters of <word>, Bojanowski et al. 2017)
    without the training: the weak end of the scale. Every n-gram is 300 random signs; they are
    summed as integers and divided by the sum's expected norm, so that a word has the same bytes
    in every vocabulary and on every machine, and a norm of about 1.
    """
    signs = np.random.Generator(np.random.PCG64(300)).bytes(BUCKETS * DIM // 8 + 1)
    signs = np.unpackbits(np.frombuffer(signs, np.uint8))[: BUCKETS * DIM].reshape(BUCKETS, DIM)
    out = np.empty((len(words), DIM), np.float32)
    for row, word in zip(out, words):
        grams = {word, *(f"<{word}>"[i : i + n] for n in range(3, 7) for i in range(len(word)))}
        rows = [fnv1a(g.encode("utf-8", "surrogatepass")) % BUCKETS for g in grams]
        total = signs[rows].sum(0, dtype=np.int64) * 2 - len(rows)
        row[:] = total / np.sqrt(len(rows) * DIM)
    return out


def text_vectors(source, words, spellings=spellings):
    """Vectors of `words` from text: a word and its values a line, with a header line or without.

    source: a .vec or .txt file, plain, .gz or .zip, or the URL of one (not .zip). It is streamed:
    only the rows asked for are kept, and reading stops when every word is found as it is written.
    A word the file lacks is looked up in its other spellings; failing that it is zeros.
    InputError names the line number of a malformed line.
    """
    wanted = {}  # a spelling in the file -> the words it would serve, and how good it is for them
    for i, word in enumerate(words):
        for rank, form in enumerate(spellings(word)):
            wanted.setdefault(form, []).append((i, rank))
    best, out, exact = np.full(len(words), 9), None, 0
    try:
        with open_text(source) as (lines, bar):
            for n, line in enumerate(lines, 1):
                if bar and n % 1000 == 0:
                    bar.set_postfix_str(f"{(best < 9).sum():,} of {len(words):,} words", False)
                parts = line.rstrip(" \n\r").split(" ")
                if n == 1 and len(parts) == 2:
                    continue  # the header: how many words, how many values
                if len(parts) < 2:
                    raise InputError(f"{source}, line {n}: no values; is this a file of vectors?")
                if out is None:
                    out = np.zeros((len(words), len(parts) - 1), np.float32)
                dim = out.shape[1]
                if len(parts) <= dim or len(parts) > dim + 1 and is_number(parts[1]):
                    found = len(parts) - 1
                    raise InputError(f"{source}, line {n}: {found} values instead of {dim}")
                for i, rank in wanted.get(" ".join(parts[:-dim]), ()):
                    if rank < best[i]:
                        out[i] = parse_floats(parts[-dim:], source, n)
                        best[i], exact = rank, exact + (rank == 0)
                if exact == len(words):
                    break
    except FileNotFoundError:
        raise InputError(f"no vector file {source}; --vectors takes pool, hash, fasttext, a file"
                         " or the address of one")
    except (OSError, EOFError, http.client.HTTPException, zipfile.BadZipFile, UnicodeError) as e:
        raise InputError(f"cannot read the vectors in {source}: {e}")
    if out is None:
        raise InputError(f"{source} holds no vectors")
    return out


def parse_floats(values, source, n):
    """A line's values as float32, or an InputError with the line number."""
    try:
        return np.array(values, dtype=np.float32)
    except ValueError:
        raise InputError(f"{source}, line {n}: a value is no number")


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
