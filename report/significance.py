"""Table 2: Almost Stochastic Order, and what can be said with as few seeds as there are."""

from report.differences import paired, sign_flip
from report.figures import draw_aso
from report.markdown import table
from report.names import SIX, name_of, paper_of
from stats import aso_table, mean_accuracy


def aso_tables(r):
    """Table 2: eps_min with all rounds of all seeds pooled, and with one number a seed."""
    labels = [label for label in SIX if label in r.labels()]
    if len(labels) < 2:
        return ""
    tables = {"pooled rounds": aso_table({label: r.accuracy(label).ravel() for label in labels})}
    seeds = min(len(r.finished(label)) for label in labels)
    if seeds > 1:
        tables["one number a seed"] = aso_table({label: r.accuracy(label).mean(1)
                                                 for label in labels})
    if paper := paper_of(r).get("aso"):
        tables["the paper"] = {a: dict(zip(SIX, row.split())) for a, row in zip(SIX, paper)}
    if seeds > 1:
        tables["p, signs flipped"] = {
            a: {b: sign_flip(paired(mean_accuracy, r.finished(a), r.finished(b)))
                for b in labels if b != a} for a in labels}
    rows = [[which, name_of(a), *("" if a == b else f"{float(t[a][b]):.2f}" for b in labels)]
            for which, t in tables.items() for a in labels]
    draw_aso(r.folder / "table2.png", labels, tables)
    header = ["sample", "row over column", *(name_of(b) for b in labels)]
    return "## Table 2: Almost Stochastic Order\n\n" + table(
        r.folder, "table2", header, rows, f"![Table 2 in colour](table2.png)\n\n{ASO_NOTE}"
        + what_seeds_allow(seeds, len(labels)))


ASO_NOTE = """ε_min of "row dominates column": below 0.5 the row is better, 0 is dominance. α = 0.05
with Bonferroni's correction for the pairs, as in the paper; both directions of each are tested, so
twice that chance of an order that is none remains. The paper pools all rounds of all seeds into one
sample. But the rounds of one run share their seed, their labels and most of their training, so they
are not independent samples, and the pooled test is far too sure of itself. """


def what_seeds_allow(seeds, strategies):
    """What can be said with one number a seed (the mean accuracy over its rounds)."""
    if seeds < 2:
        return "One seed gives one independent number a strategy: no verdict."
    tests, least = strategies * (strategies - 1), max(0.5**seeds, 2**-14)
    asked = 0.05 / tests
    enough = "can be reached" if least <= asked else "cannot be reached with so few seeds"
    return FEW_SEEDS + (
        f"With {seeds} seeds it cannot be smaller than 1/2^{seeds} = {0.5**seeds:.3g}; corrected"
        f" for the table's {tests} tests, 0.05 asks for {asked:.2g}, which {enough}.")


FEW_SEEDS = """One number a seed (the mean accuracy over its rounds) is independent. But of few
numbers the bootstrap behind ε_min sees too little variance: of 4,000 simulated pairs of equal
samples a cell fell below 0.5 at α / 15 in 50 % of cases with one number each, 17 % with two, 9 %
with five, 7 % with ten. So beside it stands p, the paired sign-flip test of "the row's mean
accuracy is above the column's". """
