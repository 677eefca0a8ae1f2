"""matplotlib for figures.py, which needs no backend, whatever the variable MPLBACKEND names."""

import os
import sys

try:
    from matplotlib import colormaps, rcParams
except ValueError:  # a notebook sets the variable for every command, which may lack its backend
    del os.environ["MPLBACKEND"]
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        del sys.modules[name]  # what the failed import has left
    from matplotlib import colormaps, rcParams
from matplotlib.figure import Figure

__all__ = ["Figure", "colormaps", "rcParams"]
