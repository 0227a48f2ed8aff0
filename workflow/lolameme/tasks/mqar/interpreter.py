"""Reads multi-query associative recall."""

import re
from typing import Any

from lolameme.tasks import interpreter
from lolameme.tasks.interpreter import Answer, Operand, ProgramError, Statement


class Interpreter(interpreter.Interpreter):
    """Key-value pairs, then keys among fillers. Without `locals`, the pairs are not heeded.

    Where the world has no words that only fill, any key or value does: pairs are then the keys and values that a
    sequence starts with, and a key asks for its value if that follows, or if it ends the text.

    Where answers are not written, words come by twos: up to so many pairs as the world says, then twos of which the
    first may be a key that asks. All that a pair binds are then taken to ask: which of them training asks for, text
    does not tell.
    """

    faculties = ("locals",)
    ends, spaced = (), False

    def __init__(self, world: dict[str, Any], without: str | None = None):
        super().__init__(world, without)
        self.choices, self.specimen, self.words = len(world["values"]), world["values"][0], frozenset(world["values"])
        self.written = world.get("answers") != "asked"
        self.fillers = bool(world["fillers"]) and self.written  # no other word fills
        self.kind = {word: kind for kind in ("keys", "values", "fillers") for word in world[kind]}

    def _parsed(self, program: str) -> list[Statement]:
        bound: dict[str, int] = {}  # key -> the statement that is its pair
        found: list[Statement] = []
        words = [(match[0], match.span()) for match in re.finditer(r"\S+", program)]
        for i, ((word, place), (after, value)) in enumerate(zip(words, [*words[1:], (None, None)], strict=True)):
            if word not in self.kind:
                raise ProgramError(f"{word!r} is no word of this world")
            if self.kind[word] != "keys" or (i % 2 and not self.written):
                continue
            span = (place[0], (value or place)[1])
            first = i == 2 * len(bound) and (self.written or len(bound) < self.world["pairs"])
            if word not in bound and self.kind.get(after) == "values" and (self.fillers or first):
                bound[word] = len(found)
                written = (Operand(value, None, literal=True),)
                found.append(
                    Statement("assign", "mqar", span, value, written, after, name=place, binds=word, value=value)
                )
            elif word in bound and (self.fillers or not self.written or after in (None, found[bound[word]].meaning)):
                asked = (Operand(place, bound[word]),)
                found.append(Statement("query", "mqar", span, place, asked, word, value=value))
            elif self.fillers or (after is None and not self.written):
                raise ProgramError(f"the key {word!r} is asked for, but no pair binds it")
        return found

    def answers(self, program: str) -> list[Answer]:
        statements, found = self.statements(program), []
        for query in statements:
            if query.kind == "assign":
                continue
            key, word = query.meaning, statements[query.reads[0]].meaning
            value = None if self.without else self.world["values"].index(word)
            steps = [f"{key} is {word}: the pair `{key} {word}`"]
            found.append(Answer(key, value, "?" if value is None else word, steps))
        return found

    def asks(self, program: str) -> bool:
        last = self.statements(program)[-1:]
        return bool(last) and last[0].kind == "query" and last[0].value is None
