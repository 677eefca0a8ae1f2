"""Runs the tests on two cores: a second pytest process takes its share of them.

Both processes collect the same tests and divide them into pieces. The process that reaches a piece
first claims it with a file and runs it. The first process begins with the first piece and the
second with the last, so that few fixtures are made twice. The second process writes its reports to
a file, and the first shows them with its own. With one core, few tests or --pdb, one process runs
everything.
"""

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
SHARED_BY_BOTH = "CAL_TESTS"  # the environment's variable for a folder that both processes use


def pytest_addoption(parser):
    parser.addoption("--second", metavar="FOLDER",
                     help="used only by conftest.py: the folder for claims and reports")


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "ignore:Sparse CSR tensor support")  # see terms.py


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    """Run the pieces that this process claims; the first also shows the second's reports."""
    config = session.config
    imports.done()
    if session.testsfailed or config.option.collectonly or config.option.usepdb:
        return None
    if config.option.second:
        config.pluginmanager.register(Sender(config, Path(config.option.second) / "reports"))
        run_claimed(session, Path(config.option.second))
        return True
    if len(session.items) < 4 * PIECE or (os.cpu_count() or 1) < 2:
        return None
    with tempfile.TemporaryDirectory() as folder, second_process(config, folder) as second:
        shown = show(session, Path(folder) / "reports")
        try:
            run_claimed(session, Path(folder), lambda: next(shown))
            second.wait()
            next(shown)
        except BaseException:
            second.kill()
            raise
    if second.returncode not in (0, 1):
        raise session.Failed(f"the second test process ended with code {second.returncode}")
    if session.testsfailed:
        raise session.Failed(f"{session.testsfailed} tests failed")
    return True


def second_process(config, folder):
    """Start the same pytest command as a second process, which claims its tests in `folder`."""
    command = [sys.executable, "-m", "pytest", *config.invocation_params.args, f"--second={folder}",
               "-p", "no:cacheprovider"]
    os.environ[SHARED_BY_BOTH] = folder
    return subprocess.Popen(command, cwd=config.invocation_params.dir, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run_claimed(session, folder, after_each=lambda: None):
    """Run the tests of every piece that the other process has not claimed."""
    items = claimed(session.items, folder, backwards=bool(session.config.option.second))
    item = next(items, None)
    while item:
        following = next(items, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        after_each()
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        item = following


def claimed(items, folder, backwards):
    """The items of the pieces whose file this process creates first."""
    pieces = range(0, len(items), PIECE)
    for first in reversed(pieces) if backwards else pieces:
        try:
            os.close(os.open(folder / str(first), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        yield from items[first : first + PIECE]


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
            if report.when == "setup":
                hook.pytest_runtest_logstart(nodeid=report.nodeid, location=report.location)
            hook.pytest_runtest_logreport(report=report)
        yield
