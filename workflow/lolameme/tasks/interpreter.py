"""Interpreters of program text, independent of the generators.

They read nothing but the text and the document of its world (`world.json`), parse from scratch, and answer every query
with the steps that lead there. Data cards use them as the oracle, and tests hold the generators against them.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Literal

from lolameme.study import plugins
from lolameme.study.sections import Section


class ProgramError(ValueError):
    """Text that is no program of these languages, as a sentence for the user."""


@dataclass
class Answer:
    """The answer to one query, with its reasoning."""

    query: str
    value: int | None  # None if a restricted interpreter cannot know it
    text: str  # the value as it is written, `?` if unknown
    steps: list[str] = field(default_factory=list)


Span = tuple[int, int]  # characters (start, stop) of a program


@dataclass(frozen=True)
class Operand:
    """A name, or a value written out, in an expression."""

    span: Span
    reads: int | None  # index of the statement whose binding it reads; None: it is in the weights, or written out
    literal: bool = False  # a value written out


@dataclass(frozen=True)
class Statement:
    """Where a statement of a program stands, and what its operands read. Places are None where nothing is written."""

    kind: Literal["assign", "query"]
    language: str
    span: Span  # all of it
    expression: Span  # what is assigned, or asked for
    operands: tuple[Operand, ...]  # of the expression, in the order of evaluation
    meaning: Hashable  # the expression, whatever the language and the spelling of its names
    name: Span | None = None  # the name that an assignment binds
    binds: Hashable = None  # what that name means, whatever the language and the spelling
    hops: int = 1  # bindings to follow from an operand, one after the other; it reads the last of them
    sign: Span | None = None  # between name and value, or query and answer
    value: Span | None = (
        None  # what is assigned, or the answer; where answers are not written, what stands in its place
    )
    end: Span | None = None  # the end sign

    @property
    def reads(self) -> tuple[int | None, ...]:
        """Per operand the index of the statement whose binding it reads; None: no statement of this program."""
        return tuple(operand.reads for operand in self.operands)


class Unknown(Exception):
    """A restricted interpreter cannot know this value."""


class Interpreter(ABC):
    """Answers the queries of programs of one world.

    `without` takes one of the `faculties` away, to see what a solver could reach that lacks it.
    """

    faculties: tuple[str, ...]
    choices: int  # how many answers there can be
    specimen: str  # one of them
    words: frozenset[str] = frozenset()  # all of them, where answers are words; else they are numbers
    ends: tuple[str, ...]  # signs that end an answer; without any, an answer is one word
    spaced: bool  # the space before an answer is part of the sign before it, not of the answer
    written = True  # answers stand in programs; else another word stands where one is due

    def __init__(self, world: dict[str, Any], without: str | None = None):
        self.world, self.without = world, without
        self._latest: tuple[str, list[Statement]] | None = None

    def statements(self, program: str) -> list[Statement]:
        """The statements of a program, in order, with their places. The last query may lack its answer.

        Raises ProgramError if the text cannot be read.
        """
        if self._latest is None or self._latest[0] != program:  # a program is asked for in several ways, one by one
            self._latest = program, self._parsed(program)
        return self._latest[1]

    @abstractmethod
    def _parsed(self, program: str) -> list[Statement]:
        """What `statements` says, read from the text."""

    @abstractmethod
    def answers(self, program: str) -> list[Answer]:
        """The answer to every query of a program, in order. The last query may lack its answer.

        Raises ProgramError if the text cannot be read.
        """

    def answers_at(self, program: str) -> dict[int, Answer]:
        """The answers to the queries of a whole program, by the character at which they are due."""
        queries = [statement for statement in self.statements(program) if statement.kind == "query"]
        found = zip(queries, self.answers(program), strict=True)
        return {query.value[0]: answer for query, answer in found if query.value}

    def broken(self, program: str, rules: Section) -> str | None:
        """What a program does that the settings of its split rule out, in words; None if nothing."""
        return None

    @abstractmethod
    def asks(self, program: str) -> bool:
        """Whether a text ends where an answer is due."""


def interpreter(world: dict[str, Any], without: str | None = None) -> Interpreter:
    """The interpreter for a world document, by its task. Raises ProgramError if this is no such document."""
    task = world.get("task") if isinstance(world, dict) else None
    if task not in plugins.names("task"):
        raise ProgramError(
            "this is no world document; give the world.json of a variant, results/<study>/data/<variant>/world<k>"
        )
    return plugins.load("task", task, "interpreter").Interpreter(world, without)
