"""Prints what rules know of the code: run in a project's folder, it loads the Snakefile once and computes what each
rule carries as `code`, `columns` and `display`, for the project as it is and after each edit given on standard input.

In: a JSON list of [path, new text]. Out: a JSON list with the digests of all jobs, then those after each edit.
"""

import importlib
import itertools
import json
import sys
from pathlib import Path
from types import SimpleNamespace

from snakemake.api import SnakemakeApi
from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings

sys.dont_write_bytecode = True  # an edit within a second may have the size of what was there
WILDCARDS = {
    "analysis": ("emergence", "filters", "knockout", "matrices", "patching", "probes", "rebinding", "scores"),
    "variant": ("recall", "lists", "pairs"),
    "architecture": ("gpt2", "hyena", "thex-2", "linear-attention"),
    "table": ("leaderboard", "knockout_costs"),
    "figure": ("stacks", "knockout"),
}


def digests(rules) -> dict[str, str]:
    """By the name of the rule and, where it has wildcards, those that its code depends on."""
    from lolameme.base import sources
    from lolameme.study import plugins

    sources.forget()
    plugins.constants.cache_clear()
    for name in plugins.names("analysis"):
        importlib.reload(plugins.load("analysis", name))
    found = {}
    for rule in rules:
        known = [rule.params[name] for name in ("code", "columns", "display") if name in rule.params.keys()]  # noqa: SIM118
        names = [name for name in WILDCARDS if name in rule.wildcard_names]
        for job in itertools.product(*(WILDCARDS[name] for name in names)) if known else []:
            wildcards = SimpleNamespace(**dict(zip(names, job, strict=True)))
            found["/".join([rule.name, *job])] = [value(wildcards) for value in known]
    return found


with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
    rules = list(api.workflow(ResourceSettings(), snakefile=Path("Snakefile"))._workflow.rules)
    answers = [digests(rules)]
    for path, text in json.load(sys.stdin):
        before = Path(path).read_text()
        Path(path).write_text(text)
        answers.append(digests(rules))
        Path(path).write_text(before)
print(json.dumps(answers))
