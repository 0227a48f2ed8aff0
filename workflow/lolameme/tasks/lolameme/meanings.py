"""What statements mean, as numbers: equal where they say the same, so that programs can be compared all at once."""

import numpy as np

from lolameme.base.seeds import generator
from lolameme.tasks.lolameme.programs import NONE, QUERY, Programs
from lolameme.tasks.lolameme.world import World


def mixed(**parts: np.ndarray) -> np.ndarray:
    """(N, S) uint64: one number for all that the parts, (N, S) or (N, S, K) each, say.

    A part's entry times a random number of its own, summed modulo 2**64. What is NONE counts for nothing, so that
    programs of different widths can be compared.
    """
    total = np.uint64(0)
    for name, part in parts.items():
        entries = part.reshape(*part.shape[:2], -1)
        factors = generator(0, "meaning", name).integers(0, 2**64, entries.shape[-1], np.uint64)
        total = total + (entries.astype(np.int64) - NONE).astype(np.uint64) @ factors
    return total


def since_asked(p: Programs) -> np.ndarray:
    """(N, S) statements back to the latest query that asked for the same; NONE where none did, and for assignments.

    The same is asked if expressions are equal and their operands read the same bindings.
    """
    meaning = mixed(operands=p.operands, literals=p.literals, operators=p.operators, reads=p.reads)
    query, found = p.kind == QUERY, np.full(p.kind.shape, NONE, np.int16)
    for step in range(1, p.kind.shape[1]):
        for earlier in range(step):
            same = query[:, step] & query[:, earlier] & (meaning[:, step] == meaning[:, earlier])
            found[same, step] = step - earlier
    return found


def nearer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smaller of two distances; the one there is, if one is NONE."""
    return np.where((a == NONE) | (b == NONE), np.maximum(a, b), np.minimum(a, b))


def prompts(p: Programs, world: World, languages: np.ndarray) -> np.ndarray:
    """(N, S) uint64: equal for queries that ask for the same after the same statements.

    `languages` numbers those of the programs in a way that all splits share. Spellings do not count, and a + b is
    b + a where the operator commutes for the types of both.
    """
    operands, literals = p.operands.copy(), p.literals.copy()
    if operands.shape[2] > 1:
        turned = _commutes(p, world) & (
            (operands[:, :, 0] > operands[:, :, 1])
            | ((operands[:, :, 0] == operands[:, :, 1]) & (literals[:, :, 0] > literals[:, :, 1]))
        )
        for part in (operands, literals):
            part[turned, :2] = part[turned, 1::-1]
    meaning = mixed(
        kind=(p.kind == QUERY).astype(np.int8), language=languages[p.language], target=p.target,
        operands=operands, literals=literals, operators=p.operators,
    )  # fmt: skip
    base = generator(0, "meaning", "place").integers(0, 2**63, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    powers = np.cumprod(np.full(p.kind.shape[1], base))
    return np.cumsum(meaning * powers, axis=1, dtype=np.uint64)


def _commutes(p: Programs, world: World) -> np.ndarray:
    """(N, S) bool: the first two operands of the expression may change places."""
    first, second = p.operands[:, :, 0], p.operands[:, :, 1]
    kinds = [np.where(part == NONE, 0, world.types[part]) for part in (first, second)]
    symmetric = (world.tables == world.tables.swapaxes(2, 3)).all((2, 3))  # (operators, types)
    operator = p.operators[:, :, 0]
    return (operator != NONE) & (kinds[0] == kinds[1]) & symmetric[operator, kinds[0]]
