"""The commit that results carry is the project's own, and says if the sources are not those of it."""

import os
import subprocess
from pathlib import Path

import pytest

from lolameme.base.provenance import commit_of


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def project(tmp_path) -> Path:
    """A repository with a committed `workflow` in it."""
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/code.py").write_text("x = 1\n")
    for name in ("notes.md", "Snakefile", "constraints.txt"):
        (tmp_path / name).write_text("note\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def test_it_is_that_of_the_project(project):
    (project / "notes.md").write_text("changed, but no source\n")
    assert commit_of(project / "workflow") == git(project, "rev-parse", "--short=12", "HEAD")


@pytest.mark.parametrize(
    "name", ["workflow/code.py", "workflow/new.py", "Snakefile", "constraints.txt", "pyproject.toml"]
)
def test_changed_sources_are_marked(project, name):
    (project / name).write_text("x = 2\n")
    assert commit_of(project / "workflow") == git(project, "rev-parse", "--short=12", "HEAD") + "+"


def test_the_index_of_its_user_is_left_alone(project):
    os.utime(project / "workflow/code.py", (1, 1))  # git would note that it was touched and not changed
    before = (project / ".git/index").read_bytes()
    assert not commit_of(project / "workflow").endswith("+")
    assert (project / ".git/index").read_bytes() == before


def test_another_repository_in_which_the_project_lies_has_no_say(project):
    (project / "mine/workflow").mkdir(parents=True)
    assert commit_of(project / "mine/workflow") is None


def test_without_git_there_is_none(tmp_path, monkeypatch, project):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert commit_of(project / "workflow") is None


def test_where_git_fails_there_is_none(project):
    (project / ".git/HEAD").write_text("no reference\n")
    assert commit_of(project / "workflow") is None
