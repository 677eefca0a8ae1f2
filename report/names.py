"""Printed names, and where the paper's own numbers may stand beside ours."""

import re

from page.paper import PAPER
from plumbing.folder import short_name
from report.markdown import Verbatim

NAMES = {"random": "Rand.", "lc": "LC", "entropy": "Ent.", "bald": "BALD", "dal": "DAL",
         "cal": "CAL", "cal+dal": "CAL+DAL", "full": "all data", "margin": "Margin",
         "badge": "BADGE", "coreset": "Core-Set", "contrastive": "Contr.", "typiclust": "TypiClust",
         "lc+div": "LC+div", "cal+unit": "CAL+unit", "map+div": "Map+div"}


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
