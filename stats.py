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
import os
from pathlib import Path
from statistics import NormalDist

import numpy as np

from data import InputError

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
    a [n], b [m] finite scores; 0 < alpha < 1; n_boot samples drawn with `seed`; ValueError otherwise.
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
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


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
        for label in [*self.config["strategies"], "full"]:
            files = {s: self.folder / "runs" / f"{label}-{s}.jsonl" for s in self.config["seeds"]}
            self.runs[label] = {s: read_run(f)[0] for s, f in files.items() if f.exists()}
        self.maps = {
            s: dict(np.load(path)) for s in self.config["seeds"]
            if (path := self.folder / "runs" / f"maps-{s}.npz").exists()
        }

    def finished(self, label):
        """{seed: lines} of a label's finished runs."""
        last = 0 if label == "full" else self.rounds
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

    def paired(self, function, *labels):
        """function(lines of each label) for every seed that all labels have finished -> [S]."""
        runs = [self.finished(label) for label in labels]
        seeds = [s for s in runs[0] if all(s in other for other in runs)]
        return np.array([function(*(run[s] for run in runs)) for s in seeds])


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


def table(r, name, header, rows, note=""):
    """A table of the report, written as CSV too; returns its Markdown."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    write_text(r.folder / f"{name}.csv", out.getvalue())
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
            *(f"{np.mean([x['seconds'][k] for lines in runs for x in lines]):.2f}"
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


def write_report(folder):
    """report.md and its figures and tables, redrawn from the run files alone."""
    r = Results(folder)
    write_text(r.folder / "report.md", f"# {r.dataset}\n\n" + main_table(r))
