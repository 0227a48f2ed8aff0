"""Architecture names and the layer patterns they stand for; the one place that parses them.

A pattern is a tuple with the mixer of each layer, from the embedding upwards. Layers count from 1, as in the paper:

    gpt2                every layer attention
    hyena               every layer Hyena; and so for every other mixer's name
    thex-K              Hyena stack with layer K replaced by attention (T HEX, arXiv 2406.02592)
    xeht-K              the mirror: attention stack with layer K replaced by Hyena
    thex-3+9            several positions
    hyena.attention     any pattern of mixers, from the embedding upwards, repeated to the depth of the stack
"""

import re

from lolameme.study import plugins

ATTENTION, HYENA = "attention", "hyena"
MIXERS = plugins.names("mixer")
PURE = {"gpt2" if mixer == ATTENTION else mixer: mixer for mixer in MIXERS}
_SWAPPED = {"thex": (HYENA, ATTENTION), "xeht": (ATTENTION, HYENA)}  # family: (base mixer, mixer of layer K)
_MIXER = "|".join(MIXERS)
NAME = rf"(?:{'|'.join(PURE)}|(?:thex|xeht)-[1-9]\d*(?:\+[1-9]\d*)*|(?:{_MIXER})(?:\.(?:{_MIXER}))+)"
FORMS = (
    f"{', '.join(PURE)}, thex-K, xeht-K (several positions: thex-2+4; all of them: thex-*), "
    "or mixers to repeat, such as hyena.attention"
)


def family(name: str) -> str:
    """The family an architecture belongs to: a pure stack's own name, `thex`, `xeht`, or `pattern`."""
    if name in PURE:
        return name
    return "pattern" if "." in name else name.split("-", 1)[0]


def positions(name: str) -> tuple[int, ...]:
    """The swapped layers of thex and xeht, counted from 1; empty for other stacks."""
    tail = name.partition("-")[2] if family(name) in _SWAPPED else ""
    return tuple(int(part) for part in tail.split("+")) if tail else ()


def middle(stacks: tuple[str, ...], of: str = "thex") -> str | None:
    """The stack that stands for a family: of those with one swapped layer, the one in the middle, the later of two.

    Chosen by its place alone, before anything is trained, so that no result can favour the family with most members.
    None if the family has no such stack.
    """
    single = sorted((positions(name), name) for name in stacks if family(name) == of and len(positions(name)) == 1)
    return single[len(single) // 2][1] if single else None


def pattern(name: str, layers: int) -> tuple[str, ...]:
    """The mixer of each layer.

    Raises ValueError, in a sentence for the user, if the name is not an architecture, a position lies outside
    1..`layers`, or a pattern does not fill the layers.
    """
    if not re.fullmatch(NAME, name):
        raise ValueError(f"{name!r} is no architecture; write {FORMS}")
    if name in PURE:
        return (PURE[name],) * layers
    if "." in name:
        mixers = tuple(name.split("."))
        if layers % len(mixers):
            raise ValueError(f"{name!r}: {len(mixers)} mixers do not fill {layers} layers evenly")
        return mixers * (layers // len(mixers))
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


def label(architecture: str) -> str:
    """An architecture, or a family, as people write it: GPT-2, Hyena, T HEX-2, XEHT, or its mixers."""
    named = {"gpt2": "GPT-2", "thex": "T HEX", "xeht": "XEHT"}.get(family(architecture))
    if named is None:
        return "+".join(mixer_label(mixer) for mixer in architecture.split("."))
    swapped = "+".join(map(str, positions(architecture)))
    return f"{named}-{swapped}" if swapped else named


def mixer_label(mixer: str) -> str:
    """A mixer as people write it: the LABEL of its file, else its name."""
    known = plugins.constants("mixer", mixer) if mixer in MIXERS else {}
    return known.get("LABEL", mixer.replace("-", " ").capitalize())
