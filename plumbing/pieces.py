"""A large array a piece at a time, so that memory does not grow with the pool."""

from tqdm import tqdm


def in_pieces(x, size):
    """x [1, N, ...] split into pieces of `size` rows, under a progress bar if there are many."""
    pieces = x.split(size, dim=1)
    return tqdm(pieces, "scoring", unit_scale=size, unit="text", leave=False,
                disable=len(pieces) < 50)  # at CHUNK rows a piece: shown from 200,000 rows on
