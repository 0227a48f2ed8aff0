"""Snakemake's Slurm executor, with several jobs of Snakemake in one job of Slurm (`executor: slurm-packs`).

A *pack* is what Slurm sees: one allocation in which jobs of one rule run, some at a time, until all are done. It is as
large as its jobs' run times allow (`minutes`), so that small cells share a GPU and large ones have one each. Every job
leaves its exit status in the pack's folder: one that fails takes no other along, and Snakemake soon hears of its end.
Submission, accounts, partitions and the reading of Slurm's own states are those of snakemake-executor-plugin-slurm.
"""

import math
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_slurm import Executor as SlurmExecutor
from snakemake_executor_plugin_slurm import ExecutorSettings as SlurmSettings
from snakemake_executor_plugin_slurm import common_settings as common_settings
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo

from snakemake_executor_plugin_slurm_packs import arguments

# Snakemake loads nothing of ours before. (Nor may lolameme be imported here: it is to be that of the checkout.)
arguments.refuse_unreadable(sys.argv)

PACKS = Path(".snakemake/packs")
_LOOK_EVERY = 2.0  # seconds between looks at the packs' folders; Slurm is asked far less often
# A requeued pack leaves out what had ended. A failure is written down a moment later: where Slurm ends the pack, or its
# node is lost, this shell goes too, and what the job said last was no failure of its own.
_RUN = (
    'test -e "{0}.status" || {{ sh "{0}.sh" >>"{0}.log" 2>&1; status=$?; test $status = 0 || sleep 2; '
    'echo $status >"{0}.part"; mv "{0}.part" "{0}.status"; }}'
)


@dataclass
class ExecutorSettings(SlurmSettings):
    """Those of the Slurm executor, and how jobs are packed."""

    minutes: int = field(
        default=30, metadata={"help": "Jobs are packed until a pack would take so long.", "env_var": False}
    )
    lanes: int = field(default=1, metadata={"help": "Jobs of a pack that run at a time.", "env_var": False})


class Resources(dict):
    """Resources by name, as items or attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Pack:
    """Jobs of one rule that share an allocation: to the Slurm executor, a job."""

    def __init__(self, folder: Path, jobs: list[Any], lanes: int):
        self.folder, self.jobs, self.lanes = folder, jobs, min(lanes, len(jobs))
        self.rule, self.name, self.jobid = jobs[0].rule, jobs[0].rule.name, folder.name
        self.threads = max(job.threads for job in jobs) * self.lanes
        rounds = math.ceil(len(jobs) / self.lanes)
        resources = Resources(jobs[0].resources.items())
        for name, times in (("runtime", rounds), ("mem_mb", self.lanes), ("disk_mb", self.lanes)):
            if name in resources:
                resources[name] = times * max(job.resources[name] for job in jobs)
        self.resources = resources

    def is_group(self) -> bool:
        return False

    def path(self, job: Any, suffix: str) -> Path:
        """The file of one of the pack's jobs: its command (sh), its output (log), or its exit status (status)."""
        return self.folder / f"{job.jobid}.{suffix}"


class Executor(SlurmExecutor):
    """Packs jobs, submits the packs, and looks after each of their jobs."""

    def __init__(self, workflow: Any, logger: Any):
        # before the thread that looks after jobs, which the constructor of the Slurm executor starts halfway
        self._asked, self._interval = 0.0, workflow.executor_settings.init_seconds_before_status_checks
        self._folder = Path(workflow.workdir_init) / PACKS
        queued = self._queued()
        super().__init__(workflow, logger)
        self._cancel_orphans(queued)

    @property
    def cores(self) -> str:
        """What the node of a pack has, not the machine that submits."""
        return "all"

    def get_python_executable(self) -> str:
        """With -P: what lies in the folder of the project, such as a random.py, is no module."""
        return f"{super().get_python_executable()} -P"

    def additional_general_args(self) -> str:
        """Jobs run where the pack runs."""
        return "--executor local"

    def run_jobs(self, jobs: list[Any]) -> None:
        def likeness(job: Any) -> tuple[str, int, int]:
            return job.name, job.attempt, job.resources.get("gpu", 0)

        for _, alike in groupby(sorted(jobs, key=likeness), key=likeness):
            ready = list(alike)
            settings = self.workflow.executor_settings
            longest = max(job.resources.get("runtime") or settings.minutes for job in ready)
            size = max(1, int(settings.minutes * settings.lanes // longest))
            for first in range(0, len(ready), size):
                members = ready[first : first + size]
                self._submit_job(Pack(self._folder / uuid.uuid4().hex[:12], members, settings.lanes))

    def run_job_pre(self, job: Pack) -> None:
        for member in job.jobs:
            super().run_job_pre(member)

    def format_job_exec(self, job: Any) -> str:
        """The command of a job; for a pack, one that runs those of its jobs."""
        if not isinstance(job, Pack):
            return super().format_job_exec(job)
        job.folder.mkdir(parents=True)
        for member in job.jobs:
            job.path(member, "sh").write_text(super().format_job_exec(member) + "\n")
        (job.folder / "jobs").write_text("".join(f"{job.path(member, 'sh').with_suffix('')}\n" for member in job.jobs))
        script = f"xargs -P {job.lanes} -I {{}} sh -c '{_RUN.format('{}')}' <{shlex.quote(str(job.folder / 'jobs'))}\n"
        (job.folder / "pack").write_text(script)
        return f"sh {shlex.quote(str(job.folder / 'pack'))}"

    def report_job_submission(self, job_info: SubmittedJobInfo, register_job: bool = True) -> None:
        pack = job_info.job
        (pack.folder / "slurm").write_text(job_info.external_jobid)
        for job in pack.jobs:
            aux = {"pack": pack, **job_info.aux}
            super().report_job_submission(SubmittedJobInfo(job, job_info.external_jobid, aux), register_job)

    def report_job_error(self, job_info: SubmittedJobInfo, msg: str | None = None, **kwargs: Any) -> None:
        failed = job_info.job.jobs if isinstance(job_info.job, Pack) else [job_info.job]
        for job in failed:
            super().report_job_error(SubmittedJobInfo(job, job_info.external_jobid, job_info.aux), msg, **kwargs)

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncGenerator[SubmittedJobInfo]:
        self.next_seconds_between_status_checks = _LOOK_EVERY
        if not active_jobs:  # none yet, perhaps, and the constructor is still at work: nothing of it may be asked for
            return
        waiting = []
        for info in active_jobs:
            status, log = (info.aux["pack"].path(info.job, suffix) for suffix in ("status", "log"))
            if not status.exists():
                waiting.append(info)
            elif status.read_text().strip() == "0":
                log.unlink(missing_ok=True)
                self.report_job_success(info)
            else:
                self.report_job_error(info, msg="It failed within its pack. ", aux_logs=[str(log)])
        if time.monotonic() - self._asked < self._interval:
            for info in waiting:
                yield info
        else:
            self.next_seconds_between_status_checks = self._interval
            async for info in super().check_active_jobs(waiting):
                yield info
            self._asked, self._interval = time.monotonic(), self.next_seconds_between_status_checks
            # the node of a requeued job, says sacct; as a node to exclude, sbatch would refuse it
            self._failed_nodes.discard("None assigned")
        self.next_seconds_between_status_checks = _LOOK_EVERY

    def shutdown(self) -> None:
        super().shutdown()
        for folder in self._folder.glob("*"):
            if not any(folder.glob("*.log")):  # nothing failed here
                shutil.rmtree(folder, ignore_errors=True)

    def _cancel_orphans(self, queued: set[str]) -> None:
        """Cancel packs of a Snakemake that was killed: two processes must not train the same cell."""
        orphans = {path.read_text() for path in self._folder.glob("*/slurm")} & queued
        if orphans:
            self.logger.info(f"Cancelling what an earlier run left on Slurm: {', '.join(sorted(orphans))}")
            subprocess.run(["scancel", *orphans], check=True)
            while orphans & self._queued():
                time.sleep(1)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _queued(self) -> set[str]:
        """The numbers of our jobs. Raises WorkflowError, in a sentence for the user, if Slurm does not tell."""
        try:
            asked = ["squeue", "--me", "-h", "-o", "%i"]
            return set(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split())
        except FileNotFoundError:
            raise WorkflowError(
                "there is no Slurm here (no command squeue); run this where jobs are submitted, or without the profile"
            ) from None
        except subprocess.CalledProcessError as error:
            said = " ".join(error.stderr.split()) or f"squeue ended with status {error.returncode}"
            raise WorkflowError(f"Slurm does not answer: {said}; once it does, the same command goes on") from None
