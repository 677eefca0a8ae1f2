"""A table with unlabelled rows: which texts to label next, and which labels to doubt.

    python cal.py --dataset my.csv      if some or all of its labels are empty

A closed-form model (kernel.py) learns from every labelled text; what may be believed of it is in
honest.py. Strategies that need networks ask one per seed, which pick together (committee.py). While
there are too few labels to train on, the texts are typical ones (clusters.typical). The files
written are next_batch.csv, relabel.csv and map.png; predictions.csv, labelled.csv and finished.csv
(outcome.py); classes.csv, progress.csv and summary.md (judge.py). labels.csv keeps every label that
was given.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

import strategies
from baselines import clusters
from data import Data
from forks.returned import picked_by
from labelling import doubts, model, outcome
from labelling.asking import ask, asked, batch_of
from labelling.committee import train
from labelling.judge import PROGRESS, judge, rows_of
from page.explore import write_labelling
from plumbing.clock import told
from plumbing.draws import Draws
from plumbing.files import counted, note, shortened
from plumbing.folder import locked
from report.figures import draw_maps
from tables.answers import DOUBTED, NEXT, keep_answers, key, read_answers, saved_since
from tables.copies import ALIKE
from tables.labels import named
from tables.own_table import read_test
from tables.remarks import refuse_marks

REGIONS = "easy", "ambiguous", "hard"
FEW = 20  # labels; with fewer, typical texts are asked for (first_batch)
DEFAULT = "margin"  # from PER_CLASS labels per class on; with fewer, random picks were worth more
PER_CLASS = 10  # on a table of 58 classes (docs/your-csv-measured.md)


@dataclass
class Request:
    """What a call asks for: a table, the folder for results, and how the next batch is picked.

    table: the file itself. test: a second file, or None. strategy: a name, or None for the default,
    which depends on the number of labels. batch: how many texts to ask for, of which
    the share random_share is drawn at random. epochs: None takes epochs_for's number.
    accept: predictions with at least that probability go into labelled.csv, or None. source:
    whether labelled.csv says where each label comes from. show: columns of the table that stand
    beside a text that is asked for; () for all. classes: the classes that there are, if somebody
    has listed them. annotators: the people among whom a batch is divided. cache: the folder
    in which terms and vectors are kept.
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
    accept: float = None
    source: bool = True
    show: tuple = ()
    classes: tuple = ()
    annotators: tuple = ()
    cache: Path = None


def is_due(data, folder):
    """Whether a table is being labelled: a label is missing in it, or labels were filled in."""
    return lacks_labels(data) or read_answers(folder).given


def lacks_labels(data):
    """Whether a label is missing in the table itself, even if a copy or an answer gave it."""
    return (data.y < 0).any() or data.kind is not None and (data.kind == "filled").any()


def run(request):
    """Write the next batch, the doubted labels and the data map, and print what to do."""
    folder, data = request.folder, request.data
    with locked(folder):
        answers = read_answers(folder)
        rows_of(folder / PROGRESS)  # an InputError before any file is written
        refuse_marks(folder, answers, data, request.classes)
        answers.complete(data)
        keep_answers(folder, answers)
        labelled, free = np.flatnonzero(data.y >= 0), askable(data)
        counts = np.bincount(data.y[labelled])
        if len(labelled) < FEW or (counts > 1).sum() < 2:
            first_batch(request, answers, labelled, free)
        else:
            next_batch(request, answers, labelled, free)


def askable(data):
    """[N], True for rows to ask for: without a label, not skipped, the first copy of a text."""
    seen, free = set(), data.y < 0
    if data.kind is not None:
        free &= data.kind != "skipped"
    for i in np.flatnonzero(free):
        k = hash(key(data.texts[i]))  # numbers take less memory than texts
        free[i] = k not in seen
        seen.add(k)
    return free


# ---- without a model ----------------------------------------------------------------------------


def first_batch(request, answers, labelled, free):
    """Ask for typical, diverse texts if there are too few labels to train on."""
    data, folder, device = request.data, request.folder, request.device
    x = torch.as_tensor(data.x, device=device).float()
    draws = Draws(request.seeds[:1], "first batch", device=device)
    rows = clusters.typical(x, torch.as_tensor(labelled, device=device),
                            torch.as_tensor(free, device=device), 2 * request.batch, draws)
    rows = spread(data.x, rows, request.batch)
    batch = batch_of(request, answers, rows, dict.fromkeys(rows, "typical"))
    answers = ask(request, answers, batch, {})
    remove(folder, DOUBTED, "map.png", "predictions.csv", "finished.csv")
    outcome.write_labelled(request, answers)
    write_labelling(request, answers, batch.number, asked(request, batch), labelled, free=free)
    if not rows:
        print(f"""{status(data, labelled)}
There is no text to ask for: every text has a label or is skipped (-), and a model needs at least
{FEW} labels of two classes. The table with its labels is {folder / 'labelled.csv'}""")
        return
    print(f"""{status(data, labelled)}

1. Label {counted(len(rows), 'text')} first: {folder / NEXT}
   They are typical texts that differ from each other; no model has chosen them. Write each label
   into the last column (any name for a class, or - to skip the text), or label them in your
   browser: {folder / 'explore.html'}
2. Run the same command again. With at least {FEW} labels of two classes, a model chooses.""")


# ---- with a model -------------------------------------------------------------------------------


def next_batch(request, answers, labelled, free):
    """Train, and write every file: what run does if there are enough labels."""
    data, folder = request.data, request.folder
    test = read_test(Path(request.test), request.text_column, request.label_column)[0] if (
        request.test) else []
    with told(f"learning from {counted(len(labelled), 'label')}"):
        team = model.train(data, answers, labelled, [text for _, _, text, _ in test], request.cache)
    if not request.strategy:
        few = len(team.y) < PER_CLASS * len(np.unique(team.y))
        request = replace(request, strategy="random" if few else DEFAULT)
    view, watched = watch(request, team, free)
    one = len(np.unique(team.p.argmax(1))) == 1
    region = region_of(watched.map.correctness)
    if len(set(region)) == 1:
        note(f"warning: every labelled text ({len(region):,}) is {REGIONS[region[0]]} to"
             " learn, so the data map tells little yet; label more, some of them drawn at random")
    rows, how = choose(request, view, free)
    draw_maps(folder / "map.png", {f"{counted(len(region), 'labelled text')}": watched.map})
    batch, answers = batch_of(request, answers, rows, how), saved_since(folder, answers)
    found = None if one else doubts.find(team, data, answers)
    answers = ask(request, answers, batch, team.p)
    if one:
        remove(folder, DOUBTED)
        note(f"warning: the model predicts one class, {named(data.classes[team.p[0].argmax()])},"
             " for every text, so it cannot tell which labels to check; label more texts")
    else:
        doubts.write(folder, data, team, found, watched.map)
    doubted = list(zip(team.rows[found.places], found.theirs, found.why)) if found else []
    write_labelling(request, answers, batch.number, asked(request, batch, team),
                    team.rows[team.judged], watched, doubted, team.p, free)
    outcome.write_predictions(folder / "predictions.csv", data, team.p)
    outcome.write_labelled(request, answers, team.p)
    outcome.write_finished(request, answers, team.p)
    steps = steps_of(data, rows, found, team, folder)
    print_steps(data, labelled, region, steps, folder)
    print(judge(request, team, labelled, one, answers, steps))
    if len(data.y_test):
        right = team.p[len(data.y) :].argmax(1) == data.y_test
        print(f"The accuracy on {request.test} is {right.mean():.3f}.")


def watch(request, team, free):
    """(the view that picks, committee.Watched of the labelled texts that are judged).

    A strategy of model.CLOSED picks by the closed-form model; one network is then enough for the
    data map, in 32 steps per epoch. Any other strategy asks networks, one per seed.
    """
    judged = team.judged
    if request.strategy not in model.CLOSED:
        print(f"The strategy {request.strategy} needs networks: {len(request.seeds)} of them pick.")
        view, watched = train(request, team.rows, free)
        return replace(view, strategy=request.strategy), watched.of(judged)
    few = replace(request, seeds=request.seeds[:1],
                  minibatch=max(request.minibatch, -(-int(judged.sum()) // 32)))
    view, watched = train(few, team.rows[judged], free)
    return model.view_of(team, view), watched


def choose(request, view, free):
    """(the rows to ask for, {row: how it was chosen}): a strategy picks, some are drawn at random.

    The strategy is asked for twice as many, so that near-duplicates can be left out. Of those drawn
    at random none is left out: the accuracy is estimated from them (honest.accuracy).
    """
    k, strategy = min(request.batch, int(free.sum())), request.strategy
    share = request.random_share if strategy != "random" else 1
    at_random = np.flatnonzero(free)[torch.rand(
        int(free.sum()), generator=torch.Generator().manual_seed(view.L.shape[1]),
        dtype=torch.float32).argsort().numpy()[: round(share * k)]] if share else np.empty(0, int)
    left = view.without(torch.as_tensor(at_random, device=view.x.device).expand(
        len(view.L), -1))
    more = k - len(at_random)
    # picked_by puts back what a strategy changes, which it cannot do in an expanded tensor
    left = replace(left, L=left.L.clone(), map=view.map._make(own.clone() for own in view.map))
    asked = picked_by(strategies.STRATEGIES[strategy], left, 2 * more)[0] if more else []
    if strategy == "cal+dal":  # its two halves, interleaved
        half = -(-len(asked) // 2)
        asked = [row for pair in zip(asked[:half], [*asked[half:], None]) for row in pair
                 if row is not None]
    rows = spread(request.data.x, asked, more)
    how = {**dict.fromkeys(rows, strategy), **dict.fromkeys(at_random.tolist(), "random")}
    return [*rows, *at_random.tolist()], how


def spread(x, rows, k):
    """The first k of `rows` that are not near-duplicates; if they are too few, others fill up."""
    unit, kept = np.asarray(x[rows], np.float64), []
    unit /= np.linalg.norm(unit, axis=1, keepdims=True).clip(1e-12)
    for i in range(len(rows)):
        if len(kept) < k and not (kept and (unit[kept] @ unit[i]).max() > ALIKE):
            kept.append(i)
    kept += [i for i in range(len(rows)) if i not in set(kept)][: k - len(kept)]
    return [rows[i] for i in sorted(kept)]


def region_of(correctness):
    """Regions by correctness [n]: 0 easy (0.8 or more), 1 ambiguous, 2 hard (0.2 or less).

    The paper names the regions, but its only threshold is t_cor = 0.2 (Section 3); 0.8 mirrors it.
    """
    return np.where(correctness >= 0.8 - 1e-9, 0, np.where(correctness <= 0.2 + 1e-9, 2, 1))


# ---- what is written and printed ----------------------------------------------------------------

def remove(folder, *names):
    """Remove files that an earlier call wrote and that this call does not write."""
    for name in names:
        (folder / name).unlink(missing_ok=True)


def status(data, labelled):
    """How far the labelling of a table has come, as a sentence."""
    return (f"{data.name} has {counted(len(labelled), 'text')} with a label and"
            f" {(data.y < 0).sum():,} without.")


def steps_of(data, rows, found, team, folder):
    """What to do next, as a list of texts."""
    steps = []
    if rows:
        steps.append(f"""Label {counted(len(rows), 'text')} next: {folder / NEXT}
   Write each label into its last column (- to skip the text), or into {data.name} itself, in the
   row that it names, or label them in your browser: {folder / 'explore.html'}""")
    if found and found.places:
        i, theirs = team.rows[found.places[0]], found.theirs[0]
        label, likelier = (shortened(data.classes[c], 40) for c in (data.y[i], theirs))
        against = (f"the model predicts {likelier}" if "model" in found.why[0] else
                   f"{shortened(found.why[0])} is {likelier}")
        steps.append(f"""Check labels, the most suspicious first: {folder / DOUBTED}
   {doubts.counted_wrong(found)}
   The most suspicious one is in row {data.row_numbers[i]}, {shortened(data.texts[i], 60)!r}.
   The label is {label}; {against}.
   Write the right label into the last column, the same one if it is right.""")
    steps.append("Run the same command again. It uses the labels that you have added." if rows else
                 f"No text is left to label. The finished table is {folder / 'labelled.csv'}")
    return steps


def print_steps(data, labelled, region, steps, folder):
    """Print what was found and what to do next."""
    easy, ambiguous, hard = np.bincount(region, minlength=3)
    print(f"""{status(data, labelled)}
Easy to learn: {easy:,}; ambiguous: {ambiguous:,}; hard: {hard:,}. They are drawn in
{folder / 'map.png'}
""")
    for number, step in enumerate(steps, 1):
        print(f"{number}. {step}")
