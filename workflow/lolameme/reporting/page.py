"""The report: one HTML file that needs nothing else. Every sentence about results follows from the tables."""

import datetime
import importlib.metadata
import json
import math
import platform
import re
import urllib.parse
from pathlib import Path
from typing import Any

import pandas as pd

from lolameme import config, provenance
from lolameme.files import read_frame, read_json
from lolameme.models.architectures import pattern
from lolameme.reporting.findings import abstract, findings, questions, spread, tuning
from lolameme.reporting.tables import Standings, label
from lolameme.reporting.templates import fill

_PACKAGES = ("torch", "snakemake", "mlflow", "pandas", "pyarrow", "tokenizers", "xformers", "numpy", "seaborn")
_VIEW = "workflowType=machine_learning"  # MLflow opens on its pages for language model calls otherwise

METRICS = {  # what a reader can rank the leaderboard by
    "exact_match": "exact match",
    "token_accuracy": "token accuracy",
    "loss": "loss",
    "steps_to_halfway": "steps to halfway",
    "train_seconds": "seconds per cell",
    "tokens_per_second": "tokens per second",
    "parameters": "parameters",
    "flops_per_token": "FLOPs per token",
}
CAPTIONS = (  # of the figures that not every study has, and of costs
    ("memory", "What the weights hold: exact match against the number of global variables, with 95 % intervals."),
    (
        "length",
        "Exact match against the number of assignments in the program, over all test splits. Shaded: the training "
        "programs; bands: range of the seeds.",
    ),
    (
        "distance",
        "Exact match against the number of statements from binding to query, over all test splits; bands: range of the "
        "seeds.",
    ),
    ("transfer", "Facts taught in one language and asked in another: exact match, mean over the seeds."),
    ("cost", "Exact match on test against parameters and against the seconds of training, with 95 % intervals."),
)


def render(study: config.Study, tables: list[Path], figures: list[Path], cards: list[Path], runs: Path) -> str:
    """The report page of a study.

    `tables` are its Parquet tables, `figures` its SVG files, `cards` the data cards, `runs` the map to MLflow's runs.
    """
    table = {path.stem: read_frame(path) for path in tables}
    board, tracked = table["leaderboard"], read_json(runs)
    standings = Standings(table["comparisons"])
    claims, shown = table["claims"], [read_json(path) for path in cards]
    seconds = table["cells"].drop_duplicates(["variant", "architecture", "seed"])["train_seconds"].sum()
    return fill(
        "page.html",
        study=study,
        seeds=f"{len(study.seeds)} seed{'s' if len(study.seeds) > 1 else ''}",
        abstract=abstract(study, board, standings, seconds),
        questions=questions(study, board, claims, shown, standings),
        findings=findings(board, standings),
        tuning=tuning(table["tuning"]),
        spread=spread(board, study.match),
        boards=boards(board),
        explorer=explorer(board),
        metrics=METRICS,
        more=CAPTIONS,
        links=links(tracked, study.server),
        claims=claims.astype(object).where(claims.notna(), None).to_dict("records"),
        figures={path.stem: inline(path) for path in figures},
        cards=shown,
        stacks={name: " ".join(pattern(name, study.model.layers)) for name in study.stacks},
        trainings={name: study.training_of(name).model_dump() for name in study.variants},
        cells=cell_rows(table["cells"], tracked, study.server),
        total=seconds,
        hardware=sorted(set(table["cells"]["device"] + ", " + table["cells"]["precision"])),
        versions={name: importlib.metadata.version(name) for name in _PACKAGES},
        python=platform.python_version(),
        code=provenance.code_version(),
        data={path.parent.name: read_json(path.parent / "dataset.json")["content"] for path in cards},
        made=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )


def boards(board: pd.DataFrame) -> list[dict[str, Any]]:
    """Per variant the rows of its leaderboard on `test`, best first."""
    test = board[board["split"] == "test"].sort_values("exact_match", ascending=False)
    return [
        {"variant": variant, "rows": rows.to_dict("records"), "pure": rows["pure"].iloc[0]}
        for variant in board["variant"].unique()
        for rows in [test[test["variant"] == variant]]
    ]


def explorer(board: pd.DataFrame) -> list[dict[str, Any]]:
    """Every row of the leaderboard with what a reader can rank by; null where there is nothing."""
    columns = ["variant", "split", "family", "architecture", "exact_match", "low", "high", "token_accuracy", "loss"]
    columns += ["steps_to_halfway", "train_seconds", "tokens_per_second", "parameters", "flops_per_token"]
    rows = board[columns].replace([math.inf, -math.inf], math.nan).assign(name=board["architecture"].map(label))
    return rows.astype(object).where(rows.notna(), None).to_dict("records")


def links(tracked: dict[str, Any], server: str) -> dict[str, Any]:
    """Addresses in MLflow: of every architecture's run, and per variant of the page that compares all its cells."""
    runs = {
        name: f"{server}/#/experiments/{run['experiment_id']}/runs/{run['run_id']}?{_VIEW}"
        for name, run in tracked["architectures"].items()
    }
    cells: dict[str, list[dict[str, str]]] = {}
    for name, run in tracked["cells"].items():
        cells.setdefault(name.split("/")[0], []).append(run)
    compare = {
        variant: f"{server}/#/compare-runs?"
        + urllib.parse.urlencode(
            {
                "runs": json.dumps([run["run_id"] for run in of_variant]),
                "experiments": json.dumps([of_variant[0]["experiment_id"]]),
            },
            quote_via=urllib.parse.quote,
        )
        for variant, of_variant in cells.items()
    }
    return {"runs": runs, "compare": compare}


def cell_rows(scored: pd.DataFrame, tracked: dict[str, Any], server: str) -> list[dict[str, Any]]:
    """All cells with their exact match on `test` and the address of their MLflow run."""
    rows = scored[scored["split"] == "test"].to_dict("records")
    for row in rows:
        run = tracked["cells"][f"{row['variant']}/{row['architecture']}/seed{row['seed']}"]
        row["link"] = f"{server}/#/experiments/{run['experiment_id']}/runs/{run['run_id']}?{_VIEW}"
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
