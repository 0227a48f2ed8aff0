"""Architecture names and the layer patterns they stand for; the one place that parses them.

A pattern is a tuple with the mixer of each layer, from the embedding upwards. Layers count from 1, as in the paper:

    gpt2                every layer attention
    hyena               every layer Hyena; and so for every other mixer's name
    thex-K              Hyena stack with layer K replaced by attention (T HEX, arXiv 2406.02592)
    xeht-K              the mirror: attention stack with layer K replaced by Hyena
    thex-3+9            several positions
    hyena.attention     any pattern of mixers, from the embedding upwards, repeated to the depth of the stack
    thex-3@5            any of these with five taps in its short convolutions, instead of model.hyena.short_filter
    thex-3@5-1          the same without the tap that sees one token back; thex-3@5-1+2: nor the one two back

A mixer that names no setting for its taps keeps its own: linear attention its four, of which some can be masked.
"""

import functools
import re

from lolameme.study import plugins
from lolameme.study.sections import nearest, short
from lolameme.study.settings import MOST_TAPS, Model

ATTENTION, HYENA = "attention", "hyena"
MIXERS = plugins.names("mixer")
PURE = {"gpt2" if mixer == ATTENTION else mixer: mixer for mixer in MIXERS}
SHORT_FILTER = "hyena.short_filter"  # the setting of the model that the suffix changes; mixers name it as their TAPS
_SWAPPED = {"thex": (HYENA, ATTENTION), "xeht": (ATTENTION, HYENA)}  # family: (base mixer, mixer of layer K)
_MIXER = "|".join(MIXERS)
_STACK = rf"(?:{'|'.join(PURE)}|(?:thex|xeht)-[1-9][0-9]*(?:\+[1-9][0-9]*)*|(?:{_MIXER})(?:\.(?:{_MIXER}))+)"
_LAG = r"(?:0|[1-9][0-9]*)"
NAME = rf"{_STACK}(?:@[1-9][0-9]*(?:-{_LAG}(?:\+{_LAG})*)?)?"
FORMS = (
    "gpt2, the name of another mixer such as hyena, thex-K, xeht-K (several positions: thex-2+4; all of them: thex-*), "
    "or mixers to repeat, such as hyena.attention; at the end @5 for five taps of the short convolutions, "
    "@5-1 for these without the one that sees one token back"
)


def split(name: str) -> tuple[str, int | None]:
    """A name without its suffix, and the taps that the suffix asks for, or None."""
    stack, _, suffix = name.partition("@")
    return stack, int(suffix.partition("-")[0]) if suffix else None


def masked(name: str) -> tuple[int, ...]:
    """The taps that a name's suffix takes away, by how many tokens back they see."""
    lags = name.partition("@")[2].partition("-")[2]
    return tuple(int(lag) for lag in lags.split("+")) if lags else ()


FAMILIES = (*PURE, *_SWAPPED, "pattern")


def family(name: str) -> str:
    """The family an architecture belongs to: a pure stack's own name, `thex`, `xeht`, or `pattern`."""
    stack, _ = split(name)
    if stack in PURE:
        return stack
    return "pattern" if "." in stack else stack.split("-", 1)[0]


def positions(name: str) -> tuple[int, ...]:
    """The swapped layers of thex and xeht, counted from 1; empty for other stacks."""
    tail = split(name)[0].partition("-")[2] if family(name) in _SWAPPED else ""
    return tuple(int(part) for part in tail.split("+")) if tail else ()


def without_position(name: str) -> str:
    """A name without the place of its one swapped layer, as `thex@5` of `thex-2@5`; other names as they are."""
    found = positions(name)
    return name.replace(f"-{found[0]}", "", 1) if len(found) == 1 else name


def middle(stacks: tuple[str, ...], of: str = "thex") -> str | None:
    """The stack that stands for a family: of those with one swapped layer, the one in the middle, the later of two.

    Chosen by its place alone, before anything is trained, so that no result can favour the family with most members.
    None if the family has no such stack.
    """
    places = swapped_once(stacks, of)
    return places[len(places) // 2] if places else None


def representative(name: str, stacks: tuple[str, ...]) -> str:
    """The architecture whose tuning serves another's: the first pure stack of a family, or its middle place."""
    if family(name) == "pattern":
        return name
    return middle(stacks, family(name)) or next(stack for stack in stacks if family(stack) == family(name))


def swapped_once(stacks: tuple[str, ...], of: str = "thex") -> list[str]:
    """The stacks of a family with one swapped layer and the study's own taps, by its place from below."""
    single = [n for n in stacks if family(n) == of and len(positions(n)) == 1 and split(n)[1] is None]
    return sorted(single, key=positions)


@functools.cache  # a plan asks for it several times per job
def pattern(name: str, layers: int) -> tuple[str, ...]:
    """The mixer of each layer.

    Raises ValueError, in a sentence for the user, if the name is not an architecture, a position lies outside
    1..`layers`, a pattern does not fill the layers, taps are too many or given to a stack without short convolutions,
    or taps are masked that it does not have.
    """
    if re.search(r"[0-9]{5}", name):
        raise ValueError(f"{short(name)}: numbers in the name of an architecture have at most four digits")
    if not re.fullmatch(NAME, name):
        raise ValueError(
            f"{name!r} is no architecture{nearest(name, PURE)}; write {FORMS}; mixers: {', '.join(MIXERS)}"
        )
    mixers = _pattern(name, layers)
    taps, without = split(name)[1], masked(name)
    if taps:
        if taps > MOST_TAPS:
            raise ValueError(f"{name!r}: {taps} taps are too many for a short convolution; at most {MOST_TAPS}")
        own = {plugins.constants("mixer", mixer).get("TAPS") for mixer in mixers} - {None}
        if SHORT_FILTER not in own and not (without and taps in own):
            raise ValueError(
                f"{name!r}: no layer has a short convolution whose taps can be chosen; leave the suffix out"
            )
        fewest = min(taps if each == SHORT_FILTER else each for each in own)
        left = set(range(fewest)) - set(without)
        if list(without) != sorted(set(without)) or max(without, default=0) >= taps or not left:
            raise ValueError(f"{name!r}: masked taps must rise and lie in 0..{taps - 1}, and one must be left")
    return mixers


def _pattern(name: str, layers: int) -> tuple[str, ...]:
    stack, _ = split(name)
    if stack in PURE:
        return (PURE[stack],) * layers
    if "." in stack:
        mixers = tuple(stack.split("."))
        if layers % len(mixers):
            raise ValueError(f"{name!r}: {len(mixers)} mixers do not fill {layers} layers evenly")
        return mixers * (layers // len(mixers))
    swapped = positions(name)
    if max(swapped) > layers or list(swapped) != sorted(set(swapped)):
        raise ValueError(f"{name!r}: positions must rise and lie in 1..{layers}, the number of layers")
    base, other = _SWAPPED[family(name)]
    return tuple(other if layer + 1 in swapped else base for layer in range(layers))


def model_of(name: str, model: Model) -> Model:
    """The settings of an architecture's model: those of the study, with the taps that its name asks for."""
    _, taps = split(name)
    if taps is None:
        return model
    asked = {"short_filter": taps, "masked_taps": masked(name)}
    return model.model_copy(update={"hyena": model.hyena.model_copy(update=asked)})


@functools.cache
def expand(names: tuple[str, ...], layers: int) -> tuple[str, ...]:
    """Write out `thex-*` and `xeht-*`, each with its suffix, and drop names whose stack is already listed.

    At depth 2, xeht-1 is thex-2.
    """
    kept: dict[tuple[tuple[str, ...], str], str] = {}
    for name in names:
        stack, at, taps = name.partition("@")
        stem, star = stack[:-1], stack.endswith("-*")
        for one in [f"{stem}{k + 1}{at}{taps}" for k in range(layers)] if star else [name]:
            kept.setdefault((pattern(one, layers), taps), one)
    return tuple(kept.values())


def label(architecture: str) -> str:
    """An architecture, or a family, as people write it: GPT-2, T HEX-2, XEHT, its mixers; with taps: Hyena, 5 taps."""
    stack, taps = split(architecture)
    written = {"gpt2": "GPT-2", "thex": "T HEX", "xeht": "XEHT"}.get(family(architecture))
    if written is None:
        written = _pattern_label(stack.split("."))
    if swapped := positions(architecture):
        written += "-" + "+".join(map(str, swapped))
    if taps:
        written += f", {taps} taps" if taps > 1 else ", 1 tap"
    if without := masked(architecture):
        written += f", {'+'.join(map(str, without))} back masked"
    return written


def _pattern_label(mixers: list[str]) -> str:
    """Mixers in a row; where a single layer differs from all others, in short: ShortGate, Attn-2."""
    for other in set(mixers):
        rest = [mixer for mixer in mixers if mixer != other]
        if len(rest) == len(mixers) - 1 > 1 and len(set(rest)) == 1:
            return f"{mixer_label(rest[0])}, {mixer_label(other)}-{mixers.index(other) + 1}"
    return "+".join(mixer_label(mixer) for mixer in mixers)


def mixer_label(mixer: str) -> str:
    """A mixer as people write it: the LABEL of its file, else its name."""
    known = plugins.constants("mixer", mixer) if mixer in MIXERS else {}
    return known.get("LABEL", mixer.replace("-", " ").capitalize())
