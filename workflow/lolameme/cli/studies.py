"""Commands about a study that runs or is finished: what it says, its tables, more seeds, a copy to keep."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lolameme.base.files import read_frame
from lolameme.cli.given import about_a_study, made_by
from lolameme.cli.terminal import plain_table
from lolameme.study import config

if TYPE_CHECKING:
    import pandas as pd

    from lolameme.runtime.progress import Overview

QUIET = 600  # seconds after which a study that writes nothing is taken to be interrupted


def add(commands: "argparse._SubParsersAction") -> None:
    about_a_study(commands, told, "what a study says, in sentences: `make study` ends with them")
    about_a_study(commands, more, "add the seeds of the next look while a contrast is undecided")
    about_a_study(commands, watch, "a live table of the cells in training")
    one = about_a_study(commands, results, "the leaderboard of a study, in the terminal")
    one.add_argument("--split", default="test", help="the test split to show (default: test)")
    one = about_a_study(commands, publish, "keep what a finished study found, without weights, for a repository")
    one.add_argument("--to", type=Path, default=Path("published"), help="the folder of published studies")


def tables_of(arguments: argparse.Namespace, *names: str) -> tuple[config.Study, "list[pd.DataFrame]"]:
    """A study and tables of it. Raises ValueError, with the remedy, if there is one that does not exist."""
    study = config.load(arguments.config)
    tables = [study.paths.table(name) for name in names]
    if missing := [str(path) for path in tables if not path.exists()]:
        raise ValueError(f"{missing[0]} does not exist yet; run `{made_by(arguments)}` first")
    return study, [read_frame(path) for path in tables]


def finished_tables(arguments: argparse.Namespace, *names: str) -> tuple[config.Study, "list[pd.DataFrame]"]:
    """The same of a study that is finished. Raises ValueError, with the remedy, if its report is of a part."""
    from lolameme.reporting.incomplete import partial

    study, tables = tables_of(arguments, *names)
    if partial(study):
        raise ValueError(f"{study.paths.page} reports a part of the study; run `{made_by(arguments)}`")
    return study, tables


def told(arguments: argparse.Namespace) -> None:
    """What the study says: the tests of order, then task by task, then its size."""
    import textwrap

    from lolameme.reporting.findings import abstract
    from lolameme.reporting.tables import processor_seconds
    from lolameme.statistics.verdicts import UNDECIDED

    study, (leaderboard, contrasts, cells) = finished_tables(arguments, "leaderboard", "contrasts", "cells")
    size, *ends, tested = abstract(study, leaderboard, contrasts, processor_seconds(cells))
    for paragraph in (tested, *ends, size):
        print(textwrap.fill(paragraph, 80), end="\n\n")
    if study.more_seeds and (contrasts["verdict"] == UNDECIDED).any():
        command = made_by(arguments, "decided")
        print(f"Some contrasts are undecided; `{command}` trains {len(study.more_seeds)} more seeds\n")


def more(arguments: argparse.Namespace) -> None:
    """Add the seeds of the next look to the configuration, and end with 0; where nothing is left to add, with 3."""
    from lolameme.statistics.verdicts import UNDECIDED
    from lolameme.study.looks import add_seeds

    study, (contrasts,) = finished_tables(arguments, "contrasts")
    if (contrasts["seeds"] != len(study.seeds)).any():
        raise ValueError(f"{arguments.config} asks for other seeds than ran; run `{made_by(arguments)}` first")
    undecided = int((contrasts["verdict"] == UNDECIDED).sum())
    where = f"{study.study}: {undecided} of {len(contrasts)} contrasts undecided with {len(study.seeds)} seeds"
    if not undecided or not study.more_seeds:
        print(f"{where}; no more are added" + (", for no further look is planned" if undecided else ""))
        sys.exit(3)
    study = add_seeds(Path(arguments.config))
    print(f"{where}; {arguments.config} now has {len(study.seeds)}")


def watch(arguments: argparse.Namespace) -> None:
    from rich.live import Live

    from lolameme.runtime.progress import overview, silence

    study = config.load(arguments.config)
    folder = study.paths.progress
    if not (folder / "plan.json").exists():
        raise ValueError(
            f"study {study.study} has not been started; run `{made_by(arguments)}`, then watch from another terminal"
        )
    found = overview(folder)
    with Live(progress_table(found), refresh_per_second=2) as live:
        while found.done < found.cells:
            if not found.running and silence(folder) > QUIET:
                raise ValueError(
                    f"no training has reported for {QUIET // 60} minutes: study {study.study} was interrupted, or "
                    f"waits for a machine; unless it waits, `{made_by(arguments)}` goes on with it"
                )
            time.sleep(1)
            found = overview(folder)
            live.update(progress_table(found))
    print(f"\nAll trainings are done; report: {study.paths.page}")


def progress_table(found: "Overview"):
    """The running cells as a rich table, with the study in its title."""
    from rich.table import Table

    from lolameme.base.text import clock

    nothing = "" if found.running else "; none is running now"
    table = Table(title=f"{found}{nothing}", title_justify="left")
    for name in ("cell", "step", "loss", "exact match", "tokens/s", "left"):
        table.add_column(name, justify="left" if name == "cell" else "right")
    for state in sorted(found.running, key=lambda state: state["cell"]):
        step, steps = state["step"], state["steps"]
        left = clock(state["seconds"] / step * (steps - step)) if step else "?"
        shown = (
            f"{step}/{steps}",
            f"{state['loss']:.3f}",
            f"{state['exact_match']:.3f}",
            f"{state['tokens_per_second']:,.0f}",
        )
        table.add_row(state["cell"], *shown, left)
    return table


def results(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from lolameme.statistics.lock_in import censored
    from lolameme.study.architectures import label

    study, (leaderboard,) = tables_of(arguments, "leaderboard")
    if arguments.split not in set(leaderboard["split"]):
        raise ValueError(f"no split {arguments.split!r}; there are: {', '.join(leaderboard['split'].unique())}")
    leaderboard = leaderboard[leaderboard["split"] == arguments.split]
    leaderboard = leaderboard.sort_values("exact_match", ascending=False, kind="stable")
    console = Console()
    for variant in [name for name in study.variants if name in set(leaderboard["variant"])]:
        rows = leaderboard[leaderboard["variant"] == variant]
        routed = ["recalls by"] if rows["routes"].any() else []
        table = plain_table(
            f"{variant} · {arguments.split}",
            "stack",
            "EM",
            "95 %",
            "lock in",
            "steps",
            "rate",
            "params",
            "s",
            *routed,
        )
        if routed:
            table.columns[-1].no_wrap, table.columns[-1].justify = False, "left"
        for row in rows.itertuples():
            table.add_row(
                label(row.architecture), f"{row.exact_match:.3f}", f"{row.low:.3f}–{row.high:.3f}",
                f"{row.locked}/{row.seeds}", censored(row.steps_to_half, row.steps), f"{row.learning_rate:g}",
                f"{row.parameters:,}", f"{row.processor_seconds:.0f}", *([row.routes] if routed else []),
                style="bold" if row.locked == row.seeds else "",
            )  # fmt: skip
        table.add_row("floor", f"{rows['floor'].iloc[0]:.3f}", style="dim")
        console.print(table)
    console.print(
        "EM: exact match, mean over seeds with its t interval. Bold: all seeds lock in, halfway from the floor to 1 or "
        "further."
    )


def publish(arguments: argparse.Namespace) -> None:
    from lolameme.reporting import published

    folder = published.publish(config.load(arguments.config), arguments.config, arguments.to)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 1e6:.1f} MB")
