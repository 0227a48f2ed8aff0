"""All jobs of the study in this folder, planned by Snakemake as if nothing were there; as a script, prints a JSON list
of the files that the target `all` asks for."""

import json
import sys
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings


def jobs() -> tuple[list, dict]:
    """The jobs, and the configuration that scripts get."""
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=[Path("config.yaml")]),
        )
        workflow.dag(DAGSettings(forceall=True)).summary()
        made = workflow._workflow  # the public interface ends at what is printed
        return list(made.dag.jobs), made.config


if __name__ == "__main__":
    (targets,) = (job.input for job in jobs()[0] if job.rule.name == "all")
    json.dump(list(targets), sys.stderr)
