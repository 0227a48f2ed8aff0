"""The data card of a variant: what its data are, how hard they are, and what one may conclude from them."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from tokenizers import Tokenizer

from lolameme.base.files import read_json, read_table
from lolameme.data.floors import floor, most_frequent_answer
from lolameme.data.oracle import oracle
from lolameme.data.overlaps import TRAIN, Expressions, overlaps
from lolameme.data.prompts import row_groups, texts
from lolameme.data.tokenizer import load_tokenizer
from lolameme.study import config
from lolameme.study.sections import Section
from lolameme.study.variant import BaseVariant
from lolameme.tasks.interpreter import Interpreter, interpreter
from lolameme.tasks.task import build_task

EXAMPLES = 10
_TRAIN = 2000  # training programs that the interpreter reads
_MISSED = 0.001  # share of queries for which the generator may find nothing new to ask in its tries, though there is
_NAMES = 6  # names shown with their tokens, per language
_BARS = 12  # bins of a length histogram, at most


def describe(study: config.Study, name: str, folder: Path) -> dict[str, Any]:
    """Measure the written data of a variant in one world. Every number comes from the files, none from the generator.

    Raises RuntimeError if the interpreter disagrees with an answer or a place on file, or if a split is not what its
    settings promise: then the data are wrong.
    """
    variant = study.variants[name]
    world, dataset = read_json(folder / "world.json"), read_json(folder / "dataset.json")
    solver = interpreter(world)
    restricted = {faculty: interpreter(world, without=faculty) for faculty in solver.faculties}
    tokenizer = load_tokenizer(folder)
    frequent = most_frequent_answer(folder / "train.parquet")
    trained, splits = Expressions(folder / "train.parquet", solver), {}
    for split, program in variant.programs().items():
        path = folder / f"{split}.parquet"
        splits[split] = measure(path, solver.choices, frequent)
        splits[split] |= {"oracle": oracle(path, solver, tokenizer, _TRAIN if split == "train" else None)}
        require_rules(path, solver, program, _TRAIN if split == "train" else None)
        if split != "train":
            splits[split] |= {"overlaps": overlaps(folder, split, solver, trained)}
            require_apart(variant, split, splits[split]["overlaps"])
            splits[split] |= {"floor": floor(path, variant.task, solver, program, frequent)}
            splits[split] |= {f"without_{faculty}": reached(path, c, frequent) for faculty, c in restricted.items()}
    return {
        "variant": name,
        "about": variant.about,
        "task": variant.task,
        "world": dataset["world"],
        "worlds": study.worlds,
        "made": made(variant, dataset["world"]),
        "vocabulary": dataset["vocabulary"],
        "content": dataset["content"],
        "faculties": list(solver.faculties),
        "leakage": dataset["leakage"],
        "splits": splits,
        "names": name_tokens(build_task(study, name, dataset["world"]).names, tokenizer),
        "examples": examples(folder / "test.parquet", solver),
    }


def require_rules(path: Path, solver: Interpreter, rules: Section, most: int | None = None) -> None:
    """Raise RuntimeError if a program of a written split, or of its first `most` programs, breaks its settings."""
    for text in texts(path, most):
        if found := solver.broken(text, rules):
            raise RuntimeError(f"{path}: {found}, against the settings of the split: {text}")


def require_apart(variant: BaseVariant, split: str, found: dict[str, Any]) -> None:
    """Raise RuntimeError if a split has what its settings rule out, by what `overlaps` found in it."""
    once = getattr(variant.programs()[split], "once", False)
    broken = {
        "programs are there twice": variant.held_out and found["twice"],
        "prompts are in valid, too": variant.held_out and found["in_valid"],
        "queries ask again what could be asked once": once and found["asked_before"] > _MISSED,
    }
    for what, much in broken.items():
        if much:
            raise RuntimeError(f"split {split}: {what} ({much:.3g}), against its settings")


def made(variant: BaseVariant, seed: int) -> dict[str, Any]:
    """The settings that the data follow from."""
    settings = variant.model_dump(exclude={"about", "training", "splits"})
    splits = {name: program.model_dump(exclude_unset=True) for name, program in variant.splits.items()}
    return {"world_seed": seed, **settings, "splits": splits}


def measure(path: Path, choices: int, frequent: str) -> dict[str, Any]:
    """Sizes and baselines of one split, read row group by row group.

    `chance` answers at random, `majority` always says the most frequent training answer, `value_share` says a random
    value of the program (of a random name bound so far, a random pair, a random digit of the list); it is there only
    where every query has one.
    """
    lengths = np.zeros(1, np.int64)
    queries = hits = 0
    share: float | None = 0.0
    for table in row_groups(path, ["tokens", "answer", "value_share"]):
        found = np.bincount(pc.list_value_length(table["tokens"]).to_numpy(), minlength=len(lengths))
        found[: len(lengths)] += lengths
        lengths = found
        answers, shares = (pc.list_flatten(table[column]) for column in ("answer", "value_share"))
        queries, hits = queries + len(answers), hits + pc.sum(pc.equal(answers, frequent)).as_py()
        share = None if share is None or shares.null_count else share + pc.sum(shares).as_py()
    sizes = np.flatnonzero(lengths)
    return {
        "programs": int(lengths.sum()),
        "queries": queries,
        "tokens": int(lengths @ np.arange(len(lengths))),
        "longest": int(sizes[-1]),
        "lengths": {int(n): int(lengths[n]) for n in sizes},
        "chance": 1 / choices,
        "majority": hits / queries,
        "value_share": None if share is None else share / queries,
    }


def reached(path: Path, restricted: Interpreter, frequent: str) -> float:
    """Exact match of an interpreter without a faculty; where it knows nothing, it says the most frequent answer."""
    right = total = 0
    for row in read_table(path, ["text", "answer", "answer_start"]).to_pylist():
        given = restricted.answers_at(row["text"])
        found = [frequent if given[begin].value is None else given[begin].text for begin in row["answer_start"]]
        right += sum(a == b for a, b in zip(found, row["answer"], strict=True))
        total += len(found)
    return right / total


def name_tokens(names: dict[str, list[str]], tokenizer: Tokenizer) -> dict[str, dict[str, Any]]:
    """How names fall into tokens: the mean over all names of a language, and a few of them."""
    found = {}
    for language, words in names.items():
        if not words:  # MQAR without words that only fill
            continue
        tokens = [encoded.tokens for encoded in tokenizer.encode_batch(words)]
        shown = range(0, len(words), len(words) // _NAMES + 1)  # a stride that meets all stems and heads
        found[language] = {
            "names": len(words),
            "tokens_per_name": sum(map(len, tokens)) / len(words),
            "examples": {words[i]: tokens[i] for i in shown},
        }
    return found


def examples(path: Path, solver: Interpreter) -> list[dict[str, Any]]:
    """Worked examples: the first programs of every language in turn, with the reasoning behind every answer.

    Programs of the LoLaMeMe languages come with their translations.
    """
    by_language: dict[str, list[dict[str, Any]]] = {}
    for row in read_table(path, ["text", "language", "answer_start"]).to_pylist():
        by_language.setdefault(row["language"][0], []).append(row)
    rounds = itertools.zip_longest(*([(language, row) for row in rows] for language, rows in by_language.items()))
    chosen = [entry for entries in rounds for entry in entries if entry is not None][:EXAMPLES]
    return [
        {
            "language": language,
            "text": row["text"],
            "translations": translations(solver, row["text"], language),
            "answers": [
                {"query": answer.query, "answer": answer.text, "steps": answer.steps}
                for begin, answer in solver.answers_at(row["text"]).items()
                if begin in row["answer_start"]
            ],
        }
        for language, row in chosen
    ]


def translations(solver: Interpreter, text: str, language: str) -> dict[str, str]:
    """The program in the other languages of its world."""
    return {other: solver.translate(text, other) for other in solver.world.get("languages", ()) if other != language}


def histogram(lengths: dict[Any, int]) -> list[tuple[str, int]]:
    """A histogram of lengths in at most a dozen bins of equal width: (range, count) each."""
    counts = {int(length): count for length, count in lengths.items()}
    least, most = min(counts), max(counts)
    width = -(-(most - least + 1) // _BARS)
    bins = []
    for start in range(least, most + 1, width):
        stop = min(start + width - 1, most)
        total = sum(count for length, count in counts.items() if start <= length <= stop)
        bins.append((str(start) if start == stop else f"{start}–{stop}", total))
    return bins


def markdown(card: dict[str, Any]) -> str:
    """The card for people."""
    sizes = ("programs", "queries", "tokens", "longest")
    shares = (
        "chance",
        "majority",
        "value_share",
        "floor",
        *(f"without_{faculty}" for faculty in card["faculties"]),
        "oracle",
    )
    titles = [name.replace("value_share", "a value of the program").replace("_", " ") for name in shares]
    lines = [f"# {card['variant']}", "", sentence(card["about"]), "", "## Splits", ""]
    lines += [row("split", *sizes, *titles), row(*["---"] * (1 + len(sizes) + len(shares)))]
    for name, split in card["splits"].items():
        measured = [split.get(share) for share in shares]
        known = ["-" if value is None else f"{value:.3f}" for value in measured]
        lines.append(row(name, *(split[size] for size in sizes), *known))
    lines += [
        "",
        leakage(card),
        worlds(card),
        "The floor rules out what was asked before where the split asks once, a predicted bound where training does.",
        "",
        *overlap_rows(card),
        "",
        "## Lengths of training programs, in tokens",
        "",
    ]
    bins = histogram(card["splits"]["train"]["lengths"])
    unit = max(count for _, count in bins) / 40
    lines += ["```", *(f"{name:>9} {'█' * round(count / unit)} {count}" for name, count in bins), "```", ""]
    lines += [f"## Names in tokens (a vocabulary of {card['vocabulary']})", ""]
    for language, found in card["names"].items():
        shown = ", ".join(f"`{'|'.join(tokens).replace(' ', '·')}`" for tokens in found["examples"].values())
        lines.append(f"- {language}: {found['tokens_per_name']:.2f} tokens per name; {shown}")
    lines += ["", "## How it was made", ""]
    lines += [f"- {key}: `{value}`" for key, value in card["made"].items()]
    lines += [f"- content hash: `{card['content']}`", "", "## Worked examples", ""]
    for number, example in enumerate(card["examples"], 1):
        lines += [f"### {number}. {example['language']}", "", f"`{example['text']}`", ""]
        lines += [f"- in {other}: `{text}`" for other, text in example["translations"].items()]
        for answer in example["answers"]:
            steps = "; ".join(answer["steps"])
            lines.append(f"- `{answer['query']}` is **{answer['answer']}**. {steps}")
        lines.append("")
    return "\n".join(lines)


def leakage(card: dict[str, Any]) -> str:
    """What the leakage check found, as a sentence."""
    found = card["leakage"]
    if found is None:
        return "Memorisation: every fact is trained and tested, nothing is held out."
    return (
        f"None of the {found['held_out_prompts']:,} prompts to validate and test on is among the "
        f"{found['train_prompts']:,} prompts of train, compared as text."
    )


def overlap_rows(card: dict[str, Any]) -> list[str]:
    """What the splits to validate and test on share, and what they read, as a Markdown table."""
    titles = ("asked before", "in valid", "twice", "operands from weights", "assignments computed")
    titles += ("expressions in train, in either order", "operands in train, with any operator")
    lines = ["## What prompts share", "", row("split", *titles), row(*["---"] * (1 + len(titles)))]
    for name, split in card["splits"].items():
        if "overlaps" in split:
            found = dict(split["overlaps"])
            expressions = found.pop("expressions") or {"same_operators": None, "same_operands": None}
            shown = [*found.values(), *expressions.values()]
            lines.append(row(name, *("-" if v is None else f"{v:.3f}" if isinstance(v, float) else v for v in shown)))
    lines += ["", f"Expressions are compared with those of the first {TRAIN:,} training programs."]
    lines += ["What was asked before is answered in the prompt already; the slices by `asked_before` tell both apart."]
    return lines


def worlds(card: dict[str, Any]) -> str:
    """Which world this is, and whether there are others, as a sentence: no number, which further seeds would change."""
    if card["worlds"] == "one":
        return "All seeds share this world and its programs."
    return f"This is the world of seed {card['world']}; every seed draws its own."


def sentence(text: str) -> str:
    """Text with a capital and a full stop."""
    return f"{text[0].upper()}{text[1:]}."


def row(*cells: Any) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"
