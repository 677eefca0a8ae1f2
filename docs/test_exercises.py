"""Tests that each exercise runs as printed and gives the output in the text, within tolerances."""

import contextlib
import io
import re
from pathlib import Path

import pytest

import strategies

TEXT = (Path(__file__).parent / "exercises.md").read_text(encoding="utf-8")
NUMBER = r"-?\d+\.?\d*"


def test_every_exercise_shows_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, blocks = {}, re.findall(r"```(python)?\n(.*?)```", TEXT, re.S)
    assert len(blocks) == 17 and TEXT.count("\n## ") == 8
    for kind, block in blocks:
        if kind:
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(block, names)
            continue
        printed = said.getvalue()
        assert re.sub(NUMBER, "N", printed).split() == re.sub(NUMBER, "N", block).split()
        for got, want in zip(re.findall(NUMBER, printed), re.findall(NUMBER, block)):
            assert float(got) == pytest.approx(float(want), abs=0.12, rel=0.2), printed
    strategies.STRATEGIES.pop("variable")
