"""Whether a fork's functions can be called as the project calls them, asked before any training."""

import inspect
from types import FunctionType

import cal
from fast import SideBySide
from plumbing.files import InputError, shortened

TAKES = {"STRATEGIES": ("view", "k"), "MEASURES": ("p", "y"), "READERS": ("data_dir",),
         "REPORT": ("results",), "on_round": ("view", "scores", "picked")}
OURS = SideBySide, cal.ActiveLearning


def check_calls(fork):
    """InputError for a function of a fork that cannot be called with what it will be given."""
    for what, functions in fork.names.items():
        for name, function in functions.items():
            check_call(f"{fork.place(what)}: {name}", function, TAKES[what])
    if fork.on_round is not None:
        check_call(fork.place("on_round"), fork.on_round, TAKES["on_round"])
    for name, takes in methods_of(fork.algorithm):
        check_call(f"{fork.place('ALGORITHM')}: {fork.algorithm.__name__}.{name}",
                   inspect.getattr_static(fork.algorithm, name), takes)


def check_call(whose, function, takes):
    """InputError unless a function takes these arguments; what has no signature is let through."""
    function = getattr(function, "__func__", function) if isinstance(
        function, (staticmethod, classmethod)) else function
    if not callable(function):
        raise InputError(f"{whose} is {shortened(repr(function), 60)} instead of a function of"
                         f" ({', '.join(takes)})")
    try:  # of the wrapper itself, which may take other arguments than what it wraps
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*takes)
    except TypeError:
        raise InputError(f"{whose} is called with the arguments ({', '.join(takes)}), but it is"
                         f" written with {shortened(signature, 60)}")


def methods_of(algorithm):
    """(name, arguments) of each method of Algorithm 1 that a class overrides with its own."""
    for base in OURS if algorithm else ():
        for name, method in vars(base).items() if issubclass(algorithm, base) else ():
            own = inspect.getattr_static(algorithm, name)
            if isinstance(method, FunctionType) and not any(
                    own is vars(c).get(name) for c in OURS):
                first = [] if isinstance(own, staticmethod) else ["self"]
                for takes in ways_to_call(name, method):
                    yield name, (*first, *takes)


def ways_to_call(name, method):
    """The arguments, after self, with which the project calls a method of its own."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    takes = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD
             and (p.default is p.empty or name == "__init__")]
    more = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL]  # draws(stack, *purpose)
    return [takes + more, takes + more * 2] if more else [takes]
