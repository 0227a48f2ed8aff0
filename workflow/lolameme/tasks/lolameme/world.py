"""The world: the hidden truth that all languages of a variant share (roots, types, globals, operator tables)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lolameme.base.seeds import generator
from lolameme.tasks.lolameme.settings import World as Settings
from lolameme.tasks.roots import draw_roots


@dataclass(frozen=True)
class World:
    """One world. A concept c is the pair (stem c // H, head c % H), H the number of heads."""

    modulus: int
    stems: list[str]
    heads: list[str]
    types: np.ndarray  # (concepts,) latent type of each concept
    irregular: np.ndarray  # (concepts,) bool: the type is not that of the head
    globals: np.ndarray  # (n,) concepts with a fixed value
    global_values: np.ndarray  # (n,)
    pool: np.ndarray  # (concepts - n,) concepts free to be local variables
    operators: list[list[str]]  # per operator the base function of each type
    tables: np.ndarray  # (operators, types, m, m): result of a operator b for a left operand of that type
    unseen_pairs: np.ndarray  # (m, m) bool, symmetric: training never computes these two values in either order
    unseen_names: np.ndarray  # (concepts,) bool: local concepts that training never uses
    taught: dict[str, np.ndarray]  # language -> (n,) bool: globals that training programs ask for in it

    @property
    def concepts(self) -> int:
        return len(self.types)

    @property
    def width(self) -> int:
        """Digits of a value: all are padded to the width of m - 1."""
        return len(str(self.modulus - 1))

    def document(self) -> dict[str, Any]:
        """Everything an independent interpreter needs to know of the world, as plain data."""
        value_of = {int(c): int(v) for c, v in zip(self.globals, self.global_values, strict=True)}
        return {
            "modulus": self.modulus,
            "stems": self.stems,
            "heads": self.heads,
            "concepts": [
                {
                    "stem": c // len(self.heads),
                    "head": c % len(self.heads),
                    "type": int(self.types[c]),
                    "irregular": bool(self.irregular[c]),
                    "value": value_of.get(c),
                    "unseen": bool(self.unseen_names[c]),
                }
                for c in range(self.concepts)
            ],
            "operators": [
                {"functions": names, "tables": table.tolist()}
                for names, table in zip(self.operators, self.tables, strict=True)
            ],
            "unseen_pairs": np.argwhere(self.unseen_pairs).tolist(),
            "taught": {language: self.globals[mask].tolist() for language, mask in self.taught.items()},
        }


def build_world(
    settings: Settings, seed: int, languages: tuple[str, ...] = (), taught_in: dict[str, float] | None = None
) -> World:
    """Derive the world from its settings and one seed; the same arguments always give the same world.

    `taught_in` weighs where each global is taught: in `both` (all languages) or in the one language named.
    """
    stems, heads = draw_roots([settings.stems, settings.heads], generator(seed, "roots"))
    concepts = settings.concepts

    rng = generator(seed, "types")
    types = np.tile(balanced(settings.heads, settings.types, rng), settings.stems)  # (concepts,)
    irregular = np.zeros(concepts, bool)
    irregular[rng.permutation(concepts)[: round(settings.irregular * concepts)]] = True
    if settings.types > 1:
        types = np.where(irregular, (types + rng.integers(1, settings.types, concepts)) % settings.types, types)

    rng = generator(seed, "globals")
    order = rng.permutation(concepts)
    n = settings.globals
    pool = np.sort(order[n:])
    hidden = generator(seed, "unseen names").permutation(pool[~irregular[pool]])
    names = [[o] * settings.types if isinstance(o, str) else list(o) for o in settings.operators]
    rng_tables = generator(seed, "tables")
    return World(
        modulus=settings.modulus,
        stems=stems,
        heads=heads,
        types=types,
        irregular=irregular,
        globals=order[:n],
        global_values=balanced(n, settings.modulus, rng),
        pool=pool,
        operators=names,
        tables=np.array([[base_table(f, settings.modulus, rng_tables) for f in functions] for functions in names]),
        unseen_pairs=draw_unseen(settings.modulus, settings.unseen_pairs, generator(seed, "unseen pairs")),
        unseen_names=np.isin(np.arange(concepts), hidden[: round(settings.unseen_names * len(pool))]),
        taught=draw_taught(n, languages, taught_in or {"both": 1.0}, generator(seed, "taught")),
    )


def balanced(count: int, kinds: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) draws from 0..kinds-1 in which all kinds are as frequent as can be, in random order."""
    return rng.permutation(np.resize(rng.permutation(kinds), count))


def draw_unseen(m: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """(m, m) bool: random unordered pairs of values, in both orders, until `share` of all entries is reached."""
    order = rng.permutation(m * (m + 1) // 2)
    first, second = (side[order] for side in np.triu_indices(m))
    entries = np.cumsum(1 + (first != second))  # that the pairs so far take up
    chosen = entries <= round(share * m * m)
    unseen = np.zeros((m, m), bool)
    unseen[first[chosen], second[chosen]] = unseen[second[chosen], first[chosen]] = True
    return unseen


def base_table(function: str, m: int, rng: np.random.Generator) -> np.ndarray:
    """(m, m) results of a base function on Z_m, rows the left operand."""
    a, b = np.arange(m)[:, None], np.arange(m)[None, :]
    match function:
        case "add":
            result = a + b
        case "sub":
            result = a - b
        case "mul":
            result = a * b
        case "max":
            result = np.maximum(a, b)
        case "min":
            result = np.minimum(a, b)
        case "absdiff":
            result = abs(a - b)
        case "first":
            result = a + 0 * b
        case "second":
            result = 0 * a + b
        case "table":
            result = rng.integers(0, m, (m, m))
        case _:
            raise ValueError(f"no base function {function!r}")
    return (result % m).astype(np.int16)


def draw_taught(
    n: int, languages: tuple[str, ...], weights: dict[str, float], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Per language a (n,) mask of the globals taught in it; shares follow `weights` as closely as n allows."""
    names = list(weights)
    bounds = np.round(np.cumsum([weights[k] for k in names]) / sum(weights.values()) * n).astype(int)
    place = np.searchsorted(bounds, rng.permutation(n), side="right")  # (n,) index into names
    return {
        language: np.isin(place, [i for i, name in enumerate(names) if name in ("both", language)])
        for language in languages
    }
