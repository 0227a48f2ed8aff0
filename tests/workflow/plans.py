"""Prints what Snakemake would do: run in a project's folder, it makes a dry run without each of some files or folders.

Loading Snakemake and the package takes far longer than planning a small study, so they are loaded once, and each dry
run is that of the command line in a fork of this process.

In: a JSON list of paths, each deleted in its turn. Out: a JSON list of what the dry runs say.
"""

import importlib
import json
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

from snakemake import cli

for module in ("study.config", "learning.limits", "reporting.registry", "runtime.warm"):  # what rules import
    importlib.import_module(f"lolameme.{module}")


def dry_run(said: int) -> None:
    """`snakemake --dry-run`, which writes to a file and ends the process."""
    os.dup2(said, 1)
    os.dup2(said, 2)
    cli.main(["--cores", "2", "--dry-run"])


answers = []
for path in map(Path, json.load(sys.stdin)):
    aside = path.rename(path.with_name(f"{path.name}.aside"))
    with tempfile.TemporaryFile() as said:
        process = multiprocessing.get_context("fork").Process(target=dry_run, args=(said.fileno(),))
        process.start()
        process.join()
        said.seek(0)
        answers.append(said.read().decode())
    aside.rename(path)
print(json.dumps(answers))
