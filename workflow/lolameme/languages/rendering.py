"""From program arrays to text and tokens, without a loop over programs.

A program is a row of *lexemes*: names, values, signs. Each lexeme is spelled and tokenised once; text and tokens of
millions of programs are then gathered from these tables. That equals tokenising the text because the tokenizer splits
at lexeme boundaries first (see `tokenizer`), which a test checks.

Every lexeme but digits and the end sign carries the space before it; the first space of a program is dropped from the
text and put back by the tokenizer.
"""

from dataclasses import dataclass

import numpy as np

from lolameme.languages.programs import NONE, PAD, QUERY, Programs
from lolameme.languages.surface import Lexicon
from lolameme.languages.world import World


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths in one flat array: row i is `flat[offsets[i]:offsets[i + 1]]`."""

    flat: np.ndarray
    offsets: np.ndarray  # (rows + 1,)

    @classmethod
    def of(cls, rows: list, dtype) -> "Ragged":
        lengths = [len(row) for row in rows]
        flat = np.concatenate([np.asarray(row, dtype) for row in rows]) if rows else np.zeros(0, dtype)
        return cls(flat, starts(np.array(lengths, np.int64)))

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """The flat concatenation of the given rows."""
        lengths = self.lengths[rows]
        ends = np.cumsum(lengths)
        shift = np.repeat(self.offsets[rows] - ends + lengths, lengths)
        return self.flat[shift + np.arange(len(shift))]


def starts(lengths: np.ndarray) -> np.ndarray:
    """(n + 1,) offsets of rows with these lengths."""
    return np.concatenate([[0], np.cumsum(lengths)])


@dataclass(frozen=True)
class Rendered:
    """Lexemes of N programs, with the place of every answer among them."""

    lexemes: Ragged  # one row per program
    answers: Ragged  # one row per program: index of each answer's lexeme in `lexemes.flat`


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
        self.texts = texts
        self.name_base, self.sign_base = np.array(columns["name"]), np.array(columns["sign"])
        self.utf8 = Ragged.of([np.frombuffer(t.encode(), np.uint8) for t in texts], np.uint8)
        self.characters = np.array([len(t) for t in texts])

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
        return Rendered(lexemes, Ragged(np.flatnonzero(answer.reshape(n, -1)[present]), starts(query.sum(1))))

    def name(self, concept: np.ndarray, code: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The lexemes of concepts in the languages `code`, a random synonym where there are several."""
        spellings = self.synonyms[code]
        chosen = (rng.random(concept.shape) * spellings).astype(np.int64) if self.synonyms.max() > 1 else 0
        return self.name_base[code] + concept * spellings + chosen

    def text(self, rendered: Rendered) -> tuple[Ragged, np.ndarray]:
        """UTF-8 text per program, and (2, answers) start and end of every answer in characters of its program."""
        row = rendered.lexemes
        first = row.offsets[:-1]
        lengths = self.utf8.lengths[row.flat]
        lengths_before = starts(lengths)
        data = self.utf8.gather(row.flat)
        keep = np.ones(len(data), bool)
        keep[lengths_before[first]] = False  # the space before each program
        offsets = lengths_before[row.offsets] - np.arange(len(row.offsets))
        return Ragged(data[keep], offsets), self.spans(rendered, self.characters)[:2] - 1

    def tokens(self, rendered: Rendered, table: Ragged) -> tuple[Ragged, np.ndarray]:
        """Token ids per program and the `spans` of its answers in tokens; `table` holds each lexeme's ids."""
        row = rendered.lexemes
        offsets = starts(table.lengths[row.flat])[row.offsets]
        return Ragged(table.gather(row.flat), offsets), self.spans(rendered, table.lengths)

    def spans(self, rendered: Rendered, lengths: np.ndarray) -> np.ndarray:
        """(3, answers) where each answer starts, ends, and where its end sign ends, within its program.

        Counted in units of `lengths` per lexeme.
        """
        row, answer = rendered.lexemes, rendered.answers
        before = starts(lengths[row.flat])
        program_start = np.repeat(before[row.offsets[:-1]], answer.lengths)
        return np.stack([before[answer.flat + i] for i in range(3)]) - program_start
