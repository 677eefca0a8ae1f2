"""Training dynamics to files, as allenai/cartography writes and reads them.

`save_epoch` is for any model. `saving` is `python cal.py --save-dynamics`: the training on all the
data, over the epochs of its data map.
"""

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np

import cal
from plumbing.files import make_folder, whole_file, write_csv

LONGEST = 1 << 20  # bytes of a line


def save_epoch(folder, epoch, guids, logits, gold):
    """Write folder/training_dynamics/dynamics_epoch_N.jsonl, whole or not at all.

    epoch: N, from 0 on. guids [n]: int or str. logits [n, C]. gold [n]: class numbers. Each is an
    array, a tensor or a list. Raises ValueError if their lengths differ.
    """
    logits, gold = np.asarray(logits, np.float64).round(10), np.asarray(gold)
    guids = np.asarray(guids).tolist()
    if logits.ndim != 2 or not len(guids) == len(logits) == len(gold):
        raise ValueError(f"{len(guids)} guids, logits {list(logits.shape)} and {len(gold)} gold"
                         " labels do not fit each other")
    place = Path(folder) / "training_dynamics"
    make_folder(place)
    with whole_file(place / f"dynamics_epoch_{epoch}.jsonl") as part, open(part, "w") as f:
        for guid, values, label in zip(guids, logits.tolist(), gold.tolist()):
            f.write(json.dumps({"guid": guid, f"logits_epoch_{epoch}": values, "gold": label})
                    + "\n")


def last_guid(path):
    """The guid in the last line of a file of save_epoch; None if it is missing, cut or zeroed."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        with open(path, "rb") as f:
            f.seek(max(0, path.stat().st_size - LONGEST))
            end = f.read()
        return json.loads(end.splitlines()[-1])["guid"] if end.endswith(b"\n") else None
    return None


def saving(algorithm):
    """A subclass of an algorithm (cal.ActiveLearning or below) that keeps dynamics with the maps.

    runs/dynamics-SEED/ has a file per epoch, and runs/texts.csv the texts. A text's guid is its row
    in the run files. A model gives probabilities; their logarithms are logits, from which softmax
    makes the same probabilities again.
    """

    class Saving(algorithm):
        changes_no_number = True  # so runs made without it go on (plumbing.made.sources)

        def has_maps(self, seed):
            folder = self.log.folder / f"dynamics-{seed}" / "training_dynamics"
            files = [folder / f"dynamics_epoch_{epoch}.jsonl" for epoch in range(
                min(self.s.epochs, cal.MAP_EPOCHS))]
            return super().has_maps(seed) and self.has_texts() and all(
                last_guid(file) == len(self.data.y) - 1 for file in files)

        def has_texts(self):
            path, d = self.log.folder / "texts.csv", self.data
            breaks = sum(text.count("\n") for text in (*d.texts, *(d.classes[c] for c in d.y)))
            return path.is_file() and path.read_bytes().count(b"\n") == 1 + len(d.y) + breaks

        def keep_maps(self, runs, probs):
            super().keep_maps(runs, probs)
            y, rows = self.data.y, np.arange(len(self.data.y))
            for r, run in enumerate(runs):
                folder = self.log.folder / f"dynamics-{run.seed}"
                new = folder.with_suffix(".new")  # a half-written folder would look whole
                shutil.rmtree(new, ignore_errors=True)
                for epoch, p in enumerate(probs[:, r]):
                    tiny = np.finfo(np.float32).tiny
                    save_epoch(new, epoch, rows, np.log(p.double().cpu().numpy().clip(tiny)), y)
                shutil.rmtree(folder, ignore_errors=True)
                new.rename(folder)
            labels = [self.data.classes[c] for c in y]
            write_csv(self.log.folder / "texts.csv", ["guid", "text", "label"],
                      zip(rows.tolist(), self.data.texts or [""] * len(y), labels))

    return Saving
