"""Variants of the data: languages, worlds, how programs are drawn, and the splits to test on."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from lolameme.sections import TASK, Name, Positive, Section, Share, nearest
from lolameme.settings import Training

BASE_FUNCTIONS = ("add", "sub", "mul", "max", "min", "absdiff", "first", "second", "table")

Sign = Annotated[str, Field(pattern=r"^[^\w\s]+$", max_length=8)]


def _ordered(bounds: tuple[int, int]) -> tuple[int, int]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"the range {list(bounds)} is empty; write [least, most]")
    return bounds


Bounds = Annotated[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]], AfterValidator(_ordered)]


class Language(Section):
    """The surface of a language: data, not code."""

    casing: Literal["camel", "snake", "kebab", "pascal"] = Field(description="how a name joins its stem and head")
    order: Literal["infix", "prefix"] = Field(description="a + b, or + a b")
    assign: Sign = Field(description="assignment sign")
    answer: Sign = Field(description="sign between a query and its answer")
    end: Sign = Field(description="end of a statement")
    operators: tuple[Sign, ...] = Field(description="operator signs, in the order of the world's operators")
    lexicon: Literal["shared", "distinct"] = Field("shared", description="distinct: roots have another spelling here")
    synonyms: int = Field(1, ge=1, le=8, description="spellings of each root")

    @model_validator(mode="after")
    def _signs_differ(self):
        signs = [self.assign, self.answer, self.end, *self.operators]
        if len(set(signs)) != len(signs):
            twice = next(s for s in signs if signs.count(s) > 1)
            raise ValueError(f"the sign {twice!r} stands for two things; assign, answer, end and operators must differ")
        return self


class World(Section):
    """The hidden truth that all languages of a variant share."""

    modulus: int = Field(100, ge=2, le=1000, description="values are 0..modulus-1, zero-padded decimals")
    stems: int = Field(8, ge=1, le=10000, description="number of first roots of names")
    heads: int = Field(8, ge=1, le=10000, description="number of second roots of names; the head carries the type")
    types: Positive = Field(1, description="number of latent types")
    irregular: Share = Field(0.0, description="share of concepts whose type is not that of their head")
    globals: int = Field(0, ge=0, description="number of concepts with a fixed value: long-term memory")
    unseen_pairs: Share = Field(0.0, description="share of the pairs of operand values that training never computes")
    unseen_names: Share = Field(0.0, description="share of the local names that training never uses; regular ones")
    operators: tuple[tuple[str, ...] | str, ...] = Field(
        ("add",),
        description="per operator one base function per type of the left operand: " + ", ".join(BASE_FUNCTIONS),
    )

    @property
    def concepts(self) -> int:
        return self.stems * self.heads

    @model_validator(mode="after")
    def _consistent(self):
        if self.globals > self.concepts:
            raise ValueError(f"globals is {self.globals}, but stems x heads gives only {self.concepts} concepts")
        if self.irregular and self.types == 1:
            raise ValueError(f"irregular is {self.irregular}, but with types: 1 there is no other type to have")
        for operator in self.operators:
            functions = (operator,) * self.types if isinstance(operator, str) else operator
            if len(functions) != self.types:
                raise ValueError(f"operator {list(functions)} has {len(functions)} functions for {self.types} types")
            for function in functions:
                if function not in BASE_FUNCTIONS:
                    raise ValueError(
                        f"{function!r} is no base function{nearest(function, BASE_FUNCTIONS)}; "
                        f"allowed: {', '.join(BASE_FUNCTIONS)}"
                    )
        return self


class Program(Section):
    """How programs are drawn. Ranges are inclusive and uniform."""

    assignments: Bounds = Field((0, 0), description="assignment statements, distractors not counted")
    queries: Bounds = Field((1, 1), description="queries per program")
    operands: Bounds = Field((1, 1), description="operands of an expression; 1 is plain recall")
    global_share: Share = Field(0.0, description="probability that an operand is a global")
    rebinding: Share = Field(0.0, description="share of assignments (after the first) to a name already bound")
    computed: Share = Field(0.0, description="share of assignments (after the first) of an expression, not a value")
    chain_depth: int = Field(
        1, ge=0, description="most computed assignments that an answer may need, one after another"
    )
    shadowing: Share = Field(0.0, description="share of newly bound names that are globals")
    literals: Share = Field(0.0, description="probability that an operand after the first is a literal")
    noise: Bounds = Field((0, 0), description="distractor statements: assignments that no query uses")
    interleave: bool = Field(False, description="queries among the assignments instead of after them")
    mix: Literal["single", "code_switch"] = Field("single", description="language drawn per program or per statement")
    languages: dict[Name, Annotated[float, Field(gt=0)]] = Field(
        {"lola": 1.0}, min_length=1, description="weights of the languages"
    )
    ask: Literal["taught", "untaught", "any"] = Field(
        "taught", description="which globals a statement may use, by whether its language teaches them"
    )

    pairs: Literal["seen", "unseen"] = Field(
        "seen", description="seen: no expression computes a pair of world.unseen_pairs; unseen: every query does"
    )
    names: Literal["seen", "unseen", "irregular"] = Field(
        "seen", description="local names: those of training, those it never uses, or its irregular ones"
    )

    @property
    def slots(self) -> int:
        """The most different local names one program can bind."""
        return self.assignments[1] + self.noise[1]

    def check(self, world: World) -> None:
        """Raise ValueError if no program can be drawn from `world` with these knobs."""
        if self.queries[0] < 1 or self.operands[0] < 1:
            raise ValueError("queries and operands start at 1 or more")
        if not self.global_share and not self.assignments[0]:
            raise ValueError(
                "assignments starts at 0 and global_share is 0: some programs would have nothing to ask for"
            )
        if self.interleave and not self.assignments[0] and self.global_share < 1:
            raise ValueError("interleave needs assignments to start at 1, or global_share: 1")
        if (self.global_share or self.shadowing) and not world.globals:
            raise ValueError("global_share and shadowing need world.globals to be at least 1")
        pool = world.concepts - world.globals
        if self.slots > pool:
            raise ValueError(f"a program may bind {self.slots} names, but the pool of local names has only {pool}")
        if self.pairs == "unseen" and (not world.unseen_pairs or self.operands[0] < 2):
            raise ValueError("pairs: unseen needs world.unseen_pairs above 0, and operands to start at 2")
        if self.names == "unseen" and not world.unseen_names:
            raise ValueError("names: unseen needs world.unseen_names above 0")
        if self.shadowing and self.assignments[1] > world.globals:
            raise ValueError(
                f"shadowing needs at least {self.assignments[1]} globals, world.globals is {world.globals}"
            )


class ListOpsProgram(Section):
    """How ListOps lists are drawn (Nangia & Bowman 2018, arXiv 1804.06028; Long Range Arena, arXiv 2011.04006)."""

    operators: tuple[Literal["MAX", "MIN", "MED", "SM"], ...] = Field(
        ("MAX", "MIN", "MED", "SM"), min_length=1, description="maximum, minimum, median (rounded down), sum modulo 10"
    )
    depth: Bounds = Field((1, 3), description="lists inside lists, the outermost counted; uniform")
    arguments: Bounds = Field((2, 5), description="arguments of a list; uniform")
    nesting: Share = Field(0.25, description="probability that an argument is a list, where depth allows it")
    length: Bounds = Field((1, 100), description="symbols of a program: operators, digits and closing brackets")

    def check(self, world: None = None) -> None:
        """Raise ValueError if no list can be drawn with these knobs."""
        if self.depth[0] < 1 or self.arguments[0] < 2:
            raise ValueError("depth starts at 1 or more, arguments at 2 or more")
        least = (self.depth[0] - 1) * (self.arguments[0] + 1) + self.arguments[0] + 2
        most = 1
        for _ in range(self.depth[1]):
            most = min(2 + self.arguments[1] * most, 10**9)
        if not (least <= self.length[1] and self.length[0] <= most):
            raise ValueError(
                f"length is {list(self.length)}, but lists of this depth and number of arguments have {least} to "
                f"{most} symbols"
            )


class MqarWorld(Section):
    """The words of multi-query associative recall: keys, values and fillers, all different."""

    keys: Annotated[int, Field(ge=1, le=20000)] = 64
    values: Annotated[int, Field(ge=1, le=20000)] = 64
    fillers: Annotated[int, Field(ge=1, le=20000)] = 64


class MqarProgram(Section):
    """How sequences of multi-query associative recall are drawn (Zoology, arXiv 2312.04927, appendix on MQAR)."""

    pairs: Bounds = Field((2, 4), description="key-value pairs that a sequence starts with; each is asked for once")
    length: Positive = Field(64, description="words of a sequence, even: pairs, then queries among fillers")
    power: float = Field(
        0.01, gt=0, description="a of the power law of the gaps: a query after g places has weight a * g**(a - 1)"
    )

    def check(self, world: MqarWorld) -> None:
        """Raise ValueError if no sequence can be drawn from `world` with these knobs."""
        most = self.pairs[1]
        if self.pairs[0] < 1:
            raise ValueError("pairs starts at 1 or more")
        if most > min(world.keys, world.values):
            raise ValueError(f"{most} pairs need as many keys and values; the world has {world.keys}, {world.values}")
        if self.length % 2 or self.length < 4 * most:
            raise ValueError(f"length is {self.length}; it must be even, and at least 4 words for each of {most} pairs")


class Sizes(Section):
    """Programs per split; `test` holds for every extra split too."""

    train: Positive = 20000
    valid: Positive = 500
    test: Positive = 1000


class Tokenizer(Section):
    """How text becomes tokens. Digits stay single and answers never merge with their neighbours."""

    kind: Literal["bpe", "piece", "char"] = Field(
        "bpe", description="within a name: learned merges, one token per root and casing mark, or per character"
    )
    vocabulary: int = Field(1024, ge=16, le=65535, description="entries of a bpe tokenizer, specials included")


class _Variant(Section):
    """What the variants of all tasks have. A task adds its `world`, its `program`, and `splits` of that kind."""

    about: str = Field(description="what is asked, in one line; shown in the report")
    sizes: Sizes = Sizes()
    tokenizer: Tokenizer = Tokenizer()
    training: Training | None = Field(None, description="the keys of the study's training that differ here")

    def programs(self) -> dict[str, Any]:
        """The program knobs of every split, overrides applied: train, valid, test, then the extra ones."""
        return {s: self.program for s in ("train", "valid", "test")} | {
            name: self.program.updated(knobs) for name, knobs in self.splits.items()
        }

    @property
    def tests(self) -> tuple[str, ...]:
        return ("test", *self.splits)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of all splits, each once."""
        return tuple(dict.fromkeys(name for p in self.programs().values() for name in getattr(p, "languages", ())))

    @model_validator(mode="after")
    def _splits_can_be_drawn(self):
        for name in self.splits:
            if name in ("train", "valid", "test"):
                raise ValueError(f"splits: {name!r} exists already; extra splits need other names")
        for name, program in self.programs().items():
            try:
                program.check(getattr(self, "world", None))
            except ValueError as error:
                where = "program" if name == "train" else f"splits.{name}"
                raise ValueError(f"{where}: {error}") from None
        return self


_SPLITS = "extra test splits: the knobs of program that differ"


class LolamemeVariant(_Variant):
    """One experiment in the LoLaMeMe languages: a world, how programs are drawn from it, and the splits to test on."""

    task: Literal["lolameme"] = "lolameme"
    world: World
    program: Program
    splits: dict[Name, Program] = Field({}, description=_SPLITS)
    taught_in: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {"both": 1.0}, description="weights: globals taught in one language (its name) or in all of them (both)"
    )
    holdout: bool = Field(
        True, description="no prompt of valid and test splits in train; false: every split asks for every global once"
    )

    @model_validator(mode="after")
    def _consistent(self):
        for program in self.programs().values():
            if not self.holdout and (program.global_share, program.queries, program.operands) != (1, (1, 1), (1, 1)):
                raise ValueError("holdout: false is for memorisation: global_share 1, queries and operands [1, 1]")
        if sum(self.taught_in.values()) <= 0:
            raise ValueError("taught_in: the weights add up to nothing")
        if set(self.taught_in) == {"both"} and any(p.ask == "untaught" for p in self.programs().values()):
            raise ValueError("a split asks for untaught globals, but taught_in teaches all of them in all languages")
        return self


class ListOpsVariant(_Variant):
    """ListOps: the value of nested prefix lists over the digits."""

    task: Literal["listops"]
    program: ListOpsProgram = ListOpsProgram()
    splits: dict[Name, ListOpsProgram] = Field({}, description=_SPLITS)

    @property
    def holdout(self) -> bool:
        return True


class MqarVariant(_Variant):
    """Multi-query associative recall."""

    task: Literal["mqar"]
    world: MqarWorld = MqarWorld()
    program: MqarProgram = MqarProgram()
    splits: dict[Name, MqarProgram] = Field({}, description=_SPLITS)

    @property
    def holdout(self) -> bool:
        return True


TASKS = ("lolameme", "listops", "mqar")


def _task(value: Any) -> str | None:
    """The tag of a variant, given as plain data or read already."""
    name = value.get("task", "lolameme") if isinstance(value, dict) else getattr(value, "task", "lolameme")
    return TASK + name if name in TASKS else None


Variant = Annotated[
    Annotated[LolamemeVariant, Tag(TASK + "lolameme")]
    | Annotated[ListOpsVariant, Tag(TASK + "listops")]
    | Annotated[MqarVariant, Tag(TASK + "mqar")],
    Discriminator(
        _task,
        custom_error_type="unknown_task",
        custom_error_message=f"the task must be one of {', '.join(TASKS)}",
    ),
]
