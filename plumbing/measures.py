"""Accuracy, macro-F1 and recall by class; training dynamics in bytes."""

import numpy as np
from torch.nn.functional import one_hot


def measures(predicted, y, C):
    """Accuracy, f1 and recall of predictions [R, T] of labels y [T]: one dict per run.

    f1 is macro-F1, the mean over the classes that occur in either. recall has one number per class,
    None for a class that y lacks.
    """
    def count(classes):
        return one_hot(classes, C).sum(-2).double()

    right = predicted == y
    hits = (one_hot(predicted, C) * right[..., None]).sum(-2).double()
    there, said = count(y), count(predicted)  # [C], and [R, C] like hits
    f1 = 2 * hits / (there + said)  # NaN for a class in neither
    recall = [[None if r != r else r for r in row] for row in (hits / there).tolist()]
    return [{"accuracy": a, "f1": f, "recall": r} for a, f, r in
            zip(right.double().mean(1).tolist(), f1.nanmean(-1).tolist(), recall)]


def as_bytes(name, probs, y):
    """Training dynamics for the page: NAME_gold (255 p of the label) and NAME_said (classes).

    probs [E, n, C] at the end of each epoch, y [n]; both arrays are [E, n] uint8. Returns {} if
    there are more classes than a byte has values.
    """
    if probs.shape[-1] > 256:
        return {}
    gold = probs.gather(-1, y.expand(probs.shape[:-1])[..., None])[..., 0]
    return {f"{name}_gold": (gold * 255).round().cpu().numpy().astype(np.uint8),
            f"{name}_said": probs.argmax(-1).cpu().numpy().astype(np.uint8)}
