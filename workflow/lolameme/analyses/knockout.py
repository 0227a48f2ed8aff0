"""Layer knock-out: what exact match costs when the mixer or the MLP of a layer says nothing of this program."""

from typing import TYPE_CHECKING

from pydantic import Field

from lolameme.analyses import _seeds as seeds
from lolameme.analyses._asked import FEWEST, Count
from lolameme.study.exhibits import STACK, Column, Figure, Table
from lolameme.study.sections import Section

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from lolameme.analyses._trained import Trained
    from lolameme.study.config import Study

TITLE = "Which layers are needed"
NOTHING = "nothing"  # knocked out: what exact match is compared with
PARTS = ("mixer", "MLP")  # of a layer, each drawn for itself
NEEDED, SPARE = 0.2, 0.05  # of exact match: lost surely more without a part that is needed, less without another


class Settings(Section):
    """How knock-out is measured."""

    prompts: Count = Field(128, description="prompts per cell that ask for locals, and as many that ask for globals")


COLUMNS = {
    "asked": Column(str, "locals: bound in the program; globals: in the weights"),
    "part": Column(str, "that says nothing of its own: mixer, MLP, mixers (of two layers), or nothing"),
    "layers": Column(str, "whose part it is, counted from 1; two joined by +"),
    "by": Column(
        str,
        "what it says instead. resample: what it says of another program of the same template; mean: of all others, on "
        "average",
    ),
    "where": Column(str, "everywhere, at the answer sign, or in the assignments"),
    "prompts": Column(int, "asked, each of the same template as another one of them", "prompts"),
    "alone": Column(int, "left out, because no other prompt has their template", "prompts"),
    "exact_match": Column(float, "of the whole answers to these prompts", "share"),
    "low": Column(float, "where its 95 % bootstrap interval over prompts starts", "share"),
    "high": Column(float, "where it ends", "share"),
    "logit_difference": Column(float, "first token of the right answer minus that of a partner, mean", "logits"),
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """One row per intervention, with exact match over the same prompts; no row where too few can be asked."""
    import itertools

    import torch

    from lolameme.analyses import _measures as measures
    from lolameme.analyses._activations import SITES, put, record, resumed, visited
    from lolameme.analyses._frames import framed
    from lolameme.analyses._pairs import pairs
    from lolameme.analyses._roles import ANSWER_SIGN

    model, rows = cell.model, []
    layers = range(len(model.blocks))
    sites = {"mixer": "mixer_out", "MLP": "mlp_out"}
    for asked, kind in (("locals", "query"), ("globals", "global")):
        drawn = pairs(cell, kind, settings.prompts)
        asking = drawn and measures.accompanied(drawn)
        if drawn is None or asking is None or len(asking) < FEWEST:
            continue
        alone = len(drawn) - len(asking)

        def add(part, numbers, by, where, hidden, asked=asked, asking=asking, alone=alone):
            exact, low, high = measures.mean(measures.hits(model, hidden, asking))
            difference = float(measures.differences(model, hidden, asking).mean())
            name = "+".join(str(number + 1) for number in numbers)
            rows.append((asked, part, name, by, where, len(asking), alone, exact, low, high, difference))

        # a change of the last layer is made at all of its tokens
        read = [*[asking.read] * (len(layers) - 1), None]
        hidden, kept = record(model, asking.clean, [(s, layer) for layer in layers for s in SITES])
        add(NOTHING, (), "", "", hidden)
        donor, average = measures.others(asking)
        places = {"everywhere": None, "answer sign": asking.roles[ANSWER_SIGN]}
        if asking.before_query.any():
            places["assignments"] = asking.before_query
        for layer, (part, site) in itertools.product(layers, sites.items()):
            said = kept[site, layer]
            instead = {"resample": said[donor], "mean": torch.einsum("bc,cld->bld", average, said)}
            for by, where in itertools.product(instead, places):
                with torch.inference_mode(), visited(model, {(site, layer): put(instead[by], places[where])}):
                    hidden = resumed(model, kept["resid_pre", layer], layer, read[layer])
                add(part, (layer,), by, where, hidden)
        for first, second in itertools.combinations(layers, 2):
            both = {("mixer_out", k): put(kept["mixer_out", k][donor]) for k in (first, second)}
            with torch.inference_mode(), visited(model, both):
                hidden = resumed(model, kept["resid_pre", first], first, read[second])
            add("mixers", (first, second), "resample", "everywhere", hidden)
    return framed("knockout", rows)


# ---- from the table of all cells: costs, a figure, sentences


def costs(study: "Study", knockout: "pd.DataFrame") -> "pd.DataFrame":
    """What exact match costs without a part: mean over seeds, with the 95 % interval over them."""
    import pandas as pd

    keys = [*seeds.KEYS, "asked", "part", "layers", "by", "where"]
    return pd.DataFrame(seeds.costs(knockout, knockout["part"] == NOTHING, keys), columns=list(COSTS))


COSTS = {
    **STACK,
    **{name: COLUMNS[name] for name in ("asked", "part", "layers", "by", "where")},
    **seeds.LOST,
}


def draw(study: "Study", knockout_costs: "pd.DataFrame") -> "Drawing":
    """Which layers are needed: the loss of exact match without the mixer, or the MLP, of each; architectures by layers,
    per task."""
    import matplotlib.pyplot as plt

    from lolameme.analyses._drawing import colour_bar, number_map
    from lolameme.drawing.panels import nothing
    from lolameme.study.architectures import label

    shown = knockout_costs[knockout_costs["part"].isin(PARTS)]
    shown = shown[(shown["by"] == "resample") & (shown["where"] == "everywhere")]
    panels = list(shown.groupby(["variant", "asked"], sort=False).groups)
    if not panels:
        return nothing("No task of this study asks for locals or globals.")
    names, layers = list(shown["architecture"].unique()), study.model.layers
    size = ((0.42 * layers + 0.4) * len(panels) + 2.6, (0.34 * len(names) + 0.6) * len(PARTS) + 1)
    figure, axes = plt.subplots(
        len(PARTS), len(panels), figsize=size, squeeze=False, sharex=True, sharey=True, layout="constrained"
    )
    for row, part in zip(axes, PARTS, strict=True):
        row[0].set_ylabel(f"without the {part}")
        for ax, (variant, asked) in zip(row, panels, strict=True):
            mine = shown[(shown["variant"] == variant) & (shown["asked"] == asked) & (shown["part"] == part)]
            table = mine.pivot(index="architecture", columns="layers", values="cost")
            table = table.reindex(index=names[::-1], columns=[str(k + 1) for k in range(layers)]).clip(0, 1)
            image = number_map(ax, table.rename(index=label))
    for ax, (variant, asked) in zip(axes[0], panels, strict=True):
        ax.set_title(f"{variant}\n{asked}")
    for ax in axes[-1]:
        ax.set_xlabel("layer")
    colour_bar(figure, axes, image, "exact match lost")
    return figure


def findings(tables: "dict[str, pd.DataFrame]") -> list[str]:
    """Which mixers an architecture needs: said where every seed says so of each layer, or that it is to spare."""
    from lolameme.study.architectures import label

    said = []
    for (variant, architecture), cells in tables["knockout"].groupby(seeds.KEYS, sort=False):
        every = set(cells["seed"])
        for asked, rows in cells.groupby("asked", sort=False):
            whole = rows[rows["part"] == NOTHING].set_index("seed")[["exact_match", "low"]].add_prefix("whole_")
            mixers = rows[(rows["part"] == "mixer") & (rows["by"] == "resample") & (rows["where"] == "everywhere")]
            layers = mixers.join(whole, on="seed").groupby("layers", sort=False)
            needed, spare = (
                [layer for layer, mine in layers if seeds.agree(mine, holds(mine), every)]
                for holds in (
                    lambda mine: mine["high"] < mine["whole_low"] - NEEDED,
                    lambda mine: mine["low"] > mine["whole_exact_match"] - SPARE,
                )
            )
            if not needed or len(needed) + len(spare) < layers.ngroups:
                continue
            which = (
                f"mixer{'s' if len(needed) > 1 else ''} of layer{'s' if len(needed) > 1 else ''} {', '.join(needed)}"
            )
            others = (
                f"; any one of the others can speak of another program and exact match falls by less than {SPARE}"
                if spare
                else ""
            )
            said.append(
                f"{variant}: {label(architecture)} needs the {which} to recall {asked}{others} "
                f"({seeds.all_of(len(every))})."
            )
    return said


TABLES = [
    Table(
        "knockout_costs",
        ("knockout",),
        costs,
        "What exact match costs when a part of a layer is replaced by what it says of another program of the same "
        "template (resample), or of all others on average (mean). Mean over seeds, 95 % t interval.",
        columns=COSTS,
    )
]
FIGURES = [
    Figure(
        "knockout",
        ("knockout_costs",),
        draw,
        lambda study: (
            "Exact match lost when the mixer of one layer, or its MLP, is replaced, at all tokens, by what it says of "
            f"another program of the same template: mean over {study.counted_seeds}. Locals were bound in the program, "
            "globals are in the weights. Layers repair what is taken from others, so these are lower bounds."
        ),
        section="Mechanism",
    )
]
