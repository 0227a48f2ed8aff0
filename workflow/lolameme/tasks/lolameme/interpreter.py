"""Reads programs in the languages of one world."""

import re
from typing import Any

from lolameme.tasks import interpreter
from lolameme.tasks.interpreter import Answer, ProgramError, Unknown


class Interpreter(interpreter.Interpreter):
    """Programs in the languages of one world document.

    Without `globals` there is no long-term memory, without `locals` assignments are not heeded, and without `types`
    every left operand counts as type 0.
    """

    faculties = ("globals", "locals", "types")

    def __init__(self, world: dict[str, Any], without: str | None = None):
        super().__init__(world, without)
        self.modulus = self.choices = world["modulus"]
        self.width = len(str(self.modulus - 1))
        self.concepts = world["concepts"]
        self.names: dict[str, dict[str, int]] = {name: {} for name in world["languages"]}
        for language, declared in world["languages"].items():
            for concept, entry in enumerate(self.concepts):
                for stem in declared["stems"][entry["stem"]]:
                    for head in declared["heads"][entry["head"]]:
                        self.names[language][_cased(stem, head, declared["casing"])] = concept

    def answers(self, program: str) -> list[Answer]:
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
            except Unknown:
                value, steps = None, []
            if not assigned:
                found.append(Answer(left.strip(), value, self._write(value), steps))
            elif self.without != "locals":
                bound[self._concept(left.strip(), language)] = (value, statement)
        return found

    def asks(self, program: str) -> bool:
        return program.rstrip().endswith(tuple(f" {each['answer']}" for each in self.world["languages"].values()))

    def translate(self, program: str, language: str) -> str:
        """The same program in another language of this world, every name in its plainest spelling."""
        target, written, rest = self.world["languages"][language], [], program.strip()
        while rest:
            source, statement, rest = self._statement(rest)
            declared = self.world["languages"][source]
            left, sign, right = _split(statement, declared)
            assigned = sign == declared["assign"]
            operators, operands = self._parse(right if assigned else left, source)
            signs = [target["operators"][declared["operators"].index(operator)] for operator in operators]
            words = [self._name(word, source, language) for word in operands]
            if target["order"] == "prefix":
                expression = " ".join([*signs[::-1], *words])
            else:
                expression = " ".join([words[0], *(w for pair in zip(signs, words[1:], strict=True) for w in pair)])
            if assigned:
                written.append(f"{self._name(left, source, language)} {target['assign']} {expression}{target['end']}")
            else:
                written.append(f"{expression} {target['answer']} {right}{target['end']}")
        return " ".join(written)

    def _name(self, word: str, source: str, language: str) -> str:
        """A name in another language; a literal stays as it is."""
        if word.isdigit():
            return word
        entry, declared = self.concepts[self._concept(word, source)], self.world["languages"][language]
        return _cased(declared["stems"][entry["stem"]][0], declared["heads"][entry["head"]][0], declared["casing"])

    def _statement(self, text: str) -> tuple[str, str, str]:
        """The language and text of the first statement, and what follows it.

        A statement ends at an end sign; its language is the one in which it reads as a statement.
        """
        for language, declared in self.world["languages"].items():
            statement, _, rest = text.partition(declared["end"])
            words = statement.split()
            relations = [word for word in words if word in (declared["assign"], declared["answer"])]
            if len(relations) != 1:
                continue
            left, sign, right = _split(statement, declared)
            names = [word for word in words if _is_operand(word) and not word.isdigit()]
            try:
                self._parse(right if sign == declared["assign"] else left, language)
            except ProgramError:
                continue
            if all(name in self.names[language] for name in names):
                return language, statement.strip(), rest.strip()
        raise ProgramError(
            f"cannot read {text[:40]!r} in any of the languages {', '.join(self.world['languages'])}; "
            "a statement is NAME assign EXPRESSION end, or EXPRESSION answer VALUE end, with names of this world"
        )

    def _concept(self, name: str, language: str) -> int:
        if name not in self.names[language]:
            raise ProgramError(f"{name!r} is no name of {language}")
        return self.names[language][name]

    def _parse(self, text: str, language: str) -> tuple[list[str], list[str]]:
        """The operators and operands of an expression, in the order of evaluation."""
        signs = self.world["languages"][language]["operators"]
        words = text.split()
        if self.world["languages"][language]["order"] == "prefix":
            count = next((i for i, w in enumerate(words) if w not in signs), len(words))
            operators, operands = words[:count][::-1], words[count:]
        else:
            operands, operators = words[::2], words[1::2]
        shaped = len(operands) == len(operators) + 1 and all(o in signs for o in operators)
        if not shaped or not all(_is_operand(o) for o in operands):
            raise ProgramError(f"{text.strip()!r} is no expression of {language}: operands and operators do not match")
        return operators, operands

    def _evaluate(self, text: str, language: str, bound: dict[int, tuple[int, str]]) -> tuple[int, list[str]]:
        """The value of an expression and the steps to it, operands from left to right."""
        signs = self.world["languages"][language]["operators"]
        operators, operands = self._parse(text, language)
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
            raise Unknown
        if concept not in bound and self.without == "globals":
            raise Unknown
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
