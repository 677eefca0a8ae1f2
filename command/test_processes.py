"""Dividing work among processes, and keeping memory small."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import cal
from command import processes
from fast import memory
from plumbing.files import InputError
from plumbing.interrupt import held_back
from test_cal import HERE, TINY, cal_main, run_files, tiny


def plan(width, seeds=cal.SEEDS):
    runs = cal.runs_of(cal.SIX, seeds)
    return SimpleNamespace(args=SimpleNamespace(protocol="paper"), seeds=list(seeds), width=width,
                           phases=[runs[:7], runs[7:]], baselines={"full": 1, "full-long": 31})


@pytest.mark.parametrize("world", [1, 2, 3, 7])
@pytest.mark.parametrize("width", [2, None])
def test_every_run_and_baseline_has_one_process(world, width):
    tasks = processes.tasks_of(plan(width), world)
    shares = [processes.deal(tasks, rank, world) for rank in range(world)]
    dealt = [task for share in shares for task in share]
    assert sorted(map(str, dealt)) == sorted(map(str, tasks))
    runs = [run for task in dealt for run in task.runs]
    assert sorted(runs, key=str) == sorted(cal.runs_of(cal.SIX, cal.SEEDS), key=str)
    full = sorted((seed, *b) for task in dealt for seeds, *b in task.baselines for seed in seeds)
    assert full == sorted((s, *b) for s in cal.SEEDS for b in (("full", 1), ("full-long", 31)))
    if width:
        whole = [task for task in tasks if len({run.strategy for run in task.runs}) > 2]
        assert all(len(task.runs) <= 2 for task in dealt if task not in whole)
        costs = [sum(task.cost for task in share) for share in shares]
        assert max(costs) - min(costs) <= max(task.cost for task in tasks)
    else:
        assert sum(bool(task.runs) for task in tasks) <= 2 * world


def test_the_report_is_drawn_while_runs_go_on():
    said = []
    progress = SimpleNamespace(tick=lambda: said.append("tick"))

    def report():
        said.append("report")
        raise InputError("not yet")  # is for the last report to say

    tick = processes.ticks(progress, report, every=0.3)

    def work(task):
        tick()
        time.sleep(0.2)

    processes.share_out(work, [processes.Task("paper")] * 5, 1, lambda: None)
    assert said.count("tick") == 5 and 2 <= said.count("report") <= 3
    assert said[:2] == ["tick", "tick"]


def test_drawing_takes_a_twentieth_of_the_time_at_most():
    drawn = []

    def report():
        time.sleep(0.05)
        drawn.append(time.monotonic())

    tick, end = processes.ticks(SimpleNamespace(tick=lambda: None), report, every=0.01), (
        time.monotonic() + 2.5)
    while time.monotonic() < end:
        tick()
        time.sleep(0.005)
    assert len(drawn) >= 2 and all(b - a > 1 for a, b in zip(drawn, drawn[1:]))


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None) if os.name == "posix" else None, "mallopt"),
                    reason="the C library is not glibc")
def test_freed_memory_is_kept_for_the_next_step():
    import resource

    def faults():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(20):
            [torch.ones(2**20) for _ in range(6)]  # 24 MB: 6,144 pages
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    memory.keep_memory()
    faults()
    assert faults() < 2 * 6144  # 20 times as many if memory is returned each time


# ---- the command line ---------------------------------------------------------------------------


WINDOW = """
import os, signal, sys
from multiprocessing.resource_tracker import _resource_tracker as tracker
from concurrent.futures import ProcessPoolExecutor
from command import processes
from plumbing.files import InputError

def work(task):
    if task == "fail":
        raise InputError("no such task")

def caught(*_):
    print("caught", flush=True)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, caught)
    started = ProcessPoolExecutor.submit
    def submit(self, *task):
        found = started(self, *task)  # the workers are starting: Ctrl-C reaches the whole group
        os.killpg(0, signal.SIGINT)
        os.kill(tracker._pid, signal.SIGHUP)  # a closed terminal reaches the tracker, too
        return found
    ProcessPoolExecutor.submit = submit
    try:
        processes.share_out(work, [1, "fail", 2], 2, lambda: None)
    except InputError as e:  # a worker's error comes back
        print(e)
    print("done" if os.waitpid(tracker._pid, os.WNOHANG) == (0, 0) else "dead", flush=True)
"""


def test_ctrl_c_while_workers_start_is_not_lost_and_theirs_is_ignored(tmp_path):
    (tmp_path / "window.py").write_text(WINDOW)
    done = subprocess.run([sys.executable, tmp_path / "window.py"], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"},
                          start_new_session=True, timeout=240)
    assert done.stdout.splitlines() == ["caught", "no such task", "done"] and done.stderr == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signal")
def test_a_signal_waits_for_the_end_whatever_thread_it_reaches():
    """Where the main thread blocks a signal, the system gives it to another one."""
    happened, over = [], threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    before = signal.signal(signal.SIGTERM, lambda *_: happened.append("ended"))
    try:
        with held_back():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)
            happened.append("started")
    finally:
        signal.signal(signal.SIGTERM, before)
        over.set()
        other.join()
    assert happened == ["started", "ended"]


def test_each_way_to_end_a_run_whose_workers_start_or_train(tmp_path):
    workers, hup = [], signal.getsignal(signal.SIGHUP)  # under nohup workers ignore it, too
    for name in ("SIGINT", "SIGTERM", *["SIGHUP"] * (hup != signal.SIG_IGN)):
        command = [sys.executable, str(HERE / "cal.py"), *TINY[2:-1], "2", "--rounds", "200",
                   "--vectors", "hash", "--seeds", "1", "2", "--out", str(tmp_path / name)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, start_new_session=True)
        while not (mine := children(process.pid)) or (  # Ctrl-C comes while workers train
                name == "SIGINT" and not list((tmp_path / name).rglob("*.jsonl"))):
            assert process.poll() is None
            time.sleep(0.02)
        workers += mine
        number = getattr(signal, name)
        os.killpg(process.pid, number)
        said, error = process.communicate(timeout=120)
        assert process.returncode == 128 + number and said == ""
        assert error.count("Interrupted; the same command continues") == 1
        assert "Traceback" not in error and "Warning" not in error
    end = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    assert not list(tmp_path.rglob("*.part"))


def test_ctrl_c_while_a_module_is_imported_or_makes_a_folder(tmp_path):
    started = {}
    for words in ("dynamics x --out y", "report.merge x y --out z", "studies.versus x a-b"):
        started[words] = subprocess.Popen([sys.executable, "-m", *words.split()], cwd=HERE,
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    code = ("import time; from plumbing.files import part_folder; from plumbing import interrupt;"
            "import sys, numpy; interrupt.on_interrupt('__main__')\n"
            "with part_folder(sys.argv[1], '.z.') as f:\n (f / 'a').touch(); time.sleep(60)")
    started[code] = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=HERE,
                                     stderr=subprocess.PIPE, text=True)
    for words, process in started.items():
        maps = Path(f"/proc/{process.pid}/maps")
        while b"numpy" not in maps.read_bytes() or words == code and not list(tmp_path.glob("*/a")):
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
        assert process.returncode == 130 and error.strip() in (
            "Interrupted; give the same command again.",
            "Interrupted; the same command continues from the last finished round.")
        assert ("give" in error) == (words != code)
    assert not list(tmp_path.iterdir())


def children(pid):
    """The spawned processes that a process has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            spawned = b"spawn_main" in (status.parent / "cmdline").read_bytes()
            found += [int(status.parent.name)] if parent == pid and spawned else []
    return found


def test_a_killed_worker_is_one_sentence_and_loses_its_round_alone(tiny, tmp_path):
    arguments = [*TINY[:-1], 2, "--seeds", 1, 2, "--strategies", "cal", "--out", tmp_path]
    whole = subprocess.Popen([sys.executable, str(HERE / "cal.py"), *map(str, arguments)],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while whole.poll() is None and not list(tmp_path.rglob("full-*.jsonl")):
        time.sleep(0.005)
    os.kill(children(whole.pid)[0], signal.SIGKILL)
    _, error = whole.communicate(timeout=60)
    assert whole.returncode == 2 and "a process was killed" in error.splitlines()[-1]
    assert "Traceback" not in error and "Warning" not in error
    assert cal_main(*TINY, *arguments[len(TINY):]) == 0
    want = run_files(tiny[0])
    assert run_files(tmp_path) == {name: want[name] for name in run_files(tmp_path)}
