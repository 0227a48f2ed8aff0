"""Reads Depo."""

import re
from typing import Any

from lolameme.study.sections import short
from lolameme.tasks import interpreter
from lolameme.tasks.interpreter import Answer, Operand, ProgramError, Statement

_HOPS = re.compile(r"[1-9][0-9]{0,5}")


class Interpreter(interpreter.Interpreter):
    """Edges `x y`, then queries `k x` with their answers. Without `locals`, edges are not heeded; without
    `composition`, only one edge is gone along.
    """

    faculties = ("locals", "composition")
    ends, spaced = (), False

    def __init__(self, world: dict[str, Any], without: str | None = None):
        super().__init__(world, without)
        self.nodes = self.words = frozenset(world["nodes"])
        self.choices, self.specimen = len(world["nodes"]), world["nodes"][0]

    def _parsed(self, program: str) -> list[Statement]:
        words = [(match[0], match.span()) for match in re.finditer(r"\S+", program)]
        for word, _ in words:
            if word not in self.nodes and not word.isdigit():
                raise ProgramError(f"{word!r} is neither a node of this world nor a number of hops")
        found: list[Statement] = []
        edges: dict[str, int] = {}  # node -> the statement that says what follows it
        while words and not words[0][0].isdigit():
            (start, name), (end, value) = (words.pop(0), words.pop(0)) if len(words) > 1 else ((None, None),) * 2
            if start is None or end.isdigit():
                raise ProgramError(f"an edge ends too early in {program!r}: it is two nodes")
            if start in edges:
                raise ProgramError(f"two edges start at {start!r}, so what follows it is not known")
            edges[start] = len(found)
            span, written = (name[0], value[1]), (Operand(value, None, literal=True),)
            found.append(Statement("assign", "depo", span, value, written, end, name=name, binds=start, value=value))
        while words:
            if len(words) < 2 or not _HOPS.fullmatch(words[0][0]) or words[1][0].isdigit():
                raise ProgramError(
                    f"cannot read {short(words[0][0])} as a query: a number of hops from 1 to 999999, then a node"
                )
            (hops, number), (start, name) = words.pop(0), words.pop(0)
            value = words.pop(0)[1] if words and not words[0][0].isdigit() else None
            way = self._way(start, int(hops), edges, found)
            asked, span = (number[0], name[1]), (number[0], (value or name)[1])
            operand = Operand(name, way[-1])
            meaning = (int(hops), start)
            found.append(Statement("query", "depo", span, asked, (operand,), meaning, hops=int(hops), value=value))
        return found

    def answers(self, program: str) -> list[Answer]:
        statements = self.statements(program)
        edges = {s.binds: i for i, s in enumerate(statements) if s.kind == "assign"}
        found = []
        for query in (s for s in statements if s.kind == "query"):
            (hops, start), text = query.meaning, program[slice(*query.expression)]
            if self.without == "locals":
                found.append(Answer(text, None, "?"))
                continue
            way = self._way(start, 1 if self.without == "composition" else hops, edges, statements)
            steps = [f"{statements[i].meaning} follows {statements[i].binds}" for i in way]
            word = statements[way[-1]].meaning
            found.append(Answer(text, self.world["nodes"].index(word), word, steps))
        return found

    def asks(self, program: str) -> bool:
        words = program.split()
        return len(words) > 1 and words[-2].isdigit() and words[-1] in self.nodes

    def _way(self, start: str, hops: int, edges: dict[str, int], statements: list[Statement]) -> list[int]:
        """The edges, as numbers of statements, that lead `hops` nodes on."""
        way: list[int] = []
        for _ in range(hops):
            if start not in edges:
                raise ProgramError(f"nothing says what follows {start!r}")
            way.append(edges[start])
            start = statements[edges[start]].meaning
        return way
