"""Scores and verdict: by which route a cell recalls what a program bound."""

from typing import TYPE_CHECKING

from pydantic import Field

from lolameme.study.sections import Positive, Section

if TYPE_CHECKING:
    import pandas as pd

    from lolameme.analyses._trained import Trained

TITLE = "By which route it recalls"


class Settings(Section):
    """How the scores are measured."""

    prompts: Positive = Field(128, description="pairs of prompts that exchange two names")


COLUMNS = {
    "layer": int,  # scores of the stream are after so many layers; retrieval is of that layer. 0: the embedding
    "mixer": str,  # of that layer
    "binding": float,
    "binding_low": float,  # 95 % bootstrap intervals over prompts
    "binding_high": float,
    "direct": float,
    "direct_low": float,
    "direct_high": float,
    "retrieval": float,
    "retrieval_low": float,
    "retrieval_high": float,
    "group": int,  # of channels (head) that retrieves most, counted from 1
    "prompts": int,
    "exact_match": float,  # over these prompts
    "told_apart": float,  # logits between the two prompts of a pair; scores are undefined (NaN) below 1
    "verdict": str,  # of the cell: the same in all its rows
    "answers": int,  # the layer that answers, 0 where none does
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """One row per layer, and one for the embedding; a single row where no names can be exchanged."""
    import math

    import pandas as pd

    from lolameme.analyses import _measures as measures
    from lolameme.analyses._pairs import pairs
    from lolameme.analyses._patching import Runs
    from lolameme.analyses._prompts import ANSWER_SIGN
    from lolameme.analyses._retrieval import retrieval
    from lolameme.analyses._verdict import UNDEFINED, verdict

    mixers, unknown = ["", *cell.facts["mixers"]], (math.nan,) * 3
    asking = pairs(cell, "names", settings.prompts)
    if asking is None:
        nothing = (0, "", *unknown, *unknown, *unknown, 0, 0, math.nan, math.nan, UNDEFINED, 0)
        return pd.DataFrame([nothing], columns=list(COLUMNS))
    runs = Runs(cell.model, asking)
    binding, direct = [unknown] * len(mixers), [unknown] * len(mixers)
    if runs.defined:
        patched = [runs.patch("corrupt", layer, ("value", ANSWER_SIGN)) for layer in range(len(mixers))]
        binding, direct = (
            [(one[role].value, one[role].low, one[role].high) for one in patched] for role in ("value", ANSWER_SIGN)
        )
    retrieved = [(unknown, 0), *retrieval(cell.model, asking)]
    found = verdict(runs.told_apart, binding, direct, [score for score, _ in retrieved[1:]])
    exact = measures.mean(runs.right)[0]
    rows = [
        (layer, mixer, *b, *d, *r, group, len(asking), exact, runs.told_apart, found.route, found.layer)
        for layer, (mixer, b, d, (r, group)) in enumerate(zip(mixers, binding, direct, retrieved, strict=True))
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
