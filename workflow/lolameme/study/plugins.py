"""What is found by its name: a file in `models/mixers` is a mixer, a folder in `tasks` a task, a file in `analyses` an
analysis. Nothing else lists them, so adding one touches one place.

What only names them (the configuration, rules, reports) must not load torch: constants are read from the source.
"""

import ast
import functools
import importlib
import json
import pkgutil
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from lolameme.base.sources import DISPLAYED

_PACKAGE = Path(__file__).parent.parent
KINDS = {"mixer": "models/mixers", "task": "tasks", "analysis": "analyses"}


@functools.cache
def names(kind: str) -> tuple[str, ...]:
    """All plug-ins of a kind, in alphabetical order, as people write them: with hyphens.

    A task is a package; a mixer or an analysis a module. Names that start with an underscore belong to nobody.
    """
    found = pkgutil.iter_modules([str(_PACKAGE / KINDS[kind])])
    return tuple(
        sorted(
            each.name.replace("_", "-")
            for each in found
            if each.ispkg == (kind == "task") and not each.name.startswith("_")
        )
    )


def module_name(kind: str, name: str, part: str = "") -> str:
    """The dotted name of a plug-in's module, or of a part of its package."""
    dotted = f"lolameme.{KINDS[kind].replace('/', '.')}.{name.replace('-', '_')}"
    return f"{dotted}.{part}" if part else dotted


def load(kind: str, name: str, part: str = "") -> ModuleType:
    """Import a plug-in, or a part of its package. Raises ModuleNotFoundError if there is none of this name."""
    return importlib.import_module(module_name(kind, name, part))


@functools.cache
def constants(kind: str, name: str) -> dict[str, Any]:
    """The literal constants of a plug-in's module (`LABEL = "Hyena"`), read without importing it."""
    source = (_PACKAGE / KINDS[kind] / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    found = {}
    for line in ast.parse(source).body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) and line.targets[0].id.isupper():
            try:
                found[line.targets[0].id] = ast.literal_eval(line.value)
            except ValueError:  # computed: only the module itself knows it
                continue
    return found


def display(**plugins: Iterable[str]) -> str:
    """How reports name and draw plug-ins, given as names by kind: their constants that say it, as JSON."""
    shown = {}
    for kind, listed in plugins.items():
        wanted = DISPLAYED[Path(KINDS[kind]).name]
        for name in listed:
            shown[f"{kind} {name}"] = {key: value for key, value in constants(kind, name).items() if key in wanted}
    return json.dumps(shown)
