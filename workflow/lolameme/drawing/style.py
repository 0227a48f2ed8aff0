"""How all figures look: one colour per architecture family everywhere, colour-blind-safe; stacks of one family differ
in shade, in their lines, and in markers that say the position, so that they can be told apart in grey print, too."""

import io
import zlib
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from lolameme.base.files import atomic, write_sealed
from lolameme.study import architectures, plugins

# for mixers whose files choose none: Paul Tol's muted palette, told apart with any common colour vision
_COLOURS = ("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499")
_MARKERS = ("X", "h", "<", ">", "p", "*", "d", "8")


def of_mixer(mixer: str) -> tuple[str, str]:
    """The colour and the marker of a mixer: those of its file, else some that hang on its name alone."""
    known, number = plugins.constants("mixer", mixer), zlib.crc32(mixer.encode())
    colour = known.get("COLOUR", _COLOURS[number % len(_COLOURS)])
    return colour, known.get("MARKER", _MARKERS[number % len(_MARKERS)])


_FAMILIES = {name: of_mixer(mixer) for name, mixer in architectures.PURE.items()} | {
    "thex": ("#009E73", "^"),  # these, and those of the first mixers, are Okabe and Ito's (2008)
    "xeht": ("#CC79A7", "v"),
    "pattern": ("#E69F00", "P"),
}
FAMILY = {name: colour for name, (colour, _) in _FAMILIES.items()}
INK, QUIET = "#222222", "#777777"
_LINES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)), (0, (9, 2)), (0, (3, 1, 1, 1, 1, 1)))
SUFFIXES = (".svg", ".png", ".pdf")  # of a figure: for the page, for everything else, for papers


def apply() -> None:
    """Set the theme; call before drawing."""
    import seaborn as sns  # over a second, with scipy's statistics: only where something is drawn

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
    """A colour per architecture: its family's; of several in one family shades of it, from light for the first position
    to nearly black for the last, so that they are told apart in grey print, too."""
    import seaborn as sns

    found = {}
    for name in names:
        family = architectures.family(name)
        siblings = [n for n in names if architectures.family(n) == family]
        base = sns.color_palette([FAMILY[family]])[0]
        if len(siblings) == 1:
            found[name] = base
        else:
            ends = [tuple(1 - 0.65 * (1 - part) for part in base), base, tuple(0.2 * part for part in base)]
            found[name] = sns.blend_palette(ends, len(siblings))[siblings.index(name)][:3]
    return found


def markers(names: list[str]) -> dict[str, str]:
    """A marker per architecture: its family's; among several the position as a number, of XEHT with a bar above."""
    families, found = [architectures.family(name) for name in names], {}
    for name, family in zip(names, families, strict=True):
        places = architectures.positions(name)
        alone = families.count(family) == 1 or len(places) != 1
        places = "".join(map(str, places))
        number = rf"\overline{{{places}}}" if family == "xeht" else f"{places}"
        found[name] = _FAMILIES[family][1] if alone else f"${number}$"
    return found


def lines(names: list[str]) -> dict[str, str | tuple]:
    """A line style per architecture: solid, and others for further ones of its family."""
    families = [architectures.family(name) for name in names]
    return {name: _LINES[families[:i].count(families[i]) % len(_LINES)] for i, name in enumerate(names)}


def save(figure: Figure, stem: Path) -> None:
    """Write a figure as SVG, PNG and PDF."""
    undated = ({"Date": None}, {}, {"CreationDate": None})  # same figure, same bytes
    for suffix, metadata in zip(SUFFIXES, undated, strict=True):
        drawn = io.BytesIO()
        figure.savefig(drawn, format=suffix[1:], dpi=160, metadata=metadata)
        if suffix == ".svg":  # which the page takes up
            write_sealed(stem.with_suffix(suffix), drawn.getvalue().decode())
        else:
            with atomic(stem.with_suffix(suffix)) as path:
                path.write_bytes(drawn.getvalue())
    plt.close(figure)
