# What all rules share: the checked configuration, the names of things, and small helpers.
import re
from pathlib import Path

from lolameme import config as configuration
from lolameme import provenance
from lolameme.training import progress

try:
    STUDY = configuration.parse(config, " + ".join(map(str, workflow.configfiles)) or "--config")
except configuration.ConfigError as error:
    raise WorkflowError(str(error)) from None

RESULTS = f"results/{STUDY.study}"
REPORTS = f"reports/{STUDY.study}"
DATA = f"{RESULTS}/data"
CELLS = f"{RESULTS}/cells"
TABLES = f"{RESULTS}/tables"
FIGURES = f"{REPORTS}/figures"
LOGS = f"{RESULTS}/logs"
PROGRESS = f"{LOGS}/progress"
PAGE = f"{REPORTS}/index.html"
ENVIRONMENT = f"../../envs/{'cuda' if STUDY.device == 'cuda' else 'cpu'}.yaml"
GPUS = 1 if STUDY.device == "cuda" else 0

METRICS, HISTORIES, MODELS = (
    expand(
        f"{CELLS}/{{variant}}/{{architecture}}/seed{{seed}}/{file}",
        variant=STUDY.variants,
        architecture=STUDY.stacks,
        seed=STUDY.seeds,
    )
    for file in ("metrics.json", "history.parquet", "model.json")
)


wildcard_constraints:
    variant="|".join(map(re.escape, STUDY.variants)),
    architecture="|".join(map(re.escape, STUDY.stacks)),
    seed="|".join(map(str, STUDY.seeds)),


def sources(*parts):
    """The digest of the package's sources that a rule depends on: editing them re-runs it, touching them does not."""
    return provenance.source_digest(parts)


def settings(*sections):
    """The settings that a rule depends on, as text: changing them re-runs it."""
    return " ".join(section.model_dump_json() for section in sections)


def plan_training():
    """Tell the running cells how much there is to do, so that they can say when it will be done."""
    progress.start(
        Path(PROGRESS),
        {
            f"{variant}/{architecture}/seed{seed}": STUDY.training_of(variant).steps
            for variant in STUDY.variants
            for architecture in STUDY.stacks
            for seed in STUDY.seeds
        },
    )
