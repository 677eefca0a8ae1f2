"""Ctrl-C at any moment, even during the imports, prints one sentence; the exit code is 130."""

import contextlib
import os
import signal
import sys


def on_interrupt(module):
    """Handle Ctrl-C. cal.py calls this with its __name__ before the imports that take seconds.

    The handler ends the process at once, because an exception can be lost (matplotlib prints those
    of its callbacks and goes on). That is safe: run files grow by whole lines, and all other files
    are renamed when they are whole.
    """
    if module == "__main__":
        signal.signal(signal.SIGINT, end)
    elif module == "__mp_main__":  # a worker: it ends with the process that the user started
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def end(*_):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.environ.get("RANK", "0") == "0":
        with contextlib.suppress(OSError):
            os.write(2, b"\nInterrupted; the same command continues from the last finished"
                        b" round.\n")
    for path in list(open_parts):
        with contextlib.suppress(OSError):
            os.unlink(path)
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    os._exit(130)


open_parts = set()  # files being written, to be removed (see files.whole_file)
