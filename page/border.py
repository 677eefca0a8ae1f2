"""CAL's border before its first round, kept beside the runs for the page. Trains nothing.

runs/border-SEED.json has what CAL's classifier saw and said in round 0, if the run began in this
version: the labelled rows, their data map over all epochs of the round, and
P(high-cor) of every row. The run files stay what they are without it.
"""

import json

from plumbing.files import left_out, write_text
from plumbing.maps import STATISTICS


def keeping(algorithm):
    """A subclass of an algorithm (cal.ActiveLearning or below) that keeps CAL's border."""

    class View(algorithm.View):
        def score(self, function):
            found = super().score(function)
            if found.dim() == 2:  # a number per row; CAL's last one is P(high-cor)
                object.__setattr__(self, "scored", found)  # a View is frozen for strategies
            return found

    class Keeping(algorithm):
        def keep(self, i, runs, view, scores, picked, times):
            if i == 0 and runs[0].label == "cal" and self.s.rounds:
                for r, run in enumerate(runs):
                    write_text(self.log.folder / f"border-{run.seed}.json",
                               json.dumps(border_of(view, r)))
            super().keep(i, runs, view, scores, picked, times)

    Keeping.View = View
    return Keeping


def border_of(view, r):
    """What run r's classifier saw and said, as lists."""
    rounded = lambda values: [round(float(v), 6) for v in values]
    return {"rows": view.L[r].tolist(), "epochs": view.epochs, "p_high": rounded(view.scored[r]),
            **{name: rounded(getattr(view.map, name)[r]) for name in STATISTICS}}


def read_border(folder, seed, N):
    """A seed's border, or {} if it was not kept or is damaged. N: the number of rows."""
    path = folder / "runs" / f"border-{seed}.json"
    try:
        found = json.loads(path.read_text("utf-8"))
        shares = [found["p_high"], *(found[name] for name in STATISTICS)]
        sound = len(found["p_high"]) == N and all(
            len(found[name]) == len(found["rows"]) for name in STATISTICS)
        sound &= all(0 <= value <= 1 for values in shares for value in values)
        sound &= all(type(row) is int and 0 <= row < N for row in found["rows"])
        if sound and type(found["epochs"]) is int and found["epochs"] > 0:
            return found
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    left_out(path, "--fresh cal makes it again")
    return {}
