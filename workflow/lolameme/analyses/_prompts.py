"""Prompts from the programs of a split: one query each, cut where its answer is due, with the roles of its tokens."""

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tokenizers import Encoding, Tokenizer

from lolameme.analyses._roles import ANSWER_SIGN, ROLES
from lolameme.tasks.interpreter import Interpreter, Span, Statement


@dataclass(frozen=True)
class Prompt:
    """A program that ends in one query, without its answer. Its text keeps the space before the answer."""

    text: str
    statements: tuple[Statement, ...]  # the last one is the query
    answer: str

    @property
    def query(self) -> Statement:
        return self.statements[-1]

    @cached_property
    def assignments(self) -> list[int]:
        """Indices of the assignments."""
        return [i for i, statement in enumerate(self.statements) if statement.kind == "assign"]

    def at(self, span: Span) -> str:
        """The text of a span."""
        return self.text[slice(*span)]

    def edited(self, changes: list[tuple[Span, str]]) -> str:
        """The text with some spans, which do not overlap, written anew."""
        text = self.text
        for (start, stop), new in sorted(changes, reverse=True):
            text = text[:start] + new + text[stop:]
        return text


def there(span: Span | None) -> Span:
    """A place that is written: the name and value of an assignment, the answer of a query of a split."""
    assert span is not None
    return span


def read(text: str, interpreter: Interpreter) -> Prompt:
    """A prompt from its text. Raises ProgramError if it cannot be read."""
    return Prompt(text, tuple(interpreter.statements(text)), interpreter.answers(text)[-1].text)


def cut(text: str, statements: list[Statement], query: Statement) -> str:
    """A program up to where the answer to `query` is due, without the queries before it, which would give hints."""
    kept = text[: there(query.value)[0]]
    for earlier in reversed(statements[: statements.index(query)]):
        if earlier.kind == "query":
            start, stop = earlier.span
            kept = kept[:start] + kept[stop:].removeprefix(" ")
    return kept


@dataclass(frozen=True)
class Tokens:
    """A prompt as tokens with those of its answer behind them, and where the prompt's statements lie among them."""

    ids: np.ndarray  # (L,) int64
    length: int  # of the prompt
    offsets: np.ndarray  # (L, 2) characters of each token

    def within(self, span: Span | None) -> np.ndarray:
        """(L,) bool: tokens of the prompt that share a character with a span; none, if there is no span."""
        start, stop = span or (0, 0)
        found = (self.offsets[:, 0] < stop) & (self.offsets[:, 1] > start)
        found[self.length :] = False
        return found

    def written(self, text: str) -> list[str]:
        """The characters of `text` that each token of the prompt stands for; joined, they are the prompt.

        A sign that the next letter is a capital shares that letter with the piece that follows, and has it here.
        """
        stops = np.maximum.accumulate(self.offsets[: self.length, 1])
        return [text[start:stop] for start, stop in itertools.pairwise([0, *stops])]


def tokenise(prompts: list[Prompt], tokenizer: Tokenizer) -> list[Tokens]:
    """Tokens of prompts with their right answers, exactly as they stand in programs."""
    encoded = tokenizer.encode_batch([prompt.text + prompt.answer for prompt in prompts])
    return [_split(prompt, encoding) for prompt, encoding in zip(prompts, encoded, strict=True)]


def _split(prompt: Prompt, encoding: Encoding) -> Tokens:
    offsets = np.array(encoding.offsets)
    # the space before an answer is the sign's where signs bring it, else the answer's: that token ends behind it
    return Tokens(np.array(encoding.ids), int((offsets[:, 1] <= len(prompt.text)).sum()), offsets)


def roles(prompt: Prompt, tokens: Tokens, concerned: tuple[int, ...]) -> np.ndarray:
    """(roles, L) bool: which tokens have which of the `ROLES`; `concerned` are the assignments that a pair is about."""
    found = np.zeros((len(ROLES), len(tokens.ids)), bool)
    for i in prompt.assignments:
        statement = prompt.statements[i]
        if i in concerned:
            for row, span in enumerate((statement.name, statement.sign, statement.value, statement.end)):
                found[row] |= tokens.within(span)
        else:
            found[ROLES.index("others")] |= tokens.within(statement.span)
    found[ROLES.index("query")] = tokens.within(prompt.query.expression)
    found[:, tokens.length - 1] = False
    found[ROLES.index(ANSWER_SIGN), tokens.length - 1] = True
    return found
