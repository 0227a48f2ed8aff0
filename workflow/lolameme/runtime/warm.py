"""A warm process: torch, pandas and seaborn are loaded once, and every script runs in a fork of that process.

Loading torch takes as long as some hundred steps of a small cell, and a study on a CPU is many small cells. So whoever
starts the study starts a warm process (`start`), and scripts are handed over (`hand_over.py`): a fork of the warm
process runs a script from its first line, and the process that was started for it waits, passes on a request to end,
and ends as the fork ended. Each job stays a process of its own, which can be killed or fail alone.
"""

import ast
import ctypes
import gc
import importlib
import multiprocessing
import os
import runpy
import secrets
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any

from lolameme.base import provenance
from lolameme.base.interruption import ignore
from lolameme.runtime import hand_over
from lolameme.runtime.hand_over import ADDRESS, END, other_end
from lolameme.study import plugins

# what scripts need and takes long to load
_PRELOADED = (
    "snakemake.iocontainers",
    "snakemake.logging",
    "seaborn",  # and with it scipy's statistics
    "scipy.optimize",
    "lolameme.data.card",
    "lolameme.data.prediction",
    "lolameme.learning.cell",
    "lolameme.learning.evaluation",
    "lolameme.reporting.page",
    "lolameme.reporting.registry",
)
_PR_SET_PDEATHSIG = 1  # of prctl(2)
# a fork keeps one thread only, so the warm process shall have no more: no helpers of numpy, nor of Arrow's memory
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}


def start() -> None:
    """Start a warm process for the scripts that this process will start; it ends when this process does.

    Linux has what this takes; elsewhere, every script loads torch itself.
    """
    if sys.platform != "linux":
        return
    address = f"lolameme-{os.getpid()}-{secrets.token_hex(8)}"
    until, _ = os.pipe()  # whose other end closes with this process
    with socket.socket(socket.AF_UNIX) as door, open(until) as stdin:
        door.bind(f"\0{address}")
        door.listen(128)
        # -P: what lies in the folder of the project, such as a random.py, is no module
        command = [sys.executable, "-P", "-m", "lolameme.runtime.warm", str(door.fileno())]
        subprocess.Popen(command, stdin=stdin, pass_fds=[door.fileno()], env=os.environ | _ONE_THREAD)
    os.environ[ADDRESS] = address


def command(*arguments: str) -> list[str]:
    """The command that hands a script over, with its arguments; without a warm process it runs the script itself."""
    # -I and -S: of its surroundings it needs nothing, and looking at them takes longer than all it does
    return [sys.executable, "-I", "-S", hand_over.__file__, *arguments]


def hand_scripts_over() -> None:
    """Let Snakemake, in this process, start scripts by `command`.

    Before a script Snakemake writes a head that imports Snakemake, so a script cannot hand itself over sooner.
    """
    from snakemake.script import PythonScript

    execute = PythonScript._execute_cmd

    def handing_over(script: Any, line: str, **settings: Any) -> Any:
        if ADDRESS in os.environ and settings.get("py_exec") == sys.executable:  # and of no other environment
            settings["py_exec"] = shlex.join(command())
        return execute(script, line, **settings)

    PythonScript._execute_cmd = handing_over


def _serve(door: socket.socket) -> None:
    """The warm process: a guardian for every script that calls, until stdin ends."""
    inherited = ignore()  # whoever asks a group of processes to end means the scripts
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # guardians are not waited for
    loaded = False
    while sys.stdin not in wait([door, sys.stdin]):
        line, _ = door.accept()
        with line:
            if other_end(line) != os.getuid():
                continue
            loaded = loaded or _load()
            if os.fork() == 0:
                door.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                with suppress(ConnectionError):
                    _guard(line, inherited)
                os._exit(0)


def _load() -> bool:
    """Load what scripts need, all of one version of our sources, and note which."""
    for module in _PRELOADED:
        importlib.import_module(module)
    for mixer in plugins.names("mixer"):
        plugins.load("mixer", mixer)
    provenance.code_version()
    gc.freeze()  # what is loaded is never collected: looking at it would copy its memory into every fork
    return True


def _guard(line: socket.socket, signals: dict[signal.Signals, Any]) -> None:
    """Run the calling script in a process of its own and tell how it ended; kill it if the caller is killed."""
    size, streams, _, _ = socket.recv_fds(line, 8, 2)
    request = ast.literal_eval(line.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL).decode())
    script = multiprocessing.get_context("fork").Process(target=_run, args=(request, streams, signals))
    script.start()
    while script.sentinel not in wait([line, script.sentinel]):
        if line.recv(1) == END:
            script.terminate()
        else:
            script.kill()
            script.join()
    script.join()
    line.sendall(script.exitcode.to_bytes(8, "big", signed=True))


def _run(request: tuple[list[str], str, dict[str, str]], streams: list[int], signals: dict) -> None:
    """Become what the calling process is, by its streams, folder, environment and signals; then run its script."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # none outlives its guardian
    for request_to_end, answer in signals.items():
        signal.signal(request_to_end, answer)
    for ours, theirs in enumerate(streams, start=1):
        os.dup2(theirs, ours)
    sys.argv, folder, environment = request
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, os.path.dirname(sys.argv[0]))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
