"""A warm process: torch, pandas and seaborn are loaded once, and every script runs in a fork of that process.

Loading torch takes as long as some hundred steps of a small cell, and a study on a CPU is many small cells. So whoever
starts the study starts a warm process (`start`), and a script hands itself over (`hand_over`): a fork of the warm
process runs it from its first line, and the script's own process waits, passes on a request to end, and ends as the
fork ended. Each job stays a process of its own, which can be killed or fail alone.
"""

import ctypes
import importlib
import json
import multiprocessing
import os
import runpy
import secrets
import signal
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any

from lolameme.base import provenance
from lolameme.base.interruption import ignore, on_request
from lolameme.study import plugins

_ADDRESS = "LOLAMEME_WARM"  # the environment variable that names the socket
_END = b"."  # said by a script's process that is asked to end
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
    os.environ[_ADDRESS] = address


def hand_over() -> None:
    """Let a fork of the warm process run this script, and end with its exit status.

    Returns where there is no warm process, which is also so in the fork itself, and where it was killed: scripts of
    rules can be run again.
    """
    address = os.environ.pop(_ADDRESS, None)
    if address is None:
        return
    request = json.dumps({"arguments": sys.argv, "folder": os.getcwd(), "environment": dict(os.environ)}).encode()
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(f"\0{address}")
            if _other_end(line) != os.getuid():  # the name became free, and another user took it
                return
            socket.send_fds(line, [struct.pack("!q", len(request))], [1, 2])
            line.sendall(request)
            with on_request(lambda: line.send(_END)):
                answer = line.recv(8)
        except ConnectionError:
            answer = b""
    if answer:
        (status,) = struct.unpack("!q", answer)
        if status < 0:  # by a signal
            with suppress(OSError):  # SIGKILL has no other way to be met
                signal.signal(-status, signal.SIG_DFL)
            os.kill(os.getpid(), -status)
        raise SystemExit(status)


def _other_end(line: socket.socket) -> int:
    """The user at the other end of a connection, as the kernel saw them when they connected, or began to listen."""
    _, user, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return user


def _serve(door: socket.socket) -> None:
    """The warm process: a guardian for every script that calls, until stdin ends."""
    inherited = ignore()  # whoever asks a group of processes to end means the scripts
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # guardians are not waited for
    loaded = False
    while sys.stdin not in wait([door, sys.stdin]):
        line, _ = door.accept()
        with line:
            if _other_end(line) != os.getuid():
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
    return True


def _guard(line: socket.socket, signals: dict[signal.Signals, Any]) -> None:
    """Run the calling script in a process of its own and tell how it ended; kill it if the caller is killed."""
    size, streams, _, _ = socket.recv_fds(line, 8, 2)
    request = json.loads(line.recv(*struct.unpack("!q", size), socket.MSG_WAITALL))
    script = multiprocessing.get_context("fork").Process(target=_run, args=(request, streams, signals))
    script.start()
    while script.sentinel not in wait([line, script.sentinel]):
        if line.recv(1) == _END:
            script.terminate()
        else:
            script.kill()
            script.join()
    script.join()
    line.sendall(struct.pack("!q", script.exitcode))


def _run(request: dict[str, Any], streams: list[int], signals: dict[signal.Signals, Any]) -> None:
    """Become what the calling process is, by its streams, folder, environment and signals; then run its script."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # none outlives its guardian
    for request_to_end, answer in signals.items():
        signal.signal(request_to_end, answer)
    for ours, theirs in enumerate(streams, start=1):
        os.dup2(theirs, ours)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["arguments"]
    sys.path.insert(0, os.path.dirname(sys.argv[0]))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
