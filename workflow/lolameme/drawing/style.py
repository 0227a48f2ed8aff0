"""How all figures look: one colour per architecture family everywhere, colour-blind-safe, position by shade."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from lolameme.base.files import atomic
from lolameme.study import architectures

# Okabe and Ito's palette (2008): told apart with any common colour vision
FAMILY = {
    "gpt2": "#0072B2",
    "hyena": "#D55E00",
    "thex": "#009E73",
    "xeht": "#CC79A7",
    "linear-attention": "#56B4E9",
    "pattern": "#E69F00",
}
INK, QUIET = "#222222", "#777777"
_MARKERS = {"gpt2": "o", "hyena": "s", "thex": "^", "xeht": "v", "linear-attention": "D", "pattern": "P"}


def apply() -> None:
    """Set the theme; call before drawing."""
    sns.set_theme(style="ticks", context="notebook", rc={"axes.spines.right": False, "axes.spines.top": False})
    plt.rcParams |= {
        "figure.dpi": 110,
        "savefig.bbox": "tight",
        "svg.hashsalt": "lolameme",  # same figure, same bytes
        "svg.fonttype": "path",
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
    }


def colours(names: list[str]) -> dict[str, tuple[float, float, float]]:
    """A colour per architecture: its family's, lighter for earlier positions and darker for later ones."""
    found = {}
    for name in names:
        family = architectures.family(name)
        siblings = [n for n in names if architectures.family(n) == family]
        if len(siblings) == 1:
            found[name] = sns.color_palette([FAMILY[family]])[0]
        else:
            shades = sns.blend_palette(["#ffffff", FAMILY[family], "#000000"], 2 * len(siblings) + 3)
            half = len(siblings)
            found[name] = shades[half // 2 + 1 + siblings.index(name) + (half + 1) // 2]
    return found


def markers(names: list[str]) -> dict[str, str]:
    return {name: _MARKERS[architectures.family(name)] for name in names}


def save(figure: Figure, stem: Path) -> None:
    """Write a figure as SVG and PNG."""
    for suffix, extra in ((".svg", {"metadata": {"Date": None}}), (".png", {"dpi": 160})):
        with atomic(stem.with_suffix(suffix)) as path:
            figure.savefig(path, format=suffix[1:], **extra)
    plt.close(figure)
