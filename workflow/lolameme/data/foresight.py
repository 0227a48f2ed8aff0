"""Mistakes in a configuration that its settings alone do not show: found before anything is written."""

import functools
from contextlib import closing

from lolameme.base import bounded
from lolameme.base.seeds import generator
from lolameme.data.lengths import require_length
from lolameme.data.tokenizer import require_alphabet
from lolameme.study import config
from lolameme.study.sections import ConfigError
from lolameme.tasks.task import build_task

_PROGRAMS = 256  # drawn per split


def foresee(study: config.Study) -> None:
    """Draw all worlds of a study, and programs of every split: fractions of a second per variant.

    Raises ConfigError, in a sentence for the user, where that fails, such as for want of names of a kind; if a
    vocabulary is too small for the characters of a world; if some programs are certainly too long for the model; or if
    all this takes so much time or memory that the settings cannot be meant.
    """
    works = (functools.partial(_mistake, study, name) for name in study.variants)
    with closing(bounded.bounded(works)) as mistakes:
        for name, mistake in zip(study.variants, mistakes, strict=True):
            if mistake is None:
                raise ConfigError(
                    f"variants.{name}: drawing its worlds and {_PROGRAMS} programs takes more than {bounded.SECONDS} s "
                    f"or {bounded.MEMORY >> 30} GB; lower the numbers of its world and program"
                )
            if mistake:
                raise ConfigError(mistake)


def _mistake(study: config.Study, name: str) -> str:
    for world in study.world_seeds:
        try:
            _draw(study, name, world)
        except ConfigError as error:
            return f"{error} (in the world of seed {world})"
    return ""


def _draw(study: config.Study, name: str, world: int) -> None:
    task = build_task(study, name, world)
    try:
        require_alphabet(study.variants[name].tokenizer, task.lexemes)
    except ConfigError as error:
        raise ConfigError(f"variants.{name}: {error}") from None
    if world == study.world_seeds[0]:
        # a lexeme is a token or more, whatever the tokenizer; what names add is known once the data are written
        longest = {}
        for split in task.programs:
            drawn = task.draw(split, _PROGRAMS, generator(task.seed, "lengths", split), 0)
            longest[split] = int(drawn.rendered.lexemes.lengths[drawn.kept].max(initial=0))
        require_length(study.model.length, name, longest)
