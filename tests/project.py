"""A copy of the project in a folder of its own, to run the workflow for real."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import yaml

from conftest import ROOT

SNAKEMAKE = Path(sys.executable).parent / "snakemake"
CODE = (
    "Snakefile",
    "config.yaml",
    "workflow",
    "slurm",
    "profiles",
    "studies",
    "envs",
    "pyproject.toml",
    "constraints.txt",
)


class Project:
    """A copy of the project that runs its own sources."""

    def __init__(self, folder: Path, data: dict | None = None):
        self.folder = folder
        for name in CODE:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            else:
                shutil.copy(source, folder / name)
        if data:
            (folder / "config.yaml").write_text(yaml.safe_dump(data, sort_keys=False))

    @classmethod
    def at(cls, folder: Path) -> Self:
        """The project that is in a folder."""
        project = object.__new__(cls)
        project.folder = folder
        return project

    def copy(self, folder: Path) -> Self:
        """A copy of the project and its results, for a test to change."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return self.at(folder)

    def run(self, *arguments: str, ok: bool | None = True) -> str:
        """What Snakemake says. It has to succeed, or with `ok=False` to fail; with None it may do either."""
        environment = os.environ | {"NO_COLOR": "1"}
        command = [str(SNAKEMAKE), *(arguments if "--profile" in arguments else ("--cores", "2", *arguments))]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        output = done.stdout + done.stderr
        assert ok is None or (done.returncode == 0) == ok, output
        return output

    def planned(self, *arguments: str) -> dict[str, int]:
        """How many jobs of each rule would run."""
        return self.jobs(self.run("--dry-run", *arguments))

    def planned_without(self, *gone: str) -> list[dict[str, int]]:
        """How many jobs of each rule would run if one file or folder were deleted, for each in turn."""
        command = [sys.executable, str(ROOT / "tests/workflow/plans.py")]
        environment = os.environ | {"PYTHONPATH": str(self.folder / "workflow"), "NO_COLOR": "1"}
        asked = json.dumps(gone)
        done = subprocess.run(command, cwd=self.folder, env=environment, input=asked, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [self.jobs(output) for output in json.loads(done.stdout.splitlines()[-1])]

    @staticmethod
    def jobs(output: str) -> dict[str, int]:
        """How many jobs of each rule a dry run says that it would run."""
        table = re.search(r"^job +count\n-+ +-+\n(.*?)\n\n", output, re.S | re.M)
        rows = [row.split() for row in table[1].splitlines()] if table else []
        return {name: int(n) for name, n in rows if name != "total"}

    def edit(self, path: str) -> None:
        """A change to what a source means that changes no result."""
        with (self.folder / path).open("a") as file:
            file.write("\nEDITED = 1\n")


@contextmanager
def tracking_server(folder: Path, store: str) -> Iterator[str]:
    """A real MLflow server, started in `folder` as `make mlflow` does; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [str(SNAKEMAKE.parent / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--backend-store-uri", store], cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=1)
                break
            except OSError:
                assert process.poll() is None, (folder / "server.log").read_text()
                time.sleep(0.25)
        yield address
    finally:
        subprocess.run(["kill", "--", f"-{process.pid}"], check=False)
        process.wait()
