"""table_main.tex: the table that a paper prints."""

import numpy as np

from plumbing.files import counted
from report.differences import holm, paired_t
from report.latex import tex, write_tex
from report.long_form import made_by, own_measures, write_curves
from report.names import name_of, parts_of, vectors_of
from report.samples import (
    FEWEST,
    MEASURES,
    baseline_of,
    common_seeds,
    count,
    final,
    interval_of,
    labels_to,
    sample,
)
from stats import plus_minus

MARK = r"$^{\ast}$"


def for_a_paper(r):
    """The files for a paper: curves.csv, table_main.tex."""
    write_curves(r)
    files = ["`curves.csv` has every round of every run as one line."]
    if write_main_table(r):
        files.append("`table_main.tex` is the main table in LaTeX, with the seeds that all"
                     " strategies have finished.")
    elif r.labels():
        files.append("There is no table in LaTeX: no seed has been finished by all strategies.")
    return "## For a paper\n\n" + " ".join(files)


def write_main_table(r):
    """Write table_main.tex if its strategies have seeds in common; return whether they have."""
    labels = r.labels()
    seeds, goal = common_seeds(r, labels), baseline_of(r)
    if not seeds:
        (r.folder / "table_main.tex").unlink(missing_ok=True)  # an earlier report's
        return False
    own = own_measures(lines for by_seed in r.runs.values() for lines in by_seed.values())
    columns = [measured(r, labels, measure, seeds, goal) for measure in MEASURES.values()]
    columns += [measured(r, labels, final(name), seeds, goal, bold=False) for name in own]
    columns += [labels_column(r, labels, goal, seeds)] if goal else []
    rows = [[tex(name_of(label)), *cells] for label, *cells in zip(labels, *columns)]
    header = ["", "Mean accuracy", "Final accuracy", "Macro-F1", *map(tex, own)]
    header += [f"Labels to {tex(name_of(goal))}'s final"] if goal else []
    all_data = [row[: len(header)] for row in full_row(r, seeds, own)]
    write_tex(r.folder / "table_main.tex", remarks(r, seeds, goal), caption(r, labels, seeds, goal),
              header, [rows, all_data], "tab:main")
    return True


def measured(r, labels, measure, seeds, goal, bold=True):
    """A column: mean ± sd over seeds, the highest in bold, a mark where the goal's differs."""
    samples = {label: sample(r, label, measure, seeds) for label in labels}
    known = {label: s for label, s in samples.items() if not np.isnan(s).any()}
    best = max((f"{s.mean():.3f}" for s in known.values()), default="")
    marked = differing(known, goal) if len(seeds) >= FEWEST else ()
    cells = []
    for label in labels:
        text = tex(plus_minus(known[label])) if label in known else "--"
        mean, rest = text[:5], text[5:]
        mean = rf"\textbf{{{mean}}}" if bold and mean == best else mean
        cells.append(mean + rest + MARK * (label in marked))
    return cells


def differing(samples, goal):
    """The labels whose sample differs from the goal's: paired t tests, after Holm."""
    others = [label for label in samples if label != goal and goal in samples]
    p = holm([paired_t(samples[label] - samples[goal]) for label in others]) if others else ()
    return {label for label, value in zip(others, p) if value < 0.05}


def labels_column(r, labels, goal, seeds):
    """A column: the labels at which each reaches the goal's final accuracy, and an interval."""
    found = [labels_to(r, label, goal, seeds) for label in labels]
    best, cells = min(n for n, _, _ in found), []
    for n, low, high in found:
        cell = rf"\textbf{{{number(n)}}}" if n == best and np.isfinite(n) else number(n)
        span = interval_of(low, high).replace(" to ", "--").replace(",", "{,}")
        cells.append(cell + (f" ({span})" if span else ""))
    return cells


def full_row(r, seeds, own):
    """The row of training on all the data, if it has all these seeds: a list of no or one row."""
    if not set(seeds) <= set(r.finished("full")):
        return []
    found = [sample(r, "full", final(name), seeds) for name in ("accuracy", "f1", *own)]
    return [[tex(name_of("full")), "--",
             *("--" if np.isnan(s).any() else tex(plus_minus(s)) for s in found),
             number(r.about["train"])]]


def number(labels):
    """A number of labels: a comma without the space that LaTeX's mathematics would add."""
    return count(labels).replace(",", "{,}")


def caption(r, labels, seeds, goal):
    """What a reader of the table must know, in LaTeX."""
    s, more = r.settings, {seed for label in labels for seed in r.finished(label)} - {*seeds}
    text = (f"{tex(r.dataset)}, {tex(vectors_of(r))} vectors, {number(s['seed_size'])} to"
            f" {number(r.labelled()[-1])} labels in {s['rounds']} rounds of {s['batch']} picks. ")
    text += (rf"Mean $\pm$ standard deviation over {len(seeds)} seeds" if len(seeds) > 1 else
             "One seed")
    text += " (those that every strategy has finished)" if more else ""
    text += (". Mean accuracy is the area under the learning curve, divided by its width (the mean"
             " over all rounds). The best strategy is in bold. ")
    return text + (goal_caption(goal, len(labels) - 1, seeds) if goal else "")


def goal_caption(goal, others, seeds):
    """The caption's sentences on the comparison with the goal."""
    name = tex(name_of(goal)) + "\\"  # a dot in a name ends no sentence
    if len(seeds) < FEWEST:
        return f"Fewer than {FEWEST} seeds allow no test of differences."
    return (f"{MARK}: differs from {name} with $p < 0.05$ (two-sided paired $t$ test within seeds,"
            f" Holm's correction over the {counted(others, 'comparison')} of a column). In"
            " brackets: 95\\,\\% interval of a bootstrap over seeds.")


def remarks(r, seeds, goal):
    """The comments above the table."""
    s, versions = r.settings, r.config.get("versions") or {}
    made = {name: made_by(r, name) for name in (parts_of(label)[0] for label in r.labels())}
    made = ", ".join(f"{name} {digest}" for name, digest in made.items() if digest)
    return [*(f"made by: {command}" for command in r.config.get("commands", [])),
            f"data: {r.dataset}, SHA-256 {s.get('data_sha256')}; vectors: {s['vectors']}",
            f"seeds: {' '.join(map(str, seeds))}",
            f"budget: seed set {s['seed_size']}, {s['rounds']} batches of {s['batch']},"
            f" {s.get('epochs')} epochs; protocol {s['protocol']}, model {s.get('model', 'fast')}",
            f"source: {made or 'not recorded'}; "
            + ", ".join(f"{name} {version}" for name, version in versions.items()),
            f"test: paired t within seeds against {goal or 'nothing'}, two-sided, Holm per column"]
