"""Roots: generated, pronounceable, lower-case halves of names, of syllables consonant-vowel-(coda): `ka`, `den`."""

import numpy as np

_CONSONANTS = "bdfgklmnprstvz"
_VOWELS = "aeiou"
_CODAS = ("", "", "l", "n", "r", "s")


def draw_roots(sizes: list[int], rng: np.random.Generator, known: list[list[str]] | None = None) -> list[list[str]]:
    """Draw one set of new roots per size; `known` are the roots each set holds already.

    Roots are distinct across all sets, and none is a prefix of another of its set, so that a name can be taken apart
    without a separator. Small sets have roots of one syllable (consonant, vowel, at times one of l n r s), larger
    sets of two or three.
    """
    known = known or [[] for _ in sizes]
    taken = {root for roots in known for root in roots}
    return [_draw_set(size, old, taken, rng) for size, old in zip(sizes, known, strict=True)]


def _draw_set(size: int, known: list[str], taken: set[str], rng: np.random.Generator) -> list[str]:
    """`size` roots that fit beside `known`; adds them to `taken`."""
    total = size + len(known)
    syllables = 1 if total <= 20 else 2 if total <= 2000 else 3
    roots = dict.fromkeys(known)  # a set that keeps its order
    prefixes = {root[:i] for root in known for i in range(1, len(root) + 1)}
    while len(roots) < total:
        root = "".join(_syllable(rng) for _ in range(syllables))
        heads = {root[:i] for i in range(1, len(root) + 1)}
        if root not in taken and root not in prefixes and heads.isdisjoint(roots):
            roots[root] = None
            taken.add(root)
            prefixes |= heads
    return list(roots)[len(known) :]


def _syllable(rng: np.random.Generator) -> str:
    c, v, k = rng.integers(0, [len(_CONSONANTS), len(_VOWELS), len(_CODAS)])
    return _CONSONANTS[c] + _VOWELS[v] + _CODAS[k]
