"""What failed, at the end of a run: a line per job, with the reason and where to read on.

Snakemake logs every failure and every success as an event with its facts; this listens.
"""

import logging
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

from lolameme.base import interruption

_KILLED = "killed by the system (signal 9), most often for lack of memory: raise mem_mb of the rule, or lower `--cores`"
_FULL = 1 << 16  # bytes: a disk with less to spare took no word of a job


@dataclass(frozen=True)
class Failure:
    """A job that failed, as Snakemake tells it."""

    rule: str
    output: Sequence[str]
    logs: Sequence[Path]  # the job's own first
    message: str  # of the executor; empty if it has nothing to say
    nearby: str  # what Snakemake said just before

    @property
    def reason(self) -> str:
        """Why: what Slurm says, a signal, or the last line that the job wrote."""
        if state := re.search(r"SLURM status is: '(\w+)'", self.message):
            return f"Slurm ended it: {state[1]}"
        words = [log.read_text(encoding="utf-8", errors="replace") if log.exists() else "" for log in self.logs]
        if any("SIGKILL" in said for said in [*words[1:], self.nearby]):
            return _KILLED
        lines = [line for line in (words[0] if words else "").splitlines() if line.strip()]
        if lines:
            return lines[-1]
        if self.message:
            return self.message
        if self.logs and self.logs[0].parent.exists() and shutil.disk_usage(self.logs[0].parent).free < _FULL:
            return "there is no space left on the disk; free some and run the same command again"
        return "it ended before it could say why; what Snakemake says above may help"

    def __str__(self) -> str:
        text = f"  {self.rule} {self.output[0] if self.output else ''}\n    {self.reason}"
        return f"{text}\n    details: {self.logs[0]}" if self.logs else text


class Failures(logging.Handler):
    """The jobs of a run that failed and did not succeed later, by Snakemake's number."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[int, Failure] = {}
        self.said: dict[int | None, str] = {}  # the latest complaint of each thread: a job is reported in its own

    def emit(self, record: logging.LogRecord) -> None:
        facts = vars(record)
        if facts.get("event") == LogEvent.JOB_ERROR:
            self.jobs[facts["jobid"]] = Failure(
                facts["rule_name"],
                list(facts["output"] or ()),
                [Path(name) for name in facts["log"] or ()],
                (facts["rule_msg"] or "").strip(),
                self.said.pop(record.thread, ""),
            )
        elif facts.get("event") == LogEvent.JOB_FINISHED:
            self.jobs.pop(facts["job_id"], None)
        elif record.levelno >= logging.ERROR:
            self.said[record.thread] = record.getMessage()

    @property
    def interrupted(self) -> bool:
        """Whether somebody asked the run to end."""
        return not self.jobs or any(failure.reason == interruption.WORDS for failure in self.jobs.values())

    def listing(self) -> str:
        """What to tell a person at the end of a run that did not do everything."""
        broken = [str(failure) for failure in self.jobs.values() if failure.reason != interruption.WORDS]
        lines = [f"{len(broken)} failed; what does not depend on them is done:", *broken] if broken else []
        if len(broken) < len(self.jobs) or not self.jobs:
            lines.append(interruption.WORDS)
        return "\n".join(lines)


def watch() -> Failures:
    """Listen to this process's Snakemake from now on."""
    found = Failures()
    logger.addHandler(found)
    return found
