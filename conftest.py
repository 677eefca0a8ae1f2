"""Runs the tests on two cores: other pytest processes take their shares of them.

All processes collect the same tests and divide them into pieces. The process that reaches a piece
first claims it with a file and runs it. They begin at different pieces, so that few fixtures are
made twice. There is one process more than cores, because a test that runs the command line often
waits for it. The others write their reports to files, and the first shows them with its own. With
one core, few tests or --pdb, one process runs everything.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from plumbing import imports

imports.begin()  # of the tests' modules
os.fsync = lambda fd: None  # no test cuts the power, and waiting for the disk takes a while

PIECE = 8  # tests that are claimed together
OTHERS = "last", "middle"  # the pieces at which the other processes begin
SHARED_BY_ALL = "CAL_TESTS"  # the environment's variable for a folder that all processes use


def pytest_addoption(parser):
    parser.addoption("--reports", metavar="FILE",
                     help="used only by conftest.py: another process's reports, beside the claims")


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "ignore:Sparse CSR tensor support")  # see terms.py


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    """Run the pieces that this process claims; the first also shows the others' reports."""
    config = session.config
    imports.done()
    if session.testsfailed or config.option.collectonly or config.option.usepdb:
        return None
    if config.option.reports:
        reports = Path(config.option.reports)
        config.pluginmanager.register(Sender(config, reports))
        run_claimed(session, reports.parent, reports.name)
        return True
    if len(session.items) < 4 * PIECE or (os.cpu_count() or 1) < 2:
        return None
    with tempfile.TemporaryDirectory() as folder:
        share(session, Path(folder))
    if session.testsfailed:
        raise session.Failed(f"{session.testsfailed} tests failed")
    return True


def share(session, folder):
    """Run the tests together with the other processes, which claim theirs in `folder`."""
    os.environ[SHARED_BY_ALL] = str(folder)
    others = [other_process(session.config, folder / name) for name in OTHERS]
    shown = [show(session, folder / name) for name in OTHERS]
    try:
        run_claimed(session, folder, "first", lambda: [next(reports) for reports in shown])
        codes = [other.wait() for other in others]
        for reports in shown:
            next(reports)
    finally:
        for other in others:
            other.kill()
            other.wait()
    if not {0, 1}.issuperset(codes):
        raise session.Failed(f"the other test processes ended with the codes {codes}")


def other_process(config, reports):
    """Start the same pytest command as another process, which claims its tests beside `reports`."""
    command = [sys.executable, "-m", "pytest", *config.invocation_params.args,
               f"--reports={reports}", "-p", "no:cacheprovider"]
    return subprocess.Popen(command, cwd=config.invocation_params.dir, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run_claimed(session, folder, begin, after_each=lambda: None):
    """Run the tests of every piece that no other process has claimed."""
    items = claimed(session.items, folder, begin)
    item = next(items, None)
    while item:
        following = next(items, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        after_each()
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        item = following


def claimed(items, folder, begin):
    """The items of the pieces whose file this process creates first."""
    pieces = list(cut(items))
    middle = len(pieces) // 2
    order = {"first": pieces, "last": pieces[::-1],
             "middle": pieces[middle:] + pieces[:middle][::-1]}
    for first, piece in order[begin]:
        try:
            os.close(os.open(folder / str(first), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        yield from piece


def cut(items):
    """(index of the first test, tests) of each piece: PIECE tests of one module, or fewer."""
    at = 0
    for _, tests in itertools.groupby(items, lambda item: item.path):
        tests = list(tests)
        for first in range(0, len(tests), PIECE):
            yield at + first, tests[first : first + PIECE]
        at += len(tests)


class Sender:
    """Writes each report as a line of JSON."""

    def __init__(self, config, path):
        self.config, self.path = config, path

    def pytest_runtest_logreport(self, report):
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        with open(self.path, "a", encoding="utf-8") as f:
            f.write(json.dumps(data) + "\n")


def show(session, path):
    """A generator: each step hands the new reports in `path` to pytest, as if run here."""
    hook, at = session.config.hook, 0
    while True:
        lines = path.read_bytes()[at:].splitlines(keepends=True) if path.exists() else []
        for line in lines if not lines or lines[-1].endswith(b"\n") else lines[:-1]:
            at += len(line)
            report = hook.pytest_report_from_serializable(config=session.config,
                                                          data=json.loads(line))
            if isinstance(report.longrepr, list):  # of a skipped test: JSON knows no tuples
                report.longrepr = tuple(report.longrepr)
            if report.when == "setup":
                hook.pytest_runtest_logstart(nodeid=report.nodeid, location=report.location)
            hook.pytest_runtest_logreport(report=report)
        yield
