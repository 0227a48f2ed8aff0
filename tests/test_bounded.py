"""Work that has no end gets one."""

import faulthandler
import os
import signal

import pytest

from lolameme.base.bounded import bounded


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
