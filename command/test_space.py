"""What would take too much memory is refused with the numbers; what takes long is told."""

import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

import cal
from command import space
from plumbing.clock import told
from plumbing.files import InputError


def plan(N, C, seeds=2, jobs=None, device="cpu", epochs=30, width=2):
    return SimpleNamespace(
        args=SimpleNamespace(jobs=jobs, device=device), seeds=range(seeds), width=width,
        s=cal.Settings(500, epochs=epochs), data=SimpleNamespace(
            y=np.zeros(N, np.int8), classes=range(C)))


def test_the_memory_of_the_data_maps_is_that_of_their_arrays():
    for N, C, epochs in ((120_000, 300, 30), (900, 6, 30), (50_000, 4, 2)):
        p = plan(N, C, epochs=epochs)
        full = np.broadcast_to(np.float32(0), (min(10, epochs), 1, N, C))  # of all the data
        last = np.broadcast_to(np.float32(0), (epochs, 2, 2000, C))  # of the last of 30 rounds
        assert space.needed(p) == 2 * max(full.size, last.size) * 4


def test_more_than_there_is_is_refused_with_both_numbers(monkeypatch):
    monkeypatch.setattr(space, "available", lambda: 4 * 10**9)
    space.check(plan(120_000, 4))
    space.check(plan(120_000, 300, jobs=1))  # 2.9 GB
    with pytest.raises(InputError, match=r"120,000 texts and 300 classes take about 5.8 GB of"
                                         r" memory in 2 processes, and 4.0 GB are free"):
        space.check(plan(120_000, 300, jobs=2))
    space.check(plan(120_000, 300, jobs=2, device="cuda"))  # has memory of its own
    monkeypatch.setattr(space, "available", lambda: None)
    space.check(plan(10**8, 300, jobs=2))


def test_what_takes_long_is_told_in_a_terminal_alone(monkeypatch, capsys):
    for terminal, seconds, said in ((True, 0.3, "learning ...\n"), (True, 0, ""), (False, 0.3, "")):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal)
        with told("learning", after=0.1):
            time.sleep(seconds)
        time.sleep(0.15)
        assert capsys.readouterr().err == said
