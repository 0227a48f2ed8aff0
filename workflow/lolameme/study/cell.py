"""A cell of the study's grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lolameme.base.files import read_json
from lolameme.base.provenance import flatten
from lolameme.study.config import Study
from lolameme.study.paths import A_CELL, PUBLISHED
from lolameme.study.sections import short


@dataclass(frozen=True)
class Cell:
    """The identity of a cell, as its directory spells it."""

    variant: str
    architecture: str
    seed: int

    def __str__(self) -> str:
        return f"{self.variant}/{self.architecture}/seed{self.seed}"


def trained(folder: Path) -> dict[str, Any]:
    """What is known of the cell trained in a folder: its model.json.

    Raises ValueError, in a sentence for the user, if there is none, or none with weights; Damaged if the file is.
    """
    if not (folder / "model.json").exists():
        raise ValueError(f"{folder} holds no trained cell; give {A_CELL}")
    facts = read_json(folder / "model.json")
    if not (folder / "model.safetensors").exists():
        if any((above / PUBLISHED).exists() for above in folder.resolve().parents):
            raise ValueError(
                f"{folder} is a cell without weights, as studies are published; train it here and give {A_CELL}"
            )
        raise ValueError(
            f"the weights of {folder} were not kept; add seed {facts['seed']} to `weights` in the configuration of its "
            f"study and run {again(facts)} CONFIG=that file"
        )
    return facts


def again(facts: dict[str, Any]) -> str:
    """The command that trains a cell again, from its model.json."""
    return f"make cell VARIANT={facts['variant']} ARCHITECTURE={facts['architecture']} SEED={facts['seed']}"


def unlike(study: Study, facts: dict[str, Any]) -> str | None:
    """How the settings that a cell was trained with (its model.json or metrics.json) differ from the study's, if so."""
    return differing(facts["asked"], study.asked(facts["variant"], facts["architecture"]))


def differing(asked: dict[str, Any] | None, wanted: dict[str, Any]) -> str | None:
    """The first setting, by name, in which what was asked for is not what is wanted, if there is one."""
    found, settings = flatten(asked or {}), flatten(wanted)
    for key in sorted(found.keys() | settings.keys()):
        was, now = found.get(key), settings.get(key)
        if was != now:
            return f"{key} was {short(was, quoted=False)}, the study has {short(now, quoted=False)}"
    return None


def check(study: Study, facts: dict[str, Any], data: str | None = None) -> None:
    """Raise ValueError, with the remedy, if a cell was trained with other settings than the study has, or on other data
    than those whose content hash is given."""
    cell = Cell(facts["variant"], facts["architecture"], facts["seed"])
    if difference := unlike(study, facts):
        raise ValueError(f"{cell} was trained with other settings ({difference}); {remedy(study, cell)}")
    if data is not None and facts["data"] != data:
        raise ValueError(f"{cell} was trained on other data than the study now has; {remedy(study, cell)}")


def remedy(study: Study, cell: Cell) -> str:
    """What to do about a cell that does not belong to the study."""
    return f"delete {study.paths.cell(cell.variant, cell.architecture, cell.seed)} and run the same command again"
