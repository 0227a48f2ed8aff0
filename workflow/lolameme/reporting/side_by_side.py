"""Two studies, or two cells, side by side on one page that needs nothing else."""

import io

import matplotlib.pyplot as plt
import pandas as pd

from lolameme.drawing import style
from lolameme.reporting.compare import HIGHER, LOWER, Comparison
from lolameme.reporting.templates import fill
from lolameme.study.architectures import label


def render(names: list[str], found: Comparison) -> str:
    """The page, as HTML."""
    return fill(
        "side_by_side.html",
        names=names,
        settings=found.settings.to_dict("records"),
        results=found.results.to_dict("records"),
        only=found.only,
        figure=drawing(found.results) if len(found.results) else "",
        decided=(HIGHER, LOWER),
    )


def drawing(results: pd.DataFrame) -> str:
    """From A to B: a line per task, split and architecture, as SVG."""
    style.apply()
    names = [name for name in results["architecture"].unique() if name != "-"]
    palette = style.colours(names) | {"-": style.INK}
    figure, ax = plt.subplots(figsize=(7.5, 0.26 * len(results) + 1))
    for y, row in enumerate(results.itertuples()):
        colour = palette[row.architecture]
        ax.plot([row.first, row.second], [y, y], color=colour, linewidth=2, alpha=0.5)
        ax.plot(row.first, y, "o", color="white", markeredgecolor=colour, markersize=6)
        ax.plot(row.second, y, "o", color=colour, markersize=6)
    texts = [
        f"{row.variant} · {row.split}" + ("" if row.architecture == "-" else f" · {label(row.architecture)}")
        for row in results.itertuples()
    ]
    ax.set_yticks(range(len(results)), texts, fontsize=8)
    ax.set(xlabel="exact match (open: A, filled: B)", xlim=(-0.03, 1.03), ylim=(len(results) - 0.4, -0.6))
    ax.grid(axis="y", alpha=0.3)
    figure.tight_layout()
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    plt.close(figure)
    return file.getvalue()[file.getvalue().index("<svg") :]
