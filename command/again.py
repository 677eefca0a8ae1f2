"""--again RESULTS lc 2: make one run of a results directory again; is it the same?"""

import shlex
from pathlib import Path

import datamap
import forks
from command import idle, options, processes
from command.experiment import config_of, fork_of, named_fork, plan_of, source_changed, work
from fast.memory import one_thread
from plumbing.files import InputError, note, part_folder, shortened
from plumbing.folder import read_config
from plumbing.runs import read_run
from report.merge import differing_settings, first_difference
from report.names import parts_of
from stats import ALL_DATA
from strategies import STRATEGIES


def run(args):
    """Make the run again in a folder of its own; the exit code: 0 if it is the same, otherwise 1.

    args.again: a results directory, a run's label (lc, cal-t0.4, full) and its seed.
    """
    folder, label, seed = args.again
    folder = Path(folder)
    refuse_others(args)
    if not seed.isdecimal():
        raise InputError(f"--again {folder} {label} {seed}: the last word has to be a seed, a whole"
                         " number")
    if not (folder / "config.json").exists():
        raise InputError(f"no results in {folder}")
    config, path = read_config(folder / "config.json"), folder / "runs" / f"{label}-{seed}.jsonl"
    before, _ = read_run(path)
    if not before:
        raise InputError(f"there is no run {path}; the runs there are of {shown(config)}")
    if remark := source_changed(folder, named_fork(args, folder)):
        note(f"note: {remark}")
    with part_folder() as out:
        args = arguments(config, label, seed, args, out)
        with forks.blamed():
            plan = plan_of(args)
            plan.baselines = {name: times for name, times in (
                ("full", 1), ("full-long", plan.s.rounds + 1)) if name == label}
            plan.phases = [] if plan.baselines else plan.phases
            refuse_changed(folder, config, config_of(plan))
            print(plan.command, flush=True)
            processes.conduct(work, [plan], lambda: None)
        after = read_run(plan.folder / "runs" / path.name)[0]
        found = first_difference(before, after) or (
            len(after) < len(before)
            and f"it had {len(before)} rounds, and now it has {len(after)}")
    if found:
        print(f"{path} is not the same: {found}")
        return 1
    print(f"{path} is the same in all {len(before)} rounds, apart from the times")
    return 0


def shown(config):
    return (f"{', '.join([*config['strategies'], 'full'])}, with the seeds"
            f" {', '.join(map(str, config['seeds']))}")


def refuse_changed(folder, old, new):
    """An InputError if the data or a setting is not what the results were made with."""
    if unlike := differing_settings(old, new):
        raise InputError(f"{folder} was made with other {' and '.join(unlike)} than what is here"
                         " now, so its runs cannot be made again")


def refuse_others(args):
    """An InputError for an option that would do nothing: config.json records them all."""
    of_this_machine = "data_dir", "device", "fork"
    if found := idle.others(args, "again", *of_this_machine):
        raise InputError(f"--again takes the options from config.json; leave out {found[0]}")


def arguments(config, label, seed, here, out):
    """The options that make a run again, from the commands that config.json records.

    here: the options of this command; its --data-dir, --device and --fork are of this machine.
    """
    strategy, t_cor = parts_of(label)
    line = command_for(config, strategy)
    if not line.startswith("python cal.py"):
        raise InputError(f"the runs were made from Python; call {line} again, with another folder")
    try:
        words = shlex.split(line)[2:]  # without python cal.py
    except ValueError:
        raise InputError(f"config.json records a command that is none: {shortened(line)}")
    recorded, fork = options.fork_in(words), fork_of(here)
    if recorded and not fork.path:
        raise InputError(f"these runs were made with the fork {shortened(recorded)}; add --fork and"
                         " the file's name, if you trust what it does")
    if fork.path and not recorded:
        raise InputError("these runs were made without a fork; leave out --fork")
    args = options.parser(list(STRATEGIES), datamap.EPOCHS, fork.models).parse_args(words)
    args.fork, args.fork_sha256 = here.fork, fork.sha256
    args.data_dir = here.data_dir if here.data_dir != "data" else args.data_dir
    device = config["settings"].get("device") or "auto" if here.device == "auto" else here.device
    one_thread()
    for name, value in {
            "strategies": None if label in ALL_DATA else [strategy], "seeds": [int(seed)],
            "t_cor": [float(t_cor or 0.2)], "rounds": config["settings"]["rounds"], "jobs": 1,
            "out": out, "everything": False, "quick": False, "baseline": None, "format": [],
            "device": processes.choose_device(device)}.items():
        setattr(args, name, value)
    return args


def command_for(config, strategy):
    """A recorded command with the settings of a strategy's runs.

    All commands of a directory have the same settings; a fork's strategy needs one with --fork.
    """
    recorded = config.get("commands") or [from_settings(config["settings"])]
    commands = [line for line in recorded if line.startswith("python cal.py")]
    if not commands:
        raise InputError("these results were made from Python, not by a command; call the function"
                         f" again with another `out`: {shortened(recorded[-1])}")
    naming = [line for line in commands if f" {strategy} " in f"{line} "]
    forked = [line for line in commands if strategy not in STRATEGIES and "--fork" in line]
    return (naming or forked or commands)[-1]


def from_settings(s):
    """The command of a directory that an earlier version made, which recorded none."""
    names = ("dataset", "vectors", "protocol", "seed_size", "batch", "epochs", "model")
    return shlex.join(["python", "cal.py", *(
        word for name in names if name in s
        for word in (options.typed(name), str(s[name])))])
