"""Finished run files to numbers, tables, curves and words. Trains nothing, reads no data.

In this file, from the top:
  violation_ratio, aso, aso_table   Almost Stochastic Order, exact (Dror et al. 2019; Table 2)
  overlap, chance_overlap           how many rows two strategies both pick (Table 4)
  Results                           a results directory, read from its run files
  claims                            the paper's claims, each judged by a stated rule
  write_report                      report.md, table1.csv ... table4.csv, fig3.png, fig4.png

Symbols: F^-1, G^-1 the empirical quantile functions of samples A and B (n and m scores);
eps the violation ratio, eps_min its upper confidence bound.
"""

import csv
import io
import json
import re
from itertools import combinations
from pathlib import Path
from statistics import NormalDist

import numpy as np

import datamap
from data import InputError, whole_file

# ---- Almost Stochastic Order --------------------------------------------------------------------


def violation_ratio(a, b):
    """How much of the squared distance between two score samples speaks against "A over B".

    eps = int_{t: F^-1(t) < G^-1(t)} (F^-1(t) - G^-1(t))^2 dt / int_0^1 (F^-1(t) - G^-1(t))^2 dt,
    F^-1 and G^-1 the quantile functions of A and B (Dror et al. 2019, Eq. 5). Read it so: 0, every
    quantile of A is at least B's; 1, the reverse; 0.5, nothing can be said (also for two equal
    samples). Exact: the quantile functions are steps that change at k/n and k/m alone.
    a [n], b [m] finite scores, higher is better; ValueError otherwise.
    """
    a, b = _scores(a), _scores(b)
    return float(_ratios(np.sort(a)[None], np.sort(b)[None])[0])


def aso(a, b, alpha=0.05, n_boot=1000, seed=0):
    """eps_min of "A is almost stochastically dominant over B" at confidence 1 - alpha.

    eps_min = eps - sigma sqrt((n + m) / (n m)) Phi^-1(alpha)  (Dror et al. 2019, Eq. 6), with
    sigma^2 the bootstrap variance of sqrt(n m / (n + m)) eps. Cut to [0, 1]. Read it so: 0, A
    dominates B; below 0.5, A is better than B at this confidence (the lower the clearer); 0.5 and
    above, that cannot be claimed; it does not follow that B is better: ask aso(b, a).
    a [n], b [m] finite scores; 0 < alpha < 1 (ValueError otherwise); n_boot bootstrap samples are
    drawn with `seed`.
    """
    a, b = _scores(a), _scores(b)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    n, m = len(a), len(b)
    eps = violation_ratio(a, b)
    rng = np.random.default_rng(seed)
    boot_a = np.sort(rng.choice(a, (n_boot, n)), axis=1)
    boot_b = np.sort(rng.choice(b, (n_boot, m)), axis=1)
    sigma = np.std(np.sqrt(n * m / (n + m)) * _ratios(boot_a, boot_b))
    # Eq. (6): eps_min = eps - sigma sqrt((n + m) / (n m)) Phi^-1(alpha)
    eps_min = eps - sigma * np.sqrt((n + m) / (n * m)) * NormalDist().inv_cdf(alpha)
    return float(np.clip(eps_min, 0.0, 1.0))


def aso_table(scores, alpha=0.05, n_boot=1000, seed=0):
    """{row: {column: eps_min}} for {name: scores}, alpha Bonferroni-corrected for all pairs.

    S samples make k = S (S - 1) / 2 pairs, each tested at alpha / k (Bonferroni 1936).
    """
    pairs = max(1, len(scores) * (len(scores) - 1) // 2)
    return {a: {b: aso(scores[a], scores[b], alpha / pairs, n_boot, seed) for b in scores if b != a}
            for a in scores}


def _scores(sample):
    """A sample as float64 [n], or a ValueError that says what is wrong with it."""
    sample = np.asarray(sample, dtype=np.float64).ravel()
    if sample.size == 0:
        raise ValueError("a sample of scores is empty")
    if not np.isfinite(sample).all():
        raise ValueError("a sample of scores holds NaN or infinity")
    return sample


def _ratios(a, b):
    """Violation ratios of sorted samples a [S, n] against b [S, m] -> [S]."""
    n, m = a.shape[1], b.shape[1]
    # All breakpoints k/n and l/m, as whole multiples of 1/(n m): no rounding.
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    width = np.diff(ends, prepend=0) / (n * m)
    gap = a[:, (ends - 1) // m] - b[:, (ends - 1) // n]  # F^-1(t) - G^-1(t) on each piece
    square = gap**2 * width
    total = square.sum(1)
    against = np.where(gap < 0, square, 0).sum(1)
    return np.where(total > 0, against / np.where(total > 0, total, 1), 0.5)


# ---- overlap ------------------------------------------------------------------------------------


def overlap(a, b):
    """How many rows stand in both of two lists of picked rows."""
    return len(set(a) & set(b))


def chance_overlap(pool, picks_a, picks_b):
    """Expected overlap of two random sets of picks from one pool: |A| |B| / |U|."""
    return picks_a * picks_b / pool


# ---- a results directory ------------------------------------------------------------------------


def read_run(path):
    """The finished rounds of a run file (a list of dicts), and where the last whole line ends.

    A torn or damaged line and all that follows it are left out.
    """
    lines, end = [], 0
    if path.exists():
        for raw in path.read_bytes().splitlines(keepends=True):
            try:
                line = json.loads(raw)
            except ValueError:
                break
            if not raw.endswith(b"\n") or line.get("round") != len(lines):
                break
            lines.append(line)
            end += len(raw)
    return lines, end


def write_text(path, text):
    """Write a file whole or not at all."""
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


class Results:
    """A results directory as numbers: config.json, the run files, the data maps.

    runs: {label: {seed: lines}} of every run file. Only finished runs count in tables; the
    arrays below have one row a seed, the seeds of `seeds(label)` in order.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        try:
            self.config = json.loads((self.folder / "config.json").read_text())
        except FileNotFoundError:
            raise InputError(f"no results in {folder}; run the same command without --report-only")
        except ValueError:
            raise InputError(f"{self.folder / 'config.json'} is damaged; start over with --fresh")
        self.settings, self.about = self.config["settings"], self.config["about"]
        self.rounds, self.dataset = self.settings["rounds"], self.settings["dataset"]
        self.runs = {}
        for label in [*self.config["strategies"], "full", "full-long"]:
            files = {s: self.folder / "runs" / f"{label}-{s}.jsonl" for s in self.config["seeds"]}
            self.runs[label] = {s: read_run(f)[0] for s, f in files.items() if f.exists()}
        self.maps = {
            s: dict(np.load(path)) for s in self.config["seeds"]
            if (path := self.folder / "runs" / f"maps-{s}.npz").exists()
        }

    def finished(self, label):
        """{seed: lines} of a label's finished runs."""
        last = 0 if label.startswith("full") else self.rounds
        return {s: lines for s, lines in self.runs.get(label, {}).items() if len(lines) == last + 1}

    def labels(self):
        """The labels that have a finished run, without the full-data baseline."""
        return [label for label in self.config["strategies"] if self.finished(label)]

    def accuracy(self, label):
        """[S, rounds + 1] test accuracies of the finished runs."""
        return np.array([[r["accuracy"] for r in lines] for lines in self.finished(label).values()])

    def batch(self, label, name):
        """[S, rounds] mean confidence, variability or correctness of each picked batch."""
        return np.array([[r["batch"][name] for r in lines[1:]]
                         for lines in self.finished(label).values()])

    def labelled(self):
        """[rounds + 1] how many labels there are in each round."""
        s = self.settings
        return s["seed_size"] + s["batch"] * np.arange(self.rounds + 1)


# ---- words and tables ---------------------------------------------------------------------------

NAMES = {"random": "Rand.", "lc": "LC", "entropy": "Ent.", "bald": "BALD", "dal": "DAL",
         "cal": "CAL", "cal+dal": "CAL+DAL", "full": "all data"}

# The paper's own numbers (Tables 2-4, Section 5); rows of Table 2 follow SIX.
SIX = ("random", "lc", "entropy", "bald", "dal", "cal")
PAPER = {
    "trec": {
        "final": {"cal": 0.724, "cal-t0": 0.676, "cal-t0.4": 0.701, "cal-t0.6": 0.706,
                  "cal+dal": 0.695, "full": 0.634},
        "aso": ["- 1 1 1 1 1", "0 - 1 .78 .57 1", "0 0 - .87 .60 1", "0 .22 .13 - 1 1",
                "0 .43 .40 1 - 1", "0 0 0 0 0 -"],
        "overlap": {"cal&dal": 114, "cal&lc": 101, "cal&random": 82, "dal&lc": 81,
                    "dal&random": 87, "lc&random": 100},
    },
    "agnews": {
        "final": {"cal": 0.811, "cal-t0": 0.789, "cal-t0.4": 0.796, "cal-t0.6": 0.788,
                  "cal-t0.8": 0.781, "cal+dal": 0.789, "full": 0.820},
        "aso": ["- 1 1 1 .01 1", "0 - 1 1 .01 1", "0 0 - 1 .01 1", "0 0 0 - .01 1",
                ".99 .99 .99 .99 - 1", "0 0 0 0 0 -"],
        "overlap": {"cal&dal": 4, "cal&lc": 2, "cal&random": 7, "dal&lc": 3, "dal&random": 2,
                    "lc&random": 2},
    },
}


def name_of(label):
    """How a label is printed: CAL, or CAL (t_cor 0.4)."""
    strategy, _, t = label.partition("-t")
    return NAMES.get(strategy, strategy) + (f" (t_cor {t})" if t else "")


def plus_minus(values, digits=3):
    """mean ± sample standard deviation over seeds; the mean alone for one seed."""
    values = np.asarray(values, dtype=float)
    spread = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{spread}"


def markdown(header, rows):
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(c) for c in line) + " |" for line in lines)


def write_csv(path, header, rows):
    """A table as a CSV file, whole or not at all."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    write_text(path, out.getvalue())


def table(r, name, header, rows, note=""):
    """A table of the report, written as CSV too; returns its Markdown."""
    write_csv(r.folder / f"{name}.csv", header, rows)
    return markdown(header, rows) + (f"\n\n{note}" if note else "")


# ---- the report's sections: each takes Results and returns Markdown ------------------------------


def main_table(r):
    """Final and mean accuracy, labels to reach Random's final accuracy, seconds a round."""
    if not r.labels():
        return ""
    random = r.accuracy("random")
    goal = random[:, -1].mean() if len(random) else None
    paper = PAPER.get(r.dataset, {}).get("final", {})
    rows = []
    for label in r.labels():
        accuracy, runs = r.accuracy(label), r.finished(label).values()
        reached = r.labelled()[accuracy.mean(0) >= goal] if goal is not None else []
        final = accuracy[:, -1]
        rows.append([
            name_of(label), len(accuracy), plus_minus(final), *beside(final, paper.get(label)),
            plus_minus(accuracy.mean(1)), reached[0] if len(reached) else "never",
            *(f"{np.median([x['seconds'][k] for lines in runs for x in lines]):.2f}"
              for k in ("train", "select")),
        ])
    full = r.accuracy("full")
    if len(full):
        rows.append([name_of("full"), len(full), plus_minus(full[:, -1]),
                     *beside(full[:, -1], paper.get("full")), "", r.about["train"], "", ""])
    header = ["strategy", "seeds", "final accuracy", "paper", "difference", "mean accuracy",
              "labels to Random's final", "s/round to train", "s/round to select"]
    note = ("± is the standard deviation over seeds. Mean accuracy is over all rounds: the area"
            " under the curve. The last row was trained on every text of the training data.")
    return "## Results\n\n" + table(r, "results", header, rows, note)


def beside(ours, paper):
    """The two cells (paper, difference) beside a number of ours."""
    return ["", ""] if paper is None else [f"{paper:.3f}", f"{np.mean(ours) - paper:+.3f}"]


def summary(folder):
    """The main table as plain text for a terminal."""
    r = Results(folder)
    lines = [line for line in main_table(r).split("\n") if line.startswith("|")]
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines if "---" not in line]
    if not cells:
        return "No run has finished yet."
    keep = [i for i, head in enumerate(cells[0]) if any(row[i] for row in cells[1:])]
    width = {i: max(len(row[i]) for row in cells) for i in keep}
    return "\n".join("  ".join(row[i].ljust(width[i]) for i in keep).rstrip() for row in cells)


# ---- figures 3 and 4 ----------------------------------------------------------------------------

# One colour (Okabe-Ito, safe for the colour-blind), marker and line a strategy: readable in grey.
STYLE = {
    "random": ("#000000", "o", ":"),
    "lc": ("#0072B2", "s", "--"),
    "entropy": ("#56B4E9", "^", "--"),
    "bald": ("#009E73", "D", "-."),
    "dal": ("#E69F00", "v", "-"),
    "cal": ("#D55E00", "*", "-"),
    "cal+dal": ("#CC79A7", "P", "-"),
}
SPARE = [("#999999", marker, "-") for marker in "Xhpd<>"]  # thresholds, and strategies of one's own


def style_of(label, labels):
    """Plot arguments of a label."""
    others = [name for name in labels if name not in STYLE]
    color, marker, line = STYLE.get(label) or SPARE[others.index(label) % len(SPARE)]
    return {"color": color, "marker": marker, "linestyle": line, "label": name_of(label),
            "markersize": 5, "linewidth": 1.4}


def picture(width, height, columns=1, **options):
    """A figure and its axes, side by side."""
    figure = datamap.new_figure(width, height)
    return figure, figure.subplots(1, columns, **options)


def pictured(labels):
    """The labels of Figs. 3 and 4: CAL with other thresholds has a figure of its own."""
    return [x for x in labels if "-t" not in x or x.partition("-t")[0] not in labels]


def curves(r):
    """Fig. 3: accuracy against the share of the training data, mean over seeds, band of one sd."""
    # The finished runs of a strategy; before there are any, what its seeds have done so far.
    begun = {label: [lines for lines in r.runs[label].values() if lines]
             for label in pictured(r.config["strategies"])}
    shown = {label: list(r.finished(label).values()) or runs for label, runs in begun.items()
             if runs}
    if not shown:
        return ""
    draw_curves(r, r.folder / "fig3_accuracy.png", {
        label: (runs, style_of(label, list(shown))) for label, runs in shown.items()})
    return "![Fig. 3: accuracy](fig3_accuracy.png)"


def draw_curves(r, path, shown):
    """Accuracy curves, mean over seeds and a band of one sd. shown: {label: (runs, style)}."""
    figure, ax = picture(7.5, 5)
    share, markers = r.labelled() / r.about["train"], max(1, (r.rounds + 1) // 10)
    for runs, style in shown.values():
        rounds = min(len(lines) for lines in runs)  # that every seed has done
        scores = np.array([[x["accuracy"] for x in lines[:rounds]] for lines in runs])
        mean, spread = scores.mean(0), scores.std(0)
        ax.plot(share[:rounds], mean, markevery=markers, **style)
        ax.fill_between(share[:rounds], mean - spread, mean + spread, alpha=0.1, linewidth=0,
                        color=style["color"])
    full = r.accuracy("full")
    if len(full):
        ax.axhline(full.mean(), color="#777777", linewidth=1, label="all data")
    seeds = seeds_shown([runs for runs, _ in shown.values()])
    ax.set(xlabel=f"share of the training data ({r.about['train']:,} texts)",
           ylabel="test accuracy",
           title=f"{r.dataset}, {vectors_of(r)} vectors: {seeds}")
    ax.xaxis.set_major_formatter(lambda v, _: f"{100 * v:g}%")
    ax.grid(alpha=0.3)
    ax.legend()
    datamap.save_figure(figure, path)


def seeds_shown(runs):
    """'mean over 5 seeds', or 'over 2 to 5' where strategies differ; 'one seed'."""
    counts = sorted(len(begun) for begun in runs)
    few = "" if counts[0] == counts[-1] else f"{counts[0]} to "
    return f"mean over {few}{counts[-1]} seeds, ± 1 sd" if counts[-1] > 1 else "one seed"


def batches(r):
    """Fig. 4: mean confidence, variability and correctness of each picked batch."""
    if not r.labels():
        return ""
    figure, axes = picture(13, 4, 3)
    labels = pictured(r.labels())
    for ax, name in zip(axes, ("confidence", "variability", "correctness")):
        for label in labels:
            ax.plot(np.arange(1, r.rounds + 1), r.batch(label, name).mean(0),
                    markevery=max(1, r.rounds // 10), **style_of(label, labels))
        ax.set(xlabel="batch", ylabel=f"mean {name} of the batch")
        ax.grid(alpha=0.3)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=11)
    datamap.save_figure(figure, r.folder / "fig4_batches.png")
    return ("## What each strategy picks\n\n![Fig. 4: batch statistics](fig4_batches.png)\n\n"
            "Mean confidence (Eq. 1), variability (Eq. 2) and correctness (Eq. 3) of every picked"
            " batch, taken while the model is next trained, mean over seeds.")


# ---- tables 1 to 4 ------------------------------------------------------------------------------


def dataset_table(r):
    """Table 1, of the data as loaded."""
    a = r.about
    shares = ", ".join(f"{c} {n / a['train']:.1%}" for c, n in a["class_counts"].items())
    rows = [["rows to train from", f"{a['train']:,}"], ["rows to test", f"{a['test']:,}"],
            ["classes", f"{a['classes']}: {shares}"], ["seed set", f"{r.settings['seed_size']:,}"],
            ["tokens a text", f"{a['length_mean']} on average, {a['length_max']} at most"],
            ["vectors", f"{vectors_of(r)}: {a['tokens_known']:.1%} of the training texts' tokens"
             f" and {a['types_known']:.1%} of their {a['types']:,} types have one"]]
    note = "Frequent words without a vector: " + ", ".join(a["missing"]) if a["missing"] else ""
    return "## Table 1: the data\n\n" + table(r, "table1", ["", "as loaded"], rows, note)


def aso_tables(r):
    """Table 2: eps_min with all rounds of all seeds pooled, and with one number a seed."""
    labels = [label for label in SIX if label in r.labels()]
    if len(labels) < 2:
        return ""
    pooled = aso_table({label: r.accuracy(label).ravel() for label in labels})
    by_seed = aso_table({label: r.accuracy(label).mean(1) for label in labels})
    tables = {"pooled rounds": pooled, "one number a seed": by_seed}
    if paper := PAPER.get(r.dataset, {}).get("aso"):
        tables["the paper"] = {a: dict(zip(SIX, row.split())) for a, row in zip(SIX, paper)}
    rows = [[which, name_of(a), *("" if a == b else f"{float(t[a][b]):.2f}" for b in labels)]
            for which, t in tables.items() for a in labels]
    draw_aso(r, labels, tables)
    note = """![Table 2 in colour](table2.png)

ε_min of "row dominates column", α = 0.05 with Bonferroni's correction: below 0.5 the row is
better, 0 is dominance. The paper pools all rounds of all seeds into one sample. But the rounds of
one run share their seed, their labels and most of their training, so they are not independent
samples and the pooled test is far too sure of itself; one number a seed (the mean accuracy over
its rounds) is independent, and its verdict is the honest one, as few seeds as it has."""
    header = ["sample", "row over column", *(name_of(b) for b in labels)]
    return "## Table 2: Almost Stochastic Order\n\n" + table(r, "table2", header, rows, note)


def draw_aso(r, labels, tables):
    """Table 2 as coloured squares, one panel a sample."""
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
    datamap.save_figure(figure, r.folder / "table2.png")


def threshold_table(r):
    """Table 3: final accuracy by t_cor; and the DAL + CAL combination."""
    labels = [f"cal-t{t}" if t != "0.2" else "cal" for t in ("0", "0.2", "0.4", "0.6", "0.8")]
    labels = [label for label in [*labels, "cal+dal"] if label in r.labels()]
    if not set(labels) - {"cal"}:
        return ""
    paper = PAPER.get(r.dataset, {}).get("final", {})
    rows = []
    for label in labels:
        final = r.accuracy(label)[:, -1]
        t_cor = label.partition("-t")[2] or "0.2"
        rows.append([NAMES[label.partition("-t")[0]], t_cor, len(final), plus_minus(final),
                     *beside(final, paper.get(label)), plus_minus(r.accuracy(label).mean(1))])
    header = ["strategy", "t_cor", "seeds", "final accuracy", "paper", "difference",
              "mean accuracy"]
    title = "## Table 3: the correctness threshold, and half DAL, half CAL\n\n"
    colors = datamap.colormap("plasma")(np.linspace(0, 0.85, len(labels)))
    draw_curves(r, r.folder / "table3.png", {
        label: (list(r.finished(label).values()),
                {**style_of(label, labels), "color": color, "marker": "o^sDvP"[i],
                 "label": name_of("cal-t0.2" if label == "cal" else label)})
        for i, (label, color) in enumerate(zip(labels, colors))})
    return title + table(r, "table3", header, rows, "![Table 3 as curves](table3.png)")


def overlap_table(r):
    """Table 4: rows that two strategies both pick, in the same round and in the whole run."""
    pairs = pairs_of(r)
    if not pairs:
        return ""
    paper, rows = PAPER.get(r.dataset, {}).get("overlap", {}), []
    for a, b in pairs:
        n = overlaps(r, a, b)
        rows.append([f"{name_of(a)} ∩ {name_of(b)}", n["round"], f"{n['round_chance']:.1f}",
                     paper.get(f"{a}&{b}", ""), n["run"], f"{n['run_chance']:.1f}", n["picks"]])
    header = ["pair", "same round", "by chance", "paper", "whole run", "by chance ", "out of"]
    note = """Same round: rows that both runs of a seed pick in the same round, summed over rounds
and seeds; whole run: rows that both pick at all. Chance is the expected overlap of two strategies
that pick at random, |A| |B| / |U|. The paper gives one count a pair; on both datasets it is of the
size that chance gives for picks of the same round, and far below chance for whole runs."""
    return "## Table 4: overlap\n\n" + table(r, "table4", header, rows, note)


def pairs_of(r):
    """The paper's pairs of strategies, as far as both have finished runs."""
    return list(combinations([x for x in ("cal", "dal", "lc", "random") if r.finished(x)], 2))


def overlaps(r, a, b):
    """Overlap of two labels' picks over the seeds both have finished, and what chance gives."""
    pool = r.about["train"] - r.settings["seed_size"]
    found = {"round": 0, "round_chance": 0.0, "run": 0, "run_chance": 0.0, "picks": 0}
    for seed in set(r.finished(a)) & set(r.finished(b)):
        picks = [[x["picked"] for x in r.finished(label)[seed]] for label in (a, b)]
        whole = [[row for batch in p for row in batch] for p in picks]
        found["round"] += sum(overlap(p, q) for p, q in zip(*picks))
        # Both runs start from one pool: a row is in batch t of each with probability |batch| / |U|.
        found["round_chance"] += sum(chance_overlap(pool, len(p), len(q)) for p, q in zip(*picks))
        found["run"] += overlap(*whole)
        found["run_chance"] += chance_overlap(pool, len(whole[0]), len(whole[1]))
        found["picks"] += len(whole[0])
    return found


def data_efficiency(r):
    """Section 5: the share of the full-data accuracy that each strategy reaches, and when."""
    full = r.accuracy("full")
    if not len(full) or not r.labels():
        return ""
    goal, rows = full.mean(), []
    for label in r.labels():
        mean = r.accuracy(label).mean(0)
        when = [first_reach(r, mean, share * goal) for share in (0.9, 0.95, 0.99, 1.0)]
        rows.append([name_of(label), f"{mean[-1] / goal:.1%}", *when])
    header = ["strategy", "final / full-data accuracy", "labels for 90 %", "95 %", "99 %", "100 %"]
    note = (f"Full-data accuracy: {plus_minus(full[:, 0])} with {r.about['train']:,} labels,"
            f" {len(full)} seeds. Labels: the first round whose mean accuracy over seeds is there.")
    return "## Data efficiency\n\n" + table(r, "efficiency", header, rows, note)


def first_reach(r, mean, goal):
    """The number of labels with which a mean curve first reaches a goal, and their share."""
    reached = np.flatnonzero(mean >= goal)
    if not len(reached):
        return "not reached"
    n = r.labelled()[reached[0]]
    return f"{n:,} ({n / r.about['train']:.1%})"


# ---- data maps ----------------------------------------------------------------------------------


def data_maps(r):
    """Figs. 1, 2, 5 and 6 from the first seed's maps; the planted kinds where there are any."""
    if not r.maps:
        return ""
    seed, m = next(iter(r.maps.items()))
    fields = datamap.DataMap._fields
    full, few = ({k: m[f"{name}_{k}"] for k in fields} for name in ("full", "seed"))
    titles = [f"all {len(m['y']):,} training texts", f"the seed set, {len(m['rows'])} texts"]
    shown = datamap.draw_maps(r.folder / "fig1_data_maps.png", dict(zip(titles, (full, few))))
    text = f"""## Data maps

![Figs. 1, 2, 5 and 6: data maps](fig1_data_maps.png)

Left all the training data (Figs. 1, 5 and 6), right the seed set (Fig. 2); ten epochs, seed {seed}.
Beside each map the densities of its three statistics, over all of its texts.{shown}"""
    if "kind" not in m:
        return text
    datamap.draw_kinds(r.folder / "fig1_planted_kinds.png", full, m["kind"])
    return text + "\n\n![The planted kinds](fig1_planted_kinds.png)\n\n" + planted(r)


def planted(r):
    """The demo corpus: what each strategy picks, and how well the maps find the mislabelled."""
    kinds = ("easy", "ambiguous", "mislabelled")
    rows = []
    for label in r.labels():
        of_pool, of_picks = [], []
        for seed in [seed for seed in r.finished(label) if seed in r.maps]:
            lines = r.finished(label)[seed]
            kind, in_pool = r.maps[seed]["kind"], np.ones(r.about["train"], bool)
            in_pool[r.maps[seed]["rows"]] = False
            picks = [row for x in lines for row in x["picked"]]
            of_pool.append([np.mean(kind[in_pool] == k) for k in kinds])
            of_picks.append([np.mean(kind[picks] == k) for k in kinds])
        if not of_picks:
            continue
        rows.append([name_of(label), *(plus_minus(np.array(of_picks)[:, i]) for i in range(3))])
        pool = ["the pool itself", *(plus_minus(np.array(of_pool)[:, i]) for i in range(3))]
    if not rows:
        return ""
    few = [roc_auc(-m["seed_confidence"], m["kind"][m["rows"]] == "mislabelled")
           for m in r.maps.values()]
    full = [roc_auc(-m["full_confidence"], m["kind"] == "mislabelled") for m in r.maps.values()]
    note = ("How well low confidence finds the mislabelled, ROC AUC (0.5 is chance): seed-set map"
            f" {plus_minus(few, 2)}, map of all the data {plus_minus(full, 2)}.")
    header = ["share of the picks", *kinds]
    return "### Planted truth\n\n" + table(r, "planted", header, [pool, *rows], note)


def roc_auc(score, positive):
    """P(a positive scores above a negative), ties counting half; score and positive (bool) [N]."""
    values, rank = np.unique(score, return_inverse=True)
    counts = np.bincount(rank, minlength=len(values))
    mean_rank = (np.cumsum(counts) - (counts - 1) / 2)[rank]  # 1 ... N, ties share their mean
    P, n = positive.sum(), (~positive).sum()
    return float((mean_rank[positive].sum() - P * (P + 1) / 2) / (P * n)) if P and n else np.nan


# ---- the paper's claims -------------------------------------------------------------------------

# Two-sided 95 % points of Student's t for 1, 2, ... degrees of freedom.
T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)

RULE = """A comparison is judged on the difference within each seed: it *holds here* if the 95 %
confidence interval of the mean difference (Student's t over seeds) lies above zero, *does not hold
here* if it lies below, and else *cannot be told*. A claim of several comparisons holds if all of
them hold, and does not if one of them does not."""
HOLDS, FAILS, UNSURE = "holds here", "does not hold here", "cannot be told"


def interval(d):
    """The 95 % confidence interval of the mean of d [S], as (mean, half width)."""
    if len(d) < 2:
        return (d.mean() if len(d) else np.nan), np.inf
    t = T_95[min(len(d) - 2, len(T_95) - 1)]
    return d.mean(), t * d.std(ddof=1) / np.sqrt(len(d))


def verdict(differences):
    """One word for {name: differences over seeds}, and the evidence as text."""
    sides = []
    for d in differences.values():
        mean, half = interval(d)
        sides.append(1 if mean - half > 0 else -1 if mean + half < 0 else 0)
    word = FAILS if -1 in sides else HOLDS if all(side == 1 for side in sides) else UNSURE
    evidence = [f"{name} {d.mean():+.3f}" + (f" ± {interval(d)[1]:.3f}" if len(d) > 1 else "")
                for name, d in differences.items() if len(d)]
    return word, ", ".join(evidence)


def mean_accuracy(lines):
    return np.mean([x["accuracy"] for x in lines])


def final_accuracy(lines):
    return lines[-1]["accuracy"]


def batch_mean(name, rounds=slice(None)):
    """A function of a run's lines: the mean of a batch statistic over some of its batches."""
    return lambda lines: np.mean([x["batch"][name] for x in lines[1:][rounds]])


def versus(r, a, others, measure):
    """{other: measure(a) - measure(other) for each seed} of the labels that have runs."""
    return {f"{name_of(a)} − {name_of(b)}": paired(measure, r.finished(a), r.finished(b))
            for b in others if b != a and r.finished(b)} if r.finished(a) else {}


def paired(measure, one, other):
    """measure(lines of one) - measure(lines of other), {seed: lines} each, by seed of both: [S]."""
    return np.array([measure(one[seed]) - measure(other[seed]) for seed in one if seed in other])


def drift(lines):
    """How much more confidence the last third of the batches has than the first third."""
    third = max(1, (len(lines) - 1) // 3)
    late, early = slice(-third, None), slice(0, third)
    return batch_mean("confidence", late)(lines) - batch_mean("confidence", early)(lines)


def claims(r):
    """[(the paper's claim, verdict, evidence)] for the runs that are there."""
    beats = {}
    for a in ("lc", "entropy", "bald", "cal"):
        beats |= versus(r, a, ["random"], mean_accuracy)
    few = slice(0, max(1, r.rounds // 6))
    first = f"first {few.stop} batches have" if few.stop > 1 else "first batch has"
    judged = [
        ("LC, Entropy, BALD and CAL beat Random (mean accuracy)", beats),
        ("CAL beats BALD and DAL (mean accuracy)",
         versus(r, "cal", ["bald", "dal"], mean_accuracy)),
        ("CAL beats every other strategy (mean accuracy)", versus(r, "cal", SIX, mean_accuracy)),
        ("CAL's batches have a higher variability than Random's, LC's and DAL's",
         versus(r, "cal", ["random", "lc", "dal"], batch_mean("variability"))),
        (f"LC's {first} a lower confidence than Random's",
         versus(r, "random", ["lc"], batch_mean("confidence", few))),
        ("DAL drifts to easy rows: its batches' confidence rises more than Random's",
         versus(r, "dal", ["random"], drift)),
        ("t_cor = 0.2 is the best of 0, 0.2, 0.4, 0.6 and 0.8 (final accuracy)",
         versus(r, "cal", [x for x in r.labels() if x.startswith("cal-t")], final_accuracy)),
    ]
    lines = [(text, *verdict(d)) for text, d in judged if d]
    return lines + efficiency_claim(r) + overlap_claim(r)


def efficiency_claim(r):
    """CAL reaches the full-data accuracy with far fewer labels."""
    full = r.accuracy("full")
    if not (r.finished("cal") and len(full)):
        return []
    text = "CAL reaches the accuracy of all the data (its mean curve over seeds does in some round)"
    cal, goal = r.accuracy("cal").mean(0), full.mean()
    reach = first_reach(r, cal, goal)
    if reach[0].isdigit():
        return [(text, HOLDS, f"{goal:.3f} with {reach} labels")]
    return [(text, FAILS, f"it ends at {cal[-1]:.3f}, all the data give {goal:.3f}")]


def overlap_claim(r):
    """Batches hardly overlap: no pair shares more rows than picking at random would."""
    pairs = pairs_of(r)
    if not pairs:
        return []
    ratio = {p: (n := overlaps(r, *p))["run"] / max(n["run_chance"], 1e-9) for p in pairs}
    (a, b), most = max(ratio.items(), key=lambda item: item[1])
    text = "The strategies choose different texts (no pair shares over 1.1 times what chance gives)"
    evidence = f"most: {name_of(a)} and {name_of(b)}, {most:.2f} times chance over the whole run"
    return [(text, HOLDS if most <= 1.1 else FAILS, evidence)]


def claims_table(r):
    """One line a claim, and one column for each set of vectors whose results lie side by side."""
    siblings = [Results(f.parent) for f in sorted(r.folder.resolve().parent.glob(
        f"{r.dataset}-{r.settings['protocol']}-*/config.json"))]
    siblings = [other for other in siblings if other.dataset == r.dataset and claims(other)]
    if not siblings:
        return ""
    by_claim = {}
    for other in siblings:
        for text, word, evidence in claims(other):
            by_claim.setdefault(text, {})[vectors_of(other)] = f"**{word}** ({evidence})"
    names = [vectors_of(other) for other in siblings]
    rows = [[text, *(found.get(name, "not run") for name in names)]
            for text, found in by_claim.items()]
    header = ["the paper's claim", *(f"with `{name}` vectors" for name in names)]
    return "## The paper's claims\n\n" + table(r, "claims", header, rows, RULE)


# ---- the report ---------------------------------------------------------------------------------


def vectors_of(r):
    """The vectors' short name: pool, hash, or a file's name without its endings."""
    return short_name(r.settings["vectors"])


def short_name(source):
    """A file's or a URL's name without the endings of vector files."""
    return re.sub(r"(\.(vec|txt|bin|gz|zip))+$", "", Path(source.partition("?")[0]).name)


def opening(r):
    """What was run, and how far it is."""
    s, labels = r.settings, r.config["strategies"]
    done = sum(len(r.finished(label)) for label in labels)
    planned = len(labels) * len(r.config["seeds"])
    state = "All runs are finished." if done == planned else (
        f"**{done} of {planned} runs are finished**; tables count finished runs alone, and the same"
        " command goes on with the others.")
    a, last, seeds = r.about, r.labelled()[-1], len(r.config["seeds"])
    return f"""# Cartography Active Learning on {r.dataset}

{a['train']:,} texts to train from, {a['test']:,} to test, {a['classes']} classes; `{vectors_of(r)}`
vectors, protocol `{s['protocol']}`. From {s['seed_size']:,} labels in {s['rounds']} rounds of
{s['batch']} to {last:,}; {seeds} seed{'s' if seeds > 1 else ''}. {state}"""


SECTIONS = (opening, curves, main_table, claims_table, data_efficiency, aso_tables, batches,
            data_maps, threshold_table, overlap_table, dataset_table)


def write_report(folder):
    """report.md with its figures and tables, redrawn from the run files alone."""
    r = Results(folder)
    parts = [section(r) for section in SECTIONS]
    write_text(r.folder / "report.md", "\n\n".join(part for part in parts if part) + "\n")


# ---- the ladder from paper to code --------------------------------------------------------------


def write_ladder(folder, folders):
    """ladder.csv, ladder.png and report.md of an ablation; returns the path of report.md.

    folders: {protocol: results directory}, paper and code and each with one switch turned. The
    differences are within seeds, against the protocol that the switch was turned in. InputError
    where none has been run.
    """
    done = {name: Results(path) for name, path in folders.items() if path.exists()}
    if not done:
        Results(folders["paper"])  # raises: no results
    folder.mkdir(parents=True, exist_ok=True)
    rows, changes = [], {}
    for name, r in done.items():
        base = done.get(name.partition("+")[0]) if "+" in name else None
        row = [name, len(r.finished("cal"))]
        for label in ("cal", "random", "full"):
            now, before = r.finished(label), base.finished(label) if base else {}
            scores = [final_accuracy(lines) for lines in now.values()]
            unasked = label not in [*r.config["strategies"], "full"]
            row.append(plus_minus(scores) if scores else "as before" if unasked else "")
            d = paired(final_accuracy, now, before)
            row.append(signed(d))
            if len(d):
                changes.setdefault(label, {})[name] = d
            if label != "full":
                row.append(signed(paired(mean_accuracy, now, before)))
        rows.append(row)
    header = ["protocol", "seeds", "CAL", "change", "mean's change", "Random", "change ",
              "mean's change ", "all data", "change  "]
    note = ("Final test accuracy, ± its standard deviation over seeds. A change is that of the"
            " final accuracy, or of the mean accuracy over all rounds, which is less noisy; it is"
            " taken within each seed, against the protocol whose switch was turned.")
    r = next(iter(done.values()))
    r.folder = folder
    text = "# From paper to code, one switch at a time\n\n" + table(r, "ladder", header, rows, note)
    long = {name: r.accuracy("full-long") for name, r in done.items()}
    long = [f"{plus_minus(scores[:, 0])} under `{name}`" for name, scores in long.items()
            if len(scores)]
    if long:
        text += ("\n\nAll the data, for as many epochs as a run that never resets has seen by its"
                 f" last round: {', '.join(long)}.")
    if changes:
        draw_ladder(folder / "ladder.png", changes)
        text += "\n\n![The ladder](ladder.png)"
    write_text(folder / "report.md", text + "\n")
    return folder / "report.md"


def signed(d):
    """Mean ± sample standard deviation of differences, with its sign; empty without any."""
    return ("+" if d.mean() >= 0 else "") + plus_minus(d) if len(d) else ""


def draw_ladder(path, changes):
    """What each switch does to final accuracy: mean and one sd. changes: {label: {name: [S]}}."""
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
    datamap.save_figure(figure, path)
