"""The digest of a function: of its own source where that says all, of whole files where it does
not.

A name that a function refers to is followed in its file. If one statement of the top level binds
it, and it still is what that says, the statement counts. Otherwise the whole file counts, with
every file of the user's that it imports. What a function is bound to (the arguments of a partial,
a closure, an object's attributes) counts by its value, and so does data that a file has read.
"""

import ast
import functools
import inspect
import sys
from pathlib import Path

from plumbing.source import (
    DEFINITIONS,
    IMPORTS,
    digest,
    dump,
    file_of,
    files_of,
    imported,
    in_project_path,
    neighbours,
    of_files,
    theirs,
    top_level,
)
from plumbing.unchanged import as_written, does_more, reads
from plumbing.values import Values, compiled, is_data, is_fixed, made_here, names_in

TRICKS = {"globals", "locals", "vars", "exec", "eval", "__import__", "__builtins__", "importlib",
          "builtins", "sys", "inspect", "runpy", "gc"}  # ways to something that is not named
NOT_HELD = {"reads_map", "__wrapped__"}  # how often a strategy is run; what is followed anyway


def of(thing):
    """The digest of a function, a class or any other object that can be called."""
    return Writer().of(thing)


def of_named(module, name):
    """The digest of a module's top-level name and of all that it refers to."""
    return digest(*Writer().named(module, name))


class Writer(Values):
    """Writes functions and classes too."""

    def of(self, thing):
        if again := self.again(thing):
            return again
        if isinstance(thing, functools.partial):
            bound = self.text((thing.args, thing.keywords))
            return digest(self.of(thing.func), bound, *self.attributes(thing))
        if inspect.ismethod(thing):
            return digest(self.of(thing.__func__), self.text(thing.__self__))
        if inspect.isclass(thing):
            return digest(*self.of_class(thing))
        function = inspect.unwrap(thing)
        if not inspect.isfunction(function):
            name = getattr(thing, "__qualname__", None)  # of a function in C
            return digest(str(thing.__module__), name) if name else digest(
                self.of(type(thing)), *self.state(thing))
        if in_place(thing, function):
            return digest(*self.named(function.__module__, function.__qualname__))
        return digest(*self.loose(thing))

    def of_class(self, cls):
        """The texts of a class, and of those of the project or of a user that it inherits from."""
        classes = [c for c in cls.__mro__ if c is not object and made_here(c)]
        for c in classes:
            if file_of(c.__module__):
                yield digest(*self.named(c.__module__, c.__qualname__))
            if not in_place(c, c):
                yield from self.loose_class(c)
        if not classes:
            yield f"{cls.__module__}.{cls.__qualname__}"

    def loose_class(self, cls):
        """The texts of a class that is made in a function, or typed in."""
        functions = [part for _, part in sorted(vars(cls).items()) if inspect.isfunction(part)]
        if file := file_of(cls.__module__):
            yield from self.files([file])
        else:
            yield from (cls.__qualname__, *(compiled(part.__code__) for part in functions))
        for name, part in sorted(vars(cls).items()):
            if inspect.isfunction(part):
                yield from self.inside(part)
            elif not name.startswith("__") and not inspect.isdatadescriptor(part):
                yield f"{name} {self.text(part)}"
            for inner in ("fget", "fset", "__func__"):
                if not inspect.isfunction(part) and hasattr(part, inner):
                    yield f"{name} {self.text(getattr(part, inner))}"

    def named(self, module, name):
        """The texts of a module's top-level name, and of all that it refers to."""
        file = file_of(module)
        if file is None:
            return [module, name]
        own, scope = theirs(file), vars(sys.modules[module])
        names = top_level(file.read_bytes())
        found, elsewhere, todo = {}, set(), [name.partition(".")[0]]
        lost = {"the file"} if own and does_more(file, module) else set()
        while todo:
            name = todo.pop()
            if own and (name in TRICKS or (name in names or name in scope)
                        and name not in found and not as_written(name, names, scope, file)):
                lost.add(name)
            if name in found or name not in names:
                continue
            node = names[name][-1]
            found[name] = dump(node)
            if isinstance(node, IMPORTS):
                elsewhere |= imported(node, file, name)
                continue
            parts = list(ast.walk(node))
            todo += [part.id for part in parts if isinstance(part, ast.Name)]
            if own:
                elsewhere = elsewhere.union(*(imported(part, file) for part in parts
                                              if isinstance(part, IMPORTS)))
        attributes = [text for name in sorted(found) if own and isinstance(
            names[name][-1], DEFINITIONS) for text in (
                self.held if name in lost else self.attributes)(scope.get(name))]
        return [*(found[name] for name in sorted(found)), *self.files(elsewhere, file), *attributes,
                *(self.files([file]) if lost else ()),
                *self.data(file, None if lost & TRICKS else lost)]

    def files(self, files, but=None):
        """The digests of whole files, of those they import, and of the data that these have."""
        files = sorted({*files, *neighbours(filter(theirs, files))} - {but})
        return [of_files([file]) for file in files] + [
            text for file in files if theirs(file) for text in self.data(file)]

    def data(self, file, wanted=None):
        """The texts of the data in a file's module that its source alone does not say; wanted: the
        names that matter, None for all."""
        modules = [module for name, module in list(sys.modules.items()) if file_of(name) == file]
        if not modules or wanted is None and modules[0] is sys.modules["__main__"]:
            return
        names, scope = top_level(file.read_bytes()), vars(modules[0])
        for name in sorted(names if wanted is None else wanted):
            value, read = scope.get(name), reads(names.get(name, ()))
            if is_data(value) and (read or not is_fixed(value)) and not as_written(
                    name, names, scope, file):
                yield f"{name} {self.text(value)}"

    def loose(self, thing):
        """The texts of a function that is no top-level one: made inside another, by exec, by a
        decorator, or typed in."""
        code = getattr(thing, "__code__", None)
        if not code or not in_project_path(Path(code.co_filename).resolve()):
            yield thing.__qualname__
        elif Path(code.co_filename).is_file():
            yield of_files([code.co_filename])
        else:
            yield from (thing.__qualname__, compiled(code))
        yield from self.inside(thing)

    def inside(self, function):
        """The texts of what a function holds, and of what it refers to."""
        yield from self.held(function)
        if code := getattr(function, "__code__", None):
            own = Path(code.co_filename).resolve()
            files = [file for file in (own, file_of(function.__module__))
                     if theirs(file) and file.is_file()]
            yield from self.files(files[:1], own)
            if files:
                yield from self.data(files[0], names_in(code))
            elif made_here(function) and not own.is_file():
                yield from self.referred(code, function.__globals__)

    def held(self, function):
        """The texts of a function's closure, defaults and attributes, and of what it wraps; of a
        class's data."""
        if inspect.isclass(function):
            yield from (f"{name} {self.text(value)}" for name, value in sorted(
                vars(function).items()) if is_data(value) and not name.startswith("__"))
            return
        cells = getattr(function, "__closure__", None) or ()
        for name, cell in zip(function.__code__.co_freevars if cells else (), cells):
            try:
                if name != "__class__":  # that of super(): the class it stands in
                    yield self.text(cell.cell_contents)
            except ValueError:  # nothing in it yet
                yield "empty"
        held = [getattr(function, name, None) for name in ("__defaults__", "__kwdefaults__")]
        yield from (self.text(value) for value in held if value)
        yield from self.attributes(function)
        if hasattr(function, "__wrapped__"):
            yield self.of(function.__wrapped__)

    def referred(self, code, scope):
        """The texts of what compiled code refers to by name, in what is typed in."""
        for name in sorted(names_in(code)):
            value = scope.get(name)
            if name not in scope or inspect.ismodule(value):
                yield from self.files(files_of(getattr(value, "__name__", name)))
            elif is_data(value) or made_here(
                    value if hasattr(value, "__qualname__") else type(value)):
                yield f"{name} {self.text(value)}"

    def attributes(self, function):
        """The texts of a function's attributes, `needs` for example."""
        held = {} if inspect.isclass(function) else {
            name: value for name, value in getattr(function, "__dict__", {}).items()
            if name not in NOT_HELD}
        return [self.text(held)] if held else []


def in_place(thing, function):
    """Whether something is what its module has under its own name."""
    module = sys.modules.get(function.__module__)
    return file_of(function.__module__) is not None and getattr(
        module, function.__qualname__, None) is thing
