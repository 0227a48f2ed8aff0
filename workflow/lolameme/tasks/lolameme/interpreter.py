"""Reads programs in the languages of one world."""

import functools
import re
from dataclasses import dataclass
from typing import Any

from lolameme.tasks import interpreter
from lolameme.tasks.interpreter import Answer, Operand, ProgramError, Span, Statement, Unknown
from lolameme.tasks.lolameme.settings import Program

_SPACE, _WORD, _OPERAND = re.compile(r"\s*"), re.compile(r"\S+"), re.compile(r"\w+(-\w+)*")
_REMEMBERED = 1 << 14  # statements; in recall few differ, and they are most of what is read


@dataclass(frozen=True)
class _Read:
    """A statement wherever it stands: places are counted from its start."""

    assigned: bool
    expression: Span
    operands: tuple[Span, ...]
    meaning: tuple[tuple[int, ...], tuple[str | int, ...]]  # operators, and operands: concepts, or values written out
    binds: int | None
    left: Span | None  # of the sign
    sign: Span
    right: Span | None
    stop: int  # of the last word


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
        self.ends_in = {name: declared["end"] for name, declared in world["languages"].items()}
        self.specimen, self.ends = self._write(0), tuple(self.ends_in.values())
        self._read = functools.lru_cache(_REMEMBERED)(self._words)
        self.concepts = world["concepts"]
        self.unseen = set(map(tuple, world.get("unseen_pairs", ())))
        self.taught = {language: set(concepts) for language, concepts in world.get("taught", {}).items()}
        self.names: dict[str, dict[str, int]] = {name: {} for name in world["languages"]}
        for language, declared in world["languages"].items():
            for concept, entry in enumerate(self.concepts):
                for stem in declared["stems"][entry["stem"]]:
                    for head in declared["heads"][entry["head"]]:
                        self.names[language][_cased(stem, head, declared["casing"])] = concept

    def _parsed(self, program: str) -> list[Statement]:
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

    def broken(self, program: str, rules: Program) -> str | None:
        statements, values = self.statements(program), []
        for statement in statements:
            pairs: list[tuple[int, int]] = []
            values.append(self._evaluate(program, statement, statements, values, pairs)[0])
            met = any(pair in self.unseen for pair in pairs)
            if met if rules.pairs == "seen" else statement.kind == "query" and not met:
                return f"pairs of values that are not {rules.pairs}"
            bound = self.concepts[statement.binds] if statement.binds is not None else None
            if bound and bound["value"] is None:
                kind = "unseen" if bound["unseen"] else "irregular" if bound["irregular"] else "seen"
                if kind != rules.names and (kind, rules.names) != ("irregular", "seen"):
                    return f"names that are not {rules.names}"
            meant = zip(statement.operands, statement.meaning[1], strict=True)
            used = {concept for operand, concept in meant if operand.reads is None and not operand.literal}
            taught = used & self.taught.get(statement.language, used)
            if rules.ask != "any" and used != (taught if rules.ask == "taught" else used - taught):
                return f"globals that are not {rules.ask} in their language"
        return None

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
        for language, sign in self.ends_in.items():
            end = program.find(sign, at)
            found = self._read(language, program[at : end if end >= 0 else None])
            if found is None:
                continue
            closed = (end, end + len(sign)) if end >= 0 else None
            operands, meant = found.operands, found.meaning[1]
            return Statement(
                kind="assign" if found.assigned else "query",
                language=language,
                span=(at, closed[1] if closed else at + found.stop),
                expression=(at + found.expression[0], at + found.expression[1]),
                operands=tuple(
                    Operand((at + start, at + stop), latest.get(concept), literal=isinstance(concept, str))
                    for (start, stop), concept in zip(operands, meant, strict=True)
                ),
                meaning=found.meaning,
                name=_moved(found.left, at) if found.assigned else None,
                binds=found.binds,
                sign=_moved(found.sign, at),
                value=_moved(found.right, at),
                end=closed,
            )
        raise ProgramError(
            f"cannot read {program[at:][:40]!r} in any of the languages {', '.join(self.world['languages'])}; "
            "a statement is NAME assign EXPRESSION end, or EXPRESSION answer VALUE end, with names of this world"
        )

    def _words(self, language: str, text: str) -> "_Read | None":
        """A statement, without its end sign, in a language; None if it is none there.

        Raises ProgramError where a value is not written as values of this world are.
        """
        declared = self.world["languages"][language]
        words = list(_WORD.finditer(text))
        signs = [i for i, word in enumerate(words) if word[0] in (declared["assign"], declared["answer"])]
        if len(signs) != 1:
            return None
        left, sign, right = words[: signs[0]], words[signs[0]], words[signs[0] + 1 :]
        assigned = sign[0] == declared["assign"]
        expression, beside = (right, left) if assigned else (left, right)
        try:
            operators, operands = self._parse(expression, language)
        except ProgramError:
            return None
        if len(beside) > 1 or (assigned and not beside) or any(word[0].isdigit() == assigned for word in beside):
            return None
        names = [word[0] for word in [*operands, *beside] if not word[0].isdigit()]
        if not all(name in self.names[language] for name in names):
            return None
        for word in [*operands, *beside]:
            if word[0].isdigit():
                self._check_value(word[0])
        return _Read(
            assigned=assigned,
            expression=(expression[0].start(), expression[-1].end()),
            operands=tuple(word.span() for word in operands),
            meaning=(
                tuple(declared["operators"].index(word[0]) for word in operators),
                tuple(word[0] if word[0].isdigit() else self.names[language][word[0]] for word in operands),
            ),
            binds=self.names[language][left[0][0]] if assigned else None,
            left=_span(left),
            sign=sign.span(),
            right=_span(right),
            stop=words[-1].end(),
        )

    def _check_value(self, word: str) -> None:
        """Raise ProgramError if a word of digits is not written as a value of this world."""
        if len(word) != self.width or not word.isascii() or int(word) >= self.modulus:
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
        self, program: str, statement: Statement, statements: list[Statement], values: list[int | None],
        pairs: list[tuple[int, int]] | None = None,
    ) -> tuple[int, list[str]]:  # fmt: skip
        """The value of a statement's expression and the steps to it, operands from left to right.

        `values` are those of the statements before it; the values that operators meet are added to `pairs`.
        """
        signs = self.world["languages"][statement.language]["operators"]
        kind, steps = 0, []
        for i, (operand, meant) in enumerate(zip(statement.operands, statement.meaning[1], strict=True)):
            right, more, right_kind = self._operand(program, operand, meant, statements, values)
            steps += more
            if i == 0:
                value, kind = right, right_kind
                continue
            if pairs is not None:
                pairs.append((value, right))
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
    return _OPERAND.fullmatch(word) is not None


def _span(words: list[re.Match]) -> Span | None:
    """The characters from the first to the last of some words; None, if there are none."""
    return (words[0].start(), words[-1].end()) if words else None


def _moved(span: Span | None, by: int) -> Span | None:
    return span and (span[0] + by, span[1] + by)
