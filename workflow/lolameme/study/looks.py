"""Seeds that are added while a contrast is undecided: the configuration says up to how many, and how often it is asked.

A study whose outcomes are bistable needs more seeds than one whose outcomes are not, and which it is shows only when it
ran. Stopping as soon as something is significant would find order where there is none; so the numbers of seeds at which
it is looked are fixed before (`looks`), and every p is corrected for their number (`statistics.verdicts.corrected`).
"""

import re
from pathlib import Path

import yaml

from lolameme.base.files import write_text
from lolameme.study import config
from lolameme.study.sections import ConfigError

_SEEDS = re.compile(r"^seeds: *\[([^\]#]*?)(,?\s*)\]", re.MULTILINE)


def add_seeds(file: Path) -> config.Study:
    """Write the seeds of the next look into a configuration, which else stays as it is; the study as it then is.

    Raises ValueError if no look is left, or the file does not give its seeds as a list in brackets.
    """
    study, text = config.load(file), file.read_text(encoding="utf-8")
    more = study.more_seeds
    if not more:
        raise ValueError(f"{file}: no look with more than {len(study.seeds)} seeds is planned (looks)")
    found = _SEEDS.findall(text)
    wanted = [*study.seeds, *more]
    if len(found) != 1:
        raise ValueError(f"{file}: write its seeds as `seeds: {wanted}`, in brackets at the start of a line")
    added = "".join(f", {seed}" for seed in more)
    changed = _SEEDS.sub(lambda match: f"seeds: [{match[1]}{added}{match[2]}]", text)
    study = config.parse(yaml.safe_load(changed), str(file))
    if list(study.seeds) != wanted:
        raise ConfigError(f"{file}: its seeds would be {list(study.seeds)}; write {wanted}")
    write_text(file, changed)
    return study
