"""What a person gives to a command: a study, a cell, a file, a prompt."""

import argparse
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lolameme.base.files import read_frame
from lolameme.study import config
from lolameme.study.cell import trained
from lolameme.study.paths import Paths, data_of
from lolameme.study.sections import ConfigError, nearest

STUDY = "a configuration file, or the name of a study that one of config.yaml and studies/*.yaml describes"
CELL = "a cell's folder, or short such as quick/in_context/thex-2/seed1"
PROMPT = 'a program that ends where an answer is due, such as "toNen = 4; toNen -> "; default: one of the test split'


def study_file(given: str) -> Path:
    """The configuration file that a person means by a path or by the name of its study."""
    path = Path(given)
    if path.suffix in (".yaml", ".yml") or path.exists():
        return path
    names = {}
    for file in [Path("config.yaml"), *sorted(Path("studies").glob("*.yaml"))]:
        with suppress(ConfigError):
            names[config.load(file).study] = file
    if given not in names:
        known = ", ".join(names) or "none here"
        raise argparse.ArgumentTypeError(f"no file and no study {given!r}{nearest(given, names)}; studies: {known}")
    return names[given]


def about_a_study(
    commands: "argparse._SubParsersAction", run: Callable[[argparse.Namespace], None], about: str
) -> argparse.ArgumentParser:
    """Register a function as the command of its name, which takes a study; its parser, for further options."""
    parser = commands.add_parser(run.__name__, help=about)
    parser.add_argument("config", type=study_file, nargs="?", default="config.yaml", help=STUDY)
    parser.set_defaults(run=run)
    return parser


def made_by(arguments: argparse.Namespace, target: str = "study") -> str:
    """What a person types to run the study that a command is about."""
    default = Path(arguments.config) == Path("config.yaml")
    return f"make {target}" if default else f"make {target} CONFIG={arguments.config}"


def cell_folder(given: str) -> Path:
    """The folder of the cell that a person means by a path, or by `study/variant/architecture/seed1`."""
    path = Path(given)
    if path.exists() or len(path.parts) != 4 or path.is_absolute():
        return path.parent if path.is_file() else path
    study, variant, architecture, seed = path.parts
    return Paths(study).cell(variant, architecture, seed.removeprefix("seed"))


def page_file(given: str) -> Path:
    """Where a page is to be written, known to be possible before any work is done for it."""
    path = Path(given)
    if path.exists() and not path.is_file():
        raise argparse.ArgumentTypeError(f"{given!r} is no file to write to; give one, such as page.html")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(path.parent)!r} for {given!r}; make it first")
    if not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"you cannot write to the folder of {given!r}; give a file in another one")
    return path


def plain_file(given: str) -> Path:
    """A file to be read, which may be missing; no device, which may never end."""
    path = Path(given)
    if path.exists() and not path.is_file():
        raise argparse.ArgumentTypeError(f"{given!r} is no file")
    return path


def first_prompt(cell: Path) -> str:
    """The first question of the cell's test split, up to where the answer is due. Raises ValueError without a cell."""
    program = read_frame(data_of(cell, trained(cell)["world"]) / "test.parquet").iloc[0]
    return program["text"][: program["answer_start"][0]]


def prompt_of(arguments: argparse.Namespace) -> str:
    """The prompt that a person gives, else the first of the cell's test split, which is shown."""
    if arguments.prompt:
        return arguments.prompt
    prompt = first_prompt(arguments.cell)
    print(f"prompt: {prompt}")
    return prompt
