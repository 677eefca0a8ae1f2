"""Results of labelling: predictions, the finished table, how good the model is, when to stop."""

import numpy as np
import torch

from plumbing.files import armed, read_arrays, write_arrays, write_csv
from plumbing.measures import measures
from tables.answers import key
from tables.records import column, records

STEADY, WINDOW = 0.9635, 3  # stop if the mean kappa of the last three batches is as high


def predict(view):
    """The mean probability over seeds of every text: [N, C]."""
    return view.probs().mean(0).cpu().numpy()


# ---- files --------------------------------------------------------------------------------------


def write_predictions(path, data, predicted):
    """Write predictions.csv: texts without a label, their likeliest class and its probability."""
    rows = np.flatnonzero(data.y < 0).tolist()
    best, share = predicted.argmax(1).tolist(), predicted.max(1).tolist()
    write_csv(path, ["row", "text", "predicted", "probability"], (
        [data.row_numbers[i], data.texts[i], data.classes[best[i]], f"{share[i]:.4f}"]
        for i in rows))


def write_labelled(request):
    """Write labelled.csv: the whole table as it is, and every label that was filled in since."""
    data, path = request.data, request.table
    label_of = {int(n): data.classes[c] for n, c in zip(data.row_numbers, data.y) if c >= 0}
    table = records(path, (request.text_column, request.label_column))
    _, header = next(table)
    at = column(path, header, request.label_column)

    def filled():
        for number, cells in table:
            if cells:
                cells = [armed(cell) for cell in cells]
                cells[at] = label_of.get(number, cells[at])
                yield cells

    write_csv(request.folder / "labelled.csv", header, filled())


# ---- how good, and when to stop -----------------------------------------------------------------


def wilson(right, n, z=1.96):
    """The 95 % interval of the share right / n (Wilson 1927)."""
    p, w = right / n, z**2 / n
    half = z * np.sqrt(p * (1 - p) / n + w / (4 * n))
    return (p + w / 2 - half) / (1 + w), (p + w / 2 + half) / (1 + w)


def kappa(a, b):
    """Cohen's kappa of two lists of classes: agreement beyond chance."""
    C = int(max(a.max(), b.max())) + 1
    same, shares = (a == b).mean(), [np.bincount(v, minlength=C) / len(v) for v in (a, b)]
    chance = (shares[0] * shares[1]).sum()
    return float((same - chance) / (1 - chance)) if chance < 1 else 1.0


def stop_at(agreement):
    """The first round for which the last WINDOW agreements are STEADY on average, or None.

    Stabilising predictions (Bloodgood & Vijay-Shanker 2009), measured in docs/your-csv-measured.md.
    agreement [T]: kappa of a round's predictions and the previous round's; the first is NaN.
    """
    for i in range(WINDOW, len(agreement)):
        if steady(agreement[: i + 1]):
            return i
    return None


def steady(agreement):
    """Whether the last WINDOW agreements reach STEADY on average."""
    return len(agreement) >= WINDOW and np.mean(agreement[-WINDOW:]) >= STEADY


def judge(folder, data, answers, labelled, p, predicted):
    """How good the model is and whether to label more, in plain words.

    p [n, C]: out-of-fold probabilities of the labelled rows; predicted [N, C] of all rows.
    """
    y, said, C = data.y[labelled], p.argmax(1), len(data.classes)
    m, right = measured(said, y, C), said == y
    low, high = wilson(right.sum(), len(y))
    draws = np.random.default_rng(0).integers(0, len(y), (500, len(y)))  # bootstrap
    f1 = np.quantile([measured(said[d], y[d], C)["f1"] for d in draws], [0.025, 0.975])
    lines = [f"\nHow good the model is, by cross-validation on the {len(y):,} labels: accuracy"
             f" {m['accuracy']:.3f} (95 % interval {low:.3f} to {high:.3f}), macro-F1 {m['f1']:.3f}"
             f" ({f1[0]:.3f} to {f1[1]:.3f})."]
    counts = np.bincount(y, minlength=len(data.classes))
    if rare := [i for i in range(len(counts)) if 0 < counts[i] < max(20, 0.05 * len(y))]:
        lines.append("Recall of rare classes: " + ", ".join(
            f"{data.classes[i]} {m['recall'][i]:.0%} of {counts[i]}" for i in rare) + ".")
    lines += random_sample(data, answers, labelled, right)
    return "\n".join([*lines, advice(folder, data, predicted)])


def measured(said, y, C):
    """Accuracy, macro-F1 and recall by class of predictions [n]."""
    return measures(torch.as_tensor(said)[None], torch.as_tensor(y), C)[0]


def random_sample(data, answers, labelled, right):
    """A line or two on the accuracy for those labelled texts that were drawn at random."""
    drawn = np.array([(a := answers.by_text.get(key(data.texts[i]))) is not None
                      and a.how == "random" for i in labelled])
    n = int(drawn.sum())
    warning = ("The texts that a strategy has picked are not a random sample (they are harder than"
               " most), so on all texts the model may be better or worse.")
    if n < 10:
        return [warning + " Label 10 texts or more that were drawn at random (--random-share) to"
                " get an unbiased estimate."]
    low, high = wilson(right[drawn].sum(), n)
    return [warning, f"On the {n:,} texts that were drawn at random the accuracy is"
            f" {right[drawn].mean():.3f} ({low:.3f} to {high:.3f}), an unbiased estimate."]


def advice(folder, data, predicted):
    """Whether to label more: do predictions still change between batches? Keeps these ones."""
    path, now = folder / "stability.npz", predicted.argmax(1)
    before, names = read_arrays(path), np.array(data.classes)
    history, n = list(before.get("agreement", [])), int((data.y >= 0).sum())
    if before and before["labelled"] != n:
        common, i, j = np.intersect1d(before["row"], data.row_numbers, return_indices=True)
        if len(common):
            code = {name: c for c, name in enumerate(data.classes)}
            old = np.array([code.get(name, len(names)) for name in before["classes"]])
            history.append(kappa(old[before["predicted"][i]], now[j]))
    if not before or before["labelled"] != n:
        write_arrays(path, {"row": data.row_numbers, "predicted": now, "classes": names,
                            "labelled": np.array(n), "agreement": np.array(history)})
    if not history:
        return "Go on: the next batch will show how much the predictions still change."
    last = ", ".join(f"{value:.3f}" for value in history[-WINDOW:])
    told = f"kappa of the predictions of one batch and the next, over {WINDOW} batches: {last}"
    if steady(history):
        return f"You can stop: more labels hardly change the predictions ({told})."
    return f"Go on: the predictions still change ({told}; stop at a mean of {STEADY})."
