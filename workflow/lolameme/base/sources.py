"""What a job's code means: a digest of all modules that its script imports, of their syntax without comments and
docstrings.

Rules carry it as a parameter. Editing the meaning of a module re-runs the jobs whose scripts import it, however far
down; editing a comment, a docstring, or a module that a job does not import re-runs nothing. Plug-ins (mixers, tasks,
analyses) are imported by name at run time, so a rule names those that a job uses, by wildcard. What only runs jobs and
shows how they do (`runtime`) changes no result, so it does not count. Nor does how reports name and draw a plug-in
(`DISPLAYED`): the rules of the report carry that beside their code.
"""

import ast
import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

WORKFLOW = Path(__file__).parent.parent.parent
_OURS = "lolameme"
DISPLAYED = {"mixers": frozenset({"LABEL", "COLOUR", "MARKER"}), "analyses": frozenset({"TITLE"})}  # by folder


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


@dataclass(frozen=True)
class _Source:
    """What counts of a Python source."""

    meaning: str  # a digest of its syntax tree without docstrings
    imported: frozenset[str]  # dotted names of ours, wherever the statement stands
    resources: tuple[str, ...]  # patterns of the files beside it that it reads, listed as `RESOURCES`


@functools.cache
def _parsed(text: str, displayed: frozenset[str]) -> _Source:
    tree = ast.parse(text)
    tree.body = [line for line in tree.body if not (_names(line) & displayed and isinstance(line.value, ast.Constant))]
    imported: set[str] = set()
    resources: tuple[str, ...] = ()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import name` may name a module, or something in the package itself
            imported.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            documents = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            if documents and isinstance(first.value.value, str):
                del node.body[0]
    for line in tree.body:
        if _names(line) == {"RESOURCES"}:
            resources = tuple(ast.literal_eval(line.value))
    ours = frozenset(name for name in imported if name.partition(".")[0] == _OURS)
    return _Source(hashlib.sha256(ast.dump(tree).encode()).hexdigest(), ours, resources)


def _names(line: ast.stmt) -> set[str]:
    """The names that a statement assigns to."""
    return {each.id for each in line.targets if isinstance(each, ast.Name)} if isinstance(line, ast.Assign) else set()


@functools.cache
def _source(path: Path) -> _Source:
    return _parsed(path.read_text(encoding="utf-8"), DISPLAYED.get(path.parent.name, frozenset()))


@functools.cache
def imports(path: Path) -> frozenset[Path]:
    """The files of our modules that a source names in import statements, anywhere in it, with their packages' own."""
    found: set[Path] = set()
    for name in _source(path).imported:
        parts = name.split(".")
        candidates = (_find(".".join(parts[: i + 1])) for i in range(len(parts)))
        found.update(file for file in candidates if file is not None and file.parent != WORKFLOW / _OURS / "runtime")
    return frozenset(found)


@functools.cache
def _reached(start: Path) -> frozenset[Path]:
    """A source, and all of ours that it imports, directly or not; with the files beside a module that it reads."""
    known, waiting = {start}, [start]
    while waiting:
        new = imports(waiting.pop()) - known
        known |= new
        waiting += new
    beside = {file for path in known for pattern in _source(path).resources for file in path.parent.glob(pattern)}
    return frozenset(known | beside)


@functools.cache
def _combined(files: frozenset[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(files):
        meaning = _source(path).meaning if path.suffix == ".py" else hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(WORKFLOW)}\0{meaning}\0".encode())
    return total.hexdigest()[:16]


@functools.cache
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


def forget() -> None:
    """Read all sources anew, where they may have changed since this process began."""
    for cached in (digest, imports, _reached, _combined, _find, _source):
        cached.cache_clear()
