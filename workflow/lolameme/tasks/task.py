"""What a task is to the data rules: lexemes, the truth about them, and programs drawn in chunks.

A task is a folder beside this file: `settings` (its `Variant`), `generator` (its `Task`), `columns` (what its records
say besides the common columns), `interpreter` (its `Interpreter`, which reads text and knows nothing of the
generator) and `floor` (its `guesses`, what can be said without binding). `lolameme` is the task of this study's
languages; the others are public tasks beside it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from lolameme.base.seeds import generator
from lolameme.study import plugins
from lolameme.study.config import Study
from lolameme.study.sections import ConfigError
from lolameme.study.settings import Language
from lolameme.tasks.lexemes import Lexemes, Rendered


@dataclass(frozen=True)
class Drawn:
    """N programs with Q queries in all."""

    rendered: Rendered
    columns: dict[str, np.ndarray]  # (Q,) each: the columns that the task fills; of the common ones, what is not so
    # everywhere: language, value_share, distance, nearest, asked_before, prompt
    kept: np.ndarray  # (N,) bool: the program belongs into its split


class Task(ABC):
    """The task of one variant. Programs are a function of the configuration and the generator given."""

    lexemes: Lexemes
    names: dict[str, list[str]]  # per language or kind: the words that programs are made of, for the data card
    longest: int  # lexemes of the longest program there can be
    pattern: str  # how text falls into pieces, see `tokenizer.PATTERNS`
    apart = False  # answers do not stand in programs, and are one token each: `Rendered.apart` says which

    def __init__(self, variant: Any, languages: dict[str, Language], seed: int):
        """`variant` is of the task's own `settings`; `languages` are those that the study declares."""
        self.variant, self.seed = variant, seed
        self.programs = self.variant.programs()

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """The hidden truth, as JSON: all that an independent interpreter needs."""

    @abstractmethod
    def draw(self, split: str, count: int, rng: np.random.Generator, first: int) -> Drawn:
        """Draw programs of a split; `first` counts those drawn before.

        Raises ConfigError if the world leaves nothing to draw from.
        """

    def every_fact(self) -> int | None:
        """How many programs ask for every fact once, where a variant holds nothing out."""
        return None


def build_task(study: Study, name: str, world: int) -> Task:
    """The task of a variant in the world of this seed. Raises ConfigError if some split of it cannot be drawn."""
    variant = study.variants[name]
    task: Task = plugins.load("task", variant.task, "generator").Task(variant, study.languages, world)
    for split in task.programs:
        try:
            task.draw(split, 1, generator(task.seed, "check"), 0)
        except ConfigError as error:
            raise ConfigError(f"variants.{name}: split {split}: {error}") from None
    return task
