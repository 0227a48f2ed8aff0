"""What an edit of the code makes again: every module in turn, in its meaning and in what says nothing to a machine."""

import ast
import json
import os
import re
import subprocess
import sys

import pytest

from conftest import ROOT, study_data
from lolameme.base import sources
from lolameme.study import plugins
from project import Project

PACKAGE = "workflow/lolameme"
MODULES = sorted(str(p.relative_to(ROOT)) for p in (ROOT / PACKAGE).rglob("*.py"))
SCRIPTS = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "workflow/scripts").glob("*.py"))
DATA = {"world", "held_out", "train_split", "floor", "card"}
CELLS = {"trial", "train", "evaluate"}
WEIGHTS = {"trial", "choose", "train"}


def three_tasks() -> dict:
    sizes = {"train": 20, "valid": 5, "test": 5}
    data = study_data(architectures=["gpt2", "hyena", "thex-2", "linear-attention"], analyses={"knockout": None})
    data["variants"] = {
        "recall": data["variants"]["recall"],
        "lists": {"about": "lists", "task": "listops", "sizes": sizes},
        "pairs": {"about": "pairs", "task": "mqar", "sizes": sizes},
    }
    return data


def documented(text: str) -> str:
    """The same code with comments, empty lines and other docstrings, also where there were none."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            if ast.get_docstring(node) is not None:
                node.body.pop(0)
            node.body.insert(0, ast.Expr(ast.Constant("Said in other words.")))
    return "# a comment\n\n\n" + ast.unparse(ast.fix_missing_locations(tree)) + "\n\n# another\n"


class Digests:
    """The digests of all jobs of a project, and which of them an edit changes."""

    def __init__(self, project: Project, edits: list[tuple[str, str]]):
        environment = os.environ | {"PYTHONPATH": str(project.folder / "workflow")}
        command = [sys.executable, str(ROOT / "tests/workflow/digests.py")]
        done = subprocess.run(
            command, cwd=project.folder, env=environment, input=json.dumps(edits), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        self.first, *after = json.loads(done.stdout.splitlines()[-1])
        self.changed = [{job for job in self.first if found[job] != self.first[job]} for found in after]


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    return Project(tmp_path_factory.mktemp("project"), three_tasks())


@pytest.fixture(scope="module")
def changed(project) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """The jobs that an edit of a source changes, by source: of what it means, and of what it says to people alone."""
    paths = MODULES + SCRIPTS
    texts = [(ROOT / path).read_text() for path in paths]
    meant = [(path, text + "\nEDITED = 1\n") for path, text in zip(paths, texts, strict=True)]
    said = [(path, documented(text)) for path, text in zip(paths, texts, strict=True)]
    found = Digests(project, meant + said).changed
    return dict(zip(paths, found[: len(paths)], strict=True)), dict(zip(paths, found[len(paths) :], strict=True))


@pytest.fixture(scope="module")
def of_meaning(changed) -> dict[str, set[str]]:
    return changed[0]


def rules(jobs: set[str]) -> set[str]:
    return {job.partition("/")[0] for job in jobs}


def of(jobs: set[str], kind: set[str]) -> set[str]:
    """The jobs of some rules, by their wildcards."""
    return {job.partition("/")[2] for job in jobs if job.partition("/")[0] in kind}


def test_comments_docstrings_and_empty_lines_change_no_job(changed):
    assert not {path: jobs for path, jobs in changed[1].items() if jobs}


def test_a_script_changes_its_own_rule(of_meaning):
    snakefiles = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    for path in SCRIPTS:
        name = path.rpartition("/")[2]
        owners = set(re.findall(rf'^ *rule (\w+):(?:(?!^ *rule ).)*"\.\./scripts/{name}"', snakefiles, re.M | re.S))
        assert owners
        assert rules(of_meaning[path]) == owners - {"database"}, path  # an empty database is the same, however made


STACKS = {
    "attention": {"gpt2", "thex-2"},
    "hyena": {"hyena", "thex-2"},
    "linear_attention": {"linear-attention"},
}


def test_a_mixer_changes_only_the_stacks_that_have_it(of_meaning):
    for mixer, stacks in STACKS.items():
        path = f"{PACKAGE}/models/mixers/{mixer}.py"
        builders = [name for name in STACKS if f"mixers.{mixer} import" in (ROOT / path).with_stem(name).read_text()]
        having = stacks.union(*(STACKS[name] for name in builders))  # a mixer may be built from parts of another
        assert rules(of_meaning[path]) >= CELLS
        assert not rules(of_meaning[path]) & DATA
        assert {wildcards.partition("/")[2] for wildcards in of(of_meaning[path], CELLS)} == having, mixer


def test_how_plugins_are_named_and_drawn_changes_the_report_alone(project):
    displayed = {"models/mixers/hyena": ["LABEL", "COLOUR", "MARKER"], "analyses/knockout": ["TITLE"]}
    edits = []
    for path, constants in displayed.items():
        text = (ROOT / PACKAGE / f"{path}.py").read_text()
        for name in constants:
            edited = re.sub(rf'^{name} = ".*?"', f'{name} = "#123456"', text, flags=re.M)
            assert edited != text
            edits.append((f"{PACKAGE}/{path}.py", edited))
    for jobs in Digests(project, edits).changed:
        assert rules(jobs) == {"table", "figure", "latex", "page"}


def inside(text: str, name: str) -> str:
    """The same code with one more line at the end of a function or class."""
    tree = ast.parse(text)
    next(node for node in tree.body if getattr(node, "name", None) == name).body += ast.parse("edited: int = 1").body
    return ast.unparse(tree)


def test_cells_are_measured_again_for_what_measures_them_and_not_for_what_draws(project):
    path = f"{PACKAGE}/analyses/knockout.py"
    text = (ROOT / path).read_text()
    drawn = [inside(text, name) for name in ("costs", "draw", "findings")]
    drawn += [
        text.replace("Exact match lost when", "What is lost when"),
        text.replace("NEEDED, SPARE = 0.2", "NEEDED, SPARE = 0.3"),
    ]
    measured = [inside(text, name) for name in ("Settings", "measure")]
    measured += [
        text.replace('"part": Column(str', '"part": Column(int'),
        text.replace("COLUMNS = {", 'COLUMNS = {"new": Column(int, "one more column"),', 1),
        text.replace('NOTHING = "', 'NOTHING = "not '),
    ]
    assert text not in drawn + measured
    found = Digests(project, [(path, edited) for edited in drawn + measured]).changed
    for jobs in found[: len(drawn)]:
        assert jobs == {"table/knockout_costs", "figure/knockout", "latex", "page"}
    for jobs in found[len(drawn) :]:
        assert rules(jobs) == {"analyse", "table", "figure", "latex", "page"}
        assert {job.split("/")[1] for job in jobs if rules({job}) == {"analyse"}} == {"knockout"}


def reworded(text: str) -> str:
    """The same code with other words on what the columns of a measurement mean."""
    tree = ast.parse(text)
    (columns,) = (line.value for line in tree.body if ast.unparse(line).startswith("COLUMNS = "))
    for call in ast.walk(columns):
        if isinstance(call, ast.Call):
            call.args[1] = ast.Constant("said in other words")
    return ast.unparse(tree)


def test_no_cell_is_measured_again_for_what_a_column_means(project):
    analyses = plugins.names("analysis")
    paths = {name: f"{PACKAGE}/analyses/{name.replace('-', '_')}.py" for name in analyses}
    found = Digests(project, [(path, reworded((ROOT / path).read_text())) for path in paths.values()])
    assert {job.split("/")[1] for job in found.first if rules({job}) == {"analyse"}} == set(analyses)
    for name, jobs in zip(analyses, found.changed, strict=True):
        assert not rules(jobs) - {"table", "figure", "latex", "page"}, name
        assert jobs or name != "knockout"  # which the study of these tests shows


def test_an_analysis_that_measures_by_another_one_depends_on_how_that_measures(project):
    path = f"{PACKAGE}/analyses/scores.py"
    text = (ROOT / path).read_text()
    edits = [(path, inside(text, name)) for name in ("measure", "draw_scores")]
    measured, drawn = Digests(project, edits).changed
    assert {job.split("/")[1] for job in measured if rules({job}) == {"analyse"}} == {"scores", "emergence"}
    assert not drawn  # the study of these tests draws no scores


def test_a_task_changes_only_its_variants(of_meaning):
    for task, variant in {"lolameme": "recall", "listops": "lists", "mqar": "pairs"}.items():
        for part in ("settings", "generator", "interpreter"):
            jobs = of_meaning[f"{PACKAGE}/tasks/{task}/{part}.py"]
            assert rules(jobs) >= DATA
            assert of(jobs, DATA) == {variant}, (task, part)
            assert not rules(jobs) & WEIGHTS


@pytest.mark.parametrize(
    ("package", "untouched"),
    [
        ("runtime", {"*"}),
        ("cli", {"*"}),
        ("reporting", DATA | CELLS | WEIGHTS | {"analyse", "pool"}),
        ("tracking", DATA | CELLS | WEIGHTS | {"analyse", "pool", "page", "figure", "table"}),
        ("drawing", DATA | CELLS | WEIGHTS | {"analyse", "pool"}),
        ("statistics", DATA | CELLS | WEIGHTS),
        ("analyses", DATA | CELLS | WEIGHTS),
        ("learning", DATA),
        ("models", DATA),
    ],
)
def test_what_lies_above_re_runs_nothing_below(of_meaning, package, untouched):
    found = {path: jobs for path, jobs in of_meaning.items() if path.startswith(f"{PACKAGE}/{package}")}
    assert found
    for path, jobs in found.items():
        assert not (rules(jobs) if untouched == {"*"} else rules(jobs) & untouched), path


def test_what_all_stand_on_changes_all(of_meaning):
    assert rules(of_meaning[f"{PACKAGE}/base/files.py"]) >= CELLS | WEIGHTS | DATA
    assert rules(of_meaning[f"{PACKAGE}/models/stack.py"]) >= CELLS | WEIGHTS  # a choice may train beyond its grid
    assert {"train", "trial"} <= rules(of_meaning[f"{PACKAGE}/learning/trainer.py"])


def test_what_no_job_depends_on_runs_jobs_or_serves_commands(of_meaning):
    nobodys = {path.removeprefix(f"{PACKAGE}/") for path in MODULES if not of_meaning[path]}
    unused = ("analyses/", "models/mixers/", "tasks/depo/")  # by this study: those that it uses are tested above
    idle = {path for path in nobodys if not path.startswith(("runtime/", "cli", *unused))}
    assert idle <= {
        "base/bounded.py",
        "base/metadata.py",  # of Snakemake
        "data/foresight.py",  # of mistakes, before any job
        "learning/ask.py",
        "learning/columns.py",
        "learning/decoding.py",
        "learning/limits.py",  # of time, which rules ask for
        "learning/speed.py",  # of steps, for the cost of a study
        "reporting/columns.py",
        "reporting/compare.py",
        "reporting/incomplete.py",
        "reporting/published.py",
        "reporting/routes.py",  # of studies that measure scores, as this one does not
        "reporting/side_by_side.py",
        "study/exhibits.py",
        "study/looks.py",
        "study/reference.py",
    }


def test_new_plugins_change_no_job(project, tmp_path):
    """A mixer, a task and an analysis that the study does not use."""
    grown = Project(tmp_path, three_tasks())
    package = grown.folder / PACKAGE
    mixer = (package / "models/mixers/linear_attention.py").read_text()
    (package / "models/mixers/copied.py").write_text(mixer)
    (package / "tasks/copied").mkdir()
    for part in (package / "tasks/mqar").glob("*.py"):
        (package / "tasks/copied" / part.name).write_text(part.read_text().replace('"mqar"', '"copied"'))
    analysis = next(path for path in (package / "analyses").glob("[a-z]*.py"))
    (package / "analyses/copied.py").write_text(analysis.read_text())
    assert Digests(grown, []).first == Digests(project, []).first


def test_no_result_depends_on_a_docstring():
    """`__doc__` is for the help and the pages that commands print, which no rule runs."""
    users = [path for path in MODULES + SCRIPTS if "__doc__" in (ROOT / path).read_text()]
    assert users == [f"{PACKAGE}/cli/__init__.py", f"{PACKAGE}/reporting/columns.py"]


def test_a_part_that_a_module_does_not_define_is_named():
    with pytest.raises(AttributeError, match=r"analyses/knockout\.py does not define measured"):
        sources.digest("scripts/analyse.py", "lolameme.analyses.knockout:measured")
