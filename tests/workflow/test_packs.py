"""How a pack on Slurm runs its jobs; tests/cluster runs them on a real one."""

import sys
from types import SimpleNamespace

from snakemake.settings.types import SharedFSUsage

from snakemake_executor_plugin_slurm_packs import Executor


def test_a_file_of_the_project_is_no_module_to_its_jobs():
    executor = object.__new__(Executor)
    executor.workflow = SimpleNamespace(storage_settings=SimpleNamespace(shared_fs_usage=SharedFSUsage.all()))
    assert executor.get_python_executable() == f"{sys.executable} -P"
