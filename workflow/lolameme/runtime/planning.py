"""Planning large studies: Snakemake builds the same graph, in two thirds of the time."""

import functools
import gc

from snakemake import api, common, dag, rules  # noqa: F401 (dag alone imports itself in a circle)

_YOUNG = 200_000  # objects between two collections: a graph of many jobs is made of many that all stay


def quicken() -> None:
    """Let Python look for garbage less often, and let Snakemake do once per rule what it does for each of its jobs:
    look up what arguments a function takes, and whether the script is there."""
    gc.set_threshold(_YOUNG, 50, 100)
    if hasattr(common.get_function_params, "cache_info"):  # a workflow may be included several times
        return
    common.get_function_params = rules.get_function_params = functools.cache(common.get_function_params)
    look, found = dag.ScriptProcessor.process_job, set()

    def process_job(self: dag.ScriptProcessor, job: dag.Job) -> None:
        if (type(self), job.rule) not in found:
            look(self, job)
            found.add((type(self), job.rule))

    dag.ScriptProcessor.process_job = process_job
