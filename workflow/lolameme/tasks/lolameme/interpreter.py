"""Reads programs in the languages of one world."""

import re
from typing import Any

from lolameme.tasks import interpreter
from lolameme.tasks.interpreter import Answer, Operand, ProgramError, Span, Statement, Unknown

_SPACE = re.compile(r"\s*")


class Interpreter(interpreter.Interpreter):
    """Programs in the languages of one world document.

    Without `globals` there is no long-term memory, without `locals` assignments are not heeded, and without `types`
    every left operand counts as type 0.
    """

    faculties = ("globals", "locals", "types")
    spaced = True

    def __init__(self, world: dict[str, Any], without: str | None = None):
        super().__init__(world, without)
        self.modulus = self.choices = world["modulus"]
        self.width = len(str(self.modulus - 1))
        self.specimen, self.ends = self._write(0), tuple(each["end"] for each in world["languages"].values())
        self.concepts = world["concepts"]
        self.names: dict[str, dict[str, int]] = {name: {} for name in world["languages"]}
        for language, declared in world["languages"].items():
            for concept, entry in enumerate(self.concepts):
                for stem in declared["stems"][entry["stem"]]:
                    for head in declared["heads"][entry["head"]]:
                        self.names[language][_cased(stem, head, declared["casing"])] = concept

    def statements(self, program: str) -> list[Statement]:
        latest: dict[int, int] = {}  # concept -> the statement that bound it last
        found: list[Statement] = []
        at = _SPACE.match(program).end()
        while at < len(program):
            statement = self._statement(program, at, latest)
            if statement.kind == "assign":
                latest[statement.binds] = len(found)
            found.append(statement)
            at = _SPACE.match(program, statement.span[1]).end()
        return found

    def answers(self, program: str) -> list[Answer]:
        values: list[int | None] = []  # per statement
        found, statements = [], self.statements(program)
        for statement in statements:
            try:
                value, steps = self._evaluate(program, statement, statements, values)
            except Unknown:
                value, steps = None, []
            values.append(value)
            if statement.kind == "query":
                found.append(Answer(program[slice(*statement.expression)], value, self._write(value), steps))
        return found

    def stored(self, statement: Statement, i: int) -> str:
        """The value of an operand that reads no binding: written out, or held by the weights."""
        meant = statement.meaning[1][i]
        return meant if statement.operands[i].literal else self._write(self.concepts[meant]["value"])

    def operation(self, statement: Statement, i: int) -> list[list[int]]:
        """The results of the operator after operand `i` of an expression, by the values on its left and its right."""
        first = statement.meaning[1][0]
        kind = 0 if statement.operands[0].literal else self.concepts[first]["type"]
        return self.world["operators"][statement.meaning[0][i]]["tables"][kind]

    def asks(self, program: str) -> bool:
        return program.rstrip().endswith(tuple(f" {each['answer']}" for each in self.world["languages"].values()))

    def translate(self, program: str, language: str) -> str:
        """The same program in another language of this world, every name in its plainest spelling."""
        target, written = self.world["languages"][language], []
        for statement in self.statements(program):
            operators, _ = statement.meaning
            signs = [target["operators"][operator] for operator in operators]
            words = [self._name(program[slice(*o.span)], statement.language, language) for o in statement.operands]
            if target["order"] == "prefix":
                expression = " ".join([*signs[::-1], *words])
            else:
                expression = " ".join([words[0], *(w for pair in zip(signs, words[1:], strict=True) for w in pair)])
            if statement.kind == "assign":
                name = self._name(program[slice(*statement.name)], statement.language, language)
                written.append(f"{name} {target['assign']} {expression}{target['end']}")
            else:
                answer = program[slice(*statement.value)] if statement.value else ""
                written.append(f"{expression} {target['answer']} {answer}{target['end']}")
        return " ".join(written)

    def _name(self, word: str, source: str, language: str) -> str:
        """A name in another language; a literal stays as it is."""
        if word.isdigit():
            return word
        entry, declared = self.concepts[self._concept(word, source)], self.world["languages"][language]
        return _cased(declared["stems"][entry["stem"]][0], declared["heads"][entry["head"]][0], declared["casing"])

    def _statement(self, program: str, at: int, latest: dict[int, int]) -> Statement:
        """The statement that starts at character `at`; `latest` says which statement bound a concept last.

        A statement ends at an end sign; its language is the one in which it reads as a statement.
        """
        for language, declared in self.world["languages"].items():
            end = program.find(declared["end"], at)
            words = list(re.finditer(r"\S+", program[at : end if end >= 0 else None]))
            signs = [i for i, word in enumerate(words) if word[0] in (declared["assign"], declared["answer"])]
            if len(signs) != 1:
                continue
            left, sign, right = words[: signs[0]], words[signs[0]], words[signs[0] + 1 :]
            assigned = sign[0] == declared["assign"]
            expression, beside = (right, left) if assigned else (left, right)
            try:
                operators, operands = self._parse(expression, language)
            except ProgramError:
                continue
            if len(beside) > 1 or (assigned and not beside) or any(word[0].isdigit() == assigned for word in beside):
                continue
            names = [word[0] for word in [*operands, *beside] if not word[0].isdigit()]
            if not all(name in self.names[language] for name in names):
                continue
            for word in [*operands, *beside]:
                if word[0].isdigit():
                    self._check_value(word[0])
            meant = [word[0] if word[0].isdigit() else self.names[language][word[0]] for word in operands]
            closed = (end, end + len(declared["end"])) if end >= 0 else None
            return Statement(
                kind="assign" if assigned else "query",
                language=language,
                span=(at, closed[1] if closed else at + words[-1].end()),
                expression=_span(expression, at),
                operands=tuple(
                    Operand(_span([word], at), latest.get(concept), literal=word[0].isdigit())
                    for word, concept in zip(operands, meant, strict=True)
                ),
                meaning=(tuple(declared["operators"].index(word[0]) for word in operators), tuple(meant)),
                name=_span(left, at) if assigned else None,
                binds=self.names[language][left[0][0]] if assigned else None,
                sign=_span([sign], at),
                value=_span(right, at),
                end=closed,
            )
        raise ProgramError(
            f"cannot read {program[at:][:40]!r} in any of the languages {', '.join(self.world['languages'])}; "
            "a statement is NAME assign EXPRESSION end, or EXPRESSION answer VALUE end, with names of this world"
        )

    def _check_value(self, word: str) -> None:
        """Raise ProgramError if a word of digits is not written as a value of this world."""
        if len(word) != self.width or int(word) >= self.modulus:
            raise ProgramError(
                f"{word} is no value: values are {self._write(0)} to {self._write(self.modulus - 1)}, "
                f"written with {self.width} digit{'s' if self.width > 1 else ''}"
            )

    def _concept(self, name: str, language: str) -> int:
        if name not in self.names[language]:
            raise ProgramError(f"{name!r} is no name of {language}")
        return self.names[language][name]

    def _parse(self, words: list[re.Match], language: str) -> tuple[list[re.Match], list[re.Match]]:
        """The operators and operands of an expression, in the order of evaluation."""
        signs = self.world["languages"][language]["operators"]
        if self.world["languages"][language]["order"] == "prefix":
            count = next((i for i, word in enumerate(words) if word[0] not in signs), len(words))
            operators, operands = words[:count][::-1], words[count:]
        else:
            operands, operators = words[::2], words[1::2]
        shaped = len(operands) == len(operators) + 1 and all(word[0] in signs for word in operators)
        if not shaped or not all(_is_operand(word[0]) for word in operands):
            text = " ".join(word[0] for word in words)
            raise ProgramError(f"{text!r} is no expression of {language}: operands and operators do not match")
        return operators, operands

    def _evaluate(
        self, program: str, statement: Statement, statements: list[Statement], values: list[int | None]
    ) -> tuple[int, list[str]]:
        """The value of a statement's expression and the steps to it, operands from left to right.

        `values` are those of the statements before it.
        """
        signs = self.world["languages"][statement.language]["operators"]
        kind, steps = 0, []
        for i, (operand, meant) in enumerate(zip(statement.operands, statement.meaning[1], strict=True)):
            right, more, right_kind = self._operand(program, operand, meant, statements, values)
            steps += more
            if i == 0:
                value, kind = right, right_kind
                continue
            sign = statement.meaning[0][i - 1]
            operator = self.world["operators"][sign]
            result, function = operator["tables"][kind][value][right], operator["functions"][kind]
            steps.append(
                f"{self._write(value)} {signs[sign]} {self._write(right)} is {self._write(result)}: {function}"
            )
            if len(set(operator["functions"])) > 1:
                steps[-1] += f" (the left operand has type {kind})"
            value = result
        return value, steps

    def _operand(
        self, program: str, operand: Operand, meant: str | int, statements: list[Statement], values: list[int | None]
    ) -> tuple[int, list[str], int]:
        """The value of an operand, how it is known, and its latent type (0 for a value written out)."""
        word = program[slice(*operand.span)]
        if operand.literal:
            return int(word), [], 0
        known, kind = self.concepts[meant]["value"], self.concepts[meant]["type"]
        if self.without == "types":
            kind = 0
        source = None if self.without == "locals" else operand.reads
        if source is None:
            if known is None and self.without is None:
                raise ProgramError(f"{word} has no value: it is no global, and nothing before binds it")
            if known is None or self.without == "globals":
                raise Unknown
            return known, [f"{word} is {self._write(known)}: a global"], kind
        value, binding = values[source], statements[source]
        if value is None:
            raise Unknown
        shadow = f", not the global {self._write(known)}" if known is not None else ""
        written = program[binding.span[0] : binding.expression[1]]
        return value, [f"{word} is {self._write(value)}: bound by `{written}`{shadow}"], kind

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


def _span(words: list[re.Match], offset: int) -> Span | None:
    """The characters from the first to the last of some words, which were found `offset` characters in."""
    return (offset + words[0].start(), offset + words[-1].end()) if words else None
