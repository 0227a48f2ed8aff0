"""What a job's code means: a digest of all modules that its script imports, of their syntax without comments and
docstrings.

Rules carry it as a parameter. Editing the meaning of a module re-runs the jobs whose scripts import it, however far
down; editing a comment, a docstring, or a module that a job does not import re-runs nothing. Plug-ins (mixers, tasks,
analyses) are imported by name at run time, so a rule names those that a job uses, by wildcard. What only runs jobs and
shows how they do (`runtime`) changes no result, so it does not count. Nor does how reports name and draw a plug-in
(`DISPLAYED`): the rules of the report carry that beside their code.

A rule may name a part of a module, `module:name`. Then that definition counts, with all of its file that it uses: an
analysis measures cells and draws figures in one file, and a caption must not have all cells measured again.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

WORKFLOW = Path(__file__).parent.parent.parent
_OURS = "lolameme"
DISPLAYED = {"mixers": frozenset({"LABEL", "COLOUR", "MARKER"}), "analyses": frozenset({"TITLE"})}  # by folder


Part = tuple[Path, str]  # a source, and one of its top-level names; no name: the whole of it


@functools.cache
def digest(script: str, *modules: str) -> str:
    """A digest of a script (a path relative to workflow/), of the modules named, and of all that they import of ours.

    A module may be a part of one, `module:name`. Raises FileNotFoundError if there is no such script or module,
    AttributeError if a module has no such part.
    """
    parts = _reached((WORKFLOW / script, ""))
    for module in modules:
        name, _, part = module.partition(":")
        file = _file(name)
        if part and part not in _source(file).defined:
            raise AttributeError(f"{file.relative_to(WORKFLOW)} does not define {part}")
        parts = parts | _reached((file, part))
    return _combined(parts)


def whole_package() -> str:
    """A digest of the whole package, which results carry as the version of the code that made them."""
    return _combined(frozenset((path, "") for path in (WORKFLOW / _OURS).rglob("*.py")))


@dataclass(frozen=True)
class _Source:
    """What counts of a Python source, or of a part of it."""

    meaning: str  # a digest of its syntax tree without docstrings
    imported: frozenset[str]  # dotted names of ours, wherever the statement stands
    used: frozenset[str]  # what it may use of modules: `name` of `module.name` and of `from module import name`
    defined: frozenset[str]  # its top-level names
    resources: tuple[str, ...]  # patterns of the files beside it that it reads, listed as `RESOURCES`


@functools.cache
def _parsed(text: str, displayed: frozenset[str], part: str) -> _Source:
    tree = ast.parse(text)
    tree.body = [line for line in tree.body if not (_names(line) & displayed and isinstance(line.value, ast.Constant))]
    if part:
        tree.body = _used_by(part, tree.body)
    imported: set[str] = set()
    used: set[str] = set()
    resources: tuple[str, ...] = ()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import name` may name a module, or something in the package itself
            imported.update(f"{node.module}.{alias.name}" for alias in node.names)
            used.update(alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            documents = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            if documents and isinstance(first.value.value, str):
                del node.body[0]
    for line in tree.body:
        if _names(line) == {"RESOURCES"}:
            resources = tuple(ast.literal_eval(line.value))
    ours = frozenset(name for name in imported if name.partition(".")[0] == _OURS)
    defined = frozenset(name for line in tree.body for name in _bound(line))
    meaning = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return _Source(meaning, ours, frozenset(used), defined, resources)


def _names(line: ast.stmt) -> set[str]:
    """The names that an assignment binds; none of any other statement, or where it changes something that is there."""
    if not isinstance(line, ast.Assign | ast.AnnAssign):
        return set()
    targets = line.targets if isinstance(line, ast.Assign) else [line.target]
    each = [one for target in targets for one in (target.elts if isinstance(target, ast.Tuple) else [target])]
    named = {one.id for one in each if isinstance(one, ast.Name)}
    return named if len(named) == len(each) else set()


def _bound(line: ast.stmt) -> set[str]:
    """The names that a top-level statement is there for; none if it does something else."""
    if isinstance(line, ast.FunctionDef | ast.ClassDef):
        return {line.name}
    if isinstance(line, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in line.names}
    return _names(line)


def _used_by(part: str, lines: list[ast.stmt]) -> list[ast.stmt]:
    """Of a module's statements those that define `part` and all that it uses, and those that do not just define."""
    known: set[str] = set()
    wanted = {part}
    while wanted - known:
        known = known | wanted
        kept = [line for line in lines if not _bound(line) or _bound(line) & known]
        wanted = {node.id for line in kept for node in ast.walk(line) if isinstance(node, ast.Name)}
    return kept


@functools.cache
def _source(path: Path, part: str = "") -> _Source:
    return _parsed(path.read_text(encoding="utf-8"), DISPLAYED.get(path.parent.name, frozenset()), part)


@functools.cache
def imports(path: Path, part: str = "") -> frozenset[Path]:
    """The files of our modules that a source names in import statements, anywhere in it, with their packages' own."""
    found: set[Path] = set()
    for name in _source(path, part).imported:
        parts = name.split(".")
        candidates = (_find(".".join(parts[: i + 1])) for i in range(len(parts)))
        found.update(file for file in candidates if file is not None and file.parent != WORKFLOW / _OURS / "runtime")
    return frozenset(found)


def _parts(path: Path, part: str) -> Iterator[Part]:
    """What a part imports: whole modules, but of other plug-ins of its kind, as of its own, what is used of them."""
    for file in imports(path, part):
        of_kind = part and file.parent == path.parent and not file.name.startswith("_")
        named = _source(path, part).used & _source(file).defined if of_kind else ()
        yield from ((file, name) for name in named or ("",))


@functools.cache
def _reached(start: Part) -> frozenset[Part]:
    """A source, and all of ours that it imports, directly or not; with the files beside a module that it reads."""
    known, waiting = {start}, [start]
    while waiting:
        new = set(_parts(*waiting.pop())) - known
        known |= new
        waiting += new
    read = ((path.parent, pattern) for path, part in known for pattern in _source(path, part).resources)
    beside = {(file, "") for folder, pattern in read for file in folder.glob(pattern)}
    return frozenset(known | beside)


@functools.cache
def _combined(parts: frozenset[Part]) -> str:
    total = hashlib.sha256()
    for path, part in sorted(parts):
        meaning = _source(path, part).meaning if path.suffix == ".py" else hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(WORKFLOW)}\0{part}\0{meaning}\0".encode())
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
