"""What every script of a rule does: say things on the terminal and in the log, and end in one readable sentence."""

import errno
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from lolameme.base import interruption, sources
from lolameme.study import config
from lolameme.study.sections import ConfigError, short

# what goes wrong for a reason that a sentence can name; anything else is a mistake of ours
_EXPECTED = (ConfigError, ValueError, OSError, RuntimeError, ArithmeticError, MemoryError)
_STARTER = "LOLAMEME_STARTER"  # the environment variable that names the process which starts jobs
_REMEDIES = {
    errno.ENOSPC: "there is no space left on the disk; free some and run the same command again",
    errno.EDQUOT: "your quota of the disk is used up; free some and run the same command again",
    errno.EROFS: "this is on a disk that cannot be written to",
    errno.EACCES: "you are not allowed to",
    errno.EPERM: "you are not allowed to",
    errno.EISDIR: "there is a folder where a file belongs; move it away",
    errno.ENOTDIR: "there is a file where a folder belongs; move it away",
    errno.EEXIST: "there is a file where a folder belongs; move it away",
}


class _Tee:
    """Writes to the terminal and to a log, of which either may be gone or full."""

    def __init__(self, *streams: TextIO):
        self.streams, self.within_line = streams, False

    def write(self, text: str) -> int:
        for stream in self.streams:
            with suppress(OSError):
                stream.write(text)
                stream.flush()
        self.within_line = not text.endswith("\n")
        return len(text)

    def flush(self) -> None:
        for stream in self.streams:
            with suppress(OSError):
                stream.flush()


def prepare() -> None:
    """Let the jobs that this process starts import this very package, also where another environment runs them, end
    when this process does, and sleep where a thread waits for others: threads that spin keep those from a processor."""
    ours, others = str(sources.WORKFLOW), os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([ours, others] if others else [ours])
    os.environ[_STARTER] = str(os.getpid())
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # of OpenMP; LLVM's and Intel's wait 0 ms then
    os.environ.setdefault("KMP_BLOCKTIME", "0")


def end_gracefully() -> None:
    """Let this process's Snakemake end on SIGTERM, and when its terminal closes, as it means to: once its jobs have.

    Its handler takes a lock that the code which it interrupts may hold, and would then wait for ever; in a thread of
    its own it waits for that code.
    """
    handler = signal.getsignal(signal.SIGTERM)
    if not callable(handler):
        return

    def asked(*arguments: Any) -> None:
        threading.Thread(target=handler, args=arguments, daemon=True).start()

    for request in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(request) != signal.SIG_IGN:  # nohup
            signal.signal(request, asked)


@contextmanager
def running(snakemake: Any) -> Iterator[config.Study]:
    """Run a rule's script: yields the study, copies stderr to the rule's log, turns errors into a sentence.

    The sentence is the last line of the log, below a traceback, and stands alone on the terminal. A request to end
    (SIGINT, SIGTERM, the death of the process that started the job) becomes `Interrupted` in the script.
    """
    path, terminal = Path(snakemake.log[0]), sys.stderr
    _end_with_starter()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        log = path.open("w", encoding="utf-8")
    except OSError as error:
        raise SystemExit(f"{_name(snakemake)}: {said(error)}") from None
    sys.stderr = both = _Tee(log, terminal)
    try:
        with interruption.on_request(interruption.interrupt):
            yield config.parse(snakemake.config)
    except interruption.Interrupted:
        _end(log, both.within_line, interruption.WORDS)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)  # so that whoever asked sees that it was followed
    except Exception as error:
        reason = said(error)
        _end(log, both.within_line, traceback.format_exc() + reason)
        _Tee(terminal).write(f"{_name(snakemake)}: {reason} (details: {path})\n")
        raise SystemExit(1) from None
    finally:
        sys.stderr = terminal
        with suppress(OSError):
            log.close()


def said(error: Exception) -> str:
    """What went wrong, in one line: with the remedy where we know it, as a mistake of ours where we do not."""
    if isinstance(error, OSError) and (error.errno in _REMEDIES or error.filename):
        file = short(error.filename or "a file", 200, quoted=False)
        remedy = _REMEDIES.get(error.errno)
        return f"{file} cannot be used: {remedy} ({error.strerror})" if remedy else f"{file}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "there is not enough memory: raise mem_mb of the rule, or lower `--cores`"
    words = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, _EXPECTED):
        return words
    places = traceback.extract_tb(error.__traceback__)
    ours = [place for place in places if "lolameme" in Path(place.filename).parts] or places
    at = f" ({Path(ours[-1].filename).name}, line {ours[-1].lineno})" if ours else ""
    return f"a mistake of ours, please report it: {type(error).__name__}: {words}{at}"


def _name(snakemake: Any) -> str:
    return f"{snakemake.rule} {dict(snakemake.wildcards)}"


def _end(log: TextIO, within_line: bool, words: str) -> None:
    with suppress(OSError):
        log.write("\n" * within_line + f"{words}\n")
        log.flush()


def _end_with_starter() -> None:
    """Ask this process to end as soon as the one that started it does, however that ends (Linux only)."""
    if _STARTER not in os.environ or not hasattr(os, "pidfd_open"):
        return
    try:
        watched = os.pidfd_open(int(os.environ[_STARTER]))
    except OSError:  # it cannot be seen from here, as from within a container
        return
    ended = select.poll()
    ended.register(watched, select.POLLIN)

    def wait() -> None:
        ended.poll()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()
