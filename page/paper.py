"""The paper's own numbers (Tables 2-4, Section 5), for the report and for docs/read.html."""

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


def aso_of(dataset):
    """Table 2 of a dataset: eps_min of row over column, in the order of SIX; None for its own."""
    return tuple(tuple(None if eps == "-" else float(eps) for eps in row.split())
                 for row in PAPER[dataset]["aso"])
