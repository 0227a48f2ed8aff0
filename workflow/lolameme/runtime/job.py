"""What every script of a rule does: say things on the terminal and in the log, and fail in one readable sentence."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lolameme.base import sources
from lolameme.study import config
from lolameme.study.sections import ConfigError

# what goes wrong for a reason that a sentence can name; anything else is our mistake and leaves a traceback in the log
_EXPECTED = (ConfigError, ValueError, OSError, RuntimeError, ArithmeticError, MemoryError)


class _Tee:
    """Writes to several streams at once."""

    def __init__(self, *streams: Any):
        self.streams = streams

    def write(self, text: str) -> int:
        for stream in self.streams:
            stream.write(text)
            stream.flush()
        return len(text)

    def flush(self) -> None:
        for stream in self.streams:
            stream.flush()


def export_path() -> None:
    """Let the jobs that this process starts import this very package, also where another environment runs them."""
    ours, others = str(sources.WORKFLOW), os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([ours, others] if others else [ours])


@contextmanager
def running(snakemake: Any) -> Iterator[config.Study]:
    """Run a rule's script: yields the study, copies stderr to the rule's log, turns errors into a sentence."""
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    terminal = sys.stderr
    with log.open("w", encoding="utf-8") as file:
        sys.stderr = _Tee(terminal, file)
        try:
            yield config.parse(snakemake.config)
        except _EXPECTED as error:
            traceback.print_exc(file=file)
            reason = str(error) or type(error).__name__
            terminal.write(f"{snakemake.rule} {dict(snakemake.wildcards)}: {reason} (details: {log})\n")
            raise SystemExit(1) from None
        finally:
            sys.stderr = terminal
