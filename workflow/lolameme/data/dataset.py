"""From a variant's settings and a seed to Parquet: the world, the tokenizer and all splits, streamed in row groups.

Memory stays bounded however many programs are asked for. Splits to test on are drawn first; a training program that
holds one of their prompts is thrown away, so that nothing tested was seen.
"""

import functools
import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lolameme.base.files import atomic, digest, open_table, parquet_checksum, read_table, write_json, write_text
from lolameme.base.seeds import generator
from lolameme.data.tokenizer import lexeme_table, load_tokenizer, train_tokenizer
from lolameme.study import config, plugins
from lolameme.study.sections import ConfigError
from lolameme.tasks.lexemes import Ragged, starts
from lolameme.tasks.task import Drawn, Task

_PROGRAMS = 4096  # programs per row group, at most
_LEXEMES = 2**21  # lexemes that a row group may have, at most
_CORPUS = 20000  # programs the tokenizer learns from, at most
_LISTS = {  # per query
    "answer": pa.string(),
    "answer_start": pa.int32(),
    "answer_end": pa.int32(),
    "token_start": pa.int32(),
    "token_end": pa.int32(),
    "token_stop": pa.int32(),
    "language": pa.string(),
    "assignments": pa.int16(),
    "operands": pa.int16(),
    "globals_used": pa.int8(),
    "chain_depth": pa.int16(),
    "shadowed": pa.bool_(),
    "unseen_pair": pa.bool_(),
    "distance": pa.int16(),
    "value_share": pa.float32(),
}
SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), False),
        pa.field("split", pa.string(), False),
        pa.field("text", pa.string(), False),
        pa.field("tokens", pa.list_(pa.uint16()), False),
        *[pa.field(name, pa.list_(kind), False) for name, kind in _LISTS.items()],
    ]
)

# what a task leaves out: ListOps binds nothing, MQAR computes nothing
_ABSENT = {
    "assignments": 0,
    "operands": 1,
    "globals_used": 0,
    "chain_depth": 0,
    "shadowed": False,
    "unseen_pair": False,
    "distance": -1,
}
# texts do not repeat, and nobody looks a program up by the range of its columns
_WRITING = {
    "compression": "zstd",
    "compression_level": 1,
    "write_statistics": False,
    "write_page_checksum": True,
    "use_dictionary": ["split", "tokens.list.element", *(f"{name}.list.element" for name in _LISTS)],
}


class LeakError(RuntimeError):
    """A prompt of a held-out split is in train."""


class Builder:
    """Writes the files of one variant in one world.

    Every part is a function of configuration and seed, so parts can be written apart.

    Raises ConfigError if some split cannot be drawn.
    """

    def __init__(self, study: config.Study, name: str, world: int | None = None):
        """`world` is the seed of the world and of all programs; without it, that of the study's first world."""
        self.seed = study.world_seeds[0] if world is None else world
        self.variant, self.name = study.variants[name], name
        self.task = build_task(study, name, self.seed)
        self.programs, self.lexemes = self.task.programs, self.task.lexemes

    def write(self, folder: Path) -> None:
        """Write all files of the variant one after another, where the study's rules write each by a job of its own."""
        self.write_world(folder)
        for split in self.programs:
            if split != "train":
                self.write_split(split, folder)
        self.write_train(folder)

    def write_world(self, folder: Path) -> None:
        """Write `world.json` and `tokenizer.json`; raises ConfigError if the vocabulary asked for is too small."""
        tokenizer = train_tokenizer(self.variant.tokenizer, self.task.pattern, self.corpus(), self.lexemes)
        write_text(folder / "tokenizer.json", tokenizer.to_str(pretty=True))
        write_json(folder / "world.json", self.task.document() | {"tokenizer": digest(folder / "tokenizer.json")})

    def write_train(self, folder: Path) -> None:
        """Write `train.parquet`, apart from all other splits, and `dataset.json`: sizes and content hashes.

        Raises ConfigError if hardly any program is left to train on, LeakError if a held-out prompt got into train.
        """
        others = [folder / f"{split}.parquet" for split in self.programs if split != "train"]
        held_out = np.unique(np.concatenate([stored_prompts(path) for path in others]))
        self.write_split("train", folder, held_out if self.variant.held_out else None)
        splits = {split: split_facts(folder / f"{split}.parquet") for split in self.programs}
        leakage = check_leaks(folder / "train.parquet", others) if self.variant.held_out else None
        content = hashlib.sha256("".join(facts["content"] for facts in splits.values()).encode()).hexdigest()
        vocabulary = load_tokenizer(folder).get_vocab_size()
        facts = {"world": self.seed, "content": content, "vocabulary": vocabulary, "leakage": leakage, "splits": splits}
        write_json(folder / "dataset.json", facts)

    def size(self, split: str) -> int:
        """Programs in a split; when nothing is held out, a split to test on has every fact once."""
        sizes, facts = self.variant.sizes, self.task.every_fact()
        if split != "train" and facts is not None:
            return facts
        return {"train": sizes.train, "valid": sizes.valid}.get(split, sizes.test)

    def corpus(self) -> list[str]:
        """Texts for the tokenizer: the first training programs."""
        return self.texts("train", min(_CORPUS, max(self.size("train"), self.size("test")), 20 * self.chunk))

    def texts(self, split: str, count: int) -> list[str]:
        """The first `count` programs drawn for a split, those among them that it will not keep included."""
        text = self.lexemes.text(next(self.chunks(split, count)).rendered)[0]
        data, ends = text.flat.tobytes(), text.offsets
        return [data[a:b].decode() for a, b in itertools.pairwise(ends)]

    @property
    def chunk(self) -> int:
        """Programs drawn at once, and per row group: fewer of them where programs may be long."""
        return max(256, min(_PROGRAMS, _LEXEMES // self.task.longest))

    def chunks(self, split: str, size: int) -> Iterator[Drawn]:
        """An endless stream of drawn programs, `size` at a time."""
        for chunk in itertools.count():
            yield self.task.draw(split, size, generator(self.seed, self.name, split, chunk), chunk * size)

    def write_split(self, split: str, folder: Path, held_out: np.ndarray | None = None) -> None:
        """Write one split, leaving out programs with a prompt whose hash is in `held_out`.

        Programs are drawn, tokenised and written chunk by chunk: memory does not grow with their number.
        """
        table = lexeme_table(load_tokenizer(folder), self.lexemes)
        content, written, drawn, longest, count = hashlib.sha256(), 0, 0, 0, self.size(split)
        made_of = {
            "seed": str(self.seed),
            "variant": self.name,
            "settings": self.variant.model_dump_json(exclude={"about", "training"}),
            "program": self.programs[split].model_dump_json(),
        }
        schema = SCHEMA.with_metadata(made_of)
        with (
            atomic(folder / f"{split}.parquet") as path,
            pq.ParquetWriter(path, schema, **_WRITING) as writer,
        ):
            for part in self.chunks(split, min(self.chunk, count)):
                rendered = part.rendered
                tokens, spans = self.lexemes.tokens(rendered, table)
                kept, drawn = part.kept, drawn + len(part.kept)
                if held_out is not None:
                    seen = among(hash_prompts(tokens, rendered.answers, spans[0]), held_out)
                    kept = kept & ~np.logical_or.reduceat(seen, rendered.answers.offsets[:-1])
                fresh = np.flatnonzero(kept)
                if written + len(fresh) < 0.001 * drawn and drawn >= _CORPUS:
                    raise ConfigError(
                        f"variants.{self.name}: split {split}: almost no program can be kept: it would hold a prompt "
                        "of another split, a pair of values of the wrong kind, or have the wrong length (widen "
                        "program or world, lower sizes.test, queries or unseen_pairs)"
                    )
                fresh = fresh[: count - written]
                if not len(fresh):
                    continue
                ids = written + np.cumsum(kept) - 1
                batch = self.records(split, ids, part, tokens, spans).take(pa.array(fresh))
                content.update(hash_rows(batch))
                writer.write_table(batch.cast(schema), row_group_size=len(batch))
                written += len(fresh)
                longest = max(longest, int(tokens.lengths[fresh].max(initial=0)))
                if written == count:
                    break
            facts = {"programs": str(count), "longest": str(longest), "content": content.hexdigest()}
            sealed = {key.encode(): value.encode() for key, value in (made_of | facts).items()}
            writer.add_key_value_metadata(facts | {"checksum": parquet_checksum(schema, sealed, written)})

    def records(self, split: str, ids: np.ndarray, part: Drawn, tokens: Ragged, spans: np.ndarray) -> pa.Table:
        """The rows of one chunk, with the columns of `SCHEMA`; `ids` (N,) number its programs."""
        rendered = part.rendered
        text, characters = self.lexemes.text(rendered)
        n, queries = len(part.kept), len(rendered.answers.flat)
        words = pa.array([lexeme.strip() for lexeme in self.lexemes.texts])
        columns = {
            "answer": words.take(pa.array(rendered.lexemes.flat[rendered.answers.flat])),
            "answer_start": characters[0],
            "answer_end": characters[1],
            "token_start": spans[0],
            "token_end": spans[1],
            "token_stop": spans[2],
            "language": np.full(queries, self.variant.task),
            **{name: np.full(queries, empty) for name, empty in _ABSENT.items()},
            **part.columns,
        }
        ends = pa.array(rendered.answers.offsets.astype(np.int32))
        arrays = {
            "id": pa.array(ids),
            "split": pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int8)), [split]).cast(pa.string()),
            "text": pa.StringArray.from_buffers(
                n, pa.py_buffer(text.offsets.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(text.flat))
            ),
            "tokens": pa.ListArray.from_arrays(tokens.offsets.astype(np.int32), pa.array(tokens.flat)),
        } | {
            column: pa.ListArray.from_arrays(ends, pa.array(values, from_pandas=True).cast(_LISTS[column], safe=False))
            for column, values in columns.items()
        }
        return pa.Table.from_arrays([arrays[f.name] for f in SCHEMA], schema=SCHEMA)


def build_task(study: config.Study, name: str, world: int) -> Task:
    """The task of a variant in the world of this seed. Raises ConfigError if some split of it cannot be drawn."""
    variant = study.variants[name]
    task: Task = plugins.load("task", variant.task, "generator").Task(variant, study.languages, world)
    for split in task.programs:
        try:
            task.draw(split, 1, generator(task.seed, "check"), 0)
        except ConfigError as error:
            raise ConfigError(f"variants.{name}: split {split}: {error}") from None
    return task


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
    """Which of `values` are in `known`, which is sorted and not empty."""
    return known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values


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


def hash_rows(table: pa.Table) -> bytes:
    """A digest of texts and tokens, in order; it does not depend on how Parquet stores them."""
    digest = hashlib.sha256()
    for column in ("text", "tokens"):
        rows = ragged(table[column])
        digest.update(rows.offsets)
        digest.update(np.ascontiguousarray(rows.flat))
    return digest.digest()


def stored_prompts(path: Path) -> np.ndarray:
    """The hashes of all prompts of a written split, by tokens."""
    table = read_table(path, ["tokens", "token_start"])
    begin = ragged(table["token_start"])
    return hash_prompts(ragged(table["tokens"]), begin, begin.flat)


def split_facts(path: Path) -> dict[str, Any]:
    """What the metadata of a written split say: programs, tokens in the longest one, content hash."""
    with open_table(path) as file:
        metadata = file.metadata.metadata
    return {
        "programs": int(metadata[b"programs"]),
        "longest": int(metadata[b"longest"]),
        "content": metadata[b"content"].decode(),
    }


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


def prompts_of(table: pa.Table) -> Iterator[str]:
    """The prompt of every query of a split: all text before its answer."""
    for text, begins in zip(table["text"].to_pylist(), table["answer_start"].to_pylist(), strict=True):
        for begin in begins:
            yield text[:begin]
