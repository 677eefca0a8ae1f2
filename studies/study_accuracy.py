"""The team's model beside TF-IDF and a linear model of scikit-learn, by number of random labels.

    python -m studies.study_accuracy --dataset trec --data-dir data --seeds 1 2 3

scikit-learn is no dependency of this project: run it in an environment that has it (pip install
scikit-learn); without it, the table has this project's model alone. Accuracy on the texts without
a label, mean over seeds; with the CPU seconds of a fit and its predictions.
"""

import time

import numpy as np
import torch

from labelling import guesses, kernel
from plumbing.arguments import Parser, at_least, script
from studies.study_labelling import load

try:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
except ImportError:
    TfidfVectorizer = None


def ours(features, L, y, C):
    guessed = guesses.sample(len(y), L, len(L))
    return kernel.fit(features, L, np.eye(C)[y[L]], guessed).scores.argmax(1)


def linear(make):
    """The predictions of a linear model of scikit-learn on TF-IDF [N, F]."""
    return lambda tfidf, L, y, C: make().fit(tfidf[L], y[L]).predict(tfidf)


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--dataset", default="trec")
    p.add_argument("--data-dir", default="data")
    p.add_argument("--seeds", nargs="+", type=at_least(0), default=[1, 2, 3])
    p.add_argument("--labels", nargs="+", type=at_least(20), default=[100, 300, 1000, 2000])
    p.add_argument("--most", type=at_least(100), default=6_000, help="texts, at most")
    args = p.parse_args()
    torch.set_num_threads(1)
    texts, x, y, C = load(args)
    models = {"closed form": (ours, kernel.features_of(texts, x))}
    if TfidfVectorizer:
        tfidf = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(texts)
        models["TF-IDF, RidgeClassifierCV"] = linear(RidgeClassifierCV), tfidf
        models["TF-IDF, LogisticRegression"] = linear(
            lambda: LogisticRegression(max_iter=1000)), tfidf
    print("| model | " + " | ".join(f"{n:,}" for n in args.labels) + " |\n| --- "
          + "| --- " * len(args.labels) + "|")
    for name, (predict, features) in models.items():
        cells = []
        for n in args.labels:
            found, start = [], time.process_time()
            for seed in args.seeds:
                order = np.random.default_rng(seed).permutation(len(y))
                said = predict(features, order[:n], y, C)
                found.append((said[order[n:]] == y[order[n:]]).mean())
            seconds = (time.process_time() - start) / len(args.seeds)
            cells.append(f"{np.mean(found):.3f} ({seconds:.1f} s)")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    script(main)
