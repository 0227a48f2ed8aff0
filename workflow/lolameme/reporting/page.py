"""The report: one HTML file that needs nothing else. Every sentence about results follows from the tables."""

import datetime
import html
import importlib.metadata
import math
import platform
import re
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from lolameme import config, provenance
from lolameme.files import read_json
from lolameme.languages.card import histogram, leakage
from lolameme.models.architectures import pattern
from lolameme.reporting.tables import CEILING, Standings, at_least, label, steps

_PACKAGES = ("torch", "snakemake", "mlflow", "pandas", "pyarrow", "tokenizers", "xformers", "numpy", "seaborn")
_TRACKING = "http://127.0.0.1:5000"
_VIEW = "workflowType=machine_learning"  # MLflow opens on its pages for language model calls otherwise


def render(study: config.Study, tables: list[Path], figures: list[Path], cards: list[Path], runs: Path) -> str:
    """The report page of a study.

    `tables` are its Parquet tables, `figures` its SVG files, `cards` the data cards, `runs` the map to MLflow's runs.
    """
    table = {path.stem: pd.read_parquet(path) for path in tables}
    board, tracked = table["leaderboard"], read_json(runs)
    standings = Standings(table["comparisons"])
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lolameme.reporting", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "em": em,
        "label": label,
        "steps": steps,
        "clock": clock,
        "histogram": histogram,
        "leakage": leakage,
        "signed": signed,
        "p": p_value,
    }
    return environment.get_template("page.html").render(
        study=study,
        seeds=f"{len(study.seeds)} seed{'s' if len(study.seeds) > 1 else ''}",
        findings=findings(board, standings),
        tuning=tuning(table["tuning"]),
        spread=spread(board, study.match),
        boards=boards(board),
        claims=table["claims"].astype(object).where(table["claims"].notna(), None).to_dict("records"),
        figures={path.stem: inline(path) for path in figures},
        cards=[read_json(path) for path in cards],
        stacks={name: " ".join(pattern(name, study.model.layers)) for name in study.stacks},
        trainings={name: study.training_of(name).model_dump() for name in study.variants},
        cells=cell_rows(table["cells"], tracked),
        total=table["cells"].drop_duplicates(["variant", "architecture", "seed"])["train_seconds"].sum(),
        tracking=_TRACKING,
        hardware=sorted(set(table["cells"]["device"] + ", " + table["cells"]["precision"])),
        versions={name: importlib.metadata.version(name) for name in _PACKAGES},
        python=platform.python_version(),
        code=provenance.code_version(),
        data={path.parent.name: read_json(path.parent / "dataset.json")["content"] for path in cards},
        made=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )


def findings(board: pd.DataFrame, standings: Standings) -> list[tuple[str, list[str]]]:
    """Per variant a sentence on `test` and one for each extra split: who leads, is that clear, who is stuck."""
    found = []
    for variant, rows in board.groupby("variant", sort=False):
        by_split = dict(list(rows.groupby("split", sort=False)))
        test = by_split.pop("test")
        extra = [f"<i>{split}</i>: {html.escape(standing(part, standings))}." for split, part in by_split.items()]
        found.append((f"<b>{variant}</b>: {html.escape(standing(test, standings) + order(test))}.", extra))
    return found


def standing(rows: pd.DataFrame, standings: Standings) -> str:
    """How the architectures stand on one split."""
    ranked = [row for _, row in rows.sort_values("exact_match", ascending=False).iterrows()]
    first, last = ranked[0], ranked[-1]
    stuck = [row for row in ranked if row["low"] <= row["baseline"] + 0.02]
    if last["exact_match"] >= CEILING:
        return f"all architectures reach {at_least(last['exact_match'], 3)}, the ceiling"
    if len(stuck) == len(ranked):
        return f"no architecture is better than the strongest baseline ({em(first['baseline'])})"
    kinds: dict[str, list[pd.Series]] = {"not told apart from": [], "above": [], "ahead of": []}
    for row in ranked[1:]:
        kinds[standings.compare(first, row)].append(row)
    rivals, below, beaten = kinds.values()
    text = f"{label(first['architecture'])} reaches {em(first['exact_match'])}"
    if len(rivals) == len(ranked) - 1:
        text += ", and no architecture is told apart from it"
    elif len(beaten) == len(ranked) - 1:
        text += f", ahead of all others (next {label(beaten[0]['architecture'])}, {em(beaten[0]['exact_match'])})"
    else:
        text += f", not told apart from {names(rivals)}" if rivals else ""
        text += f", above {names(below)} in every seed ({best_of(below)})" if below else ""
        text += f", ahead of {names(beaten)} ({best_of(beaten)})" if beaten else ""
    if stuck:
        text += f"; {names(stuck)} no better than the strongest baseline ({em(first['baseline'])})"
    return text


def best_of(rows: list[pd.Series]) -> str:
    """The highest exact match of rows in falling order, as the most that they reach."""
    return f"{'at most ' if len(rows) > 1 else ''}{em(rows[0]['exact_match'])}"


def order(rows: pd.DataFrame) -> str:
    """Who learns first and who last, where they differ."""
    learners = rows[rows["steps_to_halfway"].map(math.isfinite)].sort_values("steps_to_halfway")
    if len(learners) < 2 or learners["steps_to_halfway"].nunique() == 1:
        return ""
    soon, late = learners.iloc[0], learners.iloc[-1]
    return (
        f". {label(soon['architecture'])} gets halfway first, after {steps(soon['steps_to_halfway'])} steps, "
        f"{label(late['architecture'])} last, after {steps(late['steps_to_halfway'])}"
    )


def tuning(tried: pd.DataFrame) -> list[dict[str, Any]]:
    """Per variant the trials of each architecture: exact match on valid by what was tried, and the choice."""
    found = []
    for variant, rows in tried.groupby("variant", sort=False):
        points = list(dict.fromkeys(rows["trial"]))
        decays = rows["weight_decay"].nunique() > 1
        heads = rows.drop_duplicates("trial").set_index("trial")
        head = [
            f"{heads.loc[p, 'learning_rate']:g}" + (f", decay {heads.loc[p, 'weight_decay']:g}" if decays else "")
            for p in points
        ]
        lines = [
            {"architecture": architecture, "cells": mine.set_index("trial").loc[points].to_dict("records")}
            for architecture, mine in rows.groupby("architecture", sort=False)
        ]
        rates = rows["learning_rate"]
        edge = int((rows["chosen"] & rates.isin([rates.min(), rates.max()])).sum()) if rates.nunique() > 2 else 0
        found.append({"variant": variant, "head": head, "lines": lines, "edge": edge, "steps": rows["steps"].max()})
    return found


def spread(board: pd.DataFrame, match: str) -> str:
    """How alike the architectures of a study are in size and cost, as a sentence."""
    test = board[board["split"] == "test"]
    widths = test["d_model"]
    ranges = []
    for column, name in (("parameters", "parameters"), ("flops_per_token", "FLOPs per token")):
        ratio = test.groupby("variant")[column].agg(lambda values: values.max() / values.min()).max()
        ranges.append(f"{name} differ by up to {100 * (ratio - 1):.0f} %")
    same = widths.nunique() == 1
    size = f"a width of {widths.iloc[0]}" if same else f"widths of {widths.min()} to {widths.max()}"
    basis = {
        "depth": "the same depth and width",
        "parameters": "the same depth, and widths that give all as many parameters as GPT-2",
        "flops": "the same depth, and widths that give all as many FLOPs per token as GPT-2",
    }[match]
    return f"Architectures are compared at {basis} ({size}); between those of one task, {' and '.join(ranges)}."


def names(rows: list[pd.Series]) -> str:
    """Architectures in a sentence: A, B and C."""
    words = [label(row["architecture"]) for row in rows]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def boards(board: pd.DataFrame) -> list[dict[str, Any]]:
    """Per variant the rows of its leaderboard on `test`, best first."""
    test = board[board["split"] == "test"].sort_values("exact_match", ascending=False)
    return [
        {"variant": variant, "rows": rows.to_dict("records"), "pure": rows["pure"].iloc[0]}
        for variant in board["variant"].unique()
        for rows in [test[test["variant"] == variant]]
    ]


def cell_rows(scored: pd.DataFrame, tracked: dict[str, Any]) -> list[dict[str, Any]]:
    """All cells with their exact match on `test` and the address of their MLflow run."""
    rows = scored[scored["split"] == "test"].to_dict("records")
    for row in rows:
        run = tracked["cells"][f"{row['variant']}/{row['architecture']}/seed{row['seed']}"]
        row["link"] = f"{_TRACKING}/#/experiments/{run['experiment_id']}/runs/{run['run_id']}?{_VIEW}"
    return rows


def inline(path: Path) -> str:
    """An SVG ready to stand in a page: without its XML head, not much enlarged, with ids that no other figure has."""
    svg = path.read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(\bid="|url\(#|xlink:href="#|href="#)', lambda m: f"{m[1]}{path.stem}-", svg)
    wide = 1.6 * float(re.search(r'\bwidth="([\d.]+)pt"', svg)[1])
    return svg.replace(
        "<svg", f'<svg role="img" aria-label="{path.stem.replace("_", " ")}" style="max-width: {wide:.0f}px"', 1
    )


def em(value: float | None) -> str:
    """Exact match as people compare it; a dash where there is none."""
    return "–" if value is None or pd.isna(value) else f"{value:.3f}"


def signed(value: float | None) -> str:
    """A difference of exact matches; a dash where there is none."""
    return "–" if value is None or pd.isna(value) else f"{round(value, 3) + 0.0:+.3f}"  # no minus before 0


def p_value(value: float | None) -> str:
    """A p value as people write it."""
    if value is None or pd.isna(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds."""
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
