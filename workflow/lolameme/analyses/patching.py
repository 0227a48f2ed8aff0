"""Patching: at which tokens, after which layers, an answer is decided."""

from typing import TYPE_CHECKING

from pydantic import Field

from lolameme.study.sections import Positive, Section

if TYPE_CHECKING:
    import pandas as pd

    from lolameme.analyses._trained import Trained

TITLE = "Where the answer is decided"


class Settings(Section):
    """How the stream is patched."""

    prompts: Positive = Field(64, description="pairs of prompts per kind")
    kinds: tuple[str, ...] = Field(
        ("names", "query", "global", "operator"), description="in what the two prompts of a pair differ"
    )
    norm_matched: bool = Field(True, description="patches have the norm of what they replace")


COLUMNS = {
    "kind": str,  # in what the prompts differ
    "direction": str,  # corrupt: is it needed; restore: is it enough
    "layer": int,  # after so many layers; 0: the embedding
    "role": str,  # of the tokens that are patched
    "prompts": int,
    "told_apart": float,  # logits between the two prompts; effects are undefined (NaN) below 1
    "effect": float,
    "low": float,  # 95 % bootstrap interval over prompts
    "high": float,
    "interchange": float,  # share of prompts that are answered as the patch's source
    "norms": float,  # mean norm of the source's stream by that of the patched one
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """One row per kind, direction, layer and role."""
    import math

    import pandas as pd

    from lolameme.analyses._pairs import pairs
    from lolameme.analyses._patching import DIRECTIONS, Runs

    rows = []
    for kind in settings.kinds:
        asking = pairs(cell, kind, settings.prompts)
        if asking is None:
            continue
        runs = Runs(cell.model, asking)
        for direction in DIRECTIONS:
            for layer in range(len(cell.model.blocks) + 1):
                effects = runs.patch(direction, layer, asking.roles, settings.norm_matched)
                for role, found in effects.items():
                    known = (found.value, found.low, found.high) if runs.defined else (math.nan,) * 3
                    row = (kind, direction, layer, role, len(asking), runs.told_apart)
                    rows.append((*row, *known, found.interchange, found.norms))
    return pd.DataFrame(rows, columns=list(COLUMNS))
