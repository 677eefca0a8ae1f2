"""How much memory an experiment's data maps take: an experiment that does not fit is refused."""

from pathlib import Path

import cal
from command.processes import jobs_of
from plumbing.files import InputError

COPIES = 2  # the epochs' probabilities, one by one and then as one array


def check(plan):
    """Raise InputError, with the numbers, if training would take more memory than there is."""
    free, jobs = available(), jobs_of(plan)
    need = jobs * needed(plan)
    if plan.args.device == "cpu" and free and need > free:
        raise InputError(f"the training dynamics of {len(plan.data.y):,} texts and"
                         f" {len(plan.data.classes):,} classes take about {need / 1e9:,.1f} GB of"
                         f" memory in {jobs} processes, and {free / 1e9:,.1f} GB are free; give"
                         " --jobs 1, or fewer texts or classes")


def needed(plan):
    """Bytes that a process needs for p [E, R, n, C] in float32: of all the data, or of a round."""
    s, C, N = plan.s, len(plan.data.classes), len(plan.data.y)
    last = s.epochs * (s.seed_size + s.rounds * s.batch) * (plan.width or 1)
    return 4 * COPIES * C * max(last, min(cal.MAP_EPOCHS, s.epochs) * N)


def available():
    """Bytes of memory that are free, or None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(line for line in lines if line.startswith("MemAvailable"))
        return int(free.split()[1]) * 1024
    except (OSError, ValueError, StopIteration):
        return None
