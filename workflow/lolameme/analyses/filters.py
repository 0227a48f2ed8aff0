"""Filters: which taps of short convolutions, and how much of long ones, recall needs."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from lolameme.analyses import _seeds as seeds
from lolameme.analyses._asked import Count
from lolameme.study.exhibits import CELL, STACK, Column, Figure, Table
from lolameme.study.sections import Section

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from lolameme.analyses._trained import Trained
    from lolameme.study.config import Study

TITLE = "What convolutions are used for"


class Settings(Section):
    """How filters are looked at."""

    prompts: Count = Field(64, description="prompts per cell that ask for locals, and as many that ask for globals")
    cuts: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32), description="taps left of a long filter; 0: its bias alone"
    )


WHOLE, SHORT, LONG = "whole", "short", "long"
RECALLS = 0.9  # exact match from which on it is said what a cell needs
NEEDED, SPARE = 0.2, 0.05  # of exact match: lost surely more without a tap in need, less without a filter to spare
COLUMNS = {
    "asked": Column(str, "locals: bound in the program; globals: in the weights"),
    "layer": Column(int, "that is changed, counted from 1; 0 with the whole stack"),
    "filter": Column(str, "whole: nothing is changed; short: without one tap; long: with its first taps alone"),
    "taps": Column(int, "which tap of a short filter is taken away, or how many of a long one are left", "taps"),
    "energy": Column(float, "of the filters' energy: that of this tap, or of the taps that are left", "share"),
    "prompts": Column(int, "asked", "prompts"),
    "exact_match": Column(float, "of the whole answers to these prompts", "share"),
    "low": Column(float, "where its 95 % bootstrap interval over prompts starts", "share"),
    "high": Column(float, "where it ends", "share"),
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """One row per filter and change; no row where nothing can be asked, or no layer has filters."""
    import torch

    from lolameme.analyses import _measures as measures
    from lolameme.analyses import _taps as taps
    from lolameme.analyses._activations import resumed, streams
    from lolameme.analyses._frames import framed
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
                        add(layer + 1, which, count, energy, resumed(model, stream[layer], layer, asking.read))
    return framed("filters", rows)


def causal_length(rows: "pd.DataFrame", whole: float, share: float = 0.9) -> int | None:
    """The fewest taps of a layer's long filters that keep `share` of the whole stack's exact match; None: none does.

    `rows` are those of one layer of one cell.
    """
    kept = rows[(rows["filter"] == LONG) & (rows["exact_match"] >= share * whole)]
    return None if kept.empty else int(kept["taps"].min())


# ---- from the table of all cells: costs, needs, a figure, sentences


def costs(study: "Study", filters: "pd.DataFrame") -> "pd.DataFrame":
    """What exact match costs with a filter changed: mean over seeds, with the 95 % interval over them."""
    import pandas as pd

    keys = [*seeds.KEYS, "asked", "layer", "filter", "taps"]
    return pd.DataFrame(seeds.costs(filters, filters["filter"] == WHOLE, keys), columns=list(COSTS))


COSTS = {
    **STACK,
    **{name: COLUMNS[name] for name in ("asked", "layer", "filter", "taps")},
    **seeds.LOST,
}


def needs(study: "Study", filters: "pd.DataFrame") -> "pd.DataFrame":
    """Per cell and layer: what exact match loses without each short tap, and the causal length of the long filters."""
    import pandas as pd

    keys = ["variant", "architecture", "seed", "asked"]
    whole = filters[filters["filter"] == WHOLE].set_index(keys)["exact_match"]
    rows = []
    for (*names, layer), mine in filters[filters["filter"] != WHOLE].groupby([*keys, "layer"], sort=False):
        exact = whole[tuple(names)]
        lost = exact - mine[mine["filter"] == SHORT].set_index("taps")["exact_match"]
        length = causal_length(mine, exact)
        needed = " ".join(str(tap) for tap in lost.index[lost > NEEDED])
        alone = float("nan") if length is None else length
        rows.append((*names, layer, exact, needed, lost.max() if len(lost) else float("nan"), alone))
    return pd.DataFrame(rows, columns=list(NEEDS))


NEEDS = {
    **CELL,
    "asked": COLUMNS["asked"],
    "layer": Column(int, "counted from 1"),
    "exact_match": Column(float, "of the whole stack", "share"),
    "short_taps_needed": Column(str, f"taps of the short filter without any of which more than {NEEDED} is lost"),
    "most_lost": Column(float, "exact match lost without the short tap that costs most; NaN: no short filter", "share"),
    "causal_length": Column(
        float, "fewest taps of the long filters that keep nine tenths of exact match; NaN: none does", "taps"
    ),
}


def draw(study: "Study", filters: "pd.DataFrame") -> "Drawing":
    """Exact match with the long filters of one layer cut to their first taps; architectures by task, a line a layer."""
    import seaborn as sns

    from lolameme.analyses._drawing import grid
    from lolameme.drawing.panels import nothing

    shown = filters[(filters["filter"] == LONG) & (filters["asked"] == "locals")]
    if shown.empty:
        return nothing("No stack of this study has long filters and is asked for locals.")
    layers = sorted(shown["layer"].unique())
    palette = dict(zip(layers, sns.color_palette("viridis", len(layers)), strict=True))
    figure, axes, panels = grid(study, shown, width=1.7, height=1.6, below="taps left", absent="not asked")
    for ax, mine in panels:
        for layer, one in mine.groupby("layer"):
            mean = one.groupby("taps")["exact_match"].mean()
            ax.plot(mean.index, mean, "o-", color=palette[layer], markersize=3, linewidth=1.2)
        ax.set(ylim=(-0.03, 1.05))
    handles = [axes[0][0].plot([], [], "o-", color=colour, markersize=3)[0] for colour in palette.values()]
    figure.tight_layout(rect=(0, 0, 1 - 0.9 / figure.get_figwidth(), 1))
    figure.legend(handles, layers, loc="center right", frameon=False, fontsize=8, title="layer", title_fontsize=8)
    return figure


def findings(tables: "dict[str, pd.DataFrame]") -> list[str]:
    """Long filters that recall does without, and taps it needs: said where all seeds' intervals say so."""
    from lolameme.study.architectures import label

    said = []
    for (variant, architecture), cells in tables["filters"].groupby(seeds.KEYS, sort=False):
        every, cells = set(cells["seed"]), cells[cells["asked"] == "locals"]
        whole = cells[cells["filter"] == WHOLE]
        if not seeds.agree(whole, whole["low"] >= RECALLS, every):
            continue
        cells = cells.join(whole.set_index("seed")[["exact_match", "low"]].add_prefix("whole_"), on="seed")
        bare = cells[(cells["filter"] == LONG) & (cells["taps"] == 0)]
        spared = [
            layer
            for layer, mine in bare.groupby("layer")
            if seeds.agree(mine, mine["low"] > mine["whole_exact_match"] - SPARE, every)
        ]
        asked = seeds.all_of(len(every))
        if spared and len(spared) == bare["layer"].nunique():
            said.append(
                f"{variant}: {label(architecture)} recalls without any one of its long filters: with their bias alone "
                f"exact match falls by less than {SPARE} ({asked})."
            )
        short = cells[cells["filter"] == SHORT]
        needed = [
            f"tap {tap} of layer {layer}"
            for (layer, tap), mine in short.groupby(["layer", "taps"])
            if seeds.agree(mine, mine["high"] < mine["whole_low"] - NEEDED, every)
        ]
        if needed:
            said.append(
                f"{variant}: {label(architecture)} needs {', '.join(needed)} of its short convolutions ({asked})."
            )
    return said


TABLES = [
    Table(
        "filter_costs",
        ("filters",),
        costs,
        "What exact match costs without one tap of a short convolution, or with the long filters of a layer cut to "
        "their first taps. Mean over seeds, 95 % t interval.",
        columns=COSTS,
    ),
    Table(
        "filter_needs",
        ("filters",),
        needs,
        "Taps of short convolutions without which exact match falls by more than 0.2, the most that one costs, and the "
        "causal length of long filters: the fewest first taps that keep 0.9 of exact match (0: the bias alone; empty: "
        "more than were tried).",
        columns=NEEDS,
    ),
]
FIGURES = [
    Figure(
        "filters",
        ("filters",),
        draw,
        lambda study: (
            "Exact match on locals with the long filters of one layer cut to their first taps; 0: their bias alone. "
            f"One line per layer, mean over {study.counted_seeds}. A flat line: recall does not use that filter."
        ),
        section="Mechanism",
    )
]
