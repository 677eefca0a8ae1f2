"""Why CAL picks what it picks: the pictures and numbers of docs/why-cal-loses.md.

    python -m studies.explain --dataset trec --vectors pool --out why

The script runs CAL, CAL on unit Psi, LC and Random for ten rounds. It records the output of the
classifier theta' for every text of U, and statistics of the batches. It writes the picture
why/<dataset>-<vectors>.png and a .csv of the same name.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch

import cal
import data
import datamap
from baselines import today
from fast import SideBySide
from plumbing.arguments import Parser, at_least, script
from plumbing.files import InputError, write_csv
from plumbing.folder import short_name
from plumbing.runs import Log
from report.figures import draw_explanation

SHOWN = ("cal", "cal+unit", "lc", "random")


class Watched(SideBySide):
    """SideBySide that records what a strategy saw and picked in self.notes, a list of dicts."""

    def learn(self, runs):
        self.notes, self.words = [], np.array([len(text.split()) for text in self.data.texts])
        super().learn(runs)

    def pick(self, runs, view):
        picked, strategy, i = super().pick(runs, view), runs[0].strategy, view.round
        psi, said = view.score(lambda psi: psi), view.probs().argmax(-1).numpy()
        p_low = self.low(strategy, view)
        for r, rows in enumerate(picked if i < self.s.rounds else ()):
            unit = today.unit(psi[r, rows])
            pairs = (unit @ unit.T).numpy()[np.triu_indices(len(rows), 1)]
            counts = np.bincount(said[r, rows])
            pool = view.U[r].numpy()
            self.notes.append({
                "strategy": strategy, "seed": view.seeds[r], "round": i, "rows": rows,
                "words": self.words[rows].mean(), "pool's words": self.words[pool].mean(),
                "largest class": counts.max() / len(rows), "cosine": pairs.mean(),
                "low-cor in L": float((1 - view.high_cor()[r].double()).mean()),
                **self.of_classifier(p_low, psi, r, rows, pool)})
        return picked

    def low(self, strategy, view):
        """P(low-cor) of every text [R, N] by the strategy's own theta'; None without a theta'.

        The draws are those of the strategy, so this trains the same theta' again.
        """
        if not strategy.startswith("cal"):
            return None
        if strategy == "cal+unit":
            view = today.on_unit_psi(view)
        binary = view.classifier(view.psi_labelled(), view.high_cor())
        return view.score(lambda psi: binary.probs(psi)[..., 0])

    def of_classifier(self, p_low, psi, r, rows, pool):
        if p_low is None:
            return {}
        p, length = p_low[r].numpy(), psi[r].norm(dim=-1).numpy()
        best = set(np.argsort(-np.where(pool, p, -1), kind="stable")[: len(rows)].tolist())
        return {"spearman": spearman(p[pool], -length[pool]), "highest P(low)": p[pool].max(),
                "picks of highest P(low)": len(best & set(rows)) / len(rows),
                "p": p[pool], "length": length[pool], "picked": np.isin(np.flatnonzero(pool), rows)}


def spearman(a, b):
    """The correlation of the ranks of a [n] and b [n] (ties in the order of the rows)."""
    return float(np.corrcoef(*(np.argsort(np.argsort(v)) for v in (a, b)))[0, 1])


def full_map(algorithm, seed):
    """The data map of all training texts over ten epochs, as in Fig. 1."""
    runs, rows = [cal.Run("full", seed)], torch.arange(len(algorithm.y))[None]
    _, probs = cal.watched_training(algorithm, runs, "full", rows, cal.MAP_EPOCHS)
    return datamap.DataMap(*(f.numpy() for f in datamap.data_map(probs[:, 0], algorithm.y)))


NUMBERS = ("words", "pool's words", "largest class", "cosine", "low-cor in L", "spearman",
           "highest P(low)", "picks of highest P(low)")


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--dataset", default="demo")
    p.add_argument("--vectors", default="pool")
    p.add_argument("--data-dir", default="data")
    p.add_argument("--seeds", nargs="+", type=at_least(0), default=[1, 2])
    p.add_argument("--rounds", type=at_least(1), default=10)
    p.add_argument("--out", default="why")
    args = p.parse_args()
    torch.set_num_threads(1)
    d = data.load(args.dataset, args.data_dir, args.vectors)
    if (d.y < 0).any():
        raise InputError(f"{args.dataset} has texts without a label, and this study needs"
                         " every label; label them, or choose another --dataset")
    if d.seed_size + args.rounds * d.picks > len(d.y):
        raise InputError(f"{args.dataset} has {len(d.y)} texts, too few for {args.rounds} rounds;"
                         " lower --rounds")
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        s = cal.Settings(d.seed_size, args.rounds, d.picks, minibatch=d.batch_size)
        algorithm = Watched(d, s, Log(folder))
        algorithm.learn(cal.runs_of(SHOWN, args.seeds))
    name = f"{Path(args.dataset).name}-{short_name(args.vectors)}"
    order = sorted(algorithm.notes, key=lambda n: (SHOWN.index(n["strategy"]), n["seed"],
                                                   n["round"]))
    write_csv(out / f"{name}.csv", ["strategy", "seed", "round", *NUMBERS], [
        [n["strategy"], n["seed"], n["round"],
         *(f"{n[k]:.4f}" if k in n else "" for k in NUMBERS)] for n in order])
    draw_explanation(out / f"{name}.png", name, order, full_map(algorithm, args.seeds[0]), SHOWN)
    for strategy in SHOWN:
        mine = [n for n in order if n["strategy"] == strategy]
        print(strategy.ljust(9), *(f"{k} {np.mean([n[k] for n in mine]):.3f}" for k in NUMBERS
                                   if k in mine[0]), sep="  ")


if __name__ == "__main__":
    script(main)
