"""MLflow's database, made once for all tests: that takes seconds."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory) -> Path:
    """A database without runs. A test that changes it takes a copy."""
    from lolameme.tracking import store

    path = tmp_path_factory.mktemp("made") / "mlflow.db"
    store.make(path)
    return path


@pytest.fixture
def database(empty_database, tmp_path, monkeypatch) -> Path:
    """A copy of it where a study has it, in a project's folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    shutil.copy(empty_database, "results/mlflow.db")
    return Path("results/mlflow.db").resolve()  # MLflow keeps clients by address
