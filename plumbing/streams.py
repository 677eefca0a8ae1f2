"""Standard streams that are closed, full, or a pipe that ends: the work goes on without them."""

import contextlib
import errno
import os
import sys

from plumbing.files import CONTROL, visible

# Line breaks, tabs and the progress bar's way up a line are for the terminal to obey.
ESCAPED = rf"(?!\x1b\[A|[\t\n\r]){CONTROL}"


class Output:
    """A standard stream that takes the first error of writing for its end.

    What is printed after that goes to the null device. error: the OSError, or None.
    """

    def __init__(self, stream):
        self.stream, self.error = stream, None

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        return self.tried(self.stream.write, visible(text, ESCAPED))

    def flush(self):
        return self.tried(self.stream.flush)

    def tried(self, function, *text):
        try:
            return function(*text)
        except OSError as e:
            self.error = e
            with open(os.devnull, "wb") as null:
                os.dup2(null.fileno(), self.stream.fileno())


@contextlib.contextmanager
def standard_streams(name):
    """The streams of a command called `name` -> a function that is given its exit code, and says
    whether all could be printed: the exit code, or 2. A pipe that ends early is no error."""
    prepare(name)
    out, err = Output(sys.stdout), Output(sys.stderr)

    def ended(code):
        out.flush()
        if out.error is None or out.error.errno == errno.EPIPE:
            return code
        print(f"{name}: cannot print to stdout: {out.error.strerror}; what this command makes is in"
              " its files", file=err)
        return code or 2

    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield ended


def prepare(name):
    """Print ? for ± and accents that the terminal cannot show; refuse arguments not in UTF-8."""
    for fd, stream in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, stream) is None:  # closed: no file of ours may take its number
            open_null(fd, stream)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    for word in sys.argv:
        try:
            word.encode()
        except UnicodeEncodeError:
            print(f"{name}: the argument {ascii(word)} is not UTF-8; rename the file",
                  file=sys.stderr)
            sys.exit(2)


def open_null(fd, name):
    """Open a closed standard stream as the null device, in this process and its workers."""
    try:
        os.fstat(fd)
    except OSError:
        found = os.open(os.devnull, os.O_RDWR)
        if found != fd:
            os.dup2(found, fd)
            os.close(found)
    os.set_inheritable(fd, True)
    setattr(sys, name, os.fdopen(fd, "r" if name == "stdin" else "w", closefd=False))
