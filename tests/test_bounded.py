"""Work that has no end gets one."""

import faulthandler
import os
import signal
import time

import pytest

from lolameme.base import bounded as module


def bounded(work, **limits) -> str | None:
    (said,) = module.bounded([work], **limits)
    return said


def test_what_work_says_comes_back():
    assert bounded(lambda: "zwölf") == "zwölf"
    assert bounded(lambda: "") == ""


def forever() -> str:
    while True:
        pass


def test_work_without_an_end_is_given_up():
    assert bounded(forever, seconds=1) is None


def test_work_that_takes_too_much_memory_is_given_up():
    assert bounded(lambda: str(bytearray(2 << 30)[:1]), memory=1 << 30) is None


def fault() -> str:
    faulthandler.disable()  # pytest's own would print all its threads
    os.kill(os.getpid(), signal.SIGSEGV)
    return "here no more"


@pytest.mark.parametrize(
    ("crash", "said"), [(fault, "it crashed: SIGSEGV"), (lambda: os._exit(1), "it crashed: exit status 1")]
)
def test_a_crash_is_no_limit(crash, said):
    with pytest.raises(RuntimeError, match=said):
        bounded(crash)


def test_a_mistake_in_the_work_is_no_limit():
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        bounded(lambda: str(1 / 0))


def test_works_say_theirs_in_order_and_are_under_way_together(monkeypatch):
    """Each waits for the other, which would be for ever if one had to end before the other begins."""
    monkeypatch.setattr(module, "processors", lambda: 2)
    ends = [os.pipe() for _ in range(2)]

    def meet(mine: int, other: int) -> str:
        os.write(ends[other][1], b".")
        os.read(ends[mine][0], 1)
        return str(mine)

    assert list(module.bounded([lambda: meet(0, 1), lambda: meet(1, 0), lambda: "2"])) == ["0", "1", "2"]


def test_what_nobody_asks_for_any_more_is_ended(monkeypatch):
    monkeypatch.setattr(module, "processors", lambda: 2)
    said = module.bounded([lambda: "first", lambda: str(time.sleep(1000))])
    assert next(said) == "first"
    said.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
