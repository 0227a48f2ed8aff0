"""Pairs of prompts that differ in one thing, made from the variant's own programs, with answers by the interpreter.

Both prompts of a pair have the same number of tokens, and every token the same role; their answers differ, and in
their first tokens. Kinds:

    names        two assignments exchange their names; no value moves, so at values only what was bound there differs
    query        the query asks for another name of the program
    value        two assignments exchange what they assign
    rebinding    every assignment assigns what the next one did
    global       the query asks for another global, which only the weights hold
    operator     another operator between the same operands
    type         another global of the same value and another latent type: the operator acts otherwise
    language     as names, and the whole program written in another language: does what is carried pass between them?

All but `language` keep every other token. A kind that the programs of a variant cannot form has no pairs.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from lolameme.analyses._asked import FEWEST, KINDS
from lolameme.analyses._prompts import Prompt, Tokens, cut, read, roles, tokenise
from lolameme.analyses._roles import ROLES
from lolameme.analyses._trained import Trained
from lolameme.base.seeds import generator
from lolameme.tasks.interpreter import Interpreter, ProgramError, Statement, interpreter

_TRIES = 4  # partners tried for a prompt
_AT_ONCE = 64  # pairs tokenised together
_POOL = 300  # programs in which other globals and operators are looked for


@dataclass(frozen=True)
class Pairs:
    """B pairs of one kind, padded at the right to L tokens."""

    kind: str
    prompts: list[tuple[Prompt, Prompt]]
    clean: Tensor  # (B, L) int64: prompts, their right answers behind them
    partner: Tensor  # (B, L)
    last: Tensor  # (B,) the place of a prompt's last token, where the answer is predicted
    answers: Tensor  # (B, L) bool: places of the answer's tokens in `clean`
    right: Tensor  # (B,) first token of the right answer
    other: Tensor  # (B,) and of the partner's
    roles: dict[str, Tensor]  # (B, L) bool: which tokens have a role; only roles that some token has
    looked_for: Tensor  # (B, L) bool: the value that the query's operand is bound to, in the clean prompt
    beside: Tensor  # (B, L) bool: the values of all other assignments
    before_query: Tensor  # (B, L) bool: all before the query
    template: Tensor  # (B,) prompts of one number have the same roles, token by token

    def __len__(self) -> int:
        return len(self.last)


@dataclass
class _Pool:
    """Words of a language's programs that may stand in place of others."""

    globals: dict[str, int | None] = field(default_factory=dict)  # with their values
    operators: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Draft:
    """A partner to be: its text, and the assignments that the pair is about."""

    text: str
    concerned: tuple[int, ...]


_Made = tuple[Prompt, Prompt, Tokens, Tokens, _Draft]


def pairs(trained: Trained, kind: str, count: int, split: str = "test") -> Pairs | None:
    """Up to `count` pairs of a kind from a split's programs; None if there are fewer than `FEWEST`.

    The same for every cell of a variant and world, so that all are asked alike.
    """
    maker, solver = _Maker(trained, kind, split), trained.interpreter
    rng = generator(0, "pairs", trained.cell.variant, split, kind)
    found: list[_Made] = []
    waiting: list[tuple[Prompt, Prompt, _Draft]] = []
    for text in trained.texts(split):
        statements = solver.statements(text)
        queries = [each for each in statements if each.kind == "query" and each.value and maker.wants(each)]
        if not queries:
            continue
        query = queries[rng.integers(len(queries))]
        clean = read(cut(text, statements, query), solver)
        waiting += maker.partner(clean, rng)
        if len(waiting) == _AT_ONCE:
            found += _fitting(waiting, trained)
            waiting = []
        if len(found) >= count:
            break
    found = (found + _fitting(waiting, trained))[:count]
    return _collate(kind, found, trained) if len(found) >= FEWEST else None


def pair_for(trained: Trained, prompt: str) -> Pairs | None:
    """A single pair for a given prompt, of the first kind that it can form; None if it can form none.

    Raises ProgramError if the prompt cannot be read.
    """
    clean = read(prompt, trained.interpreter)
    for kind in KINDS:
        maker, rng = _Maker(trained, kind, "test"), generator(0, "pair for", prompt, kind)
        if maker.wants(clean.query) and (found := _fitting(maker.partner(clean, rng), trained)):
            return _collate(kind, found, trained)
    return None


class _Maker:
    """Makes partners of one kind for prompts of a cell's variant."""

    def __init__(self, trained: Trained, kind: str, split: str):
        self.wants, self.drafts = _KINDS[kind]
        self.translates = kind == "language"
        self.solver, self.world, self.pool, self.blind = trained.interpreter, trained.world, {}, None
        if kind in ("global", "operator", "type"):
            self.pool = _pools(trained.texts(split)[:_POOL], self.solver)
        if kind == "type":
            self.blind = interpreter(trained.world, without="types")

    def partner(self, clean: Prompt, rng: np.random.Generator) -> list[tuple[Prompt, Prompt, _Draft]]:
        """The prompt with the first draft that is a program with another answer, in a list; or an empty one."""
        drafts = self.drafts(clean, rng, self.pool.get(clean.query.language, _Pool()))
        for draft, _ in zip(drafts, range(_TRIES), strict=False):
            try:
                text = self._translated(draft.text, clean, rng) if self.translates else draft.text
                partner = read(text, self.solver)
            except ProgramError:  # such as a name of another language
                continue
            if partner.answer != clean.answer and (self.blind is None or self._only_types_differ(clean, partner)):
                return [(clean, partner, draft)]
        return []

    def _translated(self, text: str, clean: Prompt, rng: np.random.Generator) -> str:
        """A program of one language in another one. Raises ProgramError if there is none."""
        others = [language for language in self.world.get("languages", ()) if language != clean.query.language]
        if not others:
            raise ProgramError("there is no other language")
        language = others[rng.integers(len(others))]
        return self.solver.translate(text, language).removesuffix(self.world["languages"][language]["end"])

    def _only_types_differ(self, clean: Prompt, partner: Prompt) -> bool:
        """Whether two prompts would have one answer if all types were the same."""
        first, second = (self.blind.answers(prompt.text)[-1].value for prompt in (clean, partner))
        return first == second


def _fitting(drafted: list[tuple[Prompt, Prompt, _Draft]], trained: Trained) -> list[_Made]:
    """Those whose prompts agree token by token in their roles, and whose answers differ from the first token on."""
    cleans, partners, drafts = zip(*drafted, strict=True) if drafted else ((), (), ())
    found = []
    tokens = [tokenise(list(prompts), trained.tokenizer) for prompts in (cleans, partners)]
    for clean, partner, a, b, draft in zip(cleans, partners, *tokens, drafts, strict=True):
        if a.length != b.length or len(a.ids) == a.length or a.ids[a.length] == b.ids[b.length]:
            continue
        alike = [roles(p, t, draft.concerned)[:, : t.length] for p, t in ((clean, a), (partner, b))]
        if np.array_equal(*alike):
            found.append((clean, partner, a, b, draft))
    return found


def _collate(kind: str, found: list[_Made], trained: Trained) -> Pairs:
    width = max(len(t.ids) for _, _, a, b, _ in found for t in (a, b))
    rows, device = len(found), trained.device.torch_device
    ids = np.zeros((2, rows, width), np.int64)
    answers, looked_for, beside, before_query = (np.zeros((rows, width), bool) for _ in range(4))
    role = np.zeros((len(ROLES), rows, width), bool)
    templates: dict[bytes, int] = {}
    template = np.zeros(rows, np.int64)
    for row, (clean, _, a, b, draft) in enumerate(found):
        ids[0, row, : len(a.ids)], ids[1, row, : len(b.ids)] = a.ids, b.ids
        answers[row, a.length : len(a.ids)] = True
        role[:, row, : len(a.ids)] = roles(clean, a, draft.concerned)
        shape = roles(clean, a, tuple(clean.assignments))[:, : a.length]
        template[row] = templates.setdefault(shape.tobytes(), len(templates))
        before_query[row, : len(a.ids)] = a.offsets[:, 1] <= clean.query.span[0]
        read_by_query = {i for i in clean.query.reads if i is not None}
        for i in clean.assignments:
            target = looked_for if i in read_by_query else beside
            target[row, : len(a.ids)] |= a.within(clean.statements[i].value)
    lengths = np.array([[a.length, b.length] for _, _, a, b, _ in found]).T
    first = ids[np.arange(2)[:, None], np.arange(rows), lengths]  # (2, B)
    clean_ids, partner_ids, right, other, last, template = (
        torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in (*ids, *first, lengths[0] - 1, template)
    )
    masks = [torch.from_numpy(array).to(device) for array in (answers, looked_for, beside, before_query, *role)]
    return Pairs(
        kind=kind,
        prompts=[(clean, partner) for clean, partner, *_ in found],
        clean=clean_ids,
        partner=partner_ids,
        last=last,
        answers=masks[0],
        right=right,
        other=other,
        roles={name: mask for name, mask in zip(ROLES, masks[4:], strict=True) if mask.any()},
        looked_for=masks[1],
        beside=masks[2],
        before_query=masks[3],
        template=template,
    )


# ---- the kinds: which queries they want, and what they make of a prompt


def _reads_local(query: Statement) -> bool:
    return any(source is not None for source in query.reads)


def _reads_global(query: Statement) -> bool:
    return any(operand.reads is None and not operand.literal for operand in query.operands)


def _two(clean: Prompt, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """An assignment that the query reads, and another one, in random order."""
    read_ones = [i for i in clean.query.reads if i is not None]
    i = read_ones[rng.integers(len(read_ones))]
    for j in rng.permutation([k for k in clean.assignments if k != i]):
        yield i, int(j)


def _names(clean: Prompt, rng: np.random.Generator, _: _Pool) -> Iterator[_Draft]:
    for i, j in _two(clean, rng):
        a, b = (clean.statements[k].name for k in (i, j))
        yield _Draft(clean.edited([(a, clean.at(b)), (b, clean.at(a))]), (i, j))


def _values(clean: Prompt, rng: np.random.Generator, _: _Pool) -> Iterator[_Draft]:
    for i, j in _two(clean, rng):
        a, b = (clean.statements[k].value for k in (i, j))
        yield _Draft(clean.edited([(a, clean.at(b)), (b, clean.at(a))]), (i, j))


def _query(clean: Prompt, rng: np.random.Generator, _: _Pool) -> Iterator[_Draft]:
    for i, j in _two(clean, rng):
        place = next(operand.span for operand in clean.query.operands if operand.reads == i)
        yield _Draft(clean.edited([(place, clean.at(clean.statements[j].name))]), (i, j))


def _rebinding(clean: Prompt, rng: np.random.Generator, _: _Pool) -> Iterator[_Draft]:
    spans = [clean.statements[i].value for i in clean.assignments]
    turned = [clean.at(span) for span in spans[1:] + spans[:1]]
    yield _Draft(clean.edited(list(zip(spans, turned, strict=True))), tuple(clean.assignments))


def _global(clean: Prompt, rng: np.random.Generator, pool: _Pool) -> Iterator[_Draft]:
    places = [operand.span for operand in clean.query.operands if operand.reads is None and not operand.literal]
    place, words = places[rng.integers(len(places))], list(pool.globals)
    for k in rng.permutation(len(words)):
        yield _Draft(clean.edited([(place, words[k])]), ())


def _operator(clean: Prompt, rng: np.random.Generator, pool: _Pool) -> Iterator[_Draft]:
    signs = _operator_spans(clean.text, clean.query)
    place, words = signs[rng.integers(len(signs))], sorted(pool.operators)
    for k in rng.permutation(len(words)):
        yield _Draft(clean.edited([(place, words[k])]), ())


def _type(clean: Prompt, rng: np.random.Generator, pool: _Pool) -> Iterator[_Draft]:
    place = clean.query.operands[0].span
    value = pool.globals.get(clean.at(place))
    words = [word for word, held in pool.globals.items() if held == value and word != clean.at(place)]
    for k in rng.permutation(len(words)):
        yield _Draft(clean.edited([(place, words[k])]), ())


def _operator_spans(text: str, query: Statement) -> list[tuple[int, int]]:
    """Where the operators of a query stand: what its expression holds beside operands."""
    start, stop = query.expression
    words = [(start + m.start(), start + m.end()) for m in re.finditer(r"\S+", text[start:stop])]
    operands = {operand.span for operand in query.operands}
    return [span for span in words if span not in operands]


def _pools(texts: list[str], solver: Interpreter) -> dict[str, _Pool]:
    """Globals and operators of programs, by language; each global with its value, as the interpreter says."""
    found: dict[str, _Pool] = {}
    for text in texts:
        for query in solver.statements(text):
            if query.kind != "query":
                continue
            pool = found.setdefault(query.language, _Pool())
            pool.operators |= {text[slice(*span)] for span in _operator_spans(text, query)}
            for operand in query.operands:
                word = text[slice(*operand.span)]
                if operand.reads is None and not operand.literal and word not in pool.globals:
                    alone = f"{word} {text[slice(*query.sign)]}" if query.sign else word
                    pool.globals[word] = solver.answers(alone)[-1].value
    return found


_KINDS: dict[str, tuple[Callable[[Statement], bool], Callable[[Prompt, np.random.Generator, _Pool], Iterator[_Draft]]]]
_KINDS = {
    "names": (_reads_local, _names),
    "query": (_reads_local, _query),
    "value": (_reads_local, _values),
    "rebinding": (_reads_local, _rebinding),
    "global": (_reads_global, _global),
    "operator": (lambda query: len(query.operands) > 1, _operator),
    "type": (lambda query: len(query.operands) > 1 and query.reads[0] is None, _type),
    "language": (_reads_local, _names),
}
