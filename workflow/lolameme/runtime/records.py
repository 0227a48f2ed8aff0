"""Files that Snakemake has no records of, as in a copy of the project without `.snakemake`.

Nothing tells it then that a file was made with other settings than the study now has, and it would take the file as it
is. But data, choices, cells, analyses and the page say themselves what they were made with.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lolameme.base.files import Damaged, read_facts, read_frame, read_json
from lolameme.base.metadata import known
from lolameme.reporting.incomplete import dated_back, partial
from lolameme.reporting.tables import KEYS
from lolameme.study.cell import differing
from lolameme.study.config import Study

_DAMAGED = "holds a file that is no more what it was: {}"


def strangers(study: Study) -> str | None:
    """What Snakemake would wrongly take for the study's, in a sentence with the remedy; None if there is nothing."""
    found: dict[Path, str] = {}
    for folder, reason in _strangers(study):
        found.setdefault(folder, reason)
    if not found:
        return None
    first, reason = next(iter(found.items()))
    rest = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return (
        f"{first}{rest} {reason}, and Snakemake, whose records of it are lost, would take it as it is; "
        f"delete {' '.join(map(str, _widest(set(found), study.paths.results)))} and run the same command again"
    )


def _strangers(study: Study) -> Iterator[tuple[Path, str]]:
    """What is to be deleted, and why."""
    for file, folder, wanted in _made(study):
        if file.exists() and not known(file):
            try:
                facts = read_json(file) if file.suffix == ".json" else read_facts(file)
            except Damaged as error:
                yield folder, _DAMAGED.format(error.reason)
                continue
            if difference := differing(facts.get("asked"), wanted):
                yield folder, f"was made with other settings ({difference})"
    page = study.paths.page
    if page.exists() and not known(page) and not partial(study):  # which Snakemake makes again
        said = re.search(r'<meta name="settings" content="(\w+)">', page.read_text(encoding="utf-8", errors="replace"))
        if not said or said[1] != study.digest:
            for folder in (study.paths.tables, study.paths.reports):
                yield folder, "was made with other settings"
    cells = study.paths.table("cells")
    if cells.exists() and not known(cells) and not dated_back(cells):
        try:
            if set(read_frame(cells, columns=KEYS).itertuples(index=False, name=None)) != set(study.cells):
                yield study.paths.tables, "was made of other cells than the study has"
        except Damaged as error:
            yield study.paths.tables, _DAMAGED.format(error.reason)


def _made(study: Study) -> Iterator[tuple[Path, Path, Any]]:
    """Files that say what was asked for, the folder or file that goes with each, and what the study asks for."""
    paths = study.paths
    for variant in study.variants:
        for world in study.world_seeds:
            folder = paths.data(variant, world)
            yield folder / "dataset.json", folder, study.asked_of_data(variant)
        for stack in study.tuned_stacks(variant):
            folder = paths.trials(variant, stack)
            yield folder / "choice.json", folder, study.asked(variant, stack)
        for stack in study.stacks_of(variant):
            for seed in study.seeds:
                folder = paths.cell(variant, stack, seed)
                yield folder / "model.json", folder, study.asked(variant, stack)
                for name, settings in study.analyses.items():
                    file = paths.analysis(name, variant, stack, seed)
                    yield file, file, settings.model_dump(mode="json")


def _widest(strangers: set[Path], results: Path) -> list[Path]:
    """The folders below `results` that hold strangers alone: as few as there are."""
    found = []
    for path in sorted(strangers):
        while results in path.parent.parents and _all_strange(path.parent, strangers):
            path = path.parent
        found.append(path)
    return list(dict.fromkeys(found))


def _all_strange(folder: Path, strangers: set[Path]) -> bool:
    return all(part in strangers or (part.is_dir() and _all_strange(part, strangers)) for part in folder.iterdir())
