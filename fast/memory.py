"""One thread per process, and memory that is kept: what a step needs to be quick on a CPU."""

import contextlib
import ctypes
import functools

import torch


@functools.cache
def one_thread():
    """Use one torch thread in this process; returns the physical cores that torch counted."""
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    keep_memory()
    return cores


def keep_memory():
    """Have glibc keep what a step frees for the next one, which then meets no page faults.

    What is larger (the pieces of a pool that is scored) goes back at once, and leaves no holes.
    """
    with contextlib.suppress(AttributeError, TypeError):  # another C library, or Windows
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-1, 2**28)  # M_TRIM_THRESHOLD
        mallopt(-3, 2**24)  # M_MMAP_THRESHOLD
