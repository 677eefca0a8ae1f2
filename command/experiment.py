"""An experiment: every run of one results directory, and the work of one process."""

import argparse
import functools
import hashlib
import platform
import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

import baselines
import cal
import data as texts
import datamap
import forks
from command import noise, options
from dynamics.writing import saving
from fast import SideBySide, at_once
from forks import Fork
from labelling.next_batch import is_due
from page.border import keeping
from plumbing import made
from plumbing.config import read_config
from plumbing.files import InputError, note, shortened
from plumbing.folder import results_name
from plumbing.runs import Log
from released import protocols
from strategies import STRATEGIES
from tables.records import is_table

DEFAULTS = {"demo": (10, cal.SEEDS[:3])}  # rounds and seeds; the paper has no demo corpus
load = functools.lru_cache(maxsize=4)(texts.load)  # an ablation loads four, many times


@dataclass
class Plan:
    """Every run of one results directory. phases: lists of runs, which are done one by one.

    baselines: {name: epochs} of training on all the data; epochs are multiples of a round's.
    folder: the results directory. command: what makes it again.
    """

    args: argparse.Namespace
    algorithm: type
    data: texts.Data
    s: cal.Settings
    seeds: list
    phases: list
    fork: Fork
    folder: Path
    command: str
    baselines: dict = field(default_factory=lambda: {"full": 1})

    @property
    def width(self):
        """How many runs train side by side; None means all."""
        return at_once(self.args.device) if issubclass(self.algorithm, SideBySide) else 1


def plan_of(args):
    """Check every option against the data -> the Plan."""
    algorithm, reading = algorithm_of(args)
    data = load(args.dataset, args.data_dir, args.vectors, cache=f"{args.out}/cache", **reading,
                **options.reading(args, folder_of(args)))
    if args.noise:
        data = noise.flipped(data, args.noise)
    rounds, seeds = DEFAULTS.get(args.dataset, (30, cal.SEEDS))
    seeds = list(dict.fromkeys(args.seeds or (seeds[:1] if args.quick else seeds)))
    size, batch = args.seed_size or data.seed_size, args.batch or data.picks
    most = max(1, (len(data.y) - size) // batch)  # rounds for which there are enough texts
    s = cal.Settings(size, args.rounds or min(most, 10 if args.quick else rounds), batch,
                     args.epochs, data.batch_size)
    if s.seed_size + s.rounds * s.batch > len(data.y) and not (
            (data.y < 0).any() or is_table(args.dataset) and is_due(data, folder_of(args))):
        raise InputError(
            f"a seed set of {s.seed_size} and {s.rounds} batches of {s.batch} are more than the"
            f" {len(data.y)} texts of {args.dataset}; lower --rounds, --batch or --seed-size"
        )
    names = args.strategies or [*default_strategies(args.dataset),
                                *fork_of(args).names["STRATEGIES"]]
    phases = [cal.runs_of(names, seeds, args.t_cor)]
    refuse_dynamics(args, names)
    forks.try_out(algorithm, fork_of(args), data)
    forks.try_seed_sets(algorithm, fork_of(args), data, s, seeds)
    if args.everything:
        extra = cal.runs_of(["cal"], seeds, cal.T_COR)
        extra += cal.runs_of(["cal+dal", *baselines.BEST], seeds)
        phases.append([run for run in extra if run not in phases[0]])
    return Plan(args, algorithm, data, s, seeds, phases, fork_of(args), folder_of(args),
                command_of(args))


def algorithm_of(args):
    """(the algorithm's class, options for data.load) that --model and --protocol ask for."""
    fork = fork_of(args)
    if args.model == "fast":
        return protocols.protocol(args.protocol) if args.protocol != "paper" else (SideBySide, {})
    if args.protocol != "paper":
        raise InputError(f"--model {args.model} works only with --protocol paper, because the"
                         " released code's differences need the fast model; use --model fast")
    return fork.learning() if args.model == fork.model else cal.ActiveLearning, {}


def fork_of(args):
    """What --fork names, in any process; without it, a Fork that defines nothing."""
    return forks.load(args.fork, args.fork_sha256)


def refuse_dynamics(args, names):
    """InputError if a strategy asks for the pool's dynamics under the released code's protocol."""
    asking = [name for name in names if getattr(STRATEGIES.get(name), "needs", ())]
    if asking and args.protocol != "paper":
        raise InputError(f"{asking[0]} asks for the training dynamics of the pool, which works only"
                         " with --protocol paper")


def default_strategies(dataset):
    """The strategies if the options name none: the paper's six; on the demo, the best of today too.

    On your own table there are four, without DAL, which takes a fifth of all time and helps least.
    """
    if dataset == "demo":
        return (*cal.SIX, "margin", "cal+unit")
    return ("random", "lc", "margin", "cal") if is_table(dataset) else cal.SIX


def folder_of(args):
    """The results directory of a command."""
    return Path(args.out) / results_name(args.dataset, args.protocol, args.vectors, args.noise,
                                         args.model)


def config_of(plan):
    """What config.json records: every setting, the data's SHA-256, versions and the device."""
    args, data = plan.args, plan.data
    x = np.ascontiguousarray(data.x)
    labels = dict.fromkeys(run.label for phase in plan.phases for run in phase)
    return {
        "settings": {
            "dataset": data.name, "data_sha256": data.sha256, "protocol": args.protocol,
            "vectors": args.vectors, "x_sha256": hashlib.sha256(x).hexdigest(), **asdict(plan.s),
            "model": args.model, "device": args.device,
        },
        "seeds": plan.seeds, "strategies": list(labels), "classes": data.classes,
        "about": data.about,
        "sources": made.sources(plan.algorithm, list(dict.fromkeys(
            run.strategy for phase in plan.phases for run in phase)), plan.fork.measures),
        **forked(plan.fork),
        "commands": [plan.command], "projections": made.projections(x),
        "versions": {"python": platform.python_version(), "numpy": np.__version__,
                     "torch": torch.__version__},
    }


def forked(fork):
    """What config.json records of a fork besides its functions' digests (in `sources`)."""
    return {"forks": {str(fork.path): fork.sha256}} if fork.path else {}


def defaults_of(args):
    """{name: value} of the options that are not given, beside the fork of these."""
    return vars(options.parser([], datamap.EPOCHS, fork_of(args).models).parse_args([]))


def command_of(args):
    """The command that makes the directory again, as one line."""
    words, defaults = ["python", "cal.py"], defaults_of(args)
    for name, value in vars(args).items():
        if name in NOT_OF_A_RUN or value == defaults.get(name) or value is None:
            continue
        option = options.typed(name)
        values = value if isinstance(value, (list, tuple)) else [value]
        words += [option] if value is True else [option, *map(str, values)]
    return shlex.join(words)


def named_fork(args, folder):
    """The Fork that this command names. The code of one that a results directory names is not run,
    because somebody else may have made the directory; a note says so."""
    path = folder / "config.json"
    old = read_config(path).get("forks") if path.exists() else None
    if old and not args.fork:
        note(f"note: {folder} was made with the fork {shortened(list(old)[-1])}, whose code is not"
             " run unless --fork names it")
    return fork_of(args)


def source_changed(folder, fork):
    """A sentence if the source has changed since a directory's runs were made, otherwise ""."""
    path = folder / "config.json"
    old = read_config(path) if path.exists() else {}
    then = argparse.Namespace(**{"model": "fast", **old.get("settings", {})}, fork=fork.path,
                              fork_sha256=fork.sha256)
    if not isinstance(old.get("sources"), dict) or then.model not in fork.models:
        return ""
    try:
        algorithm, _ = algorithm_of(then)
    except InputError as e:
        raise InputError(f"{path} is damaged ({shortened(e)}); start over with --fresh, or choose"
                         " another --out")
    new = made.sources(algorithm, list(old["sources"]["strategies"]), fork.measures)
    unlike = [name for names in made.changed(old["sources"], new) for name in names]
    return unlike and (f"These numbers were made with other source than this: {', '.join(unlike)}"
                       f" {'has' if len(unlike) == 1 else 'have'} changed since.") or ""


NOT_OF_A_RUN = ("out", "fresh", "report_only", "jobs", "device", "bench", "pool", "ablate",
                "again", "fork_sha256", "new_fork")


def work(args, task):
    """Do a task's runs and baselines, in any process."""
    with forks.blamed():
        do(plan_of(argparse.Namespace(**{**vars(args), "protocol": task.protocol})), task)


def do(plan, task):
    """The same, of a plan that has been made."""
    kind = keeping(forks.opened(plan.algorithm, plan.fork))
    if plan.args.save_dynamics:
        kind = saving(kind)
    with forks.blamed("", plan.fork.algorithm):
        algorithm = kind(plan.data, plan.s, Log(plan.folder), plan.args.device)
        for baseline in task.baselines:
            cal.all_the_data(algorithm, *baseline)
        algorithm.learn(task.runs)
