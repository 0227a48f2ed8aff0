"""What planning costs: `snakemake -n` of the paper study, and of studies with more and more seeds."""

import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from common import ROOT, keep, table

SEEDS = (1, 5, 10, 20)


def plan(config: str) -> tuple[int, float, float]:
    """Jobs, seconds and peak MB of one dry run, in a process that runs nothing else."""
    begun = time.perf_counter()
    command = [str(Path(sys.executable).parent / "snakemake"), "-n", "--cores", "1", "--configfile", config]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - begun
    jobs = int(re.search(r"^total +(\d+)", done.stdout + done.stderr, re.M)[1])
    return jobs, seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    rows = []
    for seeds in SEEDS:
        data = yaml.safe_load((ROOT / "studies/paper.yaml").read_text())
        # a name of its own, so that nothing of it is done yet
        data |= {"study": f"plan-{seeds}", "seeds": list(range(1, seeds + 1))}
        with TemporaryDirectory() as name:
            path = Path(name) / "study.yaml"
            path.write_text(yaml.safe_dump(data))
            alone = [sys.executable, __file__, str(path)]
            done = subprocess.run(alone, capture_output=True, text=True, check=True)
        jobs, seconds, mb = done.stdout.split()
        rows.append((str(seeds), f"{int(jobs):,}", f"{float(seconds):.1f}", f"{float(mb):.0f}"))
    lines = ["`snakemake -n` of the paper study, by the number of its seeds (it has 6).", ""]
    keep("plan", [*lines, *table(("seeds", "jobs", "seconds", "MB"), rows)])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(*plan(sys.argv[1]))
    else:
        main()
