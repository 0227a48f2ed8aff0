"""What the account predicts of a stack before it is trained: a bound of its exact match, and where its attention binds.

Each account (`data/accounts.py`) says what a stack sees; the best guesser that sees so much (`data/reach.py`) bounds
its exact match. Above the bound nothing should lie; that a stack gets there is not predicted. Of a hybrid with one
attention layer an account also says which position is best: the lowest of those with the highest bound, because every
further layer below makes learning slower, with one layer more above the first lookup for every lookup that follows on
another.

These are hypotheses, not theorems. The first, one filter, held in the 25 runs from which it was made, and failed in
the first ones that it had not seen (depth 3, 400 steps, one seed): T HEX-3 with two taps reached 0.84 on `near` of
studies/reach.yaml, where 0.45 was the bound, and T HEX-2 with two taps 1.00 on locals with names of three tokens beside
globals, where 0.47 was.
The two others were made after these runs and before any of studies/reach.yaml. A bound says what is not expected; the
report counts, by the same rule for all accounts, how often each fails.
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from lolameme.data.accounts import ACCOUNTS, Window, reaching, route, whole, written
from lolameme.data.dataset import Builder
from lolameme.data.reach import Guesser, in_memory
from lolameme.study import architectures
from lolameme.study.config import Study
from lolameme.study.exhibits import CELL, Column

MISSES_NOTHING = 0.999  # exact match from which on a bound leaves nothing out of reach
WINDOW = Column(str, "the distances at which the guesser sees a name, such as 0-2; empty: no bound is set", "tokens")
REACH = {  # of a variant's reach.parquet: what the best guesser of every window gets right on every split
    "split": Column(str, "the test split"),
    "window": WINDOW,
    "reach": Column(int, "the farthest of them", "tokens"),
    "exact_match": Column(float, "of the best guesser of that window", "share"),
    "error": Column(float, "its standard error over programs", "share"),
    "lookups": Column(int, "the most lookups, one after the other, that an answer needs", "lookups"),
    "looked_up": Column(float, "queries that read a binding of the program", "share"),
}
MEASURED = {
    "variant": CELL["variant"],
    "world": Column(int, "seed of the world"),
    "architecture": CELL["architecture"],
    "split": REACH["split"],
    "account": Column(str, "of what carries a name to its value, see `data/accounts.py`"),
    "route": Column(str, "how the stack can recall by it"),
    "window": WINDOW,
    "reach": Column(int, "the farthest distance of the window; empty: no bound is set", "tokens"),
    "needed": Column(int, "the least reach that misses nothing", "tokens"),
    "lookups": REACH["lookups"],
    "looked_up": REACH["looked_up"],
    "unbound": Column(float, "exact match of reach 0", "share"),
    "bound": Column(float, "exact match that nothing should lie above; NaN: none is set", "share"),
    "error": Column(float, "standard error of the bound over programs", "share"),
}
PREDICTIONS = {
    **MEASURED,
    "binds": Column(bool, "something is looked up, and nothing lies out of reach"),
    "best": Column(bool, "its position is expected to end best on `test`, of those of its family"),
    "middle": Column(bool, "its attention stands in the middle"),
}
PAYS = 0.05  # exact match by which a bound must exceed that of reach 0 for a position to matter
TIE = 0.02  # exact match by which positions must differ to be told apart


def bounds(guessers: dict[str, Guesser], holed: Iterable[Window] = ()) -> pd.DataFrame:
    """What the best guesser gets right: a row per split and reach, up to the least that misses nothing, and per split
    and window with holes."""
    rows = []
    for split, guesser in guessers.items():
        about = {"lookups": guesser.lookups, "looked_up": guesser.looked_up}
        for bound in [*guesser.profile(), *map(guesser.bound, holed)]:
            known = {"exact_match": bound.exact_match, "error": bound.error}
            rows.append({"split": split, "window": written(bound.window), "reach": bound.window[-1], **known, **about})
    return pd.DataFrame(rows)


def predictions(study: Study, reached: dict[tuple[str, int], pd.DataFrame]) -> pd.DataFrame:
    """One row per variant, world, architecture, test split and account, from the `bounds` by variant and world.

    `bound` is NaN where the account sets none, `unbound` is that of reach 0, `needed` the least reach that misses
    nothing. `binds`: something is looked up, and nothing lies out of reach. `best` marks the position of the attention
    layer, among those of one family, that the account expects to end best on `test`, `middle` the one in the middle of
    the stack; they are the same for all splits and worlds.
    """
    rows = []
    for (variant, world), table in reached.items():
        splits = [(split, found.set_index("window")) for split, found in table.groupby("split", sort=False)]
        measured_splits = [(split, found, _needed(found)) for split, found in splits]
        stacks = study.stacks_of(variant)
        for name, (split, found, needed), account in itertools.product(stacks, measured_splits, ACCOUNTS):
            way = route(name, study.model, account)
            key = (variant, world, name, split, account, way.kind)
            seen = (None, None) if way.window is None else (written(way.window), way.window[-1])
            none = found.loc["0-0"]
            measured = (none["lookups"], none["looked_up"], none["exact_match"])
            bound = pd.Series(dtype=float) if way.window is None else found.loc[_row(way.window, needed)]
            rows.append((*key, *seen, needed, *measured, bound.get("exact_match"), bound.get("error")))
    types: dict[str, Any] = {name: column.type for name, column in MEASURED.items()}
    table = pd.DataFrame(rows, columns=list(types)).astype(types | {"window": "string", "reach": "Int64"})  # with gaps
    table["binds"] = (table["lookups"] > 0) & (table["bound"] > MISSES_NOTHING)
    best = {(account, *pair) for account in ACCOUNTS for pair in _best(study, table[table["account"] == account])}
    keys = table[["account", "variant", "architecture"]].itertuples(index=False, name=None)
    table["best"] = [key in best for key in keys]
    table["middle"] = table["architecture"].map(_position) == study.model.layers // 2 + 1
    return table


def _needed(found: pd.DataFrame) -> int:
    """The least reach that misses nothing, of the bounds of a split by window: the last one without holes."""
    without_holes = found.index == found["reach"].map(lambda reach: written(reaching(reach)))
    return int(found.loc[without_holes, "reach"].max())


def _row(window: Window, needed: int) -> str:
    """Which of the bounds of a split is a window's: beyond the reach needed nothing changes."""
    return written(reaching(min(window[-1], needed)) if whole(window) else window)


def _best(study: Study, table: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Variants with the architectures whose position is expected to be best: one per family, where binding pays."""
    test = table[table["split"] == "test"].groupby(["variant", "architecture"], sort=False)
    bound, unbound, lookups = test["bound"].mean(), test["unbound"].mean(), test["lookups"].max()
    for variant in study.variants:
        families: dict[str, list[str]] = {}
        for name in study.stacks_of(variant):
            if _position(name) and bound[variant, name] > unbound[variant, name] + PAYS:
                families.setdefault(without_position(name), []).append(name)
        for names in families.values():
            highest = max(bound[variant, name] for name in names)
            able = [name for name in names if bound[variant, name] > highest - TIE]
            high_enough = [name for name in able if _position(name) >= 1 + lookups[variant, name]]
            yield variant, min(high_enough, key=_position) if high_enough else max(able, key=_position)


def _position(architecture: str) -> int | None:
    """Where a Hyena stack has its one attention layer."""
    found = architectures.positions(architecture) if architectures.family(architecture) == "thex" else ()
    return found[0] if len(found) == 1 else None


def without_position(architecture: str) -> str:
    """An architecture without the position of its one attention layer; other stacks are as they are."""
    return architectures.without_position(architecture) if _position(architecture) else architecture


def warnings(study: Study, programs: int = 200) -> Iterator[str]:
    """Per variant a sentence on the architectures for which names on its test split lie out of reach of one filter."""
    for variant in study.variants:
        found = in_memory(Builder(study, variant), "test", programs)
        if not found.lookups:
            continue
        needed = found.profile()[-1].window[-1]
        alike: dict[Window, list[str]] = {}
        for name in study.stacks_of(variant):
            if window := route(name, study.model).window:
                alike.setdefault(window, []).append(name)
        for window, names in sorted(alike.items(), key=lambda pair: (pair[0][-1], pair[0])):
            most = found.bound(window).exact_match
            if most < MISSES_NOTHING:
                yield (
                    f"{variant}: {_listed(names)}: not expected above {most:.2f} on test: a lookup must see "
                    f"{needed} token{'s' if needed > 1 else ''} back, and theirs sees {_sees(window)}; "
                    f"{_remedy(window, needed)}"
                )


def _sees(window: Window) -> str:
    """How far back a window sees, in words."""
    if whole(window):
        return str(window[-1])
    missing = [str(lag) for lag in range(window[-1]) if lag not in window]
    return f"{window[-1]}, but not what stands {' or '.join(missing)} back"


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


def _remedy(window: Window, needed: int) -> str:
    if window == (0,):
        return "no short filter lies below the attention layer or in it (put Hyena below: thex-2)"
    if not whole(window):
        return "its filter has masked taps (leave them in: thex-2@3 instead of thex-2@3-1)"
    taps = needed + 1
    return f"give the short filter {taps} taps (thex-2@{taps}, or model.hyena.short_filter), or names fewer tokens"
