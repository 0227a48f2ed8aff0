"""The configuration of a study: typed, documented, checked before the first job.

The same models serve the Snakefile and the package; `workflow/schemas/config.schema.json` is generated from them.
A mistake becomes one `ConfigError` sentence that names the key, the value and what is allowed.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationError, field_validator, model_validator

from lolameme.models import architectures
from lolameme.sections import TASK, ConfigError, Section, nearest, sentence

BASE_FUNCTIONS = ("add", "sub", "mul", "max", "min", "absdiff", "first", "second", "table")

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
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
    stems: Positive = Field(8, description="number of first roots of names")
    heads: Positive = Field(8, description="number of second roots of names; the head carries the type")
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

    keys: Positive = 64
    values: Positive = 64
    fillers: Positive = 64


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


class Hyena(Section):
    """Knobs of the Hyena operator (arXiv 2302.10866, sections 3.2 and 3.3)."""

    order: int = Field(2, ge=2, le=8, description="number of gates; order - 1 long convolutions")
    short_filter: Positive = Field(3, description="taps of the depthwise short convolution")
    filter_width: Positive = Field(64, description="width of the implicit filter's MLP")
    filter_features: int = Field(33, ge=3, description="positional features, odd: time and pairs of cosine and sine")
    filter_layers: int = Field(2, ge=0, description="hidden layers of the filter's MLP after the first")
    frequency: float = Field(
        1.0, gt=0, description="w of the sine activations; the published language models use 10-14"
    )
    fast_decay: float = Field(0.3, gt=0, description="the fastest channel reaches the target after this share of L")
    slow_decay: float = Field(1.5, gt=0, description="the slowest channel reaches the target after this share of L")
    target: float = Field(1e-2, gt=0, lt=1, description="what the decay window falls to")

    @field_validator("filter_features")
    @classmethod
    def _odd(cls, features):
        if features % 2 == 0:
            raise ValueError(f"filter_features is {features}; it must be odd: time, and a cosine and a sine per band")
        return features


class Model(Section):
    """The stack that all architectures of a study share."""

    layers: Positive = 2
    d_model: Positive = 64
    heads: Positive = 4
    inner: float = Field(4.0, gt=0, description="width of the MLP as a multiple of d_model")
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(0.0, description="on embeddings and residual branches")
    attention_dropout: Annotated[float, Field(ge=0, lt=1)] = Field(0.0, description="on attention weights")
    positions: Literal["auto", "learned", "none"] = Field(
        "auto",
        description="absolute position embeddings; auto: learned where layer 1 is attention, which is blind to order",
    )
    hyena: Hyena = Hyena()

    @model_validator(mode="after")
    def _heads_divide(self):
        if self.d_model % self.heads:
            raise ValueError(f"d_model {self.d_model} is no multiple of heads {self.heads}")
        return self


class Training(Section):
    """How a cell is trained: AdamW, linear warm-up, cosine decay, clipped gradients."""

    steps: Positive = 1000
    batch: Positive = Field(64, description="programs per step")
    learning_rate: float = Field(1e-3, gt=0, le=1)
    final_rate: Share = Field(0.1, description="learning rate at the end, as a share of the peak")
    warmup: Share = Field(0.1, description="share of the steps spent warming up")
    betas: tuple[Share, Share] = (0.9, 0.98)
    weight_decay: float = Field(0.1, ge=0, description="on matrices; never on biases, norms, embeddings, filters")
    clip: float = Field(1.0, gt=0, description="largest gradient norm")
    loss: Literal["answers", "all"] = Field("answers", description="tokens that count: answers with their end, or all")
    evaluate_every: Positive = Field(100, description="steps between two looks at the valid split")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 on CUDA, else float32"
    )


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


class Study(Section):
    """A whole study: the one configuration that Snakefile and package share."""

    study: Name = Field(description="name of the study: results/<study>, reports/<study>")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1, description="one cell per seed")
    world_seed: Annotated[int, Field(ge=0)] = Field(1, description="seed of worlds and programs, shared by all cells")
    threads: Positive = Field(1, description="CPU threads of one training")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: CUDA where there is a GPU, else the CPU")
    languages: dict[Name, Language] = Field(min_length=1)
    architectures: tuple[str, ...] = Field(min_length=1, description=architectures.FORMS)
    model: Model = Model()
    training: Training = Training()
    variants: dict[Name, Variant] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self):
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds: {list(self.seeds)} names a seed twice")
        try:
            architectures.expand(self.architectures, self.model.layers)
        except ValueError as error:
            raise ValueError(f"architectures: {error}") from None
        for name, variant in self.variants.items():
            try:
                if variant.task == "lolameme":
                    self._check_languages(variant)
            except ValueError as error:
                raise ValueError(f"variants.{name}: {error}") from None
        return self

    def _check_languages(self, variant: LolamemeVariant) -> None:
        for split, program in variant.programs().items():
            for language in program.languages:
                if language not in self.languages:
                    raise ValueError(
                        f"unknown language {language!r}{nearest(language, self.languages)}; "
                        f"declared: {', '.join(self.languages)}"
                    )
                signs, operators = self.languages[language].operators, variant.world.operators
                if len(signs) < len(operators):
                    raise ValueError(f"{language} has {len(signs)} operator signs for {len(operators)} operators")
            if program.mix == "code_switch":
                owner: dict[str, str] = {}
                for language in program.languages:
                    for sign in self.languages[language].operators[: len(variant.world.operators)]:
                        if owner.setdefault(sign, language) != language:
                            raise ValueError(
                                f"{split} mixes {owner[sign]} and {language} in one program, and both use the operator "
                                f"sign {sign!r}; give one of them another sign"
                            )
        for language in variant.taught_in:
            if language != "both" and language not in variant.program.languages:
                allowed = ["both", *variant.program.languages]
                raise ValueError(f"taught_in: {language!r}{nearest(language, allowed)}; allowed: {', '.join(allowed)}")

    @property
    def stacks(self) -> tuple[str, ...]:
        """Architectures with every name written out, each different stack once."""
        return architectures.expand(self.architectures, self.model.layers)

    @property
    def illustrated(self) -> str | None:
        """The variant that shows the framework: the one in the most languages, if any is."""
        languages = {n: len(v.program.languages) for n, v in self.variants.items() if v.task == "lolameme"}
        return max(languages, key=languages.__getitem__, default=None)

    def training_of(self, variant: str) -> Training:
        """The training settings of a variant, its overrides applied."""
        return self.training.updated(self.variants[variant].training)


def parse(data: Any, source: str = "configuration") -> Study:
    """Check a configuration given as plain data.

    Raises ConfigError with one sentence: where, what is wrong, what is allowed.
    """
    if not isinstance(data, dict) or not data:
        raise ConfigError(f"{source}: expected a mapping of keys, got {type(data).__name__}")
    try:
        return Study.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{source}: {sentence(error)}") from None


def load(path: str | Path) -> Study:
    """Read and check a configuration file. Raises ConfigError, also when the file is missing or is no YAML."""
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no valid YAML: {' '.join(str(error).split())}") from None
    return parse(data, str(path))


def schema() -> str:
    """The JSON schema of a study, as checked in under workflow/schemas."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Study.model_json_schema()}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
