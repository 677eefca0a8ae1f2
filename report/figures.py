"""Every picture: Figs. 1 to 6, Table 2 in colour, Table 3 as curves, the ladder.

Each function draws one file, the same bytes each time. backend.py has matplotlib.
"""

import numpy as np

from plumbing.maps import STATISTICS
from report.backend import matplotlib, new_figure, picture, save_figure
from report.names import name_of, parts_of, vectors_of

# Colour (Okabe-Ito, safe for the colour-blind), marker and line, so figures are readable in grey.
STYLE = {
    "random": ("#000000", "o", ":"),
    "lc": ("#0072B2", "s", "--"),
    "entropy": ("#56B4E9", "^", "--"),
    "bald": ("#009E73", "D", "-."),
    "dal": ("#E69F00", "v", "-"),
    "cal": ("#D55E00", "*", "-"),
    "cal+dal": ("#CC79A7", "P", "-"),
    "margin": ("#332288", "X", "-"),
    "badge": ("#882255", "h", "--"),
    "lc+div": ("#117733", "p", "-."),
    "cal+unit": ("#AA4499", "d", "-"),
    "map+div": ("#999933", "<", "-"),
    "coreset": ("#88CCEE", ">", ":"),
    "contrastive": ("#661100", "8", ":"),
    "typiclust": ("#6699CC", "H", ":"),
}
SPARE = [("#999999", marker, "-") for marker in "Xhpd<>"]  # for thresholds and your own strategies


def style_of(label, labels):
    """The plot arguments of a label."""
    others = [name for name in labels if name not in STYLE]
    color, marker, line = STYLE.get(label) or SPARE[others.index(label) % len(SPARE)]
    return {"color": color, "marker": marker, "linestyle": line, "label": name_of(label),
            "markersize": 5, "linewidth": 1.4}


# ---- data maps: Figs. 1, 2, 5 and 6 -------------------------------------------------------------

CORRECTNESS_MARKERS = "ovs^D*"  # for correctness 0, 0.2 ... 1; each also has a colour
BINS = {"confidence": np.linspace(0, 1, 41), "variability": np.linspace(0, 0.5, 41),
        "correctness": np.linspace(-0.05, 1.05, 12)}  # each tenth is the middle of a bin
MOST_POINTS = 10_000  # drawn per map; more would only hide each other
REGIONS = {"easy-to-learn": (0.04, 0.96), "ambiguous": (0.86, 0.5), "hard-to-learn": (0.04, 0.04)}


def draw_maps(path, maps):
    """Data maps side by side, each with the densities of its statistics (Figs. 1, 2, 5 and 6).

    maps: {title: datamap.DataMap of fields [N]}. Colour and marker show the correctness. Returns
    a sentence for the caption if points were left out.
    """
    maps = {title: {name: np.asarray(values) for name, values in m._asdict().items()}
            for title, m in maps.items()}
    figure = new_figure(8 * len(maps), 6)
    grid = figure.add_gridspec(3, 3 * len(maps))
    for column, (title, m) in enumerate(maps.items()):
        ax = figure.add_subplot(grid[:, 3 * column : 3 * column + 2])
        draw_map(ax, m, title)
        for row, (name, bins) in enumerate(BINS.items()):
            side = figure.add_subplot(grid[row, 3 * column + 2])
            side.stairs(np.histogram(m[name], bins)[0], bins, fill=True,
                        color=("#6A3D9A", "#1B9E77", "#555555")[row])
            side.set(xlabel=name, ylabel="texts")
    save_figure(figure, path)
    most = max(len(m["confidence"]) for m in maps.values())
    return f" {MOST_POINTS:,} of {most:,} texts are drawn, at random." if most > MOST_POINTS else ""


def draw_map(ax, m, title):
    """One data map: variability on x, confidence on y."""
    N = len(m["confidence"])
    shown = np.arange(N)
    if N > MOST_POINTS:
        shown = np.sort(np.random.default_rng(0).choice(N, MOST_POINTS, replace=False))
    fifth = np.round(m["correctness"][shown] * 5).astype(int)
    colors = matplotlib().colormaps["cividis"](np.linspace(0, 0.85, 6))
    for k in range(6):
        rows = shown[fifth == k]
        ax.scatter(m["variability"][rows], m["confidence"][rows], s=18, alpha=0.6, linewidths=0,
                   color=colors[k], marker=CORRECTNESS_MARKERS[k], label=f"{k / 5:.1f}")
    decorate(ax, title, "correctness (nearest fifth)")


KIND_STYLE = {"easy": ("#0072B2", "o"), "as given": ("#0072B2", "o"), "ambiguous": ("#E69F00", "s"),
              "mislabelled": ("#D55E00", "^"), "flipped": ("#CC79A7", "v")}
OWN_KIND = "#009E73", "D"  # that of a fork's reader


def draw_kinds(path, m, kind, names):
    """A map coloured by the texts' known kinds. m: a DataMap; kind [N]; names: kinds to show."""
    m = m._asdict()
    figure = new_figure(5 * len(names), 5)
    for i, name in enumerate(names):
        ax, rows = figure.add_subplot(1, len(names), i + 1), kind == name
        ax.scatter(m["variability"][~rows], m["confidence"][~rows], s=8, color="#DDDDDD",
                   linewidths=0, label="other")
        color, marker = KIND_STYLE.get(name, OWN_KIND)
        ax.scatter(m["variability"][rows], m["confidence"][rows], s=12, linewidths=0, alpha=0.7,
                   color=color, marker=marker, label=name)
        decorate(ax, f"{name}: {rows.sum():,} texts", "known kind")
    save_figure(figure, path)


def decorate(ax, title, legend):
    """Set the axes, their limits, the legend and the names of the regions."""
    ax.set(xlabel="variability", ylabel="confidence", title=title, xlim=(-0.01, 0.52),
           ylim=(-0.02, 1.02))
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "#888888"}
    for name, (x, y) in REGIONS.items():
        ax.text(x, y, name, transform=ax.transAxes, ha="left" if x < 0.5 else "center",
                va="center", weight="bold", bbox=box)
    ax.legend(title=legend, loc="upper right", fontsize=8, title_fontsize=8, markerscale=1.6)


# ---- curves: Fig. 3, Table 3 --------------------------------------------------------------------


def pictured(labels):
    """The labels in Figs. 3 and 4: CAL with other thresholds has a separate figure."""
    return [x for x in labels if parts_of(x)[0] == x or parts_of(x)[0] not in labels]


def draw_curves(r, path, shown, styles=None):
    """Accuracy curves, mean over seeds, with bands for three. shown: {label: runs}."""
    figure, ax = picture(8.5, 5.5)
    share, markers, ends = r.labelled() / r.about["train"], max(1, (r.rounds + 1) // 10), {}
    best = max(shown, key=lambda label: np.mean([lines[-1]["accuracy"] for lines in shown[label]]))
    for label, runs in shown.items():
        style = {**style_of(label, list(shown)), **(styles or {}).get(label, {})}
        rounds = min(len(lines) for lines in runs)  # those that every seed has finished
        scores = np.array([[x["accuracy"] for x in lines[:rounds]] for lines in runs])
        mean, spread = scores.mean(0), scores.std(0)
        ax.plot(share[:rounds], mean, markevery=markers, **style)
        ends[style["label"]] = share[rounds - 1], mean[-1], style["color"]
        if label in ("random", "cal", best):
            ax.fill_between(share[:rounds], mean - spread, mean + spread, alpha=0.12, linewidth=0,
                            color=style["color"])
    full = r.accuracy("full")
    if len(full):
        ax.axhline(full.mean(), color="#777777", linewidth=1)
        ends["all data"] = ax.get_xlim()[1], full.mean(), "#777777"
    name_ends(ax, ends)
    seeds = seeds_shown(shown.values())
    ax.set(xlabel=f"share of the training data ({r.about['train']:,} texts)",
           ylabel="test accuracy", title=f"{r.dataset}, {vectors_of(r)} vectors: {seeds}")
    ax.xaxis.set_major_formatter(lambda v, _: f"{100 * v:g}%")
    ax.grid(alpha=0.3)
    save_figure(figure, path)


def name_ends(ax, ends):
    """Write names beside the axes, a step apart or more, as near their curves' ends as possible.

    ends: {name: (x, y, color)}. Isotonic regression (a maximum of minima) finds the positions."""
    (low, high), n = ax.get_ylim(), len(ends)
    step, order = 0.045 * (high - low), sorted(ends, key=lambda name: ends[name][1])
    z = [ends[name][1] - i * step for i, name in enumerate(order)]
    at = [i * step + max(min(np.mean(z[j : k + 1]) for k in range(i, n)) for j in range(i + 1))
          for i in range(n)]
    over = max(0, at[-1] - high) if at else 0
    x = ax.get_xlim()[1]
    for name, y in zip(order, at):
        end, level, color = ends[name]
        ax.annotate(name, (end, level), (1.02, (y - over - low) / (high - low)), color=color,
                    textcoords="axes fraction", va="center", fontsize=9, annotation_clip=False,
                    arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.5, "alpha": 0.6})
    ax.set_xlim(right=x)


def draw_thresholds(r, path, labels):
    """Table 3 as curves: CAL with each threshold, and CAL+DAL (half of each batch from each)."""
    colors = matplotlib().colormaps["plasma"](np.linspace(0, 0.85, len(labels)))
    styles = {label: {"color": color, "marker": "o^sDvP"[i],
                      "label": name_of("cal-t0.2" if label == "cal" else label)}
              for i, (label, color) in enumerate(zip(labels, colors))}
    draw_curves(r, path, {label: list(r.finished(label).values()) for label in labels}, styles)


def seeds_shown(runs):
    """'mean over 5 seeds'; 'mean over 2 to 5 seeds' if strategies differ; or 'one seed'."""
    counts = sorted(len(begun) for begun in runs)
    few = "" if counts[0] == counts[-1] else f"{counts[0]} to "
    return f"mean over {few}{counts[-1]} seeds (bands: 1 sd)" if counts[-1] > 1 else "one seed"


# ---- batches, Table 2, the ladder ---------------------------------------------------------------


def draw_batches(r, path):
    """Fig. 4: mean confidence, variability and correctness of each picked batch."""
    figure, axes = picture(13, 4, 3)
    labels = pictured(r.labels())
    for ax, name in zip(axes, STATISTICS):
        for label in labels:
            ax.plot(np.arange(1, r.rounds + 1), r.batch(label, name).mean(0),
                    markevery=max(1, r.rounds // 10), **style_of(label, labels))
        ax.set(xlabel="batch", ylabel=f"mean {name} of the batch")
        ax.grid(alpha=0.3)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=11)
    save_figure(figure, path)


def draw_aso(path, labels, tables):
    """Table 2 as coloured squares, one panel per sample."""
    figure, axes = picture(4.6 * len(tables), 4.6, len(tables), squeeze=False)
    for ax, (title, t) in zip(axes[0], tables.items()):
        grid = [[np.nan if a == b else float(t[a][b]) for b in labels] for a in labels]
        ax.imshow(grid, vmin=0, vmax=1, cmap="RdYlBu_r")
        for i, row in enumerate(grid):
            for j, value in enumerate(row):
                if i != j:
                    weight = "bold" if value < 0.005 else "normal"
                    ax.text(j, i, f"{value:.2f}", ha="center", va="center", weight=weight,
                            color="white" if value < 0.15 or value > 0.85 else "black")
        names = [name_of(label) for label in labels]
        ax.set_xticks(range(len(labels)), names)
        ax.set_yticks(range(len(labels)), names)
        ax.set_title(title)
    save_figure(figure, path)


def draw_ladder(path, changes):
    """Each switch's effect on final accuracy, mean and one sd. changes: {label: {name: [S]}}."""
    names = list(dict.fromkeys(name for of_label in changes.values() for name in of_label))
    figure, axes = picture(12, 0.25 * len(names) + 1.5, 2, sharex=True)
    titles = {"paper": "paper, and one choice of the released code",
              "code": "code, and one choice of the paper"}
    for ax, base in zip(axes, titles):
        mine = [name for name in names if name.startswith(base)]
        for shift, (label, of_label) in zip((-0.2, 0, 0.2), changes.items()):
            here = [name for name in mine if name in of_label]
            sd = [d.std(ddof=min(1, len(d) - 1)) for d in map(of_label.get, here)]
            ax.errorbar([of_label[name].mean() for name in here],
                        [mine.index(name) + shift for name in here], xerr=sd, capsize=2,
                        **{**style_of(label, list(changes)), "linestyle": ""})
        ax.set_yticks(range(len(mine)), [name.partition("+")[2] for name in mine])
        ax.invert_yaxis()
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set(xlabel="change of final accuracy, ± 1 sd", title=titles[base])
        ax.grid(axis="x", alpha=0.3)
    axes[0].legend()
    save_figure(figure, path)


def draw_explanation(path, name, notes, full, strategies):
    """The picture that studies.explain makes of its notes. full: the map of all the data."""
    figure = new_figure(17, 8)
    first = [n for n in notes if n["seed"] == notes[0]["seed"]]
    last, labels = max(n["round"] for n in notes), list(strategies)
    for i, (label, t) in enumerate((label, t) for label in ("cal", "cal+unit") for t in (0, last)):
        ax = figure.add_subplot(2, 4, i + 1)
        n = next(n for n in first if n["strategy"] == label and n["round"] == t)
        for rows, color, size in ((~n["picked"], "#BBBBBB", 5), (n["picked"], "#D55E00", 16)):
            ax.scatter(n["length"][rows], n["p"][rows], s=size, color=color, linewidths=0)
        ax.axhline(0.5, color="black", linewidth=0.7)
        ax.set(xlabel="length of Psi(x)", ylabel="P(low-cor)", ylim=(-0.02, 1.02),
               title=f"{name_of(label)}, round {t}: Spearman {n['spearman']:.2f}")
    for i, (key, title) in enumerate((("words", "words of a pick"), (
            "largest class", "largest predicted class, share of a batch"),
            ("cosine", "mean cosine within a batch"))):
        ax = figure.add_subplot(2, 4, i + 5)
        for label in labels:
            mean = [np.mean([n[key] for n in notes if n["strategy"] == label and n["round"] == t])
                    for t in range(last + 1)]
            ax.plot(mean, **style_of(label, labels))
        ax.set(xlabel="round", title=title)
        ax.grid(alpha=0.3)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=len(labels))
    ax = figure.add_subplot(2, 4, 8)
    ax.scatter(full.variability, full.confidence, s=4, color="#DDDDDD", linewidths=0)
    for label in labels:
        rows = [[row for n in first if n["strategy"] == label and n["round"] == t
                 for row in n["rows"]] for t in range(last + 1)]
        ax.plot([full.variability[r].mean() for r in rows],
                [full.confidence[r].mean() for r in rows], **style_of(label, labels))
    ax.set(xlabel="variability", ylabel="confidence", title="batches on the map of all the data")
    figure.suptitle(f"{name}: what CAL's classifier learns, and what is picked")
    save_figure(figure, path)
