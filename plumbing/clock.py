"""Measuring how long a piece of work takes."""

import time

import torch


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
