"""`lolameme`: small helpers around the workflow. The study itself is run by snakemake."""

import argparse
import os
import sys

from lolameme.cli import cells, pages, plan, studies
from lolameme.runtime.job import said


def main() -> None:
    """Entry point; exits with 1 and one sentence if anything goes wrong."""
    for stream in filter(None, (sys.stdout, sys.stderr)):  # a shell may have closed either
        stream.reconfigure(errors="replace")  # where a terminal cannot show a sign
    parser = argparse.ArgumentParser(prog="lolameme", description=__doc__)
    parser.set_defaults(run=lambda _: print(f"{parser.format_help()}\nTo begin: make study, then lolameme results"))
    commands = parser.add_subparsers(metavar="command")
    for group in (plan, studies, cells, pages):
        group.add(commands)

    try:
        arguments = parser.parse_args()
        arguments.run(arguments)
    except BrokenPipeError:  # whoever reads has enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is written as Python ends
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # of a mistake of ours, too, a person gets a sentence
        sys.exit(f"lolameme: {said(error)}")
