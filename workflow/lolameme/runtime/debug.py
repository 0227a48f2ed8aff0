"""A job in a debugger: the script of the rule that makes a file, run in this very process.

    python -P -m pdb -m lolameme.runtime.debug results/quick/cells/in_context/thex-2/seed1/metrics.json

Snakemake says which job makes the file, and what its script is given; then the script runs as it does in a study, with
the same `snakemake`, and breakpoints in it, or in what it imports, stop it. What it reads has to be there already. What
it writes replaces what was there, and Snakemake keeps no record of it.
"""

import argparse
import contextlib
import io
import runpy
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.iocontainers import Snakemake
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

from lolameme.base import sources


def job_that_makes(file: str, configuration: Path) -> tuple[Path, Snakemake]:
    """The script of the job that makes a file of a study, and what Snakemake hands to it.

    Raises ValueError if the job's rule has no script, or a file that it reads is missing; Snakemake's own errors if no
    rule makes the file.
    """
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1), config_settings=ConfigSettings(configfiles=[configuration])
        )
        with contextlib.redirect_stdout(io.StringIO()):
            workflow.dag(DAGSettings(targets={file}, forcetargets=True)).summary()  # plans, and changes nothing
        plan: Any = workflow._workflow  # the public interface ends at what is printed
        job = next(job for job in plan.dag.jobs if file in job.output)
        if not job.rule.script:
            raise ValueError(f"{file} is made by rule {job.rule}, which has no script")
        missing = [path for path in job.input if not Path(path).exists()]
        if missing:
            raise ValueError(f"{missing[0]} is missing; run `snakemake --cores all {' '.join(missing)}` first")
        script = sources.WORKFLOW / "scripts" / Path(job.rule.script).name
        given = (job.input, job.output, job.params, job.wildcards, job.threads, job.resources, job.log, plan.config)
        return script, Snakemake(*given, job.rule.name, None, str(script.parent))


def main() -> None:
    about = "Run the script that makes a file in this process."
    parser = argparse.ArgumentParser(prog="python -P -m lolameme.runtime.debug", description=about)
    parser.add_argument("file", help="what the job makes: a path under results or reports, as `snakemake -n` shows it")
    parser.add_argument("--configfile", type=Path, default=Path("config.yaml"), help="the study; default: config.yaml")
    asked = parser.parse_args()
    try:
        script, snakemake = job_that_makes(asked.file, asked.configfile)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    for path in map(Path, snakemake.output):
        path.parent.mkdir(parents=True, exist_ok=True)
    runpy.run_path(str(script), init_globals={"snakemake": snakemake}, run_name="__main__")


if __name__ == "__main__":
    main()
