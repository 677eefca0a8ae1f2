"""Checks of the exercises in docs/exercises.md.

    python -m studies.check 3 mine.py

Runs hidden tests on the function of that exercise in your file. The exit code is 0 if they pass and
1 if not; one sentence then says on what input the function went wrong, but not the answer.
"""

import contextlib
import inspect
import runpy
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import torch

import cal
import data
import datamap
import stats
import strategies
from fast import Stack
from plumbing.arguments import Parser, script
from plumbing.draws import Draws
from plumbing.files import InputError, counted
from plumbing.runs import Log


class Wrong(Exception):
    """What is wrong with an answer, in one sentence."""


def need(right, sentence):
    if not right:
        raise Wrong(sentence)


def array(found, shape, what):
    """An answer as a finite NumPy array of float64; Wrong if it is none of that shape."""
    try:
        found = np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError):
        raise Wrong(f"{what} is not an array of numbers but {type(found).__name__}")
    need(found.shape == shape, f"{what} has the shape {found.shape}, expected {shape}")
    need(np.isfinite(found).all(), f"{what} holds NaN or infinity")
    return found


# ---- the data map -------------------------------------------------------------------------------


def dynamics(rng, E, N, C):
    """Made-up training dynamics: p [E, N, C], gold labels [N]."""
    return rng.dirichlet(np.ones(C), (E, N)), rng.integers(0, C, N)


def check_eqs(eqs):
    rng = np.random.default_rng(11)
    for E, N, C in ((3, 3, 2), (1, 5, 4), (30, 40, 6)):
        p, y = dynamics(rng, E, N, C)
        found = eqs(p.copy(), y.copy())
        need(isinstance(found, tuple) and len(found) == 3, "eqs has to return three arrays")
        for name, got, want in zip(datamap.DataMap._fields, found, datamap.data_map(p, y)):
            got = array(got, (N,), f"the {name}")
            need(np.allclose(got, want, atol=1e-9),
                 f"the {name} of {N} texts with {C} classes is wrong over {counted(E, 'epoch')}:"
                 " read its equation again, and what it divides by")
    return "three arrays are right for one, three and thirty epochs"


def check_extreme(extreme):
    for E, k in ((2, 1), (10, 3), (10, 10), (30, 15), (7, 0)):
        p = array(extreme(k / E, E), (E,), f"extreme({k}/{E}, {E})")
        need(p.min() >= 0 and p.max() <= 1, f"extreme({k}/{E}, {E}) has a number outside [0, 1]")
        need(abs(p.mean() - k / E) < 1e-9, f"extreme({k}/{E}, {E}) has another mean than {k}/{E}")
        need(p.var() > k / E * (1 - k / E) - 1e-9,
             f"the numbers of extreme({k}/{E}, {E}) can vary more")
    return "no other numbers with these means vary more"


def check_balanced(balanced):
    rng, texts = np.random.default_rng(13), 60
    for E in (5, 10, 30):
        for case in range(8):  # correct epochs of 60 texts; the last cases are one-sided
            right = rng.binomial(E, rng.beta(1, 1 + case, texts))
            found = balanced(right / E, E)
            step = round(float(found) * E)
            need(np.isclose(found, step / E) and 0 <= step < E,
                 f"{found} is not one of 0, 1/{E}, ..., {E - 1}/{E}")
            far = [abs(2 * int((right > t).sum()) - texts) for t in range(E)]
            need(far[step] == min(far), f"with {E} epochs there is a t_cor that comes nearer"
                 " to one half; mind texts whose correctness equals t_cor")
            need(step == int(np.argmin(far)), f"with {E} epochs a lower t_cor comes equally near")
    return "24 data maps are halved as well as they can be"


def check_suspects(suspects):
    """Three seeds of a short training on 800 texts of the demo, whose wrong labels are known."""
    d, rows, seeds = data.load("demo"), slice(0, 800), [21, 22, 23]
    x, y = (torch.as_tensor(a[rows]).expand(3, *a[rows].shape) for a in (d.x, d.y))
    theta, planted = Stack(d.x.shape[1], len(d.classes), seeds), d.kind[rows] == "mislabelled"
    probs = [theta.probs(x) for _ in theta.fit(x, y, 12, 16, Draws(seeds, "suspects"))]
    k, found = 40, []
    for r in range(3):
        fields = [f[r].numpy() for f in datamap.data_map(torch.stack(probs), y)]
        chosen = array(suspects(*fields, k), (k,), "what suspects returns").astype(int)
        need(len(set(chosen.tolist())) == k and chosen.min() >= 0 and chosen.max() < 800,
             "suspects has to return different row numbers of the map")
        found.append(planted[chosen].mean())
    shares = ", ".join(f"{f:.0%}" for f in found)
    need(min(found) > 5 * planted.mean(), f"of {k} suspects {shares} are mislabelled (three seeds),"
         f" and {planted.mean():.0%} of all texts; another part of the map has far more")
    return f"of {k} suspects {shares} are mislabelled (three seeds); of all, {planted.mean():.0%}"


# ---- strategies ---------------------------------------------------------------------------------


def check_margin(margin):
    seeds, N, C = (31, 32), 60, 5
    x = torch.as_tensor(np.random.default_rng(3).normal(0, 20, (N, 8)), dtype=torch.float32)
    x[[7, 41]] = x[[29, 12]]  # two pairs of equal texts
    L = torch.tensor([[0, 1, 2, 3], [10, 11, 12, 13]])
    view = strategies.View(theta=datamap.Models(8, C, seeds), x=x, L=L, U=torch.ones(
        2, N, dtype=torch.bool).scatter_(1, L, False), map=None, seeds=seeds, round=0, minibatch=16)
    p = view.probs().numpy()
    for k in (1, 10, 100):
        found = margin(view, k)
        have = min(k, N - 4)
        need(torch.is_tensor(found) and found.shape == (2, have),
             f"with k = {k} and {N - 4} texts in the pool, a tensor [2, {have}] is expected")
        for r in range(2):
            rows = [row for row in range(N) if row not in L[r].tolist()]
            gap = {row: -np.subtract(*np.partition(p[r, row], C - 2)[-2:]) for row in rows}
            want = sorted(rows, key=lambda row: (gap[row], row))[:have]
            need(set(found[r].tolist()) <= set(rows), "margin picked a text that has a label")
            said = f"with k = {k} and {C} classes, run {r + 1} of 2 picks"
            need(set(found[r].tolist()) == set(want), f"{said} texts with other gaps")
            need(found[r].tolist() == want, f"{said} the right texts in another order (of equal"
                 " texts the lowest row comes first)")
    return "one, ten and all texts of two runs are picked in the right order"


def check_example(example):
    for reaches in (False, True):
        what = f"example({reaches})"
        p = array(example(reaches), (6,), what)
        need(p.min() > 0 and p.max() < 1, f"{what} has to lie strictly between 0 and 1")
        near, low = (np.argsort(score, kind="stable") for score in (abs(p - 0.5), p))
        need(all(np.diff(np.sort(score)).min() > 1e-9 for score in (abs(p - 0.5), p)),
             f"{what} has ties, so the order of the picks would be by row number")
        if reaches:
            need((1 - p > 0.5).any(), f"in {what} no text has P(low) above 0.5")
            need(not set(near[:2]) & set(low[:2]),
                 f"in {what} CAL's first two picks share a text with the two of highest P(low)")
        else:
            need((1 - p < 0.5).all(), f"in {what} some text has P(low) of 0.5 or more")
            need((near == low).all(), f"in {what} the two orders differ")
    return "one case with the same order, and one whose first picks are different"


def check_kept(kept):
    need(inspect.isclass(kept) and issubclass(kept, cal.ActiveLearning),
         "Kept has to be a subclass of cal.ActiveLearning")
    d, starts, ends = data.load("demo"), {}, {}
    weights = lambda theta: torch.cat([w.detach().flatten()
                                       for w in theta.networks[0].parameters()]).clone()

    class Seen(kept):
        def new_theta(self, i, stack):
            theta = super().new_theta(i, stack)
            starts[stack[0], i] = weights(theta)
            return theta

        def train(self, i, stack, L):
            theta, data_map = super().train(i, stack, L)
            ends[stack[0], i] = weights(theta)
            return theta, data_map

    runs = cal.runs_of(["random", "lc"], (1, 2))
    s = cal.Settings(60, 2, 10, epochs=2)
    with tempfile.TemporaryDirectory() as folder:
        algorithm = Seen(d, s, Log(Path(folder) / "kept"))
        algorithm.learn(runs)
        plain = cal.ActiveLearning(d, s, None)
        for run in runs:
            need(torch.equal(starts[run, 0], weights(plain.new_theta(0, [run]))),
                 "round 0 does not start from the run's own new parameters")
            for i in (1, 2):
                need(torch.equal(starts[run, i], ends[run, i - 1]), f"round {i} of {run.label},"
                     f" seed {run.seed}, does not start from the parameters that round {i - 1}"
                     " ended with")
        full = weights(algorithm.new_theta("full", [cal.Run("full", 1)]))
    need(torch.equal(full, weights(plain.new_theta("full", [cal.Run("full", 1)]))),
         "the training on all the data has to start from new parameters")
    return "every round goes on from the round before, and every run from its own"


# ---- statistics ---------------------------------------------------------------------------------


def check_violation(violation):
    rng = np.random.default_rng(17)
    for case in range(12):
        n = (1, 2, 5, 5)[case % 4]
        a, b = rng.normal(0.1 * case, 1, n), rng.normal(0, 1, n)
        found, again = float(violation(a, b)), float(violation(a[::-1], b))
        need(abs(found - again) < 1e-9, f"violation of two samples of {n} depends on the order in"
             " which the scores are given")
        need(abs(found - stats.violation_ratio(a, b)) < 1e-9,
             f"violation of two samples of {n} is wrong: look again at how a distance counts")
    need(abs(float(violation([0.8, 0.9], [0.9, 0.8])) - 0.5) < 1e-12, "equal samples say nothing"
         " about which is better: the answer has to be 0.5")
    return "twelve pairs of samples and a pair of equal ones are right"


def check_errors(errors):
    """By simulation: the mean of a squared standard error is the variance of what it is of."""
    rng = np.random.default_rng(19)
    for S in (3, 5):
        seed_effect = rng.normal(0, 0.02, (4000, S))
        a, b = (seed_effect + rng.normal(m, 0.01, (4000, S)) for m in (0.8, 0.79))
        found = array([errors(*pair) for pair in zip(a, b)], (4000, 2), "all pairs of errors")
        shared, apart = (found**2).mean(0) * S / 0.01**2
        need(abs(shared / 2 - 1) < 0.08, f"the first error, of seeds that are shared, is not that"
             f" of the mean difference of {S} seeds: its square is off by {shared / 2 - 1:+.0%}")
        need(abs(apart / 10 - 1) < 0.08, f"the second error, of seeds that are not shared, is wrong"
             f" for {S} seeds: its square is off by {apart / 10 - 1:+.0%}")
    return "both errors hold in 8,000 made-up experiments"


def check_power(power):
    rng = np.random.default_rng(23)
    for difference, sd, S, t in ((0.01, 0.01, 5, 2.7764), (0.01, 0.01, 10, 2.2622),
                                 (0.0, 0.02, 5, 2.7764), (-0.03, 0.01, 3, 4.3027)):
        d = rng.normal(difference, sd, (40_000, S))
        want = (abs(d.mean(1)) > t * d.std(1, ddof=1) / np.sqrt(S)).mean()
        found = float(power(difference, sd, S, t))
        need(abs(found - want) < 0.04, f"with a true difference of {difference} (sd {sd}, {S}"
             f" seeds) power gives {found:.0%}, which is too {'high' if found > want else 'low'}:"
             " mind what an experiment knows of sd, both signs, and how many experiments there are")
    return "four kinds of experiment find a difference as often as they should"


CHECKS = {1: ("eqs", check_eqs), 2: ("extreme", check_extreme), 3: ("margin", check_margin),
          4: ("balanced", check_balanced), 5: ("example", check_example), 6: ("Kept", check_kept),
          7: ("violation", check_violation), 8: ("suspects", check_suspects),
          9: ("errors", check_errors), 10: ("power", check_power)}


def checked(number, names):
    """(exit code, sentence) of an exercise, from the names that a file defines."""
    name, check = CHECKS[number]
    if name not in names:
        raise InputError(f"exercise {number} checks {name}, and the file does not define it; copy"
                         " its first line from docs/exercises.md")
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what an answer prints is not the verdict
            return 0, f"exercise {number} is right: {check(names[name])}"
    except Wrong as wrong:
        return 1, f"exercise {number} is not right yet: {wrong}"
    except Exception as e:
        where = traceback.extract_tb(e.__traceback__)[-1]
        return 1, (f"exercise {number} is not right yet: {type(e).__name__}: {e}"
                   f" ({Path(where.filename).name}, line {where.lineno})")


def main():
    p = Parser(prog="studies.check", description=__doc__.splitlines()[0])
    p.add_argument("exercise", type=int, choices=CHECKS, metavar="EXERCISE", help="1 to 10")
    p.add_argument("file", help="your Python file, with the function that the exercise asks for")
    args = p.parse_args()
    torch.set_num_threads(1)
    if not Path(args.file).is_file():
        raise InputError(f"there is no file {args.file}; write your function into it first")
    try:
        names = runpy.run_path(args.file)
    except (Exception, SystemExit) as e:
        raise InputError(f"{args.file} does not run ({type(e).__name__}: {e}); mend that first")
    code, said = checked(args.exercise, names)
    print(said)
    return code


if __name__ == "__main__":
    script(main)
