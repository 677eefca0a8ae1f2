"""Reading a fork: a Python file that defines some of the names below (docs/fork.md).

    STRATEGIES = {"name": function(view, k) -> rows [R, k]}
    MODEL = Net           an nn.Module class with psi and out, or a subclass of datamap.Models
    ALGORITHM = Mine      a subclass of cal.ActiveLearning, for what none of the others can do
    MEASURES = {"name": function(p [R, n, C], y [n]) -> [R]}
    READERS = {"name": function(data_dir) -> {"train": (texts, labels), "test": ...}}
    REPORT = {"title": function(results) -> Markdown}
    on_round(view, scores, picked)      called when a strategy has picked

The command loads it before it reads its options, and so does every process that it starts.
"""

import hashlib
import importlib.util
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

import cal
import data
import datamap
import strategies
from fast import SideBySide
from forks.blame import blamed
from forks.calls import check_calls
from forks.readers import checked
from plumbing.config import text as is_text
from plumbing.files import InputError, note, shortened
from plumbing.source import ours
from tables.records import is_table

DICTS = "STRATEGIES", "MEASURES", "READERS", "REPORT"
NAMES = (*DICTS, "MODEL", "ALGORITHM", "on_round")
NEEDS = {"pool_dynamics"}  # what a strategy may ask for
FIELDS = {"round", "labelled", "accuracy", "f1", "recall", "picked", "batch", "seconds", "memory",
          # and of curves.csv and Results.curves
          "train", "select", "dataset", "data_sha256", "vectors", "protocol", "model", "strategy",
          "t_cor", "seed", "finished", "macro_f1", "confidence", "variability", "correctness",
          "train_seconds", "select_seconds", "made"}
BECOMES = {"STRATEGIES": "run file", "MEASURES": "column", "READERS": "folder"}  # a name does
FILES = {"maps", "border", "texts", "made-with", "seed set"}  # beside the run files
ACTIVE_LEARNING = cal.ActiveLearning


@dataclass
class Fork:
    """What a file defines; without a file, nothing. names: the fork's {what: {name: function}}."""

    path: Path = None
    sha256: str = ""
    names: dict = field(default_factory=lambda: {name: {} for name in DICTS})
    network: type = None
    algorithm: type = None
    on_round: object = None

    @property
    def model(self):
        """The name of the fork's network or algorithm, a choice of --model; None without one."""
        parts = [part.__name__ for part in (self.algorithm, self.network) if part]
        return "+".join(parts) or None

    @property
    def models(self):
        """The choices of --model; the first is the default."""
        return (*([self.model] if self.model else []), "fast", "plain")

    @property
    def measures(self):
        return self.names["MEASURES"]

    def place(self, what):
        """Where one of NAMES stands: in the fork's file, or in a notebook's call."""
        return f"{self.path}: {what}" if self.path else f"experiment(): {what.lower()}"

    def learning(self):
        """The subclass of cal.ActiveLearning that the fork's network and algorithm make."""
        base, network = self.algorithm or SideBySide, self.network
        if not network:
            return base
        own = {"__module__": network.__module__, "__qualname__": network.__qualname__}
        theta = network if issubclass(network, datamap.Models) else type(
            network.__name__, (datamap.Models,), {"network": network, **own})
        shape = {"lr": network.lr} if hasattr(network, "lr") else {}
        owner = self.algorithm or network  # whose source config.json records
        return type(owner.__name__, (base,), {
            "Theta": theta, "shape": {**base.shape, **shape},
            "__module__": owner.__module__, "__qualname__": owner.__qualname__})


def load(path=None, sha256=None):
    """The Fork in a file, its strategies and readers added to the project's; once per process.

    path: None for none, which takes out what an earlier call has added. sha256: of the text that
    the command began with, for its worker processes. InputError, with file and line, if the file
    is missing, raises, or defines something that cannot be used.
    """
    path = Path(path).resolve() if path else None
    if path and path == loaded[-1].path and sha256 == loaded[-1].sha256:
        return loaded[-1]
    forget(loaded.pop())
    loaded.append(Fork())
    if path:
        try:
            loaded[-1] = fork = read(path, sha256)
        except BaseException:
            forget(Fork(path))
            raise
        strategies.STRATEGIES.update(fork.names["STRATEGIES"])
        data.READERS.update(fork.names["READERS"])
    return loaded[-1]


loaded = [Fork()]  # the one that this process has loaded


def forget(fork):
    """Take a fork's names, its module and its neighbours out again."""
    for name in fork.names["STRATEGIES"]:
        strategies.STRATEGIES.pop(name, None)
    for name in fork.names["READERS"]:
        data.READERS.pop(name, None)
    if fork.path:
        folder = str(fork.path.parent)
        sys.path[:] = [sys.path[0], *(place for place in sys.path[1:] if place != folder)]
        for name, module in list(sys.modules.items()):
            file = Path(getattr(module, "__file__", None) or "/")
            if file.parent == fork.path.parent and not ours(file) and name != "__main__":
                del sys.modules[name]


def module_name(path):
    return re.sub(r"\W", "_", path.stem)


def read(path, sha256):
    """Run the file -> the Fork, with every name checked; nothing is registered yet."""
    if path.suffix != ".py" or not path.is_file():
        raise InputError(f"--fork {path}: " + ("there is no such file" if path.suffix == ".py" else
                         "not a .py file") + "; `python cal.py --new-fork mine.py` writes one")
    source = path.read_bytes()
    found = hashlib.sha256(source).hexdigest()
    if sha256 and found != sha256:
        raise InputError(f"{path} has changed since the command began; give the command again")
    before = dict(strategies.STRATEGIES), dict(data.READERS)
    try:
        with blamed():
            module = run(path, source)
        fork = Fork(path, found, {name: dict_of(module, path, name) for name in DICTS},
                    on_round=getattr(module, "on_round", None))
        for name, registry, old in (("STRATEGIES", strategies.STRATEGIES, before[0]),
                                    ("READERS", data.READERS, before[1])):
            fork.names[name] |= registered(registry, old, path)
        if cal.ActiveLearning is not ACTIVE_LEARNING:
            raise InputError(f"{path} assigns to cal.ActiveLearning; write ALGORITHM = Mine, with"
                             " the name of your subclass, instead")
    finally:
        cal.ActiveLearning = ACTIVE_LEARNING
        for registry, old in zip((strategies.STRATEGIES, data.READERS), before):
            registry.clear()
            registry.update(old)
    check_names(fork, before)
    fork.algorithm, fork.network = algorithm_in(module, path), network_in(module, path)
    check_calls(fork)
    if not any(hasattr(module, name) for name in NAMES) and not (
            fork.model or any(fork.names.values())):
        raise InputError(f"{path} defines none of {', '.join(NAMES)}; see docs/fork.md")
    for what, wrap in (("READERS", checked), ("REPORT", section)):
        fork.names[what] = {name: wrap(name, own) for name, own in fork.names[what].items()}
    return fork


def refuse_taken(path):
    """InputError for a file of a name under which a module can be imported already."""
    name = module_name(path)
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if name in sys.modules or spec and Path(spec.origin or "/").resolve() != path.resolve():
        raise InputError(f"{path}: there is a module named {name} already, which the fork's imports"
                         " would get; rename the file")


def run(path, source):
    """Run a file's text as a module of its own name; its neighbours can be imported."""
    refuse_taken(path)
    name = module_name(path)
    sys.path.insert(1, str(path.parent))  # after the project: `import data` is always ours
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location(name, path))
    sys.modules[name] = module
    try:
        code = compile(source, str(path), "exec")
    except (SyntaxError, ValueError) as e:  # a ValueError for null bytes
        line = f", line {e.lineno}" if getattr(e, "lineno", None) else ""
        raise InputError(f"{path}{line}: SyntaxError: {shortened(getattr(e, 'msg', e))}")
    exec(code, vars(module))
    return module


def section(title, function):
    """A fork's section of the report; it returns Markdown, or "" for none."""
    def written(r):
        with blamed(f"REPORT, {title}", function):
            text = function(r)
        if not is_text(text):
            what = "half of a surrogate pair" if isinstance(text, str) else type(text).__name__
            raise InputError(f"REPORT, {title}: returned {what} instead of Markdown")
        return text

    return written


def dict_of(module, path, name):
    """A module's dict of functions, or {}."""
    found = getattr(module, name, {})
    if found is vars(strategies).get(name) or found is vars(data).get(name):
        return {}  # `from strategies import STRATEGIES`, to register in it
    if not isinstance(found, dict) or not all(
            isinstance(key, str) and callable(value) for key, value in found.items()):
        raise InputError(f"{path}: {name} has to be a dict of names and functions, for example"
                         f' {name} = {{"mine": mine}}')
    return dict(found)


def registered(registry, old, path):
    """The names that a file has added to a dict of the project; an InputError for a taken one."""
    taken = [name for name in old if registry.get(name) is not old[name]]
    if taken:
        raise InputError(f"{path}: the name {taken[0]} is taken; give yours another name")
    return {name: value for name, value in registry.items() if name not in old}


def check_names(fork, before):
    """InputError for a name that is taken, or that a file cannot have."""
    for what, taken in (("STRATEGIES", [*before[0], "full", *FILES]), ("READERS", before[1]),
                        ("MEASURES", FIELDS)):
        lower = {name.lower() for name in taken}
        for name in fork.names[what]:
            if not isinstance(name, str):
                raise InputError(f"{fork.place(what)}: {name!r} is no name; write it as a string")
            if name.lower() in lower or what == "STRATEGIES" and name.startswith("full-"):
                raise InputError(f"{fork.place(what)}: the name {name!r} is taken; give yours"
                                 " another name")
            if not re.fullmatch(r"[A-Za-z0-9_+.-]+", name) or name[0] in "-." or re.search(
                    r"-t[\d.]+$|-\d+$", name) or is_table(name):
                raise InputError(f"{fork.place(what)}: the name {name!r} cannot be that of a"
                                 f" {BECOMES[what]}; "
                                 + ("" if fork.path else "give a dict of names and functions, and ")
                                 + "use letters, digits and + - _ . (not -t0.4 or -3 at the end)")
    if odd := [title for title in fork.names["REPORT"] if not is_text(title)]:
        raise InputError(f"{fork.place('REPORT')}: the title {odd[0]!r:.60} is no text that a file"
                         " can hold")
    for name, function in fork.names["STRATEGIES"].items():
        needs = getattr(function, "needs", ())
        if not isinstance(needs, (set, frozenset, list, tuple)):
            raise InputError(f"{fork.place('STRATEGIES')}: {name}.needs has to be a set of names,"
                             f" for example {NEEDS}")
        unknown = [need for need in needs if need not in list(NEEDS)]
        if unknown:
            raise InputError(f"{fork.place('STRATEGIES')}: {name}.needs has {unknown[0]!r}; a"
                             f" strategy may need {', '.join(NEEDS)}")


def algorithm_in(module, path):
    """ALGORITHM, or None."""
    found = getattr(module, "ALGORITHM", None)
    if found and not (isinstance(found, type) and issubclass(found, cal.ActiveLearning)):
        raise InputError(f"{path}: ALGORITHM has to be a subclass of cal.ActiveLearning (or of"
                         " fast.SideBySide, which is quicker)")
    return found


def network_in(module, path):
    """MODEL; without that name, the one network that the file defines, or None."""
    if hasattr(module, "MODEL"):
        found = module.MODEL
        if found and not (isinstance(found, type)
                          and issubclass(found, (nn.Module, datamap.Models))):
            raise InputError(f"{path}: MODEL has to be a class, an nn.Module with psi and out")
        return found
    here = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, nn.Module)
            and c.__module__ == module.__name__]
    here = [c for c in here if hasattr(c, "psi")] or here
    if len(here) > 1:
        raise InputError(f"{path} defines several networks, {', '.join(c.__name__ for c in here)};"
                         " name one, for example MODEL = " + here[0].__name__)
    if here:
        note(f"note: the network is {here[0].__name__} of {path.name}; MODEL = None would keep the"
             " paper's")
    return here[0] if here else None
