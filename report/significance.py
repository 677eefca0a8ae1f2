"""Table 2: Almost Stochastic Order, and what so few seeds can show."""

from page.paper import SIX, aso_of
from report.differences import paired, sign_flip
from report.figures import draw_aso
from report.markdown import table
from report.names import name_of, paper_of
from stats import aso_table, mean_accuracy


def aso_tables(r):
    """Table 2: eps_min with all rounds of all seeds pooled, and with one number per seed."""
    labels = [label for label in SIX if label in r.labels()]
    if len(labels) < 2:
        return ""
    tables = {"pooled rounds": aso_table({label: r.accuracy(label).ravel() for label in labels})}
    seeds = min(len(r.finished(label)) for label in labels)
    if seeds > 1:
        tables["one number per seed"] = aso_table({label: r.accuracy(label).mean(1)
                                                   for label in labels})
    if paper_of(r):
        tables["the paper"] = {a: dict(zip(SIX, row)) for a, row in zip(SIX, aso_of(r.dataset))}
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


ASO_NOTE = """The cells are ε_min of "row dominates column": below 0.5 the row is better, and at 0
it dominates. α = 0.05 is divided by the number of pairs (Bonferroni), as in the paper. Both
directions of each pair are tested, so the chance of a false order is up to twice α. The paper pools
all rounds of all seeds into one sample. But the rounds of one run share their seed, their labels
and most of their training. They are therefore not independent, and the pooled test is much too
confident. """


def what_seeds_allow(seeds, strategies):
    """What one number per seed (the mean accuracy over its rounds) can show."""
    if seeds < 2:
        return "One seed gives one independent number per strategy, so there is no verdict."
    tests, least = strategies * (strategies - 1), max(0.5**seeds, 2**-14)
    asked = 0.05 / tests
    enough = "can be reached" if least <= asked else "cannot be reached with so few seeds"
    return FEW_SEEDS + (
        f"With {seeds} seeds, p cannot be smaller than 1/2^{seeds} = {0.5**seeds:.3g}. Corrected"
        f" for the table's {tests} tests, the limit of 0.05 becomes {asked:.2g}, which {enough}.")


FEW_SEEDS = """One number per seed (the mean accuracy over its rounds) makes an independent
sample. But with few numbers, the bootstrap behind ε_min underestimates the variance: in
simulations of 4,000 pairs of equal samples, a cell fell below 0.5 at α / 15 in 50 % of the pairs
with one number each, in 17 % with two, in 9 % with five and in 7 % with ten. The table therefore
also gives p, from the paired sign-flip test of "the row's mean accuracy is above the column's". """
