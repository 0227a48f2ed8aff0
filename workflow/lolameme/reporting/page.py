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

from lolameme.base import provenance
from lolameme.base.files import read_frame, read_json
from lolameme.reporting.findings import abstract, findings, questions, spread, tuning
from lolameme.reporting.selection import figures as selected
from lolameme.reporting.selection import memorised, recalled, transferred
from lolameme.reporting.tables import Standings, label
from lolameme.reporting.templates import fill
from lolameme.study import config
from lolameme.study.architectures import pattern

_PACKAGES = ("torch", "snakemake", "mlflow", "pandas", "pyarrow", "tokenizers", "xformers", "numpy", "seaborn")
_SMALL = ("splits", "memory", "length", "distance")
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
        seeds=counted(study),
        abstract=abstract(study, board, standings, seconds),
        questions=questions(study, board, claims, shown, standings),
        findings=findings(board, standings),
        tuning=tuning(table["tuning"]),
        spread=spread(board, study.match),
        boards=boards(board),
        explorer=explorer(board),
        metrics=METRICS,
        gallery=gallery(study),
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
        data={card["variant"]: card["content"] for card in shown},
        made=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )


def gallery(study: config.Study) -> list[dict[str, Any]]:
    """The figures of the results, in order: name, caption, whether small, and the variants whose runs it shows."""
    seeds = counted(study)
    twins = " At depth 2, XEHT-1 is the same stack as T HEX-2, and XEHT-2 as T HEX-1."
    captions = {
        "exact_match": f"Exact match on the test split. Large marks: mean over {seeds}; bars: 95 % bootstrap interval "
        "over seeds and programs; small dots: single seeds. Dashed lines need no learning.",
        "learning_curves": f"Exact match on the valid split during training. Lines: mean over {seeds}; bands: range of "
        "the seeds; marks on the dotted line: where the median seed gets halfway from the strongest baseline to the "
        "best.",
        "learning_order": "Who learns first: steps until exact match on valid is halfway between the strongest "
        f"baseline and the best of the task (median of {seeds}).",
        "position": "Exact match on test against the position of the swapped layer, with 95 % intervals. Bands: the "
        f"pure stacks.{twins if study.model.layers == 2 else ''}",
        "splits": f"Exact match on every test split (mean over {seeds}), beside the strongest baseline of the split.",
        "memory": "What the weights hold: exact match against the number of global variables, with 95 % intervals.",
        "length": "Exact match against the number of assignments in the program, over all test splits. Shaded: the "
        "training programs; bands: range of the seeds.",
        "distance": "Exact match against the number of statements from binding to query, over all test splits; bands: "
        "range of the seeds.",
        "transfer": "Facts taught in one language and asked in another: exact match, mean over the seeds.",
        "cost": "Exact match on test against parameters and against the seconds of training, with 95 % intervals.",
    }
    some = {"memory": memorised(study), "length": recalled(study), "distance": recalled(study)}
    some["transfer"] = [variant for variant, _, _ in transferred(study)[:1]]
    drawn = set(selected(study))
    return [
        {"name": name, "caption": text, "small": name in _SMALL, "variants": list(some.get(name, study.variants))}
        for name, text in captions.items()
        if name in drawn
    ]


def counted(study: config.Study) -> str:
    """The number of seeds, in words."""
    return f"{len(study.seeds)} seed{'s' if len(study.seeds) > 1 else ''}"


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
