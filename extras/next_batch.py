"""A table with unlabelled rows: which texts to label next, and which labels to doubt.

    python cal.py --dataset my.csv      where some labels are empty

All seeds train side by side on every labelled row, and pick together, by the mean of their scores
and of their data maps. What is written: next_batch.csv, relabel.csv, map.png; labels that were
filled in by hand are kept in labels.csv.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import torch

import datamap
from extras.answers import NEXT, keep_answers
from extras.own_table import warn_of_classes
from plumbing.files import InputError, note, write_csv
from plumbing.runs import locked, results_folder
from stats import plus_minus
from strategies import STRATEGIES, View

REGIONS = "easy", "ambiguous", "hard"


@dataclass(frozen=True)
class Committee(View):
    """A round in which the runs of all seeds pick together, by the mean of their scores.

    scores: {row: the mean score with which it was picked}, filled by pick.
    """

    scores: dict = field(default_factory=dict)

    def pick(self, score, k):
        """The k best rows by the mean score, the same for every run -> [R, k]."""
        mean = score.mean(dim=0, keepdim=True)
        rows = View.pick(replace(self, pool=self.pool[:1]), mean, k)
        self.scores.update(zip(rows[0].tolist(), mean[0, rows[0]].tolist()))
        return rows.expand(len(score), -1)


def run(args, plan):
    """Write the next batch, the doubts and the map of a table, and say what to do."""
    strategy = the_strategy(args)
    folder, data = results_folder(args), plan.data
    with locked(folder):
        return choose(args, plan, strategy, folder, data)


def choose(args, plan, strategy, folder, data):
    """What run does, in a folder that is ours alone."""
    keep_answers(folder)
    labelled = np.flatnonzero(data.y >= 0)
    warn_of_classes(data, data.y[labelled])
    view, probs, mean = train(args, plan, labelled)
    region = region_of(mean.correctness)
    if len(set(region)) == 1:
        note(f"warning: all {len(labelled):,} labelled texts are {REGIONS[region[0]]} to"
             " learn: the map tells little yet; label more, some of them drawn at random")
    rows = STRATEGIES[strategy](view, args.batch or 50)[0].tolist()
    write_next(folder / NEXT, data, view, rows, torch.as_tensor(region, device=args.device))
    doubted = write_doubts(folder / "relabel.csv", data, labelled, mean, probs)

    from report.figures import draw_maps

    draw_maps(folder / "map.png", {
        f"{len(labelled):,} labelled texts, mean over {len(plan.seeds)} seeds": mean})
    advise(data, region, rows, doubted, folder)
    if len(data.y_test):
        x, y = (torch.as_tensor(a, device=args.device) for a in (data.x_test, data.y_test))
        right = (view.model.probs(x[None]).argmax(-1) == y).double().mean(1).tolist()
        print(f"Accuracy on {args.test}: {plus_minus(right)} over {len(right)} seeds.")
    return 0


def the_strategy(args):
    """The one strategy that picks; an InputError where options make no sense without labels."""
    names = args.strategies or ["cal"]
    if len(names) > 1 or len(args.t_cor) > 1:
        raise InputError("some rows have no label, and one strategy picks the next to get one:"
                         " name one in --strategies, and one --t-cor")
    if args.protocol != "paper":
        raise InputError("some rows have no label: the next batch goes with --protocol paper")
    for option in ("seed_size", "rounds", "everything", "ablate"):
        if getattr(args, option):
            raise InputError(f"some rows have no label: --{option.replace('_', '-')} is for"
                             " experiments, where every row has one, not for the next batch")
    return names[0]


def train(args, plan, labelled):
    """Train all seeds on the labelled rows: the committee's view, probabilities, the mean map.

    probs [E, R, n, C] at the end of each epoch; the map's fields are NumPy arrays [n].
    """
    data, s, R, t = plan.data, plan.s, len(plan.seeds), len(labelled)
    x, y = (torch.as_tensor(a, device=args.device) for a in (data.x, data.y))
    L = torch.as_tensor(labelled, device=args.device).expand(R, -1)
    sizes = (x.shape[1], *datamap.HIDDEN, len(data.classes))
    theta = datamap.Stack(sizes, plan.seeds, t, device=args.device)
    draws, x_L, y_L = datamap.Draws(plan.seeds, t, device=args.device), x[L], y[L]
    probs = torch.stack([theta.probs(x_L) for _ in
                         datamap.fit(theta, x_L, y_L, s.epochs, s.minibatch, draws)])
    mean = datamap.DataMap(*(values.mean(0) for values in datamap.data_map(probs, y_L)))
    shared = datamap.DataMap(*(values.expand(R, -1) for values in mean))
    view = Committee(theta, x, L, (y < 0).expand(R, -1), shared, tuple(plan.seeds), t,
                     s.minibatch, args.t_cor[0], epochs=s.epochs)
    return view, probs, datamap.DataMap(*(values.cpu().numpy() for values in mean))


def region_of(correctness):
    """Regions by correctness [n]: 0 easy (0.8 and more), 1 ambiguous, 2 hard (0.2 and less).

    The paper names the regions and draws no line but t_cor = 0.2 (Section 3); 0.8 mirrors it.
    """
    return np.where(correctness >= 0.8 - 1e-9, 0, np.where(correctness <= 0.2 + 1e-9, 2, 1))


def write_next(path, data, view, rows, region):
    """next_batch.csv: the picked rows in the strategy's order, the last column to be filled in.

    The predicted region is that of a classifier like CAL's, trained on Psi(L) with three classes.
    """
    region = region.expand(len(view.rows), -1)
    head = view.classifier(view.psi_labelled(), region, classes=3)
    x = view.x[None, rows]
    regions = head.probs(view.model.psi(x)).mean(0).argmax(-1).tolist()
    predicted = view.model.probs(x).mean(0).argmax(-1).tolist()
    write_csv(path, ["row", "text", "score", "region", "predicted", "label"], [
        [data.row_numbers[i], data.texts[i], f"{view.scores[i]:.6f}", REGIONS[r],
         data.classes[c], ""] for i, r, c in zip(rows, regions, predicted)])


def write_doubts(path, data, labelled, mean, probs):
    """relabel.csv: labels that the models of all seeds find unlikely from first epoch to last.

    A label is doubted where confidence and variability are both below their mean over the
    labelled rows, and the models would give another (the largest mean probability over epochs
    and seeds). Most suspicious first: the smallest confidence + variability.
    """
    given, theirs = data.y[labelled], probs.mean((0, 1)).argmax(-1).cpu().numpy()
    low = (mean.confidence < mean.confidence.mean()) & (mean.variability < mean.variability.mean())
    order = np.argsort(mean.confidence + mean.variability, kind="stable")
    order = [i for i in order if low[i] and theirs[i] != given[i]]
    doubts = [[data.row_numbers[labelled[i]], data.texts[labelled[i]], data.classes[given[i]],
               data.classes[theirs[i]], *(f"{field[i]:.4f}" for field in mean)] for i in order]
    write_csv(path, ["row", "text", "label", "model", *mean._fields], doubts)
    return doubts


def advise(data, region, rows, doubted, folder):
    """What was found and what to do next, in plain words."""
    counts = np.bincount(region, minlength=3)
    print(f"""{data.name}: {len(region):,} texts have a label, {(data.y < 0).sum():,} have none.
Of the labelled, {counts[0]:,} are easy to learn, {counts[1]:,} ambiguous and {counts[2]:,} hard:
see {folder / 'map.png'}

1. Label these {len(rows):,} texts next: {folder / NEXT}
   Write the label into its last column, or into {data.name} itself, at the row it names.""")
    if doubted:
        row, text, label, model, *_ = doubted[0]
        text = text if len(text) < 60 else text[:57] + "..."
        print(f"""2. Look again at these {len(doubted):,} labels: {folder / 'relabel.csv'}
   The most suspicious is row {row}, {text!r}:
   {label} it says, {model} say the models. Where they are right, correct {data.name}.
3. Run the same command again: it goes on from there.""")
    else:
        print("2. Run the same command again: it goes on from there.")
