"""Values as text that is the same in every process: no memory address, no order of a set."""

import collections
import copyreg
import inspect
import random
import sys
import types

import numpy as np
import torch

from plumbing.source import digest, file_of, files_of, in_project, neighbours, of_files, theirs

ATOMS = (type(None), bool, int, float, complex, str, bytes, type(...), range, slice, torch.dtype,
         torch.device)
MANY = list, tuple, dict, set, frozenset, collections.deque
ARRAYS = np.ndarray, np.generic, torch.Tensor
CALLED = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, type,
          types.WrapperDescriptorType, types.MethodDescriptorType, types.MethodWrapperType)
RANDOM = random.Random, np.random.Generator, np.random.RandomState, np.random.BitGenerator


class Values:
    """Writes values down. seen: {id: (number, object)} of what has come by, so that circles end.

    A class below this one says what `of` a function or a class is.
    """

    def __init__(self, seen=()):
        self.seen = dict(seen)

    def again(self, thing):
        """Which thing this is of those that have come by, or "" for the first time."""
        if id(thing) in self.seen:
            return f"again {self.seen[id(thing)][0]}"
        self.seen[id(thing)] = len(self.seen), thing  # kept, so that no other gets its id
        return ""

    def text(self, value):
        """A value as text; numbers and strings, and lists and dicts of them, as Python does."""
        if is_plain(value):
            return repr(value)
        if isinstance(value, CALLED):
            return self.of(value)
        if isinstance(value, types.ModuleType):
            return f"{value.__name__} {of_files(neighbours(files_of(value.__name__)))}"
        if isinstance(value, ARRAYS):
            return self.array(value)
        if again := self.again(value):
            return again
        if type(value) in MANY:
            return f"{type(value).__name__} {self.items(value)}"
        return digest(self.of(type(value)), *self.state(value))

    def items(self, value):
        if isinstance(value, (set, frozenset)):
            return sorted(type(self)(self.seen).text(item) for item in value)
        return [self.text(item) for item in (
            value.items() if isinstance(value, dict) else value)]

    def array(self, value):
        if isinstance(value, torch.Tensor):
            if value.layout != torch.strided or value.device.type == "meta":
                return f"{value.layout} {value.device.type} {value.shape}"
            about = value.dtype, tuple(value.shape)
            content = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        else:
            about, content = (value.dtype, value.shape), np.ascontiguousarray(value)
            if value.dtype.hasobject:
                return f"{about} {self.text(value.tolist())}"
        return digest(str(about), content.tobytes().hex())

    def state(self, value):
        """The texts of what an object holds."""
        if not made_here(type(value)):
            return self.reduced(value)
        slots = [name for c in type(value).__mro__ for name, slot in sorted(vars(c).items())
                 if inspect.ismemberdescriptor(slot) and hasattr(value, name)]
        inside = self.items(value) if isinstance(value, MANY) else []
        return [self.text({**getattr(value, "__dict__", {}),
                           **{name: getattr(value, name) for name in slots}}), *inside]

    def reduced(self, value):
        """What pickle would keep of an object of a library. Without that, and for random numbers
        that nobody has seeded, the user's files have to do: one of them has made it."""
        files = [file for name in list(sys.modules) if theirs(file := file_of(name))]
        try:
            if files and isinstance(value, RANDOM):
                raise TypeError("another state in every process")
            reduce = copyreg.dispatch_table.get(type(value))
            kept = reduce(value) if reduce else value.__reduce_ex__(4)
            kept = (kept,) if isinstance(kept, str) else kept
            return [self.text(list(part) if hasattr(part, "__next__") else part) for part in kept]
        except Exception:  # whatever a library raises for what cannot be kept: a lock, a file
            return [of_files(neighbours(files))]


def is_plain(value):
    """Whether repr says all of a value."""
    try:
        if type(value) in (list, tuple):
            return all(map(is_plain, value))
        if type(value) is dict:
            return all(is_plain(part) for item in value.items() for part in item)
    except RecursionError:  # it holds itself
        return False
    return type(value) in ATOMS


def is_data(value):
    """Whether a value is numbers, texts and arrays alone, in whatever containers."""
    try:
        if isinstance(value, dict):
            return all(is_data(part) for item in value.items() for part in item)
        return all(map(is_data, value)) if isinstance(value, MANY) else isinstance(
            value, (*ATOMS, *ARRAYS))
    except RecursionError:  # it holds itself
        return False


def is_fixed(value):
    """Whether nothing can change inside a value."""
    return isinstance(value, ATOMS) or isinstance(value, (tuple, frozenset)) and all(
        map(is_fixed, value))


def made_here(thing):
    """Whether a function or class is of the project or of a user, in a file or typed in."""
    module = sys.modules.get(thing.__module__)
    return in_project(thing.__module__) or module is None or (
        thing.__module__ == "__main__" and file_of("__main__") is None)


def compiled(code):
    """Compiled code as text: its instructions, names and constants, not its lines."""
    inner = [compiled(c) if inspect.iscode(c) else Values().text(c) for c in code.co_consts]
    takes_more = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    odd = [str((takes_more, code.co_kwonlyargcount))] * bool(takes_more or code.co_kwonlyargcount)
    tries = [code.co_exceptiontable.hex()] if getattr(code, "co_exceptiontable", b"") else []
    return " ".join((code.co_code.hex(), repr(code.co_names), *inner, *odd, *tries))


def names_in(code):
    """The names that compiled code, and what is inside it, refers to."""
    inner = [names_in(c) for c in code.co_consts if inspect.iscode(c)]
    return set(code.co_names).union(*inner)
