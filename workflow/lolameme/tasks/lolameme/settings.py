"""Settings of the LoLaMeMe task: a world, how programs are drawn from it, and the splits to test on."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lolameme.study.sections import Name, Positive, Section, Share, nearest
from lolameme.study.settings import Language
from lolameme.study.variant import SPLITS, BaseVariant, Bounds

BASE_FUNCTIONS = ("add", "sub", "mul", "max", "min", "absdiff", "first", "second", "table")
_NAMES = 1_000_000  # of a language, at most: all are held in memory and tokenised before the first program


class World(Section):
    """The hidden truth that all languages of a variant share."""

    modulus: int = Field(100, ge=2, le=1000, description="values are 0..modulus-1, zero-padded decimals")
    stems: int = Field(8, ge=1, le=10000, description="number of first roots of names")
    heads: int = Field(8, ge=1, le=10000, description="number of second roots of names; the head carries the type")
    types: Positive = Field(1, description="number of latent types")
    irregular: Share = Field(0.0, description="share of concepts whose type is not that of their head")
    globals: int = Field(0, ge=0, description="number of concepts with a fixed value: long-term memory")
    unseen_pairs: Share = Field(
        0.0,
        description="at most this share of the pairs of operand values is never computed in training, in either order",
    )
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
        if self.concepts > _NAMES:
            raise ValueError(f"stems x heads gives {self.concepts} concepts; at most {_NAMES}, for each has a spelling")
        if self.globals > self.concepts:
            raise ValueError(f"globals is {self.globals}, but stems x heads gives only {self.concepts} concepts")
        if self.types > self.heads:
            raise ValueError(f"types is {self.types}, but only {self.heads} heads can have one each")
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
    global_share: Share = Field(
        0.0, description="probability that an operand is a global, where a local is bound to ask for; else it always is"
    )
    rebinding: Share = Field(0.0, description="share of assignments (after the first) to a name already bound")
    computed: Share = Field(
        0.0,
        description="at most this share of assignments (after the first) assigns an expression, not a value: none "
        "where its answer would need more than chain_depth of them",
    )
    chain_depth: int = Field(
        1, ge=0, description="most computed assignments that an answer may need, one after another"
    )
    shadowing: Share = Field(0.0, description="share of newly bound names that are globals")
    literals: Share = Field(0.0, description="probability that an operand after the first is a literal")
    noise: Bounds = Field((0, 0), description="distractor statements: assignments that no query uses")
    repeat: bool = Field(
        True,
        description="whether a program may ask for the same twice, so that the answer stands in its prompt already; "
        "valid and all test splits: false, unless it is set here or there. Where nothing new is left to ask, false "
        "repeats, too (column asked_before): give such splits no more queries than names. Of globals and locals, false "
        "asks more often for those of which there are more",
    )
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

    @property
    def once(self) -> bool:
        """Whether programs never ask for the same twice: there is always something new to ask."""
        names = 0 if self.rebinding or self.interleave else self.assignments[0]
        return not self.repeat and self.queries[1] <= max(1, names)

    def check(self, world: World) -> None:
        """Raise ValueError if no program can be drawn from `world` with these settings."""
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


class Variant(BaseVariant):
    """One experiment in the LoLaMeMe languages: a world, how programs are drawn from it, and the splits to test on."""

    task: Literal["lolameme"] = Field("lolameme", description="the task's name")
    world: World = Field(description="what the programs of the variant have in common")
    program: Program = Field(description="how programs are drawn")
    splits: dict[Name, Program] = Field({}, description=SPLITS)
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

    @property
    def held_out(self) -> bool:
        return self.holdout

    def programs(self) -> dict[str, Program]:
        """The settings of every split; what is tested is asked for once, unless `repeat` is set."""
        return {
            split: program
            if split == "train" or "repeat" in program.model_fields_set
            else program.updated(Program(repeat=False))
            for split, program in super().programs().items()
        }

    @property
    def repeating(self) -> tuple[str, ...]:
        found = self.programs()
        few = {
            split: program.operands == (1, 1)
            and not program.global_share
            and program.queries[1] > program.assignments[0]
            for split, program in found.items()
        }
        return tuple(split for split in self.tests if few[split] and not found[split].repeat)

    def check(self, languages: dict[str, Language]) -> None:
        """Raise ValueError if a language is not declared, lacks operator signs, or mixes with one that has the same."""
        for split, program in self.programs().items():
            for language in program.languages:
                if language not in languages:
                    raise ValueError(
                        f"unknown language {language!r}{nearest(language, languages)}; declared: {', '.join(languages)}"
                    )
                signs, operators = languages[language].operators, self.world.operators
                if len(signs) < len(operators):
                    raise ValueError(f"{language} has {len(signs)} operator signs for {len(operators)} operators")
            if program.mix == "code_switch":
                owner: dict[str, str] = {}
                for language in program.languages:
                    for sign in languages[language].operators[: len(self.world.operators)]:
                        if owner.setdefault(sign, language) != language:
                            raise ValueError(
                                f"{split} mixes {owner[sign]} and {language} in one program, and both use the operator "
                                f"sign {sign!r}; give one of them another sign"
                            )
        for language in self.taught_in:
            if language != "both" and language not in self.program.languages:
                allowed = ["both", *self.program.languages]
                raise ValueError(f"taught_in: {language!r}{nearest(language, allowed)}; allowed: {', '.join(allowed)}")
