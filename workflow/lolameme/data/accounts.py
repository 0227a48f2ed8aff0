"""What accounts of recall say a stack can see, from its mixers alone, before any data are looked at.

To recall a variable, the place of its value must carry its name, and the query must find that place (`data/reach.py`).
How a stack does that depends on its mixers:

    lookup    one layer looks things up (attention of any kind): names are carried by what lies below it or in it
    direct    no layer looks things up, but long filters act at the answer sign: names are carried by short filters
    carrying  two layers or more look things up: the lower one can carry names over any distance, so there is no bound;
              whether training finds this is a matter of optimisation, of which no account says anything
    none      neither: there is nothing to look up with, and no account says anything

The accounts differ in what carries a name. Each gives a window, the distances in tokens that can be bound:

    one filter   one short filter, the longest: reach does not add up over layers. The first account, made from 25 runs.
    added up     the short filters of all layers, one after the other: two of three taps see four tokens back.
    long filter  added up, and a long filter carries a name over any distance: only what has none below its lookup is
                 bounded. The weakest of the three, so it must miss least, and says least.

A masked tap leaves a hole in the window. A layer's input passes by its mixer, so that distance 0 is never masked.
"""

import functools
from dataclasses import dataclass

from lolameme.study import architectures, plugins
from lolameme.study.config import Study
from lolameme.study.settings import Model

Window = tuple[int, ...]  # distances in tokens, rising, 0 first
ACCOUNTS = ("one filter", "added up", "long filter")
FIRST = ACCOUNTS[0]  # the account that bounds in figures and warnings follow
FARTHEST = 64  # tokens: no lookup is asked to reach farther


@dataclass(frozen=True)
class Route:
    """How a stack can recall, by an account."""

    kind: str  # lookup, direct, carrying, none
    window: Window | None  # None: the account sets no bound


def route(architecture: str, model: Model, account: str = FIRST) -> Route:
    """The route of a stack and what it sees, by one of the `ACCOUNTS`."""
    mixers, model = architectures.pattern(architecture, model.layers), architectures.model_of(architecture, model)
    lookups = [layer for layer, mixer in enumerate(mixers) if _constant(mixer, "LOOKS_UP")]
    if len(lookups) > 1:
        return Route("carrying", None)
    if lookups:
        return Route("lookup", _window(mixers[: lookups[0] + 1], model, account))
    if any(_constant(mixer, "LONG_FILTER") for mixer in mixers):
        return Route("direct", _window(mixers, model, account))
    return Route("none", None)


def _window(mixers: tuple[str, ...], model: Model, account: str) -> Window:
    """What the filters of these layers see together."""
    seen = [lags(mixer, model) for mixer in mixers]
    if account == FIRST:
        return max(seen, key=lambda window: (window[-1], len(window)))
    if account == "long filter" and any(_constant(mixer, "LONG_FILTER") for mixer in mixers):
        return reaching(FARTHEST)
    return functools.reduce(_one_after_the_other, seen)


def _one_after_the_other(first: Window, second: Window) -> Window:
    return tuple(lag for lag in sorted({a + b for a in first for b in second}) if lag <= FARTHEST)


def lags(mixer: str, model: Model) -> Window:
    """What a mixer's short filter and the way around it see; 0 alone if it has none.

    Its file says `TAPS`: how many, or the setting of the model that says so.
    """
    found = plugins.constants("mixer", mixer).get("TAPS", 1)
    taps = model.hyena.short_filter if found == architectures.SHORT_FILTER else found
    return (0, *(lag for lag in range(1, taps) if lag not in model.hyena.masked_taps))


def reaching(reach: int) -> Window:
    """The window without holes up to a reach."""
    return tuple(range(reach + 1))


def whole(window: Window) -> bool:
    """Whether a window has no holes."""
    return len(window) == window[-1] + 1


def holed(study: Study) -> list[Window]:
    """All windows with holes of a study's stacks, by any account."""
    windows = {route(stack, study.model, account).window for stack in study.stacks for account in ACCOUNTS}
    return sorted(window for window in windows if window and not whole(window))


def written(window: Window) -> str:
    """A window as text: `0-4`, or with all its distances where it has holes, `0+2`."""
    return f"0-{window[-1]}" if whole(window) else "+".join(map(str, window))


def _constant(mixer: str, name: str) -> bool:
    return plugins.constants("mixer", mixer).get(name, False)
