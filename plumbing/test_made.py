"""What results were made with: an edit of a strategy is noticed, a comment is not."""

import functools
import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

from fast import SideBySide
from plumbing import made
from plumbing.files import InputError
from plumbing.folder import claim

FORK = '''"""A fork."""
import math
from neighbour import weight

HALF = 0.5  # used by narrow alone


def score(view):
    return view.probs() * weight


def narrow(view, k):
    """Picks."""
    return score(view) * HALF


def wide(view, k):
    return math.pi


class Chooser:
    def __init__(self, n):
        self.n = n

    def __call__(self, view, k):
        return self.n


def chosen(n):
    return lambda view, k: n
'''


@pytest.fixture
def fork(tmp_path, monkeypatch):
    """fork(text, neighbour) writes mine.py and neighbour.py, and imports mine anew."""
    monkeypatch.syspath_prepend(tmp_path)

    def load(text=FORK, neighbour="weight = 1\n"):
        (tmp_path / "mine.py").write_text(text)
        (tmp_path / "neighbour.py").write_text(neighbour)
        for name in ("mine", "neighbour"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module("mine")

    yield load
    for name in ("mine", "neighbour"):
        sys.modules.pop(name, None)


def digests(module):
    return {"narrow": made.of(module.narrow), "wide": made.of(module.wide),
            "partial": made.of(functools.partial(module.wide, k=2)),
            "object": made.of(module.Chooser(2)), "closure": made.of(module.chosen(2))}


def test_comments_docstrings_and_line_breaks_change_nothing(fork):
    before = digests(fork())
    edited = FORK.replace('"""Picks."""', '"""Picks, in other words."""').replace(
        "  # used by narrow alone", "").replace("return math.pi", "# round\n    return (\n"
        "        math.pi)")
    assert edited.count("\n") > FORK.count("\n") and digests(fork(edited)) == before


@pytest.mark.parametrize(("old", "new", "differ"), [
    ("score(view) * HALF", "score(view) + HALF", {"narrow", "closure"}),
    ("HALF = 0.5", "HALF = 0.6", {"narrow", "closure"}),
    ("view.probs() * weight", "-view.probs() * weight", {"narrow", "closure"}),
    ("math.pi", "math.e", {"wide", "partial", "closure"}),
    ("return self.n", "return -self.n", {"object", "closure"}),
], ids=["function", "constant", "what it calls", "another", "class"])
def test_an_edit_changes_what_refers_to_it_alone(fork, old, new, differ):
    before, after = digests(fork()), digests(fork(FORK.replace(old, new)))
    assert {name for name in before if before[name] != after[name]} == differ


def test_a_neighbour_s_edit_and_a_bound_value_count(fork):
    module = fork()
    before, other = digests(module), made.of(functools.partial(module.wide, k=3))
    assert other != before["partial"] and made.of(module.chosen(3)) != before["closure"]
    after = digests(fork(FORK, "weight = 2\n"))
    assert before["narrow"] != after["narrow"] and before["wide"] == after["wide"]


def test_the_core_counts_for_every_strategy_and_a_strategy_for_itself():
    found = made.sources(SideBySide, ["lc", "cal"])
    assert {"cal.py", "datamap.py", "fast/stack.py"} <= found["core"].keys()
    assert found["strategies"].keys() == {"lc", "cal"}
    other = json.loads(json.dumps(found))
    other["strategies"]["lc"] = "0"
    assert made.changed(other, found) == ([], ["lc"]) and made.changed(found, found) == ([], [])
    other["core"]["cal.py"] = "0"
    assert made.changed(other, found) == (["cal.py"], ["lc"])


def test_digests_are_the_same_in_another_process_with_another_hash_seed():
    script = ("import json; from fast import SideBySide; from plumbing import made;"
              "print(json.dumps(made.sources(SideBySide, ['dal', 'cal'])))")
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                         cwd=made.ROOT, env={"PYTHONHASHSEED": "7", "PATH": ""}, check=True)
    assert json.loads(ran.stdout) == made.sources(SideBySide, ["dal", "cal"])


def config(sources, seeds=(1,), device="cpu", x=None, command="python cal.py"):
    x = np.random.default_rng(0).random((30, 4)).astype(np.float32) if x is None else x
    return {"settings": {"dataset": "demo", "protocol": "paper", "vectors": "pool", "rounds": 2,
                         "batch": 5, "seed_size": 10, "device": device,
                         "x_sha256": str(hash(x.tobytes()))},
            "seeds": list(seeds), "strategies": ["lc", "random"], "classes": ["a"],
            "about": {"train": 30, "test": 9, "classes": 1, "class_counts": {"a": 30}},
            "sources": sources, "commands": [command], "projections": made.projections(x),
            "versions": {"numpy": "1"}}


SOURCES = {"core": {"cal.py": "a"}, "strategies": {"lc": "b", "random": "c"}}


@pytest.fixture
def used(tmp_path):
    """A results directory with a run of lc, one of lc under another threshold, one of random."""
    (tmp_path / "runs").mkdir()
    claim(tmp_path, config(SOURCES))
    for name in ("lc-1.jsonl", "lc-t0.4-1.jsonl", "lc-1.round1.pt", "lc+div-1.jsonl",
                 "random-1.jsonl"):
        (tmp_path / "runs" / name).write_text("")
    return tmp_path


def test_other_source_is_refused_by_name_and_fresh_starts_that_strategy_over(used):
    edited = {**SOURCES, "strategies": {"lc": "B", "random": "c"}}
    with pytest.raises(InputError, match="source of lc has changed.* --fresh lc,"):
        claim(used, config(edited))
    claim(used, config({**edited, "strategies": {"random": "c"}}))  # lc is not asked for
    claim(used, config(edited), ["lc"])
    assert {path.name for path in (used / "runs").iterdir()} == {"lc+div-1.jsonl",
                                                                 "random-1.jsonl"}
    claim(used, config(edited))  # and from now on the new source is the recorded one
    with pytest.raises(InputError, match="other source of cal.py; start over with --fresh,"):
        claim(used, config({**edited, "core": {"cal.py": "A"}}))
    claim(used, config({**edited, "core": {"cal.py": "A"}}), [])
    assert not list((used / "runs").iterdir())


def test_last_bits_device_and_versions_are_said_and_anything_else_refused(used, capsys):
    x = np.random.default_rng(0).random((30, 4)).astype(np.float32)
    claim(used, config(SOURCES, seeds=[2], x=np.nextafter(x, np.float32(2)), device="cuda",
                       command="python cal.py --seeds 2"))
    assert "another machine" in capsys.readouterr().err
    kept = json.loads((used / "config.json").read_text())
    assert len(kept["machines"]) == 2 and kept["seeds"] == [1, 2]
    assert kept["commands"] == ["python cal.py", "python cal.py --seeds 2"]
    claim(used, config(SOURCES))  # the first machine again: nothing new to say
    assert capsys.readouterr().err == ""
    x[7] = -x[7]
    with pytest.raises(InputError, match="the vectors of "):
        claim(used, config(SOURCES, x=x))
