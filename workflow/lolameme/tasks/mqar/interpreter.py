"""Reads multi-query associative recall."""

from typing import Any

from lolameme.tasks import interpreter
from lolameme.tasks.interpreter import Answer, ProgramError


class Interpreter(interpreter.Interpreter):
    """Key-value pairs, then keys among fillers. Without `locals`, the pairs are not heeded."""

    faculties = ("locals",)

    def __init__(self, world: dict[str, Any], without: str | None = None):
        super().__init__(world, without)
        self.choices = len(world["values"])
        self.kind = {word: kind for kind in ("keys", "values", "fillers") for word in world[kind]}

    def answers(self, program: str) -> list[Answer]:
        bound: dict[str, str] = {}
        found = []
        words = program.split()
        for word, after in zip(words, [*words[1:], None], strict=True):
            if word not in self.kind:
                raise ProgramError(f"{word!r} is no word of this world")
            if self.kind[word] != "keys":
                continue
            if word in bound:
                value = None if self.without else self.world["values"].index(bound[word])
                steps = [f"{word} is {bound[word]}: the pair `{word} {bound[word]}`"]
                found.append(Answer(word, value, "?" if value is None else bound[word], steps))
            elif after is not None and self.kind.get(after) == "values":
                bound[word] = after
            else:
                raise ProgramError(f"the key {word!r} is asked for, but no pair binds it")
        return found

    def asks(self, program: str) -> bool:
        return self.kind.get(program.split()[-1] if program.split() else "") == "keys"
