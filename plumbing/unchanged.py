"""Whether a name of a file still is what the one statement that binds it says."""

import ast
import inspect
import re
import sys
from pathlib import Path

from plumbing.source import DEFINITIONS, IMPORTS, bindings, dump, theirs, top_level, tree_of
from plumbing.values import ARRAYS, Values, is_fixed, is_plain

OFFERED = "STRATEGIES", "READERS", "MEASURES", "REPORT"  # dicts that a fork may write into
READS = re.compile(r"'(open|read(?!s_map)\w*|load\w*|from(file|txt)|genfromtxt|memmap)'")
GENERATED = "__module__", "__qualname__", "__doc__", "_abc_impl"


def does_more(file, module):
    """Whether a file that is imported does more at its top level than to define names: it calls
    something, or writes into what it has imported. A script (`__main__`) may."""
    tree = tree_of(file.read_bytes())
    names = {name for name, nodes in top_level(file.read_bytes()).items()
             if not isinstance(nodes[0], IMPORTS)}
    return module != "__main__" and any(
        written_into(node) - names - {*OFFERED} or not isinstance(node, (
            *DEFINITIONS, ast.Assign, ast.AnnAssign, ast.Assert)) and calls(node)
        for node in tree.body if not is_main(node))


def is_main(node):
    """Whether a statement is `if __name__ == "__main__"`."""
    return isinstance(node, ast.If) and "'__name__'" in dump(node.test)


def written_into(node):
    """The names of what a statement's attributes and items are written into; "" for a call's."""
    roots = set()
    for part in ast.walk(node) if not isinstance(node, DEFINITIONS) else ():
        if isinstance(part, (ast.Attribute, ast.Subscript)) and not isinstance(part.ctx, ast.Load):
            while isinstance(part, (ast.Attribute, ast.Subscript)):
                part = part.value
            roots.add(getattr(part, "id", ""))
    return roots


def calls(node):
    """Whether a piece of source calls something where it stands."""
    if isinstance(node, (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)):
        return True
    parts = [node.args] if isinstance(node, ast.Lambda) else ast.iter_child_nodes(node)
    return not isinstance(node, DEFINITIONS) and any(map(calls, parts))


def reads(nodes):
    """Whether statements read a file, as far as the names say."""
    return any(READS.search(dump(node)) for node in nodes)


def as_written(name, names, scope, file, owner=None):
    """Whether `name` can be followed. names: {name: statements} of the body that it belongs to;
    scope: the values there. owner: the class whose body it is; None for a file's top level."""
    if name not in scope or len(names.get(name, ())) != 1:
        return False
    value, (node,) = scope[name], names[name]
    if isinstance(node, DEFINITIONS):
        return is_own(value, node, f"{owner.__qualname__}.{name}" if owner else name, file)
    if isinstance(node, ast.ImportFrom):
        wanted = {alias.asname or alias.name: alias.name for alias in node.names}[name]
        return getattr(sys.modules.get(node.module), wanted, value) is value
    if isinstance(node, ast.Import):
        return inspect.ismodule(value)
    if not isinstance(node, (ast.Assign, ast.AnnAssign)) or written_into(node):
        return False
    if isinstance(node.value, ast.Lambda) and not calls(node.value):
        return is_at(value, file, [node.value])
    return gives(node, name, value, vars(sys.modules[owner.__module__]) if owner else scope, scope)


def gives(statement, name, value, around, scope):
    """Whether an assignment still gives a name its value: done again, if it calls nothing."""
    if calls(statement):
        return is_fixed(value) and not reads([statement])
    if statement.value is None:  # a field: its type alone
        return True
    if any(isinstance(part, ast.Lambda) for part in ast.walk(statement)):
        return False
    again = dict(scope)
    try:
        exec(compile(ast.fix_missing_locations(ast.Module([statement], [])), "<again>", "exec"),
             dict(around), again)
    except Exception:  # it refers to what is gone
        return False
    return same(again[name], value)


def same(a, b):
    """Whether two values are one, or are alike in all that they hold."""
    if a is b or type(a) is not type(b):
        return a is b
    if isinstance(a, dict):
        return same([*a.items()], [*b.items()])
    if type(a) in (list, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, ARRAYS):
        return Values().array(a) == Values().array(b)
    return a == b if type(a) in (set, frozenset) else is_plain(a) and repr(a) == repr(b)


def is_own(value, node, qualname, file):
    """Whether a value is the function or class that a definition makes, with nothing put in."""
    for decorator in node.decorator_list:
        called = isinstance(decorator, ast.Call)
        if called and any(map(calls, (*decorator.args, *decorator.keywords))) or not isinstance(
                decorator.func if called else decorator, (ast.Name, ast.Attribute)):
            return False
    if isinstance(node, ast.ClassDef):
        return inspect.isclass(value) and value.__qualname__ == qualname and is_own_class(
            value, node, file)
    if not inspect.isfunction(value):  # a property, a static or class method
        value = next((inner for part in ("__func__", "fget", "func")
                      if (inner := getattr(value, part, None))), value)
    function = inspect.unwrap(value)
    wrapper = getattr(value, "__code__", None)
    if value is not function and wrapper and theirs(Path(wrapper.co_filename).resolve()):
        return False  # a decorator of the user's may hold anything
    return (is_at(function, file, [*node.decorator_list, node])
            and function.__qualname__ == qualname and not ("." in qualname and vars(function))
            and has_defaults(function, node.args))


def is_at(value, file, nodes):
    """Whether a value is a function whose source begins at one of some nodes of a file."""
    return inspect.isfunction(value) and Path(value.__code__.co_filename).resolve() == file and (
        value.__code__.co_firstlineno in [node.lineno for node in nodes])


def has_defaults(function, arguments):
    """Whether a function's defaults still are what its definition says."""
    named = [(argument.arg, default) for argument, default in zip(
        arguments.kwonlyargs, arguments.kw_defaults) if default]
    given = [*arguments.defaults, *(default for _, default in named)]
    held = function.__kwdefaults__ or {}
    if len(function.__defaults__ or ()) != len(arguments.defaults) or [*held] != [
            name for name, _ in named]:
        return False
    scope = function.__globals__
    return all(gives(ast.Assign([ast.Name("_", ast.Store())], default), "_", value, scope, scope)
               for default, value in zip(given, [*(function.__defaults__ or ()), *held.values()]))


def is_own_class(cls, node, file):
    """Whether a class holds what its body says, beside what Python puts into every class."""
    names, private = bindings(node.body), f"_{cls.__name__.lstrip('_')}__"
    held = {name[len(private) - 2 :] if name.startswith(private) else name: value
            for name, value in vars(cls).items()}
    return all(as_written(name, names, held, file, cls) if name in names
               else is_generated(name, value) for name, value in held.items())


def is_generated(name, value):
    """Whether Python, or a decorator of a library, has put a value into a class."""
    code = getattr(value, "__code__", None)
    return name in GENERATED or inspect.ismemberdescriptor(value) or (
        name.startswith("__") and not (code and theirs(Path(code.co_filename))))
