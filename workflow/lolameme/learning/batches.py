"""Programs for training and evaluation: one flat array of tokens in memory, and batches of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from lolameme.base.files import read_table
from lolameme.base.seeds import generator
from lolameme.models.mixer import Layout


@dataclass(frozen=True)
class Batch:
    """Programs, token after token, and what to predict."""

    tokens: Tensor  # (T,) int64
    layout: Layout  # where the tokens lie in (B, L); wanted: (P,) those that predict the token after them
    targets: Tensor  # (P,) that next token, or the answer's where it does not stand there
    answers: Tensor  # (P,) bool: the target belongs to an answer or its end sign

    def side_by_side(self) -> Tensor:
        """(B, L) a program a row, with zeros as padding at the right: as a model without a layout reads them."""
        return self.layout.pad(self.tokens[:, None]).squeeze(2)


# of a split's Parquet file: all that training needs; those where answers stand in the programs have no `target`
COLUMNS = ["tokens", "token_start", "token_stop", "target"]


class Split:
    """One split, resident in memory: tokens of all programs, and a mark on the places of answers."""

    def __init__(self, table: pa.Table):
        tokens = table["tokens"].combine_chunks()
        self.offsets = tokens.offsets.to_numpy().astype(np.int64)  # (N + 1,)
        self.lengths = np.diff(self.offsets)
        self.flat = tokens.flatten().to_numpy()  # (tokens,) uint16
        queries = table["token_start"].combine_chunks()
        begin, stop = (table[c].combine_chunks().flatten().to_numpy() for c in ("token_start", "token_stop"))
        self.queries = np.diff(queries.offsets.to_numpy()).astype(np.int64)  # (N,) queries per program
        first = np.repeat(self.offsets[:-1], self.queries)
        edges = np.zeros(len(self.flat) + 1, np.int8)
        edges[first + begin] += 1  # answers do not overlap: each place is there once
        edges[first + stop] -= 1
        self.answer = np.cumsum(edges, dtype=np.int8)[:-1] > 0  # (tokens,) part of an answer or its end sign
        self.begin, self.stop = begin.astype(np.int64), stop.astype(np.int64)  # (queries,) within their program
        self.targets = self.flat  # (tokens,) what is to be predicted at each place, given those before
        if "target" in table.column_names:  # other tokens stand where answers are due, one each
            self.targets = self.flat.copy()
            self.targets[first + begin] = table["target"].combine_chunks().flatten().to_numpy()

    @classmethod
    def read(cls, path: str | Path) -> "Split":
        """Read a split from Parquet."""
        return cls(read_table(path, COLUMNS))

    def __len__(self) -> int:
        return len(self.lengths)

    def programs_with(self, queries: int) -> int:
        """How many programs, from the first on, ask that many queries or just more; all, if these ask fewer."""
        return min(int(np.searchsorted(np.cumsum(self.queries), queries)) + 1, len(self))

    def batch(self, programs: np.ndarray, all_tokens: bool = False) -> Batch:
        """The given programs; predictions at answers only, or at every token."""
        lengths = self.lengths[programs]
        place = np.arange(lengths.max())
        inside = place < lengths[:, None]  # (B, L)
        index = (self.offsets[programs, None] + place)[inside]  # (T,)
        tokens, answer = self.flat[index].astype(np.int64), self.answer[index]
        predicted = np.ones_like(answer) if all_tokens else answer
        predicted[np.cumsum(lengths) - lengths] = False  # nothing comes before a first token
        ahead = np.flatnonzero(predicted)  # (P,)
        wanted = self.targets[index[ahead]].astype(np.int64)
        made = tokens, np.flatnonzero(inside), ahead - 1, wanted, answer[ahead]
        tokens, places, wanted, targets, answers = map(torch.from_numpy, made)
        return Batch(tokens, Layout(len(inside), inside.shape[1], places, wanted), targets, answers)

    def in_order(self, size: int) -> Iterator[np.ndarray]:
        """All programs in batches of `size`, shortest first."""
        order = np.argsort(self.lengths, kind="stable")
        for start in range(0, len(order), size):
            yield order[start : start + size]


class BatchSampler:
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
