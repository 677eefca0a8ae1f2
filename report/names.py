"""Printed names, and the paper's own numbers (Tables 2-4, Section 5)."""

import re

from plumbing.folder import short_name
from report.markdown import Verbatim

NAMES = {"random": "Rand.", "lc": "LC", "entropy": "Ent.", "bald": "BALD", "dal": "DAL",
         "cal": "CAL", "cal+dal": "CAL+DAL", "full": "all data", "margin": "Margin",
         "badge": "BADGE", "coreset": "Core-Set", "contrastive": "Contr.", "typiclust": "TypiClust",
         "lc+div": "LC+div", "cal+unit": "CAL+unit", "map+div": "Map+div"}

# The order of the rows of Table 2.
SIX = ("random", "lc", "entropy", "bald", "dal", "cal")
PAPER = {
    "trec": {
        "budget": {"seed_size": 500, "rounds": 30, "batch": 50, "epochs": 30},
        "final": {"cal": 0.724, "cal-t0": 0.676, "cal-t0.4": 0.701, "cal-t0.6": 0.706,
                  "cal+dal": 0.695, "full": 0.634},
        "aso": ["- 1 1 1 1 1", "0 - 1 .78 .57 1", "0 0 - .87 .60 1", "0 .22 .13 - 1 1",
                "0 .43 .40 1 - 1", "0 0 0 0 0 -"],
        "overlap": {"cal&dal": 114, "cal&lc": 101, "cal&random": 82, "dal&lc": 81,
                    "dal&random": 87, "lc&random": 100},
    },
    "agnews": {
        "budget": {"seed_size": 1000, "rounds": 30, "batch": 50, "epochs": 30},
        "final": {"cal": 0.811, "cal-t0": 0.789, "cal-t0.4": 0.796, "cal-t0.6": 0.788,
                  "cal-t0.8": 0.781, "cal+dal": 0.789, "full": 0.820},
        "aso": ["- 1 1 1 .01 1", "0 - 1 1 .01 1", "0 0 - 1 .01 1", "0 0 0 - .01 1",
                ".99 .99 .99 .99 - 1", "0 0 0 0 0 -"],
        "overlap": {"cal&dal": 4, "cal&lc": 2, "cal&random": 7, "dal&lc": 3, "dal&random": 2,
                    "lc&random": 2},
    },
}


def paper_of(r):
    """The paper's numbers for these results, or {} if their budget is not the paper's."""
    paper = PAPER.get(r.dataset, {"budget": {"dataset": "another"}})
    same = all(r.settings.get(name) == value for name, value in paper["budget"].items())
    return paper if same else {}


def parts_of(label):
    """A run's label -> (strategy, t_cor as text): cal -> (cal, ""), cal-t0.4 -> (cal, 0.4)."""
    found = re.fullmatch(r"(.+)-t(\d[\d.e-]*)", label)
    return found.groups() if found else (label, "")


def name_of(label):
    """The printed form of a run's label: cal -> CAL, cal-t0.4 -> CAL (t_cor 0.4)."""
    strategy, t = parts_of(label)
    name = NAMES.get(strategy, strategy) + (f" (t_cor {t})" if t else "")
    return name if strategy in NAMES else Verbatim(name)


def vectors_of(r):
    """The vectors' short name: pool, hash, or a file's name without its extensions."""
    return short_name(r.settings["vectors"])
