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

FACULTIES = ("globals", "locals", "types")
_EXAMPLES = 10


def describe(study: config.Study, name: str, folder: Path) -> dict[str, Any]:
    """Measure the written data of a variant. Every number comes from the files, none from the generator.

    Raises RuntimeError if the interpreter disagrees with an answer on file: then the data are wrong.
    """
    variant = study.variants[name]
    world = read_json(folder / "world.json")
    interpreter = Interpreter(world)
    frequent = most_frequent_answer(folder / "train.parquet")
    train_prompts = set(prompts_of(folder / "train.parquet")) if variant.holdout else set()
    splits = {}
    for split in variant.programs():
        splits[split] = measure(folder / f"{split}.parquet", variant.world.modulus, frequent)
        if split != "train":
            splits[split] |= {"oracle": oracle(folder / f"{split}.parquet", interpreter)}
            splits[split] |= {
                f"without_{faculty}": crippled(folder / f"{split}.parquet", world, faculty, frequent)
                for faculty in FACULTIES
            }
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


def crippled(path: Path, world: dict[str, Any], faculty: str, frequent: str) -> float:
    """Exact match of an interpreter without a faculty; where it knows nothing, it says the most frequent answer."""
    interpreter, right, total = Interpreter(world, without=faculty), 0, 0
    table = pq.read_table(path, columns=["text", "answer"])
    for text, answers in zip(table["text"].to_pylist(), table["answer"].to_pylist(), strict=True):
        found = [frequent if a.value is None else a.text for a in interpreter.answers(text)]
        right, total = right + sum(a == b for a, b in zip(found, answers, strict=True)), total + len(answers)
    return right / total


def examples(path: Path, interpreter: Interpreter) -> list[dict[str, Any]]:
    """Worked examples: the first programs, with the reasoning behind their last answer."""
    texts = pq.read_table(path, columns=["text"])["text"].slice(0, _EXAMPLES).to_pylist()
    found = [(text, interpreter.answers(text)[-1]) for text in texts]
    return [{"text": t, "query": a.query, "answer": a.text, "steps": a.steps} for t, a in found]


def markdown(card: dict[str, Any]) -> str:
    """The card for people."""
    sizes = ("programs", "queries", "tokens", "longest")
    shares = ("chance", "majority", "value_share", *(f"without_{faculty}" for faculty in FACULTIES), "oracle")
    names = [name.replace("value_share", "a value of the program").replace("_", " ") for name in shares]
    lines = [f"# {card['variant']}", "", card["about"], "", "## Splits", ""]
    lines += [row("split", *sizes, *names), row(*["---"] * (1 + len(sizes) + len(shares)))]
    for name, split in card["splits"].items():
        measured = [split.get(share) for share in shares]
        known = ["-" if value is None else f"{value:.3f}" for value in measured]
        lines.append(row(name, *(split[size] for size in sizes), *known))
    held = "No prompt of these splits is in train" if card["held_out"] else "Memorisation: nothing is held out"
    lines += ["", f"{held}. The vocabulary has {card['vocabulary']} tokens.", "", "## How it was made", ""]
    for part in ("world", "program"):
        lines += [f"- {part}: " + ", ".join(f"{key} {value}" for key, value in card[part].items())]
    lines += ["", "## Worked examples", ""]
    for example in card["examples"]:
        lines += [f"`{example['text']}`", "", f"Last query `{example['query']}`: **{example['answer']}**", ""]
        lines += [f"1. {step}" for step in example["steps"]] + [""]
    return "\n".join(lines) + "\n"


def row(*cells: Any) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"
