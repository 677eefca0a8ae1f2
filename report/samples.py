"""Samples of one number per seed, and the labels that a strategy needs, with an interval."""

import numpy as np

from stats import final_accuracy, mean_accuracy

FEWEST = 3  # seeds for any test: with two, t has one degree of freedom


def final(name):
    """A function of a run's lines -> a measure in its last round, NaN if the line lacks it."""
    return lambda lines: lines[-1].get(name, np.nan)


MEASURES = {"mean accuracy": mean_accuracy, "final accuracy": final_accuracy,
            "macro-F1": final("f1")}


def common_seeds(r, labels):
    """The seeds that all of these labels have finished, in the order of config.json."""
    finished = [r.finished(label) for label in labels]
    return [seed for seed in r.config["seeds"] if finished and all(seed in f for f in finished)]


def sample(r, label, measure, seeds):
    """measure(lines) of a label's finished run of each seed: float64 [S]."""
    return np.array([measure(r.finished(label)[seed]) for seed in seeds], dtype=float)


def accuracies(r, label, seeds):
    """[S, rounds + 1] test accuracies of a label's finished runs of these seeds."""
    return np.array([[x["accuracy"] for x in r.finished(label)[seed]] for seed in seeds])


def baseline_of(r):
    """The label that others are compared with, or "" if it has no finished run."""
    return r.baseline if r.baseline in r.labels() else ""


def labels_to(r, label, goal, seeds, n_boot=2000):
    """How many labels a strategy needs for another's final accuracy: (labels, low, high).

    They are those of the first round in which the mean accuracy over seeds reaches the mean final
    accuracy of `goal`; inf if none does. low and high are the 95 % interval of a bootstrap that
    draws seeds, of both strategies together; NaN with fewer than three seeds.
    """
    curves = np.hstack([accuracies(r, label, seeds), accuracies(r, goal, seeds)[:, -1:]])
    labels = first_of(r, curves.mean(0)[None])[0]
    if len(seeds) < FEWEST:
        return labels, np.nan, np.nan
    drawn = np.random.default_rng(0).integers(len(seeds), size=(n_boot, len(seeds)))
    found = np.sort(first_of(r, np.stack([curves[rows].mean(0) for rows in drawn])))
    return labels, found[int(0.025 * n_boot)], found[int(np.ceil(0.975 * n_boot)) - 1]


def first_of(r, curves):
    """curves [B, rounds + 2], the last column a goal -> labels where each first reaches it [B]."""
    reached = curves[:, :-1] >= curves[:, -1:] - 1e-12  # means of the same numbers may differ
    return np.where(reached.any(1), r.labelled()[reached.argmax(1)], np.inf)


def count(labels):
    """1250 -> 1,250; inf -> never."""
    return "never" if np.isinf(labels) else f"{labels:,.0f}"


def interval_of(low, high):
    """A cell: an interval of labels; empty if it is NaN."""
    return "" if np.isnan(low) else f"{count(low)} to {count(high)}" if low < high else count(low)
