"""Matrices: which positions each layer reads from, attention maps and Hyena's effective matrices side by side.

A picture of one prompt in the cells of one seed, to look at: nothing is averaged, so no interval belongs to it, and no
sentence is said of it. What all seeds have in common is what `scores` and `knockout` measure.
"""

from typing import TYPE_CHECKING

from pydantic import Field

from lolameme.study.exhibits import Column, Figure, Table
from lolameme.study.sections import Section

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Drawing

    from lolameme.analyses._trained import Trained
    from lolameme.study.config import Study

TITLE = "Which positions a layer reads"


class Settings(Section):
    """Which matrices are kept."""

    prompts: int = Field(1, ge=1, le=64, description="prompts whose matrices are kept: the longest of 64")


COLUMNS = {
    "prompt": Column(int, "number of the prompt, from 0"),
    "text": Column(str, "the prompt"),
    "layer": Column(int, "counted from 1"),
    "mixer": Column(str, "of that layer"),
    "group": Column(int, "of channels (head), counted from 1"),
    "to": Column(int, "the position that reads, counted from 0", "tokens"),
    "source": Column(int, "the position that is read", "tokens"),
    "to_token": Column(str, "what stands at `to`"),
    "source_token": Column(str, "what stands at `source`"),
    "share": Column(float, "of all that is gathered at `to`", "share"),
}


def measure(cell: "Trained", settings: Settings) -> "pd.DataFrame":
    """One row per prompt, layer, group and pair of positions of which one may read the other."""
    import numpy as np
    import pandas as pd

    from lolameme.analyses._frames import framed
    from lolameme.analyses._pairs import pairs
    from lolameme.analyses._retrieval import influences

    asking = pairs(cell, "query", 64) or pairs(cell, "global", 64)
    frames = []
    if asking is not None:
        longest = np.argsort(-asking.last.cpu().numpy(), kind="stable")[: settings.prompts]
        for number, row in enumerate(longest):
            ids = asking.clean[row, : int(asking.last[row]) + 1]
            words = np.array([cell.tokenizer.id_to_token(token) for token in ids.tolist()])
            matrices = zip(cell.facts["mixers"], influences(cell.model, ids[None]), strict=True)
            for layer, (mixer, matrix) in enumerate(matrices):
                share = matrix[0].cpu().double().numpy()  # (G, L, L)
                group, to, source = np.nonzero(np.tril(np.ones(share.shape, bool)))
                frame = {"prompt": number, "text": asking.prompts[row][0].text.strip(), "layer": layer + 1}
                frame |= {"mixer": mixer, "group": group + 1, "to": to, "source": source}
                frame |= {"to_token": words[to], "source_token": words[source], "share": share[group, to, source]}
                frames.append(pd.DataFrame(frame))
    return pd.concat(frames, ignore_index=True) if frames else framed("matrices", [])


# ---- from the table of all cells: a figure


def draw(study: "Study", matrices: "pd.DataFrame") -> "Drawing":
    """One prompt of the first task: from which positions each layer of each architecture reads."""
    import matplotlib.pyplot as plt

    from lolameme.analyses._drawing import MAP, colour_bar
    from lolameme.drawing.panels import nothing
    from lolameme.study.architectures import label

    shown = matrices[matrices["prompt"] == 0]
    if shown.empty:
        return nothing("No task of this study asks for locals or globals.")
    task = shown["variant"].iloc[0]
    shown = shown[(shown["variant"] == task) & (shown["seed"] == shown.loc[shown["variant"] == task, "seed"].min())]
    names, layers = list(shown["architecture"].unique()), study.model.layers
    size = (1.5 * layers + 1.6, 1.5 * len(names) + 0.9)
    figure, axes = plt.subplots(len(names), layers, figsize=size, squeeze=False, layout="constrained")
    for row, name in zip(axes, names, strict=True):
        for layer, ax in enumerate(row, start=1):
            mine = shown[(shown["architecture"] == name) & (shown["layer"] == layer)]
            table = mine.groupby(["to", "source"])["share"].max().unstack()
            image = ax.imshow(table.to_numpy(float), cmap=MAP, vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            ax.set_title(f"{layer}: {mine['mixer'].iloc[0]}", fontsize=8, fontweight="normal")
        words = shown[(shown["architecture"] == name) & (shown["layer"] == 1)].groupby("source")["source_token"].first()
        row[0].set_yticks(range(len(words)), words.str.strip(), fontsize=5)
        row[0].tick_params(length=0)
        row[0].set_ylabel(label(name), fontsize=9)
    colour_bar(figure, axes, image, "share of what is read")
    return figure


def findings(tables: "dict[str, pd.DataFrame]") -> list[str]:
    """Single prompts show; they prove nothing."""
    return []


TABLES: list[Table] = []
FIGURES = [
    Figure(
        "matrices",
        ("matrices",),
        draw,
        lambda study: (
            "One prompt of the first task that asks for locals or globals, read from top to bottom, in cells of the "
            "first seed. Row t of a map says from which positions (columns) the layer gathers at token t: attention "
            "weights (the largest of all heads), and for Hyena the size of what each position adds through its "
            "effective matrix, behind its short convolution."
        ),
        section="Mechanism",
    )
]
