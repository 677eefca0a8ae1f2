"""Measuring how long a piece of work takes, and saying what takes long."""

import contextlib
import sys
import threading
import time

import torch

from plumbing.files import note


@contextlib.contextmanager
def told(text, after=2):
    """Say what is being done, in a terminal, if it takes more than `after` seconds."""
    timer = threading.Timer(after, note, [f"{text} ..."])
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def stopwatch(device="cpu"):
    """A function that returns the seconds since it was last called (or since this call)."""
    last = None

    def lap():
        nonlocal last
        if device != "cpu":  # a GPU works in the background; wait until it has finished
            torch.cuda.synchronize()
        before, last = last, time.perf_counter()
        return last - (before or last)

    lap()
    return lap
