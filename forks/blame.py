"""An error in a fork is reported with the fork's own file and line."""

import contextlib
import traceback
from pathlib import Path

from plumbing.files import InputError, shortened
from plumbing.source import in_project_path, ours


@contextlib.contextmanager
def blamed(what="", called=None):
    """Turn an exception that comes from a fork's file into an InputError with its file and line.

    what: what was being done, for example "strategy margin, round 3, seed 1". An exception of the
    project itself passes unchanged, and so does an InputError, which is a sentence already.
    called: the fork's function or class that the block calls. If the exception passed none of its
    lines, as that of torch.add or of a wrapper, it is named instead of a file.
    """
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as e:
        place, direct = place_of(e), e.__traceback__.tb_next.tb_next is None
        if not place and called and not is_ours(called) and (
                direct or not isinstance(e, OSError)):  # of a full disk, where we write
            place = getattr(called, "__name__", type(called).__name__)
        if not place:
            raise
        said = shortened(e.msg if isinstance(e, SyntaxError) else e)  # of a neighbour
        sentence = f"{place}: {type(e).__name__}" + (f": {said}" if said else "")
        raise InputError(f"{what}: {sentence}" if what else sentence) from e


def place_of(error):
    """"FILE, line N, in FUNCTION" of the innermost frame in a file that is not ours, or ""."""
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if theirs(frame.filename):
            inside = f", in {frame.name}" if frame.name != "<module>" else ""
            file, line = Path(frame.filename), frame.lineno
            if isinstance(error, SyntaxError) and theirs(error.filename):
                break
            return f"{file}, line {line}{inside}"
    if isinstance(error, SyntaxError) and theirs(error.filename):
        return f"{error.filename}, line {error.lineno}"
    return ""


def is_ours(function):
    """Whether a function is written in a file of this project."""
    code = getattr(function, "__code__", None)
    return code is not None and ours(Path(code.co_filename).resolve())


def theirs(filename):
    """Whether a file is a fork's: not this project's, the library's or an installed package's."""
    path = Path(filename or "")
    return path.is_file() and in_project_path(path.resolve()) and not ours(path.resolve())
