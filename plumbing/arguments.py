"""Arguments of a command line; a bad one gets one sentence and exit code 2."""

import argparse
import difflib
import sys
from pathlib import Path

from plumbing.files import InputError, shortened
from plumbing.streams import standard_streams


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that prints one sentence for a bad option; exit code 2."""

    def error(self, message):
        unknown = message.partition("unrecognized arguments: ")[2].split(" ")[0]
        near = difflib.get_close_matches(unknown.partition("=")[0], self._option_string_actions)
        hint = f"; did you mean {near[0]}?" if unknown and near else ""
        self.exit(2, f"{self.prog}: {shortened(message)}{hint}\n")


def script(main):
    """Run a script's main and exit; bad input gets one sentence on stderr and exit code 2."""
    path = Path(sys.argv[0])
    name = path.parent.name if path.name == "__main__.py" else path.name
    with standard_streams(name) as ended:
        try:
            sys.exit(ended(main()))
        except (InputError, OSError) as e:
            print(f"{name}: {e}", file=sys.stderr)
            sys.exit(2)
        except KeyboardInterrupt:
            print(f"{name}: interrupted", file=sys.stderr)
            sys.exit(130)


def at_least(lowest):
    """An argparse type: a whole number of at least `lowest`."""

    def whole_number(text):
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {lowest} on")
        if number < lowest:
            raise argparse.ArgumentTypeError(f"{number} is less than {lowest}, the smallest value")
        return number

    return whole_number


def threshold(text):
    """An argparse type: a correctness threshold in [0, 1)."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number; give one in [0, 1)")
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not in [0, 1), from 0 to below 1")
    return number


def share(text):
    """An argparse type: a number in [0, 1]."""
    return 1.0 if text in ("1", "1.0") else threshold(text)
