"""The accuracy of the binary classifier theta', compared with the share of its larger class.

    python -m studies.binary --dataset trec --vectors pool

Section 4.3 gives the accuracy of theta' during its training: for DAL about 98 % on AG News and 89 %
on TREC; for CAL "around random" at first, later 65 to 75 % and towards 85 %. A classifier that
always predicts the larger class has an accuracy of that class's share. For CAL and DAL, the script
prints both numbers per round: the accuracy on the texts that theta' was trained on and the share of
the larger class, each as a mean over seeds.
"""

import tempfile

import numpy as np
import torch

import cal
import data
from fast import SideBySide
from plumbing.arguments import Parser, at_least, script
from plumbing.files import InputError
from plumbing.runs import Log
from report.markdown import markdown


class Classified(SideBySide):
    """SideBySide that records theta' in self.rounds, {strategy: {i: [(accuracy, share)]}}."""

    def learn(self, runs):
        self.rounds = {"cal": {}, "dal": {}}
        super().learn(runs)

    def pick(self, runs, view):
        picked, name = super().pick(runs, view), runs[0].strategy
        if view.round < self.s.rounds:
            self.rounds[name].setdefault(view.round, []).extend(self.of_binary(name, view))
        return picked

    def of_binary(self, name, view):
        """(accuracy, share of the larger class) of each run's theta'.

        The draws are those of the strategy, so this trains the same theta' again.
        """
        if name == "cal":
            features, label = view.psi_labelled(), view.high_cor()
        else:
            features, label = view.score(lambda psi: psi), (~view.U).long()
        said = view.classifier(features, label).probs(features).argmax(-1)
        share = label.double().mean(1)
        return zip((said == label).double().mean(1).tolist(),
                   torch.maximum(share, 1 - share).tolist())


def main():
    p = Parser(description=__doc__.splitlines()[0])
    p.add_argument("--dataset", default="demo")
    p.add_argument("--vectors", default="pool")
    p.add_argument("--data-dir", default="data")
    p.add_argument("--seeds", nargs="+", type=at_least(0), default=list(cal.SEEDS))
    p.add_argument("--rounds", type=at_least(1), default=30)
    p.add_argument("--strategies", nargs="+", choices=["cal", "dal"], default=["cal", "dal"])
    args = p.parse_args()
    torch.set_num_threads(1)
    d = data.load(args.dataset, args.data_dir, args.vectors)
    if (d.y < 0).any() or d.seed_size + args.rounds * d.picks > len(d.y):
        raise InputError(f"{args.dataset} has texts without a label, or too few texts for"
                         f" {args.rounds} rounds; label every text, or lower --rounds")
    s = cal.Settings(d.seed_size, args.rounds, d.picks, minibatch=d.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        algorithm = Classified(d, s, Log(folder))
        algorithm.learn(cal.runs_of(args.strategies, args.seeds))
    rows = []
    for i in range(args.rounds):
        row = [i, d.seed_size + i * d.picks]
        for name in args.strategies:
            accuracy, share = np.mean(algorithm.rounds[name][i], axis=0)
            row += [f"{accuracy:.3f}", f"{share:.3f}"]
        rows.append(row)
    print(markdown(["round", "labels", *(f"{name.upper()}: {what}" for name in args.strategies
                                         for what in ("accuracy", "larger class"))], rows))


if __name__ == "__main__":
    script(main)
