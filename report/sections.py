"""report.md and its tables, redrawn only from the run files."""


from datamap import DataMap
from page.explore import write_page
from plumbing.files import InputError, coded, counted, escaped, note, write_text
from report import figures
from report.arena import arena
from report.backend import also_as
from report.citations import citations
from report.claims import NOT_RUN, RULE, claims, pairs_of
from report.differences import MARGIN
from report.findings import first_reach, helped, kinds_in, planted, recall_table, why_cal
from report.main_table import beside, main_table, summary
from report.markdown import Verbatim, fenced, table
from report.names import NAMES, name_of, paper_of, parts_of, vectors_of
from report.pairs import differences
from report.paper_table import for_a_paper
from report.profile import performance_profile
from report.significance import aso_tables
from stats import Results, overlaps, plus_minus
from tables.records import is_table

# ---- the report's sections: each takes Results and returns Markdown ------------------------------


def opening(r):
    """What was run, and how much of it is finished."""
    s, labels = r.settings, r.config["strategies"]
    done = sum(len(r.finished(label)) for label in labels)
    planned = len(labels) * len(r.config["seeds"])
    state = "All runs are finished." if done == planned else (
        f"**{done} of {planned} runs are finished.** The tables have only finished runs. The same"
        " command continues with the others.")
    a, last, seeds = r.about, r.labelled()[-1], len(r.config["seeds"])
    vectors, protocol = coded(vectors_of(r)), coded(s["protocol"])
    return f"""# Cartography Active Learning on {escaped(r.dataset)}

The data are {counted(a['train'], "training text")} and {counted(a['test'], "test text")} of
{a['classes']} classes. The vectors are {vectors}, and the protocol is {protocol}.
Every run starts with {counted(s['seed_size'], "label")} and reaches {last:,} in
{counted(s['rounds'], "round")} of {counted(s['batch'], "pick")}. Each strategy has
{counted(seeds, "run")}, one per seed. {state}"""


def curves(r):
    """Fig. 3: accuracy against the share of the training data, mean over seeds, bands of one sd."""
    # The finished runs of a strategy, or until it has one, the rounds that its seeds have finished.
    begun = {label: [lines for lines in r.runs[label].values() if lines]
             for label in figures.pictured(r.config["strategies"])}
    shown = {label: list(r.finished(label).values()) or runs for label, runs in begun.items()
             if runs}
    if not shown:
        return ""
    figures.draw_curves(r, r.folder / "fig3_accuracy.png", shown)
    return "![Fig. 3: accuracy](fig3_accuracy.png)"


def claims_table(r):
    """A row per claim, and a column per set of vectors with results in the same directory."""
    judged = {vectors_of(other): claims(other) for other in siblings_of(r)}
    judged = {name: found for name, found in judged.items()
              if any(word != NOT_RUN for _, word, _ in found)}
    if not judged:
        return ""
    rows = [[row[0][0], *(f"**{word}**" + (f" ({evidence})" if evidence else "")
                          for _, word, evidence in row)] for row in zip(*judged.values())]
    header = ["the paper's claim", *(f"with {coded(name)} vectors" for name in judged)]
    rule = RULE.format(margin=r.margin)
    return "## The paper's claims\n\n" + table(r.folder, "claims", header, rows, rule)


def siblings_of(r):
    """These results, and those in the same directory that differ from them only in the vectors."""
    same = ("dataset", "data_sha256", "protocol", "seed_size", "rounds", "batch", "epochs")
    for config in sorted(r.folder.resolve().parent.glob("*/config.json")):
        try:
            other = Results(config.parent)
        except InputError as e:
            note(f"note: the table of claims leaves out one directory: {e}")
            continue
        other.margin = r.margin
        if all(other.settings.get(key) == r.settings.get(key) for key in same):
            yield other


def data_efficiency(r):
    """Section 5: the share of the full-data accuracy that each strategy reaches, and when."""
    full = r.accuracy("full")
    if not len(full) or not r.labels():
        return ""
    goal, rows = full.mean(), []
    for label in r.labels():
        mean = r.accuracy(label).mean(0)
        cells = [share_reached(r, mean, share * goal) for share in (0.9, 0.95, 0.99, 1.0)]
        rows.append([name_of(label), *([f"{mean[-1] / goal:.1%}", *cells] if goal else [""] * 5)])
    header = ["strategy", "final / full-data accuracy", "labels for 90 %", "95 %", "99 %", "100 %"]
    note = (f"The full-data accuracy is {plus_minus(full[:, 0])}, with {r.about['train']:,} labels"
            f" and {counted(len(full), 'seed')}. The labels are those of the first round in which"
            " the mean accuracy over seeds reaches the share.")
    return "## Data efficiency\n\n" + table(r.folder, "efficiency", header, rows, note)


def share_reached(r, mean, goal):
    """A cell: the labels at which a mean curve first reaches a goal, and their share."""
    n = first_reach(r, mean, goal)
    return f"{n:,} ({n / r.about['train']:.1%})" if n else "not reached"


def batches(r):
    """Fig. 4: mean confidence, variability and correctness of each picked batch."""
    if not r.labels():
        return ""
    figures.draw_batches(r, r.folder / "fig4_batches.png")
    return ("## What each strategy picks\n\n![Fig. 4: batch statistics](fig4_batches.png)\n\n"
            "The curves are the mean confidence (Eq. 1), variability (Eq. 2) and correctness (Eq."
            " 3) of every picked batch, mean over seeds. They are measured during the next"
            " training, which is the first that includes the batch.")


def data_maps(r):
    """Figs. 1, 2, 5 and 6 from the first seed's maps; the planted kinds if there are any."""
    if not r.maps:
        return ""
    seed, m = next(iter(r.maps.items()))
    full, few = (DataMap(*(m[f"{name}_{k}"] for k in DataMap._fields)) for name in ("full", "seed"))
    titles = [f"all {len(m['y']):,} training texts", f"the seed set, {len(m['rows'])} texts"]
    epochs = len(m["seed_gold"]) if "seed_gold" in m else "ten"
    shown = figures.draw_maps(r.folder / "fig1_data_maps.png", dict(zip(titles, (full, few))))
    text = f"""## Data maps

![Figs. 1, 2, 5 and 6: data maps](fig1_data_maps.png)

The left map is of all the training data (Figs. 1, 5 and 6; ten epochs). The right map is of the
seed set (Fig. 2; {epochs} epochs). Both are of seed {seed}. The histograms beside each map show its
three statistics.{shown}"""
    if "kind" not in m or not kinds_in(r):
        return text
    figures.draw_kinds(r.folder / "fig1_planted_kinds.png", full, m["kind"], kinds_in(r))
    return text + "\n\n![The planted kinds](fig1_planted_kinds.png)\n\n" + planted(r)


def threshold_table(r):
    """Table 3: final accuracy per t_cor, and of the combination of DAL and CAL."""
    labels = [f"cal-t{t}" if t != "0.2" else "cal" for t in ("0", "0.2", "0.4", "0.6", "0.8")]
    labels = [label for label in [*labels, "cal+dal"] if label in r.labels()]
    if not set(labels) - {"cal"}:
        return ""
    paper = paper_of(r).get("final", {})
    rows = []
    for label in labels:
        final = r.accuracy(label)[:, -1]
        strategy, t_cor = parts_of(label)
        rows.append([NAMES[strategy], t_cor or "0.2", len(final), plus_minus(final),
                     *beside(final, paper.get(label)), plus_minus(r.accuracy(label).mean(1))])
    header = ["strategy", "t_cor", "seeds", "final accuracy", "paper", "difference",
              "mean accuracy"]
    title = "## Table 3: the correctness threshold, and half DAL, half CAL\n\n"
    figures.draw_thresholds(r, r.folder / "table3.png", labels)
    return title + table(r.folder, "table3", header, rows, "![Table 3 as curves](table3.png)")


def overlap_table(r):
    """Table 4: the texts that two strategies both pick, in the same round and in the whole run."""
    pairs = pairs_of(r)
    if not pairs:
        return ""
    paper, rows = paper_of(r).get("overlap", {}), []
    for a, b in pairs:
        n = overlaps(r, a, b)
        rows.append([f"{name_of(a)} ∩ {name_of(b)}", n["round"], f"{n['round_chance']:.1f}",
                     paper.get(f"{a}&{b}", ""), n["run"], f"{n['run_chance']:.1f}", n["picks"]])
    header = ["pair", "same round", "by chance", "paper", "whole run", "by chance ", "out of"]
    note = """*Same round* counts the texts that both runs of a seed pick in the same round, over
all rounds and seeds. *Whole run* counts the texts that both pick in any round. *By chance* is the
expected overlap of two strategies that pick at random, |A| |B| / |U|. *Out of* is the number of
picks. The paper gives one count per pair. On both datasets, that count is about what chance gives
for the same round, and far below what chance gives for whole runs."""
    return "## Table 4: overlap\n\n" + table(r.folder, "table4", header, rows, note)


def dataset_table(r):
    """Table 1: the data as loaded."""
    a = r.about
    shares = ", ".join(f"{c} {n / a['train']:.1%}" for c, n in a["class_counts"].items())
    rows = [["training texts", f"{a['train']:,}"], ["test texts", f"{a['test']:,}"],
            ["classes", Verbatim(f"{a['classes']}: {shares}")],
            ["seed set", f"{r.settings['seed_size']:,}"],
            ["vectors", Verbatim(
                f"{vectors_of(r)}: {a['tokens_known']:.1%} of the training texts' tokens"
                f" and {a['types_known']:.1%} of their {a['types']:,} types have one"
                if "types" in a else f"{vectors_of(r)}: one vector per text")]]
    if "length_mean" in a:
        tokens = f"{a['length_mean']} on average, {a['length_max']} at most"
        rows.insert(4, ["tokens per text", tokens])
    lacking = a.get("missing")
    note = f"These frequent words have no vector: {escaped(', '.join(lacking))}." if lacking else ""
    return "## Table 1: the data\n\n" + table(r.folder, "table1", ["", "as loaded"], rows, note)


def again(r):
    """The commands that make the directory again, and the machines that made it."""
    commands, machines = r.config.get("commands"), r.config.get("machines", [])
    if not commands:
        return ""
    lines = ["## How to make these results again\n", *fenced(commands), "",
             "`python cal.py --again FOLDER STRATEGY SEED` makes one run of this directory again"
             " and says whether it is the same."]
    if len(machines) > 1:
        made_by = escaped("; ".join(f"{m['device']}, " + ", ".join(
            f"{name} {version}" for name, version in (m["versions"] or {}).items())
            for m in machines))
        lines += ["", f"The seeds come from {len(machines)} machines or versions ({made_by}), so"
                  " another machine's numbers differ a little from those of either."]
    return "\n".join(lines)


SECTIONS = (opening, curves, main_table, why_cal, recall_table, claims_table, differences, arena,
            performance_profile, data_efficiency, aso_tables, batches, data_maps, threshold_table,
            overlap_table, dataset_table, for_a_paper, again, citations)
OF_A_TABLE = (opening, curves, helped, main_table, recall_table, data_maps, dataset_table,
              for_a_paper, again, citations)


def sections_of(r):
    """The sections of a report: fewer for your own table, unless it ran --everything."""
    everything = any(parts_of(label)[1] for label in r.config["strategies"])
    return OF_A_TABLE if is_table(r.dataset) and not everything else SECTIONS


def write_report(folder, remark="", baseline="random", margin=MARGIN, formats=(), more=None):
    """Write report.md with its figures and tables, only from the run files.

    remark: a paragraph for the top, for example that the source has changed since. baseline: the
    label that others are compared with. margin: within what accuracies may be called the same.
    formats: pdf and svg, in which every figure is written too. more: sections of a fork,
    {title: function(Results) -> Markdown, or "" for none}.
    """
    r = Results(folder)
    r.baseline, r.margin = baseline, margin
    with also_as(formats):
        parts = [section(r) for section in sections_of(r)]
    parts.insert(1, remark)
    own = {title: section(r) for title, section in (more or {}).items()}
    parts += [f"## {title}\n\n{text}" for title, text in own.items() if text]
    write_text(r.folder / "report.md", "\n\n".join(part for part in parts if part) + "\n")
    write_page(r)


def print_summary(folder, labels):
    """Print the main table of the strategies that the options name, and the paths of the report."""
    print(summary(folder, labels))
    print(f"\nThe report with its figures: {folder / 'report.md'}")
    print(f"The texts on an interactive data map: {folder / 'explore.html'}")
