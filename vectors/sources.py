"""Sources of word vectors: `hash`, a .vec or .txt file or the URL of one, a fastText .bin model.

`pool`, learned from the training texts, is in pool.py; fastText models are in fasttext.py.
"""

import contextlib
from pathlib import Path

import numpy as np

from plumbing.downloads import BROKEN, DAMAGED, cause, open_text
from plumbing.files import InputError, counted, is_number, note
from vectors.fasttext import bin_vectors, fnv1a

DIM = 300  # d_emb in the paper
MOST_DIM = 10_000  # values that a line of a vector file may have
LARGEST = np.float64(1e15)  # the square of a larger value, times a width, overflows float32
FASTTEXT = "https://dl.fbaipublicfiles.com/fasttext/vectors-crawl/cc.en.300.vec.gz"


def spellings(word):
    """The forms under which a word is looked up, the best one first."""
    bare = word.strip("\"'`.,;:!?()[]{}<>-*")
    return list(dict.fromkeys(w for w in (word, word.lower(), bare, bare.lower()) if w))


def load_vectors(source, words, spellings=spellings):
    """[len(words), D] float32 vectors of `words`; zeros for unknown words.

    source: hash; fasttext (the paper's cc.en.300, streamed from its URL); a .vec or .txt file
    or the URL of one (see text_vectors); or a fastText .bin model (see bin_vectors).
    """
    if source == "hash":
        return hash_vectors(words)
    source = FASTTEXT if source == "fasttext" else str(source)
    if source.lower().endswith(".bin"):
        return bin_vectors(source, words)
    return text_vectors(source, words, spellings)


BUCKETS = 100_003  # rows of the hash table, a prime


def hash_vectors(words):
    """A fixed random vector per word: the sum of random vectors of the word and its n-grams.

    This is fastText's subword scheme (n-grams of 3 to 6 characters of <word>, Bojanowski et al.
    2017) without the training, the weakest vectors here. Every n-gram has 300 random signs, which
    are summed as integers and divided by the sum's expected norm. So a word has the same bytes in
    every vocabulary and on every machine, and a norm of about 1.
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
    """Vectors of `words` from text: per line a word and its values; a header line may come first.

    source: a .vec or .txt file, plain, .gz or .zip, or the URL of one (not .zip). It is streamed:
    only the words' rows are kept, and reading stops when every word is found as it is written. If
    the file lacks a word, its other spellings are looked up; the vector is zeros if it lacks all.
    An InputError names the line number of a malformed line.
    """
    wanted = {}  # spelling -> the words for which it is looked up, and its rank for each
    for i, word in enumerate(words):
        for rank, form in enumerate(spellings(word)):
            wanted.setdefault(form, []).append((i, rank))
    best, out, exact = np.full(len(words), 9), None, 0
    with contextlib.closing(vector_lines(source)) as lines:
        for n, word, values, bar in lines:
            if out is None:
                out = np.zeros((len(words), len(values)), np.float32)
            if bar is not None and n % 1000 == 0:
                bar.set_postfix_str(f"{(best < 9).sum():,} of {len(words):,} words", False)
            for i, rank in wanted.get(word, ()):
                if rank < best[i]:
                    out[i] = floats(values, source, n)
                    best[i], exact = rank, exact + (rank == 0)
            if exact == len(words):
                break
    if out is None:
        raise InputError(f"{source} holds no vectors; give a file with a word and its values per"
                         " line")
    if words and (best == 9).all():
        raise InputError(f"{source} holds none of the texts' {len(words):,} words; give a file of"
                         " word vectors in the texts' language")
    return out


def vector_lines(source):
    """(line number, word, its values as text, progress bar or None) of a file of vectors."""
    dim, separator, promised, n = None, " ", None, 0
    try:
        with open_text(source) as (lines, bar):
            for n, line in enumerate(lines, 1):
                if n == 1:
                    line = line.lstrip("\ufeff")  # a byte order mark
                if dim is None:
                    separator = "\t" if "\t" in line else " "
                parts = line.strip(" \t\n\r").split(separator)
                if separator * 2 in line:
                    parts = [part for part in parts if part]
                if n == 1 and len(parts) == 2 and all(part.isdecimal() for part in parts):
                    promised, width = map(int, parts)  # the header: how many words and values
                    continue
                dim = dim or dimension(parts, source, n)
                if promised is not None and dim != width:
                    raise InputError(f"{source}, line {n}: {counted(dim, 'value')} instead of"
                                     f" {width:,}, as its first line says; download it again")
                if len(parts) <= dim or len(parts) > dim + 1 and is_number(parts[1]):
                    found = len(parts) - 1
                    raise InputError(f"{source}, line {n}: {found:,} values instead of {dim};"
                                     " repair the file, or download it again")
                yield n, " ".join(parts[:-dim]), parts[-dim:], bar
            if promised and n - 1 < promised:
                note(f"warning: {source} ends after {n - 1:,} words, and its first line says"
                     f" {promised:,}; if it was cut off, download it again")
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"there is no vector file {source}; --vectors takes pool, hash, fasttext,"
                         " a file or the URL of one")
    except (*BROKEN, *DAMAGED) as e:
        todo = ("; download it in another way and give its path, or choose other --vectors"
                if "://" in source else "; give another file")
        raise InputError(f"cannot read the vectors in {source}: {cause(e)}{todo}")


def dimension(parts, source, n):
    """How many values a line has; an InputError if none, too many, or not numbers."""
    if parts[0].lstrip().lower().startswith(("<!doctype", "<html")):
        raise InputError(f"{source} is a web page; give a file of word vectors")
    found = len(parts) - 1
    if not 0 < found <= MOST_DIM:
        raise InputError(f"{source}, line {n}: {found if found else 'no'} values; give a file of"
                         " word vectors")
    floats(parts[1:], source, n)
    return found


def floats(values, source, n):
    """A line's values as float32, or an InputError with the line number."""
    try:
        with np.errstate(over="ignore"):
            out = np.array(values, dtype=np.float32)
    except ValueError:
        raise InputError(f"{source}, line {n}: a value is not a number; give a file of word"
                         " vectors")
    if not (np.abs(out) <= LARGEST).all():
        raise InputError(f"{source}, line {n}: a value is not finite, or over {LARGEST:g}; remove"
                         " the line")
    return out


def available(vectors, data_dir):
    """The vectors' source; for `fasttext`, the model in the data folder if it is there."""
    names = ("cc.en.300.bin", "cc.en.300.vec", "cc.en.300.vec.gz")
    files = [Path(data_dir) / "fasttext" / name for name in names if vectors == "fasttext"]
    return next((str(file) for file in files if file.exists()), vectors)
