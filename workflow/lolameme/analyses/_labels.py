"""What is known about tokens of prompts, for probes to look for: names bound and asked, values, languages, types."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lolameme.analyses._pairs import Pairs
from lolameme.analyses._prompts import there, tokenise
from lolameme.analyses._trained import Trained


@dataclass(frozen=True)
class Labels:
    """N examples: a token of a program, the class that it should tell, and the kind that control labels go by."""

    program: np.ndarray  # (N,)
    place: np.ndarray  # (N,)
    classes: np.ndarray  # (N,) text
    kinds: np.ndarray  # (N,) text
    names: np.ndarray  # (N,) the name that the example is about

    def divisions(self, programs: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Train and test examples of different programs; and of different names, too, where the class is another."""
        first = self.program < programs // 2
        yield "programs", np.flatnonzero(first), np.flatnonzero(~first)
        known = np.unique(self.names)
        if len(known) > 3 and (self.names != self.classes).any():
            apart = np.isin(self.names, known[::2])
            yield "names", np.flatnonzero(first & apart), np.flatnonzero(~first & ~apart)


def labels(cell: Trained, pairs: Pairs) -> dict[str, Labels]:
    """The labels of a cell's prompts, by what they are about; only what takes several values."""
    prompts = [clean for clean, _ in pairs.prompts]
    tokens = tokenise(prompts, cell.tokenizer)
    last = pairs.last.cpu().numpy()
    bound, asked, value, language, kind = [], [], [], [], []
    concepts: Any = cell.world.get("concepts")
    for row, (prompt, placed) in enumerate(zip(prompts, tokens, strict=True)):
        for i in prompt.assignments:
            statement = prompt.statements[i]
            name, given = prompt.at(there(statement.name)), prompt.at(there(statement.value))
            places = np.flatnonzero(placed.within(statement.value))
            if len(places):
                bound.append((row, places[-1], name, f"{name} {given}", name))
        query, at = prompt.query, int(last[row])
        name = prompt.at(query.operands[0].span)
        asked.append((row, at, name, name, name))
        value.append((row, at, prompt.answer, prompt.text, name))
        language.append((row, at, query.language, name, name))
        meaning: Any = query.meaning
        meant = meaning[1][0] if concepts and len(query.operands) > 1 else None
        if isinstance(meant, int):
            kind.append((row, at, str(concepts[meant]["type"]), name, name))
    drawn = {"name bound": bound, "name asked": asked, "value": value, "language": language, "type": kind}
    found = {about: Labels(*map(np.array, zip(*rows, strict=True))) for about, rows in drawn.items() if rows}
    return {about: one for about, one in found.items() if len(np.unique(one.classes)) > 1}
