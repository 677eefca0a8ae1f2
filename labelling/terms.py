"""What a text is made of, as a sparse row of unit length: words and pairs of words, parts of words.

A term's weight is (1 + log tf)(1 + log((1 + N) / (1 + df))) (Salton & Buckley 1988, sublinear tf),
with tf its number of times in the text and df the number of texts that have it. Terms are counted
in a table of 4 million hashed columns (Weinberger et al. 2009), so that no dictionary of a million
texts' pairs has to be kept; names are found again by hashing a text's own terms (term_names).
"""

import warnings
import zlib
from dataclasses import dataclass

import numpy as np
import torch

# torch says once per process that its CSR tensors are "beta", whoever multiplies sparse matrices.
warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)

COLUMNS = 1 << 22
PIECE = 20_000  # texts at once
MOST_PARTS = 200_000  # texts up to which parts of words are counted: they are ten terms per word
PARTS = 3, 4, 5  # characters
START, END = "<s>", "</s>"  # of a text: a first word says much about a question


@dataclass
class Rows:
    """Sparse rows of unit length: columns and weights, one row after the other; bounds [N + 1]."""

    columns: torch.Tensor  # int32
    weights: torch.Tensor  # float32
    bounds: torch.Tensor  # int64

    def __len__(self):
        return len(self.bounds) - 1

    def take(self, rows):
        """The Rows with these numbers, in this order."""
        starts, sizes = self.bounds[rows], self.bounds[rows + 1] - self.bounds[rows]
        bounds = torch.cat([torch.zeros(1, dtype=torch.int64), sizes.cumsum(0)])
        at = torch.arange(int(bounds[-1])) + (starts - bounds[:-1]).repeat_interleave(sizes)
        return Rows(self.columns[at], self.weights[at], bounds)

    def times(self, table, where):
        """These rows times a dense table -> [N, K], a piece at a time.

        where [COLUMNS]: which row of the table a column has; a last row of zeros for the others.
        """
        bag, out = torch.nn.functional.embedding_bag, torch.empty(len(self), table.shape[1])
        for i in range(0, len(self), PIECE):
            bounds = self.bounds[i : i + PIECE + 1]
            own = slice(int(bounds[0]), int(bounds[-1]))
            out[i : i + PIECE] = bag(where[self.columns[own]], table, bounds[:-1] - bounds[0],
                                     mode="sum", per_sample_weights=self.weights[own])
        return out

    def matrix(self, where, width):
        """The rows as a sparse matrix [N, width] of the columns that `where` numbers."""
        return self.sparse(where[self.columns], width)

    def compact(self):
        """The rows as a sparse matrix [N, W] of the W columns that occur in them."""
        found, column = torch.unique(self.columns, return_inverse=True)
        return self.sparse(column, len(found))

    def sparse(self, column, width):
        """A sparse matrix [N, width]. column: each entry's; from width on, entries are left out.

        A row's entries are in the order of their columns (`weighted`), and must be so in column.
        """
        at = torch.arange(len(self)).repeat_interleave(self.bounds.diff())
        kept = column < width
        return torch.sparse_coo_tensor(torch.stack([at, column])[:, kept], self.weights[kept],
                                       (len(self), width), check_invariants=False,
                                       is_coalesced=True)


def add_product(out, F, some):
    """out [m, n] += F[some] F', with sparse F [n, D] (CSR) and row numbers `some` [m].

    A piece at a time, made dense: a sparse product that is nearly dense takes more memory.
    """
    rows = F.to_sparse_coo()  # of which some can be taken
    for i in range(0, len(some), 100):
        few = rows.index_select(0, some[i : i + 100]).t().to_dense()
        out[i : i + 100] += (F @ few).T


def numbered(rows):
    """(where [COLUMNS]: the columns that occur, numbered from 0; how many they are)."""
    found = torch.unique(rows.columns)
    where = torch.full((COLUMNS,), len(found), dtype=torch.int64)
    where[found] = torch.arange(len(found))
    return where, len(found)


# ---- terms of words, as numbers -----------------------------------------------------------------


def column_of(name):
    """A term's column."""
    return zlib.crc32(name.encode("utf-8", "surrogatepass")) % COLUMNS


def pair_column(a, b):
    """The column of two neighbouring words, from their columns (integers or arrays)."""
    return (a * 1_000_003 + b * 998_244_353 + 12_345) % COLUMNS


def parts(word):
    """A word's stretches of three to five characters, with its ends marked; a short one whole."""
    padded = f" {word} "
    return [padded[i : i + n] for n in PARTS for i in range(len(padded) - n + 1)] or [padded]


def word_rows(words, ids, ends):
    """Rows of words and pairs of neighbours. words: the vocabulary; ids: the texts' words as
    numbers, one text after the other; ends [N]: where each text ends."""
    names = np.array([column_of(word) for word in words], np.int64)
    first, last = column_of(START), column_of(END)

    def terms(ids, sizes):
        own = names[ids]
        text = np.repeat(np.arange(len(sizes)), sizes + 2)
        marked, inside = np.empty(len(text), np.int64), np.ones(len(text), bool)
        stops = (sizes + 2).cumsum()
        inside[stops - 1], inside[stops - 2 - sizes] = False, False
        marked[stops - 1], marked[stops - 2 - sizes], marked[inside] = last, first, own
        near = text[1:] == text[:-1]
        pairs = pair_column(marked[:-1], marked[1:])[near]
        return np.concatenate([text[inside], text[1:][near]]), np.concatenate([own, pairs])

    return weighted(terms, ids, ends)


def part_rows(words, ids, ends):
    """Rows of parts of words (arguments as word_rows)."""
    lists = [[column_of(part) for part in parts(word)] for word in words]
    sizes_of = np.array([len(found) for found in lists], np.int64)
    starts_of = sizes_of.cumsum() - sizes_of
    flat = np.array([column for found in lists for column in found], np.int64)

    def terms(ids, sizes):
        many = sizes_of[ids]
        at = np.arange(many.sum()) + np.repeat(starts_of[ids] - (many.cumsum() - many), many)
        text = np.repeat(np.repeat(np.arange(len(sizes)), sizes), many)
        return text, flat[at]

    return weighted(terms, ids, ends)


def weighted(terms, ids, ends):
    """Rows of TF-IDF. terms(ids, sizes [n]) -> (text numbers, columns) of a piece of texts."""
    bounds, counts, df = np.concatenate([[0], ends]), [], np.zeros(COLUMNS, np.int32)
    for i in range(0, len(ends), PIECE):
        edges = bounds[i : i + PIECE + 1]
        text, column = terms(ids[edges[0] : edges[-1]], np.diff(edges))
        both, tf = np.unique(text * COLUMNS + column, return_counts=True)
        text, column = both // COLUMNS, (both % COLUMNS).astype(np.int32)
        df += np.bincount(column, minlength=COLUMNS).astype(np.int32)
        sizes = np.bincount(text, minlength=len(edges) - 1)
        counts.append((sizes, column, tf.clip(max=65_535).astype(np.uint16)))
    idf = (1 + np.log((1 + len(ends)) / (1 + df))).astype(np.float32)
    sizes = np.concatenate([sizes for sizes, _, _ in counts])
    starts = np.concatenate([[0], sizes.cumsum()])
    columns, weights = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    done = 0
    while counts:  # the pieces go as the whole grows
        sizes, column, tf = counts.pop(0)
        weight = (1 + np.log(tf.astype(np.float32))) * idf[column]
        text = np.repeat(np.arange(len(sizes)), sizes)
        norm = np.sqrt(np.bincount(text, weight.astype(np.float64) ** 2, len(sizes)))
        columns[done : done + len(column)] = column
        weights[done : done + len(column)] = weight / norm[text].clip(1e-12)
        done += len(column)
    return Rows(*map(torch.from_numpy, (columns, weights, starts)))


def term_names(words):
    """{column: name} of a text's words and pairs, to say what spoke for a prediction."""
    marked = [START, *words, END]
    own = [column_of(word) for word in marked]
    names = {pair_column(a, b): f"{u} {v}" for a, b, u, v in zip(own, own[1:], marked, marked[1:])}
    return names | dict(zip(own[1:-1], words))
