"""Accuracy, macro-F1 and recall by class; training dynamics as bytes."""

import numpy as np
from torch.nn.functional import one_hot


def measures(predicted, y, C):
    """How well predictions [R, T] fit labels y [T]: for each run accuracy, f1 and recall.

    f1 is macro-F1, the mean over the classes that occur in either; recall has one number a class,
    None where y has none of it.
    """
    def count(classes):
        return one_hot(classes, C).sum(-2).double()

    right = predicted == y
    hits = (one_hot(predicted, C) * right[..., None]).sum(-2).double()
    there, said = count(y), count(predicted)  # [C], and [R, C] like hits
    f1 = 2 * hits / (there + said)  # NaN where a class is in neither
    recall = [[None if r != r else r for r in row] for row in (hits / there).tolist()]
    return [{"accuracy": a, "f1": f, "recall": r} for a, f, r in
            zip(right.double().mean(1).tolist(), f1.nanmean(-1).tolist(), recall)]


def as_bytes(name, probs, y):
    """Training dynamics to look at: arrays NAME_gold (p of the label, of 255) and NAME_said.

    probs [E, n, C] at the end of each epoch, y [n]; both arrays are [E, n] uint8. Nothing where
    there are more classes than a byte can tell.
    """
    if probs.shape[-1] > 256:
        return {}
    gold = probs.gather(-1, y.expand(probs.shape[:-1])[..., None])[..., 0]
    return {f"{name}_gold": (gold * 255).round().cpu().numpy().astype(np.uint8),
            f"{name}_said": probs.argmax(-1).cpu().numpy().astype(np.uint8)}
