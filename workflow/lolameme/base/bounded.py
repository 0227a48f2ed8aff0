"""Work that has to come to an end: in processes of its own, each of which may use only so much time and memory."""

import os
import resource
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

SECONDS = 30  # of computing, not of waiting for a processor
MEMORY = 4 << 30  # bytes, besides those that there are at its start
_NO_MEMORY = 3  # how a fork ends for lack of memory
# SIGKILL: where the limit is also the hardest that there is, or the machine's memory is at its end
_LIMITS = (_NO_MEMORY, -signal.SIGXCPU, -signal.SIGKILL)


def bounded(works: Iterable[Callable[[], str]], seconds: int = SECONDS, memory: int = MEMORY) -> Iterator[str | None]:
    """What each work says in a fork of this process, of which nothing else is left; None if it met a limit.

    As many are under way as there are processors. Raises RuntimeError if one raises anything but MemoryError, or
    crashes.
    """
    under_way: deque[_Fork] = deque()
    try:
        for work in works:
            under_way.append(_Fork(work, seconds, memory))
            if len(under_way) == processors():
                yield under_way.popleft().said()
        while under_way:
            yield under_way.popleft().said()
    finally:
        for fork in under_way:  # nobody asks for the rest
            fork.end()


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Fork:
    """A fork of this process that works, says something and is no more."""

    def __init__(self, work: Callable[[], str], seconds: int, memory: int):
        self.reader, writer = os.pipe()
        self.child = os.fork()
        if not self.child:
            os.close(self.reader)
            _work(work, writer, seconds, memory)
        os.close(writer)

    def said(self) -> str | None:
        with open(self.reader, encoding="utf-8") as pipe:
            said = pipe.read()
        _, status = os.waitpid(self.child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code in _LIMITS:
            return None
        if code:
            raise RuntimeError(f"it crashed: {signal.Signals(-code).name if code < 0 else f'exit status {code}'}")
        if not said.startswith("."):
            raise RuntimeError(said)
        return said[1:]

    def end(self) -> None:
        os.kill(self.child, signal.SIGKILL)
        os.close(self.reader)
        os.waitpid(self.child, 0)


def _work(work: Callable[[], str], writer: int, seconds: int, memory: int) -> None:
    """The fork: it ends here, with status 0 if it has said something."""
    status = _NO_MEMORY
    try:
        _limit(resource.RLIMIT_CPU, seconds)
        if (used := Path("/proc/self/statm")).exists():  # else nobody knows what there is at the start
            _limit(resource.RLIMIT_AS, int(used.read_text().split()[0]) * resource.getpagesize() + memory)
        said = "." + work()
    except MemoryError:
        said = ""
    except BaseException:
        said = traceback.format_exc()
    if said:
        with suppress(OSError), open(writer, "w", encoding="utf-8") as pipe:
            pipe.write(said)
        status = 0
    os._exit(status)


def _limit(what: int, most: int) -> None:
    soft, hard = resource.getrlimit(what)
    wanted = [most, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(what, (min(wanted), hard))
