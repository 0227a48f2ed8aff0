"""Arrows point down: a package imports only what lies below it."""

import ast
import subprocess
import sys

from conftest import ROOT

PACKAGE = ROOT / "workflow/lolameme"
LAYERS = (  # from the ground up; packages of one layer do not import each other
    {"base"},
    {"study"},
    {"tasks", "models", "statistics", "drawing"},
    {"data"},
    {"learning"},
    {"analyses"},
    {"reporting"},
    {"tracking"},
    {"runtime"},
    {"cli"},
)
HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names}


def imported(path):
    """The packages of ours that a module imports, wherever the statement stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "lolameme" and len(parts) > 1 and parts[1] in HEIGHT:
                yield parts[1]


def test_a_package_imports_only_what_lies_below_it():
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if here == "__init__":
            continue
        assert here in HEIGHT, f"{here} has no place among the layers"
        wrong += [
            f"{path.relative_to(PACKAGE)} imports {other}"
            for other in imported(path)
            if other != here and HEIGHT[other] >= HEIGHT[here]
        ]
    assert not wrong


def loaded(path):
    """The packages of others that a module imports, wherever the statement stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        yield from (name.partition(".")[0] for name in names)


def test_what_reads_result_files_never_loads_torch():
    for package in ("reporting", "tracking", "statistics", "drawing", "data", "study", "tasks"):
        for path in (PACKAGE / package).rglob("*.py"):
            assert "torch" not in set(loaded(path)), path
    assert "torch" in set(loaded(PACKAGE / "learning/device.py"))


def test_what_plans_a_study_loads_none_of_what_draws_or_tests_it():
    """Whoever types `snakemake` waits for it, and so does every job on a cluster."""
    slow = {"mlflow", "scipy.optimize", "scipy.stats", "seaborn", "sklearn", "torch"}
    planning = (
        "import sys; from lolameme.reporting import incomplete, registry; from lolameme.study import config; "
        f"registry.collect(config.load('config.yaml')); print(*sorted({slow} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", planning], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
