"""Addresses in MLflow's pages, for the report: it stands beside a small script that knows them, and without that
script it says the same without links."""

import json
import urllib.parse
from pathlib import Path
from typing import Any

from lolameme.base.files import write_text

VIEW = "exact_match"  # the view of an experiment's runs that links open: see `runs.view`
_VIEW = "workflowType=machine_learning"  # MLflow opens on its pages for language model calls otherwise
_SHARED = f"viewStateShareKey={VIEW}"  # with the columns that the view names


def table_of(experiment: str) -> str:
    """The page of an experiment's runs, best first, within MLflow."""
    return f"/#/experiments/{experiment}/runs?{_VIEW}&{_SHARED}"


def page_of(run: dict[str, str], part: str = "") -> str:
    """The page of a run, or of a part of it, within MLflow."""
    return f"/#/experiments/{run['experiment_id']}/runs/{run['run_id']}{part}?{_VIEW}"


def addresses(tracked: dict[str, Any], server: str) -> dict[str, str]:
    """Addresses of the runs of cells and means, and per variant of the pages that compare and that rank its cells."""
    found = {
        f"{kind}:{name}": server + page_of(run)
        for kind, key in (("cell", "cells"), ("mean", "architectures"))
        for name, run in tracked[key].items()
    }
    of_variants: dict[str, list[dict[str, str]]] = {}
    for name, run in tracked["cells"].items():
        of_variants.setdefault(name.split("/")[0], []).append(run)
    for variant, runs in of_variants.items():
        chosen = {"runs": [run["run_id"] for run in runs], "experiments": [runs[0]["experiment_id"]]}
        query = urllib.parse.urlencode({k: json.dumps(v) for k, v in chosen.items()}, quote_via=urllib.parse.quote)
        found[f"compare:{variant}"] = f"{server}/#/compare-runs?{query}"
        found[f"table:{variant}"] = server + table_of(runs[0]["experiment_id"])
    return found


def write(path: Path, tracked: dict[str, Any], server: str) -> None:
    """Write the script that tells the report its links. A script, because a page from disk may read nothing else."""
    text = json.dumps(addresses(tracked, server), indent=1)
    write_text(path, f"// Links of the report into MLflow; rule `track` writes them.\nwindow.MLFLOW = {text};\n")
