"""However a script ends, its log and the terminal say why, in one sentence."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from conftest import ROOT, study_data
from lolameme.base.interruption import WORDS as INTERRUPTED
from lolameme.runtime import job

SCRIPT = """
import os, resource, sys, time
from pathlib import Path
from types import SimpleNamespace
import yaml
from lolameme.runtime import job
config = yaml.safe_load(Path("config.yaml").read_text())
snakemake = SimpleNamespace(rule="train", wildcards={"variant": "recall"}, log=[sys.argv[1]], config=config)
with job.running(snakemake) as study:
    print("begun", file=sys.stderr, flush=True)
"""
LOG = "logs/train.log"


def start(folder: Path, line: str, log: str = LOG, **environment: str) -> subprocess.Popen:
    (folder / "script.py").write_text(SCRIPT + f"    {line}\n")
    (folder / "config.yaml").write_text(yaml.safe_dump(study_data()))
    return subprocess.Popen(
        [sys.executable, "script.py", log],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")} | environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, line: str, log: str = LOG) -> tuple[int, list[str]]:
    process = start(folder, line, log)
    said = process.communicate(timeout=60)[1]
    return process.returncode, said.splitlines()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("raise ValueError('the loss is\\nnan')", "the loss is nan"),
        ("None.steps", "a mistake of ours, please report it: AttributeError: 'NoneType' object has"),
        ("{}['gone']", "a mistake of ours, please report it: KeyError: 'gone'"),
        ("raise MemoryError", "there is not enough memory: raise mem_mb of the rule, or lower `--cores`"),
        ("open('logs')", "logs cannot be used: there is a folder where a file belongs; move it away (Is a directory)"),
        ("open('script.py/x')", "script.py/x cannot be used: there is a file where a folder belongs; move it away"),
        ("open('/dev/full', 'w').write('x' * 10**6)", "there is no space left on the disk; free some and run the same"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_sentence_with_a_traceback_in_the_log_alone(tmp_path, line, reason):
    status, said = run(tmp_path, line)
    assert status == 1
    assert len(said) == 2
    assert said[1].startswith("train {'variant': 'recall'}: ")
    assert reason in said[1]
    assert said[1].endswith(f"(details: {LOG})")
    log = (tmp_path / LOG).read_text().splitlines()
    assert log[0] == "begun"
    assert log[1] == "Traceback (most recent call last):"
    assert reason in log[-1]


def test_a_job_that_ends_well_leaves_what_it_said(tmp_path):
    assert run(tmp_path, "pass") == (0, ["begun"])
    assert (tmp_path / LOG).read_text() == "begun\n"


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_is_no_failure_and_the_log_says_so(tmp_path, asked):
    process = start(tmp_path, "time.sleep(600)")
    assert process.stderr.readline() == "begun\n"
    process.send_signal(asked)
    assert process.communicate(timeout=30)[1] == ""
    assert process.returncode == -signal.SIGTERM
    assert (tmp_path / LOG).read_text().split() == ["begun", *INTERRUPTED.split()]
    assert (tmp_path / LOG).read_text().endswith(f"\n{INTERRUPTED}\n")


def test_under_nohup_a_terminal_may_close(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup leaves it to whom it starts
    try:
        process = start(tmp_path, "time.sleep(600)")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.stderr.readline() == "begun\n"
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_snakemake_waits_for_the_lock_that_it_may_hold(asked):
    """Snakemake's own handler takes a lock, also where it interrupts code that holds it."""
    lock, ended = threading.Lock(), threading.Event()

    def graceful(*_):
        with lock:
            ended.set()

    before = {request: signal.getsignal(request) for request in (signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGTERM, graceful)
    try:
        job.end_gracefully()
        with lock:
            os.kill(os.getpid(), asked)
            time.sleep(0.1)
        assert ended.wait(30)
    finally:
        for request, answer in before.items():
            signal.signal(request, answer)


def test_threads_that_wait_sleep_unless_somebody_wants_them_to_spin(monkeypatch):
    for name in ("OMP_WAIT_POLICY", "KMP_BLOCKTIME", "PYTHONPATH", "LOLAMEME_STARTER"):
        monkeypatch.setenv(name, "")  # so that all is as it was afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("KMP_BLOCKTIME", "200")
    job.prepare()
    assert (os.environ["OMP_WAIT_POLICY"], os.environ["KMP_BLOCKTIME"]) == ("PASSIVE", "200")


def test_an_unfinished_line_does_not_hide_the_reason(tmp_path):
    assert run(tmp_path, "print('step 3 of', end=' ', file=sys.stderr); raise ValueError('the loss is nan')")[0] == 1
    lines = (tmp_path / LOG).read_text().splitlines()
    assert (lines[1], lines[-1]) == ("step 3 of ", "the loss is nan")


def test_where_no_log_can_be_written_the_terminal_says_why(tmp_path):
    (tmp_path / "logs").write_text("a file where a folder belongs")
    status, said = run(tmp_path, "pass")
    assert status == 1
    assert said == ["train {'variant': 'recall'}: logs cannot be used: there is a file where a folder belongs; move it "
                    "away (File exists)"]  # fmt: skip


def test_where_the_disk_is_full_the_terminal_still_says_why(tmp_path):
    status, said = run(tmp_path, "raise ValueError('the loss is nan')", log="/dev/full")
    assert status == 1
    assert said == ["begun", "train {'variant': 'recall'}: the loss is nan (details: /dev/full)"]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
def test_a_job_ends_with_the_process_that_started_it(tmp_path):
    starter = subprocess.Popen(["sleep", "600"])
    process = start(tmp_path, "time.sleep(600)", LOLAMEME_STARTER=str(starter.pid))
    assert process.stderr.readline() == "begun\n"
    time.sleep(0.2)
    assert process.poll() is None
    starter.kill()
    starter.wait()
    assert process.wait(30) == -signal.SIGTERM
    assert (tmp_path / LOG).read_text().endswith(f"{INTERRUPTED}\n")
