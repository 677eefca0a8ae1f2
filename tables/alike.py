"""How alike two texts are: whether one is the other, corrected a little."""

from collections import Counter
from difflib import SequenceMatcher

EXACT = 250_000  # the product of two lengths up to which texts are compared exactly


def alike(a, b):
    """How alike two texts are, from 0 to 1: the share of their characters that both have in order.

    What both start and end with is compared first. Only short rests are compared exactly; long ones
    by the five-character pieces that both have, because the exact way takes the square of the
    length.
    """
    most = min(len(a), len(b))
    start = next((i for i in range(most) if a[i] != b[i]), most)
    end = next((i for i in range(most - start) if a[-1 - i] != b[-1 - i]), most - start)
    both, total = start + end, len(a) + len(b)
    a, b = a[start : len(a) - end], b[start : len(b) - end]
    if len(a) * len(b) <= EXACT:
        both += sum(m.size for m in SequenceMatcher(None, a, b, autojunk=False)
                    .get_matching_blocks())
    else:
        pieces = [Counter(text[i : i + 5] for i in range(len(text))) for text in (a, b)]
        both += (pieces[0] & pieces[1]).total()
    return 2 * both / total if total else 1.0
