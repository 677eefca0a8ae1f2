"""Ctrl-C at any moment, the long imports included: one sentence, once, and exit code 130."""

import contextlib
import os
import signal
import sys


def on_interrupt(module):
    """Called at the top of cal.py with its __name__, before the imports that take seconds.

    A handler that ends the process at once is the only one that nothing can swallow (matplotlib
    prints and forgets what is raised in its callbacks). It is safe: run files are appended line by
    line, all others renamed into place when they are whole.
    """
    if module == "__main__":
        signal.signal(signal.SIGINT, end)
    elif module == "__mp_main__":  # a worker: it ends with the process that the user started
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def end(*_):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.environ.get("RANK", "0") == "0":
        with contextlib.suppress(OSError):
            os.write(2, b"\nInterrupted; the same command goes on from the last finished round.\n")
    for path in list(open_parts):
        with contextlib.suppress(OSError):
            os.unlink(path)
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    os._exit(130)


open_parts = set()  # files being written, to be removed (see files.whole_file)
