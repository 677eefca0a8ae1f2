"""`pool`, the built-in vectors, learned from the training texts (Levy et al. 2015)."""

import warnings

import numpy as np
import torch

from plumbing.files import InputError
from vectors.sources import DIM

WINDOW, SMOOTH = 10, 0.75  # co-occurrence within 10 words; context distribution to the 0.75
MAX_TEXTS, MAX_WORDS = 200_000, 30_000  # upper limits on what they learn from


def pool_vectors(ids, ends, V):
    """Word vectors learned from the training texts (Levy, Goldberg & Dagan 2015).

    ids: the training texts' words as numbers below V, one text after the other; ends [N]: the
    texts' ends in ids. Returns [V, 300] float32, zeros for words that do not occur. From the counts
    c(w, v) of words within WINDOW words of each other, PPMI(w, v) = max(0, log p(w, v) / (p(w)
    q(v))), with q(v) proportional to p(v)^0.75; its truncated SVD is U S V', and the vectors are
    U sqrt(S), scaled to a mean norm of 1. A vocabulary under 300 words leaves zeros at the end.
    They learn from at most 200,000 texts (a fixed sample), and for the 30,000 most frequent words.
    """
    text = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    if len(ends) > MAX_TEXTS:
        keep = np.zeros(len(ends), bool)
        keep[np.random.default_rng(0).choice(len(ends), MAX_TEXTS, replace=False)] = True
        ids, text = ids[keep[text]], text[keep[text]]
    freq = np.bincount(ids, minlength=V)
    vocab = np.argsort(-freq, kind="stable")[: min(MAX_WORDS, np.count_nonzero(freq))]
    rank = np.full(V, -1)
    rank[vocab] = np.arange(len(vocab))
    near = text[:-1] == text[1:]
    ppmi = positive_pmi(rank[ids], text, len(vocab)) if near.any() else None
    if ppmi is None or not ppmi._nnz():
        raise InputError("no two words of a text stand together more often than by chance, so"
                         " `pool` vectors would all be zero; choose --vectors hash, or a file")
    out, threads = np.zeros((V, DIM), np.float32), torch.get_num_threads()
    torch.set_num_threads(1)  # so that the bytes do not depend on their number
    u, s = truncated_svd(ppmi, min(DIM, len(vocab)))
    torch.set_num_threads(threads)
    out[vocab, : len(s)] = (u * s.sqrt()).numpy()
    return unit_mean_norm(out)


def positive_pmi(ids, text, V):
    """PPMI of co-occurrence within WINDOW words of one text, as a sparse [V, V] torch tensor."""
    keys, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    for d in range(1, WINDOW + 1):
        a, b = ids[:-d], ids[d:]
        near = (text[:-d] == text[d:]) & (a >= 0) & (b >= 0)
        key = np.minimum(a, b)[near] * V + np.maximum(a, b)[near]
        new, n = np.unique(key, return_counts=True)
        keys, where = np.unique(np.concatenate([keys, new]), return_inverse=True)
        counts = np.bincount(where, np.concatenate([counts, n])).astype(np.int64)
    i, j, c = keys // V, keys % V, counts.astype(np.float64)
    # Symmetric: (i, j) and (j, i); a word near itself counts from both sides.
    c[i == j] *= 2
    other = i != j
    i, j, c = np.r_[i, j[other]], np.r_[j, i[other]], np.r_[c, c[other]]
    total = np.bincount(i, c, V)
    context = total**SMOOTH / (total**SMOOTH).sum()
    pmi = np.log(c / (total[i] * context[j]))
    i, j, pmi = i[pmi > 0], j[pmi > 0], pmi[pmi > 0].astype(np.float32)
    index = torch.from_numpy(np.stack([i, j]))
    return torch.sparse_coo_tensor(index, torch.from_numpy(pmi), (V, V), check_invariants=True)


def truncated_svd(M, k, power=4, extra=20):
    """The k largest singular triplets of a sparse M [V, V], without V: (U [V, k], S [k]).

    Randomised subspace iteration (Halko, Martinsson & Tropp 2011), seeded. Each column's sign
    is fixed by its largest entry, so the result does not depend on the start.
    """
    width = min(k + extra, M.shape[0])
    start = np.random.default_rng(0).standard_normal((M.shape[1], width)).astype(np.float32)
    with warnings.catch_warnings():  # torch still calls its CSR tensors "beta"
        warnings.simplefilter("ignore", UserWarning)
        Q, M, Mt = torch.from_numpy(start), M.to_sparse_csr(), M.t().to_sparse_csr()
    Q = torch.linalg.qr(M @ Q).Q
    for _ in range(power):
        Q = torch.linalg.qr(M @ torch.linalg.qr(Mt @ Q).Q).Q
    U, S, _ = torch.linalg.svd((Mt @ Q).T, full_matrices=False)
    U, S = (Q @ U)[:, :k], S[:k]
    return U * U[U.abs().argmax(0), torch.arange(k)].sign(), S


def unit_mean_norm(table):
    """Scale [V, D] so that the mean norm of its non-zero rows is 1 (in place)."""
    norms = np.sqrt((table.astype(np.float64) ** 2).sum(1))
    if norms.any():
        table /= np.float32(norms[norms > 0].mean())
    return table
