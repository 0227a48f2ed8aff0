"""Choosing among the trials of a variant and an architecture; the rest of the study never looks at the others.

A choice is worth making only if trials differ. Where none leaves its floor, or the best cannot be told from the
default, the default rate is kept and the choice says so: the best of noise is noise.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import scipy

from lolameme.base.floor import ALPHA, AT_FLOOR, above_floor

INSIDE, EDGE, PLATEAU = "inside the grid", "at the edge of the grid", "not told from the default, which is kept"
SHOWN = ("trial", "learning_rate", "weight_decay", "steps", "tokens", "exact_match", "loss", "diverged")


def choose(trials: list[dict[str, Any]], default: str, floor: float, programs: int) -> dict[str, Any]:
    """The choice among trials: the one with the highest exact match on valid, of equals that with the lowest loss.

    `default` names the trial of the settings as they stand, `floor` is the exact match on valid that needs no binding,
    and `programs` their number. Returns the name of the chosen one, why (`INSIDE`, `EDGE`, `PLATEAU` or `AT_FLOOR`),
    and all trials without their curves. Raises ValueError if all have diverged.
    """
    finished = {trial["trial"]: trial for trial in trials if trial["diverged"] is None}
    if not finished:
        rates = ", ".join(f"{trial['learning_rate']:g}" for trial in trials)
        raise ValueError(f"all trials diverged (learning rates {rates}); lower tuning.learning_rate")
    best = max(finished.values(), key=lambda trial: (trial["exact_match"], -trial["loss"]))
    kept = finished.get(default)
    if at_floor(finished.values(), floor):
        chosen, why = kept or best, AT_FLOOR
    elif kept and best is not kept and not better(best, kept, programs, len(finished) - 1):
        chosen, why = kept, PLATEAU
    else:
        tried = [trial["learning_rate"] for trial in trials]
        chosen, why = best, EDGE if best["learning_rate"] in (min(tried), max(tried)) else INSIDE
    return {"chosen": chosen["trial"], "why": why, "trials": [{key: t.get(key) for key in SHOWN} for t in trials]}


def at_floor(trials: Collection[dict[str, Any]], floor: float) -> bool:
    """Whether no trial is above the floor by the test that cells have, too, corrected for their number."""
    answered = [(np.array(trial["right"]), np.array(trial["queries"])) for trial in trials]
    return not any(above_floor(*each, floor, tests=len(answered)) for each in answered)


def better(best: dict[str, Any], kept: dict[str, Any], programs: int, others: int) -> bool:
    """Whether the best of some others is above the default by more than the noise of the valid programs.

    One-sided, at 5 % for all of the others together (Bonferroni), of which the best was taken.
    """
    one, other = best["exact_match"], kept["exact_match"]
    error = np.sqrt((one * (1 - one) + other * (1 - other)) / programs)
    return one - other > scipy.stats.norm.ppf(1 - ALPHA / others) * error


def beyond(choice: dict[str, Any]) -> float | None:
    """The next learning rate outwards where the chosen one lies on the edge of those tried, else None.

    Outwards by the ratio of the last two, so that the grid goes on as it was.
    """
    if choice["why"] != EDGE:
        return None
    rates = sorted({trial["learning_rate"] for trial in choice["trials"]})
    chosen = next(trial["learning_rate"] for trial in choice["trials"] if trial["trial"] == choice["chosen"])
    if chosen == rates[0]:
        return rates[0] ** 2 / rates[1]
    return rates[-1] ** 2 / rates[-2]
