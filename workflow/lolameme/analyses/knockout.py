"""Layer knock-out: what exact match costs when the mixer or the MLP of a layer says nothing of this program."""

from typing import TYPE_CHECKING

from pydantic import Field

from lolameme.study.sections import Positive, Section

if TYPE_CHECKING:
    import pandas as pd

    from lolameme.analyses._trained import Trained

TITLE = "Which layers are needed"
NOTHING = "nothing"  # knocked out: what exact match is compared with


class Settings(Section):
    """How knock-out is measured."""

    prompts: Positive = Field(128, description="prompts per cell that ask for locals, and as many that ask for globals")


COLUMNS = {
    "asked": str,  # locals: bound in the program; globals: in the weights
    "part": str,  # mixer, MLP, mixers (of two layers), or nothing
    "layers": str,  # counted from 1; two joined by +
    "by": str,  # resample: what the part says of another program of the same template; mean: of all others, on average
    "where": str,  # everywhere, at the answer sign, or in the assignments
    "prompts": int,
    "exact_match": float,
    "low": float,  # its 95 % bootstrap interval over prompts
    "high": float,
    "logit_difference": float,  # right answer minus that of a partner
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """One row per intervention, with exact match over the same prompts; no row where nothing can be asked."""
    import itertools

    import pandas as pd
    import torch

    from lolameme.analyses import _measures as measures
    from lolameme.analyses._activations import SITES, put, record, resumed, visited
    from lolameme.analyses._pairs import pairs

    model, rows = cell.model, []
    layers = range(len(model.blocks))
    sites = {"mixer": "mixer_out", "MLP": "mlp_out"}
    for asked, kind in (("locals", "query"), ("globals", "global")):
        asking = pairs(cell, kind, settings.prompts)
        if asking is None:
            continue

        def add(part, numbers, by, where, hidden, asked=asked, asking=asking):
            exact, low, high = measures.mean(measures.hits(model, hidden, asking))
            difference = float(measures.differences(model, hidden, asking).mean())
            name = "+".join(str(number + 1) for number in numbers)
            rows.append((asked, part, name, by, where, len(asking), exact, low, high, difference))

        hidden, kept = record(model, asking.clean, [(s, layer) for layer in layers for s in SITES])
        add(NOTHING, (), "", "", hidden)
        donor, average = measures.others(asking)
        sign = asking.roles["answer sign"]
        before = asking.before_query
        for layer, (part, site) in itertools.product(layers, sites.items()):
            said = kept[site, layer]
            means = torch.einsum("bc,cld->bld", average, said)
            cases = [("resample", "everywhere", said[donor], None), ("mean", "everywhere", means, None)]
            cases += [("mean", "answer sign", means, sign)]
            if before.any():
                cases += [("mean", "assignments", means, before)]
            for by, where, instead, places in cases:
                with torch.inference_mode(), visited(model, {(site, layer): put(instead, places)}):
                    add(part, (layer,), by, where, resumed(model, kept["resid_pre", layer], layer))
        for first, second in itertools.combinations(layers, 2):
            both = {("mixer_out", k): put(kept["mixer_out", k][donor]) for k in (first, second)}
            with torch.inference_mode(), visited(model, both):
                hidden = resumed(model, kept["resid_pre", first], first)
            add("mixers", (first, second), "resample", "everywhere", hidden)
    return pd.DataFrame(rows, columns=list(COLUMNS))
