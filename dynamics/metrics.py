"""What allenai/cartography calls the metrics of training dynamics, and td_metrics.jsonl."""

import json

import numpy as np

from datamap import DataMap
from plumbing.files import whole_file

NEVER = 1000  # the original's forgetfulness of a text that was never predicted right


def map_of(d):
    """datamap.data_map of Dynamics, fields [N]; it needs no [E, N, C] in memory."""
    # Eq. (1): mu_i = 1/E sum_e p_theta(e)(y*_i | x_i)
    mu = d.p_gold.mean(0)
    # Eq. (2): sigma_i = sqrt(sum_e (p_theta(e)(y*_i | x_i) - mu_i)^2 / E)
    sigma = np.sqrt(((d.p_gold - mu) ** 2).mean(0))
    # Eq. (3): phi_i = 1/E sum_e 1(yhat_i = y*_i)
    phi = (d.said == d.gold).sum(0) / len(d.said)
    return DataMap(mu, sigma, phi)


def forgetfulness(right):
    """How often a text was right in an epoch and wrong in the next (Toneva et al. 2019): [N].

    right [E, N]. It is 1000 for a text that was never right, as in the original.
    """
    forgotten = (right[:-1] & ~right[1:]).sum(0)
    return np.where(right.any(0), forgotten, NEVER)


def metrics(d):
    """{name: [N]} as in the original's td_metrics.jsonl, and correctness_share.

    `correctness` counts the epochs in which the text was right, as in the original's code;
    `correctness_share` is that count divided by E, Eq. (3) of the paper. threshold_closeness is
    mu (1 - mu) (Chang et al. 2017).
    """
    m, right = map_of(d), d.said == d.gold
    return {"threshold_closeness": m.confidence * (1 - m.confidence), "confidence": m.confidence,
            "variability": m.variability, "correctness": right.sum(0),
            "forgetfulness": forgetfulness(right), "correctness_share": m.correctness}


def write_metrics(path, d):
    """Write td_metrics.jsonl, a line per text in the order of the first epoch, whole or not."""
    found = metrics(d)
    columns = [values.round(10).tolist() for values in found.values()]
    with whole_file(path) as part, open(part, "w", encoding="utf-8") as f:
        for i, (guid, *values) in enumerate(zip(d.guids, *columns)):
            f.write(json.dumps({"guid": guid, "index": i, **dict(zip(found, values))}) + "\n")
