"""Partners of prompts: programs that differ from them in one thing, and have another answer.

Kinds:

    names        two assignments exchange their names; no value moves, so at values only what was bound there differs
    query        the query asks for another name of the program
    value        two assignments exchange what they assign; in a list, a digit is another one
    rebinding    every assignment assigns what the next one did
    global       the query asks for another global, which only the weights hold
    operator     another operator of the same operands
    type         another global of the same value and another latent type: the operator acts otherwise
    language     as names, and the whole program written in another language: does what is carried pass between them?

All but `language` keep every other token. A kind that the programs of a variant cannot form has no partners.
"""

import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lolameme.analyses._prompts import Prompt, read, there
from lolameme.analyses._trained import Trained
from lolameme.tasks.interpreter import Interpreter, ProgramError, Statement, interpreter

_TRIES = 4  # partners tried for a prompt
_POOL = 300  # programs in which other globals and operators are looked for


@dataclass
class _Pool:
    """Words of a language's programs that may stand in place of others."""

    globals: dict[str, int | None] = field(default_factory=dict)  # with their values
    operators: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Draft:
    """A partner to be: its text, and the assignments that the pair is about."""

    text: str
    concerned: tuple[int, ...]


class Maker:
    """Makes partners of one kind for prompts of a cell's variant."""

    def __init__(self, trained: Trained, kind: str, split: str):
        self.wants, self.drafts = _KINDS[kind]
        self.translates = kind == "language"
        self.solver: Any = trained.interpreter  # that of languages translates, too
        self.world = trained.world
        self.pool: dict[str, _Pool] = {}
        self.blind: Interpreter | None = None
        if kind in ("global", "operator", "type"):
            self.pool = _pools(trained.texts(split)[:_POOL], self.solver)
        if kind == "type":
            self.blind = interpreter(trained.world, without="types")

    def partner(self, clean: Prompt, rng: np.random.Generator) -> list[tuple[Prompt, Prompt, Draft]]:
        """The prompt with the first draft that is a program with another answer, in a list; or an empty one."""
        drafts = self.drafts(clean, rng, self.pool.get(clean.query.language, _Pool()))
        for draft, _ in zip(drafts, range(_TRIES), strict=False):
            try:
                text = self._translated(draft.text, clean, rng) if self.translates else draft.text
                partner = read(text, self.solver)
            except ProgramError:  # such as a name of another language
                continue
            if partner.answer != clean.answer and (self.blind is None or self._only_types_differ(clean, partner)):
                return [(clean, partner, draft)]
        return []

    def _translated(self, text: str, clean: Prompt, rng: np.random.Generator) -> str:
        """A program of one language in another one. Raises ProgramError if there is none."""
        others = [language for language in self.world.get("languages", ()) if language != clean.query.language]
        if not others:
            raise ProgramError("there is no other language")
        language = others[rng.integers(len(others))]
        return self.solver.translate(text, language).removesuffix(self.world["languages"][language]["end"])

    def _only_types_differ(self, clean: Prompt, partner: Prompt) -> bool:
        """Whether two prompts would have one answer if all types were the same."""
        assert self.blind is not None
        first, second = (self.blind.answers(prompt.text)[-1].value for prompt in (clean, partner))
        return first == second


# ---- the kinds: which queries they want, and what they make of a prompt


def _reads_local(query: Statement) -> bool:
    return any(source is not None for source in query.reads)


def _reads_global(query: Statement) -> bool:
    return any(operand.reads is None and not operand.literal for operand in query.operands)


def _is_list(query: Statement) -> bool:
    """Whether it names nothing: all that it is about is written out."""
    return not query.operands


def _two(clean: Prompt, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """An assignment that the query reads, and another one, in random order."""
    read_ones = [i for i in clean.query.reads if i is not None]
    i = read_ones[rng.integers(len(read_ones))]
    for j in rng.permutation([k for k in clean.assignments if k != i]):
        yield i, int(j)


def _names(clean: Prompt, rng: np.random.Generator, _: _Pool) -> Iterator[Draft]:
    for i, j in _two(clean, rng):
        a, b = (there(clean.statements[k].name) for k in (i, j))
        yield Draft(clean.edited([(a, clean.at(b)), (b, clean.at(a))]), (i, j))


def _values(clean: Prompt, rng: np.random.Generator, pool: _Pool) -> Iterator[Draft]:
    if _is_list(clean.query):
        yield from _digits(clean, rng, pool)
        return
    for i, j in _two(clean, rng):
        a, b = (there(clean.statements[k].value) for k in (i, j))
        yield Draft(clean.edited([(a, clean.at(b)), (b, clean.at(a))]), (i, j))


def _digits(clean: Prompt, rng: np.random.Generator, _: _Pool) -> Iterator[Draft]:
    places = [span for span in _words(clean.text, clean.query) if clean.at(span).isdigit()]
    for k in rng.permutation(len(places)):
        others = string.digits.replace(clean.at(places[k]), "")
        yield Draft(clean.edited([(places[k], others[rng.integers(len(others))])]), ())


def _query(clean: Prompt, rng: np.random.Generator, _: _Pool) -> Iterator[Draft]:
    for i, j in _two(clean, rng):
        place = next(operand.span for operand in clean.query.operands if operand.reads == i)
        yield Draft(clean.edited([(place, clean.at(there(clean.statements[j].name)))]), (i, j))


def _rebinding(clean: Prompt, rng: np.random.Generator, _: _Pool) -> Iterator[Draft]:
    spans = [there(clean.statements[i].value) for i in clean.assignments]
    turned = [clean.at(span) for span in spans[1:] + spans[:1]]
    yield Draft(clean.edited(list(zip(spans, turned, strict=True))), tuple(clean.assignments))


def _global(clean: Prompt, rng: np.random.Generator, pool: _Pool) -> Iterator[Draft]:
    places = [operand.span for operand in clean.query.operands if operand.reads is None and not operand.literal]
    place, words = places[rng.integers(len(places))], list(pool.globals)
    for k in rng.permutation(len(words)):
        yield Draft(clean.edited([(place, words[k])]), ())


def _operator(clean: Prompt, rng: np.random.Generator, pool: _Pool) -> Iterator[Draft]:
    signs = _operator_spans(clean.text, clean.query)
    place, words = signs[rng.integers(len(signs))], sorted(pool.operators)
    for k in rng.permutation(len(words)):
        yield Draft(clean.edited([(place, words[k])]), ())


def _type(clean: Prompt, rng: np.random.Generator, pool: _Pool) -> Iterator[Draft]:
    place = clean.query.operands[0].span
    value = pool.globals.get(clean.at(place))
    words = [word for word, held in pool.globals.items() if held == value and word != clean.at(place)]
    for k in rng.permutation(len(words)):
        yield Draft(clean.edited([(place, words[k])]), ())


def _operator_spans(text: str, query: Statement) -> list[tuple[int, int]]:
    """Where the operators of a query stand: what its expression holds beside operands, digits and closing brackets."""
    operands = {operand.span for operand in query.operands}
    return [
        span for span in _words(text, query) if span not in operands and not re.fullmatch(r"\d|\]", text[slice(*span)])
    ]


def _words(text: str, query: Statement) -> list[tuple[int, int]]:
    """Where the words of a query's expression stand."""
    start, stop = query.expression
    return [(start + m.start(), start + m.end()) for m in re.finditer(r"\S+", text[start:stop])]


def _pools(texts: list[str], solver: Interpreter) -> dict[str, _Pool]:
    """Globals and operators of programs, by language; each global with its value, as the interpreter says."""
    found: dict[str, _Pool] = {}
    for text in texts:
        for query in solver.statements(text):
            if query.kind != "query":
                continue
            pool = found.setdefault(query.language, _Pool())
            pool.operators |= {text[slice(*span)] for span in _operator_spans(text, query)}
            for operand in query.operands:
                word = text[slice(*operand.span)]
                if operand.reads is None and not operand.literal and word not in pool.globals:
                    alone = f"{word} {text[slice(*query.sign)]}" if query.sign else word
                    pool.globals[word] = solver.answers(alone)[-1].value
    return found


_KINDS: dict[str, tuple[Callable[[Statement], bool], Callable[[Prompt, np.random.Generator, _Pool], Iterator[Draft]]]]
_KINDS = {
    "names": (_reads_local, _names),
    "query": (_reads_local, _query),
    "value": (lambda query: _reads_local(query) or _is_list(query), _values),
    "rebinding": (_reads_local, _rebinding),
    "global": (_reads_global, _global),
    "operator": (lambda query: len(query.operands) > 1 or _is_list(query), _operator),
    "type": (lambda query: len(query.operands) > 1 and query.reads[0] is None, _type),
    "language": (_reads_local, _names),
}
