"""What results were made with: digests of the source that fixes their numbers.

A digest is that of the syntax tree without docstrings, so comments, docstrings and line breaks
change nothing. A function or class counts with what it refers to in its own file, and with the
files of a fork or of baselines/ that it imports from. What every run needs is in `core`.
"""

import ast
import contextlib
import functools
import hashlib
import inspect
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
LENGTH = 12  # hexadecimal digits
CORE = "cal.py", "datamap.py", "plumbing/draws.py", "plumbing/measures.py"
FAST = "fast/stack.py", "fast/side_by_side.py"
OWN = "baselines", "released"  # rooms whose files count for what imports from them
FIVE = "cal", "data", "datamap", "stats", "strategies"
ROOMS = (*OWN, "command", "demo", "docs", "dynamics", "fast", "forks", "labelling", "page",
         "plumbing", "report", "studies", "tables", "vectors")


def sources(algorithm, strategies, measures=None):
    """What config.json records of an algorithm's class: {"core": {name: digest}, "strategies":
    {name: digest}}. strategies: the names of those that run. measures: {name: function} of a
    fork, whose digests are beside the strategies', under "measure NAME"."""
    classes = [c for owner in (algorithm, algorithm.Theta if isinstance(algorithm.Theta, type)
                               else object, algorithm.View)
               for c in owner.__mro__ if c is not object and in_project(c.__module__)
               and not vars(c).get("changes_no_number")]
    core = {name: of_files([ROOT / name]) for name in CORE}
    if any(file_of(c.__module__) == ROOT / FAST[1] for c in classes):
        core |= {name: of_files([ROOT / name]) for name in FAST}
    for c in classes:
        if (path := file_of(c.__module__)) not in [ROOT / name for name in (*CORE, *FAST)]:
            core[f"{path.stem}.{c.__qualname__}"] = of_named(c.__module__, c.__qualname__)
    network = getattr(algorithm.Theta, "network", None)
    if isinstance(network, type):
        core["network"] = of(network)
    functions = algorithm.strategies if isinstance(algorithm.strategies, dict) else {}
    digests = {name: of(functions[name]) for name in strategies if name in functions}
    digests |= {f"measure {name}": of(function) for name, function in (measures or {}).items()}
    return {"core": core, "strategies": digests}


def changed(old, new):
    """(names of the core, names of strategies) whose digests differ between two `sources`."""
    core = [name for name in new["core"] if old["core"].get(name) != new["core"][name]]
    core += [name for name in old["core"] if name not in new["core"]]
    return core, [name for name, value in new["strategies"].items()
                  if old["strategies"].get(name, value) != value]


def of_files(paths):
    """The digest of whole files of Python source."""
    return digest(*(whole(Path(path).read_bytes()) for path in paths))


def of(thing):
    """The digest of a function or a class, with what it refers to.

    A functools.partial counts with its arguments, a callable object with its class. What has no
    source file (typed into an interpreter or a notebook) counts by its compiled code alone.
    """
    if isinstance(thing, functools.partial):
        return digest(of(thing.func), repr((thing.args, thing.keywords)))
    thing = inspect.unwrap(thing) if callable(thing) else thing
    if not inspect.isfunction(thing) and not inspect.isclass(thing):
        thing = getattr(thing, "__func__", type(thing))
    if file_of(thing.__module__) is None:
        return digest(thing.__qualname__, *map(compiled, code_in(thing)))
    if inspect.isclass(thing):
        return digest(*(of_named(c.__module__, c.__qualname__) for c in thing.__mro__
                        if c is not object and in_project(c.__module__)))
    if thing.__closure__ or "<lambda>" in thing.__qualname__ or "<locals>" in thing.__qualname__:
        cells = [repr_of(cell.cell_contents) for cell in thing.__closure__ or ()]
        return digest(of_code(thing), *cells)
    return of_named(thing.__module__, thing.__qualname__)


def of_code(function):
    """The digest of a function that is made inside another: the file that it is in."""
    file = Path(function.__code__.co_filename)
    return of_files([file]) if file.exists() else compiled(function.__code__)


def code_in(thing):
    """The code of a function, or of every function of a class, by name."""
    if inspect.isfunction(thing):
        return [thing.__code__]
    functions = [part for _, part in sorted(vars(thing).items()) if inspect.isfunction(part)]
    return [function.__code__ for function in functions]


def compiled(code):
    """Compiled code as text: its instructions, names and constants, not its lines."""
    inner = [compiled(c) if inspect.iscode(c) else repr(c) for c in code.co_consts]
    return " ".join((code.co_code.hex(), repr(code.co_names), *inner))


def repr_of(value):
    """What a closure holds, as text: numbers and strings as they are, functions by their digest."""
    return of(value) if callable(value) else repr(value)[:1000]


def of_named(module, name):
    """The digest of a module's top-level name and of all that it refers to."""
    file = file_of(module)
    if file is None:
        return digest(module, name)
    names = top_level(file)
    found, todo, elsewhere = {}, [name.partition(".")[0]], set()
    while todo:
        name = todo.pop()
        if name in found or name not in names:
            continue
        node = names[name]
        found[name] = dump(node)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            elsewhere |= imported(node, name, file)
            continue
        todo += [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    return digest(*(found[name] for name in sorted(found)),
                  *(of_files([path]) for path in sorted(elsewhere)))


def imported(node, name, file):
    """The files of the project, or beside a fork, that an import of `name` reads."""
    if isinstance(node, ast.ImportFrom):
        inside = [f"{node.module}.{alias.name}" for alias in node.names
                  if (alias.asname or alias.name) == name]
        modules = [*inside, node.module]
    else:
        modules = [alias.name for alias in node.names if (alias.asname or alias.name) == name]
    paths = [path for module in modules if (path := file_of(module))][:1]
    return {path for path in paths if path != file and (
        in_project_path(path) and not ours(path)
        or path.parent in [ROOT / room for room in OWN])}


def in_project(module):
    """Whether a module is one of this project's, or a fork's: not torch's nor the library's."""
    path = file_of(module)
    return path is not None and in_project_path(path)


def in_project_path(path):
    library = Path(ast.__file__).resolve().parent
    return "site-packages" not in path.parts and library not in path.parents


def ours(path):
    """Whether a file is this project's own, and not a fork's that lies among them."""
    if ROOT not in path.parents:
        return False
    first = path.relative_to(ROOT).parts[0]
    return first in ROOMS or first.removesuffix(".py") in (*FIVE, "conftest", "test_cal")


def file_of(module):
    """The source file of a module that has been imported, or None."""
    path = getattr(sys.modules.get(module), "__file__", None)
    return Path(path).resolve() if path and path.endswith(".py") else None


def top_level(file):
    """{name: the node that defines it} of a file's top level; the last one counts."""
    names = {}
    for node in tree_of(file.read_bytes()).body:
        for name in defined(node):
            names[name] = node
    return names


def defined(node):
    """The names that a top-level statement defines."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [part.id for target in targets if target is not None for part in ast.walk(target)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)]


@functools.cache
def tree_of(source):
    """The syntax tree of a file's bytes, without docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(
                body[0].value, ast.Constant) and isinstance(body[0].value.value, str):
            body[0].value.value = ""
    return tree


@functools.cache
def whole(source):
    """A whole file's syntax tree as text."""
    return dump(tree_of(source))


def dump(node):
    """A syntax tree as text, the same under every version of Python: without empty fields."""
    if isinstance(node, list):
        return "[" + " ".join(map(dump, node)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    return f"({type(node).__name__} " + " ".join(
        f"{name}={dump(value)}" for name, value in ast.iter_fields(node)
        if value is not None and value != [] and name not in ("kind", "type_comment")) + ")"


def projections(x):
    """Five numbers of x [N, D] that change with any row, but hardly with its last bits.

    Another processor's pool vectors differ from this one's in their last bits. Their SHA-256 does
    not say that they are the same otherwise; these numbers do (`close`).
    """
    random = np.random.default_rng(0)
    u, v = random.standard_normal((4, len(x))), random.standard_normal((x.shape[1], 4))
    length = float(np.linalg.norm(x))
    return [length, *(((u @ x) * v.T).sum(1) / (length or 1)).tolist()]


def close(a, b):
    """Whether two lists of `projections` are of the same x, apart from its last bits."""
    with contextlib.suppress(TypeError, ValueError):
        return len(a) == len(b) and bool(np.allclose(a, b, rtol=1e-4, atol=1e-4))
    return False


def digest(*parts):
    """Twelve hexadecimal digits of some texts, in order."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]
