"""Source files as syntax trees, and the files that a fork imports.

A tree is without docstrings, so comments, docstrings and line breaks change nothing.
"""

import ast
import functools
import hashlib
import sys
from importlib.machinery import PathFinder
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LENGTH = 12  # hexadecimal digits
OWN = "baselines", "released"  # rooms whose files count for what imports from them
FIVE = "cal", "data", "datamap", "stats", "strategies"
ROOMS = (*OWN, "command", "demo", "docs", "dynamics", "fast", "forks", "labelling", "page",
         "plumbing", "report", "studies", "tables", "vectors")
DEFINITIONS = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef
IMPORTS = ast.Import, ast.ImportFrom


def digest(*parts):
    """Twelve hexadecimal digits of some texts, in order."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]


def of_files(paths):
    """The digest of whole files of Python source."""
    return digest(*(whole(Path(path).read_bytes()) for path in paths))


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


def theirs(path):
    """Whether a file is a user's: a fork's, or one that a fork imports."""
    return path is not None and in_project_path(path) and not ours(path)


def file_of(module):
    """The source file of a module that has been imported, or None."""
    path = getattr(sys.modules.get(module), "__file__", None)
    return whole_path(path) if path and path.endswith(".py") else None


@functools.cache
def whole_path(path):
    """A file's resolved path; None if there is no such file (torch says so of some modules)."""
    path = Path(path).resolve()
    return path if path.is_file() else None


def files_of(module):
    """The files that an import of a user's module may run: its own, or all of its package."""
    first = module.partition(".")[0]
    if loaded := file_of(first):
        places = [loaded.parent if loaded.name == "__init__.py" else loaded]
    else:
        spec = PathFinder.find_spec(first) if first else None
        folders = spec and (spec.origin or first != module) and spec.submodule_search_locations
        places = folders or ([spec.origin] if spec and spec.origin else [])
    return {file.resolve() for place in map(Path, places) if theirs(place.resolve())
            for file in ([place] if place.suffix == ".py" else place.rglob("*.py"))}


def neighbours(files):
    """A user's files, and all that they import or name, over any number of steps; sorted."""
    found, todo = set(), list(files)
    while todo:
        file = todo.pop()
        if file not in found:
            found.add(file)
            todo += set().union(*map(files_of, named_in(tree_of(file.read_bytes()))))
    return sorted(found)


def named_in(node):
    """The modules that a piece of source imports, or may: "b" of importlib.import_module("b")."""
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            yield from (alias.name for alias in part.names)
        elif isinstance(part, ast.ImportFrom) and not part.level:
            yield from (f"{part.module}.{alias.name}" for alias in part.names)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            name = part.value.rpartition("/")[2].removesuffix(".py")
            if name.isidentifier() and name.isascii() and len(name) < 99:
                yield name


def imported(node, file, name=None):
    """The files of the project, or a user's, that an import reads; name: that it binds, or all."""
    aliases = [alias for alias in node.names if name in (None, bound_by(alias))]
    if isinstance(node, ast.ImportFrom):
        modules = [*(f"{node.module}.{alias.name}" for alias in aliases), node.module or ""]
    else:
        modules = [alias.name for alias in aliases]
    paths = {path for module in modules for path in files_of(module)}
    first = [path for module in modules if (path := file_of(module))][:1]
    return (paths or {path for path in first if path.parent in [ROOT / room for room in OWN]}
            ) - {file}


def bound_by(alias):
    return (alias.asname or alias.name).partition(".")[0]


@functools.cache
def top_level(source):
    """{name: the statements of a file's top level that bind it}."""
    return bindings(tree_of(source).body)


def bindings(body):
    """{name: those of some statements that bind it}, inside `if`, `for`, `with` and `try` too."""
    names = {}
    for statement in body:
        for name in dict.fromkeys(bound(statement)):
            names.setdefault(name, []).append(statement)
    return names


def bound(node):
    """The names that a statement binds where it stands."""
    if isinstance(node, DEFINITIONS):
        yield node.name
    elif isinstance(node, IMPORTS):
        yield from map(bound_by, node.names)
    elif isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif not isinstance(node, (ast.Lambda, ast.GeneratorExp, ast.ListComp, ast.SetComp,
                               ast.DictComp)):
        if isinstance(getattr(node, "name", None), str):  # except ... as name, case ... as name
            yield node.name
        for part in ast.iter_child_nodes(node):
            yield from bound(part)


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
