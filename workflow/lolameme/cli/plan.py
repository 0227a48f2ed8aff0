"""Commands that look ahead: what a study would run, what it takes, where it leaves its results."""

import argparse
from collections.abc import Collection

from lolameme.base.files import read_json
from lolameme.cli.given import about_a_study
from lolameme.cli.terminal import plain_table
from lolameme.study import config
from lolameme.study.sections import nearest


def add(commands: "argparse._SubParsersAction") -> None:
    about_a_study(commands, check, "check a configuration and say what it would run")
    about_a_study(commands, warn, "say which architectures cannot see far enough back, before any training")
    about_a_study(commands, cost, "say what a study takes, before anything runs: time, disk, memory")
    one = about_a_study(commands, where, "say where a study, or one of its cells, leaves its results")
    one.add_argument(
        "--cell", nargs=3, metavar=("VARIANT", "ARCHITECTURE", "SEED"), help="print this cell's metrics file"
    )


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
    if study.looks:
        print(f"looks:         {study.times_looked}, with {', '.join(map(str, study.looks))} seeds; p pays for all")
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
