"""The list at the end of a run, from the events that Snakemake logs."""

from collections.abc import Iterator

import pytest
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

from lolameme.base.interruption import WORDS as INTERRUPTED
from lolameme.runtime import failures


@pytest.fixture
def failed() -> Iterator[failures.Failures]:
    logger.setLevel("INFO")  # as Snakemake does
    found = failures.watch()
    yield found
    logger.removeHandler(found)


def fail(number: int, rule: str, output: str, log=None, message: str | None = None) -> None:
    """Log a failure as Snakemake does."""
    facts = {
        "rule_name": rule,
        "jobid": number,
        "output": [output],
        "log": [str(log)] if log else [],
        "rule_msg": message,
    }
    logger.error(f"Error in rule {rule}, jobid: {number}", extra=facts | {"event": LogEvent.JOB_ERROR})


def test_every_failure_that_lasted_is_listed_with_its_reason(failed, tmp_path):
    (tmp_path / "c.log").write_text("Traceback ...\nValueError: the loss is nan\nthe loss is nan\n")
    fail(4, "evaluate", "a", tmp_path / "a.log", "SLURM sbatch failed. The error message was 'no such partition'.")
    logger.error("RuleException:\nCommand 'python train.py' died with <Signals.SIGKILL: 9>.")
    fail(5, "train", "b", tmp_path / "b.log")
    fail(6, "train", "c", tmp_path / "c.log")
    fail(7, "train", "d", message="SLURM-job '7' failed, SLURM status is: 'TIMEOUT'. Reason: Unknown.")
    fail(8, "train", "e", message="SLURM-job '8' failed, SLURM status is: 'OUT_OF_MEMORY'. Reason: Unknown.")
    logger.info("Finished jobid: 7", extra={"event": LogEvent.JOB_FINISHED, "job_id": 7})
    fail(9, "page", "f", tmp_path / "f.log")
    assert failed.listing() == (
        "5 failed; what does not depend on them is done:\n"
        "  evaluate a\n    SLURM sbatch failed. The error message was 'no such partition'.\n"
        f"    details: {tmp_path}/a.log\n"
        "  train b\n    killed by the system (signal 9), most often for lack of memory: raise mem_mb of the rule, "
        f"or lower `--cores`\n    details: {tmp_path}/b.log\n"
        f"  train c\n    the loss is nan\n    details: {tmp_path}/c.log\n"
        "  train e\n    Slurm ended it: OUT_OF_MEMORY\n"
        "  page f\n    it ended before it could say why; what Snakemake says above may help\n"
        f"    details: {tmp_path}/f.log"
    )


def test_an_interrupted_run_says_that_it_can_go_on(failed, tmp_path):
    assert failed.listing() == INTERRUPTED
    (tmp_path / "a.log").write_text(f"step 3/8\n{INTERRUPTED}\n")
    fail(1, "train", "a", tmp_path / "a.log")
    assert failed.listing() == INTERRUPTED
    (tmp_path / "b.log").write_text("results/world.json is damaged\n")
    fail(2, "train", "b", tmp_path / "b.log")
    assert failed.listing().splitlines()[0].startswith("1 failed;")
    assert failed.listing().splitlines()[-1] == INTERRUPTED
