"""Forks, by the real command line on a tiny budget."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import data
import strategies
from test_cal import HERE, TINY, cal_main, read_csv, run_cal, run_files

IDEA = '''
import torch
from torch import nn
import cal
from helper import two


def idea(view, k):
    p = view.probs().topk(two, dim=-1).values
    return view.pick(p[..., 1] - p[..., 0], k)


class Net(nn.Module):
    lr = 1e-3

    def __init__(self, D, C):
        super().__init__()
        self.hidden, self.dropout = nn.Linear(D, 40), nn.Dropout(0.3)
        self.out = nn.Linear(40, C)

    def psi(self, x):
        return self.dropout(torch.relu(self.hidden(x)))


STRATEGIES = {"idea": idea}
'''


@pytest.fixture(autouse=True)
def nothing_is_left():
    """A fork adds to the project's dicts; the next command without --fork takes that out."""
    before = dict(strategies.STRATEGIES), dict(data.READERS)
    yield
    import forks
    forks.load()
    assert before == (strategies.STRATEGIES, data.READERS)


def written(folder, text, name="mine.py", **neighbours):
    """A fork's file with its neighbours."""
    for stem, source in neighbours.items():
        (folder / f"{stem}.py").write_text(source)
    (folder / name).write_text(text)
    return folder / name


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A strategy and a network in one file, by one process and by two: the two folders."""
    folder = tmp_path_factory.mktemp("fork")
    mine = written(folder, IDEA, helper="two = 2\n")
    for jobs in ("1", "2"):
        run_cal(*TINY[:-1], jobs, "--seeds", 1, 2, "--strategies", "random", "idea", "cal",
                "--fork", mine, "--out", folder / jobs)
    return folder


def test_two_workers_write_the_same_files(whole):
    one, two = run_files(whole / "1"), run_files(whole / "2")
    assert one == two and {"idea-1.jsonl", "full-2.jsonl"} <= set(one)
    report = (whole / "2" / "demo-paper-pool-Net" / "report.md").read_text()
    assert "| idea | 2 |" in report and "`--fork`" not in report
    config = json.loads((whole / "1" / "demo-paper-pool-Net" / "config.json").read_text())
    assert config["settings"]["model"] == "Net" and config["seeds"] == [1, 2]
    assert {"mine.Net", "network"} <= set(config["sources"]["core"])
    assert "idea" in config["sources"]["strategies"] and "--fork" in config["commands"][0]


def test_the_network_takes_the_paper_s_place(whole, tmp_path):
    cal_main(*TINY, "--seeds", 1, "--strategies", "random", "--out", tmp_path)
    plain, own = run_files(tmp_path), run_files(whole / "1")
    assert plain["random-1.jsonl"][0]["picked"] == own["random-1.jsonl"][0]["picked"]  # one seed
    assert plain["random-1.jsonl"][0]["accuracy"] != own["random-1.jsonl"][0]["accuracy"]
