"""Programs for training and evaluation: one flat array of tokens in memory, and padded batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from lolameme.files import read_table
from lolameme.seeds import generator


@dataclass(frozen=True)
class Batch:
    """Padded programs and the places to predict."""

    tokens: Tensor  # (B, L) int64, padded with 0 at the end
    rows: Tensor  # (P,) program of each prediction
    columns: Tensor  # (P,) position whose output predicts the next token
    targets: Tensor  # (P,) that next token
    answers: Tensor  # (P,) bool: the target belongs to an answer or its end sign
    real_tokens: int  # tokens without padding


COLUMNS = ["tokens", "token_start", "token_stop"]  # of a split's Parquet file: all that training needs


class Split:
    """One split, resident in memory: tokens of all programs, and a mark on those that belong to answers."""

    def __init__(self, table: pa.Table):
        tokens = table["tokens"].combine_chunks()
        self.offsets = np.asarray(tokens.offsets, np.int64)  # (N + 1,)
        self.lengths = np.diff(self.offsets)
        self.flat = tokens.flatten().to_numpy()  # (tokens,) uint16
        queries = table["token_start"].combine_chunks()
        begin, stop = (table[c].combine_chunks().flatten().to_numpy() for c in ("token_start", "token_stop"))
        self.queries = np.diff(np.asarray(queries.offsets, np.int64))  # (N,) queries per program
        first = np.repeat(self.offsets[:-1], self.queries)
        edges = np.zeros(len(self.flat) + 1, np.int32)
        np.add.at(edges, first + begin, 1)
        np.add.at(edges, first + stop, -1)
        self.answer = np.cumsum(edges)[:-1] > 0  # (tokens,) part of an answer or its end sign
        self.begin, self.stop = begin.astype(np.int64), stop.astype(np.int64)  # (queries,) within their program

    @classmethod
    def read(cls, path: str | Path) -> "Split":
        """Read a split from Parquet."""
        return cls(read_table(path, COLUMNS))

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, programs: np.ndarray, everything: bool = False) -> Batch:
        """The given programs, padded; predictions at answers only, or at every token."""
        lengths = self.lengths[programs]
        place = np.arange(lengths.max())
        inside = place < lengths[:, None]  # (B, L)
        index = np.where(inside, self.offsets[programs, None] + place, 0)
        tokens = np.where(inside, self.flat[index], 0).astype(np.int64)
        answer = self.answer[index] & inside
        rows, columns = np.nonzero((inside if everything else answer)[:, 1:])
        arrays = tokens, rows, columns, tokens[rows, columns + 1], answer[rows, columns + 1]
        return Batch(*map(torch.from_numpy, arrays), int(lengths.sum()))

    def in_order(self, size: int) -> Iterator[np.ndarray]:
        """All programs in batches of `size`, shortest first."""
        order = np.argsort(self.lengths, kind="stable")
        for start in range(0, len(order), size):
            yield order[start : start + size]


class Order:
    """The order of training batches: a function of seed and step alone, so that training can resume anywhere.

    Every epoch shuffles all programs anew, and epochs follow each other without a gap. Batches are not sorted by
    length: where length tells names apart (memorisation), that made learning several times slower per step.
    """

    def __init__(self, programs: int, size: int, seed: int):
        self.size, self.seed = size, seed
        self.programs = np.arange(programs).repeat(-(-size // programs))  # at least a batch
        self.per_epoch = len(self.programs) // size
        self.epoch, self.batches = -1, np.zeros((0, size), np.int64)

    def __getitem__(self, step: int) -> np.ndarray:
        """(size,) programs of a step, counted from 0."""
        epoch, batch = divmod(step, self.per_epoch)
        if epoch != self.epoch:
            # the few programs that fill no batch wait for another epoch
            order = generator(self.seed, "order", epoch).permutation(self.programs)
            self.epoch, self.batches = epoch, order[: self.per_epoch * self.size].reshape(-1, self.size)
        return self.batches[batch]
