"""What a lookup can match: the exact match of the best guesser that sees r tokens back, from the data alone.

To recall a variable, the place where its value stands must carry its name, and the query must find that place. A short
filter of w taps carries r = w - 1 tokens forward. So the guesser here knows every value of the program, but of a name
only those of its tokens that lie at most r tokens before the place where its value stands, and of the name asked for
only those at most r tokens before the position that predicts the answer. A variable is a candidate if what is seen of
its name agrees with what is seen of the name asked for; the guesser says the most likely value of all candidates. Its
exact match bounds that of every stack whose lookup goes through one filter of that reach. A filter with masked taps has
holes in what it sees: a window of distances takes the place of the reach.

What the bound assumes, always in the guesser's favour:

- It knows which places speak of one variable: assignments, and queries answered before, from which a value can be read
  as well. A variable is a candidate only if all its places agree with what is seen of the name asked for.
- It knows which binding of a variable is the latest, and what the weights hold.
- Every variable is equally likely to be asked for; where training programs never ask for one twice, as in MQAR, those
  asked for already are ruled out, unless answers are not written (MQAR as in Zoology): there nothing shows what was
  asked for. The floor (`data/floors.py`) rules them out wherever the split itself asks once. So a bound may lie below
  it: where training asks twice it teaches no ruling out, and a stack that cannot bind has no way to learn it.
- Each token of an answer is looked up from the position before it, with the answer's tokens so far known: the second
  digit of a value stands one token farther from its name than the first.
- What a variable stands for is looked up in turn: the operands of an expression at their own last tokens, an alias at
  the end of its assignment. An expression of several operands that was answered before is known.
"""

import functools
import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from lolameme.base.files import read_json, read_table
from lolameme.data.accounts import FARTHEST, Window, reaching, whole
from lolameme.data.dataset import Builder
from lolameme.data.tokenizer import load_tokenizer, train_tokenizer, without_prefix
from lolameme.study.variant import BaseVariant
from lolameme.tasks.interpreter import Interpreter, Span, Statement, interpreter

Name = tuple[int, ...]  # token ids from the last one backwards, then START
START = -1  # what stands before a name
PROGRAMS = 500  # of a split, at most
UNSEEN = -2  # a token of a name that falls into a hole of a window
_SURE = 1e-9  # weights that differ by less are the same


@dataclass(frozen=True)
class Bound:
    """The best guesser of one window on one split."""

    window: Window
    exact_match: float
    error: float  # standard error over programs


@dataclass(frozen=True)
class _Place:
    """Where the value of a variable can be read: its name, and how many tokens before it that name ends."""

    name: Name
    distance: int
    written: bool  # the value stands here, each further token of it one farther from the name; else it is named here


@dataclass
class _Variable:
    """A variable bound in a program."""

    places: list[_Place]
    values: list[dict[str, float]]  # per token of an answer, what the guesser takes its value to be
    asked: bool = False


@dataclass
class _Program:
    """A program, parsed and tokenised."""

    text: str
    tokens: list[int]
    begins: list[int]  # of each token, in characters
    ends: list[int]
    statements: list[Statement]

    def __post_init__(self):
        self.place, self.name = functools.cache(self._place), functools.cache(self._name)

    def _place(self, span: Span) -> tuple[int, int]:
        """The first token of a span, and the one after its last."""
        return bisect_right(self.ends, span[0]), bisect_left(self.begins, span[1])

    def _name(self, span: Span) -> Name:
        first, stop = self.place(span)
        return (*self.tokens[first:stop][::-1], START)

    def read(self, span: Span) -> str:
        return self.text[slice(*span)]


@dataclass
class Guesser:
    """The best guesser on the programs of one split. Exact match is a mean over queries, as for a trained cell.

    `once`: it rules out what was asked for and answered already, as long as anything else is left.
    """

    solver: Interpreter
    tokenizer: Tokenizer
    texts: list[str]
    once: bool
    _programs: list[_Program] = field(init=False)
    _holders: dict[Name, set[Hashable]] = field(init=False, default_factory=dict)  # end of a name -> who is called so
    _spelled: dict[str, Name] = field(init=False, default_factory=dict)  # tokens of a value, first one first

    def __post_init__(self):
        self._programs = [
            _Program(text, e.ids, [a for a, _ in e.offsets], [b for _, b in e.offsets], self.solver.statements(text))
            for text, e in zip(self.texts, self.tokenizer.encode_batch(self.texts), strict=True)
        ]
        for program in self._programs:
            for statement in program.statements:
                for called, span in _named(program.statements, statement):
                    name = program.name(span)
                    for n in range(len(name) + 1):
                        self._holders.setdefault(name[:n], set()).add(called)
                if statement.value and (
                    statement.operands[0].literal if statement.kind == "assign" else self.solver.written
                ):
                    self._spelled[program.read(statement.value)] = tuple(
                        program.tokens[slice(*program.place(statement.value))]
                    )
        self._bare = without_prefix(self.tokenizer)

    @functools.cached_property
    def looked_up(self) -> float:
        """The share of queries that read a binding of the program."""
        return float(np.mean([any(r is not None for r in s.reads) for p in self._programs for s in _queries(p)]))

    @functools.cached_property
    def lookups(self) -> int:
        """The most lookups, one after the other, that an answer needs."""
        return max((_depth(p.statements, s) for p in self._programs for s in _queries(p)), default=0)

    def bound(self, window: Window) -> Bound:
        """Exact match of the guesser that sees the tokens at these distances back."""
        hits = [list(self._guesses(program, window)) for program in self._programs]
        count = sum(map(len, hits))
        mean = sum(map(sum, hits)) / count
        # of a ratio of sums over programs
        error = math.sqrt(sum((sum(h) - mean * len(h)) ** 2 for h in hits)) / count
        return Bound(window, mean, error)

    def profile(self) -> list[Bound]:
        """Bounds from reach 0 up to the least reach that misses nothing: without holes."""
        most, found = self.bound(reaching(FARTHEST)).exact_match, []
        for reach in range(FARTHEST + 1):
            found.append(self.bound(reaching(reach)))
            if found[-1].exact_match > most - _SURE:
                break
        return found

    def _guesses(self, program: _Program, window: Window) -> Iterator[float]:
        """Per query of a program how often the guesser answers it."""
        live: dict[Hashable, _Variable] = {}
        answered = set()
        width = max((len(self._spelling(self._answer(program, s))) for s in _queries(program)), default=1)
        for statement in program.statements:
            if statement.kind == "assign":
                values = [self._value(program, statement, live, j, window) for j in range(width)]
                live[statement.binds] = _Variable([_place(program, statement)], values)
                continue
            answer, key = self._answer(program, statement), (statement.meaning, statement.reads)
            wanted = self._spelling(answer)
            known = key in answered and len(statement.operands) > 1
            guessed = [{answer: 1.0}] if known else []
            guessed += [self._value(program, statement, live, j, window) for j in range(len(guessed), len(wanted))]
            yield 1.0 if known else self._hit(guessed, wanted)
            answered.add(key)
            if not self.solver.written:  # nothing is to be read there later on
                continue
            if len(statement.operands) == statement.hops == 1 and statement.reads[0] is not None:
                variable = live[program.statements[statement.reads[0]].binds]
                variable.places.append(_place(program, statement))
                variable.values, variable.asked = [{answer: 1.0}] * width, True

    def _answer(self, program: _Program, query: Statement) -> str:
        """The answer to a query: as it is written, or else what its name is bound to."""
        return program.read((query if self.solver.written else program.statements[query.reads[0]]).value)

    def _value(
        self, program: _Program, statement: Statement, live: dict[Hashable, _Variable], j: int, window: Window
    ) -> dict[str, float]:
        """What the guesser takes an expression to be, value -> weight, when token `j` of an answer is due."""
        if not statement.operands:  # nothing is named: a list, for example, is there to be read
            return {program.read(statement.value): 1.0}
        result: dict[str, float] = {}
        recall = statement.kind == "query" and len(statement.operands) == 1
        for i, operand in enumerate(statement.operands):
            if operand.reads is None:
                value = program.read(operand.span) if operand.literal else self.solver.stored(statement, i)
                weights = {value: 1.0}
            else:
                name, behind = program.name(operand.span), 0
                if recall:
                    behind = program.place(statement.value)[0] + j - program.place(operand.span)[1]
                fresh = (
                    [v for v in live.values() if not v.asked] if recall and self.once and statement.hops == 1 else []
                )
                weights = self._candidates(_seen(name, behind, window), fresh or list(live.values()), j, window)
                for _ in range(statement.hops - 1):  # what was found is a name, to be looked up in turn
                    weights = self._followed(weights, live, j, window)
            result = self._combined(statement, i - 1, result, weights) if i else weights
        return result

    def _candidates(self, asked: Name, variables: list[_Variable], j: int, window: Window) -> dict[str, float]:
        """The values of all variables whose places agree with what is seen of the name asked for."""
        weights: dict[str, float] = {}
        holders = self._called(asked)
        for variable in variables:
            for place in variable.places:
                seen = _seen(place.name, place.distance + j * place.written, window)
                if holders.isdisjoint(self._called(seen)):
                    break
            else:
                for value, weight in variable.values[j].items():
                    weights[value] = weights.get(value, 0.0) + weight
        total = sum(weights.values())
        return {value: weight / total for value, weight in weights.items()}

    def _called(self, seen: Name) -> set[Hashable]:
        """Who is called so that this is seen of the name."""
        if seen not in self._holders:  # it has holes
            names = (name for name in self._holders if name[-1:] == (START,) and len(name) >= len(seen))
            fitting = [n for n in names if all(b in (a, UNSEEN) for a, b in zip(n, seen, strict=False))]
            self._holders[seen] = set().union(*(self._holders[name] for name in fitting))
        return self._holders[seen]

    def _followed(
        self, names: dict[str, float], live: dict[Hashable, _Variable], j: int, window: Window
    ) -> dict[str, float]:
        """The values of the variables that values name."""
        found: dict[str, float] = {}
        for name, weight in names.items():
            asked = (*self._spelling(name)[::-1], START)
            for value, share in self._candidates(asked, list(live.values()), j, window).items():
                found[value] = found.get(value, 0.0) + weight * share
        return found

    def _combined(
        self, statement: Statement, i: int, left: dict[str, float], right: dict[str, float]
    ) -> dict[str, float]:
        """The results of operator `i` of an expression on what its sides may be."""
        table, found = self.solver.operation(statement, i), {}
        for (a, p), (b, q) in itertools.product(left.items(), right.items()):
            result = str(table[int(a)][int(b)]).zfill(len(a))
            found[result] = found.get(result, 0.0) + p * q
        return found

    def _hit(self, guessed: list[dict[str, float]], wanted: Name) -> float:
        """The chance that all tokens are right, each the most likely one given those before it; ties are drawn."""
        chance = 1.0
        for j, token in enumerate(wanted):
            weights: dict[int, float] = {}
            for value, weight in guessed[j].items():
                spelled = self._spelling(value)
                if spelled[:j] == wanted[:j]:
                    weights[spelled[j]] = weights.get(spelled[j], 0.0) + weight
            if token not in weights:
                return 0.0
            most = max(weights.values())
            tied = [t for t, weight in weights.items() if weight > most - _SURE]
            chance *= (token in tied) / len(tied)
        return chance

    def _spelling(self, value: str) -> Name:
        """The tokens of a value; one that no program shows is a number, which falls into digits."""
        if value not in self._spelled:
            self._spelled[value] = tuple(self._bare.encode(value).ids)
        return self._spelled[value]


def in_files(variant: BaseVariant, folder: Path, split: str) -> Guesser:
    """The guesser on the written programs of a split of a variant's data."""
    texts = read_table(folder / f"{split}.parquet", ["text"])["text"].to_pylist()[:PROGRAMS]
    return Guesser(interpreter(read_json(folder / "world.json")), load_tokenizer(folder), texts, _asks_once(variant))


def in_memory(builder: Builder, split: str, programs: int) -> Guesser:
    """The guesser on programs as they will be drawn, before any data are written."""
    task = builder.task
    tokenizer = train_tokenizer(builder.variant.tokenizer, task.pattern, builder.corpus(), task.lexemes)
    texts = builder.texts(split, programs)
    return Guesser(interpreter(task.document()), tokenizer, texts, _asks_once(builder.variant))


def _asks_once(variant: BaseVariant) -> bool:
    """Whether training programs never ask for the same twice: MQAR's do not, others say so."""
    return not getattr(variant.program, "repeat", False)


def _queries(program: _Program) -> Iterator[Statement]:
    return (statement for statement in program.statements if statement.kind == "query")


def _named(statements: list[Statement], statement: Statement) -> Iterator[tuple[Hashable, Span]]:
    """The variables of a program that a statement names, and where."""
    if statement.kind == "assign":
        yield statement.binds, statement.name
    for operand in statement.operands:
        if operand.reads is not None and statement.hops == 1:
            yield statements[operand.reads].binds, operand.span


def _place(program: _Program, statement: Statement) -> _Place:
    """Where a statement gives the value of a variable: at its value, or where it names what to read instead."""
    named = statement.name or statement.operands[0].span
    written = statement.kind == "query" or (len(statement.operands) == 1 and statement.operands[0].literal)
    first, stop = program.place(statement.value)
    return _Place(program.name(named), (first if written else stop - 1) - program.place(named)[1] + 1, written)


def _seen(name: Name, distance: int, window: Window) -> Name:
    """What is seen of a name, `distance` tokens behind its last one; what stands before it shows where it starts."""
    if whole(window):
        return name[: max(0, window[-1] - distance + 1)]
    seen = {min(lag - distance, len(name) - 1) for lag in window if lag >= distance}
    return tuple(name[i] if i in seen else UNSEEN for i in range(max(seen, default=-1) + 1))


def _depth(statements: list[Statement], statement: Statement) -> int:
    """Lookups, one after the other, that a statement's expression needs."""
    return max(
        (statement.hops + _depth(statements, statements[r]) for r in statement.reads if r is not None), default=0
    )
