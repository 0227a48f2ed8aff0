"""An interpreter of program text, independent of the generator.

It reads nothing but the text and the world document (`world.json`), parses from scratch, and answers every query with
the steps that lead there. Data cards use it as the oracle, and tests hold the generator against it.
"""

import re
from dataclasses import dataclass, field
from typing import Any


class ProgramError(ValueError):
    """Text that is no program of these languages, as a sentence for the user."""


@dataclass
class Answer:
    """The answer to one query, with its reasoning."""

    query: str
    value: int | None  # None if a crippled interpreter cannot know it
    text: str  # the value as it is written, `?` if unknown
    steps: list[str] = field(default_factory=list)


class _Unknown(Exception):
    """A crippled interpreter cannot know this value."""


class Interpreter:
    """Answers the queries of programs in the languages of one world document.

    `without` takes a faculty away, to see what a solver could reach that lacks it: `globals` (no long-term memory),
    `locals` (assignments are not heeded) or `types` (every left operand counts as type 0).
    """

    def __init__(self, world: dict[str, Any], without: str | None = None):
        self.world, self.modulus, self.without = world, world["modulus"], without
        self.width = len(str(self.modulus - 1))
        self.concepts = world["concepts"]
        self.names: dict[str, dict[str, int]] = {name: {} for name in world["languages"]}
        for language, declared in world["languages"].items():
            for concept, entry in enumerate(self.concepts):
                for stem in declared["stems"][entry["stem"]]:
                    for head in declared["heads"][entry["head"]]:
                        self.names[language][_cased(stem, head, declared["casing"])] = concept

    def answers(self, program: str) -> list[Answer]:
        """The answer to every query of a program, in order. The last statement may stop after its answer sign.

        Raises ProgramError if the text cannot be read.
        """
        bound: dict[int, tuple[int | None, str]] = {}  # concept -> value, and the statement that bound it
        found = []
        rest = program.strip()
        while rest:
            language, statement, rest = self._statement(rest)
            declared = self.world["languages"][language]
            left, sign, right = _split(statement, declared)
            assigned = sign == declared["assign"]
            try:
                value, steps = self._evaluate(right if assigned else left, language, bound)
            except _Unknown:
                value, steps = None, []
            if not assigned:
                found.append(Answer(left.strip(), value, self._write(value), steps))
            elif self.without != "locals":
                bound[self._concept(left.strip(), language)] = (value, statement)
        return found

    def _statement(self, text: str) -> tuple[str, str, str]:
        """The language and text of the first statement, and what follows it.

        A statement ends at an end sign; its language is the one in which it reads as a statement.
        """
        for language, declared in self.world["languages"].items():
            statement, _, rest = text.partition(declared["end"])
            words = statement.split()
            signs = [w for w in words if not _is_operand(w)]
            known = {declared["assign"], declared["answer"], *declared["operators"]}
            names = [w for w in words if _is_operand(w) and not w.isdigit()]
            relations = [s for s in signs if s in (declared["assign"], declared["answer"])]
            if len(relations) == 1 and set(signs) <= known and all(n in self.names[language] for n in names):
                return language, statement.strip(), rest.strip()
        raise ProgramError(
            f"cannot read {text[:40]!r} in any of the languages {', '.join(self.world['languages'])}; "
            "a statement is NAME assign EXPRESSION end, or EXPRESSION answer VALUE end, with names of this world"
        )

    def _concept(self, name: str, language: str) -> int:
        if name not in self.names[language]:
            raise ProgramError(f"{name!r} is no name of {language}")
        return self.names[language][name]

    def _evaluate(self, text: str, language: str, bound: dict[int, tuple[int, str]]) -> tuple[int, list[str]]:
        """The value of an expression and the steps to it, operands from left to right."""
        signs = self.world["languages"][language]["operators"]
        words = text.split()
        if self.world["languages"][language]["order"] == "prefix":
            count = next((i for i, w in enumerate(words) if w not in signs), len(words))
            operators, operands = words[:count][::-1], words[count:]
        else:
            operands, operators = words[::2], words[1::2]
        if len(operands) != len(operators) + 1 or any(o not in signs for o in operators):
            raise ProgramError(f"{text.strip()!r} is no expression of {language}: operands and operators do not match")
        value, steps, kind = self._operand(operands[0], language, bound)
        for sign, operand in zip(operators, operands[1:], strict=True):
            right, more, _ = self._operand(operand, language, bound)
            operator = self.world["operators"][signs.index(sign)]
            result = operator["tables"][kind][value][right]
            function = operator["functions"][kind]
            steps += [*more, f"{self._write(value)} {sign} {self._write(right)} is {self._write(result)}: {function}"]
            if len(set(operator["functions"])) > 1:
                steps[-1] += f" (the left operand has type {kind})"
            value = result
        return value, steps

    def _operand(self, word: str, language: str, bound: dict) -> tuple[int, list[str], int]:
        """The value of an operand, how it is known, and its latent type (0 for a literal)."""
        if word.isdigit():
            if int(word) >= self.modulus:
                raise ProgramError(f"{word} is no value: values are 0 to {self.modulus - 1}")
            return int(word), [], 0
        concept = self._concept(word, language)
        known, kind = self.concepts[concept]["value"], self.concepts[concept]["type"]
        if self.without == "types":
            kind = 0
        if (bound[concept][0] if concept in bound else known) is None and self.without:
            raise _Unknown
        if concept not in bound and self.without == "globals":
            raise _Unknown
        if concept in bound:
            value, statement = bound[concept]
            shadow = f", not the global {self._write(known)}" if known is not None else ""
            return value, [f"{word} is {self._write(value)}: bound by `{statement}`{shadow}"], kind
        if known is None:
            raise ProgramError(f"{word} has no value: it is no global, and nothing before binds it")
        return known, [f"{word} is {self._write(known)}: a global"], kind

    def _write(self, value: int | None) -> str:
        return "?" if value is None else f"{value:0{self.width}d}"


def _cased(stem: str, head: str, casing: str) -> str:
    match casing:
        case "camel":
            return stem + head.title()
        case "pascal":
            return stem.title() + head.title()
        case "snake":
            return "_".join((stem, head))
        case "kebab":
            return "-".join((stem, head))
    raise ProgramError(f"unknown casing {casing!r}")


def _is_operand(word: str) -> bool:
    return re.fullmatch(r"\w+(-\w+)*", word) is not None


def _split(statement: str, declared: dict) -> tuple[str, str, str]:
    """A statement at its assignment or answer sign."""
    words = statement.split()
    at = next(i for i, w in enumerate(words) if w in (declared["assign"], declared["answer"]))
    return " ".join(words[:at]), words[at], " ".join(words[at + 1 :])
