"""Finished run files to numbers  (Section 5; Tables 2 and 4). Trains nothing, reads no data.

In this file, from the top:
  violation_ratio, aso, aso_table   Almost Stochastic Order, exact (Dror et al. 2019; Table 2)
  overlap, chance_overlap           how many rows two strategies both pick (Table 4)
  mean_accuracy, final_accuracy     a run in one number
  Results                           a results directory, read from its run files

report/ turns these numbers into report.md, with its tables, claims and figures. The tests of
differences within seeds are there too.
Symbols: F^-1, G^-1 the empirical quantile functions of samples A and B (n and m scores);
eps the violation ratio, eps_min its upper confidence bound.
"""

from pathlib import Path
from statistics import NormalDist

import numpy as np

from plumbing.config import read_config
from plumbing.files import InputError, refuse_odd
from plumbing.folder import read_texts
from plumbing.maps import read_maps
from plumbing.runs import ALL_DATA, columns, read_run

# ---- Almost Stochastic Order --------------------------------------------------------------------


def violation_ratio(a, b):
    """The share of the squared distance between two score samples that contradicts "A over B".

    eps = int_{t: F^-1(t) < G^-1(t)} (F^-1(t) - G^-1(t))^2 dt / int_0^1 (F^-1(t) - G^-1(t))^2 dt,
    F^-1 and G^-1 the quantile functions of A and B (Dror et al. 2019, Eq. 5). 0 means that every
    quantile of A is at least B's, 1 the reverse, and 0.5 is inconclusive (also for equal samples).
    It is exact, because the quantile functions are steps that change only at k/n and k/m.
    a [n], b [m] finite scores, higher is better; ValueError otherwise.
    """
    a, b = _scores(a), _scores(b)
    return float(_ratios(np.sort(a)[None], np.sort(b)[None])[0])


def aso(a, b, alpha=0.05, n_boot=1000, seed=0):
    """eps_min of "A is almost stochastically dominant over B" at confidence 1 - alpha.

    eps_min = eps - sigma sqrt((n + m) / (n m)) Phi^-1(alpha)  (Dror et al. 2019, Eq. 6), with
    sigma^2 the bootstrap variance of sqrt(n m / (n + m)) eps. It is cut to [0, 1]. 0 means
    that A dominates B; below 0.5, A is better than B at this confidence (the lower, the clearer);
    0.5 and above is inconclusive. Whether B is better is another question: see aso(b, a).
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

    S samples make k = S (S - 1) / 2 pairs, each tested at alpha / k (Bonferroni 1936), as in the
    paper. Both directions of a pair are tested, so of all 2k cells of the table at least one is
    below 0.5 by chance with a probability of up to 2 alpha.
    """
    pairs = max(1, len(scores) * (len(scores) - 1) // 2)
    return {a: {b: aso(scores[a], scores[b], alpha / pairs, n_boot, seed) for b in scores if b != a}
            for a in scores}


def _scores(sample):
    """A sample as float64 [n], or a ValueError that says what is wrong."""
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
    """How many rows are in both of two lists of picked rows."""
    return len(set(a) & set(b))


def chance_overlap(pool, picks_a, picks_b):
    """Expected overlap of two random sets of picks from one pool: |A| |B| / |U|."""
    return picks_a * picks_b / pool


def overlaps(r, a, b):
    """Overlap of two labels' picks over the seeds that both have finished, and chance overlap."""
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


def roc_auc(score, positive):
    """P(a positive scores above a negative), ties counting half; score and positive (bool) [N]."""
    values, rank = np.unique(score, return_inverse=True)
    counts = np.bincount(rank, minlength=len(values))
    mean_rank = (np.cumsum(counts) - (counts - 1) / 2)[rank]  # 1 ... N; ties share their mean
    P, n = positive.sum(), (~positive).sum()
    return float((mean_rank[positive].sum() - P * (P + 1) / 2) / (P * n)) if P and n else np.nan


# ---- numbers of a run ---------------------------------------------------------------------------


def mean_accuracy(lines):
    """The mean over a run's rounds: the area under its curve."""
    return np.mean([x["accuracy"] for x in lines])


def final_accuracy(lines):
    return lines[-1]["accuracy"]


def plus_minus(values, digits=3):
    """mean ± sample standard deviation over seeds; the mean alone for one seed."""
    values = np.asarray(values, dtype=float)
    spread = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{spread}"


# ---- a results directory ------------------------------------------------------------------------


class Results:
    """A results directory as numbers: config.json, the run files, the data maps.

    runs: {label: {seed: lines}} of every run file without more rounds than config.json has. Only
    finished runs count in tables; the arrays below have one row per seed, the seeds of
    `seeds(label)` in order. baseline: the label that a report compares others with; margin: within
    what accuracies may be called the same.
    """

    baseline, margin = "random", 0.01

    def __init__(self, folder):
        self.folder, path = Path(folder), Path(folder) / "config.json"
        if not path.exists():
            refuse_odd(self.folder)  # a link to nothing is named
            raise InputError(f"no results in {folder}; name a results directory, which `python"
                             " cal.py` without --report-only makes")
        self.config = read_config(path)
        self.settings, self.about = self.config["settings"], self.config["about"]
        self.rounds, self.dataset = self.settings["rounds"], self.settings["dataset"]
        self.runs, self.maps, N = {}, {}, self.about["train"]
        for label in [*self.config["strategies"], *ALL_DATA]:
            files = {s: self.folder / "runs" / f"{label}-{s}.jsonl" for s in self.config["seeds"]}
            runs = {s: read_run(f, N)[0] for s, f in files.items() if f.exists()}
            self.runs[label] = {s: lines for s, lines in runs.items()
                                if len(lines) <= self.rounds + 1}
        for seed in self.config["seeds"]:
            if m := read_maps(self.folder / "runs" / f"maps-{seed}.npz", N):
                self.maps[seed] = m

    def texts(self):
        """The training texts, their labels and row numbers (folder.read_texts), or {}."""
        return read_texts(self.folder, self.about["train"], len(self.config["classes"]))

    def finished(self, label):
        """{seed: lines} of a label's finished runs."""
        last = 0 if label in ALL_DATA else self.rounds
        return {s: lines for s, lines in self.runs.get(label, {}).items() if len(lines) == last + 1}

    def labels(self):
        """The labels that have a finished run, without the full-data baseline."""
        return [label for label in self.config["strategies"] if self.finished(label)]

    def accuracy(self, label):
        """[S, rounds + 1] test accuracies of the finished runs."""
        return np.array([[r["accuracy"] for r in lines] for lines in self.finished(label).values()])

    def curves(self):
        """{label: {measure: [S, rounds + 1]}} of the finished runs, as plumbing.runs.columns."""
        return {label: columns(self.finished(label).values()) for label in self.labels()}

    def batch(self, label, name):
        """[S, rounds] mean confidence, variability or correctness of each picked batch."""
        return np.array([[r["batch"][name] for r in lines[1:]]
                         for lines in self.finished(label).values()])

    def labelled(self):
        """[rounds + 1] how many labels there are in each round."""
        s = self.settings
        return s["seed_size"] + s["batch"] * np.arange(self.rounds + 1)
