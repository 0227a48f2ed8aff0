"""Interpreters of program text, independent of the generators.

They read nothing but the text and the document of its world (`world.json`), parse from scratch, and answer every query
with the steps that lead there. Data cards use them as the oracle, and tests hold the generators against them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from lolameme.study import plugins


class ProgramError(ValueError):
    """Text that is no program of these languages, as a sentence for the user."""


@dataclass
class Answer:
    """The answer to one query, with its reasoning."""

    query: str
    value: int | None  # None if a restricted interpreter cannot know it
    text: str  # the value as it is written, `?` if unknown
    steps: list[str] = field(default_factory=list)


class Unknown(Exception):
    """A restricted interpreter cannot know this value."""


class Interpreter(ABC):
    """Answers the queries of programs of one world.

    `without` takes one of the `faculties` away, to see what a solver could reach that lacks it.
    """

    faculties: tuple[str, ...]
    choices: int  # how many answers there can be

    def __init__(self, world: dict[str, Any], without: str | None = None):
        self.world, self.without = world, without

    @abstractmethod
    def answers(self, program: str) -> list[Answer]:
        """The answer to every query of a program, in order. The last query may lack its answer.

        Raises ProgramError if the text cannot be read.
        """

    @abstractmethod
    def asks(self, program: str) -> bool:
        """Whether a text ends where an answer is due."""


def interpreter(world: dict[str, Any], without: str | None = None) -> Interpreter:
    """The interpreter for a world document, by its task. Raises ProgramError if this is no such document."""
    task = world.get("task") if isinstance(world, dict) else None
    if task not in plugins.names("task"):
        raise ProgramError(
            "this is no world document; give the world.json of a variant, results/<study>/data/<variant>"
        )
    return plugins.load("task", task, "interpreter").Interpreter(world, without)
