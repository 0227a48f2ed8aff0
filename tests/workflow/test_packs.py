"""How a pack on Slurm runs its jobs; tests/cluster runs them on a real one."""

import asyncio
import sys
from types import SimpleNamespace

from snakemake.settings.types import SharedFSUsage

from snakemake_executor_plugin_slurm_packs import Executor


def test_a_file_of_the_project_is_no_module_to_its_jobs():
    executor = object.__new__(Executor)
    executor.workflow = SimpleNamespace(storage_settings=SimpleNamespace(shared_fs_usage=SharedFSUsage.all()))
    assert executor.get_python_executable() == f"{sys.executable} -P"


def test_jobs_are_looked_after_from_before_the_executor_is_whole():
    """The thread that looks starts halfway through the constructor; were it to fail then, a run would wait for ever."""
    executor = object.__new__(Executor)  # of which nothing is there yet

    async def look():
        return [job async for job in executor.check_active_jobs([])]

    assert asyncio.run(look()) == []
