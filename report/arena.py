"""Who beats whom: the pairwise penalty matrix of Ash et al. (2020), with its columns' means."""

import numpy as np

from plumbing.files import write_csv
from report.backend import picture, save_figure
from report.differences import critical_t
from report.latex import tex, write_tex
from report.names import name_of
from report.samples import FEWEST, accuracies, common_seeds


def wins(scores):
    """P [A, A]: the share of rounds in which strategy i beats j. scores [A, S, T], S > 1 seeds.

    i beats j in a round if a two-sided paired t test over the seeds has p < 0.05 and i's mean is
    higher (Ash et al. 2020, Section 4). No correction is made, as there.
    """
    S, T = scores.shape[1:]
    P = np.zeros((len(scores), len(scores)))
    for i, d in enumerate(scores[:, None] - scores):             # d [A, S, T]: i minus every j
        mean, sd = d.mean(1), d.std(1, ddof=1)                   # [A, T]
        P[i] = (mean * np.sqrt(S) > critical_t(S - 1) * sd + 1e-12).sum(1) / T
    return P


def column_means(P):
    """How often each strategy is beaten, mean over the others: [A]. Lower is better."""
    return P.sum(0) / max(1, len(P) - 1)


def arena(r):
    """The matrix of wins, as arena.png, wins.csv and table_arena.tex."""
    labels = r.labels()
    seeds = common_seeds(r, labels)
    if len(labels) < 2 or len(seeds) < FEWEST:
        return ""
    # Round 0 is the same for every strategy: nothing has been picked.
    P = wins(np.stack([accuracies(r, label, seeds)[:, 1:] for label in labels]))
    names, below = [name_of(label) for label in labels], column_means(P)
    rows = [[name, *("" if i == j else f"{P[i, j]:.2f}" for j in range(len(P)))]
            for i, name in enumerate(names)]
    last = ["mean of the column", *(f"{value:.2f}" for value in below)]
    header = ["row beats column", *names]
    write_csv(r.folder / "wins.csv", header, [*rows, last])
    texed = [[tex(cell) or "--" for cell in row] for row in [*rows, last]]
    what = ("The share of rounds in which the row's accuracy is higher than the column's with"
            f" p < 0.05 (two-sided paired t test over {len(seeds)} seeds, uncorrected), as in Ash"
            " et al. (2020). The last row has the columns' means, where lower is better.")
    write_tex(r.folder / "table_arena.tex", [f"seeds: {' '.join(map(str, seeds))}"],
              what.replace("p < 0.05", "$p < 0.05$"), ["", *map(tex, names)],
              [texed[:-1], texed[-1:]], "tab:arena")
    draw(r.folder / "arena.png", names, P, below)
    return (f"## Who beats whom\n\n![The pairwise penalty matrix](arena.png)\n\n{what} Where"
            " nothing differs, one test in twenty has such a p by chance. wins.csv has the"
            " numbers.")


def draw(path, names, P, below):
    """The matrix in colour, its columns' means as a row of its own below it."""
    A = len(P)
    figure, ax = picture(1.6 + 0.55 * A, 1.4 + 0.5 * A)
    grid = np.vstack([np.where(np.eye(A, dtype=bool), np.nan, P), below])
    ax.imshow(grid, vmin=0, vmax=1, cmap="YlGnBu", aspect="auto")
    for (i, j), value in np.ndenumerate(grid):
        if not np.isnan(value):
            ax.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=8,
                    color="white" if value > 0.6 else "black")
    ax.axhline(A - 0.5, color="white", linewidth=4)
    ax.set_xticks(range(A), names, rotation=45, ha="right")
    ax.set_yticks(range(A + 1), [*names, "mean"])
    ax.set_title("share of rounds in which the row beats the column")
    save_figure(figure, path)
