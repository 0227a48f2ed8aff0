"""`lolameme`: small helpers around the workflow. The study itself is run by snakemake."""

import argparse
import json
import os
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lolameme.base.files import read_frame, read_json
from lolameme.runtime.job import said
from lolameme.study import config
from lolameme.study.cell import trained
from lolameme.study.paths import Paths, data_of
from lolameme.study.sections import ConfigError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from lolameme.runtime.progress import Overview

STUDY = "a configuration file, or the name of a study that one of config.yaml and studies/*.yaml describes"

QUIET = 600  # seconds after which a study that writes nothing is taken to be interrupted
CELL = "a cell's folder, or short such as quick/in_context/thex-2/seed1"
PROMPT = 'a program that ends where an answer is due, such as "toNen = 4; toNen -> "; default: one of the test split'


def study_file(given: str) -> Path:
    """The configuration file that a person means by a path or by the name of its study."""
    path = Path(given)
    if path.suffix in (".yaml", ".yml") or path.exists():
        return path
    names = {}
    for file in [Path("config.yaml"), *sorted(Path("studies").glob("*.yaml"))]:
        with suppress(ConfigError):
            names[config.load(file).study] = file
    if given not in names:
        known = ", ".join(names) or "none here"
        raise argparse.ArgumentTypeError(f"no file and no study {given!r}{nearest(given, names)}; studies: {known}")
    return names[given]


def made_by(arguments: argparse.Namespace) -> str:
    """What a person types to run the study that a command is about."""
    default = Path(arguments.config) == Path("config.yaml")
    return "make study" if default else f"make study CONFIG={arguments.config}"


def cell_folder(given: str) -> Path:
    """The folder of the cell that a person means by a path, or by `study/variant/architecture/seed1`."""
    path = Path(given)
    if path.exists() or len(path.parts) != 4 or path.is_absolute():
        return path.parent if path.is_file() else path
    study, variant, architecture, seed = path.parts
    return Paths(study).cell(variant, architecture, seed.removeprefix("seed"))


def page_file(given: str) -> Path:
    """Where a page is to be written, known to be possible before any work is done for it."""
    path = Path(given)
    if path.exists() and not path.is_file():
        raise argparse.ArgumentTypeError(f"{given!r} is no file to write to; give one, such as page.html")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(path.parent)!r} for {given!r}; make it first")
    if not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"you cannot write to the folder of {given!r}; give a file in another one")
    return path


def plain_file(given: str) -> Path:
    """A file to be read, which may be missing; no device, which may never end."""
    path = Path(given)
    if path.exists() and not path.is_file():
        raise argparse.ArgumentTypeError(f"{given!r} is no file")
    return path


def first_prompt(cell: Path) -> str:
    """The first question of the cell's test split, up to where the answer is due. Raises ValueError without a cell."""
    program = read_frame(data_of(cell, trained(cell)["world"]) / "test.parquet").iloc[0]
    return program["text"][: program["answer_start"][0]]


def prompt_of(arguments: argparse.Namespace) -> str:
    """The prompt that a person gives, else the first of the cell's test split, which is shown."""
    if arguments.prompt:
        return arguments.prompt
    prompt = first_prompt(arguments.cell)
    print(f"prompt: {prompt}")
    return prompt


def main() -> None:
    """Entry point; exits with 1 and one sentence if something is wrong with what the user gave."""
    for stream in filter(None, (sys.stdout, sys.stderr)):  # a shell may have closed either
        stream.reconfigure(errors="replace")  # where a terminal cannot show a sign
    parser = argparse.ArgumentParser(prog="lolameme", description=__doc__)
    parser.set_defaults(run=lambda _: print(f"{parser.format_help()}\nTo begin: make study, then lolameme results"))
    commands = parser.add_subparsers(metavar="command")

    one = commands.add_parser("check", help="check a configuration and say what it would run")
    one.add_argument("config", type=study_file, nargs="?", default="config.yaml", help=STUDY)
    one.set_defaults(run=check)

    one = commands.add_parser("warn", help="say which architectures cannot see far enough back, before any training")
    one.add_argument("config", type=study_file, nargs="?", default="config.yaml", help=STUDY)
    one.set_defaults(run=warn)

    one = commands.add_parser("cost", help="say what a study takes, before anything runs: time, disk, memory")
    one.add_argument("config", type=study_file, nargs="?", default="config.yaml", help=STUDY)
    one.set_defaults(run=cost)

    one = commands.add_parser("where", help="say where a study, or one of its cells, leaves its results")
    one.add_argument("config", type=study_file, nargs="?", default="config.yaml", help=STUDY)
    one.add_argument(
        "--cell", nargs=3, metavar=("VARIANT", "ARCHITECTURE", "SEED"), help="print this cell's metrics file"
    )
    one.set_defaults(run=where)

    one = commands.add_parser("told", help="what a study says, in three paragraphs: `make study` ends with them")
    one.add_argument("config", type=study_file, nargs="?", default="config.yaml", help=STUDY)
    one.set_defaults(run=told)

    one = commands.add_parser("more", help="add the seeds of the next look while a contrast is undecided")
    one.add_argument("config", type=study_file, nargs="?", default="config.yaml", help=STUDY)
    one.set_defaults(run=more)

    one = commands.add_parser("watch", help="a live table of the cells in training")
    one.add_argument("config", type=study_file, nargs="?", default="config.yaml", help=STUDY)
    one.set_defaults(run=watch)

    one = commands.add_parser("interpret", help="answer the queries of a program, with the steps")
    one.add_argument("program", help='such as "toNen = 4; toNen -> "')
    one.add_argument(
        "--world",
        type=plain_file,
        required=True,
        help="a world.json, such as results/quick/data/in_context/world1/world.json",
    )
    one.set_defaults(run=interpret)

    one = commands.add_parser("ask", help="ask a trained cell, and the interpreter beside it")
    one.add_argument("cell", type=cell_folder, help=CELL)
    one.add_argument("prompt", nargs="?", help=PROMPT)
    one.set_defaults(run=ask)

    one = commands.add_parser("explain", help="what each layer of a trained cell carries and where it looks")
    one.add_argument("cell", type=cell_folder, help=CELL)
    one.add_argument("prompt", nargs="?", help=PROMPT)
    one.add_argument("--html", type=page_file, help="write the explanation as a page, too")
    one.set_defaults(run=explain)

    one = commands.add_parser("results", help="the leaderboard of a study, in the terminal")
    one.add_argument("config", type=study_file, nargs="?", default="config.yaml", help=STUDY)
    one.add_argument("--split", default="test", help="the test split to show (default: test)")
    one.set_defaults(run=results)

    one = commands.add_parser("summary", help="what one cell reached, and before: `make cell` ends with it")
    one.add_argument("metrics", type=plain_file, help="the cell's metrics.json")
    one.add_argument("--before", type=plain_file, help="a copy of that file from before")
    one.set_defaults(run=summary)

    one = commands.add_parser("compare", help="two cells, or two studies: settings, exact match, significance")
    one.add_argument("first", help=f"{CELL}; or a study's name, folder or configuration file")
    one.add_argument("second", help="the same, to be compared with the first")
    one.add_argument("--html", type=page_file, help="write the comparison as a page, too")
    one.set_defaults(run=compare)

    one = commands.add_parser("publish", help="keep what a finished study found, without weights, for a repository")
    one.add_argument("config", type=study_file, nargs="?", default="config.yaml", help=STUDY)
    one.add_argument("--to", type=Path, default=Path("published"), help="the folder of published studies")
    one.set_defaults(run=publish)

    one = commands.add_parser("schema", help="print the JSON schema of the configuration")
    one.set_defaults(run=lambda _: print(config.schema(), end=""))

    one = commands.add_parser("reference", help="print docs/configuration.md: every key of a configuration")
    one.set_defaults(run=reference)

    one = commands.add_parser("columns", help="print docs/data.md: every column of every Parquet file")
    one.set_defaults(run=columns)

    try:
        arguments = parser.parse_args()
        arguments.run(arguments)
    except BrokenPipeError:  # whoever reads has enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is written as Python ends
        sys.exit(1)
    except (ValueError, OSError) as error:
        sys.exit(f"lolameme: {said(error)}")
    except KeyboardInterrupt:
        sys.exit(130)


def check(arguments: argparse.Namespace) -> None:
    from lolameme.data.foresight import foresee
    from lolameme.models.cost import parameters_of
    from lolameme.statistics.means import ALPHA
    from lolameme.statistics.planned import power

    study = config.load(arguments.config)
    foresee(study)
    parameters = parameters_of(study)
    largest = max(parameters, key=parameters.__getitem__)
    print(f"{arguments.config} is a valid study: {study.study}")
    print(f"variants:      {', '.join(study.variants)}")
    print(f"architectures: {', '.join(study.stacks)}")
    print(f"cells:         {len(study.cells)} ({len(study.seeds)} seeds)")
    trials = sum(len(study.tuned_stacks(variant)) * len(study.trials(variant)) for variant in study.variants)
    print(
        f"trials:        {trials} to choose learning rates"
        if trials
        else "trials:        none, learning rates as given"
    )
    tests, p, enough = power(study)
    if tests:
        print(f"tests:         {tests} of order; p of each at its clearest, corrected for all: {p:.2g}")
    if p >= ALPHA and enough:
        print(f"               lock-in cannot decide them: plan fewer tests, or {enough} seeds")
    for variant, settings in study.variants.items():
        if settings.repeating:
            print(f"asked twice:   {variant}: {', '.join(settings.repeating)}")
            print("               whose answers stand in the prompt: queries outnumber names there")
    print(f"matched by:    {study.match}")
    print(f"parameters:    up to some {parameters[largest]:,} ({largest})")


def warn(arguments: argparse.Namespace) -> None:
    from lolameme.data.prediction import warnings

    study, said = config.load(arguments.config), False
    for sentence in warnings(study):
        print(sentence, flush=True)
        said = True
    if not said:
        print(f"{arguments.config}: no name lies out of reach")


def cost(arguments: argparse.Namespace) -> None:
    """What a study takes, from a sample of its data and a few training steps."""
    from rich.console import Console

    from lolameme.base.text import size, span
    from lolameme.runtime.costing import ASSUMED, cost

    study = config.load(arguments.config)
    console = Console()
    with console.status("writing some programs of every variant and timing some training steps"):
        found = cost(study)
    training = "a GPU" if found.gpu else "a processor"
    table = plain_table(f"Study {study.study}, all of it", "what", "jobs", "time", "of", "on disk", text=1)
    table.add_row("data", "", span(found.data_seconds), "a processor", size(found.data_bytes))
    if found.trials:
        table.add_row("trials", f"{found.trials:,}", span(found.trial_seconds), training, "")
    table.add_row("cells", f"{found.cells:,}", span(found.cell_seconds), training, size(found.weight_bytes))
    table.add_row(
        "all other jobs", f"{found.other_jobs:,}", span(found.other_seconds), "a processor", size(found.result_bytes)
    )
    console.print(table)
    where = "one GPU" if found.gpu else f"the {found.cores} cores of this machine"
    print(f"in all:      {found.jobs.total():,} jobs, {span(found.wall_seconds)} on {where}")
    print(f"disk:        {size(found.disk_bytes)}, and up to {size(found.passing_bytes)} while cells train")
    beside = f" and {size(found.gpu_memory)} of the GPU" if found.gpu else ""
    print(f"memory:      {found.at_once} at once of up to {size(found.memory)}{beside}, by formula")
    if found.measured:
        slow, fast = min(found.rates) / 1e9, max(found.rates) / 1e9
        print(f"measured:    trainings do {slow:,.0f} to {fast:,.0f} GFLOP/s, beside what else runs now")
    else:
        print(f"assumed:     {ASSUMED / 1e12:g} TFLOP/s in training, as no GPU is here to be measured")
    if found.further:
        print(f"not counted: up to {found.further:,} trials beyond the edges of the grid of rates")
    print("             all other jobs are taken to last as long as those of study quick")


def where(arguments: argparse.Namespace) -> None:
    study = config.load(arguments.config)
    if not arguments.cell:
        print(f"report:  {study.paths.page}")
        print(f"tables:  {study.paths.tables}")
        print(f"MLflow:  {study.server if study.tracking else f'make mlflow, then {study.server}'}")
        for line in runs(study):
            print(line)
        return

    def known(what: str, given: str, allowed: Collection[str]) -> str:
        if given not in allowed:
            hint = nearest(given, allowed)
            raise ValueError(f"no {what} {given!r}{hint} in {arguments.config}; there are: {', '.join(allowed)}")
        return given

    variant = known("variant", arguments.cell[0], study.variants)
    architecture = known("architecture", arguments.cell[1], study.stacks_of(variant))
    seed = known("seed", arguments.cell[2], [str(each) for each in study.seeds])
    print(study.paths.cell(variant, architecture, seed) / "metrics.json")


def runs(study: config.Study) -> list[str]:
    """Where the runs of each variant are, once they are tracked, with the address of the table that ranks them."""
    if not study.paths.runs.exists():
        return []
    from lolameme.tracking.links import addresses

    found = addresses(read_json(study.paths.runs), study.server)
    return [f"  {key.removeprefix('table:')}: {address}" for key, address in found.items() if key.startswith("table:")]


def finished_tables(arguments: argparse.Namespace, *names: str) -> tuple[config.Study, "list[pd.DataFrame]"]:
    """A study and tables of it. Raises ValueError, with the remedy, if it is not finished."""
    from lolameme.reporting.incomplete import partial

    study = config.load(arguments.config)
    tables = [study.paths.table(name) for name in names]
    if missing := [str(path) for path in tables if not path.exists()]:
        raise ValueError(f"{missing[0]} does not exist yet; run `{made_by(arguments)}` first")
    if partial(study):
        raise ValueError(f"{study.paths.page} reports a part of the study; run `{made_by(arguments)}`")
    return study, [read_frame(path) for path in tables]


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


def told(arguments: argparse.Namespace) -> None:
    """What the study says in three paragraphs, the tests of order first."""
    import textwrap

    from lolameme.reporting.findings import abstract
    from lolameme.reporting.tables import processor_seconds
    from lolameme.statistics.verdicts import UNDECIDED

    study, (leaderboard, contrasts, cells) = finished_tables(arguments, "leaderboard", "contrasts", "cells")
    for paragraph in reversed(abstract(study, leaderboard, contrasts, processor_seconds(cells))):
        print(textwrap.fill(paragraph, 80), end="\n\n")
    if study.more_seeds and (contrasts["verdict"] == UNDECIDED).any():
        command = made_by(arguments).replace("study", "decided", 1)
        print(f"Some contrasts are undecided; `{command}` trains {len(study.more_seeds)} more seeds\n")


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

    study = config.load(arguments.config)
    path = study.paths.tables / "leaderboard.parquet"
    if not path.exists():
        raise ValueError(f"{path} does not exist yet; run `{made_by(arguments)}` first")
    leaderboard = read_frame(path)
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


def results_of(given: str) -> Path:
    """The results that a person means: those of a study by its configuration file, else a folder, a cell or a name."""
    return config.load(given).paths.results if given.endswith((".yaml", ".yml")) else cell_folder(given)


def summary(arguments: argparse.Namespace) -> None:
    """What one cell reached, beside what it reached before."""
    from rich.console import Console

    metrics, before = read_json(arguments.metrics), reached_before(arguments.before)
    if not {"cost", "splits"} <= metrics.keys():
        raise ValueError(f"{arguments.metrics} is no metrics.json of a cell; `lolameme where --cell` says where one is")
    cost = metrics["cost"]
    name = f"{metrics['variant']}/{metrics['architecture']}/seed{metrics['seed']}"
    print(f"{name}: {cost['steps']} steps, {cost['processor_seconds']:.0f} s of processor time")
    table = plain_table("", "split", "exact match", "before", "change", "floor")
    for split, result in metrics["splits"].items():
        old, new = before.get(split), result["exact_match"]
        was, change = ("-", "-") if old is None else (f"{old:.3f}", f"{new - old:+.3f}")
        table.add_row(split, f"{new:.3f}", was, change, f"{result['baselines']['floor']:.3f}")
    Console().print(table)


def reached_before(path: Path | None) -> dict[str, float]:
    """Exact match by split in a copy of a cell's metrics.json, whose seal does not count; none without a copy."""
    known = path.read_bytes() if path and path.exists() else b""
    try:
        splits = json.loads(known)["splits"] if known else {}
        return {split: float(result["exact_match"]) for split, result in splits.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"{path} is no copy of a cell's metrics.json; give one, or leave --before out") from None


def plain_table(title: str, *columns: str, text: int = 1):
    """A rich table with few lines; the first `text` columns are aligned left."""
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, collapse_padding=True)
    for i, name in enumerate(columns):
        wide = 8 if i < text else None  # so that none is squeezed to nothing
        side = "left" if i < text else "right"
        table.add_column(name, justify=side, no_wrap=i >= text, min_width=wide, overflow="fold")  # no name is cut
    return table


def compare(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from lolameme.reporting import compare as comparing
    from lolameme.reporting.findings import p_value
    from lolameme.study.architectures import label

    names = [arguments.first, arguments.second]
    found = comparing.compare(*(comparing.folder(str(results_of(name))) for name in names))
    console = Console()
    console.print(f"A: {names[0]}\nB: {names[1]}")
    table = plain_table("What differs", "setting", "A", "B", text=3)
    for row in found.settings.itertuples():
        table.add_row(row.setting, row.first, row.second)
    console.print(table if len(found.settings) else "All settings are the same.")
    table = plain_table("Exact match", "task", "split", "architecture", "A", "B", "B - A", "p", "verdict", text=3)
    table.columns[-1].no_wrap = False
    for row in found.results.itertuples():
        table.add_row(
            row.variant, row.split, row.architecture if row.architecture == "-" else label(row.architecture),
            f"{row.first:.3f}", f"{row.second:.3f}", f"{row.difference:+.3f}",
            p_value(row.p), row.verdict, style="bold" if row.verdict in (comparing.HIGHER, comparing.LOWER) else "",
        )  # fmt: skip
    console.print(table if len(found.results) else "They have no task and architecture in common.")
    for name, only in zip(names, found.only, strict=True):
        if only:
            console.print(f"Only in {name}: {', '.join(only)}")
    if arguments.html:
        from lolameme.base.files import write_text
        from lolameme.reporting.side_by_side import render

        write_text(arguments.html, render(names, found))
        console.print(f"Written: {arguments.html}")


def publish(arguments: argparse.Namespace) -> None:
    from lolameme.reporting import published

    folder = published.publish(config.load(arguments.config), arguments.config, arguments.to)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 1e6:.1f} MB")


def columns(_: argparse.Namespace) -> None:
    from lolameme.reporting.columns import markdown

    print(markdown(), end="")


def reference(_: argparse.Namespace) -> None:
    from lolameme.study.reference import markdown

    print(markdown(), end="")


def interpret(arguments: argparse.Namespace) -> None:
    from lolameme.tasks.interpreter import interpreter

    for answer in interpreter(read_json(arguments.world)).answers(arguments.program):
        print(f"{answer.query}: {answer.text}")
        for step in answer.steps:
            print(f"  {step}")


def explain(arguments: argparse.Namespace) -> None:
    from lolameme.analyses import _explain as explaining
    from lolameme.base.files import write_text

    found = explaining.explain(arguments.cell, prompt_of(arguments))
    print(explaining.text(found))
    if arguments.html:
        write_text(arguments.html, explaining.page(found))
        print(f"\nWritten: {arguments.html}")


def ask(arguments: argparse.Namespace) -> None:
    from lolameme.learning.ask import ask as ask_cell

    reply = ask_cell(arguments.cell, prompt_of(arguments))
    print(f"{reply.text}  (probability {reply.probability:.3f})")
    print(f"interpreter: {reply.truth.query} is {reply.truth.text}")
    for step in reply.truth.steps:
        print(f"  {step}")


if __name__ == "__main__":
    main()
