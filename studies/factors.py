"""What makes CAL's classifier theta' fail: four factors, crossed (docs/causes.md).

    python -m studies.factors --dataset trec --data-dir /work/data --out factors
    python -m studies.factors --table --out factors      over every dataset that has been run
    python -m studies.factors --dataset trec --cells cal cal+unitlength --seeds 7211 --out confirmed

A strategy here is CAL with some of its choices changed, and its name lists them:
cal+centred+weights+median. docs/predictions.md declares the comparisons. Run files are kept, so
that a run that is killed continues where it was; more seeds are added by the same command.
"""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import cal
import data
import datamap
from baselines.today import unit
from fast import SideBySide, Stack
from plumbing.arguments import Parser, at_least, script
from plumbing.files import InputError
from plumbing.folder import short_name
from plumbing.runs import Log, read_run
from report.differences import answers, shown
from report.markdown import markdown
from stats import mean_accuracy
from strategies import at_random_where_one_class
from studies.explain import spearman

SEEDS = range(7201, 7211)
ROUNDS, BATCH = 10, 50
PSI = ("", "centred", "unitlength", "unitrate")
CHOICES = ("weights", "converged", "median")
CELLS = {"+".join(filter(None, ("cal", psi, *chosen))): (psi, chosen)
         for psi in PSI for n in range(4) for chosen in itertools.combinations(CHOICES, n)}
PAPER = {"epochs": datamap.EPOCHS, "lr": 5e-5}  # Section 4.3
CONVERGED = {"epochs": 60, "lr": 1e-3}
NOTES = ("spearman", "highest P(low)", "words", "loss", "loss before")


# ---- theta' with a factor changed ---------------------------------------------------------------


class Weighted(Stack):
    """A Stack whose loss weights each class by n over twice its number of texts (mean: 1)."""

    def weigh(self, label):
        """label [1, n]: both classes are there."""
        share = torch.stack([(label == c).float().mean() for c in (0, 1)])
        self.weight = torch.zeros(self.widths[-1])
        self.weight[:2] = 1 / (2 * share)

    def error(self, psi, onehot):
        return super().error(psi, onehot).mul_((onehot * self.weight).sum(-1, keepdim=True))


class Still(Stack):
    """A Stack whose step computes the gradient and changes nothing."""

    def adamw(self):
        pass


def changed(kind, everything):
    """The function of Psi [1, n, width] that theta' sees. everything [1, N, width]: all of Psi."""
    if kind == "centred":
        mean = everything.mean(dim=1, keepdim=True)
        return lambda psi: psi - mean
    if kind.startswith("unit"):
        return lambda psi: unit(psi) * psi.shape[-1] ** 0.5
    return lambda psi: psi


def gradient(view, features, label):
    """The norm of the loss's gradient at theta''s initial weights, over features [1, n, width]."""
    still = Still(features.shape[-1], 2, view.seeds, view.round, "binary", **view.binary)
    still.step(features, torch.nn.functional.one_hot(label, still.widths[-1]).float())
    return still.flat.grad.norm().item()


def trained(view, kind, chosen, of, psi):
    """theta' of one run after its training, and its loss on L at the end and a tenth before.

    of: what `changed` gave. psi [1, |L|, width]: Psi(L).
    """
    label, plan = view.high_cor(), CONVERGED if "converged" in chosen else PAPER
    lr = plan["lr"]
    if kind == "unitrate":
        lr *= gradient(view, psi, label) / gradient(view, of(psi), label)
    Binary = Weighted if "weights" in chosen else Stack
    binary = Binary(psi.shape[-1], 2, view.seeds, view.round, "binary", **{**view.binary, "lr": lr})
    if "weights" in chosen:
        binary.weigh(label)
    losses = []
    for epoch, _ in enumerate(binary.fit(of(psi), label, plan["epochs"], view.minibatch,
                                         view.draws("binary")), start=1):
        if epoch in (plan["epochs"] * 9 // 10, plan["epochs"]):
            p = binary.probs(of(psi)).gather(-1, label[..., None])[..., 0]
            weight = binary.weight[label] if "weights" in chosen else 1
            losses.append(-(weight * p.clamp_min(1e-30).log()).mean().item())
    return binary, losses[::-1]


def pick(view, k, kind, chosen, words):
    """CAL's picks for one run with these choices, [1, k], and what was seen: {note: value}."""
    psi, label, U = view.score(lambda psi: psi), view.high_cor(), view.U[0]
    if label.amin() == label.amax():  # nothing to learn
        zero = torch.zeros(view.U.shape)
        rows = view.pick(at_random_where_one_class(view, label, zero), k)
        return rows, {"words": float(words[rows[0]].mean())}
    of = changed(kind, psi)
    binary, losses = trained(view, kind, chosen, of, psi[:, view.L[0]])
    p_high = binary.probs(of(psi))[..., 1]
    border = p_high[0, U].median() if "median" in chosen else 0.5
    rows = view.pick(-(border - p_high).abs(), k)
    p_low, length = 1 - p_high[0, U].numpy(), psi[0, U].norm(dim=-1).numpy()
    seen = (spearman(p_low, -length), float(p_low.max()), float(words[rows[0]].mean()), *losses)
    return rows, dict(zip(NOTES, seen))


class Crossed(SideBySide):
    """SideBySide whose strategies are CELLS; a round's line holds its notes as well."""

    def learn(self, runs):
        self.words = np.array([len(text.split()) for text in self.data.texts])
        super().learn(runs)

    def pick(self, runs, view):
        self.notes = [{} for _ in runs]
        if view.round == self.s.rounds:
            return [[] for _ in runs]
        picked = []
        for r in range(len(runs)):
            one = replace(view, theta=view.theta.take([r]), L=view.L[[r]], U=view.U[[r]],
                          map=datamap.DataMap(*(field[[r]] for field in view.map)),
                          seeds=view.seeds[r : r + 1])
            rows, self.notes[r] = pick(one, self.s.batch, *CELLS[runs[r].strategy], self.words)
            picked += rows.tolist()
        return picked

    def keep(self, i, runs, view, scores, picked, times):
        scores = [score | {"notes": notes} for score, notes in zip(scores, self.notes)]
        super().keep(i, runs, view, scores, picked, times)


# ---- the tables ---------------------------------------------------------------------------------


def effects(of):
    """{name of an effect: [S]}: the mean over cells with a level minus that with the paper's.

    of: {cell: mean accuracies [S]}, for all cells.
    """
    found = {f"Ψ {psi}": mean_of(of, psi=psi) - mean_of(of, psi="") for psi in PSI[1:]}
    return found | {c: mean_of(of, choice=c) - mean_of(of, without=c) for c in CHOICES}


def beside(of):
    """{cell: [S]}: the mean accuracy of each of some cells minus that of the paper's."""
    return {cell: scores - of["cal"] for cell, scores in of.items() if cell != "cal"}


def mean_of(of, psi=None, choice=None, without=None):
    """The mean over the cells with this Psi, with this choice, or without that one: [S]."""
    return np.mean([of[cell] for cell, (kind, chosen) in CELLS.items()
                    if psi in (None, kind) and choice in (None, *chosen)
                    and without not in chosen], axis=0)


def read(folder):
    """{cell: {seed: lines}} of the seeds that every cell has finished (to the longest run)."""
    runs = {cell: {int(path.stem.rsplit("-", 1)[1]): read_run(path)[0] for path in paths}
            for cell in CELLS if (paths := [*(Path(folder) / "runs").glob(f"{cell}-*.jsonl")])}
    most = max((len(lines) for of in runs.values() for lines in of.values()), default=0)
    seeds = sorted(set.intersection(*({s for s, lines in of.items() if len(lines) == most}
                                      for of in runs.values())))
    if not seeds:
        raise InputError(f"no seed has finished all {len(runs)} strategies in {folder}")
    return {cell: {seed: of[seed] for seed in seeds} for cell, of in runs.items()}


def noted(runs, name):
    """The mean of a note over seeds and rounds, or nan where no round has it."""
    values = [line["notes"][name] for lines in runs.values() for line in lines
              if name in line.get("notes", {})]
    return np.mean(values) if values else np.nan


def tables(folder):
    """Print the effects over every dataset of the folder, and each dataset's cells.

    They are the main effects if all cells were run, and differences from the paper's cell if not.
    """
    found = {path.parent.name: read(path.parent) for path in sorted(Path(folder).glob("*/runs"))}
    if not found:
        raise InputError(f"there are no runs in the folders of {folder}; run a --dataset first")
    scores = {name: {cell: np.array([mean_accuracy(lines) for lines in runs.values()])
                     for cell, runs in of.items()} for name, of in found.items()}
    main = {(name, effect): d for name, of in scores.items()
            for effect, d in (effects(of) if len(of) == len(CELLS) else beside(of)).items()}
    print(markdown(["dataset", "effect", "seeds", "mean accuracy, 95 % interval", "p (Holm)",
                    "answer"], [
        [*key, len(d), shown(d, 0.95, "+.4f", ".4f"), f"{p:.2g}", answer]
        for (key, d), (p, answer) in zip(main.items(), answers(list(main.values())))]))
    for name, of in found.items():
        print(f"\n{name}\n")
        print(markdown(["strategy", "mean accuracy", "minus the paper's, 95 % interval", *NOTES], [
            [cell, f"{scores[name][cell].mean():.4f}",
             shown(scores[name][cell] - scores[name]["cal"], 0.95, "+.4f", ".4f"),
             *(f"{noted(runs, note):.3f}" for note in NOTES)] for cell, runs in of.items()]))


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--dataset", help="the dataset to run")
    p.add_argument("--vectors", default="pool")
    p.add_argument("--data-dir", default="data")
    p.add_argument("--seeds", nargs="+", type=at_least(0), default=[*SEEDS])
    p.add_argument("--cells", nargs="+", choices=CELLS, default=[*CELLS], metavar="CELL",
                   help="some of the strategies, cal among them (default: all)")
    p.add_argument("--rounds", type=at_least(1), default=ROUNDS)
    p.add_argument("--table", action="store_true", help="print the tables of all that is in --out")
    p.add_argument("--out", default="factors")
    args = p.parse_args()
    if bool(args.dataset) == args.table:
        p.error("give either --dataset or --table")
    if "cal" not in args.cells:
        p.error("--cells needs cal, beside which the others are shown")
    torch.set_num_threads(1)
    if args.table:
        return tables(args.out)
    d = data.load(args.dataset, args.data_dir, args.vectors)
    s = cal.Settings(d.seed_size, args.rounds, BATCH, minibatch=d.batch_size)
    folder = Path(args.out) / f"{Path(args.dataset).stem}-{short_name(args.vectors)}"
    for seed in args.seeds:  # all strategies of a seed, then the next: a cut leaves whole seeds
        Crossed(d, s, Log(folder)).learn(cal.runs_of(args.cells, [seed]))


if __name__ == "__main__":
    script(main)
