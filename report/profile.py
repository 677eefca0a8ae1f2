"""Performance profiles and interquartile means (Agarwal et al. 2021).

    python -m report.profile results/trec-paper-pool results/agnews-paper-pool --out both

takes several results directories together: each is a stratum of the bootstrap. A report has those
of its own directory alone.
"""

import argparse
from pathlib import Path

import numpy as np

from plumbing.arguments import Parser, script
from plumbing.files import InputError, counted, make_folder, write_csv
from report.backend import picture, save_figure
from report.figures import style_of
from report.markdown import table
from report.names import name_of
from report.samples import FEWEST, common_seeds, sample
from stats import Results, mean_accuracy

STEP = 200  # thresholds per unit of accuracy: every 0.005


def iqm(scores):
    """The interquartile mean of scores [..., n]: the mean of what is left without the lowest and
    the highest quarter, each rounded down to whole scores."""
    n = scores.shape[-1]
    cut = n // 4
    return np.sort(scores, axis=-1)[..., cut : n - cut].mean(-1)


def resampled(strata, n_boot=2000):
    """The stratified bootstrap: strata, a list of scores [S_m] -> [n_boot, sum of all S_m].

    Seeds are drawn with replacement within each stratum. The same draws each time.
    """
    rng = np.random.default_rng(0)
    return np.hstack([s[rng.integers(len(s), size=(n_boot, len(s)))] for s in strata])


def profile(scores, thresholds):
    """The share of scores [..., n] above each of the thresholds [K] -> [..., K].

    A score that is a threshold but for its last bits is not above it.
    """
    return (scores[..., None, :] > thresholds[:, None] + 1e-9).mean(-1)


def limits(values):
    """The 95 % percentile interval of bootstrap values [n_boot, ...]."""
    return np.percentile(values, (2.5, 97.5), axis=0)


def samples_of(results):
    """{label: [mean accuracies [S] of each directory]} of the labels that all have finished.

    A directory's seeds are those that all of these labels have finished there.
    """
    labels = [label for label in results[0].labels() if all(label in r.labels() for r in results)]
    seeds = [common_seeds(r, labels) for r in results]
    if not labels or min(map(len, seeds)) < FEWEST:
        return {}
    return {label: [sample(r, label, mean_accuracy, s) for r, s in zip(results, seeds)]
            for label in labels}


def write(folder, samples):
    """Write profile.csv, iqm.csv and profile.png; return the table of interquartile means."""
    every = np.concatenate([s for strata in samples.values() for s in strata])
    thresholds = np.arange(np.floor(every.min() * STEP), np.ceil(every.max() * STEP) + 1) / STEP
    rows, means = [], []
    figure, ax = picture(8.5, 5)
    for label, strata in samples.items():
        found, drawn = np.concatenate(strata), resampled(strata)
        share, span = profile(found, thresholds), limits(profile(drawn, thresholds))
        rows += [[name_of(label), *(f"{value:.4g}" for value in line)]
                 for line in zip(thresholds, share, *span)]
        low, high = limits(iqm(drawn))
        means.append([name_of(label), len(found), *(f"{v:.4f}" for v in (iqm(found), low, high))])
        style = style_of(label, list(samples)) | {"marker": ""}
        ax.plot(thresholds, share, drawstyle="steps-post", **style)
        ax.fill_between(thresholds, *span, step="post", alpha=0.08, color=style["color"])
    ax.set(xlabel="mean accuracy over the rounds", ylabel="share of runs above it")
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
    save_figure(figure, folder / "profile.png")
    write_csv(folder / "profile.csv", ["strategy", "mean accuracy above", "share of runs",
                                       "95 % from", "95 % to"], rows)
    return table(folder, "iqm", ["strategy", "runs", "interquartile mean", "95 % from", "95 % to"],
                 means)


def performance_profile(r):
    """The section of a report: one directory, so one stratum."""
    samples = samples_of([r])
    if len(samples) < 2:
        return ""
    runs = counted(len(next(iter(samples.values()))[0]), "run")
    return (f"## Performance profile\n\n![Performance profile](profile.png)\n\n"
            f"{write(r.folder, samples)}\n\nA curve is the share of a strategy's {runs} whose mean"
            " accuracy is above the value on the x axis (Agarwal et al. 2021; profile.csv). The"
            " interquartile mean leaves out the lowest and the highest quarter of the runs. The"
            " intervals are of a bootstrap that draws seeds. `python -m report.profile FOLDER"
            " FOLDER … --out OUT` takes several datasets as strata.")


def main():
    """The command line; returns the exit code."""
    p = Parser(prog="report.profile", description=__doc__,
               formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folders", nargs="+", metavar="FOLDER", help="results directories")
    p.add_argument("--out", required=True, help="the folder for profile.csv, iqm.csv, profile.png")
    args = p.parse_args()
    if len({Path(folder).resolve() for folder in args.folders}) < len(args.folders):
        raise InputError("a directory is named twice, and its runs would count twice")
    samples = samples_of([Results(folder) for folder in args.folders])
    if not samples:
        raise InputError(f"these directories have no strategy that has finished {FEWEST} seeds, the"
                         " same ones as the others, in each of them")
    make_folder(Path(args.out))
    print(write(Path(args.out), samples))
    return 0


if __name__ == "__main__":
    script(main)
