"""One progress bar for everything that takes time: runs, training on all the data, the report."""

import contextlib
import json
import sys
import time

from tqdm import tqdm

from plumbing.runs import Log

DAL, REPORT = 0.35, 2000  # in training steps: DAL's selection per step over all rows; the report
FORMAT = "{percentage:3.0f}% {elapsed}<{remaining} {bar:10} {desc}"  # the end may be cut


class Progress:
    """How much of the plans is done, in training steps, read from the run files.

    Percentage and time left come first, so that 60 columns are enough for them.
    """

    def __init__(self, plans, quiet=False):
        self.files = {path: costs for plan in plans for path, costs in costs_of(plan).items()}
        self.sizes, self.steps, self.shown = {}, {}, 0.0
        self.every = 1 if sys.stderr.isatty() else 30  # seconds; a log file needs fewer lines
        total = sum(map(sum, self.files.values())) + REPORT
        self.bar = tqdm(total=total, disable=quiet, bar_format=FORMAT, dynamic_ncols=True)
        self.read()
        self.bar.initial = self.bar.n  # the time left is estimated from this command's steps alone

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()

    def tick(self):
        """Show what the run files hold; called about once a second."""
        if time.monotonic() > self.shown + self.every - 0.5:
            self.read()
            self.bar.refresh()
            self.shown = time.monotonic()

    def say(self, text):
        """Describe work that is not a run."""
        self.read()
        self.bar.set_description_str(text)

    def done(self):
        self.bar.n = self.bar.total
        self.bar.set_description_str("done")

    def read(self):
        """Count the steps of every line; describe the newest."""
        for path, costs in self.files.items():
            with contextlib.suppress(OSError):
                if path.stat().st_size != self.sizes.get(path):
                    content = path.read_bytes()
                    self.sizes[path] = len(content)
                    self.steps[path] = sum(costs[: content.count(b"\n")])
                    self.bar.set_description_str(described(path.stem, content), False)
        self.bar.n = sum(self.steps.values())


def described(name, content):
    """The newest line of a run file, in a few words."""
    with contextlib.suppress(ValueError, IndexError, KeyError, TypeError, RecursionError):
        line = json.loads(content.splitlines()[-1])
        return f"{name}: {line['labelled']} labels, accuracy {line['accuracy']:.3f}"
    return name


def costs_of(plan):
    """{run file: the training steps that each of its lines takes}."""
    s, N, log = plan.s, len(plan.data.y), Log(plan.folder)

    def steps(n, epochs=1):
        return -(-n // s.minibatch) * s.epochs * epochs

    costs = {}
    for run in (run for phase in plan.phases for run in phase):
        dal = DAL * steps(N) if "dal" in run.strategy else 0
        costs[log.path(run)] = [steps(s.seed_size + t * s.batch) + dal for t in range(s.rounds + 1)]
    for name, epochs in plan.baselines.items():
        for seed in plan.seeds:
            costs[log.folder / f"{name}-{seed}.jsonl"] = [steps(N, epochs)]
    return costs
