"""Choosing among the trials of a variant and an architecture; the rest of the study never looks at the others."""

from typing import Any


def choose(trials: list[dict[str, Any]]) -> dict[str, Any]:
    """The choice: the trial with the highest exact match on valid, of equals the one with the lowest loss.

    Returns the name of the chosen one and all trials without their curves. Raises ValueError if all have diverged.
    """
    finished = [trial for trial in trials if trial["diverged"] is None]
    if not finished:
        rates = ", ".join(f"{trial['learning_rate']:g}" for trial in trials)
        raise ValueError(f"all trials diverged (learning rates {rates}); lower tuning.learning_rate")
    best = max(finished, key=lambda trial: (trial["exact_match"], -trial["loss"]))
    keys = ("trial", "learning_rate", "weight_decay", "steps", "exact_match", "loss", "diverged")
    return {"chosen": best["trial"], "trials": [{key: trial.get(key) for key in keys} for trial in trials]}
