"""Pairs of prompts that differ in one thing, made from the variant's own programs, with answers by the interpreter.

Both prompts of a pair have the same number of tokens, and every token the same role; their answers differ, and in
their first tokens. `_partners` says what they may differ in.
"""

import itertools
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lolameme.analyses._asked import FEWEST, KINDS
from lolameme.analyses._partners import Draft, Maker
from lolameme.analyses._prompts import Prompt, Tokens, cut, read, roles, tokenise
from lolameme.analyses._roles import ROLES
from lolameme.analyses._trained import Trained
from lolameme.base.seeds import generator

_AT_ONCE = 64  # pairs tokenised together, at most


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

    @property
    def read(self) -> Tensor:
        """(B, L) bool: where the tokens of the answer are predicted."""
        return self.answers.roll(-1, 1)  # no prompt is empty, so that none comes round

    def some(self, chosen: Tensor) -> "Pairs":
        """Those that are `chosen`, (B,) bool; as wide as before."""
        parts: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        parts |= {name: part[chosen] for name, part in parts.items() if isinstance(part, Tensor)}
        parts["prompts"] = list(itertools.compress(self.prompts, chosen.tolist()))
        parts["roles"] = {name: mask[chosen] for name, mask in self.roles.items() if mask[chosen].any()}
        return Pairs(**parts)


_Made = tuple[Prompt, Prompt, Tokens, Tokens, Draft]


def pairs(trained: Trained, kind: str, count: int, split: str = "test") -> Pairs | None:
    """Up to `count` pairs of a kind from a split's programs; None if there are fewer than `FEWEST`.

    The same for every cell of a variant and world, so that all are asked alike.
    """
    maker, solver = Maker(trained, kind, split), trained.interpreter
    rng = generator(0, "pairs", trained.cell.variant, split, kind)
    found: list[_Made] = []
    waiting: list[tuple[Prompt, Prompt, Draft]] = []
    for text in trained.texts(split):
        statements = solver.statements(text)
        queries = [each for each in statements if each.kind == "query" and each.value and maker.wants(each)]
        if not queries:
            continue
        query = queries[rng.integers(len(queries))]
        clean = read(cut(text, statements, query), solver)
        waiting += maker.partner(clean, rng)
        if len(waiting) == min(_AT_ONCE, count):
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
        maker, rng = Maker(trained, kind, "test"), generator(0, "pair for", prompt, kind)
        if maker.wants(clean.query) and (found := _fitting(maker.partner(clean, rng), trained)):
            return _collate(kind, found, trained)
    return None


def _fitting(drafted: list[tuple[Prompt, Prompt, Draft]], trained: Trained) -> list[_Made]:
    """Those whose prompts agree token by token in their roles, and whose answers differ from the first token on."""
    cleans, partners, drafts = zip(*drafted, strict=True) if drafted else ((), (), ())
    found = []
    tokens = [tokenise(list(prompts), trained.tokenizer) for prompts in (cleans, partners)]
    for clean, partner, a, b, draft in zip(cleans, partners, *tokens, drafts, strict=True):
        if a.length != b.length or len(a.ids) == a.length or a.ids[a.length] == b.ids[b.length]:
            continue
        one, other = (roles(p, t, draft.concerned)[:, : t.length] for p, t in ((clean, a), (partner, b)))
        if np.array_equal(one, other):
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
    clean_ids, partner_ids, right, wrong, last, kinds = (
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
        other=wrong,
        roles={name: mask for name, mask in zip(ROLES, masks[4:], strict=True) if mask.any()},
        looked_for=masks[1],
        beside=masks[2],
        before_query=masks[3],
        template=kinds,
    )
