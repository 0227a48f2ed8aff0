"""What planning costs: `snakemake -n` of the paper study with more and more seeds, beside a bare workflow as large.

The bare one has as many jobs that depend on each other in the same way, and nothing else: no settings, digests, limits
of time, or check of the configuration. What it takes is Snakemake's own.
"""

import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from common import ROOT, keep, table

from lolameme.study import config

SEEDS = (1, 6, 12, 24)
BARE = """
CELLS = range({cells})

rule all:
    input:
        expand("out/cell{{cell}}/{{file}}", cell=CELLS, file=["metrics", *(f"looked{{i}}" for i in range({analyses}))]),

rule data:
    output: "out/data{{world}}"
    shell: "touch {{output}}"

rule train:
    input: lambda w: f"out/data{{int(w.cell) % {worlds}}}"
    output: "out/cell{{cell}}/weights"
    shell: "touch {{output}}"

rule evaluate:
    input: "out/cell{{cell}}/weights"
    output: "out/cell{{cell}}/metrics"
    shell: "touch {{output}}"

rule look:
    input: "out/cell{{cell}}/weights"
    output: "out/cell{{cell}}/looked{{analysis}}"
    shell: "touch {{output}}"
"""


def plan(folder: str, *options: str) -> tuple[int, float, float]:
    """Jobs, seconds and peak MB of one dry run, in a process that runs nothing else."""
    begun = time.perf_counter()
    command = [str(Path(sys.executable).parent / "snakemake"), "-n", "--cores", "1", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - begun
    jobs = int(re.search(r"^total +(\d+)", done.stdout + done.stderr, re.M)[1])
    return jobs, seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def alone(*arguments: object) -> tuple[int, float, float]:
    """`plan` in a process of its own, so that its peak of memory is that of no other."""
    command = [sys.executable, __file__, *map(str, arguments)]
    jobs, seconds, mb = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(jobs), float(seconds), float(mb)


def main() -> None:
    rows = []
    for seeds in SEEDS:
        data = yaml.safe_load((ROOT / "studies/paper.yaml").read_text())
        # a name of its own, so that nothing of it is done yet
        data |= {"study": f"plan-{seeds}", "seeds": list(range(1, seeds + 1)), "weights": [1]}
        study = config.parse(data)
        with TemporaryDirectory() as name:
            path, bare = Path(name) / "study.yaml", Path(name) / "bare"
            path.write_text(yaml.safe_dump(data))
            jobs, seconds, mb = alone(ROOT, "--configfile", path)
            cells, analyses = len(study.cells), len(study.analyses)
            bare.mkdir()
            worlds = jobs - 1 - cells * (2 + analyses)  # whatever is no cell's stands for a world
            (bare / "Snakefile").write_text(BARE.format(cells=cells, analyses=analyses, worlds=min(worlds, cells)))
            others, least, _ = alone(bare)
        counts = (f"{seeds}", f"{cells:,}", f"{jobs:,}", f"{seconds:.1f}", f"{mb:.0f}", f"{others:,}", f"{least:.1f}")
        rows.append((*counts, f"{seconds / jobs / (least / others):.2f}"))
    lines = [
        "`snakemake -n` of the paper study, by the number of its seeds (it has 6), and of a bare workflow of as many "
        "cells that has no settings, digests, limits or checks.",
        "",
    ]
    head = ("seeds", "cells", "jobs", "seconds", "MB", "bare: jobs", "seconds", "ratio per job")
    keep("plan", [*lines, *table(head, rows)])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(*plan(*sys.argv[1:]))
    else:
        main()
