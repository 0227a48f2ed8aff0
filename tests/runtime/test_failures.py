"""The list at the end of a run, from Snakemake's log."""

from lolameme.runtime.failures import listing

LOG = """
[Mon Nov 23 22:00:00 2026]
Error in rule evaluate:
    message: SLURM sbatch failed. The error message was 'no such partition'.
    sbatch call: ...
For further error details see the log files of the involved rule(s).
    jobid: 4
    output: cells/a/metrics.json, cells/a/predictions.parquet
    log: {logs}/a.log (check log file(s) for error details)
RuleException:
Command 'python train.py' died with <Signals.SIGKILL: 9>.
[Mon Nov 23 22:00:01 2026]
Error in rule train:
    message: None
    jobid: 5
    output: cells/b/model.safetensors
    log: {logs}/b.log (check log file(s) for error details)
[Mon Nov 23 22:00:02 2026]
Error in rule train:
    message: None
    jobid: 6
    output: cells/c/model.safetensors
    log: {logs}/c.log (check log file(s) for error details)
[Mon Nov 23 22:00:03 2026]
Error in rule train:
    message: SLURM-job '7' failed, SLURM status is: 'TIMEOUT'. Reason: Unknown.
    jobid: 7
    output: cells/d/model.safetensors
    log: {logs}/d.log (check log file(s) for error details)
Trying to restart job 7.
[Mon Nov 23 22:00:04 2026]
Finished jobid: 7 (Rule: train)
"""


def test_every_failure_that_lasted_is_listed_with_its_reason(tmp_path):
    (tmp_path / "c.log").write_text("Traceback ...\nValueError: the loss is nan\n")
    (tmp_path / "snakemake.log").write_text(LOG.format(logs=tmp_path))
    lines = listing(tmp_path / "snakemake.log").splitlines()
    assert lines[0].startswith("3 failed;")
    reasons = {lines[i].split("/")[1]: lines[i + 1].strip() for i in range(1, len(lines), 3)}
    assert reasons["a"] == "SLURM sbatch failed. The error message was 'no such partition'."
    assert reasons["b"].startswith("killed by the system (signal 9)")
    assert reasons["c"] == "the loss is nan"


def test_a_run_without_failures_has_no_list(tmp_path):
    (tmp_path / "snakemake.log").write_text("Finished jobid: 1 (Rule: train)\n")
    assert listing(tmp_path / "snakemake.log") == ""
