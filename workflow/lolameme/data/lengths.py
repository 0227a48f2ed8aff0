"""Programs that are too long for the model."""

from lolameme.study.sections import ConfigError


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
