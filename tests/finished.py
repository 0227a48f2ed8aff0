"""A miniature study, run to its end once for all tests, whatever process they run in."""

import fcntl
import os

import pytest


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The project of the study; what Snakemake said is in `output.log`. A test that changes it takes a copy."""
    from conftest import study_data
    from project import Project

    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared  # each worker has a folder of its own
    folder = shared / "finished"
    with (shared / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "output.log").exists():
            return Project.at(folder)
        folder.mkdir()
        project = Project(folder, study_data())
        (folder / "output.log").write_text(project.run())
    return project
