"""Programs that are too long for the model: found before any data are written where that is cheap, and in the data."""

from lolameme.base.seeds import generator
from lolameme.study import config
from lolameme.study.sections import ConfigError
from lolameme.tasks.task import build_task

_PROGRAMS = 256  # drawn per split


def require_length(length: int, variant: str, longest: dict[str, int]) -> None:
    """Raise ConfigError, in a sentence for the user, if the `longest` program of a split has more tokens than `length`.

    How long inputs may be is a setting of the model: were it taken from the splits, adding a test split would change
    what is trained.
    """
    for split, tokens in longest.items():
        if tokens > length:
            raise ConfigError(
                f"variants.{variant}: split {split} has a program of {tokens} tokens, but model.length is {length}; "
                f"set model.length to {tokens} or more, or make the programs of the split shorter"
            )


def foresee_lengths(study: config.Study) -> None:
    """Raise ConfigError if some programs of a study are certainly too long for its model.

    A lexeme is a token or more, whatever the tokenizer, so a few programs of every split are drawn and their lexemes
    counted: fractions of a second per variant. What names add is known once the data are written.
    """
    for name in study.variants:
        task = build_task(study, name, study.world_seeds[0])
        longest = {}
        for split in task.programs:
            drawn = task.draw(split, _PROGRAMS, generator(task.seed, "lengths", split), 0)
            longest[split] = int(drawn.rendered.lexemes.lengths[drawn.kept].max(initial=0))
        require_length(study.model.length, name, longest)
