"""Drawing without replacement, many rows at once."""

import numpy as np


def sample_distinct(pool: np.ndarray, count: int, picks: int, rng: np.random.Generator) -> np.ndarray:
    """(count, picks) rows of distinct members of `pool`: a partial Fisher-Yates shuffle of all rows at once.

    The decks are not laid out: pick i swaps places i and j of a deck, and what lies at a place is followed back through
    the swaps. Memory is that of the picks, whatever the size of the pool.
    """
    swapped = np.empty((picks, count), np.int64)  # place j of each swap
    left = np.empty((picks, count), np.int64)  # what it left there: the card that lay at place i
    chosen = np.empty((picks, count), np.int64)
    for i in range(picks):
        swapped[i] = rng.integers(i, len(pool), count)
        for card, place in ((chosen[i], swapped[i]), (left[i], np.full(count, i))):
            card[:] = place
            for earlier in range(i):
                np.copyto(card, left[earlier], where=swapped[earlier] == place)
    return pool[chosen.T]
