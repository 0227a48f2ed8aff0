"""Architecture names and the layer patterns they stand for; the one place that parses them.

A pattern is a tuple with the mixer of each layer, from the embedding upwards. Layers count from 1, as in the paper:

    gpt2       every layer attention
    hyena      every layer Hyena
    thex-K     Hyena stack with layer K replaced by attention (T HEX, arXiv 2406.02592)
    xeht-K     the mirror: attention stack with layer K replaced by Hyena
    thex-3+9   several positions
"""

import re

ATTENTION, HYENA = "attention", "hyena"
_PURE = {"gpt2": ATTENTION, "hyena": HYENA}
_SWAPPED = {"thex": (HYENA, ATTENTION), "xeht": (ATTENTION, HYENA)}  # family: (base mixer, mixer of layer K)
FORMS = "gpt2, hyena, thex-K, xeht-K (several positions: thex-2+4; all of them: thex-*)"


def family(name: str) -> str:
    """The family an architecture belongs to: `gpt2`, `hyena`, `thex` or `xeht`."""
    return name.split("-", 1)[0]


def positions(name: str) -> tuple[int, ...]:
    """The swapped layers, counted from 1; empty for a pure stack."""
    _, _, tail = name.partition("-")
    return tuple(int(part) for part in tail.split("+")) if tail else ()


def pattern(name: str, layers: int) -> tuple[str, ...]:
    """The mixer of each layer.

    Raises ValueError, in a sentence for the user, if the name is not an architecture or a position lies outside
    1..`layers`.
    """
    if name in _PURE:
        return (_PURE[name],) * layers
    if not re.fullmatch(r"(thex|xeht)-[1-9]\d*(\+[1-9]\d*)*", name):
        raise ValueError(f"{name!r} is no architecture; write {FORMS}")
    swapped = positions(name)
    if max(swapped) > layers or list(swapped) != sorted(set(swapped)):
        raise ValueError(f"{name!r}: positions must rise and lie in 1..{layers}, the number of layers")
    base, other = _SWAPPED[family(name)]
    return tuple(other if layer + 1 in swapped else base for layer in range(layers))


def expand(names: list[str] | tuple[str, ...], layers: int) -> tuple[str, ...]:
    """Write out `thex-*` and `xeht-*` and drop names whose stack is already listed (at depth 2, xeht-1 is thex-2)."""
    kept: dict[tuple[str, ...], str] = {}
    for name in names:
        stem, star = name[:-1], name.endswith("-*")
        for one in [f"{stem}{k + 1}" for k in range(layers)] if star else [name]:
            kept.setdefault(pattern(one, layers), one)
    return tuple(kept.values())
