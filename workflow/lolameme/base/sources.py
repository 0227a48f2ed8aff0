"""What a job's code means: a digest of all modules that its script imports, of their syntax without comments and
docstrings.

Rules carry it as a parameter. Editing the meaning of a module re-runs the jobs whose scripts import it, however far
down; editing a comment, a docstring, or a module that a job does not import re-runs nothing. Plug-ins (mixers, tasks,
analyses) are imported by name at run time, so a rule names those that a job uses, by wildcard. What only runs jobs and
shows how they do (`runtime`) changes no result, so it does not count.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

WORKFLOW = Path(__file__).parent.parent.parent
_OURS = "lolameme"
_RUNNING = WORKFLOW / _OURS / "runtime"


@functools.cache
def digest(script: str, *modules: str) -> str:
    """A digest of a script (a path relative to workflow/), of the modules named, and of all that they import of ours.

    Raises FileNotFoundError if one of them does not exist.
    """
    files = _reached(WORKFLOW / script)
    for module in modules:
        files = files | _reached(_file(module))
    return _combined(files)


def everything() -> str:
    """A digest of the whole package, which results carry as the version of the code that made them."""
    return _combined(frozenset((WORKFLOW / _OURS).rglob("*.py")))


def imports(path: Path) -> frozenset[Path]:
    """The files of our modules that a source names in import statements, anywhere in it, with their packages' own."""
    found: set[Path] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import name` may name a module, or something in the package itself
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == _OURS:
                candidates = (".".join(parts[: i + 1]) for i in range(len(parts)))
                found |= {file for each in candidates if (file := _find(each)) is not None and file.parent != _RUNNING}
    return frozenset(found)


@functools.cache
def _reached(start: Path) -> frozenset[Path]:
    """A source, and all of ours that it imports, directly or not; with the files beside a module that it reads."""
    known, waiting = {start}, [start]
    while waiting:
        new = imports(waiting.pop()) - known
        known |= new
        waiting += new
    return frozenset(known | {file for path in known for file in _resources(path)})


@functools.cache
def _combined(files: frozenset[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{path.relative_to(WORKFLOW)}\0{_meaning(path)}\0".encode())
    return total.hexdigest()[:16]


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def _meaning(path: Path) -> str:
    """A digest of a file: of a Python source its syntax tree without docstrings, of others their bytes."""
    if path.suffix != ".py":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            documents = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            if documents and isinstance(first.value.value, str):
                node.body[0] = ast.Pass()
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _resources(path: Path) -> Iterator[Path]:
    """Files that a module reads from its own folder: it lists their patterns as `RESOURCES`."""
    for line in _tree(path).body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) and line.targets[0].id == "RESOURCES":
            for pattern in ast.literal_eval(line.value):
                yield from path.parent.glob(pattern)


def _find(module: str) -> Path | None:
    stem = WORKFLOW / module.replace(".", "/")
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.exists():
            return path
    return None


def _file(module: str) -> Path:
    path = _find(module)
    if path is None:
        raise FileNotFoundError(f"{module}: a rule names this module, but it does not exist")
    return path
