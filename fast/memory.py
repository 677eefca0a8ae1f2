"""One thread per process, and reuse of memory: both make a training step fast on a CPU."""

import contextlib
import ctypes
import functools

import torch


@functools.cache
def one_thread():
    """Use one torch thread in this process; return the number of cores that torch found."""
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    keep_memory()
    return cores


def keep_memory():
    """Make glibc keep the memory that a step frees, so that the next step has no page faults.

    Larger blocks (pieces of a pool being scored) still return at once, to avoid fragmentation.
    """
    with contextlib.suppress(AttributeError, TypeError):  # not glibc: another C library, or Windows
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-1, 2**28)  # M_TRIM_THRESHOLD
        mallopt(-3, 2**24)  # M_MMAP_THRESHOLD
