"""A configuration that cannot be read, said before Snakemake says it with a traceback."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def refuse_unreadable(command: Sequence[str]) -> None:
    """End where Snakemake's `--configfile`, which takes all that follows it, was given what cannot be read.

    Snakemake opens these files before it reads the Snakefile. What it loads earlier of ours is its executor.
    `command` is the whole command line.
    """
    if "snakemake" not in (Path(command[0]).stem, Path(command[0]).parent.name):  # `snakemake`, `python -m snakemake`
        return
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)  # `--config` is another option
    parser.add_argument("--configfile", "--configfiles", nargs="+", default=[], type=Path)
    given = parser.parse_known_args(command[1:])[0].configfile
    for place, file in enumerate(given):
        try:
            file.open("rb").close()
        except OSError as error:
            advice = f"there are: config.yaml, {', '.join(map(str, sorted(Path('studies').glob('*.yaml'))))}"
            if place:
                advice = f"--configfile takes all that follows it; if this is what to make: {given[0]} -- {file}"
            sys.exit(f"{file}: {error.strerror}; {advice}")
