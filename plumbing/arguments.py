"""Arguments of a command line; a bad one gets one sentence and exit code 2."""

import argparse
import difflib
import sys
from pathlib import Path

from plumbing import imports
from plumbing.files import InputError, sentence, shortened
from plumbing.streams import standard_streams


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that prints one sentence for a bad option; exit code 2.

    A text or a path that is empty or blank is refused: as a path it would be the current folder.
    meant: a function of a word without its option -> the option with the word, or None.
    """

    def __init__(self, *args, meant=lambda word: None, **options):
        super().__init__(*args, **options)
        self.meant = meant
        self.register("type", None, filled)  # of arguments without a type
        self.register("type", Path, lambda text: Path(filled(text)))

    def error(self, message):
        unknown = message.partition("unrecognized arguments: ")[2].split(" ")[0]
        near = self.meant(unknown) or next(iter(difflib.get_close_matches(
            unknown.partition("=")[0], self._option_string_actions)), None)
        hint = f"; did you mean {near}?" if unknown and near else ""
        self.exit(2, f"{self.prog}: {shortened(message)}{hint}\n")


def filled(text):
    """An argparse type: a text that is not blank."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; give a name, or leave the option out")
    return text


def script(main):
    """Run a script's main and exit; bad input gets one sentence on stderr and exit code 2."""
    imports.done()
    path = Path(sys.argv[0])
    name = path.parent.name if path.name == "__main__.py" else path.name
    with standard_streams(name) as ended:
        try:
            sys.exit(ended(main()))
        except (InputError, OSError) as e:
            said = e if isinstance(e, InputError) else sentence(e)
            print(f"{name}: {said}", file=sys.stderr)
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
    allowed = "[0, 1), from 0 to below 1"
    if (number := share(text, allowed)) == 1:
        raise argparse.ArgumentTypeError(f"{text} is not in {allowed}")
    return number


def share(text, allowed="[0, 1]"):
    """An argparse type: a number in [0, 1]."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number; give one in {allowed}")
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not in {allowed}")
    return number
