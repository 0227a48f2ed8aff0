"""Multi-query associative recall: `keta mol bisu ran fen gol bisu ran tas fen keta mol`.

The task of Zoology (arXiv 2312.04927; the definition of MQAR, and the appendix on its data): a sequence starts with
key-value pairs, then asks for each key once, among fillers, and the value follows. The gap before a query is drawn
without replacement from a power law, so most queries come early.

With `answers: asked` sequences are those of Zoology: after a key that asks stands one more filler, the value is a
target alone, and fillers are any words, keys and values among them, none drawn again. Its exact form has 4095 keys,
4096 values and one word that only fills, 4 pairs in 64 words, and a tokenizer that writes each word as one token. As
there, a key among the fillers may be that of a pair: no target asks for it.

With `answers: written` the value stands in the input after the key that asks for it, as answers do in the other tasks,
and fillers are words of their own, so that none is taken for a query. With `fillers: 0` they are any keys and values;
only what would read as one more pair, or as one more query, is drawn again.

In both forms the number of pairs may vary, where Zoology has one number per set of sequences.
"""

import numpy as np

from lolameme.base.seeds import generator
from lolameme.study.settings import Language
from lolameme.tasks import task
from lolameme.tasks.lexemes import Lexemes, Ragged, Rendered, starts
from lolameme.tasks.mqar.settings import Program, Variant
from lolameme.tasks.roots import draw_roots
from lolameme.tasks.sampling import sample_distinct
from lolameme.tasks.task import Drawn


class Task(task.Task):
    """The task of an MQAR variant. Lexemes: keys, then values, then fillers."""

    pattern = "words"

    def __init__(self, variant: Variant, languages: dict[str, Language], seed: int):
        super().__init__(variant, languages, seed)
        self.apart = self.variant.answers == "asked"
        world = self.variant.world
        sizes = [world.keys, world.values, world.fillers]
        self.names = dict(
            zip(("keys", "values", "fillers"), draw_roots(sizes, generator(self.seed, "words")), strict=True)
        )
        self.bases = starts(np.array(sizes))
        self.lexemes = Lexemes([f" {word}" for words in self.names.values() for word in words], closed=False)
        self.longest = max(program.length for program in self.programs.values())

    def document(self) -> dict:
        if not self.apart:
            return {"task": "mqar", **self.names}
        most = max(program.pairs[1] for program in self.programs.values())
        return {"task": "mqar", "answers": "asked", "pairs": most, **self.names}

    def draw(self, split: str, count: int, rng: np.random.Generator, first: int) -> Drawn:
        settings = self.programs[split]
        words, place, pairs = draw_sequences(settings, self.bases, count, rng, written=not self.apart)
        asked = np.arange(place.shape[1]) < pairs[:, None]  # (N, most pairs)
        # queries in the order in which they come
        order = np.argsort(place, axis=1)
        pair, place = order[asked], np.take_along_axis(place, order, axis=1)[asked]
        row = np.repeat(np.arange(count), pairs)
        statement = pairs[row] + np.nonzero(asked)[1]  # pairs are the first statements
        repeated = np.zeros(len(row), bool)
        if self.apart:
            statement, repeated = self.read(words, pairs, row, place)
        columns = {
            "assignments": pairs[row],
            "gap": place - 2 * pair,
            "distance": statement - pair,
            "nearest": statement - pair,  # no key is asked for twice
            "value_share": 1 / pairs[row],
            "asked_before": repeated,
        }
        start = row * settings.length  # of each query's sequence among all words
        rendered = Rendered(
            Ragged(words.ravel(), np.arange(count + 1) * settings.length),
            answers=Ragged(start + place + 1, starts(pairs)),
            query=start + place,
            name=start + place,
            value=np.tile(start + 2 * pair + 1, (2, 1)),
            apart=words[row, 2 * pair + 1] if self.apart else None,
        )
        return Drawn(rendered, columns, np.ones(count, bool))

    def read(
        self, words: np.ndarray, pairs: np.ndarray, row: np.ndarray, place: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """What one sees who reads sequences (N, length) of answers not written, with these numbers of pairs (N,).

        For each query, the key at `place` (Q,) of a row (Q,): which statement it is (Q,), and whether its key stood
        where it would ask before (Q,). Fillers may read as further pairs, where some sequences have more, or as asking.
        """
        firsts, seconds = words[:, ::2].astype(np.int32), words[:, 1::2]  # (N, length / 2) of all twos
        most, at, every = self.document()["pairs"], np.arange(firsts.shape[1]), np.arange(len(words))
        there, grown = pairs.copy(), np.ones(len(words), bool)  # (N,)
        while grown.any():
            key, value = firsts[every, there], seconds[every, there]  # never past the end: twos that ask come after
            known = ((firsts == key[:, None]) & (at < there[:, None])).any(1)
            is_value = (self.bases[1] <= value) & (value < self.bases[2])
            grown = (there < most) & (key < self.bases[1]) & ~known & is_value
            there += grown
        asks, same = np.zeros(firsts.shape, bool), np.zeros(firsts.shape, bool)
        for i in range(there.max()):
            mine = (firsts == firsts[:, i, None]) & (i < there)[:, None] & (at >= there[:, None])  # asks for pair i
            asks |= mine
            same |= mine & (np.cumsum(mine, axis=1) > 1)
        statement = there[:, None] + np.cumsum(asks, axis=1) - 1
        return statement[row, place // 2], same[row, place // 2]


def draw_sequences(
    settings: Program, bases: np.ndarray, count: int, rng: np.random.Generator, written: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw `count` sequences; `bases` (4,) says where keys, values and fillers start in the numbering of words.

    Where answers are not `written`, a filler stands after each key that asks, and any word fills.

    Returns words (count, length), the place (count, most pairs) of the key that asks for each pair, and the number of
    pairs (count,), beyond which places are `length`.
    """
    length, (least, most) = settings.length, settings.pairs
    pairs = rng.integers(least, most + 1, count)
    keys = sample_distinct(np.arange(bases[0], bases[1]), count, most, rng)
    values = sample_distinct(np.arange(bases[1], bases[2]), count, most, rng)
    # the slots with the smallest exponential times, in order: draws without replacement by weight
    gap = np.arange(1, (length - 2 * least) // 2 + 1)
    weight = (settings.power * gap ** (settings.power - 1.0)).astype(np.float32)
    times = rng.standard_exponential((count, len(gap)), np.float32) / weight
    times[gap > length // 2 - pairs[:, None]] = np.inf  # slots that the pairs take up
    slot = np.argsort(times, axis=1)[:, :most]  # (count, most)
    used = np.arange(most) < pairs[:, None]
    place = np.where(used, 2 * (pairs[:, None] + slot), length)
    own = written and bases[3] > bases[2]  # words that only fill
    fillers = (bases[2], bases[3]) if own else (bases[0], bases[3])
    words = rng.integers(*fillers, (count, length + 2), dtype=np.int32)  # the last two catch what is not used
    both = np.stack([keys, values], axis=2, dtype=np.int32)  # (count, most, 2)
    np.copyto(words[:, : 2 * most].reshape(count, most, 2), both, where=used[:, :, None])
    row = np.arange(count)[:, None]
    words[row, place] = keys
    if not written:
        return words[:, :length], place, pairs
    words[row, place + 1] = values
    if not own:
        fixed = np.arange(length + 2) < 2 * pairs[:, None]
        fixed[row, place] = fixed[row, place + 1] = True
        while len((at := misread(words[:, :length], pairs, fixed[:, :length], bases))[0]):
            words[at] = rng.integers(*fillers, len(at[0]))
    return words[:, :length], place, pairs


def misread(words: np.ndarray, pairs: np.ndarray, fixed: np.ndarray, bases: np.ndarray) -> tuple[np.ndarray, ...]:
    """Rows and places of fillers that make one more pair, right after the pairs, or one more query, with its answer or
    at the very end.

    `fixed` (N, length) marks what is no filler.
    """
    row = np.arange(len(words))
    value_of = np.full((len(words), bases[1] + 1), -1, np.int32)  # the last column takes what is no pair
    for i in range(pairs.max()):
        key = np.where(i < pairs, words[:, 2 * i], bases[1])
        value_of[row, key] = words[:, 2 * i + 1]
    value_of[:, bases[1]] = -1
    bound = value_of[row[:, None], np.minimum(words, bases[1])]  # (N, length): the value of each word that is a key
    wrong = np.zeros(words.shape, bool)
    wrong[:, 1:] = (words[:, 1:] == bound[:, :-1]) & ~fixed[:, 1:]
    first = np.minimum(2 * pairs, words.shape[1] - 2)
    pair = (words[row, first] < bases[1]) & (bound[row, first] < 0) & (words[row, first + 1] >= bases[1])
    wrong[row, first + 1] |= pair & ~fixed[row, first + 1]
    wrong[:, :-1] |= wrong[:, 1:] & ~fixed[:, :-1]  # with the word before, which may be to blame
    wrong[:, -1] |= (bound[:, -1] >= 0) & ~fixed[:, -1]
    return np.nonzero(wrong)
