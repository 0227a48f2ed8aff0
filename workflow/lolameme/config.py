"""The configuration of a study: typed, documented, checked before the first job.

The same models serve the Snakefile and the package; `workflow/schemas/config.schema.json` is generated from them.
A mistake becomes one `ConfigError` sentence that names the key, the value and what is allowed.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from lolameme.models import architectures
from lolameme.sections import ConfigError, Name, Positive, Section, nearest, sentence
from lolameme.settings import Hyena, Model, Training, Tuning
from lolameme.variants import (
    BASE_FUNCTIONS,
    Language,
    ListOpsProgram,
    LolamemeVariant,
    MqarProgram,
    Program,
    Tokenizer,
    Variant,
    World,
)

__all__ = [
    "BASE_FUNCTIONS",
    "ConfigError",
    "Hyena",
    "Language",
    "ListOpsProgram",
    "Model",
    "MqarProgram",
    "Program",
    "Study",
    "Tokenizer",
    "Training",
    "Tuning",
    "Variant",
    "World",
    "load",
    "parse",
    "schema",
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
    match: Literal["depth", "parameters", "flops"] = Field(
        "depth",
        description="what architectures have in common: depth and width; or depth, and each its own width, so that "
        "all have as many parameters, or as many FLOPs per token, as GPT-2 of model.d_model",
    )
    training: Training = Training()
    tuning: Tuning | None = Field(None, description="choose learning rates per architecture; without it: as given")
    tracking: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")] | None = Field(
        None, description="an MLflow tracking server, as http://host:port; without it: results/mlflow.db"
    )
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
            try:
                self.trials(name)
            except ValueError as error:
                raise ValueError(f"tuning: {error} (variant {name})") from None
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
    def server(self) -> str:
        """Where a browser finds the study's runs: its tracking server, else that of `make mlflow`."""
        return self.tracking or "http://127.0.0.1:5000"

    @property
    def illustrated(self) -> str | None:
        """The variant that shows the framework: the one in the most languages, if any is."""
        languages = {n: len(v.program.languages) for n, v in self.variants.items() if v.task == "lolameme"}
        return max(languages, key=languages.__getitem__, default=None)

    def training_of(self, variant: str) -> Training:
        """The training settings of a variant, its overrides applied."""
        return self.training.updated(self.variants[variant].training)

    def trials(self, variant: str) -> dict[str, Training]:
        """The trials by which each architecture's training on a variant is chosen, by name; none without tuning."""
        return self.tuning.trials(self.training_of(variant)) if self.tuning else {}

    def tuned(self, variant: str, trial: str) -> Training:
        """The training of a variant's cells with what a trial tried."""
        tried = self.trials(variant)[trial]
        chosen = {key: getattr(tried, key) for key in ("learning_rate", "weight_decay")}
        return self.training_of(variant).model_copy(update=chosen)


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
