"""What the account predicts of a stack before it is trained: a bound of its exact match, and where its attention binds.

The account: to recall a variable, the place of its value must carry its name, and the query must find that place. One
short filter of w taps, below the layer that looks things up or in it, carries w - 1 tokens forward; reach does not add
up over layers. So, from the mixers of a stack and the data alone:

    lookup    one layer looks things up (attention of any kind): its reach is that of the longest short filter below it
              or in it, and 0 where there is none, as for attention in layer 1
    direct    no layer looks things up, but long filters act at the answer sign: the reach of their short filters
    carrying  two layers or more look things up: the lower one can carry names over any distance, so there is no bound;
              whether training finds this is a matter of optimisation, of which the account says nothing
    none      neither: there is nothing to look up with, and the account says nothing

Above the bound nothing should lie; that a stack gets there is not predicted. Of a hybrid with one attention layer the
account also says which position is best: as low as binding allows, because every further layer below makes learning
slower, with one layer more above the first lookup for every lookup that follows on another.

This is a hypothesis, not a theorem: long filters can carry names over any distance, and reach can add up over layers.
It held in the 25 runs from which it was made, and failed in the first ones that it had not seen (depth 3, 400 steps,
one seed, variants of studies/reach.yaml): T HEX-3 with two taps reached 0.84 on `near`, where 0.45 was the bound, and
T HEX-2 with two taps 1.00 on the locals of `whole`, where 0.47 was. So a bound says what is not expected, and the
report counts how often it fails.
"""

import dataclasses
import itertools
import operator
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from lolameme.data.dataset import Builder
from lolameme.data.reach import Guesser, in_memory
from lolameme.study import architectures, plugins
from lolameme.study.config import Study
from lolameme.study.settings import Model

MISSES_NOTHING = 0.999  # exact match from which on a bound leaves nothing out of reach
COLUMNS = {
    "variant": str,
    "world": int,
    "architecture": str,
    "split": str,
    "route": str,
    "reach": "Int64",
    "needed": int,
    "lookups": int,
    "looked_up": float,
    "unbound": float,
    "bound": float,
    "error": float,
}
PAYS = 0.05  # exact match by which a bound must exceed that of reach 0 for a position to matter


@dataclass(frozen=True)
class Route:
    """How a stack can recall, by its mixers alone."""

    kind: str  # lookup, direct, carrying, none
    reach: int | None  # tokens; None: the account sets no bound


def route(architecture: str, model: Model) -> Route:
    """The route of a stack and its reach."""
    mixers, model = architectures.pattern(architecture, model.layers), architectures.model_of(architecture, model)
    lookups = [layer for layer, mixer in enumerate(mixers) if _constant(mixer, "LOOKS_UP")]
    if len(lookups) > 1:
        return Route("carrying", None)
    if lookups:
        return Route("lookup", max(taps(mixer, model) - 1 for mixer in mixers[: lookups[0] + 1]))
    if any(_constant(mixer, "LONG_FILTER") for mixer in mixers):
        return Route("direct", max(taps(mixer, model) - 1 for mixer in mixers))
    return Route("none", None)


def taps(mixer: str, model: Model) -> int:
    """Taps of a mixer's short filter; 1 if it has none. Its file says `TAPS`: how many, or which setting does."""
    found = plugins.constants("mixer", mixer).get("TAPS", 1)
    return operator.attrgetter(found)(model) if isinstance(found, str) else found


def bounds(guessers: dict[str, Guesser]) -> pd.DataFrame:
    """One row per split and reach, up to the least reach that misses nothing: what the best guesser gets right."""
    rows = [
        {"split": split, **dataclasses.asdict(bound), "lookups": found.lookups, "looked_up": found.looked_up}
        for split, found in guessers.items()
        for bound in found.profile()
    ]
    return pd.DataFrame(rows)


def predictions(study: Study, reached: dict[tuple[str, int], pd.DataFrame]) -> pd.DataFrame:
    """One row per variant, world, architecture and test split, from the `bounds` by variant and world.

    `bound` is NaN where the account sets none, `unbound` is that of reach 0, `needed` the least reach that misses
    nothing. `binds`: something is looked up, and nothing lies out of reach. `best` marks the position of the attention
    layer, among those of one family, that the account expects to end best on `test`, `middle` the one in the middle of
    the stack; they are the same for all splits and worlds.
    """
    rows = []
    for (variant, world), table in reached.items():
        for architecture, (split, found) in itertools.product(study.stacks, table.groupby("split", sort=False)):
            way, last = route(architecture, study.model), len(found) - 1  # a row per reach, from 0 on
            bound = found.iloc[min(way.reach, last)] if way.reach is not None else pd.Series(dtype=float)
            none = found.iloc[0]
            measured = (none["lookups"], none["looked_up"], none["exact_match"])
            known = (bound.get("exact_match"), bound.get("error"))
            rows.append((variant, world, architecture, split, way.kind, way.reach, last, *measured, *known))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    table["binds"] = (table["lookups"] > 0) & (table["bound"] > MISSES_NOTHING)
    best = set(_best(study, table))
    table["best"] = [pair in best for pair in zip(table["variant"], table["architecture"], strict=True)]
    table["middle"] = table["architecture"].map(_position) == study.model.layers // 2 + 1
    return table


def _best(study: Study, table: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Variants with the architectures whose position is expected to be best: one per family, where binding pays."""
    test = table[table["split"] == "test"].groupby(["variant", "architecture"], sort=False)
    bound, unbound, lookups = test["bound"].mean(), test["unbound"].mean(), test["lookups"].max()
    for variant in study.variants:
        families: dict[str, list[str]] = {}
        for name in study.stacks:
            if _position(name) and bound[variant, name] > unbound[variant, name] + PAYS:
                families.setdefault(without_position(name), []).append(name)
        for names in families.values():
            high_enough = [name for name in names if _position(name) >= 1 + lookups[variant, name]]
            yield variant, min(high_enough, key=_position) if high_enough else max(names, key=_position)


def _position(architecture: str) -> int | None:
    """Where a Hyena stack has its one attention layer."""
    found = architectures.positions(architecture) if architectures.family(architecture) == "thex" else ()
    return found[0] if len(found) == 1 else None


def without_position(architecture: str) -> str:
    """An architecture without the position of its attention layer."""
    position = _position(architecture)
    return architecture.replace(f"-{position}", "", 1) if position else architecture


def _constant(mixer: str, name: str) -> bool:
    return plugins.constants("mixer", mixer).get(name, False)


def warnings(study: Study, programs: int = 200) -> Iterator[str]:
    """Per variant a sentence on the architectures for which names on its test split lie out of reach."""
    for variant in study.variants:
        found = in_memory(Builder(study, variant), "test", programs)
        if not found.lookups:
            continue
        profile = found.profile()
        short: dict[int, list[str]] = {}
        for name in study.stacks:
            reach = route(name, study.model).reach
            if reach is not None and profile[min(reach, len(profile) - 1)].exact_match < MISSES_NOTHING:
                short.setdefault(reach, []).append(name)
        for reach, names in sorted(short.items()):
            most, needed = profile[reach].exact_match, len(profile) - 1
            yield (
                f"{variant}: {_listed(names)}: not expected above {most:.2f} on test: a lookup must see "
                f"{needed} token{'s' if needed > 1 else ''} back, and theirs sees {reach}; {_remedy(reach, needed)}"
            )


def _listed(names: list[str]) -> str:
    """Architectures in words; positions that follow one another as a range."""
    runs: list[list[str]] = []
    for name in names:
        last = runs[-1][-1] if runs else ""
        follows = (
            _position(name)
            and _position(last) == _position(name) - 1
            and without_position(last) == without_position(name)
        )
        if follows:
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def _remedy(reach: int, needed: int) -> str:
    if not reach:
        return "no short filter lies below the attention layer or in it (put Hyena below: thex-2)"
    taps = needed + 1
    return f"give the short filter {taps} taps (thex-2@{taps}, or model.hyena.short_filter), or names fewer tokens"
