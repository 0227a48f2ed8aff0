"""Filters: which taps of short convolutions, and how much of long ones, recall needs."""

from typing import TYPE_CHECKING

from pydantic import Field

from lolameme.study.sections import Positive, Section

if TYPE_CHECKING:
    import pandas as pd

    from lolameme.analyses._trained import Trained

TITLE = "What convolutions are used for"


class Settings(Section):
    """How filters are looked at."""

    prompts: Positive = Field(64, description="prompts per cell that ask for locals, and as many that ask for globals")
    cuts: tuple[int, ...] = Field(
        (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32), description="taps left of a long filter; 0: its bias alone"
    )


WHOLE, SHORT, LONG = "whole", "short", "long"
COLUMNS = {
    "asked": str,  # locals: bound in the program; globals: in the weights
    "layer": int,  # counted from 1; 0 with the whole stack
    "filter": str,  # whole: nothing is changed; short: without one tap; long: with its first taps alone
    "taps": int,  # which tap of a short filter is taken away, how many of a long one are left
    "energy": float,  # share of the filters' energy: of that tap, or of the taps that are left
    "prompts": int,
    "exact_match": float,
    "low": float,  # 95 % bootstrap interval over prompts
    "high": float,
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """One row per filter and change; no row where nothing can be asked, or no layer has filters."""
    import pandas as pd
    import torch

    from lolameme.analyses import _measures as measures
    from lolameme.analyses import _taps as taps
    from lolameme.analyses._activations import resumed, streams
    from lolameme.analyses._pairs import pairs

    model, rows = cell.model, []
    for asked, kind in (("locals", "query"), ("globals", "global")):
        asking = pairs(cell, kind, settings.prompts)
        if asking is None or not any(taps.short(block) or taps.long(block) for block in model.blocks):
            continue

        def add(layer, which, count, energy, hidden, asked=asked, asking=asking):
            score = measures.mean(measures.hits(model, hidden, asking))
            rows.append((asked, layer, which, count, energy, len(asking), *score))

        hidden, stream = streams(model, asking.clean)
        add(0, WHOLE, 0, 1.0, hidden)
        for layer, block in enumerate(model.blocks):
            for which, change, energies in (
                (SHORT, taps.without_tap, taps.short_energy(block)),
                (LONG, taps.cut_to, taps.long_energy(block, asking.clean.shape[1], settings.cuts)),
            ):
                for count, energy in energies.items():
                    with change(block, count), torch.inference_mode():
                        add(layer + 1, which, count, energy, resumed(model, stream[layer], layer))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def causal_length(rows: "pd.DataFrame", whole: float, share: float = 0.9) -> int | None:
    """The fewest taps of a layer's long filters that keep `share` of the whole stack's exact match; None: none does.

    `rows` are those of one layer of one cell.
    """
    kept = rows[(rows["filter"] == LONG) & (rows["exact_match"] >= share * whole)]
    return None if kept.empty else int(kept["taps"].min())
