"""From lexemes to text and tokens, without a loop over programs.

A program is a row of *lexemes*: names, values, signs. Each lexeme is spelled and tokenised once; text and tokens of
millions of programs are then gathered from these tables. That equals tokenising the text because the tokenizer splits
at lexeme boundaries first (see `tokenizer`), which a test checks.

Every lexeme carries the space before it; the first space of a program is dropped from the text and put back by the
tokenizer.
"""

from dataclasses import dataclass

import numpy as np


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
    """Lexemes of N programs, with the places of every answer and of what it is read from among them."""

    lexemes: Ragged  # one row per program
    answers: Ragged  # one row per program: index in `lexemes.flat` of the lexeme that stands where each answer is due
    query: np.ndarray  # (answers,) likewise: the first lexeme of each query
    name: np.ndarray  # (answers,) likewise: the name asked for; -1: there is none
    value: (
        np.ndarray
    )  # (2, answers) likewise: the value that is read, its first lexeme and its last; -1: in the weights
    apart: np.ndarray | None = None  # (answers,) the lexeme that each answer is, where another stands in its place


class Lexemes:
    """All lexemes of a variant, by number.

    `closed` says whether an answer counts as given only with the lexeme after it, the end sign.
    """

    def __init__(self, texts: list[str], closed: bool = True):
        self.texts, self.closed = texts, closed
        self.utf8 = Ragged.of([np.frombuffer(t.encode(), np.uint8) for t in texts], np.uint8)
        self.characters = np.array([len(t) for t in texts])
        self.spaced = np.array([t.startswith(" ") for t in texts])

    def text(self, rendered: Rendered) -> tuple[Ragged, np.ndarray]:
        """UTF-8 text per program, and (2, answers) start and end of every answer in characters of its program."""
        row = rendered.lexemes
        lengths_before = starts(self.utf8.lengths[row.flat])
        data = self.utf8.gather(row.flat)
        keep = np.ones(len(data), bool)
        keep[lengths_before[row.offsets[:-1]]] = False  # the space before each program
        offsets = lengths_before[row.offsets] - np.arange(len(row.offsets))
        begin, end, _ = self.spans(rendered, self.characters) - 1
        return Ragged(data[keep], offsets), np.stack([begin + self.spaced[row.flat[rendered.answers.flat]], end])

    def tokens(self, rendered: Rendered, table: Ragged) -> tuple[Ragged, np.ndarray]:
        """Token ids per program and the `spans` of its answers in tokens; `table` holds each lexeme's ids."""
        row = rendered.lexemes
        offsets = starts(table.lengths[row.flat])[row.offsets]
        return Ragged(table.gather(row.flat), offsets), self.spans(rendered, table.lengths)

    def places(self, rendered: Rendered, lengths: np.ndarray) -> dict[str, np.ndarray]:
        """(answers,) each: where queries, names asked for and values read stand, as the common columns say.

        Counted within the program, in units of `lengths` per lexeme.
        """
        row, answer = rendered.lexemes, rendered.answers
        before = starts(lengths[row.flat])
        program_start = np.repeat(before[row.offsets[:-1]], answer.lengths)

        def place(lexeme: np.ndarray, after: int = 0) -> np.ndarray:
            return np.where(lexeme < 0, -1, before[lexeme + after] - program_start)

        first, last = place(rendered.value[0]), place(rendered.value[1], 1)
        return {
            "query_start": place(rendered.query),
            "name_start": place(rendered.name),
            "name_stop": place(rendered.name, 1),
            "value_start": first,
            "value_stop": last,
            "token_distance": np.where(first < 0, -1, place(answer.flat) - first),
        }

    def spans(self, rendered: Rendered, lengths: np.ndarray) -> np.ndarray:
        """(3, answers) where each answer starts, where it ends, and up to where it must be right.

        Counted within the program, in units of `lengths` per lexeme.
        """
        row, answer = rendered.lexemes, rendered.answers
        before = starts(lengths[row.flat])
        program_start = np.repeat(before[row.offsets[:-1]], answer.lengths)
        return np.stack([before[answer.flat + i] for i in (0, 1, 1 + self.closed)]) - program_start
