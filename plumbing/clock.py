"""The time that a piece of work takes."""

import time

import torch


def stopwatch(device="cpu"):
    """A function that returns the seconds since it was last called (or since this call)."""
    last = None

    def lap():
        nonlocal last
        if device != "cpu":  # a GPU works on while Python goes on; wait for what it was given
            torch.cuda.synchronize()
        before, last = last, time.perf_counter()
        return last - (before or last)

    lap()
    return lap
