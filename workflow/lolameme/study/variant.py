"""What the variants of all tasks have in common: sizes, a tokenizer, splits. A task brings the rest."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from lolameme.study.sections import Line, Positive, Section
from lolameme.study.settings import Language, Training


def _ordered(bounds: tuple[int, int]) -> tuple[int, int]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"the range {list(bounds)} is empty; write [least, most]")
    return bounds


_Bound = Annotated[int, Field(ge=0, le=10_000)]  # of programs, which must fit into memory with all their tokens
Bounds = Annotated[tuple[_Bound, _Bound], AfterValidator(_ordered)]


class Sizes(Section):
    """Programs per split; `test` holds for every extra split too."""

    train: Positive = Field(20000, description="to train on")
    valid: Positive = Field(500, description="to watch and to choose learning rates by")
    test: Positive = Field(1000, description="of each test split, read once, at the end")


class Tokenizer(Section):
    """How text becomes tokens. Digits stay single and answers never merge with their neighbours."""

    kind: Literal["bpe", "piece", "char"] = Field(
        "bpe", description="within a name: learned merges, one token per root and casing mark, or per character"
    )
    vocabulary: int = Field(1024, ge=16, le=65535, description="entries of a bpe tokenizer, specials included")
    signs: Literal["whole", "split"] = Field(
        "whole", description="a sign of several characters: one token, or one per character; for bpe and piece"
    )


class BaseVariant(Section):
    """One experiment. A task's own adds its `task`, its `program`, `splits` of that kind, and at times a `world`."""

    about: Line = Field(max_length=300, description="what is asked, in one line; shown in the report")
    sizes: Sizes = Field(Sizes(), description="programs per split")
    tokenizer: Tokenizer = Field(Tokenizer(), description="how text becomes tokens")
    training: Training | None = Field(None, description="the keys of the study's training that differ here")
    architectures: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="those of the study's architectures that are trained on it, as names or patterns such as thex-*; "
        "without it: all",
    )

    def programs(self) -> dict[str, Any]:
        """The program settings of every split, overrides applied: train, valid, test, then the extra ones."""
        return {split: self.program for split in ("train", "valid", "test")} | {
            name: self.program.updated(settings) for name, settings in self.splits.items()
        }

    @property
    def held_out(self) -> bool:
        """Whether no prompt to validate or test on may be in train."""
        return True

    @property
    def repeating(self) -> tuple[str, ...]:
        """The splits to test on that ask for the same twice for want of anything new to ask, though none says so."""
        return ()

    def check(self, languages: dict[str, Language]) -> None:
        """Raise ValueError if the variant does not fit the study's languages."""

    @property
    def tests(self) -> tuple[str, ...]:
        return ("test", *(name for name in self.splits if name not in ("valid", "test")))

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of all splits, each once."""
        return tuple(dict.fromkeys(name for p in self.programs().values() for name in getattr(p, "languages", ())))

    @model_validator(mode="after")
    def _splits_can_be_drawn(self):
        for name in self.splits:
            if name == "train":
                raise ValueError("splits: 'train' is what program says; only valid, test and extra splits may differ")
        for name, program in self.programs().items():
            try:
                program.check(getattr(self, "world", None))
            except ValueError as error:
                where = "program" if name == "train" else f"splits.{name}"
                raise ValueError(f"{where}: {error}") from None
        return self


SPLITS = "extra test splits: the settings of program that differ; valid and test may differ, too"
