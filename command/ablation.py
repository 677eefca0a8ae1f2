"""--ablate: CAL, Random and training on all the data, under every protocol of the ladder."""

import argparse
import functools

from command import labelling_mode, processes
from command.experiment import folder_of, plan_of, work
from fast.memory import one_thread
from plumbing.files import InputError
from released.ladder import OF_CAL, ladder, write


def run(args):
    """Run the protocols of the ladder that are not finished, and write its report."""
    if args.strategies or args.everything or args.protocol != "paper" or args.t_cor != [0.2]:
        raise InputError("--ablate runs CAL (t_cor 0.2) and Random under every protocol;"
                         " leave out --strategies, --t-cor, --protocol and --everything")
    for option in ("baseline", "margin", "format"):
        if getattr(args, option):
            raise InputError(f"--{option} is for the report of one results directory, and --ablate"
                             " has a report of its own; leave it out")
    steps = [step_of(args, name) for name in ladder()]
    folder = folder_of(step_of(args, "ladder"))
    report = functools.partial(write, folder, {s.protocol: folder_of(s) for s in steps})
    if args.report_only:
        report()
    else:
        device = processes.choose_device(args.device)
        one_thread()
        plans = [step_plan(step, device) for step in steps]
        if not processes.conduct(work, plans, report):
            return 0
    print((folder / "report.md").read_text(encoding="utf-8"))
    print(f"The report is {folder / 'report.md'}")
    return 0


def step_of(args, name):
    """The options of one protocol, with CAL and Random; without Random if only CAL differs."""
    names = ["cal"] if name.partition("+")[2] in OF_CAL else ["cal", "random"]
    return argparse.Namespace(**{**vars(args), "protocol": name, "strategies": names})


def step_plan(step, device):
    """The plan of one protocol, with three seeds if the options name none.

    paper and code also train on all the data for as many epochs as a run without resets has.
    """
    step.device = device
    plan = plan_of(step)
    if (plan.data.y < 0).any():
        unnamed = argparse.Namespace(**{**vars(step), "strategies": None})
        labelling_mode.the_strategy(unnamed)  # raises
    if not step.seeds:
        plan.seeds = plan.seeds[:3]
        plan.phases = [[r for r in phase if r.seed in plan.seeds] for phase in plan.phases]
    if step.protocol in ("paper", "code"):
        plan.baselines["full-long"] = plan.s.rounds + 1
    return plan
