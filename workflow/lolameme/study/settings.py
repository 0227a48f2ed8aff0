"""Settings of languages, of models and of their training."""

import itertools
import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from lolameme.study.sections import LARGEST, Positive, Section, Share

MOST_TAPS = 1024  # of a short convolution: it is summed tap by tap
CAPITAL = "⇧"  # how a tokenizer of kind `piece` writes that the next letter is a capital


def _shown_as_it_is(sign: str) -> str:
    if CAPITAL in sign:
        raise ValueError(f"sign {sign!r} holds {CAPITAL}, by which tokenizers mark capitals; use another")
    if not sign.isprintable() or "$" in sign:
        raise ValueError(f"sign {sign!r} has a character that is not shown as it is; use others ($ opens mathematics)")
    return sign


Sign = Annotated[str, Field(pattern=r"^[^\w\s]+$", max_length=8), AfterValidator(_shown_as_it_is)]


Width = Annotated[int, Field(ge=1, le=65536)]
Below1 = Annotated[float, Field(ge=0, lt=1)]


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


class Hyena(Section):
    """Settings of the Hyena operator (arXiv 2302.10866, sections 3.2 and 3.3)."""

    order: int = Field(2, ge=2, le=8, description="number of gates; order - 1 long convolutions")
    short_filter: int = Field(
        3,
        ge=1,
        le=MOST_TAPS,
        description="taps of the short convolution, also in short-attention, canon and short-gate; hyena@5: five",
    )
    masked_taps: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (),
        description="taps that short convolutions go without, by tokens back; hyena@3-1: three without the middle one",
    )
    filter_width: Width = Field(64, description="width of the implicit filter's MLP")
    filter_features: int = Field(
        33, ge=3, le=4097, description="positional features, odd: time and pairs of cosine and sine"
    )
    filter_layers: int = Field(2, ge=0, le=100, description="hidden layers of the filter's MLP after the first")
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

    @model_validator(mode="after")
    def _a_tap_is_left(self):
        taps, masked = self.short_filter, self.masked_taps
        if list(masked) != sorted(set(masked)) or len(masked) >= taps or max(masked, default=0) >= taps:
            raise ValueError(
                f"masked_taps is {list(masked)}; they must rise and lie in 0..{taps - 1}, and one must be left"
            )
        return self

    @property
    def taps_left(self) -> int:
        """Taps of the short convolution that are not masked."""
        return self.short_filter - len(self.masked_taps)


class Model(Section):
    """The stack that all architectures of a study share."""

    layers: int = Field(2, ge=1, le=1000, description="blocks of a mixer and an MLP")
    d_model: Width = Field(64, description="width of the residual stream")
    heads: Positive = Field(4, description="attention heads; they divide d_model")
    inner: float = Field(4.0, gt=0, le=100, description="width of the MLP as a multiple of d_model")
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(0.0, description="on embeddings and residual branches")
    attention_dropout: Annotated[float, Field(ge=0, lt=1)] = Field(0.0, description="on attention weights")
    length: Positive = Field(128, description="tokens of the longest input; also the unit of time of Hyena's filters")
    initialisation: float | None = Field(
        None, gt=0, description="standard deviation of matrices and embeddings; null: 1/sqrt(d_model); GPT-2's is 0.02"
    )
    positions: Literal["none", "learned"] = Field(
        "none", description="absolute position embeddings, in all stacks of a study or in none"
    )
    hyena: Hyena = Field(Hyena(), description="what is particular to Hyena layers")

    @model_validator(mode="after")
    def _heads_divide(self):
        if self.d_model % self.heads:
            raise ValueError(f"d_model {self.d_model} is no multiple of heads {self.heads}")
        if round(self.inner * self.d_model) < 1:
            raise ValueError(f"inner {self.inner:g} of d_model {self.d_model} leaves the MLP no width")
        return self

    @property
    def deviation(self) -> float:
        """The standard deviation of matrices and embeddings at the start.

        By default 1/sqrt(d_model), which keeps the scale of what passes a square matrix at every width; GPT-2's 0.02
        was made for width 768, and leaves a stack of width 64 an order of magnitude too small.
        """
        return self.d_model**-0.5 if self.initialisation is None else self.initialisation


class Training(Section):
    """How a cell is trained: AdamW, linear warm-up, cosine decay, clipped gradients."""

    steps: Positive = Field(1000, description="updates of the weights")
    batch: Width = Field(64, description="programs per step")
    learning_rate: float | None = Field(
        None, gt=0, le=1, description="its peak; null: 0.25 / model.d_model at batch 64, times the root of batch / 64"
    )
    rates: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(
        {}, description="the peak for the families named (hyena, thex, ...), where a tuning found another one for them"
    )
    final_rate: Share = Field(0.1, description="learning rate at the end, as a share of the peak")
    warmup: Share = Field(0.3, description="share of the steps spent warming up")
    betas: tuple[Below1, Below1] = Field((0.9, 0.98), description="decay of AdamW's running mean and mean square")
    weight_decay: float = Field(
        0.1, ge=0, le=1000, description="on matrices; never on biases, norms, embeddings, filters"
    )
    clip: float = Field(1.0, gt=0, description="largest gradient norm")
    loss: Literal["answers", "all"] = Field("answers", description="tokens that count: answers with their end, or all")
    evaluate_every: Positive = Field(100, description="steps between two looks at the valid split")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 on CUDA, else float32"
    )
    snapshots: tuple[Annotated[int, Field(ge=0, le=LARGEST)], ...] = Field(
        (), description="steps after which the weights are kept, too, for analyses to compare; 0: before the first"
    )

    @field_validator("snapshots")
    @classmethod
    def _in_order(cls, steps):
        if list(steps) != sorted(set(steps)):
            raise ValueError(f"snapshots is {list(steps)}; give every step once, in rising order")
        return steps

    def at_width(self, d_model: int) -> "Training":
        """These settings with a learning rate: as given, else what stacks of this width want.

        At these rates GPT-2, Hyena, T HEX and short-attention take about as many steps at width 256 as at 64 until they
        answer nine of ten questions, or fewer; at width 64 half and twice the rate do no better over all tasks, though
        some want the one and some the other (benchmarks/amd-epyc/recipe.md). That Adam's rate should go with the square
        root of the batch: Malladi et al. 2022, arXiv 2205.10287.
        """
        if self.learning_rate is not None:
            return self
        return self.model_copy(update={"learning_rate": 0.25 / d_model * math.sqrt(self.batch / 64)})

    def chosen(self, choice: dict[str, Any]) -> "Training":
        """This training with what the chosen trial of a choice tried."""
        trial = next(trial for trial in choice["trials"] if trial["trial"] == choice["chosen"])
        return self.model_copy(update={key: trial[key] for key in ("learning_rate", "weight_decay")})


class Tuning(Section):
    """The learning rate, and if wanted the weight decay, that each family of architectures gets on each variant.

    One architecture stands for its family: of T HEX the middle place. Every point of the grid is trained in full, with
    a seed of its own, and judged on the valid split alone. While the best lies on the edge, further rates are tried.
    """

    learning_rate: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (0.25, 0.5, 1.0, 2.0), min_length=4, description="factors on training.learning_rate, 1 and both sides of it"
    )
    weight_decay: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (1.0,), min_length=1, description="factors on training.weight_decay, 1 among them"
    )
    extensions: int = Field(
        2, ge=0, le=100, description="how many rates are tried beyond the edge of the grid, at most"
    )

    @model_validator(mode="after")
    def _default_is_tried(self):
        rates = self.learning_rate
        if 1 not in rates or not min(rates) < 1 < max(rates):
            raise ValueError(
                f"learning_rate is {list(rates)}; it needs 1, the default, and factors on both sides of it"
            )
        if 1 not in self.weight_decay:
            raise ValueError(f"weight_decay is {list(self.weight_decay)}; it needs 1, the default")
        return self

    def trials(self, training: Training) -> dict[str, Training]:
        """The points of the grid by name, such as `lr0.004-wd0.1`, each with the training of its trial.

        Raises ValueError if two points are the same, or a learning rate exceeds 1.
        """
        found: dict[str, Training] = {}
        for rate, decay in itertools.product(self.learning_rate, self.weight_decay):
            point = training.model_copy(
                update={"learning_rate": training.learning_rate * rate, "weight_decay": training.weight_decay * decay}
            )
            if trial_name(point) in found:
                raise ValueError(f"two points of the grid are the same, {trial_name(point)}")
            if point.learning_rate > 1:
                raise ValueError(f"learning rate {point.learning_rate:.6g} of {trial_name(point)} is above 1")
            found[trial_name(point)] = point
        return found


def trial_name(training: Training) -> str:
    """The name of the trial of a training, which says what is tried."""
    return f"lr{training.learning_rate:.6g}-wd{training.weight_decay:.6g}"
