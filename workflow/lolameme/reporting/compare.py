"""Two cells, or two studies, side by side: settings that differ, exact match, and whether the difference is sure."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lolameme.base.files import read_json
from lolameme.base.provenance import flatten
from lolameme.reporting.tables import SIGNIFICANT, answers
from lolameme.statistics.outcomes import Outcomes, corrected, difference

UNTESTED = "they did not answer the same programs"
KEYS = ["variant", "split", "architecture"]
_RESULTS = ("variant", "architecture", "seed", "mixers", "parameters", "flops_per_token")  # told otherwise
_MEASURED = ("tokens", "train_seconds", "peak_memory_bytes")


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

    Two single cells are compared whatever their architectures; of studies, equal architectures. Where both answered
    the same programs, the test is paired by program and corrected for all rows (Holm); with one seed each it speaks of
    these two trained models alone. Otherwise only the difference is given.
    """
    both = [cells(path) for path in (first, second)]
    single = all(len(found) == 1 for found in both)
    facts = [[read_json(cell / "model.json") for cell in found] for found in both]
    answered = [outcomes(found, single) for found in both]
    shared = [key for key in answered[0] if key in answered[1]]
    rows, tested = [], []
    for key in shared:
        (a, data), (b, other) = (side[key] for side in answered)
        row = dict(zip(KEYS, key, strict=True)) | {"first": a.by_seed.mean(), "second": b.by_seed.mean()}
        made = difference(b, a) if data == other and np.array_equal(a.queries, b.queries) else None
        rows.append(row | {"difference": row["second"] - row["first"], "p": np.nan, "low": np.nan, "high": np.nan})
        if made:
            tested.append(len(rows) - 1)
            rows[-1] |= {"p": made.p, "low": made.low, "high": made.high}
    results = pd.DataFrame(rows, columns=[*KEYS, "first", "second", "difference", "low", "high", "p"])
    results.loc[tested, "p"] = corrected(results.loc[tested, "p"].to_numpy(float))
    results["verdict"] = [verdict(row) for _, row in results.iterrows()]
    names = [{f"{key[0]}/{key[2]}" for key in side} for side in answered]
    only = (sorted(names[0] - names[1]), sorted(names[1] - names[0]))
    return Comparison(settings(*facts), results, only)


def verdict(row: pd.Series) -> str:
    """What a row of the results says."""
    if pd.isna(row["p"]):
        return UNTESTED
    if row["p"] >= SIGNIFICANT:
        return "not told apart"
    return "higher" if row["difference"] > 0 else "lower"


def outcomes(found: list[Path], single: bool) -> dict[tuple[str, str, str], tuple[Outcomes, str]]:
    """Outcomes over the seeds of every variant, split and architecture, with the digests of their data."""
    hits: dict[tuple[str, str, str], list[np.ndarray]] = {}
    rest: dict[tuple[str, str, str], tuple[np.ndarray, str]] = {}
    for cell in found:
        metrics = read_json(cell / "metrics.json")
        for split, (right, queries) in answers(cell).items():
            key = (metrics["variant"], split, "-" if single else metrics["architecture"])
            hits.setdefault(key, []).append(right)
            rest[key] = queries, rest.get(key, (queries, ""))[1] + metrics["data"]
    return {key: (Outcomes(np.stack(hits[key]), queries), data) for key, (queries, data) in rest.items()}


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
