"""Writes LoLaMeMe programs in their surface languages: from program arrays to rows of lexemes.

Digits and end signs are the lexemes that carry no space before them: the sign in front brings it.
"""

import numpy as np

from lolameme.tasks.lexemes import Lexemes, Ragged, Rendered, starts
from lolameme.tasks.lolameme.programs import NONE, PAD, QUERY, Programs
from lolameme.tasks.lolameme.surface import Lexicon
from lolameme.tasks.lolameme.world import World


class Renderer:
    """Writes programs of one world in its languages."""

    def __init__(self, world: World, lexicons: dict[str, Lexicon]):
        self.world = world
        self.codes = {name: i for i, name in enumerate(lexicons)}
        self.synonyms = np.array([lexicon.language.synonyms**2 for lexicon in lexicons.values()])
        self.prefix = np.array([lexicon.language.order == "prefix" for lexicon in lexicons.values()])
        texts: list[str] = [f"{v:0{world.width}d}" for v in range(world.modulus)]  # value v is lexeme v
        self.space = len(texts)
        texts.append(" ")
        columns: dict[str, list[int]] = {"name": [], "sign": []}
        for lexicon in lexicons.values():
            language = lexicon.language
            columns["name"].append(len(texts))
            texts += [f" {name}" for c in range(world.concepts) for name in lexicon.spellings(c)]
            columns["sign"].append(len(texts))
            texts += [f" {language.assign}", f" {language.assign} ", f" {language.answer} ", language.end]
            # each operator before a name, then before a digit
            texts += [f" {sign}{space}" for space in ("", " ") for sign in language.operators[: len(world.tables)]]
        self.name_base, self.sign_base = np.array(columns["name"]), np.array(columns["sign"])
        self.lexemes = Lexemes(texts)

    def render(self, programs: Programs, rng: np.random.Generator) -> Rendered:
        """Choose spellings and lay out the lexemes of all programs. `rng` draws among synonyms."""
        p = programs
        n, steps, k = p.operands.shape
        code = np.array([self.codes[name] for name in p.languages])[p.language]  # (N, S)
        sign, prefix = self.sign_base[code], self.prefix[code]
        query, used = p.kind == QUERY, p.kind != PAD
        literal = p.literals != NONE
        grid = np.full((n, steps, 2 + (k - 1) + 2 * k + 3), NONE, np.int32)

        def put(column: int, where: np.ndarray, lexeme: np.ndarray) -> None:
            grid[:, :, column] = np.where(where, lexeme, NONE)

        bare = literal[:, :, 0]  # a single value: the only expression that starts with a literal
        put(0, used & ~query, self.name(p.target, code, rng))
        put(1, used & ~query, sign + bare)
        # the prefix operators, last one first: (a o1 b) o2 c is  o2 o1 a b c
        for i in range(k - 1):
            operator = p.operators[:, :, k - 2 - i]
            put(2 + i, prefix & (operator != NONE), sign + 4 + operator)
        column = 2 + k - 1
        for i in range(k):
            if i:
                operator = p.operators[:, :, i - 1]
                infix = sign + 4 + operator + len(self.world.tables) * literal[:, :, i]
                before = np.where(prefix, np.where(literal[:, :, i], self.space, NONE), infix)
                put(column, operator != NONE, before)
            operand = np.where(literal[:, :, i], p.literals[:, :, i], self.name(p.operands[:, :, i], code, rng))
            put(column + 1, literal[:, :, i] | (p.operands[:, :, i] != NONE), operand)
            column += 2
        put(column, query, sign + 2)
        put(column + 1, query, p.value)
        put(column + 2, used, sign + 3)

        flat = grid.reshape(n, -1)
        present = flat != NONE
        answer = np.zeros(grid.shape, bool)
        answer[:, :, column + 1] = query
        lexemes = Ragged(flat[present], starts(present.sum(1)))
        place = (np.cumsum(present) - 1).reshape(grid.shape)  # of each lexeme among all
        present, row, step = present.reshape(grid.shape), *np.nonzero(query)
        # statements start with their first lexeme; an assigned expression starts after the sign
        begin, source = present[row, step].argmax(1), p.source[row, step]
        expression = present[row, source, 2:-1]  # (queries, columns): without the end sign
        first, last = expression.argmax(1), expression.shape[1] - 1 - expression[:, ::-1].argmax(1)
        value = np.stack([place[row, source, 2 + first], place[row, source, 2 + last]])
        return Rendered(
            lexemes,
            answers=Ragged(np.flatnonzero(answer.reshape(n, -1)[present.reshape(n, -1)]), starts(query.sum(1))),
            query=place[row, step, begin],
            name=place[row, step, 2 + k + 2 * p.earliest[row, step]],
            value=np.where(source == NONE, -1, value),
        )

    def name(self, concept: np.ndarray, code: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The lexemes of concepts in the languages `code`, a random synonym where there are several."""
        spellings = self.synonyms[code]
        chosen = (rng.random(concept.shape) * spellings).astype(np.int64) if self.synonyms.max() > 1 else 0
        return self.name_base[code] + concept * spellings + chosen
