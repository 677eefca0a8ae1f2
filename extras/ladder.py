"""From the paper's text to its released code, one switch at a time.

    python cal.py --dataset trec --ablate      CAL, Random and all the data under 24 protocols
"""

import argparse
import functools

import cal
import stats
from extras.next_batch import the_strategy
from extras.released import ROWS
from plumbing import processes
from plumbing.files import InputError, write_text
from plumbing.runs import results_folder
from report.figures import draw_ladder
from report.markdown import table

OF_CAL = ("settled", "exact", "trained_psi", "binary_hidden")  # Random's runs do not ask for these


def ladder():
    """The protocols: paper and code, and each with one switch turned, reset first.

    plain_scores is not CAL's nor Random's.
    """
    switches = [name for name in ROWS if name != "plain_scores"]
    return ["paper", "code", *(f"{base}+{switch}" for switch in switches
                               for base in ("paper", "code"))]


def run(args):
    """Run the whole ladder, or what is missing of it, and write its report."""
    if args.strategies or args.everything or args.protocol != "paper" or args.t_cor != [0.2]:
        raise InputError("--ablate runs CAL (t_cor 0.2) and Random under every protocol: leave"
                         " out --strategies, --t-cor, --protocol and --everything")
    steps = [step_of(args, name) for name in ladder()]
    folder = results_folder(step_of(args, "ladder"))
    report = functools.partial(write, folder, {s.protocol: results_folder(s) for s in steps})
    if args.report_only:
        report()
    else:
        device = processes.choose_device(args.device)
        processes.one_thread()
        plans = [plan_of(step, device) for step in steps]
        if not processes.conduct(cal.work, plans, cal.side_by_side(device), report):
            return 0
    print((folder / "report.md").read_text(encoding="utf-8"))
    print(f"The report with its figure: {folder / 'report.md'}")
    return 0


def step_of(args, name):
    """The options of one protocol: three seeds where none are named, CAL and Random."""
    names = ["cal"] if name.partition("+")[2] in OF_CAL else ["cal", "random"]
    return argparse.Namespace(**{**vars(args), "protocol": name, "strategies": names})


def plan_of(step, device):
    """cal.plan_of, and what is trained on all the data.

    paper and code also train for as many epochs as a run that never resets has seen in the end.
    """
    step.device = device
    plan = cal.plan_of(step)
    if (plan.data.y < 0).any():
        the_strategy(argparse.Namespace(**{**vars(step), "strategies": None}))  # raises
    if not step.seeds:
        plan.seeds = plan.seeds[:3]
        plan.phases = [[r for r in phase if r.seed in plan.seeds] for phase in plan.phases]
    if step.protocol in ("paper", "code"):
        plan.baselines["full-long"] = plan.s.rounds + 1
    return plan


# ---- its report ---------------------------------------------------------------------------------


def write(folder, folders):
    """ladder.csv, ladder.png and report.md.

    folders: {protocol: results directory}. The differences are within seeds, against the protocol
    that the switch was turned in. InputError where none has been run.
    """
    done = {name: stats.Results(path) for name, path in folders.items()
            if (path / "config.json").exists()}
    if not done:
        stats.Results(folders["paper"])  # raises: no results
    folder.mkdir(parents=True, exist_ok=True)
    header = ["protocol", "seeds", "CAL", "change", "mean's change", "Random", "change ",
              "mean's change ", "all data", "change  "]
    note = ("Final test accuracy, ± its standard deviation over seeds. A change is that of the"
            " final accuracy, or of the mean accuracy over all rounds, which is less noisy; it is"
            " taken within each seed, against the protocol whose switch was turned.")
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
    """A row's cells for CAL, Random and all the data; changes of the final accuracy are noted."""
    cells = []
    for label in ("cal", "random", "full"):
        now, before = r.finished(label), base.finished(label) if base else {}
        scores = [stats.final_accuracy(lines) for lines in now.values()]
        unasked = label not in [*r.config["strategies"], "full"]
        d = stats.paired(stats.final_accuracy, now, before)
        cells += [stats.plus_minus(scores) if scores else "as before" if unasked else "", signed(d)]
        if len(d):
            changes.setdefault(label, {})[name] = d
        if label != "full":
            cells.append(signed(stats.paired(stats.mean_accuracy, now, before)))
    return cells


def signed(d):
    """Mean ± sample standard deviation of differences, with its sign; empty without any."""
    return ("+" if d.mean() >= 0 else "") + stats.plus_minus(d) if len(d) else ""


def long_baselines(done):
    """A sentence on all the data, trained for as many epochs as a run that never resets."""
    long = {name: r.accuracy("full-long") for name, r in done.items()}
    long = [f"{stats.plus_minus(scores[:, 0])} under `{name}`" for name, scores in long.items()
            if len(scores)]
    return ("\n\nAll the data, for as many epochs as a run that never resets has seen by its last"
            f" round: {', '.join(long)}." if long else "")
