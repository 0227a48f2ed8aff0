"""Prompts: all that stands before an answer. None that is tested was trained on.

Programs are kept apart by a number per prompt while they are drawn; what was written is then compared as text.
"""

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from lolameme.base.files import open_table, read_table
from lolameme.base.seeds import generator
from lolameme.tasks.lexemes import Ragged, starts


class LeakError(RuntimeError):
    """A prompt of a held-out split is in train."""


def hash_prompts(tokens: Ragged, answers: Ragged, start: np.ndarray, name: str = "tokens") -> np.ndarray:
    """(answers,) uint64 hashes of all tokens before each answer, however they are spread over programs and files.

    `answers` has a row per program, `start` says where each answer begins, `name` chooses the random factors. A hash is
    the sum of a random number per token times b**place, modulo 2**64 with b odd: so one running sum over all programs
    holds every prompt, and a division by b**place of the program's start makes prompts comparable.
    """
    rng = generator(0, "prompt hash", name)
    by_token = rng.integers(0, 2**64, 65536, np.uint64)
    base = int(rng.integers(0, 2**63)) * 2 + 1
    powers, inverse = (_powers(b, 1 << len(tokens.flat).bit_length()) for b in (base, pow(base, -1, 2**64)))
    terms = by_token[tokens.flat]
    terms *= powers[: len(terms)]
    total = np.concatenate([[np.uint64(0)], np.cumsum(terms, dtype=np.uint64)])
    first = np.repeat(tokens.offsets[:-1], answers.lengths)
    return (total[first + start] - total[first]) * inverse[first]


@functools.cache
def _powers(base: int, count: int) -> np.ndarray:
    """(count,) powers of `base` modulo 2**64."""
    return np.cumprod(np.concatenate([[np.uint64(1)], np.full(count - 1, base, np.uint64)]), dtype=np.uint64)


def among(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which of `values` are in `known`, which is sorted."""
    if not len(known):
        return np.zeros(len(values), bool)
    return known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values


def first_of_each(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """(N,) bool: the first of equal values, among those `where` is true."""
    first, places = np.zeros(len(values), bool), np.flatnonzero(where)
    first[places[np.unique(values[places], return_index=True)[1]]] = True
    return first


def ragged(column: pa.ChunkedArray) -> Ragged:
    """A column of lists or of texts (as UTF-8) as one flat array with offsets."""
    array = column.combine_chunks()
    if pa.types.is_string(array.type):
        _, ends, data = array.buffers()
        offsets = np.frombuffer(ends, np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
        flat = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    else:
        offsets, flat = np.asarray(array.offsets, np.int64), array.flatten().to_numpy()
    return Ragged(flat, offsets - offsets[0])


def stored_prompts(path: Path) -> np.ndarray:
    """The numbers of all prompts of a written split."""
    return ragged(read_table(path, ["prompt"])["prompt"]).flat


def check_leaks(train: Path, others: list[Path]) -> dict[str, int]:
    """Read the written splits again and compare all prompts as text; says how many there were.

    Raises LeakError if a prompt to test on is in train. Independent of the hashes of tokens that kept them apart:
    here texts are hashed, and where hashes meet, the texts themselves are compared.
    """
    held_out = np.concatenate([hashes for path in others for _, hashes in text_prompts(path)])
    known, compared = np.unique(held_out), 0
    for table, hashes in text_prompts(train):
        compared += len(hashes)
        suspects = np.flatnonzero(among(hashes, known))
        if len(suspects):
            prompts = list(prompts_of(table))
            found = {prompts[i] for i in suspects}
            for path in others:
                for prompt in prompts_of(read_table(path)):
                    if prompt in found:
                        raise LeakError(f"{train}: the prompt {prompt!r} of split {path.stem!r} is in train")
    return {"train_prompts": compared, "held_out_prompts": len(held_out), "shared": 0}


def text_prompts(path: Path) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """The row groups of a written split, each with the hashes of its prompts, by bytes."""
    for table in row_groups(path, ["text", "answer_start"]):
        text, begin = ragged(table["text"]), ragged(table["answer_start"])
        place = begin.flat
        character = (text.flat & 0xC0) != 0x80  # bytes that start one
        if not character.all():
            first = np.repeat(starts(character)[text.offsets[:-1]], begin.lengths)
            place = np.flatnonzero(character)[first + place] - np.repeat(text.offsets[:-1], begin.lengths)
        yield table, hash_prompts(text, begin, place, "text")


def row_groups(path: Path, columns: list[str]) -> Iterator[pa.Table]:
    """A written split, row group by row group."""
    with open_table(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns=columns)


def texts(path: Path, most: int | None = None) -> Iterator[str]:
    """The programs of a written split, or its first `most`; no more row groups are read than these take."""
    return itertools.islice((text for table in row_groups(path, ["text"]) for text in table["text"].to_pylist()), most)


def prompts_of(table: pa.Table) -> Iterator[str]:
    """The prompt of every query of a split: all text before its answer."""
    for text, begins in zip(table["text"].to_pylist(), table["answer_start"].to_pylist(), strict=True):
        for begin in begins:
            yield text[:begin]
