"""Work on a large array piece by piece, so that memory does not grow with the pool."""

from tqdm import tqdm


def in_pieces(x, size):
    """x [1, N, ...] in pieces of `size` rows, with a progress bar if there are many."""
    pieces = x.split(size, dim=1)
    return tqdm(pieces, "scoring", unit_scale=size, unit="text", leave=False,
                disable=len(pieces) < 50)  # with CHUNK rows per piece it shows from 200,000 rows on
