"""matplotlib for the pictures: figures made and saved, the same bytes each time.

It needs no backend, whatever the variable MPLBACKEND names.
"""

import contextlib
import functools
import os
import sys
from pathlib import Path
from types import SimpleNamespace

from plumbing.files import whole_file

__all__ = ["LOOK", "also_as", "matplotlib", "new_figure", "picture", "save_figure"]
LOOK = {"dpi": 110, "layout": "constrained"}  # of every figure
SAME_BYTES = {"pdf.fonttype": 42, "svg.hashsalt": "cal",  # 42: text stays text, as journals ask
              "text.parse_math": False}  # a table may be called $^$.csv
UNDATED = {"png": {"Software": None}, "svg": {"Date": None},
           "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
formats = []  # in which every figure is written, besides PNG: see `also_as`


@functools.cache
def matplotlib():
    """What is used of matplotlib. It is imported for the first picture, because that takes half a
    second, and most processes draw none."""
    try:
        from matplotlib import colormaps, rc_context
    except ValueError:  # a notebook sets the variable for every command, which may lack its backend
        del os.environ["MPLBACKEND"]
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]  # what the failed import has left
        from matplotlib import colormaps, rc_context
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    return SimpleNamespace(colormaps=colormaps, rc_context=rc_context, Figure=Figure, Text=Text)


def new_figure(width, height):
    """A matplotlib figure that needs no screen."""
    return matplotlib().Figure(figsize=(width, height), **LOOK)


def picture(width, height, columns=1, **options):
    """A figure with its axes side by side."""
    figure = new_figure(width, height)
    return figure, figure.subplots(1, columns, **options)


def save_figure(figure, path):
    """Write a figure as PNG, and in the other formats asked for: each whole or not at all."""
    used = matplotlib()
    for text in figure.findobj(used.Text):  # those that are there before the figure is drawn
        text.set_parse_math(False)
    for name in ("png", *formats):
        with used.rc_context(SAME_BYTES), whole_file(Path(path).with_suffix(f".{name}")) as part:
            figure.savefig(part, format=name, metadata=UNDATED[name])


@contextlib.contextmanager
def also_as(names):
    """Write every figure in these formats too (pdf, svg), within the `with` block."""
    formats[:] = names
    try:
        yield
    finally:
        formats.clear()
