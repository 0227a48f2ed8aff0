"""From a variant's knobs to Parquet: the world, the tokenizer and all splits, streamed in row groups.

Memory stays bounded however many programs are asked for. Splits to test on are drawn first; a training program that
holds one of their prompts is thrown away, so that nothing tested was seen.
"""

import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from lolameme import config
from lolameme.files import atomic, write_json, write_text
from lolameme.languages.programs import ASSIGN, QUERY, Programs, draw_programs
from lolameme.languages.rendering import Ragged, Rendered, Renderer
from lolameme.languages.surface import Lexicon, build_lexicon
from lolameme.languages.tokenizer import lexeme_table, train_tokenizer
from lolameme.languages.world import World, build_world
from lolameme.seeds import generator

CHUNK = 16384  # programs per row group
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
    "operands": pa.int8(),
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


class LeakError(RuntimeError):
    """A prompt of a held-out split is in train."""


class Builder:
    """Writes the files of one variant. Every part is a function of the configuration, so parts can be written apart."""

    def __init__(self, study: config.Study, name: str):
        self.variant, self.name, self.seed = study.variants[name], name, study.world_seed
        self.programs = self.variant.programs()
        names = tuple(dict.fromkeys(lang for p in self.programs.values() for lang in p.languages))
        self.world = build_world(self.variant.world, self.seed, names, self.variant.taught_in)
        self.lexicons = {n: build_lexicon(self.world, n, study.languages[n], self.seed) for n in names}
        self.renderer = Renderer(self.world, self.lexicons)

    def write_world(self, folder: Path) -> None:
        """Write `world.json` and `tokenizer.json`; raises ConfigError if some split cannot be drawn or tokenised."""
        self.check_splits()
        tokenizer = train_tokenizer(self.variant.tokenizer, self.corpus(), self.renderer.texts)
        write_text(folder / "world.json", world_json(self.world, self.lexicons))
        write_text(folder / "tokenizer.json", tokenizer.to_str(pretty=True))

    def check_splits(self) -> None:
        """Raise ConfigError if the world leaves nothing to draw some split from."""
        for split, knobs in self.programs.items():
            try:
                draw_programs(self.world, knobs, 1, generator(self.seed, "check"))
            except config.ConfigError as error:
                raise config.ConfigError(f"variants.{self.name}: split {split}: {error}") from None

    def write_train(self, folder: Path) -> None:
        """Write `train.parquet`, apart from all other splits, and `dataset.json`: sizes and content hashes.

        Raises ConfigError if hardly any program is left to train on, LeakError if a held-out prompt got into train.
        """
        others = [folder / f"{split}.parquet" for split in self.programs if split != "train"]
        held_out = np.unique(np.concatenate([stored_prompts(path) for path in others]))
        self.write_split("train", folder, held_out if self.variant.holdout else None)
        if self.variant.holdout:
            check_leaks(folder / "train.parquet", others)
        splits = {split: split_facts(folder / f"{split}.parquet") for split in self.programs}
        content = hashlib.sha256("".join(facts["content"] for facts in splits.values()).encode()).hexdigest()
        vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
        write_json(folder / "dataset.json", {"content": content, "vocabulary": vocabulary, "splits": splits})

    def size(self, split: str) -> int:
        """Programs in a split; when nothing is held out, a split to test on has every fact once."""
        sizes = self.variant.sizes
        if split != "train" and not self.variant.holdout:
            return sum(int(mask.sum()) for mask in self.world.taught.values())
        return {"train": sizes.train, "valid": sizes.valid}.get(split, sizes.test)

    def corpus(self) -> list[str]:
        """Texts for the tokenizer: the first training programs."""
        count = min(_CORPUS, max(self.size("train"), self.size("test")))
        first = next(self.chunks("train", count))[1]
        text = self.renderer.text(first)[0]
        data, ends = text.flat.tobytes(), text.offsets
        return [data[a:b].decode() for a, b in itertools.pairwise(ends)]

    def chunks(self, split: str, size: int = CHUNK) -> Iterator[tuple[Programs, Rendered]]:
        """An endless stream of drawn and rendered programs."""
        chunk = 0
        while True:
            rng = generator(self.seed, self.name, split, chunk)
            fact = None if self.variant.holdout else chunk * size
            programs = draw_programs(self.world, self.programs[split], size, rng, fact)
            yield programs, self.renderer.render(programs, rng)
            chunk += 1

    def write_split(self, split: str, folder: Path, held_out: np.ndarray | None = None) -> None:
        """Write one split, leaving out programs with a prompt whose hash is in `held_out`."""
        table = lexeme_table(Tokenizer.from_file(str(folder / "tokenizer.json")), self.renderer)
        digest, written, drawn, longest, count = hashlib.sha256(), 0, 0, 0, self.size(split)
        schema = SCHEMA.with_metadata(
            {
                "seed": str(self.seed),
                "variant": self.name,
                "world": self.variant.world.model_dump_json(),
                "program": self.programs[split].model_dump_json(),
            }
        )
        with (
            atomic(folder / f"{split}.parquet") as path,
            pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer,
        ):
            size = min(CHUNK, count)
            for programs, rendered in self.chunks(split, size):
                tokens, spans = self.renderer.tokens(rendered, table)
                kept, drawn = programs.pairs(self.programs[split].pairs), drawn + len(programs)
                if held_out is not None:
                    seen = np.isin(hash_prompts(tokens, rendered.answers, spans[0]), held_out)
                    kept &= ~np.logical_or.reduceat(seen, rendered.answers.offsets[:-1])
                fresh = np.flatnonzero(kept)
                if written + len(fresh) < 0.001 * drawn and drawn >= _CORPUS:
                    raise config.ConfigError(
                        f"variants.{self.name}: split {split}: almost no program can be kept: it would hold a prompt "
                        "of another split, or a pair of values of the wrong kind (raise stems, heads or assignments, "
                        "lower sizes.test, queries or unseen_pairs)"
                    )
                fresh = fresh[: count - written]
                batch = self.records(split, written, programs, rendered, tokens, spans).take(pa.array(fresh))
                digest.update(hash_rows(batch))
                writer.write_table(batch.cast(schema), row_group_size=CHUNK)
                written += len(fresh)
                longest = max(longest, int(tokens.lengths[fresh].max(initial=0)))
                if written == count:
                    break
            facts = {"programs": str(count), "longest": str(longest), "content": digest.hexdigest()}
            writer.add_key_value_metadata(facts)

    def records(
        self, split: str, first: int, programs: Programs, rendered: Rendered, tokens: Ragged, spans: np.ndarray
    ) -> pa.Table:
        """The rows of one chunk, with the columns of `SCHEMA`."""
        text, characters = self.renderer.text(rendered)
        n, query = len(programs), programs.kind == QUERY  # (N, S)
        digits = pa.array(self.renderer.texts[: self.world.modulus])
        names = pa.array(list(programs.languages))
        before = np.cumsum(programs.kind == ASSIGN, axis=1)
        columns = {
            "answer": digits.take(pa.array(programs.value[query])),
            "answer_start": characters[0],
            "answer_end": characters[1],
            "token_start": spans[0],
            "token_end": spans[1],
            "token_stop": spans[2],
            "language": names.take(pa.array(programs.language[query])),
            "assignments": before[query],
            "operands": programs.expression[query],
            "globals_used": programs.globals_used[query],
            "chain_depth": programs.chain_depth[query],
            "shadowed": programs.shadowed[query],
            "unseen_pair": programs.unseen_pair[query],
            "distance": programs.distance[query],
            "value_share": pa.array(programs.value_share[query], from_pandas=True),
        }
        ends = pa.array(rendered.answers.offsets.astype(np.int32))
        arrays = {
            "id": pa.array(np.arange(first, first + n)),
            "split": pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int8)), [split]).cast(pa.string()),
            "text": pa.StringArray.from_buffers(
                n, pa.py_buffer(text.offsets.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(text.flat))
            ),
            "tokens": pa.ListArray.from_arrays(tokens.offsets.astype(np.int32), pa.array(tokens.flat)),
        } | {
            column: pa.ListArray.from_arrays(ends, pa.array(values).cast(_LISTS[column], safe=False))
            for column, values in columns.items()
        }
        return pa.Table.from_arrays([arrays[f.name] for f in SCHEMA], schema=SCHEMA)


def world_json(world: World, lexicons: dict[str, Lexicon]) -> str:
    """World, languages and their spellings in one document: all an independent interpreter needs."""
    document = json.loads(world.to_json())
    document["languages"] = {
        name: {**lexicon.language.model_dump(), "stems": lexicon.stems, "heads": lexicon.heads}
        for name, lexicon in lexicons.items()
    }
    return json.dumps(document, ensure_ascii=False) + "\n"


def hash_prompts(tokens: Ragged, answers: Ragged, start: np.ndarray) -> np.ndarray:
    """(answers,) uint64 hashes of all tokens before each answer: sums of random products, modulo 2**64."""
    rng = generator(0, "prompt hash")
    position = np.arange(len(tokens.flat)) - np.repeat(tokens.offsets[:-1], tokens.lengths)
    by_token = rng.integers(0, 2**64, 65536, np.uint64)
    by_position = rng.integers(0, 2**64, max(int(tokens.lengths.max(initial=1)), 1), np.uint64) | np.uint64(1)
    total = np.concatenate([[np.uint64(0)], np.cumsum(by_token[tokens.flat] * by_position[position], dtype=np.uint64)])
    first = np.repeat(tokens.offsets[:-1], answers.lengths)
    return total[first + start] - total[first]


def hash_rows(table: pa.Table) -> bytes:
    """A digest of texts and tokens, in order; it does not depend on how Parquet stores them."""
    digest = hashlib.sha256("\n".join(table["text"].to_pylist()).encode())
    digest.update(table["tokens"].combine_chunks().flatten().to_numpy())
    return digest.digest()


def stored_prompts(path: Path) -> np.ndarray:
    """The hashes of all prompts of a written split."""
    table = pq.read_table(path, columns=["tokens", "token_start"])
    tokens, begin = (table[name].combine_chunks() for name in table.column_names)
    ragged = [Ragged(c.flatten().to_numpy(), np.asarray(c.offsets, np.int64)) for c in (tokens, begin)]
    return hash_prompts(ragged[0], ragged[1], ragged[1].flat)


def split_facts(path: Path) -> dict[str, Any]:
    """What the metadata of a written split say: programs, tokens in the longest one, content hash."""
    metadata = pq.read_metadata(path).metadata
    return {
        "programs": int(metadata[b"programs"]),
        "longest": int(metadata[b"longest"]),
        "content": metadata[b"content"].decode(),
    }


def check_leaks(train: Path, others: list[Path]) -> None:
    """Read the written splits again and compare prompts as text; raises LeakError if one to test on is in train.

    Independent of the hashes that kept them apart: prompts are compared as exact strings.
    """
    held_out: dict[str, str] = {}
    for path in others:
        held_out |= dict.fromkeys(prompts_of(path), path.stem)
    for prompt in prompts_of(train):
        if prompt in held_out:
            raise LeakError(f"{train}: the prompt {prompt!r} of split {held_out[prompt]!r} is in train")


def prompts_of(path: Path) -> Iterator[str]:
    """The prompt of every query of a split: all text before its answer."""
    for batch in pq.ParquetFile(path).iter_batches(CHUNK, columns=["text", "answer_start"]):
        for text, begins in zip(batch["text"].to_pylist(), batch["answer_start"].to_pylist(), strict=True):
            for begin in begins:
                yield text[:begin]
