"""The interpreter against the files: it reads the text of written programs and must find every answer and every place
that the columns name. What disagrees is a mistake of the generator, and stops the study.
"""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from lolameme.base.files import read_table
from lolameme.tasks.interpreter import Interpreter, Span, Statement

_COLUMNS = (
    "answer", "answer_start", "answer_end", "token_start", "query_start", "name_start", "name_stop",
    "value_start", "value_stop", "distance", "token_distance", "nearest", "asked_before",
)  # fmt: skip


def oracle(path: Path, solver: Interpreter, tokenizer: Tokenizer, most: int | None = None) -> float:
    """Exact match of the interpreter on a written split, or on its first `most` programs: it must be 1.

    Raises RuntimeError if it disagrees with an answer, or with a column that says where something stands.
    """
    columns = [*_COLUMNS] if solver.written else [*_COLUMNS, "target"]
    for row in read_table(path, ["text", *columns]).slice(0, most).to_pylist():
        text, offsets = row["text"], tokenizer.encode(row["text"]).offsets
        found = solver.statements(text)
        asked = {s.value[0]: i for i, s in enumerate(found) if s.kind == "query" and s.value}
        answers = dict(zip(asked, solver.answers(text), strict=True))
        for entries in zip(*(row[column] for column in columns), strict=True):
            record = dict(zip(columns, entries, strict=True))
            place = record["answer_start"]
            if place not in answers or answers[place].text != record["answer"]:
                said = [answer.text for answer in answers.values()]
                raise RuntimeError(f"{path}: the interpreter answers {said}, the file says {record['answer']}: {text}")
            told = text[place : record["answer_end"]] if solver.written else tokenizer.decode([record["target"]])
            if told != record["answer"]:
                raise RuntimeError(f"{path}: {told!r} is given as the answer, the file says {record['answer']}: {text}")
            expected, given = meant(found, asked[place], solver.written), recorded(record, text, offsets)
            if expected != given:
                raise RuntimeError(f"{path}: the interpreter finds {expected}, the columns say {given}: {text}")
    return 1.0


def meant(found: list[Statement], index: int, written: bool = True) -> dict[str, Any]:
    """What the columns must say of the query that is statement `index`: places in characters, distances in statements.

    Of several operands, that counts whose binding is furthest back. `written`: answers stand in programs.
    """
    query = found[index]
    source = min((i for i in query.reads if i is not None), default=None)
    same = [
        i
        for i, earlier in enumerate(found[:index])
        if earlier.kind == "query" and (earlier.meaning, earlier.reads) == (query.meaning, query.reads)
    ]
    standing = [i for i in (source, *(same if written else ())) if i is not None]
    return {
        "query": query.span[0],
        "name": query.operands[query.reads.index(source)].span if query.operands else None,
        "value": None if source is None else found[source].expression,
        "distance": -1 if source is None else index - source,
        "nearest": index - max(standing) if standing else -1,
        "asked before": bool(same),
        "token distance known": source is not None,
    }


def recorded(record: dict[str, Any], text: str, offsets: list[Span]) -> dict[str, Any]:
    """What the columns say of a query; spans of tokens as those of their characters, without the space before."""

    def characters(start: int, stop: int) -> Span | None:
        if start < 0:
            return None
        first, last = offsets[start][0], offsets[stop - 1][1]
        return first + (text[first] == " "), last

    distance = record["token_distance"]
    return {
        "query": characters(record["query_start"], record["token_start"])[0],
        "name": characters(record["name_start"], record["name_stop"]),
        "value": characters(record["value_start"], record["value_stop"]),
        "distance": record["distance"],
        "nearest": record["nearest"],
        "asked before": record["asked_before"],
        "token distance known": distance >= 0 and distance == record["token_start"] - record["value_start"],
    }
