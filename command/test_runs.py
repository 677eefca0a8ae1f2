"""Run files, results directories, processes and the bar, also after something goes wrong."""

import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import cal
import data
import strategies
from command.test_processes import children
from fast import SideBySide
from plumbing import files
from plumbing.config import read_config
from plumbing.files import InputError
from plumbing.measures import as_bytes
from plumbing.runs import Log, read_run, read_runs
from report import figures
from test_cal import HERE, TINY, cal_main, run_cal, run_files, tiny

LINE = {"round": 0, "labelled": 60, "accuracy": 0.5, "picked": [3, 5], "batch": None,
        "seconds": {"train": 0.1, "select": 0.1}}
SHORT = [1 if before == "--rounds" else word for before, word in zip(["", *TINY], TINY)]


def run_file(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines))
    return path


@pytest.mark.parametrize("end", ["3", "[]", '{"round": 1', "{", "\0\0\0", "\xff",
                                 json.dumps({**LINE, "round": 1, "picked": [8]})])
def test_a_torn_end_is_cut_off(tmp_path, end):
    path = run_file(tmp_path / "runs" / "cal-1.jsonl", LINE)
    whole = path.read_bytes()
    path.write_bytes(whole + end.encode("latin-1"))
    assert read_run(path, 2500) == ([LINE], len(whole))
    assert Log(tmp_path).read(cal.Run("cal", 1)) == [LINE] and path.read_bytes() == whole


@pytest.mark.parametrize("second, wrong", [
    (json.dumps({**LINE, "round": 1, "picked": [8]}), "its batch is null, although rows were"),
    ("3", "it is not a JSON object"), ("null", "it is not a JSON object"),
    ("[" * 100_000, "it is not JSON"), ("{", "it is not JSON"), ("\xff", "it is not JSON"),
    (json.dumps(LINE), "its round is 0"), ('{"round": 1}', "its labelled is missing"),
    *((json.dumps({**LINE, "round": 1, "picked": [8], **change}), wrong) for change, wrong in (
        ({"round": 2}, "its round is 2"), ({"picked": [5]}, "it picks row 5, which was picked"),
        ({"picked": [2500]}, "its picked is [2500]"), ({"picked": [-1]}, "its picked is [-1]"),
        ({"picked": "x"}, 'its picked is "x"'), ({"picked": [True]}, "its picked is [true]"),
        ({"accuracy": float("nan")}, "its accuracy is NaN"), ({"accuracy": 1.5}, "accuracy is 1.5"),
        ({"accuracy": "0.5"}, 'its accuracy is "0.5"'), ({"f1": -1}, "its f1 is -1"),
        ({"batch": {"confidence": 2}}, 'its batch is {"confidence": 2}'),
        ({"seconds": {"train": "long", "select": None}}, 'its seconds is {"train": "long"'),
        ({"recall": [2]}, "its recall is [2]"), ({"seconds": None}, "its seconds is null"),
        ({"labelled": "x" * 9000}, "its labelled is")))
])
def test_a_whole_line_that_no_run_writes_is_one_sentence_and_stays(tmp_path, second, wrong):
    path = run_file(tmp_path / "runs" / "cal-1.jsonl", LINE, second, {**LINE, "round": 1})
    before, log = path.read_bytes(), Log(tmp_path)
    log.rows = 2500
    with pytest.raises(InputError) as e:
        log.read(cal.Run("cal", 1))
    assert "cal-1.jsonl, line 2: " in str(e.value) and wrong in str(e.value)
    assert "\n" not in str(e.value) and len(str(e.value)) < 400 and path.read_bytes() == before


def test_a_damaged_run_file_is_said_by_every_command_and_fresh_starts_over(tiny, tmp_path, capsys):
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    path = tmp_path / "demo-paper-pool" / "runs" / "lc-1.jsonl"
    path.write_text(path.read_text().replace('"accuracy": 0.', '"accuracy": 7.', 1))
    before, arguments = path.read_bytes(), [*TINY, "--seeds", 1, "--strategies", "lc", "--out",
                                            tmp_path]
    others = {file: file.read_bytes() for file in path.parent.glob("*.jsonl")}
    for more in ([], ["--report-only"], ["--rounds", 3, "--strategies", "random", "lc"]):
        capsys.readouterr()
        assert cal_main(*arguments, *more) == 2 and path.read_bytes() == before
        assert {file: file.read_bytes() for file in others} == others  # no round is reopened
        error = capsys.readouterr().err.splitlines()[-1]
        assert "lc-1.jsonl, line 1: its accuracy is 7." in error and "Traceback" not in error
    assert cal_main(*arguments, "--fresh", "lc") == 0
    want = run_files(tiny[0])  # the runs of the other seed are gone, too
    assert run_files(tmp_path) == {name: want[name] for name in want if name != "lc-2.jsonl"}


def edited(path, number, **changes):
    """Change a line of a run file; what is a function gets the old value."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for name, change in changes.items():
        lines[number][name] = change(lines[number][name]) if callable(change) else change
    run_file(path, *lines)


@pytest.mark.parametrize(("name", "number", "changes", "wrong"), [
    ("random-1", 1, {"labelled": 4444}, "its labelled is 4,444 instead of 70"),
    ("random-1", 0, {"labelled": 31}, "its labelled is 31 instead of 60"),
    ("full-1", 0, {"labelled": 3}, "its labelled is 3 instead of 2,500"),
    ("full-1", 0, {"picked": [1]}, "it picks 1 rows instead of 0"),
    ("full-2", 0, {"batch": dict.fromkeys(("confidence", "variability", "correctness"), 0.5)},
     "its batch is not null"),
    ("cal-1", 0, {"batch": dict.fromkeys(("confidence", "variability", "correctness"), 0.5)},
     "its batch is not null"),
    ("random-1", 2, {"picked": [1, 2]}, "it picks 2 rows instead of 0"),
    ("random-1", 1, {"picked": []}, "it picks 0 rows instead of 10"),
    ("random-1", 1, {"picked": lambda rows: rows[1:]}, "it picks 9 rows instead of 10"),
    ("random-1", 1, {"picked": lambda rows: [data.seed_set(data.load("demo").y, 60, 1)[7].item(),
                                             *rows[1:]]}, "which is in the seed set"),
    ("lc-2", 1, {"recall": [0.5]}, "its recall is [0.5]"), ("lc-2", 1, {"recall": None}, "recall"),
    ("full-1", 0, {"recall": []}, "its recall is []"), ("lc-2", 0, {"x": None}, "its x is null"),
    ("lc-2", 0, {"x": float("nan")}, "its x is NaN"), ("lc-2", 0, {"x": "0.5"}, 'its x is "0.5"'),
    ("lc-2", 0, {"x": [float("inf")]}, "its x is [Infinity]"), ("lc-2", 0, {"x": True}, "x is t"),
])
def test_a_value_that_does_not_go_with_the_settings_is_named(tiny, tmp_path, name, number, changes,
                                                             wrong):
    shutil.copytree(tiny[0] / "demo-paper-pool", tmp_path, dirs_exist_ok=True)
    files, config = [*tmp_path.glob("runs/*.jsonl")], read_config(tmp_path / "config.json")
    y = data.load("demo", vectors="hash").y
    seed_set = lambda seed: data.seed_set(y, 60, seed)
    assert set(read_runs(files, config, seed_set)) == set(files)
    edited(path := tmp_path / "runs" / f"{name}.jsonl", number, **changes)
    with pytest.raises(InputError) as e:
        read_runs(files, config, seed_set)
    assert f"{path}, line {number + 1}: " in str(e.value) and wrong in str(e.value)


def test_a_wrong_run_file_is_refused_by_the_command_and_a_short_one_goes_on(tiny, tmp_path, capsys):
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    runs, want = tmp_path / "demo-paper-pool" / "runs", run_files(tmp_path)
    command = [*TINY, "--seeds", 1, 2, "--strategies", "random", "cal", "--out", tmp_path]
    whole = (runs / "cal-1.jsonl").read_bytes()
    shutil.copy(runs / "random-1.jsonl", runs / "cal-1.jsonl")
    for more in ([], ["--report-only"]):
        assert cal_main(*command, *more) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert "-1.jsonl, in its times too, so that one of them is a copy; remove it" in error
    (runs / "cal-1.jsonl").write_bytes(whole)
    edited(runs / "random-1.jsonl", 0, picked=lambda rows: [
        data.seed_set(data.load("demo").y, 60, 1)[0].item(), *rows[1:]])
    for more in ([], ["--report-only"]):
        assert cal_main(*command, *more) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert "random-1.jsonl, line 1: it picks row" in error and "is in the seed set" in error
    shutil.copy(tiny[0] / "demo-paper-pool" / "runs" / "random-1.jsonl", runs)
    for name in ("random-1", "cal-2"):  # as a command with one round leaves them
        edited(path := runs / f"{name}.jsonl", 1, picked=[])
        path.write_bytes(b"".join(path.read_bytes().splitlines(True)[:2]))
    assert cal_main(*command) == 0 and run_files(tmp_path) == want


def test_a_log_writes_nothing_after_a_run_s_end(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(90, 8)), np.arange(90) % 3
    d, runs = data.of_arrays(x, y, x, y), cal.runs_of(["random"], [1])
    SideBySide(d, cal.Settings(20, 1, 5, 1, 8), Log(tmp_path)).learn(runs)
    path = tmp_path / "runs" / "random-1.jsonl"
    before = path.read_bytes()
    with pytest.raises(InputError, match="random-1.jsonl ended in round 1, .* remove its last"):
        SideBySide(d, cal.Settings(20, 3, 5, 1, 8), Log(tmp_path)).learn(runs)
    assert path.read_bytes() == before


def test_run_files_of_seeds_that_no_command_has_named_are_said(tiny, tmp_path, capsys):
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    runs = tmp_path / "demo-paper-pool" / "runs"
    assert cal_main("--report-only", "--out", tmp_path) == 0
    assert "left out" not in capsys.readouterr().err
    for name in ("cal", "lc", "other"):  # no command has run `other`
        shutil.copy(runs / "cal-1.jsonl", runs / f"{name}-77.jsonl")
    assert cal_main("--report-only", "--out", tmp_path) == 0
    assert "2 run files of seeds that no command has named here, the first cal-77.jsonl" in (
        capsys.readouterr().err)
    path = runs.parent / "config.json"
    for old, new in (('"rounds": 2', '"rounds": 1'), ('"rounds": 1', '"rounds": 0')):
        path.write_text(path.read_text().replace(old, new))
        assert cal_main("--report-only", "--out", tmp_path) == 0
        assert f"run files with more rounds than the {new[-1]} of config.json" in (
            capsys.readouterr().err)
    assert "**0 of " in (runs.parent / "report.md").read_text()


def test_a_whole_run_file_is_read_whole(tmp_path):
    means = {"confidence": 0.5, "variability": 0.0, "correctness": 1}
    lines = [LINE, {**LINE, "round": 1, "picked": [7], "batch": means}]
    assert read_run(run_file(tmp_path / "a.jsonl", *lines), 2500)[0] == lines
    assert read_run(tmp_path / "none.jsonl") == ([], 0)


# ---- streams and other surroundings -------------------------------------------------------------


WORKER = """import gc, strategies
def inside(view, k):
    assert gc.isenabled() and gc.get_freeze_count()  # the imports are over
    return strategies.random(view, k)
STRATEGIES = {"inside": inside}"""


def test_two_processes_without_streams_and_a_notebook_s_backend_change_no_run(tiny, tmp_path):
    """More processes than seeds: no run, baseline or map may be missing."""
    (tmp_path / "mine.py").write_text(WORKER)
    command = [sys.executable, HERE / "cal.py", *TINY[:-1], 2, "--strategies", "random", "cal",
               "inside", "--fork", tmp_path / "mine.py", "--seeds", 2, "--out", tmp_path]
    done = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *map(str, command)], env={
        **os.environ, "MPLBACKEND": "module://a_notebook.that_is_not_here"}, check=False)
    assert done.returncode == 0
    got, want = run_files(tmp_path), run_files(tiny[0])
    assert len(got) == 4 and set(got) - set(want) == {"inside-2.jsonl"}
    assert all(got[name] == want[name] for name in set(got) & set(want))
    maps = Path("demo-paper-pool", "runs", "maps-2.npz")
    assert (tmp_path / maps).read_bytes() == (tiny[0] / maps).read_bytes()


# ---- one command at a time in a folder ----------------------------------------------------------


def holder(folder):
    """A process that holds the lock of a folder until its stdin ends."""
    code = ("import sys; from pathlib import Path; from plumbing.folder import locked\n"
            "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()")
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], cwd=HERE,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_start_in_a_folder_is_refused(tiny, tmp_path, capsys):
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    before = run_files(tmp_path)
    first = holder(tmp_path / "demo-paper-pool")
    for more in ([], ["--fresh"], ["--seeds", 3]):
        assert cal_main(*TINY, "--seeds", 1, 2, "--out", tmp_path, *more) == 2
        error = capsys.readouterr().err
        assert f"is in use by process {first.pid}" in error and error.count("\n") == 1
    assert run_files(tmp_path) == before
    first.kill()  # the kernel lets go
    first.wait()
    assert cal_main(*TINY, "--seeds", 1, 2, "--strategies", "cal", "--out", tmp_path) == 0


def test_a_second_start_for_the_next_batch_is_refused(tmp_path, capsys):
    path = tmp_path / "my.csv"
    path.write_text("text,label\n" + "".join(f"a {c * 3} {i},{c if i < 9 else ''}\n"
                                             for i in range(12) for c in "ab"))
    first = holder(tmp_path / "out" / "my.csv-paper-hash")
    arguments = ["--dataset", path, "--vectors", "hash", "--epochs", 1, "--seeds", 1,
                 "--out", tmp_path / "out"]
    assert cal_main(*arguments) == 2
    assert f"is in use by process {first.pid}" in capsys.readouterr().err
    first.communicate("")
    assert cal_main(*arguments) == 0


def test_what_killed_processes_left_is_gone_after_the_next_start(tiny, tmp_path):
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "demo-paper-pool"
    left = [folder / ".report.md.99.part", folder / "runs" / ".maps-1.npz.99.part",
            folder / "runs" / "cal-1.round0.pt"]
    for path in left:
        path.write_bytes(b"x")
    with files.whole_file(folder / "ours.txt") as mine:  # a part that is being written stays
        assert cal_main(*TINY, "--seeds", 1, 2, "--strategies", "cal", "--out", tmp_path) == 0
        assert mine.exists()
        mine.write_text("whole")
    assert not any(path.exists() for path in left)
    assert (folder / "ours.txt").read_text() == "whole" and not list(tmp_path.rglob("*.part"))


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: done.append("fsync") or fsync(fd))
    monkeypatch.setattr(os, "replace", lambda a, b: done.append("replace") or replace(a, b))
    files.write_text(tmp_path / "a.txt", "a")
    assert done == ["fsync", "replace"]


# ---- resuming -----------------------------------------------------------------------------------


def test_a_short_run_goes_on_to_more_rounds(tiny, tmp_path, capsys):
    arguments = ["--seeds", 1, 2, "--strategies", "cal", "random", "lc", "--out", tmp_path]
    assert cal_main(*SHORT, *arguments) == 0
    assert {len(lines) for name, lines in run_files(tmp_path).items() if "full" not in name} == {2}
    assert cal_main(*TINY, *arguments) == 0
    want = run_files(tiny[0])
    assert run_files(tmp_path) == {name: want[name] for name in run_files(tmp_path)}
    capsys.readouterr()
    assert cal_main(*SHORT, *arguments) == 2  # fewer are refused
    assert "was made with rounds 2, but this command has rounds 1" in capsys.readouterr().err


def test_a_released_run_goes_on_to_more_rounds(tmp_path):
    arguments = ["--seeds", 1, "--strategies", "cal", "--protocol", "code", "--out"]
    assert cal_main(*SHORT, *arguments, tmp_path / "a") == 0
    assert cal_main(*TINY, *arguments, tmp_path / "a") == 0
    assert cal_main(*TINY, *arguments, tmp_path / "b") == 0
    assert run_files(tmp_path / "a") == run_files(tmp_path / "b")


def test_a_log_refuses_other_data_and_settings(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(90, 8)), np.arange(90) % 3
    d, other = data.of_arrays(x, y, x, y), data.of_arrays(x + 1, y, x, y)
    s, runs = cal.Settings(20, 1, 5, 1, 8), cal.runs_of(["random"], [1])
    SideBySide(d, s, Log(tmp_path)).learn(runs)
    for data_, settings in ((other, s), (d, cal.Settings(20, 1, 6, 1, 8))):
        with pytest.raises(InputError, match="were made with"):
            SideBySide(data_, settings, Log(tmp_path))
    SideBySide(d, cal.Settings(20, 2, 5, 1, 8), Log(tmp_path))  # rounds may grow


def test_a_library_s_log_refuses_a_strategy_that_was_edited(tmp_path, monkeypatch):
    """Typed into a notebook, a strategy has no file; here it is one of two in files of ours."""
    x, y = np.random.default_rng(0).normal(size=(90, 8)), np.arange(90) % 3
    d, s = data.of_arrays(x, y, x, y), cal.Settings(20, 1, 5, 1, 8)
    monkeypatch.setitem(SideBySide.strategies, "mine", strategies.least_confidence)
    SideBySide(d, s, Log(tmp_path)).learn(cal.runs_of(["mine", "random"], [1]))
    before = json.loads((tmp_path / "runs" / "made-with.json").read_text())
    assert before["sources"]["strategies"].keys() == {"mine", "random"}
    SideBySide(d, s, Log(tmp_path)).learn(cal.runs_of(["mine"], [1]))
    monkeypatch.setitem(SideBySide.strategies, "mine", strategies.max_entropy)  # edited
    SideBySide(d, s, Log(tmp_path)).learn(cal.runs_of(["random"], [1]))  # is untouched
    with pytest.raises(InputError, match="the source of mine has changed since the runs in"):
        SideBySide(d, s, Log(tmp_path)).learn(cal.runs_of(["mine"], [1]))
    with pytest.raises(InputError, match="the source of .*has changed"):  # another algorithm
        cal.ActiveLearning(d, s, Log(tmp_path)).learn(cal.runs_of(["random"], [1]))
    assert json.loads((tmp_path / "runs" / "made-with.json").read_text()) == before


def test_maps_that_are_damaged_are_made_again(tiny, tmp_path):
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    maps = tmp_path / "demo-paper-pool" / "runs" / "maps-2.npz"
    whole = maps.read_bytes()
    maps.write_bytes(whole[:-1000])
    assert cal_main(*TINY, "--seeds", 1, 2, "--strategies", "cal", "--out", tmp_path) == 0
    assert maps.read_bytes() == whole and run_files(tmp_path) == run_files(tiny[0])


@pytest.mark.parametrize("config", ["null", "[]", "{}", '{"settings": 3}', "3", "[" * 100_000,
                                    '{"settings": {}, "seeds": [], "strategies": []}'])
def test_a_config_that_no_run_wrote_is_one_sentence(tmp_path, capsys, config):
    folder = tmp_path / "demo-paper-pool"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(config)
    for more in ([*TINY, "--seeds", 1], ["--report-only"]):
        assert cal_main("--out", tmp_path, *more) == 2
        error = capsys.readouterr().err
        assert "config.json is damaged" in error and error.count("\n") == 1


def test_dynamics_as_bytes():
    p = torch.rand(3, 7, 5, generator=torch.Generator().manual_seed(0))
    y = torch.arange(7) % 5
    kept = as_bytes("full", p, y)
    gold = p[:, torch.arange(7), y].numpy()
    assert np.abs(kept["full_gold"] / 255 - gold).max() <= 0.5 / 255 + 1e-6
    assert (kept["full_said"] == p.argmax(-1).numpy()).all()
    assert as_bytes("full", torch.rand(2, 7, 257), y) == {}


# ---- thresholds and baselines -------------------------------------------------------------------


def test_thresholds_that_are_one_are_run_once(tmp_path):
    assert cal_main(*TINY, "--seeds", 1, "--strategies", "cal", "--t-cor", 0.2, 0.2, 0.4,
                    0.4000000001, "--out", tmp_path) == 0
    lines = run_files(tmp_path)
    assert set(lines) == {"cal-1.jsonl", "cal-t0.4-1.jsonl", "cal-t0.4000000001-1.jsonl",
                          "full-1.jsonl"}
    assert all([x["round"] for x in run] == [0, 1, 2] for name, run in lines.items()
               if "full" not in name)


def test_torchrun_writes_the_same_files(tiny, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
               "2", HERE / "cal.py", *TINY[:-2], "--seeds", 1, 2, "--strategies", "cal", "lc",
               "--out", tmp_path]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0 and done.stdout.count("final accuracy") == 1, done.stderr
    want, got = run_files(tiny[0]), run_files(tmp_path)
    assert len(got) == 6 and got == {name: want[name] for name in got}


@pytest.mark.parametrize("rank, message", [
    ("x", "RANK and WORLD_SIZE"), ("0", "other processes do not answer")])
def test_a_rank_from_nowhere_is_one_sentence(tmp_path, monkeypatch, capsys, rank, message):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert cal_main(*TINY, "--out", tmp_path) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


# ---- ends ---------------------------------------------------------------------------------------


def wait_for(condition, seconds=180):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def sizes(out):
    return {path: path.stat().st_size for path in out.rglob("*.jsonl")}


def test_workers_end_with_the_process_that_the_user_started(tmp_path):
    """Ctrl-C, which ends them too, is in test_processes.py."""
    arguments = [*TINY[2:-1], 2, "--rounds", 200, "--seeds", 1, 2, "--vectors", "hash", "--out",
                 tmp_path]
    process = subprocess.Popen([sys.executable, str(HERE / "cal.py"), *map(str, arguments)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(sizes(tmp_path)) > 2)
    workers = children(process.pid)
    assert len(workers) == 2
    process.kill()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), seconds=20)
    before = sizes(tmp_path)
    said, error = process.communicate(timeout=10)
    assert process.returncode == -signal.SIGKILL and said == ""
    assert not any(word in error for word in ("Warning", "Traceback", "Interrupted"))
    time.sleep(0.5)
    assert sizes(tmp_path) == before


@pytest.mark.parametrize("library", ["numpy", "libtorch_cpu"])
def test_ctrl_c_while_modules_are_imported(tmp_path, library):
    process = subprocess.Popen([sys.executable, str(HERE / "cal.py"), "--out", str(tmp_path)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    loaded = Path(f"/proc/{process.pid}/maps")
    if loaded.exists():
        wait_for(lambda: library in loaded.read_text() or process.poll() is not None)
    else:  # not on Linux: about then, if the machine is quiet
        time.sleep(0.2 if library == "numpy" else 1.0)
    process.send_signal(signal.SIGINT)
    said, error = process.communicate(timeout=10)
    assert process.returncode == 130 and error.strip().startswith("Interrupted") and not said
    assert not list(tmp_path.iterdir())


def test_ctrl_c_while_a_figure_is_drawn(tiny, tmp_path):
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    process = subprocess.Popen([sys.executable, str(HERE / "cal.py"), "--report-only", "--out",
                                str(tmp_path)], stderr=subprocess.PIPE, text=True)
    wait_for(lambda: list(tmp_path.glob("*/.fig*.part")) or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=10)
    assert process.returncode == 130 and error.count("Interrupted") == 1
    assert "Traceback" not in error and not list(tmp_path.rglob("*.part"))


# ---- the bar and the words ----------------------------------------------------------------------


def in_a_terminal(columns, *arguments):
    """What a command prints in a terminal of this many columns."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([sys.executable, str(HERE / "cal.py"), *map(str, arguments)],
                               stdout=subprocess.DEVNULL, stderr=theirs, stdin=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            if select.select([ours], [], [], 0.1)[0]:
                shown += os.read(ours, 65536)
    os.close(ours)
    assert process.wait() == 0
    return re.split(r"[\r\n]+", shown.decode())


def test_the_bar_shows_percentage_and_time_left_in_60_columns(tmp_path, columns=60):
    lines = in_a_terminal(columns, *TINY, "--seeds", 1, "--strategies", "cal", "--vectors",
                          "hash", "--out", tmp_path)
    bars = [line for line in lines if "%" in line]
    assert all(re.match(r" *\d+% \d\d:\d\d<(\d\d:\d\d|\?)", line) for line in bars)
    assert all(len(line) <= columns for line in bars)
    assert bars[-1].startswith("100%") and any("drawing the report" in line for line in bars)
    percent = [int(line.partition("%")[0]) for line in bars]
    assert percent == sorted(percent)


def test_a_terminal_that_knows_ascii_alone():
    code = "from plumbing.streams import prepare; prepare('cal.py'); print('1 \u00b1 2')"
    done = subprocess.run([sys.executable, "-c", code], cwd=HERE, capture_output=True, text=True,
                          env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=True)
    assert done.stdout == "1 ? 2\n"


def test_the_terminal_shows_what_was_asked_for(tiny, tmp_path, capsys):
    shutil.copytree(tiny[0], tmp_path, dirs_exist_ok=True)
    assert cal_main(*TINY, "--seeds", 1, 2, "--strategies", "cal", "random", "--out", tmp_path) == 0
    table = capsys.readouterr().out.splitlines()  # though the folder has eleven strategies
    assert [line.split("  ")[0] for line in table[:4]] == ["strategy", "Rand.", "CAL", "all data"]
    with open(tmp_path / "demo-paper-pool" / "results.csv", encoding="utf-8-sig") as f:
        assert len(f.readlines()) == 16


def test_an_argument_that_is_not_utf_8(tmp_path):
    done = subprocess.run([os.fsencode(sys.executable), os.fsencode(HERE / "cal.py"), b"--dataset",
                           b"caf\xe9.csv"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 2 and b"is not UTF-8" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_the_help_and_mistyped_options(capsys):
    with pytest.raises(SystemExit):
        cal_main("--help")
    said = capsys.readouterr().out
    assert "default: None" not in said and "default: False" not in said
    assert "(default: demo)" in said and "--dataset" in said
    for typed, meant in (("--datset", "--dataset"), ("--strategy", "--strategies"),
                         ("--seed", "--seeds"), ("--vector=hash", "--vectors")):
        with pytest.raises(SystemExit) as e:
            cal_main(typed, "1")
        error = capsys.readouterr().err
        assert e.value.code == 2 and f"did you mean {meant}?" in error and error.count("\n") == 1


@pytest.mark.parametrize("words, said", [
    (["demo"], "did you mean --dataset demo?"), (["my.csv"], "did you mean --dataset my.csv?"),
    (["cal"], "did you mean --strategies cal?"), (["results"], "unrecognized arguments: results\n"),
    *(([option, blank], f"argument {option}: it is empty; give a name") for option, blank in (
        ("--out", ""), ("--out", " \t"), ("--dataset", ""), ("--vectors", ""), ("--data-dir", " "),
        ("--text-column", ""), ("--label-column", ""), ("--test", ""), ("--show", ""),
        ("--classes", ""), ("--annotator", " "), ("--strategies", ""), ("--protocol", ""),
        ("--fork", ""), ("--new-fork", ""), ("--model", ""), ("--baseline", ""), ("--format", ""),
        ("--device", ""), ("--fresh", ""))),
    (["--out="], "argument --out: it is empty"),
    (["--again", "", "cal", "1"], "argument --again: it is empty"),
])
def test_bare_words_and_empty_ones_are_refused_and_write_nothing(tmp_path, monkeypatch, capsys,
                                                                  words, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as e:
        cal_main(*words)
    error = capsys.readouterr().err
    assert e.value.code == 2 and said in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_report_that_cannot_be_written_names_the_folder(tiny, tmp_path, capsys, monkeypatch):
    folder = shutil.copytree(tiny[0] / "demo-paper-pool", tmp_path / "demo-paper-pool")
    draw = figures.draw_curves

    def meanwhile(*what, **more):
        (folder / "fig3_accuracy.png").unlink()
        (folder / "fig3_accuracy.png").mkdir()  # which no file can replace, not even root's
        draw(*what, **more)

    monkeypatch.setattr(figures, "draw_curves", meanwhile)
    assert cal_main("--report-only", "--out", tmp_path) == 2
    assert capsys.readouterr().err == (
        f"cal.py: cannot draw the report in {folder} (Is a directory: {folder}/fig3_accuracy.png);"
        " copy the folder to a place where you can write, and give that as --out\n")
    assert not list(tmp_path.rglob("*.part"))


# ---- CSV files that people open in a spreadsheet ------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+49 30 1234", "-x", "@SUM(A1)", "'=1+1", "''=a", "'tis",
                                  "it's", "\t=a", "plain", "", "-5", "+0.25", "'-5", "'", "''"])
def test_a_formula_is_disarmed_and_comes_back(tmp_path, text):
    written = files.disarmed(text)
    assert files.armed(written) == text
    assert files.is_number(written) or written[:1] not in ("=", "+", "-", "@", "\t")
    files.write_csv(tmp_path / "a.csv", ["text"], [[text], [-0.5]])
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbftext\n")
    assert "-0.5" in (tmp_path / "a.csv").read_text("utf-8-sig")
