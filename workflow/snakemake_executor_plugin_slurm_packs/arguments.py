"""A configuration that cannot be read, said before Snakemake says it with a traceback."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def refuse_unreadable(command: Sequence[str]) -> None:
    """End where Snakemake's `--configfile`, which takes all that follows it, was given what cannot be read.

    Snakemake opens these files before it reads the Snakefile. What it loads earlier of ours is its executor.
    `command` is the whole command line. How a configuration is read, the checkout beside the Snakefile knows.
    """
    if "snakemake" not in (Path(command[0]).stem, Path(command[0]).parent.name):  # `snakemake`, `python -m snakemake`
        return
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)  # `--config` is another option
    parser.add_argument("--configfile", "--configfiles", nargs="+", default=[], type=Path)
    parser.add_argument("--snakefile", "-s", default=Path("Snakefile"), type=Path)
    asked, _ = parser.parse_known_args(command[1:])
    sources = asked.snakefile.resolve().parent / "workflow"
    for place, file in enumerate(asked.configfile):
        try:
            file.open("rb").close()
        except OSError as error:
            advice = f"there are: config.yaml, {', '.join(map(str, sorted(Path('studies').glob('*.yaml'))))}"
            if place:
                meant = f"{asked.configfile[0]} -- {file}"
                advice = f"--configfile takes all that follows it; if this is what to make: {meant}"
            sys.exit(f"{file}: {error.strerror}; {advice}")
        if not place and (sources / "lolameme").is_dir():
            _refuse_broken(file, sources)


def _refuse_broken(file: Path, sources: Path) -> None:
    """End in the words of `lolameme check` where a configuration is no YAML that can be meant."""
    if str(sources) not in sys.path:
        sys.path.insert(0, str(sources))  # before any other lolameme, as the rules do
    from lolameme.study import document
    from lolameme.study.sections import ConfigError

    try:
        document.read(file)
    except ConfigError as error:
        sys.exit(str(error))
