"""Two cells, or two studies, side by side: settings that differ, exact match, and whether the difference is sure."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lolameme.base.files import read_json
from lolameme.base.provenance import flatten
from lolameme.reporting.tables import answers
from lolameme.statistics import verdicts
from lolameme.statistics.answers import Answers, Outcomes
from lolameme.statistics.lock_in import goal

UNTESTED = "not tested"  # no seed of both sides answered the same programs
HIGHER, LOWER = "B is higher", "B is lower"  # B: the second
KEYS = ["variant", "split", "architecture"]
_RESULTS = ("variant", "architecture", "seed", "mixers", "parameters", "flops_per_token")  # told otherwise
_MEASURED = ("tokens", "train_seconds", "processor_seconds", "peak_memory_bytes")


@dataclass(frozen=True)
class Comparison:
    """What `compare` found."""

    settings: pd.DataFrame  # setting, first, second: those that differ
    results: pd.DataFrame  # KEYS, first, second, difference, low, high, p, verdict
    only: tuple[list[str], list[str]]  # what one side alone has, as variant/architecture


def folder(name: str) -> Path:
    """The folder of a cell or a study, given as a path or as a study's name. Raises ValueError if there is none."""
    for path in (Path(name), Path("results") / name):
        if path.is_dir() and (cells(path) or (path / "metrics.json").exists()):
            return path
    studies = [str(path.parent) for path in sorted(Path("results").glob("*/cells"))]
    known = f"; studies here: {', '.join(studies)}" if studies else ""
    raise ValueError(f"{name!r} is neither a trained cell nor a study with trained cells{known}")


def cells(path: Path) -> list[Path]:
    """The folders of a study's evaluated cells; a cell's own folder if `path` is one."""
    if (path / "metrics.json").exists():
        return [path]
    return sorted(found.parent for found in path.glob("cells/*/*/seed*/metrics.json"))


def compare(first: Path, second: Path) -> Comparison:
    """Compare all cells of two folders by variant, test split and architecture.

    Two single cells are compared whatever their architectures; of studies, equal architectures. The test is that of
    contrasts: paired by the seeds that answered the same programs on both sides, corrected for all rows (Holm). With
    one such seed nothing is claimed, without one nothing is tested.
    """
    both = [cells(path) for path in (first, second)]
    single = all(len(found) == 1 for found in both)
    facts = [[read_json(cell / "model.json") for cell in found] for found in both]
    answered = [by_row(found, single) for found in both]
    rows, arms = [], []
    for key in [key for key in answered[0] if key in answered[1]]:
        sides = [side[key] for side in answered]
        shown = [float(np.mean([made.exact_match for made, _ in side.values()])) for side in sides]
        rows.append(dict(zip((*KEYS, "first", "second"), (*key, *shown), strict=True)))
        arms.append(paired(*sides))
    tested = [verdicts.contrast(b, a) if len(a.values) else None for a, b in arms]
    p = verdicts.corrected(np.array([found.p if found else np.nan for found in tested]))
    alpha = verdicts.strictest(p)
    for row, (a, b), found, fixed in zip(rows, arms, tested, p, strict=True):
        interval = (found.low, found.high) if found else (np.nan, np.nan)
        row |= {"difference": row["second"] - row["first"], "low": interval[0], "high": interval[1], "p": fixed}
        row["verdict"] = verdict(found, fixed, verdicts.could_have_found(found, b, a, alpha)) if found else UNTESTED
    results = pd.DataFrame(rows, columns=[*KEYS, "first", "second", "difference", "low", "high", "p", "verdict"])
    names = [{f"{key[0]}/{key[2]}" for key in side} for side in answered]
    only = (sorted(names[0] - names[1]), sorted(names[1] - names[0]))
    return Comparison(settings(*facts), results, only)


def verdict(found: verdicts.Tested, p: float, could: float) -> str:
    """What a row of the results says: the word of a contrast, with no order expected."""
    word = verdicts.word(found, p)
    names = {verdicts.SAME: HIGHER, verdicts.OTHER: LOWER}
    return names.get(word) or verdicts.sentence(word, could, found.by)


Row = dict[int, tuple[Answers, str]]  # by seed: what the cell answered, and the digest of its data


def by_row(found: list[Path], single: bool) -> dict[tuple[str, str, str], Row]:
    """What the cells of every variant, split and architecture answered; two single cells count as one seed."""
    rows: dict[tuple[str, str, str], Row] = {}
    for cell in found:
        metrics = read_json(cell / "metrics.json")
        for split, given in answers(cell).items():
            key = (metrics["variant"], split, "-" if single else metrics["architecture"])
            made = Answers(*given, metrics["splits"][split]["baselines"]["floor"])
            rows.setdefault(key, {})[0 if single else metrics["seed"]] = made, metrics["data"]
    return rows


def paired(first: Row, second: Row) -> tuple[Outcomes, Outcomes]:
    """The cells of both sides whose seeds answered the same programs, in one order."""
    seeds = [seed for seed in first if seed in second and first[seed][1] == second[seed][1]]
    return arm([first[seed][0] for seed in seeds]), arm([second[seed][0] for seed in seeds])


def arm(made: list[Answers]) -> Outcomes:
    """Cells of one architecture as an arm of a contrast."""
    told = [(one.exact_match, one.locked, one.above, one.high, goal(one.floor)) for one in made]
    values, locked, above, high, goals = np.array(told, float).reshape(-1, 5, 1).swapaxes(0, 1)  # each (S, 1)
    return Outcomes(values, locked == 1, above == 1, high == 1, goals)


def settings(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> pd.DataFrame:
    """Settings, code and data that differ between two sets of cells, with all the values that occur."""
    values = [collected(facts) for facts in (first, second)]
    keys = [key for key in dict.fromkeys([*values[0], *values[1]]) if values[0].get(key) != values[1].get(key)]
    rows = [{"setting": key, "first": shown(values[0].get(key)), "second": shown(values[1].get(key))} for key in keys]
    return pd.DataFrame(rows, columns=["setting", "first", "second"])


def collected(facts: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Every setting as a dotted key, with the values that it takes."""
    own = ("architecture", "seed", "parameters") if len(facts) == 1 else ()
    found: dict[str, set[str]] = {}
    for one in facts:
        for key, value in flatten(one).items():
            if key in own or key not in (*_RESULTS, *_MEASURED):
                found.setdefault(key, set()).add(str(value)[:16] if key == "data" else str(value))
    return found


def shown(values: set[str] | None) -> str:
    """The values of a setting in a table: at most three of them."""
    if values is None:
        return "–"
    ordered = sorted(values)
    return ", ".join(ordered[:3]) + (f" and {len(ordered) - 3} more" if len(ordered) > 3 else "")
