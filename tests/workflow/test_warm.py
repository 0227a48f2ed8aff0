"""Scripts that run in forks of a warm process are, to whoever started them, processes like any other."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import yaml

from conftest import ROOT, study_data
from lolameme.data.dataset import Builder
from lolameme.runtime.warm import command
from lolameme.study import config

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the warm process needs Linux")

STARTER = """
import os, sys
from lolameme.runtime import warm
warm.start()
print(os.environ["LOLAMEME_WARM"], flush=True)
sys.stdin.read()
"""
HEAD = "import os, signal, sys, time\n"
WAITS = HEAD + "print(os.getpid(), flush=True)\ntime.sleep(600)\n"
UNTOUCHED = """
import torch
from lolameme.runtime import warm
def touched(*_, **__):
    raise AssertionError("CUDA is asked before the fork")
for name in ("is_available", "device_count", "_lazy_init", "is_bf16_supported", "get_device_capability"):
    setattr(torch.cuda, name, touched)
torch._C._cuda_getDeviceCount = touched
warm._load()
"""
PATIENCE = 120.0  # seconds: loading torch takes many where others need the processors


@dataclass
class Warm:
    """A warm process, the process that started it, and scripts to hand over to it."""

    starter: subprocess.Popen
    address: str
    folder: Path

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.starter.pid).children()[0]

    def start(self, script: str, **environment: str) -> subprocess.Popen:
        path = self.folder / "script.py"
        path.write_text(script)
        return subprocess.Popen(
            command(str(path)),
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT / "workflow"), "LOLAMEME_WARM": self.address} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, **environment: str) -> tuple[int, str, str]:
        """Exit status, output and errors of a script."""
        process = self.start(script, **environment)
        said, errors = process.communicate(timeout=PATIENCE)
        return process.returncode, said, errors


@pytest.fixture
def warm(tmp_path) -> Iterator[Warm]:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER],
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield Warm(starter, starter.stdout.readline().strip(), tmp_path)
    starter.stdin.close()
    starter.wait(PATIENCE)


def soon(condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true before patience ends."""
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_a_script_finds_torch_loaded_and_its_own_surroundings(warm):
    script = HEAD + 'print("torch" in sys.modules, os.getcwd(), os.environ.get("HERE"), __name__, sys.argv)\n'
    status, said, errors = warm.run(script, HERE="yes")
    assert (status, errors) == (0, "")
    assert said.split(maxsplit=4) == ["True", str(warm.folder), "yes", "__main__", f"['{warm.folder / 'script.py'}']\n"]


def test_scripts_share_nothing_but_what_was_loaded(warm):
    script = HEAD + 'import torch\nprint(os.getpid(), hasattr(torch, "mine"))\ntorch.mine = os.environ["X"] = "1"\n'
    (first, seen), (second, again) = (warm.run(script)[1].split() for _ in range(2))
    assert first != second
    assert seen == again == "False"
    assert "X" not in warm.process.environ()


@pytest.mark.parametrize(
    ("ending", "status", "says"),
    [
        ("sys.exit(3)", 3, ""),
        ("sys.exit('no more')", 1, "no more\n"),
        ("raise KeyError('gone')", 1, "KeyError: 'gone'\n"),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, ""),
        ("os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV, ""),
    ],
)
def test_a_script_ends_as_it_would_alone(warm, ending, status, says):
    found, said, errors = warm.run(HEAD + "print('here', flush=True)\n" + ending + "\n")
    assert (found, said) == (status, "here\n")
    assert errors.endswith(says)
    assert warm.run(HEAD)[0] == 0  # and the next one is none the worse


def test_what_kills_a_script_kills_its_fork(warm):
    script = warm.start(WAITS)
    fork = int(script.stdout.readline())
    assert fork != script.pid
    script.kill()
    assert soon(lambda: not psutil.pid_exists(fork))


def test_a_request_to_end_reaches_the_fork(warm):
    script = warm.start(HEAD + "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n" + WAITS.removeprefix(HEAD))
    script.stdout.readline()
    script.terminate()
    assert script.wait(PATIENCE) == 7


def test_where_the_guardian_is_killed_the_script_runs_alone(warm):
    script = warm.start(WAITS)
    fork = psutil.Process(int(script.stdout.readline()))
    fork.parent().kill()
    assert int(script.stdout.readline()) == script.pid
    assert soon(lambda: not fork.is_running())
    script.kill()


def test_where_the_warm_process_is_gone_scripts_run_alone(warm):
    assert warm.run(HEAD)[0] == 0
    process = warm.process
    warm.starter.kill()
    assert soon(lambda: not process.is_running())
    assert warm.run(HEAD + 'print("torch" in sys.modules)\n') == (0, "False\n", "")


IMPOSTOR = """
import os, socket, sys
os.setuid(65534)
with socket.socket(socket.AF_UNIX) as door:
    door.bind("\\0" + sys.argv[1])
    door.listen()
    print("listening", flush=True)
    line, _ = door.accept()
    heard = line.recv(1)  # of what a script would send: nothing
    print(len(heard), flush=True)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs to become another user")
def test_another_user_who_took_the_name_of_a_dead_warm_process_is_told_nothing(warm):
    process, address = warm.process, warm.address
    warm.starter.kill()
    assert soon(lambda: not process.is_running())
    command = [sys.executable, "-c", IMPOSTOR, address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as impostor:
        assert impostor.stdout.readline() == "listening\n"
        assert warm.run(HEAD + "print('alone')\n") == (0, "alone\n", "")
        assert impostor.stdout.readline() == "0\n"


def test_what_lies_in_the_folder_of_the_project_is_no_module(tmp_path):
    (tmp_path / "random.py").write_text("raise SystemExit('this is no module')")
    starter = subprocess.Popen(
        [sys.executable, "-P", "-c", STARTER],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    (tmp_path / "scripts").mkdir()
    warm = Warm(starter, starter.stdout.readline().strip(), tmp_path / "scripts")
    assert warm.run(HEAD + "import random\nprint(hasattr(random, 'random'), 'torch' in sys.modules)\n") == (
        0,
        "True True\n",
        "",
    )
    starter.stdin.close()
    starter.wait(PATIENCE)


def test_a_script_that_runs_goes_on_without_the_warm_process(warm):
    script = warm.start(HEAD + "print(os.getpid(), flush=True)\ntime.sleep(1)\nprint('done')\n")
    script.stdout.readline()
    warm.process.kill()
    assert script.communicate(timeout=PATIENCE)[0] == "done\n"
    assert script.returncode == 0


def test_the_warm_process_has_one_thread(warm):
    """Others, and what they hold, would be lost in a fork."""
    assert warm.run(HEAD)[0] == 0
    assert warm.process.num_threads() == 1


def test_cells_are_the_same_bits_in_a_fork_and_alone(warm):
    mini = study_data(training={"steps": 2, "batch": 16, "learning_rate": 5e-3, "evaluate_every": 2})
    Builder(config.parse(mini), "recall").write(warm.folder / "data")
    (warm.folder / "study.yaml").write_text(yaml.safe_dump(mini))
    script = HEAD + (
        "from pathlib import Path\n"
        "from lolameme.study import config\n"
        "from lolameme.study.cell import Cell\n"
        "from lolameme.learning.cell import train_cell\n"
        "study = config.load(Path('study.yaml'))\n"
        "training, folder = study.training_of('recall'), Path(os.environ['FOLDER'])\n"
        "train_cell(study, Cell('recall', 'thex-2', 1), training, Path('data'), folder, 2, lambda progress: None)\n"
    )
    assert warm.run(script, FOLDER="forked")[0] == 0
    assert warm.run(script, FOLDER="alone", LOLAMEME_WARM="nobody")[0] == 0
    forked, alone = ((warm.folder / name / "model.safetensors").read_bytes() for name in ("forked", "alone"))
    assert forked == alone


def test_the_warm_process_leaves_the_gpu_alone():
    """CUDA that has been asked for devices is of no use in a fork."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow")}
    done = subprocess.run([sys.executable, "-c", UNTOUCHED], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


SNAKEFILE = """
from lolameme.runtime import warm

warm.start()
warm.hand_scripts_over()


rule all:
    output:
        "seen",
    script:
        "script.py"
"""
SEES = """
import os, sys
with open(snakemake.output[0], "w") as file:
    print("torch" in sys.modules, "LOLAMEME_WARM" in os.environ, file=file)
"""


def test_snakemake_hands_its_scripts_over(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "script.py").write_text(SEES)
    command = [sys.executable, "-P", "-m", "snakemake", "--cores", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "seen").read_text() == "True False\n"
