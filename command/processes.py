"""Dividing an experiment's runs among processes.

A run gives the same files in any process, so the runs can be divided as suits the machine: all in
this process, in --jobs processes of this machine, or among those that torchrun has started.
"""

import contextlib
import datetime
import functools
import multiprocessing
import os
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import torch

import forks
from command.experiment import config_of
from command.progress import Progress
from fast.memory import one_thread
from forks import memory
from plumbing import imports
from plumbing.files import InputError, note, shortened
from plumbing.folder import claim, keep_texts, locked
from plumbing.interrupt import be_worker, held_back


def choose_device(name):
    """cpu or cuda; auto becomes cuda if there is a GPU. TF32 is off, so float32 stays float32."""
    torch.set_float32_matmul_precision("highest")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError("--device cuda: no CUDA device is visible to torch; use --device cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


# ---- an experiment's tasks ----------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """Some runs of a protocol, and baselines (seeds, name, epochs), for one process."""

    protocol: str
    runs: tuple = ()
    baselines: tuple = ()

    @property
    def cost(self):
        """Its approximate duration, in runs of Random."""
        return len(self.baselines) / 5 + sum(3 if "dal" in r.strategy else 1 for r in self.runs)


def tasks_of(plan, processes):
    """The tasks of a plan: the baselines, then one seed after another, so that curves come early.

    plan.width runs train side by side. As many seeds as divide evenly among the processes become
    one task each. The runs of the other seeds come `width` at a time, the longest first. On a GPU
    (width None) each process takes its share of the seeds as one stack.
    """
    protocol, seeds, tasks, width = plan.args.protocol, plan.seeds, [], plan.width
    shares = [seeds[i::processes] for i in range(processes)] if not width else [
        [seed] for seed in seeds]
    even = len(shares) // processes * processes
    for share in filter(None, shares):
        tasks += [Task(protocol, baselines=((tuple(share), *b),)) for b in plan.baselines.items()]
    for phase in plan.phases:
        for i, share in enumerate(shares):
            runs = sorted((run for run in phase if run.seed in share),
                          key=lambda run: -Task(protocol, (run,)).cost)
            step = len(runs) if i < even else width
            tasks += [Task(protocol, tuple(runs[j : j + step]))
                      for j in range(0, len(runs), step or 1)]
    return tasks


def jobs_of(plan):
    """In how many processes a Plan's runs are made: on a CPU, one per seed if there are cores."""
    args = plan.args
    return args.jobs or (min(len(plan.seeds), one_thread()) if args.device == "cpu" else 1)


def conduct(work, plans, report):
    """work(args, task) for every task of every plan; report() about once a minute, and at the end.

    Returns True in the process that the user started (under torchrun, in the first process).
    """
    args = plans[0].args
    join_torchrun(args.device)
    rank, world = rank_and_world()
    if args.jobs and world > 1:
        note("note: --jobs has no effect under torchrun, which starts the processes")
    jobs = jobs_of(plans[0])
    with contextlib.ExitStack() as held:
        for plan in plans if rank == 0 else ():
            held.enter_context(locked(plan.folder))
        for plan in plans if rank == 0 else ():
            memory.check(plan.folder / "runs", going_on(plan), plan.s.rounds)
            claim(plan.folder, config_of(plan), args.fresh, seed_set_of(plan))
            keep_texts(plan.folder, plan.data)
        wait_for_all()
        tasks = [task for plan in plans for task in tasks_of(plan, max(jobs, world))]
        with Progress(plans, quiet=rank > 0) as progress:
            tick = ticks(progress, report if rank == 0 else None)
            share_out(functools.partial(work, args), tasks, jobs, tick)
            if world > 1:
                progress.say("waiting for the other processes")
            wait_for_all()
            progress.say("drawing the report")
            if rank == 0:
                report()
            progress.done()
    return rank == 0


def going_on(plan):
    """The runs of a plan that --fresh does not start over."""
    over = plan.args.fresh
    return [run for phase in plan.phases for run in phase
            if over is None or over and run.strategy not in over]


def seed_set_of(plan):
    """A function of a seed -> the rows of its seed set, which are found once."""
    algorithm = forks.opened(plan.algorithm, plan.fork)(plan.data, plan.s, None)
    return functools.cache(algorithm.seed_set)


def ticks(progress, report, every=60):
    """A function to call once a second, which moves the bar and sometimes draws the report.

    It draws once a minute or less often, so that drawing takes at most a twentieth of the time.
    """
    due = time.monotonic() + every

    def tick():
        nonlocal due
        progress.tick()
        if report and (began := time.monotonic()) > due:
            with contextlib.suppress(OSError, InputError):  # the last report will raise it
                report()
            due = time.monotonic() + max(every, 20 * (time.monotonic() - began))

    return tick


# ---- dividing the tasks -------------------------------------------------------------------------


def share_out(work, tasks, jobs, tick):
    """work(task) for every task, and tick() about once a second meanwhile.

    If jobs > 1, work must be picklable, and each process takes the next task when it is free. Under
    torchrun this process does only its own share.
    """
    if jobs > 1 and rank_and_world()[1] < 2:
        in_a_pool(work, tasks, jobs, tick)
        return
    with called_every_second(tick):
        for task in deal(tasks, *rank_and_world()):
            work(task)


def in_a_pool(work, tasks, jobs, tick):
    """share_out in `jobs` spawned processes, because CUDA and Windows cannot fork."""
    spawn = multiprocessing.get_context("spawn")
    quiet_tracker()
    with ProcessPoolExecutor(jobs, spawn, initializer=start_worker) as pool:
        with held_back():  # from the workers for good: Ctrl-C is for the process the user started
            left = {pool.submit(work, task) for task in tasks}
        try:
            while left:
                done, left = wait(left, timeout=1, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                tick()
        except BrokenProcessPool:
            raise InputError("a process was killed; the same command continues from the last"
                             " finished round")
        finally:
            for future in left:
                future.cancel()


def quiet_tracker():
    """Silence Python's tracker of semaphores, which would print a warning if we were killed.

    It starts with the signals blocked: a HUP for the whole group would end it, and not us alone.
    """
    with contextlib.suppress(ImportError):  # Windows has no tracker
        from multiprocessing import resource_tracker

        before = os.environ.get("PYTHONWARNINGS")
        os.environ["PYTHONWARNINGS"] = "ignore::UserWarning:multiprocessing.resource_tracker"
        with held_back():
            resource_tracker.ensure_running()
        del os.environ["PYTHONWARNINGS"]
        if before is not None:
            os.environ["PYTHONWARNINGS"] = before


def start_worker():
    """Give a worker one thread, and end it when the process that started it ends."""
    imports.done()
    os.environ["CAL_LAUNCHED"] = "1"
    one_thread()
    be_worker()


@contextlib.contextmanager
def called_every_second(function):
    """Call function() about once a second during the work, and once after it."""
    over = threading.Event()

    def again():
        while not over.wait(1):
            function()

    thread = threading.Thread(target=again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        function()


# ---- torchrun -----------------------------------------------------------------------------------


def rank_and_world():
    """This process's number under torchrun, and how many there are: (0, 1) without it."""
    try:
        return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    except ValueError:
        raise InputError("RANK and WORLD_SIZE, which torchrun sets, are not whole numbers; unset"
                         " them")


def deal(tasks, rank, world):
    """The tasks of process `rank` of `world`: each goes to the one with the least to do so far."""
    loads, mine = [0] * world, []
    for task in tasks:
        taker = loads.index(min(loads))
        loads[taker] += task.cost
        mine += [task] if taker == rank else []
    return mine


def join_torchrun(device):
    """Under torchrun, find the other processes; each takes a GPU, in turn if there are too few."""
    if rank_and_world()[1] < 2:
        return
    if os.name == "nt":
        os.environ.setdefault("USE_LIBUV", "0")  # torch for Windows has no libuv
    try:
        torch.distributed.init_process_group("gloo", timeout=datetime.timedelta(days=7))
    except (ValueError, RuntimeError) as e:
        raise InputError("RANK and WORLD_SIZE are set, but torchrun's other processes do not answer"
                         f" ({shortened(e)}); start the command with torchrun, or unset them")
    if device == "cuda":
        local = int(os.environ.get("LOCAL_RANK", 0))
        torch.cuda.set_device(local % torch.cuda.device_count())


def wait_for_all():
    """Wait until every process that torchrun has started has reached this point."""
    if rank_and_world()[1] > 1:
        torch.distributed.barrier()
