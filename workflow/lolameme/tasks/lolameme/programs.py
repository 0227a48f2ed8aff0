"""Programs as arrays: N programs are drawn and evaluated at once, statement by statement, never row by row.

This module knows nothing of text; `rendering` writes the arrays in the surface languages, and `interpreter` reads the
text back without looking here.
"""

from dataclasses import dataclass

import numpy as np

from lolameme.study.sections import ConfigError
from lolameme.tasks.lolameme.settings import Program
from lolameme.tasks.lolameme.world import World
from lolameme.tasks.sampling import sample_distinct

PAD, ASSIGN, NOISE, QUERY = 0, 1, 2, 3
NONE = -1
_TRIES = 64  # to draw a query that was not asked before; of 8 names, the last one is then missed once in 5000 times


@dataclass
class Programs:
    """N programs of up to S statements with up to K operands each. Shapes are (N, S) unless stated."""

    kind: np.ndarray  # PAD, ASSIGN, NOISE (an assignment that no query uses) or QUERY
    language: np.ndarray  # index into `languages`
    target: np.ndarray  # concept bound by an assignment, else NONE
    operands: np.ndarray  # (N, S, K) concepts of the expression; NONE where absent or a literal
    literals: np.ndarray  # (N, S, K) literal operands; NONE elsewhere. An assigned value is a literal operand 0
    operators: np.ndarray  # (N, S, K - 1) operator indices, NONE where absent
    value: np.ndarray  # value bound or answered
    globals_used: np.ndarray  # operands whose value came from long-term memory
    chain_depth: np.ndarray  # computed assignments on the longest way to the value
    shadowed: np.ndarray  # bool: an operand is a global concept bound in the program
    unseen_pair: np.ndarray  # bool: an operator met a pair of values that training never computes
    reads: np.ndarray  # (N, S, K) statement whose binding each operand reads; NONE without one
    value_share: np.ndarray  # share of the names bound so far that hold the answer; NaN before the first
    languages: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def expression(self) -> np.ndarray:
        """(N, S) number of operands of each statement's expression."""
        return ((self.operands != NONE) | (self.literals != NONE)).sum(-1)

    @property
    def earliest(self) -> np.ndarray:
        """(N, S) the operand whose binding is furthest back; operand 0 where none reads a binding."""
        return np.where(self.reads == NONE, np.iinfo(np.int16).max, self.reads).argmin(-1)

    @property
    def source(self) -> np.ndarray:
        """(N, S) the statement that binds this operand; NONE without one."""
        return np.take_along_axis(self.reads, self.earliest[:, :, None], axis=2)[:, :, 0]

    @property
    def distance(self) -> np.ndarray:
        """(N, S) statements back to it; NONE without one."""
        return np.where(self.source == NONE, NONE, np.arange(self.kind.shape[1]) - self.source)

    def pairs(self, wanted: str) -> np.ndarray:
        """(N,) bool: `seen`, if no expression computes an unseen pair of values; `unseen`, if every query does."""
        return ~self.unseen_pair.any(1) if wanted == "seen" else (self.unseen_pair | (self.kind != QUERY)).all(1)


def draw_programs(
    world: World, settings: Program, count: int, rng: np.random.Generator, every_fact_from: int | None = None
) -> Programs:
    """Draw and evaluate `count` programs.

    With `every_fact_from: i`, programs are not drawn but counted out: program j asks for fact i + j of all pairs of a
    language and a global it may ask for, round and round.

    Semantics (LOLAMEME languages): the environment starts as the globals; an assignment binds a concept from there on,
    the latest binding wins; expressions are evaluated strictly left to right, and each operator acts by the latent
    type of its left operand, which the result keeps.
    """
    drawing = _Drawing(world, settings, count, rng, every_fact_from)
    for step in range(drawing.steps):
        drawing.statement(step)
    return drawing.programs


def interleaving(settings: Program, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, S) statement kinds: assignments and distractors shuffled, then queries, or all of them mixed."""
    sizes = [
        rng.integers(low, high + 1, count) for low, high in (settings.assignments, settings.noise, settings.queries)
    ]
    most = sum(high for _, high in (settings.assignments, settings.noise, settings.queries))
    ends = np.cumsum(sizes, axis=0)[:, :, None]  # (3, count, 1)
    place = np.arange(most)  # (S,)
    kind = np.select([place < ends[0], place < ends[1], place < ends[2]], [ASSIGN, NOISE, QUERY], PAD)  # (count, S)
    # smallest keys come first: a true assignment where there is one, the shuffled part, then padding
    keys = rng.random((count, most), dtype=np.float32)
    keys[:, 0] -= kind[:, 0] == ASSIGN
    keys += np.where(kind == PAD, 2, 0) if settings.interleave else np.where(kind == PAD, 2, kind == QUERY)
    return np.take_along_axis(kind, np.argsort(keys, axis=1), axis=1).astype(np.int8)


class _Drawing:
    """The state of N programs while their statements are drawn one after another."""

    def __init__(self, world: World, settings: Program, count: int, rng: np.random.Generator, fact: int | None):
        self.world, self.settings, self.rng = world, settings, rng
        self.names = tuple(settings.languages)
        kind = interleaving(settings, count, rng)
        self.steps = kind.shape[1]
        shape, k = kind.shape, settings.operands[1]
        self.programs = Programs(
            kind=kind,
            language=self.draw_languages(shape),
            target=np.full(shape, NONE, np.int32),
            operands=np.full((*shape, k), NONE, np.int32),
            literals=np.full((*shape, k), NONE, np.int16),
            operators=np.full((*shape, k - 1), NONE, np.int8),
            value=np.zeros(shape, np.int16),
            globals_used=np.zeros(shape, np.int8),
            chain_depth=np.zeros(shape, np.int16),
            shadowed=np.zeros(shape, bool),
            unseen_pair=np.zeros(shape, bool),
            reads=np.full((*shape, k), NONE, np.int16),
            value_share=np.full(shape, np.nan, np.float32),
            languages=self.names,
        )
        # names: slots 0.. are bound by assignments in order of appearance, the last ones by distractors
        a, slots = settings.assignments[1], settings.slots
        self.concept = sample_distinct(self.find_pool(), count, slots, rng)  # (N, slots)
        if settings.shadowing:
            shadow = rng.random((count, a)) < settings.shadowing
            self.concept[:, :a] = np.where(shadow, sample_distinct(world.globals, count, a, rng), self.concept[:, :a])
        self.bound = np.zeros(count, np.int64)  # slots bound by assignments so far
        self.distractors = np.zeros(count, np.int64)
        self.held = np.full((count, slots), NONE, np.int16)  # value held by each slot
        self.depth = np.zeros((count, slots), np.int16)
        self.since = np.zeros((count, slots), np.int16)  # statement of the latest binding
        self.global_of = np.full(world.concepts, NONE, np.int32)  # concept -> index into world.globals
        self.global_of[world.globals] = np.arange(len(world.globals))
        self.askable = self.find_askable()
        self.fact = None  # (N,) the global every program has to ask for, where they are counted out
        if fact is not None:
            language = np.repeat(np.arange(len(self.names)), [len(a) for a in self.askable])  # (facts,)
            turn = (fact + np.arange(count)) % len(language)
            self.programs.language[:] = language[turn, None]
            self.fact = np.concatenate(self.askable)[turn]

    def draw_languages(self, shape: tuple[int, int]) -> np.ndarray:
        """(N, S) language of each statement: one per program, or one per statement under code switching."""
        weights = np.cumsum(list(self.settings.languages.values()))
        size = shape if self.settings.mix == "code_switch" else (shape[0], 1)
        drawn = np.searchsorted(weights / weights[-1], self.rng.random(size), side="right").astype(np.int8)
        return np.broadcast_to(drawn, shape).copy()

    def find_pool(self) -> np.ndarray:
        """The concepts that local names are drawn from."""
        pool, hidden = self.world.pool, self.world.unseen_names[self.world.pool]
        chosen = {"seen": ~hidden, "unseen": hidden, "irregular": ~hidden & self.world.irregular[pool]}
        found = pool[chosen[self.settings.names]]
        if len(found) < self.settings.slots:
            raise ConfigError(
                f"a program may bind {self.settings.slots} names, but only {len(found)} are {self.settings.names}; "
                "raise stems or heads, or change world.unseen_names or world.irregular"
            )
        return found

    def find_askable(self) -> list[np.ndarray]:
        """Per language the indices of the globals that its statements may use."""
        everything = np.arange(len(self.world.globals))
        taught = [self.world.taught.get(name, np.ones(len(everything), bool)) for name in self.names]
        masks = {"taught": taught, "untaught": [~t for t in taught], "any": [t | True for t in taught]}
        askable = [everything[mask] for mask in masks[self.settings.ask]]
        for name, globals_ in zip(self.names, askable, strict=True):
            if self.settings.global_share and not len(globals_):
                raise ConfigError(
                    f"no global may be asked for in {name}: ask is {self.settings.ask!r}, but taught_in leaves none; "
                    "raise world.globals or change taught_in"
                )
        return askable

    def statement(self, step: int) -> None:
        """Draw statement `step` of all programs."""
        kind = self.programs.kind[:, step]
        self.distract(step, np.flatnonzero(kind == NOISE))
        self.assign(step, np.flatnonzero(kind == ASSIGN))
        rows = np.flatnonzero(kind == QUERY)
        self.ask(step, rows)
        for _ in range(0 if self.settings.repeat else _TRIES):
            rows_again = rows[self.repeats(step, rows)]
            if not len(rows_again):
                break
            self.erase(step, rows_again)
            self.ask(step, rows_again)
        held, value = self.held[rows], self.programs.value[rows, step]
        with np.errstate(invalid="ignore"):
            self.programs.value_share[rows, step] = (held == value[:, None]).sum(1) / (held != NONE).sum(1)

    def ask(self, step: int, rows: np.ndarray) -> None:
        """Draw the query of `rows`."""
        value, depth = self.expression(step, rows, self.bound[rows])
        self.programs.value[rows, step], self.programs.chain_depth[rows, step] = value, depth

    def repeats(self, step: int, rows: np.ndarray) -> np.ndarray:
        """(rows,) bool: an earlier query asks for the same, and reads the same bindings."""
        p = self.programs
        same = p.kind[rows, :step] == QUERY
        for part in (p.operands, p.literals, p.operators, p.reads):
            same &= (part[rows, :step] == part[rows, step, None]).all(-1)
        return same.any(1)

    def distract(self, step: int, rows: np.ndarray) -> None:
        """Bind the next distractor name of `rows` to a random value."""
        slot = self.settings.assignments[1] + self.distractors[rows]
        self.distractors[rows] += 1
        self.bind(step, rows, slot, self.literal(step, rows), 0)

    def assign(self, step: int, rows: np.ndarray) -> None:
        """Bind a new name of `rows`, or rebind an old one, to a literal or to an expression."""
        bound, settings = self.bound[rows], self.settings
        again = (bound > 0) & (self.rng.random(len(rows)) < settings.rebinding)
        slot = np.where(again, self.below(bound), bound)
        computed = (bound > 0) & (self.rng.random(len(rows)) < settings.computed) & (settings.chain_depth > 0)
        value, depth = np.zeros(len(rows), np.int16), np.zeros(len(rows), np.int16)
        value[computed], depth[computed] = self.expression(step, rows[computed], bound[computed])
        depth += computed
        # an expression that would make the chain too long gives way to a literal
        plain = ~computed | (depth > settings.chain_depth)
        self.erase(step, rows[computed & plain])
        value[plain], depth[plain] = self.literal(step, rows[plain]), 0
        self.bind(step, rows, slot, value, depth)
        self.bound[rows] += ~again

    def bind(self, step: int, rows: np.ndarray, slot: np.ndarray, value: np.ndarray, depth: np.ndarray | int) -> None:
        self.programs.target[rows, step] = self.concept[rows, slot]
        self.programs.value[rows, step] = self.held[rows, slot] = value
        self.programs.chain_depth[rows, step] = self.depth[rows, slot] = depth
        self.since[rows, slot] = step

    def literal(self, step: int, rows: np.ndarray) -> np.ndarray:
        """Random values for `rows`, written as the whole expression."""
        value = self.rng.integers(0, self.world.modulus, len(rows), dtype=np.int16)
        self.programs.literals[rows, step, 0] = value
        return value

    def erase(self, step: int, rows: np.ndarray) -> None:
        """Take back the expression of `rows`."""
        p = self.programs
        p.operands[rows, step] = p.literals[rows, step] = p.operators[rows, step] = p.reads[rows, step] = NONE
        p.globals_used[rows, step] = p.shadowed[rows, step] = p.unseen_pair[rows, step] = 0

    def below(self, bounds: np.ndarray) -> np.ndarray:
        """A uniform integer below each bound (0 where the bound is 0)."""
        return (self.rng.random(len(bounds)) * bounds).astype(np.int64)

    def expression(self, step: int, rows: np.ndarray, bound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw and evaluate an expression for each of `rows`, which have `bound` names to use.

        Returns the values and the chain depths, both (rows,).
        """
        p, (least, most) = self.programs, self.settings.operands
        operands = self.rng.integers(least, most + 1, len(rows))
        value, depth, left = self.operand(step, rows, bound, 0)
        for k in range(1, most):
            active = np.flatnonzero(operands > k)
            right, right_depth, _ = self.operand(step, rows[active], bound[active], k)
            operator = self.rng.integers(0, len(self.world.operators), len(active))
            p.operators[rows[active], step, k - 1] = operator
            p.unseen_pair[rows[active], step] |= self.world.unseen_pairs[value[active], right]
            value[active] = self.world.tables[operator, left[active], value[active], right]
            depth[active] = np.maximum(depth[active], right_depth)
        return value, depth

    def operand(self, step: int, rows: np.ndarray, bound: np.ndarray, k: int) -> tuple[np.ndarray, ...]:
        """Draw operand `k`: a literal, a global or a name bound in the program. Returns value, chain depth and type."""
        p, world, settings, n = self.programs, self.world, self.settings, len(rows)
        slot = self.below(bound)
        concept = self.concept[rows, slot] if settings.slots else np.zeros(n, np.int64)
        use_global = (self.rng.random(n) < settings.global_share) if settings.global_share else np.zeros(n, bool)
        use_global |= bound == 0
        if self.fact is not None:
            concept = world.globals[self.fact[rows]]
        elif settings.global_share:
            for language, choices in enumerate(self.askable):
                mine = np.flatnonzero(use_global & (p.language[rows, step] == language))
                concept[mine] = world.globals[choices[self.below(np.full(len(mine), len(choices)))]]
        if settings.shadowing:  # a global drawn here may be bound in the program: then it is that local
            match = (self.concept[rows] == concept[:, None]) & (np.arange(settings.slots) < bound[:, None])
            hidden = use_global & match.any(1)
            slot = np.where(hidden, match.argmax(1), slot)
            use_global &= ~hidden
        if settings.slots:
            value, depth, since = self.held[rows, slot], self.depth[rows, slot], self.since[rows, slot]
        else:
            value, depth, since = (np.zeros(n, np.int16) for _ in range(3))
        literal = self.rng.random(n) < settings.literals if k and settings.literals else np.zeros(n, bool)
        if len(world.globals):
            index = self.global_of[concept]
            value = np.where(use_global, world.global_values[index], value).astype(np.int16)
            p.shadowed[rows, step] |= ~use_global & ~literal & (index != NONE)
        local = ~use_global & ~literal
        value = np.where(literal, self.rng.integers(0, world.modulus, n), value).astype(np.int16) if k else value
        p.operands[rows, step, k] = np.where(literal, NONE, concept)
        p.literals[rows, step, k] = np.where(literal, value, NONE)
        p.globals_used[rows, step] += use_global & ~literal
        p.reads[rows, step, k] = np.where(local, since, NONE)
        return value, np.where(local, depth, 0).astype(np.int16), world.types[concept]
