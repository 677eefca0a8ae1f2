"""Labels made wrong on purpose: what the command finds, and what cleanlab finds.

    pip install --target /tmp/scratch --no-deps cleanlab scikit-learn scipy joblib cloudpickle \\
        threadpoolctl termcolor pandas python-dateutil six
    PYTHONPATH=/tmp/scratch python -m studies.study_doubts --dataset trec --regression

A tenth of some random labels is made wrong (study_honest.mistaken). cleanlab (confident learning,
Northcutt et al. 2021) gets the same leave-one-out probabilities, and those of scikit-learn's
logistic regression on TF-IDF by cross-validation. Means over the draws: the area under the ROC
curve of the order, how many of the first thirty were made wrong, and how many labels are believed
wrong (docs/your-csv-measured.md).
"""

import numpy as np
import torch

from labelling import honest, kernel
from plumbing.arguments import Parser, at_least, script
from stats import roc_auc
from studies.study_honest import mistaken
from studies.study_labelling import load

KINDS = "uniform", "by class", "confusion"
FIRST = 30  # as many as relabel.csv lists


def told(doubt, believed, wrong):
    """The three numbers of one way: AUC, how many of the first 30 are wrong, how many believed."""
    first = np.argsort(-doubt, kind="stable")[:FIRST]
    return [roc_auc(doubt, wrong), wrong[first].sum(), believed]


def cleanlab(p, given, wrong):
    """told, of cleanlab's score and count for probabilities p [n, C] and labels given [n]."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    own, given = np.unique(given, return_inverse=True)  # it wants a label of every class
    p = p[:, own] / p[:, own].sum(1, keepdims=True)
    return told(1 - get_label_quality_scores(given, p),
                find_label_issues(given, p, n_jobs=1).sum(), wrong)


def by_regression(texts, given, C, folds=5):
    """p [n, C] of logistic regression on TF-IDF, each text's by a model without its fold."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    x, p = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(texts), np.full(
        (len(texts), C), 1e-6)
    for k in range(folds):
        out = np.arange(len(texts)) % folds == k
        model = LogisticRegression(max_iter=1000).fit(x[~out], given[~out])
        p[np.ix_(out, model.classes_)] = model.predict_proba(x[out])
    return p


def one_draw(texts, features, y, C, n, kind, draw, regression):
    """[ways, 3]: told of the command, of cleanlab, and of cleanlab by regression."""
    rng = np.random.default_rng([draw, n])
    L = rng.permutation(len(y))[:n]
    given, team = mistaken(features, L, y, C, kind, 0.1, rng)
    wrong = given[L] != y[L]
    believed = honest.wrong_range(team.fitted.left_out, given[L], team.found)[0]
    p = team.found.probs(team.fitted.left_out)
    found = [told(1 - p[np.arange(n), given[L]], believed, wrong), cleanlab(p, given[L], wrong)]
    if regression:
        found.append(cleanlab(by_regression([texts[i] for i in L], given[L], C), given[L], wrong))
    return found


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--dataset", default="trec")
    p.add_argument("--data-dir", default="data")
    p.add_argument("--draws", type=at_least(1), default=6)
    p.add_argument("--labels", nargs="+", type=at_least(20), default=[300])
    p.add_argument("--most", type=at_least(100), default=6_000, help="texts, at most")
    p.add_argument("--regression", action="store_true", help="logistic regression as well")
    args = p.parse_args()
    torch.set_num_threads(1)
    texts, x, y, C = load(args)
    features = kernel.features_of(texts, x)
    print("| labels | made wrong | way | AUC | of the first 30 | believed wrong |\n"
          "| --- | --- | --- | --- | --- | --- |", flush=True)
    ways = "this command", "cleanlab, same probabilities", "cleanlab, logistic regression"
    for n in args.labels:
        for kind in KINDS:
            found = np.mean([one_draw(texts, features, y, C, n, kind, draw, args.regression)
                             for draw in range(1, args.draws + 1)], 0)
            for way, (area, first, believed) in zip(ways, found):
                print(f"| {n:,} | {n // 10} {kind} | {way} | {area:.3f} | {first:.1f} |"
                      f" {believed:.0f} |", flush=True)


if __name__ == "__main__":
    script(main)
