"""The configuration of a study: typed, documented, checked before the first job.

The same models serve the Snakefile and the package; `workflow/schemas/config.schema.json` is generated from them.
A mistake becomes one `ConfigError` sentence that names the key, the value and what is allowed.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    FieldSerializationInfo,
    Tag,
    ValidationError,
    field_serializer,
    model_validator,
)
from typing_extensions import TypedDict

from lolameme.base.files import REPORTS, RESULTS
from lolameme.study import architectures, document, plugins
from lolameme.study.contrasts import Claims, Contrast, matching
from lolameme.study.paths import Paths, progress_file
from lolameme.study.sections import TASK, ConfigError, Name, Section, nearest, sentence, short
from lolameme.study.settings import Language, Model, Training, Tuning

TASKS = plugins.names("task")
_LONGEST = 255  # characters of the name of a file


def _task(value: Any) -> str | None:
    """The tag of a variant, given as plain data or read already."""
    name = value.get("task", "lolameme") if isinstance(value, dict) else getattr(value, "task", "lolameme")
    return TASK + name if name in TASKS else None


# a variant of any task: what the `settings` of its folder say
Variant = Annotated[
    Union[tuple(Annotated[plugins.load("task", name, "settings").Variant, Tag(TASK + name)] for name in TASKS)],  # noqa: UP007 (a union of a tuple)
    Discriminator(
        _task,
        custom_error_type="unknown_task",
        custom_error_message=f"the task must be one of {', '.join(TASKS)}",
    ),
]


def _analyses(value: Any) -> Any:
    """Names without settings stand for the defaults; names that no file in `analyses` has are refused."""
    if not isinstance(value, dict):
        return value
    known = plugins.names("analysis")
    for name in value:
        if name not in known:
            raise ValueError(f"unknown analysis {name!r}{nearest(name, known)}; allowed: {', '.join(known)}")
    return {name: {} if settings is None else settings for name, settings in value.items()}


# which analyses, with the settings that the file of each declares
Analyses = TypedDict(
    "Analyses", {name: plugins.load("analysis", name).Settings for name in plugins.names("analysis")}, total=False
)
Analyses.__pydantic_config__ = ConfigDict(extra="forbid")


Seed = Annotated[int, Field(ge=0, lt=2**31)]  # names of folders and file formats hold these


class Study(Section):
    """A whole study: the one configuration that Snakefile and package share."""

    study: Name = Field(description="name of the study: results/<study>, reports/<study>")
    seeds: tuple[Seed, ...] = Field(min_length=1, description="one cell per seed")
    looks: Annotated[tuple[Annotated[int, Field(ge=2, le=100)], ...], Field(min_length=2)] | None = Field(
        None,
        description="numbers of seeds, rising, at which contrasts are looked at: `make decided` adds seeds up to the "
        "next number while one is undecided; every p is corrected for the number of looks; without it: one look",
    )
    worlds: Literal["seed", "one"] = Field(
        "seed",
        description="seed: every seed draws a world and programs of its own, so that intervals are for any world; "
        "one: all seeds share those of world_seed, so that intervals are for this world alone",
    )
    world_seed: Seed | None = Field(None, description="worlds: one: the seed of worlds and programs; null: 1")
    threads: Annotated[int, Field(ge=1, le=1024)] = Field(1, description="CPU threads of one training")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: CUDA where there is a GPU, else the CPU")
    languages: dict[Name, Language] = Field(min_length=1, description="the languages that variants may use, by name")
    architectures: tuple[str, ...] = Field(min_length=1, description=architectures.FORMS)
    model: Model = Field(Model(), description="the stack that all architectures share")
    match: Literal["depth", "parameters", "flops"] = Field(
        "depth",
        description="what architectures have in common: depth and width; or depth, and each its own width, so that "
        "all have as many parameters, or as many FLOPs per token, as GPT-2 of model.d_model",
    )
    training: Training = Field(Training(), description="how cells are trained; a variant may differ")
    tuning: Tuning | None = Field(None, description="choose learning rates per family; without it: as given")
    weights: tuple[Seed, ...] | None = Field(
        None,
        description="seeds whose cells keep their weights; those of other cells go once evaluation and all analyses "
        "have read them; without it: all",
    )
    tracking: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")] | None = Field(
        None, description="an MLflow tracking server, as http://host:port; without it: results/mlflow.db"
    )
    variants: dict[Name, Variant] = Field(min_length=1, description="the experiments, by name")
    contrasts: tuple[Contrast, ...] | None = Field(
        None,
        description="the comparisons of architectures that are tested, fixed in advance, beside those of the claims; "
        "without it: T HEX with k >= 2 above k = 1 and the middle T HEX above short-attention, on the variants of "
        "claim C4; where no claim has variants, on all, and Hyena above GPT-2 and the middle T HEX above Hyena, too",
    )
    claims: Claims = Field(Claims(), description="which variants test which claim of the paper")
    analyses: Annotated[Analyses, BeforeValidator(_analyses)] = Field(
        {}, description="what is measured in every trained cell: analyses by name, with their settings (none: defaults)"
    )

    @model_validator(mode="after")
    def _consistent(self):
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds: {list(self.seeds)} names a seed twice")
        if self.looks is not None:
            if list(self.looks) != sorted(set(self.looks)):
                raise ValueError(f"looks is {list(self.looks)}; give numbers of seeds, each once, in rising order")
            if len(self.seeds) not in self.looks:
                raise ValueError(
                    f"looks is {list(self.looks)}, but {len(self.seeds)} seeds are given; give one of these numbers"
                )
        if self.worlds == "seed" and self.world_seed is not None:
            raise ValueError(
                f"world_seed is {self.world_seed}, but worlds: seed draws a world per seed; add worlds: one, or drop it"
            )
        if strange := [seed for seed in self.weights or () if seed not in self.seeds]:
            raise ValueError(f"weights: {strange[0]} is none of the study's seeds, {list(self.seeds)}")
        try:
            architectures.expand(self.architectures, self.model.layers)
        except ValueError as error:
            raise ValueError(f"architectures: {error}") from None
        for name, variant in self.variants.items():
            if name in (RESULTS, REPORTS):
                raise ValueError(f"variants: {name!r} names the folder of all studies; choose another name")
            try:
                variant.check(self.languages)
            except ValueError as error:
                raise ValueError(f"variants.{name}: {error}") from None
            for given in self.training.updated(variant.training).rates:
                if given not in architectures.FAMILIES:
                    hint = nearest(given, architectures.FAMILIES)
                    raise ValueError(
                        f"variants.{name}: training.rates names {given!r}{hint}, which is no family of architectures; "
                        f"allowed: {', '.join(architectures.FAMILIES)}"
                    )
            training = self.training.updated(variant.training)
            if training.snapshots and training.snapshots[-1] >= training.steps:
                raise ValueError(
                    f"variants.{name}: training.snapshots names step {training.snapshots[-1]}, but training ends after "
                    f"{training.steps} steps, and what it ends with is kept anyway; name steps below {training.steps}"
                )
            try:
                stacks = self.stacks_of(name)
            except ValueError as error:
                raise ValueError(f"variants.{name}: architectures: {error}") from None
            try:
                trials = self.trials(name)
            except ValueError as error:
                raise ValueError(f"tuning: {error} (variant {name})") from None
            last = max([f"seed{max(self.seeds)}", *trials], key=len)
            for stack in stacks:
                longest = f".{progress_file(f'{name}/{stack}/{last}')}.part"
                if len(longest) > _LONGEST:
                    raise ValueError(
                        f"variants.{name}: with {short(stack)} its name makes names of files of {len(longest)} "
                        f"characters, and most disks allow {_LONGEST}; shorten one of them"
                    )
        trained = {stack for name in self.variants for stack in self.stacks_of(name)}
        if idle := [stack for stack in self.stacks if stack not in trained]:
            raise ValueError(f"architectures: {idle[0]} is trained on no variant; name it in one, or leave it out")
        try:
            self.claims.check(self.variants)
        except ValueError as error:
            raise ValueError(f"claims: {error}") from None
        for number, contrast in enumerate(self.contrasts or ()):
            try:
                contrast.arms(self.stacks)
                for variant in contrast.tested(self.tests):
                    contrast.arms(self.stacks_of(variant), f"variant {variant}")
            except ValueError as error:
                raise ValueError(f"contrasts.{number}: {error}") from None
        for name, settings in self.analyses.items():
            for key, value in settings:
                if isinstance(value, tuple) and (not value or len(set(value)) < len(value)):
                    raise ValueError(f"analyses.{name}.{key} is {list(value)}; name at least one, and each once")
            if hasattr(settings, "check"):
                try:
                    settings.check(self)
                except ValueError as error:
                    raise ValueError(f"analyses.{name}: {error}") from None
        return self

    @field_serializer("variants")
    def _as_given(self, variants: dict[str, Any], info: FieldSerializationInfo) -> dict[str, Any]:
        """Variants with the keys that were given: what is set in a split or in their training overrides what is not."""
        return {name: variant.model_dump(mode=info.mode, exclude_unset=True) for name, variant in variants.items()}

    def only(self, variants: list[str]) -> "Study":
        """The study without all other variants, and without the contrasts and claims that need them."""
        contrasts = self.contrasts
        if contrasts is not None:
            named = [(each, [v for v in each.variants or () if v in variants]) for each in contrasts]
            contrasts = tuple(
                each.model_copy(update={"variants": tuple(kept) or None})
                for each, kept in named
                if kept or (each.variants is None and any(each.split in self.tests[v] for v in variants))
            )
        kept = {name: self.variants[name] for name in variants}
        stacks = tuple(stack for stack in self.stacks if any(stack in self.stacks_of(name) for name in variants))
        less = {"variants": kept, "architectures": stacks, "contrasts": contrasts, "claims": self.claims.only(variants)}
        return self.model_copy(update=less)

    @property
    def paths(self) -> Paths:
        """Where the study's files lie."""
        return Paths(self.study)

    def world_of(self, seed: int) -> int:
        """The seed of the world, and of the programs, that cells of a seed are trained and tested on."""
        return seed if self.worlds == "seed" else self._one_world

    @property
    def world_seeds(self) -> tuple[int, ...]:
        """The seeds of all worlds. Trials of the tuning use the first one, which pictures and pages show, too."""
        return self.seeds if self.worlds == "seed" else (self._one_world,)

    @property
    def _one_world(self) -> int:
        """The seed of the world that all seeds share."""
        return 1 if self.world_seed is None else self.world_seed

    @property
    def stacks(self) -> tuple[str, ...]:
        """Architectures with every name written out, each different stack once."""
        return architectures.expand(self.architectures, self.model.layers)

    def stacks_of(self, *variants: str) -> tuple[str, ...]:
        """The architectures that are trained on each of some variants, in the order of the study."""
        named = [self.variants[name].architectures for name in variants]
        kept = [set(matching(each, self.stacks)) for each in named if each is not None]
        return tuple(stack for stack in self.stacks if all(stack in each for each in kept))

    @property
    def cells(self) -> list[tuple[str, str, int]]:
        """Variant, architecture and seed of every cell."""
        return [(name, stack, seed) for name in self.variants for stack in self.stacks_of(name) for seed in self.seeds]

    @property
    def tests(self) -> dict[str, tuple[str, ...]]:
        """The test splits of every variant."""
        return {name: variant.tests for name, variant in self.variants.items()}

    @property
    def server(self) -> str:
        """Where a browser finds the study's runs: its tracking server, else that of `make mlflow`."""
        return self.tracking or "http://127.0.0.1:5000"

    @property
    def times_looked(self) -> int:
        """How many looks at the contrasts are planned, for which every p is corrected."""
        return len(self.looks or (len(self.seeds),))

    @property
    def more_seeds(self) -> tuple[int, ...]:
        """The seeds that the next look asks for besides those there are; none after the last."""
        following = [number for number in self.looks or () if number > len(self.seeds)]
        more = following[0] - len(self.seeds) if following else 0
        return tuple(range(max(self.seeds) + 1, max(self.seeds) + 1 + more))

    @property
    def counted_seeds(self) -> str:
        """The number of seeds, in words."""
        return f"{len(self.seeds)} seed{'s' if len(self.seeds) > 1 else ''}"

    def training_of(self, variant: str, stack: str | None = None) -> Training:
        """The training settings of a variant, its overrides applied and its learning rate written out.

        With a stack, they are those of its cells: the learning rate is that of its family where `rates` names one, and
        snapshots are kept, which trials have no use for.
        """
        training = self.training.updated(self.variants[variant].training).at_width(self.model.d_model)
        rate = training.rates.get(architectures.family(stack), training.learning_rate) if stack else None
        snapshots = training.snapshots if stack else ()
        chosen = {"learning_rate": rate or training.learning_rate, "rates": {}, "snapshots": snapshots}
        return training.model_copy(update=chosen)

    @property
    def passing_seeds(self) -> tuple[int, ...]:
        """The seeds whose cells do not keep their weights."""
        return () if self.weights is None else tuple(seed for seed in self.seeds if seed not in self.weights)

    @property
    def keeps_snapshots(self) -> bool:
        """Whether the cells of any variant keep weights from before the end of their training."""
        return any(self.training.updated(variant.training).snapshots for variant in self.variants.values())

    def asked(self, variant: str, stack: str) -> dict[str, Any]:
        """What the study asks of a stack on a variant, besides data and tuning; cells carry it among their facts."""
        model, training = (part.model_dump(mode="json") for part in (self.model, self.training_of(variant, stack)))
        return {"match": self.match, "model": model, "training": training}

    def asked_of_data(self, variant: str) -> dict[str, Any]:
        """What the study asks of a variant's data, besides the seed of their world; they carry it among their facts.

        That is all but which cells are trained on them, and how.
        """
        of: Any = self.variants[variant]  # of some task
        settings = of.model_dump(mode="json", exclude={"about", "training", "architectures"})
        languages = {name: self.languages[name].model_dump(mode="json") for name in of.languages}
        return {"variant": settings, "languages": languages}

    @property
    def digest(self) -> str:
        """Of all settings: the page carries it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def trials(self, variant: str) -> dict[str, Training]:
        """The trials by which each family's training on a variant is chosen, by name; none without tuning."""
        return self.tuning.trials(self.training_of(variant)) if self.tuning else {}

    def extended(self, variant: str) -> Training:
        """A training as long as all that may be tried beyond the edge of the grid, one after another."""
        training = self.training_of(variant)
        return training.model_copy(update={"steps": training.steps * max(1, self.tuning.extensions)})

    def tuned_stacks(self, variant: str) -> tuple[str, ...]:
        """The architectures that are tuned on a variant, each for its family; none without tuning."""
        tuned = (self.representative(variant, stack) for stack in self.stacks_of(variant))
        return tuple(dict.fromkeys(tuned)) if self.tuning else ()

    def representative(self, variant: str, stack: str) -> str:
        """The architecture whose tuning on a variant serves a stack, also one that is not listed there."""
        listed = self.stacks_of(variant)
        return architectures.representative(stack, listed if stack in listed else (*listed, stack))


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
    return parse(document.read(path), str(path))


def schema() -> str:
    """The JSON schema of a study, as checked in under workflow/schemas."""
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Study.model_json_schema()}
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"
