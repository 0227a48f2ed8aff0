"""Reads ListOps."""

import re
from typing import Any

from lolameme.study.sections import short
from lolameme.tasks import interpreter
from lolameme.tasks.interpreter import Answer, ProgramError, Statement


class Interpreter(interpreter.Interpreter):
    """Nested lists: `[MAX 2 9 [MIN 4 7 ] 0 ] -> 9;`. Without `nesting`, lists inside lists are not read."""

    faculties = ("nesting",)
    specimen, ends, spaced = "0", (";",), True

    def __init__(self, world: dict[str, Any], without: str | None = None):
        super().__init__(world, without)
        self.choices = world["modulus"]

    def _parsed(self, program: str) -> list[Statement]:
        found = re.fullmatch(r"\s*(\[.*?\])\s*(?:(->)\s*(?:([0-9])\s*(;)?\s*)?)?", program, re.DOTALL)
        if found is None:
            raise ProgramError(f"{program!r} is no program: a list, then `->`, its value and `;`")
        expression, sign, value, end = (found.span(i) if found[i] else None for i in range(1, 5))
        span = (expression[0], (end or value or sign or expression)[1])
        meaning = tuple(found[1].split())
        return [Statement("query", "listops", span, expression, (), meaning, sign=sign, value=value, end=end)]

    def answers(self, program: str) -> list[Answer]:
        text, _, _ = program.partition("->")
        words = text.split()
        steps: list[str] = []
        try:
            value = self._value(words, steps, outermost=True)
        except IndexError:
            raise ProgramError(f"{text.strip()!r} ends before its lists are closed") from None
        except RecursionError:
            raise ProgramError(f"{short(text.strip())} has too many lists inside lists; write fewer") from None
        if words:
            raise ProgramError(f"{' '.join(words)!r} follows a list that is closed")
        return [Answer(text.strip(), value, "?" if value is None else str(value), steps)]

    def asks(self, program: str) -> bool:
        return program.rstrip().endswith("->")

    def _value(self, words: list[str], steps: list[str], outermost: bool = False) -> int | None:
        """Take one argument off `words` and evaluate it."""
        word = words.pop(0)
        if re.fullmatch(r"[0-9]", word):
            return int(word)
        if word.removeprefix("[") not in self.world["operators"] or not word.startswith("["):
            allowed = ", ".join(f"[{operator}" for operator in self.world["operators"])
            raise ProgramError(f"{word!r} is neither a digit nor one of {allowed}")
        given = []
        while words[0] != "]":
            given.append(self._value(words, steps))
        words.pop(0)
        if not given:
            raise ProgramError(f"{word} ] has no arguments, so it has no value")
        known = [value for value in given if value is not None]
        if not known or (self.without == "nesting" and not outermost):
            return None
        value = applied(word[1:], known, self.world["modulus"])
        steps.append(f"{word} {' '.join(map(str, given))} ] is {value}")
        return value


def applied(operator: str, values: list[int], modulus: int) -> int:
    """The result of an operator on the values of its arguments."""
    ordered = sorted(values)
    middle = ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]
    return {"MAX": ordered[-1], "MIN": ordered[0], "MED": middle // 2, "SM": sum(ordered) % modulus}[operator]
