"""Configuration files, read strictly: what YAML understands in a way that nobody means is refused with its line.

YAML 1.1 reads `yes` as true, `010` as 8, `1:20` as 80, keeps the last of two equal keys, and lets nine short lines
stand for a billion values by aliases. Here each of these is a mistake. What is accepted means the same to every reader
of YAML.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lolameme.study.sections import ConfigError, short

_LARGEST = 1 << 20  # bytes of a file
_DEEPEST = 40  # mappings and lists within each other
_MOST = 100_000  # values, with all aliases written out
_LONGEST = 30  # digits of a number
_PLAIN = {  # how a plain scalar of a kind has to be written
    "bool": (r"true|false", "write true or false; quotes make it a word"),
    "int": (r"[-+]?(0|[1-9][0-9]*)", "write decimal digits without a leading zero; quotes make it a word"),
    "float": (
        r"[-+]?[0-9]*\.[0-9]*([eE][-+]?[0-9]+)?|[-+]?\.(inf|nan)",
        "write a decimal number; quotes make it a word",
    ),
    "null": (r"~|null|", "write null"),
    "merge": (r"<<", ""),
    "str": (r"(?s).*", ""),
}


def read(path: str | Path) -> Any:
    """The content of a YAML file as plain data.

    Raises ConfigError, in one sentence with file and line: the file is missing, no UTF-8 or no YAML, holds several
    documents, gives a key twice, uses tags, has aliases that stand for too much, or writes a value that YAML takes for
    another.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)  # no more: a device may never end
        if len(data) > _LARGEST:
            raise ConfigError(f"{path}: more than {_LARGEST} bytes are too many for a configuration")
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}, line {line}: byte {data[error.start]:#04x} is no UTF-8; save the file as UTF-8"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    try:
        _refuse_tricks(text, path)
        node = yaml.compose(text, yaml.SafeLoader)
        if node is not None:
            if not isinstance(node, yaml.MappingNode):  # of a file that is none of ours nothing is shown
                raise ConfigError(f"{path}: expected a mapping of keys, such as `study: quick`, got a {node.id}")
            _size(node, {}, path)
            for mistake, where in _mistakes(node):
                raise ConfigError(f"{path}, line {where.line + 1}: {mistake}")
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}{_line(error, text)}: no valid YAML: {_problem(error)}") from None


def _refuse_tricks(text: str, path: str | Path) -> None:
    """Refuse what a reader of nodes would only notice once it has built them."""
    depth = documents = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        where = f"{path}, line {event.start_mark.line + 1}"
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if documents > 1:
            raise ConfigError(f"{where}: a second document begins; a configuration is one, without `---` in it")
        if getattr(event, "tag", None):
            raise ConfigError(f"{where}: tags such as {short(event.tag)} are not read; leave it out, or use quotes")
        if depth > _DEEPEST:
            raise ConfigError(f"{where}: more than {_DEEPEST} levels; a configuration needs fewer")


def _size(node: yaml.Node, known: dict[int, int], path: str | Path) -> int:
    """How many values a node stands for, its aliases written out; an anchor is known before its aliases."""
    if id(node) not in known:
        known[id(node)] = 0  # until it is whole: whoever meets this now is within it
        parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        within = [] if isinstance(node, yaml.ScalarNode) else [_size(part, known, path) for part in parts]
        known[id(node)] = 1 + sum(within)
    where = f"{path}, line {node.start_mark.line + 1}"
    if not known[id(node)]:
        raise ConfigError(f"{where}: what is anchored here holds itself; write it out")
    if known[id(node)] > _MOST:
        raise ConfigError(f"{where}: this stands for more than {_MOST} values by its aliases; write out what is meant")
    return known[id(node)]


def _mistakes(node: yaml.Node) -> Iterator[tuple[str, yaml.Mark]]:
    """What is wrong at or below a node, and where."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                yield "a key is a list or a mapping; keys are words", key.start_mark
                return
            if key.value in seen:
                yield f"key {short(key.value)} is given twice, first in line {seen[key.value]}", key.start_mark
            seen[key.value] = key.start_mark.line + 1
            yield from _mistakes(key)
            yield from _mistakes(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _mistakes(value)
    elif node.style is None:  # plain: without quotes
        kind = node.tag.rpartition(":")[2]
        written, remedy = _PLAIN.get(kind, (None, f"YAML takes it for a {kind}; quotes make it a word"))
        if written is None or not re.fullmatch(written, node.value):
            yield f"{short(node.value)} is ambiguous: {remedy}", node.start_mark
        elif kind == "int" and len(node.value) > _LONGEST:
            yield f"{short(node.value)} has {len(node.value)} digits", node.start_mark


def _line(error: yaml.YAMLError, text: str) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        return f", line {text.count(chr(10), 0, error.position) + 1}"
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        return f"the character U+{error.character:04X} is not allowed"
    problem = " ".join(filter(None, [getattr(error, "context", None), getattr(error, "problem", None)]))
    return short(problem.replace("'\\t'", "a tab, where spaces are needed,") or str(error), 200, quoted=False)
