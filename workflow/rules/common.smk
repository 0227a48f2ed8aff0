# What all rules share: the checked configuration, the names of things, and small helpers.
import errno
import functools
import json
import os
import re
import sys
from pathlib import Path

# this checkout's package, whatever environment Snakemake and the jobs run in, and whoever imports this as a module
sys.path.insert(0, str(Path(workflow.current_basedir.get_path_or_uri(secret_free=True), "..").resolve()))

from lolameme.base import sources
from lolameme.base.files import Damaged, read_json
from lolameme.data import accounts, foresight
from lolameme.learning import limits
from lolameme.reporting import incomplete, registry
from lolameme.runtime import failures, job, live, planning, progress, records, warm
from lolameme.study import architectures
from lolameme.study import config as configuration
from lolameme.study import document, paths, plugins

job.prepare()
planning.quicken()
FAILED = failures.watch()

# a workflow that imports this one by `module` hands a configuration over
HANDED = workflow.modifier.skip_configfile
FILES = [] if HANDED else list(map(str, workflow.configfiles)) or ["config.yaml"]
if len(FILES) > 1:  # Snakemake takes all that follows the option
    raise WorkflowError(
        f"{FILES[1]} is given as a second configuration, and a study is one file; "
        "if it is what to make, write -- before it"
    )
try:
    for file in FILES:  # as `lolameme check` reads them
        document.read(file)
except configuration.ConfigError as error:
    raise WorkflowError(str(error)) from None

# `--configfile` names a whole study instead of the default one; it does not patch it.
if not (HANDED or workflow.configfiles):

    configfile: "config.yaml"


try:
    STUDY = configuration.parse(config, " + ".join(FILES) or "config of the module")
    if workflow.is_main_process:  # jobs need not look again
        foresight.foresee(STUDY)
except configuration.ConfigError as error:
    raise WorkflowError(str(error)) from None

PATHS = STUDY.paths
DATA = str(PATHS.data("{variant}", "{world}"))
CELL = str(PATHS.cell("{variant}", "{architecture}", "{seed}"))
TRIALS = str(PATHS.trials("{variant}", "{architecture}"))
TABLES, FIGURES, LOGS, PROGRESS, PAGE = map(str, (PATHS.tables, PATHS.figures, PATHS.logs, PATHS.progress, PATHS.page))
ENVIRONMENT = f"../../envs/{'cuda' if STUDY.device == 'cuda' else 'cpu'}.yaml"
GPUS = 1 if STUDY.device == "cuda" else 0


def of_every_cell(pattern, but_seeds=(), **others):
    """What a pattern names for every cell of the study, but those of some seeds; wildcards that nothing is given for
    stay."""
    cells = [(variant, architecture, seed) for variant, architecture, seed in STUDY.cells if seed not in but_seeds]
    variants, architectures, seeds = zip(*cells) if cells else ((), (), ())
    patterns = expand(pattern, allow_missing=True, **others)
    return expand(patterns, zip, variant=variants, architecture=architectures, seed=seeds, allow_missing=True)


METRICS, HISTORIES, MODELS = (
    of_every_cell(f"{CELL}/{file}") for file in ("metrics.json", "history.parquet", "model.json")
)
CHOICES = [
    f"{PATHS.trials(variant, architecture)}/choice.json"
    for variant in STUDY.variants
    for architecture in STUDY.tuned_stacks(variant)
]


wildcard_constraints:
    variant="|".join(map(re.escape, STUDY.variants)),
    architecture=architectures.NAME,  # any, also one that the study does not list
    world=r"\d+",
    seed=r"\d+",
    trial=r"lr[^/]+",


def code(script, of=lambda wildcards: ()):
    """A digest of what a script means, with all that it imports and the plug-ins that `of` names for its wildcards:
    editing these re-runs the jobs that depend on them; a comment, or another plug-in, re-runs nothing."""
    return lambda wildcards: sources.digest(f"scripts/{script}", *of(wildcards))


def of_task(wildcards):
    """The modules of the task of a job's variant."""
    task = STUDY.variants[wildcards.variant].task
    return [plugins.module_name("task", task, part) for part in ("settings", "columns", "generator", "interpreter")]


def of_floor(wildcards):
    """The modules of the task of a job's variant, with its solver that binds nothing."""
    return [*of_task(wildcards), plugins.module_name("task", STUDY.variants[wildcards.variant].task, "floor")]


def of_stack(wildcards):
    """The modules of the mixers of a job's architecture."""
    mixers = sorted(set(architectures.pattern(wildcards.architecture, STUDY.model.layers)))
    return [plugins.module_name("mixer", mixer) for mixer in mixers]


def all_mixers():
    """The mixers of all architectures of the study."""
    return sorted({mixer for stack in STUDY.stacks for mixer in architectures.pattern(stack, STUDY.model.layers)})


def of_stacks():
    """The modules of the mixers of all architectures of the study."""
    return [plugins.module_name("mixer", mixer) for mixer in all_mixers()]


def of_cell(wildcards):
    """The modules of the task and of the mixers of a job's cell."""
    return of_task(wildcards) + of_stack(wildcards)


def of_analysis(wildcards):
    """What an analysis measures, which is no part of how it is drawn, and the modules of the cell it looks into."""
    file = plugins.module_name("analysis", wildcards.analysis)
    return [*(f"{file}:{part}" for part in ("Settings", "measure")), *of_cell(wildcards)]


def columns(wildcards):
    """The columns that an analysis measures, with their types, as text: what they mean in words is no part of it."""
    declared = plugins.load("analysis", wildcards.analysis).COLUMNS
    return " ".join(f"{name}:{column.type.__name__}" for name, column in declared.items())


def display(wildcards):
    """How the report names and draws the study's mixers and titles its analyses, as text: no part of `code`."""
    return plugins.display(mixer=all_mixers(), analysis=STUDY.analyses)


def settings(*sections):
    """Settings as text: changing them re-runs the jobs that depend on them."""
    return " ".join(section.model_dump_json() for section in sections)


def data_settings(wildcards):
    """What the data of a variant depend on besides the seed of their world."""
    return json.dumps(STUDY.asked_of_data(wildcards.variant))


@functools.cache
def asked(variant, architecture):
    """What the weights of a variant's cells depend on besides their data and the choice of their learning rate."""
    return json.dumps(STUDY.asked(variant, architecture))


def training_settings(wildcards):
    return asked(wildcards.variant, wildcards.architecture)


def trial_settings(wildcards):
    """What a trial depends on besides its data."""
    return f"{STUDY.match} {settings(STUDY.model, STUDY.trials(wildcards.variant)[wildcards.trial])}"


def choice_settings(wildcards):
    """What a choice depends on besides its trials and their data: how far its grid may be extended."""
    training = STUDY.training_of(wildcards.variant)
    return f"{STUDY.match} {STUDY.tuning.extensions} {settings(STUDY.model, training)}"


def choice_of(wildcards):
    """The choice that the training of a cell follows: that of the architecture that stands for its family."""
    tuned = STUDY.representative(wildcards.variant, wildcards.architecture)
    return f"{PATHS.trials(wildcards.variant, tuned)}/choice.json"


def minutes(training):
    """A function for `runtime`: minutes that `training(wildcards)` may take, known once its data are there."""

    def needed(wildcards, input, attempt):
        try:
            data = read_json(input.dataset)
        except Damaged:
            return 1  # the job will find it, and say so
        longest = data["splits"]["train"]["longest"]
        return limits.minutes(STUDY.model, training(wildcards), data["vocabulary"], longest, bool(GPUS), attempt)

    return needed


def data_of(wildcards):
    """The folder of a job's data: of its world, or of the world that its seed draws; trials have neither, and use the
    world of the first seed."""
    world = wildcards.get("world") or STUDY.world_of(int(wildcards.get("seed", STUDY.seeds[0])))
    return PATHS.data(wildcards.variant, world)


def data_files(*names):
    """A function for `unpack`: some files of a job's data, under their names without the ending."""

    def named(wildcards):
        folder = data_of(wildcards)
        return {name.partition(".")[0]: f"{folder}/{name}" for name in names}

    return named


def splits(but=()):
    """A function for `input`: the files of all splits of a job's data, except those named in `but`."""
    names = {name: [s for s in variant.programs() if s not in but] for name, variant in STUDY.variants.items()}
    return lambda wildcards: [f"{data_of(wildcards)}/{split}.parquet" for split in names[wildcards.variant]]


def first_world(name):
    """A file of every variant's data in the first world, which pictures and pages show."""
    return expand(f"{DATA}/{name}", variant=STUDY.variants, world=STUDY.world_seeds[0])


def all_files(wildcards):
    """All files that the study consists of, so that whatever is missing of them is made again."""
    refuse_swallowed()
    parts = [
        *(
            expand(rule.output, variant=STUDY.variants, world=STUDY.world_seeds)
            for rule in (rules.world, rules.train_split, rules.card, rules.reach)
        ),
        *(
            expand(
                rules.held_out.output,
                variant=variant,
                split=[s for s in of.programs() if s != "train"],
                world=STUDY.world_seeds,
            )
            for variant, of in STUDY.variants.items()
        ),
        *(
            expand(
                rules.trial.output,
                variant=variant,
                architecture=STUDY.tuned_stacks(variant),
                trial=STUDY.trials(variant),
            )
            for variant in STUDY.variants
        ),
        expand(rules.floor.output, variant=STUDY.variants, world=STUDY.world_seeds[0]) if STUDY.tuning else [],
        CHOICES,
        rules.predict.output,
        of_every_cell(list(WEIGHTS.values()), but_seeds=STUDY.passing_seeds),
        of_every_cell(list(RECORD.values())),
        of_every_cell(rules.evaluate.output),
        of_every_cell(rules.analyse.output, analysis=STUDY.analyses),
        expand(rules.pool.output, analysis=STUDY.analyses),
        expand(rules.table.output, table=EXHIBITS.tables),
        rules.latex.output,
        expand(rules.figure.output, figure=EXHIBITS.figures),
        LOCAL_DATABASE,
        rules.track.output,
        rules.page.output,
    ]
    return [str(file) for part in parts for file in part]


def refuse_strangers():
    """Stop where files were made with other settings and Snakemake, its records lost, would take them as they are."""
    if found := records.strangers(STUDY):
        raise WorkflowError(found)


def refuse_swallowed():
    """Stop where an option of Snakemake took what to make for another value of its own: it takes all that follows.

    Snakemake knows its options once it plans, so a function for `input` of the default target asks for this.
    """
    asked = workflow.dag_settings
    if HANDED or asked.targets or asked.target_jobs:
        return
    options = {"--forcerun": asked.forcerun, "--until": asked.until, "--omit-from": asked.omit_from}
    for option, values in options.items():
        makers = {name for name in values if workflow.is_rule(name) and workflow.get_rule(name).output}
        swallowed = sorted(set(values) - makers)
        if makers and swallowed:
            meant = " ".join([option, *sorted(makers), "--", *swallowed])
            sys.exit(  # a function's exceptions are shown with a traceback
                f"{option} takes all that follows it, also {', '.join(swallowed)}; if that is what to make, write -- "
                f"before it: snakemake {meant}; if not, name what to make: -- all"
            )


def plan_training():
    """Tell the running cells how much there is to do, so that they can say when it will be done."""
    try:
        progress.start(
            Path(PROGRESS),
            {
                f"{variant}/{architecture}/{name}": training.steps
                for variant in STUDY.variants
                for stacks, trainings in [
                    (STUDY.tuned_stacks(variant), STUDY.trials(variant)),
                    (STUDY.stacks_of(variant), {f"seed{seed}": STUDY.training_of(variant) for seed in STUDY.seeds}),
                ]
                for architecture in stacks
                for name, training in trainings.items()
            },
            STUDY.analyses,
            PATHS.results / "analyses",
        )
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):  # so it is for all else
            reason = f"results cannot be written: {error}; free some space, or move the project"
            raise WorkflowError(reason) from None
        print(f"progress cannot be shown: {job.said(error)}", file=sys.stderr)


def report_what_is_there():
    """After failures: the report of the variants that are whole, which names those that are missing."""
    if FAILED.interrupted:
        return
    try:
        missing = incomplete.report(STUDY, CONFIGURED)
    except Exception as error:
        print(f"no report of what is there: {job.said(error)}", file=sys.stderr)
        return
    if missing and len(missing) < len(STUDY.variants):
        print(f"A report without {', '.join(missing)}: {PAGE}", file=sys.stderr)


def drop_rate_limit():
    """Start jobs as soon as they can run. Under its limit, by default 100 jobs a second, Snakemake 9.27 sets a timer
    whenever a job begins or ends, each of which wakes the scheduler every second from then on: with 800 jobs that took
    half of the study's processor time. A limit that somebody asks for is kept."""
    limiter = workflow.scheduler.job_rate_limiter
    if limiter and (limiter.max_jobs, limiter.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


def warm_up():
    """Load torch once for all jobs, if they run on this machine and in this environment."""
    if workflow.local_exec and not workflow.deployment_settings.deployment_method:
        warm.start()
        warm.hand_scripts_over()


def show_live():
    """Let MLflow show cells while they train: a process of its own, which training neither knows nor needs."""
    if workflow.is_main_process:
        live.start(config, TRACKING, PATHS.logs / "live.log")
