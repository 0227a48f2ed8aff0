"""Every random number comes from a named seed: `generator(1, "world")`, never from a global state."""

import hashlib

import numpy as np


def seed_of(seed: int, *names: str | int) -> int:
    """A 63-bit seed for one purpose, e.g. `seed_of(2, "initialisation")`; other names give unrelated seeds."""
    text = "/".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A NumPy generator for one purpose, seeded by `seed_of`."""
    return np.random.Generator(np.random.PCG64DXSM(seed_of(seed, *names)))
