"""What `python cal.py` does: it reads the options and calls the code that they ask for."""

import functools
import sys

import datamap
import forks
from command import (
    ablation,
    again,
    bench,
    idle,
    labelling_mode,
    new_fork,
    options,
    processes,
    space,
)
from command.experiment import (
    folder_of,
    fork_of,
    load,
    named_fork,
    plan_of,
    source_changed,
    work,
)
from fast.memory import one_thread
from plumbing import imports
from plumbing.clock import told
from plumbing.files import InputError, note, place_of, sentence
from plumbing.folder import warn_of_seeds
from plumbing.streams import standard_streams
from report import sections
from stats import Results
from strategies import STRATEGIES
from tables.copies import warn_of_near_copies
from tables.own_table import warn_of_classes
from tables.records import is_table


def main():
    """The command line; returns the exit code."""
    imports.done()
    with standard_streams("cal.py") as ended:
        return ended(command())


def command():
    """What main does, with streams that can be written to."""
    load.cache_clear()
    try:
        fork = forks.load(options.fork_in(sys.argv[1:]))
        args = options.parser(list(STRATEGIES), datamap.EPOCHS, fork.models).parse_args()
        args.fork_sha256 = fork.sha256
        with forks.blamed():
            return dispatch(args)
    except InputError as e:
        print(f"cal.py: {e}", file=sys.stderr)
    except OSError as e:  # for example a full disk
        said = sentence(e, "the same command continues from the last finished round")
        print(f"cal.py: {said}", file=sys.stderr)
    return 2


def dispatch(args):
    """Do what the options ask for; returns the exit code."""
    idle.refuse(args)
    if args.new_fork:
        return new_fork.write(args.new_fork)
    if args.again:
        return again.run(args)
    if args.ablate:
        return ablation.run(args)
    if args.report_only:
        return redraw(args, folder_of(args))
    args.device = processes.choose_device(args.device)
    if args.bench:
        return bench.run(args.device, args.pool)
    one_thread()
    classes = labelling_mode.classes_of(args)
    with told(f"reading {args.dataset} and making its vectors"):
        plan = plan_of(args)
    if is_table(args.dataset):
        warn_of_near_copies(plan.data.texts, plan.data.x)
        if labelling_mode.is_due(plan):
            return labelling_mode.run(plan, classes)
        labelling_mode.refuse_its_options(args)
        first = plan.algorithm(plan.data, plan.s, None).seed_set(plan.seeds[0])
        warn_of_classes(plan.data, plan.data.y[first])
    idle.refuse_thresholds(args, [run.strategy for run in plan.phases[0]])
    space.check(plan)
    labels = [run.label for phase in plan.phases for run in phase]
    report = functools.partial(sections.write_report, plan.folder,
                               **wishes(args, fork_of(args), labels, plan.folder))
    if processes.conduct(work, [plan], report):
        sections.print_summary(plan.folder, labels)
        if args.save_dynamics:
            print(f"Training dynamics, a folder per seed: {plan.folder / 'runs' / 'dynamics-SEED'}")
    return 0


def redraw(args, folder):
    """Draw the report of a results directory again; returns the exit code."""
    try:
        fork = named_fork(args, folder)
        remark = source_changed(folder, fork)
        warn_of_seeds(folder)
        with told("drawing the report"):
            sections.write_report(folder, remark, **wishes(args, fork, Results(folder).labels()))
    except OSError as e:
        place = place_of(e)
        where = f": {place}" if place and not place.endswith(".part") else ""
        raise InputError(f"cannot draw the report in {folder} ({e.strerror or e}{where}); copy the"
                         " folder to a place where you can write, and give that as --out")
    if remark:
        note(f"note: {remark}")
    print(f"The report is {folder / 'report.md'}")
    return 0


def wishes(args, fork, labels, folder=None):
    """What the options ask of a report; an InputError for a baseline that does not run.

    fork: whose sections it has. labels: those that run now. folder: a results directory that may
    have others already.
    """
    known = folder and args.fresh is None and (folder / "config.json").exists()
    if args.baseline and args.baseline not in labels and known:
        labels = [*labels, *Results(folder).labels()]
    if args.baseline and args.baseline not in labels:
        raise InputError(f"--baseline {args.baseline}: there is no run of it; add it to"
                         f" --strategies, or name one of {', '.join(dict.fromkeys(labels))}")
    given = {"baseline": args.baseline, "margin": args.margin, "formats": args.format,
             "more": fork.names["REPORT"]}
    return {name: value for name, value in given.items() if value not in (None, [])}
