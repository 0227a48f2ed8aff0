"""ListOps: nested prefix lists over the digits, `[MAX 2 9 [MIN 4 7 ] 0 ] -> 9;`.

The task of Nangia & Bowman (2018, arXiv 1804.06028, section 2), with lengths bounded as in Long Range Arena (arXiv
2011.04006, section 2.2.1): MAX, MIN, MED (median, rounded down) and SM (sum modulo 10). Other than there, the depth of
a program is drawn first, and one list per level is made to reach it; so depths are as frequent as the configuration
says. Lists of all programs are drawn level by level, never one by one.
"""

from dataclasses import dataclass

import numpy as np

from lolameme.study.settings import Language
from lolameme.tasks import task
from lolameme.tasks.lexemes import Lexemes, Ragged, Rendered, starts
from lolameme.tasks.listops.settings import Program, Variant
from lolameme.tasks.task import Drawn

DIGITS = 10


class Task(task.Task):
    """The task of a ListOps variant. Lexemes: digits, operators, closing bracket, answer and end sign, answers."""

    pattern = "words"

    def __init__(self, variant: Variant, languages: dict[str, Language], seed: int):
        super().__init__(variant, languages, seed)
        programs = self.programs.values()
        self.operators = tuple(dict.fromkeys(operator for p in programs for operator in p.operators))
        self.lexemes = Lexemes(
            [f" {d}" for d in range(DIGITS)]
            + [f" [{operator}" for operator in self.operators]
            + [" ]", " -> ", ";"]
            + [str(d) for d in range(DIGITS)]  # as answers: the space before one belongs to the sign
        )
        self.longest = max(p.length[1] for p in programs) + 3
        self.names = {"listops": [text.strip() for text in self.lexemes.texts[:-DIGITS]]}

    def document(self) -> dict:
        return {"task": "listops", "modulus": DIGITS, "operators": list(self.operators)}

    def draw(self, split: str, count: int, rng: np.random.Generator, first: int) -> Drawn:
        settings = self.programs[split]
        levels = draw_levels(settings, count, rng)
        evaluate(levels, settings.operators)
        base = np.array([DIGITS + self.operators.index(operator) for operator in settings.operators])
        close = DIGITS + len(self.operators)
        rows, digits = lay_out(levels, base, close, count)
        answer = levels[0].value
        symbols = rows.lengths
        ended = np.empty(len(rows.flat) + 3 * count, np.int64)  # with ` -> ANSWER ;`
        offsets = rows.offsets + 3 * np.arange(count + 1)
        inside = np.ones(len(ended), bool)
        for i, lexeme in ((3, close + 1), (2, close + 3 + answer), (1, close + 2)):
            ended[offsets[1:] - i], inside[offsets[1:] - i] = lexeme, False
        ended[inside] = rows.flat
        equal = np.add.reduceat(rows.flat == np.repeat(answer, symbols), rows.offsets[:-1])
        columns = {
            "operands": digits,
            "depth": np.sum([np.bincount(level.program, minlength=count) > 0 for level in levels], axis=0),
            "value_share": equal / digits,
        }
        kept = (symbols >= settings.length[0]) & (symbols <= settings.length[1])
        nothing = np.full(count, -1)
        answers = Ragged(offsets[1:] - 2, np.arange(count + 1))
        rendered = Rendered(Ragged(ended, offsets), answers, offsets[:-1], nothing, np.stack([nothing] * 2))
        return Drawn(rendered, columns, kept)


@dataclass
class Level:
    """The n lists of all programs at one depth, program by program, with their arguments in order."""

    program: np.ndarray  # (n,)
    operator: np.ndarray  # (n,) index into the operators
    offsets: np.ndarray  # (n + 1,) where each list's arguments start
    nested: np.ndarray  # (arguments,) bool: the argument is a list of the next level, in order
    argument: np.ndarray  # (arguments,) its value; of a list, once that is evaluated
    value: np.ndarray | None = None  # (n,)


def draw_levels(settings: Program, count: int, rng: np.random.Generator) -> list[Level]:
    """Draw the lists of `count` programs, outermost first.

    A program that has grown beyond the length allowed gets no further lists; it will be thrown away.
    """
    target = rng.integers(settings.depth[0], settings.depth[1] + 1, count)
    program, spine = np.arange(count), np.ones(count, bool)  # the spine is what reaches the depth drawn
    symbols = np.ones(count, np.int64)
    levels = []
    while len(program):
        n, depth = len(program), len(levels) + 1
        arity = rng.integers(settings.arguments[0], settings.arguments[1] + 1, n)
        offsets = starts(arity)
        owner = np.repeat(program, arity)  # (arguments,)
        symbols += np.bincount(program, arity + 1, count).astype(np.int64)
        deeper = (target > depth) & (symbols <= settings.length[1])
        nested = deeper[owner] & (rng.random(len(owner)) < settings.nesting)
        chosen = offsets[:-1] + (rng.random(n) * arity).astype(np.int64)
        chosen = chosen[spine & deeper[program]]
        nested[chosen] = True
        operator = rng.integers(0, len(settings.operators), n)
        levels.append(Level(program, operator, offsets, nested, rng.integers(0, DIGITS, len(owner))))
        on_spine = np.zeros(len(owner), bool)
        on_spine[chosen] = True
        program, spine = owner[nested], on_spine[nested]
    return levels


def evaluate(levels: list[Level], operators: tuple[str, ...]) -> None:
    """Fill in the values of all lists, innermost first."""
    for level, inner in zip(reversed(levels), [None, *reversed(levels)], strict=False):
        if inner is not None:
            level.argument[level.nested] = inner.value
        first, last = level.offsets[:-1], level.offsets[1:] - 1
        arity = np.diff(level.offsets)
        ordered = np.sort(np.repeat(np.arange(len(arity)), arity) * DIGITS + level.argument) % DIGITS
        results = {
            "MAX": ordered[last],
            "MIN": ordered[first],
            "MED": (ordered[first + (arity - 1) // 2] + ordered[first + arity // 2]) // 2,
            "SM": np.add.reduceat(level.argument, first) % DIGITS,
        }
        level.value = np.choose(level.operator, [results[operator] for operator in operators])


def lay_out(levels: list[Level], operator: np.ndarray, close: int, count: int) -> tuple[Ragged, np.ndarray]:
    """The lexemes of all lists, and (count,) how many digits each program has. `operator` maps operators to lexemes."""
    sizes: list[np.ndarray] = []  # per level, innermost first: (arguments,) symbols of each argument
    inner = np.zeros(0, np.int64)
    for level in reversed(levels):
        size = np.ones(len(level.nested), np.int64)
        size[level.nested] = inner
        sizes.append(size)
        inner = 2 + np.add.reduceat(size, level.offsets[:-1])
    offsets = starts(inner)
    flat = np.empty(offsets[-1], np.int64)
    begin, total = offsets[:-1], inner  # where the lists of a level start, and their symbols
    digits = np.zeros(count, np.int64)
    for level, size in zip(levels, reversed(sizes), strict=True):
        flat[begin], flat[begin + total - 1] = operator[level.operator], close
        before = np.cumsum(size) - size
        arity = np.diff(level.offsets)
        place = before + np.repeat(begin + 1 - before[level.offsets[:-1]], arity)  # (arguments,)
        plain = ~level.nested
        flat[place[plain]] = level.argument[plain]
        digits += np.bincount(np.repeat(level.program, arity)[plain], minlength=count)
        begin, total = place[level.nested], size[level.nested]
    return Ragged(flat, offsets), digits
