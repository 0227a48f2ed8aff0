"""The report: one HTML file that needs nothing else. Every sentence about results follows from the tables."""

import datetime
import importlib
import importlib.metadata
import importlib.util
import math
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lolameme.base import provenance
from lolameme.base.files import read_frame, read_json, read_sealed
from lolameme.reporting.claims import MASTERED, TELLING
from lolameme.reporting.findings import abstract, findings, questions, sizes, tuned, tuning
from lolameme.reporting.mistakes import ANSWERS
from lolameme.reporting.registry import Registry, collect
from lolameme.reporting.tables import processor_seconds
from lolameme.reporting.templates import fill
from lolameme.statistics.lock_in import CEILING
from lolameme.study import config, plugins
from lolameme.study.architectures import label, pattern

_PACKAGES = ("torch", "snakemake", "mlflow", "pandas", "pyarrow", "tokenizers", "xformers", "numpy", "seaborn")

FIRST = ("The curve", "Predicted before training")  # sections that stand before all others
METRICS = {  # what a reader can rank the leaderboard by
    "exact_match": "exact match",
    "token_accuracy": "token accuracy",
    "loss": "loss",
    "locked": "cells that lock in",
    "steps_to_half": "steps to lock-in",
    "processor_seconds": "processor seconds per cell",
    "tokens_per_second": "tokens per processor second",
    "parameters": "parameters",
    "flops_per_token": "FLOPs per token",
}


def render(study: config.Study, files: list[str], missing: Sequence[str] = ()) -> str:
    """The report page of a study, from its tables, figures and data cards.

    `files` are those of its configuration, relative to the project's folder; none for the default study. `missing`
    are variants that had to be left out.
    """
    exhibits, paths = collect(study), study.paths
    table = {name: read_frame(paths.table(name)) for name in (*exhibits.tables, *exhibits.pooled)}
    sections = drawn(exhibits)
    leaderboard = table["leaderboard"]
    claims, contrasts = table["claims"], table["contrasts"]
    shown = [read_json(paths.data(variant, study.world_seeds[0]) / "card.json") for variant in study.variants]
    seconds = processor_seconds(table["cells"])
    return fill(
        "page.html",
        study=study,
        files=files,
        missing=missing,
        abstract=abstract(study, leaderboard, contrasts, seconds),
        questions=questions(study, leaderboard, claims, shown, contrasts, table.get("accounts"), table.get("routes")),
        findings=findings(leaderboard, contrasts),
        contrasts=contrasts.astype(object).where(contrasts.notna(), None).to_dict("records"),
        tuning=tuning(table["tuning"]),
        rates=tuned(study),
        sizes=sizes(leaderboard, study.match),
        leaderboards=leaderboards(leaderboard),
        explorer=explorer(leaderboard),
        metrics=METRICS,
        first={name: sections.pop(name) for name in FIRST if name in sections},
        framework=sections.pop("Framework"),
        mechanism=mechanism(exhibits, table, sections.pop("Mechanism", [])),
        rest=sections,
        mistakes=by_variant(table["mistakes"]),
        answers=ANSWERS,
        ceiling=CEILING,
        mastered=MASTERED,
        telling=TELLING,
        claims=claims.astype(object).where(claims.notna(), None).to_dict("records"),
        cards=shown,
        stacks={name: " ".join(pattern(name, study.model.layers)) for name in study.stacks},
        trainings={name: study.training_of(name).model_dump() for name in study.variants},
        cells=cell_rows(table["cells"], table.get("verdicts")),
        total=seconds,
        hardware=sorted(set(table["cells"]["device"] + ", " + table["cells"]["precision"])),
        versions={name: importlib.metadata.version(name) for name in _PACKAGES if importlib.util.find_spec(name)},
        python=platform.python_version(),
        code=provenance.code_version(),
        data={card["variant"]: card["content"] for card in shown},
        made=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )


def drawn(exhibits: Registry) -> dict[str, list[dict[str, Any]]]:
    """The figures by section: what is drawn, what its caption says, and the variants whose runs it shows."""
    study = exhibits.study
    found: dict[str, list[dict[str, Any]]] = {}
    for figure in exhibits.figures.values():
        shown = {
            "module": figure.module,
            "section": figure.section,
            "svg": inline(study.paths.figure(figure.name)),
            "caption": figure.caption(study),
            "small": figure.small,
            "says": figure.says(study, **exhibits.needed(figure)) if figure.says else [],
            "variants": figure.variants(study) if figure.variants else list(study.variants),
        }
        found.setdefault(figure.section, []).append(shown)
    return found


def mechanism(
    exhibits: Registry, table: dict[str, pd.DataFrame], figures: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What analyses found inside the cells: of each its title, its sentences and its figures."""
    shown = []
    for name in exhibits.pooled:
        module = plugins.load("analysis", name)
        says = module.findings(table) if hasattr(module, "findings") else []
        mine = [figure for figure in figures if figure["module"] == module.__name__]
        if says or mine:
            shown.append({"title": module.TITLE, "findings": says, "figures": mine})
    analyses = {plugins.module_name("analysis", name) for name in exhibits.pooled}
    for figure in figures:
        if figure["module"] not in analyses:  # made of what several analyses, or cells, say
            title = importlib.import_module(figure["module"]).TITLE
            shown.append({"title": title, "findings": [], "figures": [figure]})
    return shown


def by_variant(rows: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The rows of a table by variant."""
    return {str(variant): mine.to_dict("records") for variant, mine in rows.groupby("variant", sort=False)}


def leaderboards(leaderboard: pd.DataFrame) -> list[dict[str, Any]]:
    """Per variant the rows of its leaderboard on `test`, best first."""
    test = leaderboard[leaderboard["split"] == "test"].sort_values("exact_match", ascending=False)
    return [
        {"variant": variant, "rows": rows.to_dict("records")}
        for variant in leaderboard["variant"].unique()
        for rows in [test[test["variant"] == variant]]
    ]


def explorer(leaderboard: pd.DataFrame) -> list[dict[str, Any]]:
    """Every row of the leaderboard with what a reader can rank by; null where there is nothing."""
    columns = ["variant", "split", "family", "architecture", "exact_match", "low", "high", "token_accuracy", "loss"]
    columns += ["locked", "steps_to_half", "processor_seconds", "tokens_per_second", "parameters", "flops_per_token"]
    rows = leaderboard[columns].replace([math.inf, -math.inf], math.nan)
    rows = rows.assign(name=rows["architecture"].map(label))
    return rows.astype(object).where(rows.notna(), None).to_dict("records")


def cell_rows(scored: pd.DataFrame, verdicts: pd.DataFrame | None) -> list[dict[str, Any]]:
    """All cells with their exact match on `test`, and the verdict on them where there is one."""
    test = scored[scored["split"] == "test"].assign(verdict="")
    if verdicts is not None:
        keys = ["variant", "architecture", "seed", "split"]
        test = test.drop(columns="verdict").merge(verdicts[[*keys, "verdict"]], how="left", on=keys)
        test["verdict"] = test["verdict"].fillna("")
    return test.to_dict("records")


def inline(path: Path) -> str:
    """An SVG ready to stand in a page: without its XML head, not much enlarged, with ids that no other figure has."""
    svg = read_sealed(path)
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(\bid="|url\(#|xlink:href="#|href="#)', lambda m: f"{m[1]}{path.stem}-", svg)
    wide = 1.6 * float(re.search(r'\bwidth="([\d.]+)pt"', svg)[1])
    return svg.replace(
        "<svg", f'<svg role="img" aria-label="{path.stem.replace("_", " ")}" style="max-width: {wide:.0f}px"', 1
    )
