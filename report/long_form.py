"""curves.csv: every round of every run as one line, in the long form that pandas and R read."""

from plumbing.files import write_csv
from plumbing.source import digest
from report.names import parts_of
from stats import ALL_DATA

COLUMNS = ("dataset", "data_sha256", "vectors", "protocol", "model", "strategy", "t_cor", "seed",
           "round", "labelled", "finished", "accuracy", "macro_f1")
LAST = ("confidence", "variability", "correctness", "train_seconds", "select_seconds", "made")
KNOWN = {"round", "labelled", "accuracy", "f1", "recall", "picked", "batch", "seconds"}


def write_curves(r):
    """Write curves.csv, finished runs and others. r: Results.

    A cell is empty if its run file, which an older version may have written, lacks the number.
    confidence, variability and correctness are means over the batch picked in the round before.
    made is a digest of the source that made the run, of the core and the strategy together.
    """
    runs = [(label, seed, lines) for label, by_seed in r.runs.items()
            for seed, lines in by_seed.items()]
    own = own_measures(lines for _, _, lines in runs)
    about = [*(r.settings.get(name, "") for name in ("dataset", "data_sha256", "vectors",
                                                     "protocol")), r.settings.get("model", "fast")]
    rows = []
    for label, seed, lines in runs:
        strategy, t_cor = parts_of(label)
        first = [*about, strategy, t_cor or ("" if label in ALL_DATA else "0.2"), seed]
        finished, made = seed in r.finished(label), made_by(r, strategy)
        for x in lines:
            batch = x["batch"] or {}
            rows.append([*first, x["round"], x["labelled"], finished, x["accuracy"],
                         x.get("f1", ""), *(x.get(name, "") for name in own),
                         *(batch.get(name, "") for name in LAST[:3]),
                         x["seconds"]["train"], x["seconds"]["select"], made])
    write_csv(r.folder / "curves.csv", [*COLUMNS, *own, *LAST], rows, encoding="utf-8")


def own_measures(runs):
    """The names of the numbers in run files that a fork has added, in alphabetical order."""
    return sorted({name for lines in runs for x in lines for name, value in x.items()
                   if name not in KNOWN and type(value) in (int, float)})


def made_by(r, strategy):
    """A digest of the source that made a strategy's runs; "" if an older version made them."""
    sources = r.config.get("sources")
    if not isinstance(sources, dict) or not isinstance(sources.get("core"), dict):
        return ""
    own = (sources.get("strategies") or {}).get(strategy, "")
    return digest(*(f"{name} {value}" for name, value in sorted(sources["core"].items())), own)
