"""--new-fork mine.py: a commented file to start from."""

import shlex
from pathlib import Path

from forks.loading import refuse_taken
from plumbing.files import InputError, write_text

STARTER = Path(__file__).parent.parent / "forks" / "starter.py"


def write(path):
    """Write the file, print what to do with it, and return the exit code."""
    path = Path(path)
    if path.suffix != ".py":
        raise InputError(f"--new-fork {path}: the name of a fork ends in .py")
    if path.exists():
        raise InputError(f"--new-fork {path}: the file is there already; it stays as it is")
    if not path.parent.is_dir():
        raise InputError(f"--new-fork {path}: there is no folder {path.parent}")
    refuse_taken(path)
    write_text(path, STARTER.read_text("utf-8"))
    print(f"{path} runs as it stands: python cal.py --fork {shlex.quote(str(path))} --quick\n"
          "What else a fork may define: docs/fork.md")
    return 0
