"""A table with unlabelled rows: which texts to label next, and which labels to doubt.

    python cal.py --dataset my.csv      where some labels are empty, or all

All seeds train side by side on every labelled row, and pick together, by the mean of their scores
and of their data maps. While there is too little to train on, the first texts are typical ones
(clusters.typical). What is written: next_batch.csv, relabel.csv, map.png, predictions.csv and
labelled.csv (outcome.py); everything asked and answered is kept in labels.csv.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import strategies
from baselines import clusters
from data import Data
from labelling import doubts, outcome
from labelling.committee import train
from labelling.held_out import out_of_fold
from page.explore import write_labelling
from plumbing.draws import Draws
from plumbing.files import note, write_csv
from plumbing.folder import locked
from report.figures import draw_maps
from stats import plus_minus
from tables.answers import KEPT, NEXT, keep_answers, key, read_answers
from tables.own_table import warn_of_classes

REGIONS = "easy", "ambiguous", "hard"
FEW = 20  # labels: with fewer the first batch's strategy goes on
ALIKE = 0.95  # the cosine above which two texts of a batch are near-duplicates
DEFAULT = "margin"  # the strategy that docs/strategies.md shows best with `pool` vectors


@dataclass
class Request:
    """What a call asks for: a table, where results go, and how the next batch is picked.

    table: the file itself; its columns; test: a second file, or None. batch: texts to ask for, of
    which random_share is drawn at random. epochs: None for as many as epochs_for says.
    """

    data: Data
    folder: Path
    table: Path
    text_column: str
    label_column: str
    test: str
    strategy: str
    seeds: tuple
    minibatch: int
    t_cor: float = 0.2
    batch: int = 50
    random_share: float = 0.2
    epochs: int = None
    device: str = "cpu"


def is_due(data, folder):
    """Whether a table is being labelled: a label is missing, or answers were given for it."""
    return (data.y < 0).any() or read_answers(folder).given


def run(request):
    """Write the next batch, the doubts and the map of a table, and say what to do."""
    folder, data = request.folder, request.data
    with locked(folder):
        answers = read_answers(folder)
        answers.complete(data)
        keep_answers(folder, answers)
        labelled, free = np.flatnonzero(data.y >= 0), askable(data)
        counts = np.bincount(data.y[labelled])
        if len(labelled) < FEW or (counts > 1).sum() < 2:
            first_batch(request, answers, labelled, free)
        else:
            next_batch(request, answers, labelled, free)


def askable(data):
    """True for the rows that may be asked for: no label, not skipped, a text's first copy: [N]."""
    seen, free = set(), data.y < 0
    if data.kind is not None:
        free &= data.kind != "skipped"
    for i in np.flatnonzero(free):
        k = hash(key(data.texts[i]))  # a million numbers take less than a million texts
        free[i] = k not in seen
        seen.add(k)
    return free


# ---- without a model ----------------------------------------------------------------------------


def first_batch(request, answers, labelled, free):
    """Typical and spread texts, if there are too few labels to train on."""
    data, folder, device = request.data, request.folder, request.device
    x = torch.as_tensor(data.x, device=device).float()
    draws = Draws(request.seeds[:1], "first batch", device=device)
    rows = clusters.typical(x, torch.as_tensor(labelled, device=device),
                            torch.as_tensor(free, device=device), 2 * request.batch, draws)
    rows = spread(data.x, rows, request.batch)
    ask(folder, data, rows, dict.fromkeys(rows, "typical"), {}, {}, {})
    remove(folder, "relabel.csv", "map.png", "predictions.csv")
    outcome.write_labelled(request)
    write_labelling(folder, data, answers, [(row, "typical", "") for row in rows], labelled)
    few = f"{len(labelled):,} texts have a label" if len(labelled) else "No text has a label yet"
    print(f"""{data.name}: {few}, {(data.y < 0).sum():,} have none.

1. Label these {len(rows):,} texts first: {folder / NEXT}
   They are typical of what is there, and spread; no model has chosen them. Write the label into
   the last column, any name for a class, or - to skip a text; or label them in your browser:
   {folder / 'explore.html'}
2. Run the same command again: from {FEW} labels of two classes on, a model chooses.""")


# ---- with a model -------------------------------------------------------------------------------


def next_batch(request, answers, labelled, free):
    """What run does if there is something to train on."""
    data, folder, device = request.data, request.folder, request.device
    y, C = data.y[labelled], len(data.classes)
    warn_of_classes(data, y)
    view, seen, mean = train(request, labelled, free)
    predicted = outcome.predict(view)  # [N, C]
    one = len(np.unique(predicted.argmax(1))) == 1
    region = region_of(mean.correctness)
    if len(set(region)) == 1:
        note(f"warning: all {len(labelled):,} labelled texts are {REGIONS[region[0]]} to"
             " learn: the map tells little yet; label more, some of them drawn at random")
    rows, how = choose(request, view, free)
    ask(folder, data, rows, how, view.scores, predicted,
        regions_of(view, rows, torch.as_tensor(region, device=device)))
    draw_maps(folder / "map.png", {
        f"{len(labelled):,} labelled texts, mean over {len(request.seeds)} seeds": mean})
    p = out_of_fold(data.x[labelled], y, C, request.minibatch, request.epochs, device=device)
    p, found = p.cpu().double().numpy(), None
    if one:
        remove(folder, "relabel.csv")
        note(f"warning: the models predict one class, {data.classes[predicted[0].argmax()]!r}, for"
             " every text: their doubts would mean nothing, and no relabel.csv is written; label"
             " more")
    else:
        found = doubts.find(data.x[labelled], y, C, seen, p)
        doubts.write(folder / "relabel.csv", data, labelled, found, mean)
    doubted = [(labelled[i], c) for i, c in zip(found.places, found.theirs)] if found else []
    write_labelling(folder, data, answers, [
        (row, how[row], data.classes[predicted[row].argmax()]) for row in rows],
        labelled, seen, doubted)
    outcome.write_predictions(folder / "predictions.csv", data, predicted)
    outcome.write_labelled(request)
    advise(data, labelled, region, rows, found, folder)
    print(outcome.judge(folder, data, answers, labelled, p, predicted))
    if len(data.y_test):
        x, y = (torch.as_tensor(a, device=device) for a in (data.x_test, data.y_test))
        right = (view.theta.probs(x[None]).argmax(-1) == y).double().mean(1).tolist()
        print(f"Accuracy on {request.test}: {plus_minus(right)} over {len(right)} seeds.")


def choose(request, view, free):
    """(the rows to ask for, {row: how it was chosen}): a strategy's, and some at random.

    The strategy is asked for twice as many, so that near-duplicates can be left out.
    """
    k, strategy = min(request.batch, int(free.sum())), request.strategy
    share = request.random_share if strategy != "random" else 0
    at_random = np.flatnonzero(free)[torch.rand(
        int(free.sum()), generator=torch.Generator().manual_seed(view.L.shape[1]),
        dtype=torch.float32).argsort().numpy()[: round(share * k)]] if share else np.empty(0, int)
    left = view.without(torch.as_tensor(at_random, device=view.x.device).expand(
        len(view.L), -1))
    more = k - len(at_random)
    asked = strategies.STRATEGIES[strategy](left, 2 * more)[0].tolist() if more else []
    if strategy == "cal+dal":  # its halves, side by side again
        half = -(-len(asked) // 2)
        asked = [row for pair in zip(asked[:half], [*asked[half:], None]) for row in pair
                 if row is not None]
    rows = spread(request.data.x, asked, more)
    how = {**dict.fromkeys(rows, strategy), **dict.fromkeys(at_random.tolist(), "random")}
    return [*rows, *at_random.tolist()], how


def spread(x, rows, k):
    """The first k of `rows` that are no near-duplicates of each other; filled up with the rest."""
    unit, kept = np.asarray(x[rows], np.float64), []
    unit /= np.linalg.norm(unit, axis=1, keepdims=True).clip(1e-12)
    for i in range(len(rows)):
        if len(kept) < k and not (kept and (unit[kept] @ unit[i]).max() > ALIKE):
            kept.append(i)
    kept += [i for i in range(len(rows)) if i not in set(kept)][: k - len(kept)]
    return [rows[i] for i in sorted(kept)]


def region_of(correctness):
    """Regions by correctness [n]: 0 easy (0.8 and more), 1 ambiguous, 2 hard (0.2 and less).

    The paper names the regions and draws no line but t_cor = 0.2 (Section 3); 0.8 mirrors it.
    """
    return np.where(correctness >= 0.8 - 1e-9, 0, np.where(correctness <= 0.2 + 1e-9, 2, 1))


def regions_of(view, rows, region):
    """{row: the region that is predicted for it}, by a classifier like CAL's with three classes."""
    region = region.expand(len(view.L), -1)
    binary = view.classifier(view.psi_labelled(), region, classes=3)
    regions = binary.probs(view.theta.psi(view.x[None, rows])).mean(0).argmax(-1).tolist()
    return {row: REGIONS[r] for row, r in zip(rows, regions)}


# ---- what is written and said -------------------------------------------------------------------


def ask(folder, data, rows, how, scores, predicted, regions):
    """next_batch.csv: the picked rows in order, the last column to be filled in."""
    write_csv(folder / NEXT, ["row", "text", "how", "score", "region", "predicted", "label"], [
        [data.row_numbers[i], data.texts[i], how[i], f"{scores[i]:.6f}" if i in scores else "",
         regions.get(i, ""), data.classes[predicted[i].argmax()] if len(predicted) else "", ""]
        for i in rows])


def remove(folder, *names):
    """What an earlier call wrote, and this one has nothing to say of."""
    for name in names:
        (folder / name).unlink(missing_ok=True)


def advise(data, labelled, region, rows, found, folder):
    """What was found and what to do next, in plain words."""
    counts = np.bincount(region, minlength=3)
    print(f"""{data.name}: {len(region):,} texts have a label, {(data.y < 0).sum():,} have none.
Of the labelled, {counts[0]:,} are easy to learn, {counts[1]:,} ambiguous and {counts[2]:,} hard:
see {folder / 'map.png'}
""")
    steps = []
    if rows:
        steps.append(f"""Label these {len(rows):,} texts next: {folder / NEXT}
   Write the label into its last column (- to skip a text), or into {data.name} itself, at the row
   it names; or label them in your browser: {folder / 'explore.html'}""")
    if found and found.places:
        i, theirs = labelled[found.places[0]], found.theirs[0]
        text = data.texts[i] if len(data.texts[i]) < 60 else data.texts[i][:57] + "..."
        wrong = f"About {found.believed:,} are" if found.believed else "None is"
        steps.append(f"""Look again at labels, the most suspicious first: {folder / 'relabel.csv'}
   {wrong} believed wrong. First is row {data.row_numbers[i]}, {text!r}:
   {data.classes[data.y[i]]} it says, {data.classes[theirs]} say the models. Where they are right,
   correct {data.name}, or the label in {folder / KEPT}.""")
    steps.append("Run the same command again: it goes on from there." if rows else
                 f"No text is left to ask for. The finished table: {folder / 'labelled.csv'}")
    for number, step in enumerate(steps, 1):
        print(f"{number}. {step}")
