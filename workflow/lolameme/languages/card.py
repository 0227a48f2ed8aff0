"""The data card of a variant: what its data are, how hard they are, and what one may conclude from them."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from lolameme import config
from lolameme.files import read_json
from lolameme.languages.dataset import prompts_of
from lolameme.languages.interpreter import Interpreter

_EXAMPLES = 10


def describe(study: config.Study, name: str, folder: Path) -> dict[str, Any]:
    """Measure the written data of a variant. Every number comes from the files, none from the generator.

    Raises RuntimeError if the interpreter disagrees with an answer on file: then the data are wrong.
    """
    variant = study.variants[name]
    interpreter = Interpreter(read_json(folder / "world.json"))
    frequent = most_frequent_answer(folder / "train.parquet")
    train_prompts = set(prompts_of(folder / "train.parquet")) if variant.holdout else set()
    splits = {}
    for split in variant.programs():
        splits[split] = measure(folder / f"{split}.parquet", variant.world.modulus, frequent)
        if split != "train":
            splits[split] |= {"oracle": oracle(folder / f"{split}.parquet", interpreter)}
            if variant.holdout:
                shared = sum(p in train_prompts for p in prompts_of(folder / f"{split}.parquet"))
                splits[split]["prompts_in_train"] = shared
    return {
        "variant": name,
        "about": variant.about,
        "vocabulary": read_json(folder / "dataset.json")["vocabulary"],
        "world": variant.world.model_dump(),
        "program": variant.program.model_dump(),
        "taught_in": variant.taught_in,
        "held_out": variant.holdout,
        "splits": splits,
        "examples": examples(folder / "test.parquet", interpreter),
    }


def most_frequent_answer(path: Path) -> str:
    """The answer that occurs most in a split; the smallest of several."""
    counts = Counter()
    for batch in pq.ParquetFile(path).iter_batches(columns=["answer"]):
        counts.update(batch["answer"].flatten().to_pylist())
    return min(counts, key=lambda answer: (-counts[answer], answer))


def measure(path: Path, modulus: int, frequent: str) -> dict[str, Any]:
    """Sizes and baselines of one split.

    `chance` answers at random, `majority` always says the most frequent training answer, `value_share` says the value
    of a random name bound so far in the program (only where every query has one).
    """
    table = pq.read_table(path, columns=["tokens", "answer", "value_share"])
    lengths = np.diff(np.asarray(table["tokens"].combine_chunks().offsets))
    answers = table["answer"].combine_chunks().flatten().to_pylist()
    share = table["value_share"].combine_chunks().flatten()
    counts = np.bincount(lengths)
    return {
        "programs": len(table),
        "queries": len(answers),
        "tokens": int(lengths.sum()),
        "longest": int(lengths.max()),
        "lengths": {int(n): int(counts[n]) for n in np.flatnonzero(counts)},
        "chance": 1 / modulus,
        "majority": sum(a == frequent for a in answers) / len(answers),
        "value_share": None if share.null_count else float(np.mean(share.to_numpy())),
    }


def oracle(path: Path, interpreter: Interpreter) -> float:
    """Exact match of the interpreter, which must be 1."""
    table = pq.read_table(path, columns=["text", "answer"])
    for text, answers in zip(table["text"].to_pylist(), table["answer"].to_pylist(), strict=True):
        found = [answer.text for answer in interpreter.answers(text)]
        if found != answers:
            raise RuntimeError(f"{path}: the interpreter answers {found}, the file says {answers}: {text}")
    return 1.0


def examples(path: Path, interpreter: Interpreter) -> list[dict[str, Any]]:
    """Worked examples: the first programs, with the reasoning behind their last answer."""
    texts = pq.read_table(path, columns=["text"])["text"].slice(0, _EXAMPLES).to_pylist()
    found = [(text, interpreter.answers(text)[-1]) for text in texts]
    return [{"text": t, "query": a.query, "answer": a.text, "steps": a.steps} for t, a in found]


def markdown(card: dict[str, Any]) -> str:
    """The card for people."""
    lines = [f"# {card['variant']}", "", card["about"], "", "## Splits", ""]
    lines += ["| split | programs | queries | tokens | longest | chance | majority | a value of the program | oracle |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for name, split in card["splits"].items():
        cells = [split["programs"], split["queries"], split["tokens"], split["longest"]]
        shares = [split["chance"], split["majority"], split["value_share"], split.get("oracle")]
        cells += ["-" if s is None else f"{s:.3f}" for s in shares]
        lines.append("| " + " | ".join(map(str, [name, *cells])) + " |")
    held = "No prompt of these splits is in train" if card["held_out"] else "Memorisation: nothing is held out"
    lines += ["", f"{held}. The vocabulary has {card['vocabulary']} tokens.", "", "## How it was made", ""]
    for part in ("world", "program"):
        lines += [f"- {part}: " + ", ".join(f"{key} {value}" for key, value in card[part].items())]
    lines += ["", "## Worked examples", ""]
    for example in card["examples"]:
        lines += [f"`{example['text']}`", "", f"Last query `{example['query']}`: **{example['answer']}**", ""]
        lines += [f"1. {step}" for step in example["steps"]] + [""]
    return "\n".join(lines) + "\n"
