"""From the paper's text to its released code, one switch at a time.

    python cal.py --dataset trec --ablate      CAL, Random and all the data under 35 protocols
"""

import stats
from plumbing.files import write_text
from released.first import ROWS_2021
from released.protocols import ROWS
from report.differences import paired
from report.figures import draw_ladder
from report.markdown import table

# Random's runs do not ask for these.
OF_CAL = "settled", "exact", "trained_psi", "binary_hidden", "twice", "weights", "last_psi"


def ladder():
    """The protocols: code2021 and code, code and paper, each with one switch turned.

    So it walks from the code of 2021 to that of 2022, and from there to the paper, reset first.
    plain_scores and dal_last are not CAL's nor Random's.
    """
    switches = [name for name in ROWS if name != "plain_scores"]
    first = [name for name in ROWS_2021 if name != "dal_last"]
    return ["paper", "code", "code2021",
            *(f"{base}+{switch}" for switch in switches for base in ("paper", "code")),
            *(f"{base}+{switch}" for switch in first for base in ("code", "code2021"))]


# ---- its report ---------------------------------------------------------------------------------


def write(folder, folders):
    """Write ladder.csv, ladder.png and report.md.

    folders: {protocol: results directory}. The differences are within seeds, from the protocol in
    which the switch was turned. InputError if no protocol has been run.
    """
    done = {name: stats.Results(path) for name, path in folders.items()
            if (path / "config.json").exists()}
    if not done:
        stats.Results(folders["paper"])  # raises: no results
    folder.mkdir(parents=True, exist_ok=True)
    header = ["protocol", "seeds", "CAL", "change", "mean's change", "Random", "change ",
              "mean's change ", "all data", "change  "]
    note = ("Accuracies are final test accuracies, ± the standard deviation over seeds. *Change* is"
            " the change of the final accuracy. *Mean's change* is the change of the mean accuracy"
            " over all rounds, which is less noisy. Changes are within seeds, from the protocol in"
            " which the switch was turned.")
    changes, rows = {}, []
    for name, r in done.items():
        base = done.get(name.partition("+")[0]) if "+" in name else None
        rows.append([name, len(r.finished("cal")), *cells_of(name, r, base, changes)])
    text = "# From paper to code, one switch at a time\n\n"
    text += table(folder, "ladder", header, rows, note) + long_baselines(done)
    if changes:
        draw_ladder(folder / "ladder.png", changes)
        text += "\n\n![The ladder](ladder.png)"
    write_text(folder / "report.md", text + "\n")


def cells_of(name, r, base, changes):
    """A row's cells for CAL, Random and all the data; adds the final accuracies' changes."""
    cells = []
    for label in ("cal", "random", "full"):
        now, before = r.finished(label), base.finished(label) if base else {}
        scores = [stats.final_accuracy(lines) for lines in now.values()]
        unasked = label not in [*r.config["strategies"], "full"]
        d = paired(stats.final_accuracy, now, before)
        cells += [stats.plus_minus(scores) if scores else "as before" if unasked else "", signed(d)]
        if len(d):
            changes.setdefault(label, {})[name] = d
        if label != "full":
            cells.append(signed(paired(stats.mean_accuracy, now, before)))
    return cells


def signed(d):
    """Mean ± sample standard deviation of differences d [S], with a sign; empty if S is 0."""
    return ("+" if d.mean() >= 0 else "") + stats.plus_minus(d) if len(d) else ""


def long_baselines(done):
    """A sentence on models of all the data with as many epochs as a run that never resets."""
    long = {name: r.accuracy("full-long") for name, r in done.items()}
    long = [f"{stats.plus_minus(scores[:, 0])} under `{name}`" for name, scores in long.items()
            if len(scores)]
    return ("\n\nTrained on all the data for as many epochs as a run that never resets, the model's"
            f" accuracy is {', '.join(long)}." if long else "")
