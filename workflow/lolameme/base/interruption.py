"""Somebody asks a job to end: Ctrl-C, a scheduler's polite SIGTERM, a terminal that closes, the end of whoever started
it.

Scripts are started through this module, so it imports nothing that takes time, as `typing` does.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WORDS = "interrupted; the same command goes on where this stopped"
REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """The job was asked to end, and did."""

    def __init__(self) -> None:
        super().__init__(WORDS)


@contextmanager
def on_request(answer: Callable[[], None]) -> Iterator[None]:
    """Call `answer` when this process is asked to end, instead of what happened before.

    Under `nohup` a terminal may close: that it goes on to ignore.
    """

    def asked(*_: object) -> None:
        answer()

    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    heard = [request for request in REQUESTS if not (ignored and request == signal.SIGHUP)]
    previous = {request: signal.signal(request, asked) for request in heard}
    try:
        yield
    finally:
        for request, before in previous.items():
            signal.signal(request, before)


def interrupt() -> None:
    """Raise `Interrupted` in the main thread; further requests change nothing."""
    ignore()
    raise Interrupted


def ignore() -> dict:
    """Let requests to end change nothing from now on; returns what each has done so far."""
    return {request: signal.signal(request, signal.SIG_IGN) for request in REQUESTS}
