"""How good the model is, how far to believe it, and whether to label more: in words and numbers."""

import numpy as np

from labelling import honest
from labelling.outcome import sure, unlabelled
from plumbing.files import InputError, counted, escaped, shortened, write_csv, write_text
from tables.copies import groups
from tables.labels import listed
from tables.records import records

STOP = 0.006  # if fifty labels add less than this for sure: stop (docs/your-csv-measured.md)
ENOUGH = 5  # labels that each class needs before "stop" is said
MOST = 20  # classes in summary.md
PROGRESS, SUMMARY, CLASSES = "progress.csv", "summary.md", "classes.csv"
COLUMNS = "labelled", "sample", "accuracy", "low", "high", "gain", "gain_low", "gain_high"


def judge(request, team, labelled, one, answers, steps):
    """Write progress.csv, classes.csv and summary.md; what they say, in a few lines.

    one: whether one class is predicted for every text. steps: what to do next.
    """
    data, folder = request.data, request.folder
    rest = unlabelled(data)
    accuracy = team.accuracy(rest, groups([data.texts[row] for row in rest]))
    more = min(request.batch, len(rest)) or request.batch  # no more than there are
    gain = team.gain(more)
    now = [len(labelled), int(team.sample.sum()), *(accuracy or [None] * 3), *gain]
    history = keep(folder / PROGRESS, now)
    table = write_classes(folder / CLASSES, request, team, rest)
    lines = [of_accuracy(team, accuracy, len(rest)), *of_sure(team, rest, sure(request)),
             *of_agreement(answers), of_kernels(team), *of_classes(table, folder),
             of_gain(team, table, gain, accuracy, more, one, len(rest))]
    write_text(folder / SUMMARY, summary(data, folder, history, lines, table, steps))
    return "\n".join(["", *lines])


def of_accuracy(team, accuracy, rest):
    if not rest:
        return "Every text has a label or is skipped (-)."
    if accuracy is None:
        n = int(team.sample.sum())
        return (f"Nothing can be said of the accuracy yet: {counted(n, 'label')}"
                f" {'is' if n == 1 else 'are'} of texts that no strategy has picked, and"
                f" {honest.FEW} are needed (--random-share).")
    about, low, high = (100 * value for value in accuracy)
    return (f"If you stop now, about {about:.0f} % of the {counted(rest, 'text')} without a label"
            f" get the right class in finished.csv (95 % range {low:.0f} to {high:.0f} %). This"
            f" comes from {team.sample.sum():,} labels of texts that no strategy has picked.")


def of_sure(team, rest, least):
    """A line on the predictions of at least the probability `least`, if there are some.

    How many are wrong is counted on labelled texts that are predicted as surely without their own
    labels. If they are few, nothing is said: of 162 such predictions of 57 classes from 64 labels,
    the probabilities said that 6 were wrong, and 25 were (docs/your-csv-measured.md).
    """
    sure = rest[team.p.max(1)[rest] >= least]
    if not len(sure):
        return []
    own = team.found.probs(team.fitted.left_out[team.judged])
    near = own.max(1) >= least
    told = f"{counted(len(sure), 'prediction')} of at least {least:g}, marked to accept: "
    if near.sum() < honest.FEW:
        return [told + "how many of them are wrong cannot be said yet, because only"
                f" {near.sum():,} of the labelled texts are predicted as surely."]
    wrong, low, high = 100 * np.array(share(own[near].argmax(1) != team.y[team.judged][near]))
    return [told + f"about {wrong:.0f} in 100 ({low:.0f} to {high:.0f}) differ from the label that"
            " a person would give."]


def of_agreement(answers):
    """How often two people give the same label, a line per pair."""
    lines = []
    for (one, other), same in answers.agreement().items():
        mean, low, high = share(np.array(same))
        lines.append(f"{one} and {other} agree on {sum(same):,} of the {counted(len(same), 'text')}"
                     f" that both have labelled ({mean:.0%}, 95 % range {100 * low:.0f} to"
                     f" {100 * high:.0f} %).")
    return lines


def of_kernels(team):
    """Half a sentence on what the model uses."""
    shares = ", ".join(f"{name} {w:.0%}" for name, w in team.fitted.weights.items())
    return f"The model weighs what texts have in common so: {shares}."


def write_classes(path, request, team, rest):
    """classes.csv; its rows as dicts. recall, precision: of labelled texts by models without them,
    with a 95 % range.

    Classes of request.classes that nobody has used have no labels.
    """
    data, said = request.data, team.p.argmax(1)[rest]
    left_out, y = team.fitted.left_out[team.judged], team.y[team.judged]
    own, rows = left_out.argmax(1), []
    for c, name in enumerate(data.classes):
        mine, theirs = y == c, own == c
        recall, precision = share(theirs[mine]), share(mine[theirs])
        rows.append({"class": name, "labels": int((team.y == c).sum()),
                     "random labels": int(((team.y == c) & team.sample).sum()),
                     "recall": recall[0], "recall_low": recall[1], "recall_high": recall[2],
                     "precision": precision[0], "predicted": int((said == c).sum()),
                     "expected": round(float(team.p[rest, c].sum()), 1)})
    unused = {**dict.fromkeys(rows[0]), "labels": 0, "random labels": 0, "predicted": 0}
    rows += [{**unused, "class": name} for name in request.classes if name not in data.classes]
    write_csv(path, list(rows[0]), [
        [f"{v:.3f}" if isinstance(v, float) else "" if v is None else v for v in row.values()]
        for row in rows])
    return rows


def share(right):
    """(share, low, high) of a list of hits; Nones for none."""
    if not len(right):
        return None, None, None
    mean, n = float(right.mean()), len(right)
    return (mean, *honest.interval(mean, np.sqrt(mean * (1 - mean) / n), n))


def of_classes(table, folder):
    """The five classes that are found least, and those with too few labels."""
    lines = []
    known = sorted((row for row in table if row["labels"] >= ENOUGH and row["recall"] is not None),
                   key=lambda row: row["recall"])
    if len(known) > 2:
        worst = ", ".join(f"{shortened(row['class'], 40)} {row['recall']:.0%} of {row['labels']}"
                          for row in known[:5])
        lines.append(f"Classes that are found least: {worst}. All: {folder / CLASSES}")
    if none := [shortened(row["class"], 40) for row in table if not row["labels"]]:
        lines.append(f"{classes_have(len(none))} no label yet: {listed(none, MOST)}.")
    if few := [row for row in table if 0 < row["labels"] < ENOUGH]:
        names = listed([f"{shortened(row['class'], 40)} ({row['labels']})" for row in few], MOST)
        lines.append(f"{classes_have(len(few))} fewer than {ENOUGH} labels: {names}.")
    return lines


def classes_have(n):
    return f"{n} classes have" if n > 1 else "1 class has"


def of_gain(team, table, gain, accuracy, batch, one, rest):
    """What a batch more is expected to add, and whether to stop. table: the rows of classes.csv.

    Never to stop if the model is not better than always saying the largest class.
    """
    about, low, high = (100 * value for value in gain)
    told = (f"{counted(batch, 'more label')} {'is' if batch == 1 else 'are'} expected to add"
            f" {about:.1f} points of accuracy ({low:.1f} to {high:.1f})")
    counts = np.array([row["labels"] for row in table])
    enough = (counts[counts > 0] >= ENOUGH).all() and (counts >= ENOUGH).sum() >= 2
    learned = accuracy is not None and accuracy[0] > counts.max() / counts.sum()
    if not rest:
        return ""
    if team.gain(50)[2] >= STOP:
        return f"Go on: {told}."
    doubt = ("the model predicts one class for every text" if one
             else f"a class has fewer than {ENOUGH} labels" if not enough
             else "the model is not known to be better than the largest class" if not learned
             else "")
    if doubt:
        return f"Go on: {told}, but {doubt}, so this says little."
    if (counts == 0).any():
        return f"You can stop, unless you need the classes that have no label yet: {told}."
    return f"You can stop: {told}."


# ---- over the calls -----------------------------------------------------------------------------


def rows_of(path):
    """The rows of progress.csv, if there is one; an InputError if it cannot be read."""
    try:
        return [row for _, row in records(path, COLUMNS)][1:] if path.exists() else []
    except InputError as e:
        raise InputError(f"{e}; it is not as this command wrote it: remove it, and the estimates of"
                         " earlier calls are gone")


def keep(path, now):
    """progress.csv with one row per number of labels; its rows as dicts of text."""
    told = ["" if v is None else v if isinstance(v, int) else f"{v:.4f}" for v in now]
    rows = [row for row in rows_of(path) if len(row) == len(COLUMNS) and row[0] != str(now[0])]
    rows.append([str(value) for value in told])
    write_csv(path, COLUMNS, rows)
    return [dict(zip(COLUMNS, row)) for row in rows]


def summary(data, folder, history, lines, classes, steps):
    """summary.md: where the table is, the estimates over the batches, classes, what to do next."""
    table = ["| labels | estimated accuracy | 95 % range | expected of the next batch |",
             "| --- | --- | --- | --- |"]
    for row in history:
        span = f"{row['low']} to {row['high']}" if row["low"] else ""
        table.append(f"| {row['labelled']} | {row['accuracy']} | {span} | +{row['gain']} |")
    points = [f"- {escaped(line)}" for line in lines if line]
    steps = [f"{n}. {escaped(step)}" for n, step in enumerate(steps, 1)]
    return "\n".join([f"# {escaped(data.name)}", "", *points, "", "## What to do next", "", *steps,
                      "", "## Over the batches", "", *table, "", "## Classes", "",
                      *class_table(classes), "",
                      f"The files are in {escaped(str(folder))}.", ""])


def class_table(classes):
    """The MOST classes that are found least, as a table."""
    order = sorted(classes, key=lambda row: (row["recall"] is None, row["recall"]))[:MOST]
    lines = ["| class | labels | found | 95 % range | expected in the rest |",
             "| --- | --- | --- | --- | --- |"]
    for row in order:
        found = row["recall"] is not None
        span = f"{row['recall_low']:.2f} to {row['recall_high']:.2f}" if found else ""
        lines.append(f"| {escaped(row['class'])} | {row['labels']} |"
                     f" {format(row['recall'], '.2f') if found else ''} | {span} |"
                     f" {row['expected'] or ''} |")
    if len(classes) > MOST:
        lines += ["", f"{len(classes) - MOST:,} more are in {CLASSES}."]
    return lines
