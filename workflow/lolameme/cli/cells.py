"""Commands about programs and trained cells: asked, explained, summed up, compared."""

import argparse
import json
from pathlib import Path

from lolameme.base.files import read_json
from lolameme.cli.given import CELL, PROMPT, cell_folder, page_file, plain_file, prompt_of
from lolameme.cli.terminal import plain_table
from lolameme.study import config


def add(commands: "argparse._SubParsersAction") -> None:
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

    one = commands.add_parser("summary", help="what one cell reached, and before: `make cell` ends with it")
    one.add_argument("metrics", type=plain_file, help="the cell's metrics.json")
    one.add_argument("--before", type=plain_file, help="a copy of that file from before")
    one.set_defaults(run=summary)

    one = commands.add_parser("compare", help="two cells, or two studies: settings, exact match, significance")
    one.add_argument("first", help=f"{CELL}; or a study's name, folder or configuration file")
    one.add_argument("second", help="the same, to be compared with the first")
    one.add_argument("--html", type=page_file, help="write the comparison as a page, too")
    one.set_defaults(run=compare)


def interpret(arguments: argparse.Namespace) -> None:
    from lolameme.tasks.interpreter import interpreter

    for answer in interpreter(read_json(arguments.world)).answers(arguments.program):
        print(f"{answer.query}: {answer.text}")
        for step in answer.steps:
            print(f"  {step}")


def ask(arguments: argparse.Namespace) -> None:
    from lolameme.learning.ask import ask as ask_cell

    reply = ask_cell(arguments.cell, prompt_of(arguments))
    print(f"{reply.text}  (probability {reply.probability:.3f})")
    print(f"interpreter: {reply.truth.query} is {reply.truth.text}")
    for step in reply.truth.steps:
        print(f"  {step}")


def explain(arguments: argparse.Namespace) -> None:
    from lolameme.analyses import _explain as explaining
    from lolameme.base.files import write_text

    found = explaining.explain(arguments.cell, prompt_of(arguments))
    print(explaining.text(found))
    if arguments.html:
        write_text(arguments.html, explaining.page(found))
        print(f"\nWritten: {arguments.html}")


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


def results_of(given: str) -> Path:
    """The results that a person means: those of a study by its configuration file, else a folder, a cell or a name."""
    return config.load(given).paths.results if given.endswith((".yaml", ".yml")) else cell_folder(given)
