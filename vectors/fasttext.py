"""fastText's binary models, read with NumPy; the vectors equal the library's, bit for bit."""

import mmap
import re
import struct

import numpy as np

from plumbing.downloads import refuse_url
from plumbing.files import InputError


def bin_vectors(path, words):
    """Vectors of `words` from a fastText .bin model (Bojanowski et al. 2017), as in the library.

    A word's vector is the mean of its own row, if it is in the dictionary, and of the rows of its
    character n-grams. The file is memory-mapped, so only the rows needed are read. Raises
    InputError for supervised, quantized and damaged models.
    """
    refuse_url(path)
    try:
        with open(path, "rb") as f:  # the map is closed with the last array that uses it
            file = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        model = read_bin(path, file, {w.encode("utf-8", "surrogatepass") for w in words})
        vectors = np.stack([bin_vector(*model, w.encode("utf-8", "surrogatepass")) for w in words])
    except FileNotFoundError:
        raise InputError(f"there is no vector file {path}; --vectors takes pool, hash, fasttext, a"
                         " file or the URL of one")
    except InputError:
        raise
    except (OSError, ValueError, IndexError, OverflowError, struct.error) as e:
        raise InputError(f"{path} is not a whole fastText model ({e}); download it again")
    if not np.isfinite(vectors).all():
        raise InputError(f"{path} holds values that are not finite; download it again")
    return vectors


def read_bin(path, file, wanted):
    """(input matrix [rows, dim], {wanted word: id}, words, minn, maxn, buckets) of a model."""
    if re.match(rb"\d+ \d+\n", file[:40]):
        raise InputError(f"{path} is a word2vec file, which is not read; save it as text, and name"
                         " the file .vec")
    magic, version, dim, *rest = struct.unpack_from("<14i", file)
    model, bucket, minn, maxn = rest[6], rest[7], rest[8], rest[9]
    if magic != 793712314 or version not in (11, 12):
        raise InputError(f"{path} is not a fastText model of version 11 or 12 (its first bytes"
                         " differ); give a .bin file of one")
    if model == 3:
        raise InputError(f"{path} is a supervised model; give a cbow or skipgram model")
    size, n_words, _labels, _tokens, pruned = struct.unpack_from("<3i2q", file, 64)
    ids, at = {}, 64 + 28
    for i in range(size):  # an entry: the word, a zero byte, its count (8 bytes), its type (1)
        end = file.find(b"\0", at)
        if end < 0:
            raise ValueError("the dictionary breaks off")
        if (word := file[at:end]) in wanted:
            ids[word] = i
        at = end + 10
    if at >= len(file):
        raise ValueError("the file breaks off after the dictionary")
    if pruned > 0 or file[at]:
        raise InputError(f"{path} is a quantized model; give the model that it was made from")
    rows, columns = struct.unpack_from("<2q", file, at + 1)
    fits = columns == dim and 0 < dim <= 10_000 and 0 <= n_words <= size and bucket >= 0
    if not fits or rows < n_words + bucket:
        raise ValueError("the matrix does not fit the dictionary")
    matrix = np.frombuffer(file, "<f4", rows * columns, at + 17).reshape(rows, columns)
    return matrix, ids, n_words, minn, maxn, bucket


def bin_vector(matrix, ids, n_words, minn, maxn, bucket, word):
    """A word's vector [dim], summed in the library's order so that every bit is equal."""
    rows = [ids[word]] if word in ids else []
    if word != b"</s>":
        grams = subwords(b"<" + word + b">", minn, maxn) if bucket else []
        rows += [n_words + fnv1a(signed(gram)) % bucket for gram in grams]
    vector = np.zeros(matrix.shape[1], np.float32)
    for row in rows:
        vector += matrix[row]
    return vector * np.float32(1 / len(rows)) if rows else vector


def subwords(word, minn, maxn):
    """The character n-grams, n from minn to maxn, of a <word>; a bracket alone is not one.

    word: UTF-8 bytes; a character starts at every byte that is not 10xxxxxx.
    """
    starts = [i for i, byte in enumerate(word) if byte & 0xC0 != 0x80] + [len(word)]
    for i in range(len(starts) - 1):
        for n in range(max(1, minn), min(maxn, len(starts) - 1 - i) + 1):
            if n > 1 or 0 < i < len(starts) - 2:
                yield word[starts[i] : starts[i + n]]


def signed(data):
    """Bytes as signed chars of C++, which fastText hashes."""
    return (byte - 256 if byte > 127 else byte for byte in data)


def fnv1a(data):
    """The 32-bit FNV-1a hash of bytes (or of signed chars)."""
    h = 2166136261
    for byte in data:
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return h
