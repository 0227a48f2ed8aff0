"""From a variant's settings and a seed to Parquet: the world, the tokenizer and all splits, streamed in row groups.

Memory stays bounded however many programs are asked for. Splits to test on are drawn first; a training program that
holds one of their prompts is thrown away, so that nothing tested was seen.
"""

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lolameme.base.files import (
    CHECKSUM,
    PLACE,
    atomic,
    digest,
    open_table,
    parquet_checksum,
    place,
    write_json,
    write_text,
)  # fmt: skip
from lolameme.base.seeds import generator
from lolameme.data.prompts import among, check_leaks, first_of_each, hash_prompts, ragged, stored_prompts
from lolameme.data.tokenizer import lexeme_table, load_tokenizer, train_tokenizer
from lolameme.study import config
from lolameme.study.sections import ConfigError
from lolameme.tasks.columns import columns_of, sliced
from lolameme.tasks.lexemes import Ragged
from lolameme.tasks.task import Drawn, build_task

_PROGRAMS = 4096  # programs per row group, at most
_LEXEMES = 2**21  # lexemes that a row group may have, at most
_CORPUS = 20000  # programs the tokenizer learns from, at most
_UNLIKE = ("id", "text", "prompt")  # columns whose values hardly repeat
# texts do not repeat, and nobody looks a program up by the range of its columns
_WRITING = {
    "compression": "zstd",
    "compression_level": 1,
    "write_statistics": False,
    "write_page_checksum": True,
}
PROGRAM = {  # one value per program: its type and meaning
    "id": (pa.int64(), "number of the program within its split"),
    "split": (pa.string(), "name of the split"),
    "text": (pa.string(), "the program"),
    "tokens": (pa.list_(pa.uint16()), "its tokens, as the tokenizer of the variant writes them"),
}


def schema(task: str, split: str, apart: bool = False) -> pa.Schema:
    """The columns of a split of a task: one row per program, lists of one entry per query.

    `apart`: answers do not stand in the programs.
    """
    return pa.schema(
        [
            *(pa.field(name, kind, False) for name, (kind, _) in PROGRAM.items()),
            *(
                pa.field(name, pa.list_(getattr(pa, column.type + ("_" if column.type == "bool" else ""))()), False)
                for name, column in columns_of(task).items()
                if (split != "train" or column.train) and (apart or not column.apart)
            ),
        ]
    )


class Builder:
    """Writes the files of one variant in one world.

    Every part is a function of configuration and seed, so parts can be written apart.

    Raises ConfigError if some split cannot be drawn.
    """

    def __init__(self, study: config.Study, name: str, world: int | None = None):
        """`world` is the seed of the world and of all programs; without it, that of the study's first world."""
        self.seed = study.world_seeds[0] if world is None else world
        self.variant, self.name, self.asked = study.variants[name], name, study.asked_of_data(name)
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
        self.write_split("train", folder)
        others = [folder / f"{split}.parquet" for split in self.programs if split != "train"]
        splits = {split: split_facts(folder / f"{split}.parquet") for split in self.programs}
        leakage = check_leaks(folder / "train.parquet", others) if self.variant.held_out else None
        content = hashlib.sha256("".join(facts["content"] for facts in splits.values()).encode()).hexdigest()
        vocabulary = load_tokenizer(folder).get_vocab_size()
        facts = {"world": self.seed, "asked": self.asked, "content": content, "vocabulary": vocabulary}
        facts["leakage"] = leakage
        write_json(folder / "dataset.json", facts | {"slices": sliced(self.variant.task), "splits": splits})

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

    def apart_from(self, split: str, folder: Path) -> np.ndarray:
        """The numbers of the prompts that a split must not have, sorted: for train those of all others, for splits to
        test on those of valid."""
        others = {"train": [name for name in self.programs if name != "train"], "valid": []}.get(split, ["valid"])
        if not (self.variant.held_out and others):
            return np.zeros(0, np.uint64)
        return np.unique(np.concatenate([stored_prompts(folder / f"{other}.parquet") for other in others]))

    def write_split(self, split: str, folder: Path) -> None:
        """Write one split; what it must be apart from has to be written already, see `apart_from`.

        Unless nothing is held out, splits to validate and test on have no program twice. Programs are drawn, tokenised
        and written chunk by chunk: memory does not grow with their number.
        """
        table = lexeme_table(load_tokenizer(folder), self.lexemes)
        apart, unique = self.apart_from(split, folder), split != "train" and self.variant.held_out
        whole = np.zeros(0, np.uint64)  # the last prompts of the programs written: all of a program but its last answer
        content, written, drawn, longest, count = hashlib.sha256(), 0, 0, 0, self.size(split)
        made_of = {
            "seed": str(self.seed),
            "variant": self.name,
            "settings": self.variant.model_dump_json(exclude={"about", "training"}),
            "program": self.programs[split].model_dump_json(),
        }
        columns = schema(self.variant.task, split, self.task.apart)
        repetitive = ["split", *(f"{column.name}.list.element" for column in columns if column.name not in _UNLIKE)]
        with (
            atomic(folder / f"{split}.parquet") as path,
            pq.ParquetWriter(path, columns.with_metadata(made_of), use_dictionary=repetitive, **_WRITING) as writer,
        ):
            for part in self.chunks(split, min(self.chunk, count)):
                answers = part.rendered.answers
                tokens, spans = self.lexemes.tokens(part.rendered, table)
                prompts = part.columns.get("prompt")
                if prompts is None:
                    prompts = hash_prompts(tokens, answers, spans[0])
                kept = part.kept & ~np.logical_or.reduceat(among(prompts, apart), answers.offsets[:-1])
                if unique:
                    last = prompts[answers.offsets[1:] - 1]
                    kept &= first_of_each(last, kept) & ~among(last, whole)
                    whole = np.union1d(whole, last[kept])
                fresh, drawn = np.flatnonzero(kept), drawn + len(kept)
                if written + len(fresh) < 0.001 * drawn and drawn >= _CORPUS:
                    raise ConfigError(
                        f"variants.{self.name}: split {split}: almost no program can be kept: it would hold a prompt "
                        "of another split, be there already, have a pair of values of the wrong kind, or have the "
                        "wrong length (widen program or world, lower sizes.test, queries or unseen_pairs)"
                    )
                fresh = fresh[: count - written]
                if not len(fresh):
                    continue
                ids = written + np.cumsum(kept) - 1
                places = self.lexemes.places(part.rendered, table.lengths)
                given = {"prompt": prompts} | places | part.columns
                if part.rendered.apart is not None:
                    given["target"] = table.gather(part.rendered.apart)
                batch = self.records(columns, split, ids, part, tokens, spans, given).take(pa.array(fresh))
                content.update(hash_rows(batch))
                writer.write_table(batch.cast(writer.schema), row_group_size=len(batch))
                written += len(fresh)
                longest = max(longest, int(tokens.lengths[fresh].max(initial=0)))
                if written == count:
                    break
            facts = {"programs": str(count), "longest": str(longest), "content": content.hexdigest()}
            facts[PLACE] = place(folder / f"{split}.parquet")
            sealed = {key.encode(): value.encode() for key, value in (made_of | facts).items()}
            writer.add_key_value_metadata(facts | {CHECKSUM: parquet_checksum(columns, sealed, written)})

    def records(
        self, columns: pa.Schema, split: str, ids: np.ndarray, part: Drawn, tokens: Ragged, spans: np.ndarray,
        given: dict[str, np.ndarray],
    ) -> pa.Table:  # fmt: skip
        """The rows of one chunk; `ids` (N,) number its programs, `given` (Q,) are columns that differ by task."""
        rendered = part.rendered
        text, characters = self.lexemes.text(rendered)
        n, queries = len(part.kept), len(rendered.answers.flat)
        words = pa.array([lexeme.strip() for lexeme in self.lexemes.texts])
        answers = rendered.lexemes.flat[rendered.answers.flat] if rendered.apart is None else rendered.apart
        values = {
            "answer": words.take(pa.array(answers)),
            "answer_start": characters[0],
            "answer_end": characters[1],
            "token_start": spans[0],
            "token_end": spans[1],
            "token_stop": spans[2],
            "language": np.full(queries, self.variant.task),
            "distance": np.full(queries, -1),
            "nearest": np.full(queries, -1),
            "asked_before": np.zeros(queries, bool),
            **given,
        }
        ends = pa.array(rendered.answers.offsets.astype(np.int32))
        arrays = {
            "id": pa.array(ids),
            "split": pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int8)), [split]).cast(pa.string()),
            "text": pa.StringArray.from_buffers(
                n, pa.py_buffer(text.offsets.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(text.flat))
            ),
            "tokens": pa.ListArray.from_arrays(tokens.offsets.astype(np.int32), pa.array(tokens.flat)),
        }
        for column in columns:
            if column.name not in arrays:
                entries = pa.array(values[column.name], from_pandas=True).cast(column.type.value_type, safe=False)
                arrays[column.name] = pa.ListArray.from_arrays(ends, entries)
        return pa.Table.from_arrays([arrays[column.name] for column in columns], schema=columns)


def hash_rows(table: pa.Table) -> bytes:
    """A digest of texts, tokens and targets apart, in order; it does not depend on how Parquet stores them."""
    digest = hashlib.sha256()
    for column in [name for name in ("text", "tokens", "target") if name in table.column_names]:
        rows = ragged(table[column])
        digest.update(rows.offsets)
        digest.update(np.ascontiguousarray(rows.flat))
    return digest.digest()


def split_facts(path: Path) -> dict[str, Any]:
    """What the metadata of a written split say: programs, tokens in the longest one, content hash."""
    with open_table(path) as file:
        metadata = file.metadata.metadata
    return {
        "programs": int(metadata[b"programs"]),
        "longest": int(metadata[b"longest"]),
        "content": metadata[b"content"].decode(),
    }
