"""What a stack costs: trained parameters, counted, and floating point operations of a forward pass, by formula.

And which width makes two stacks cost the same.

A multiplication and an addition count as two operations. Norms, activations and softmaxes are left out, as is usual
(Kaplan et al. 2020, arXiv 2001.08361, section 2.1). Every mixer knows its own part.
"""

import bisect

import torch

from lolameme.models.stack import Stack, build, mixer_class
from lolameme.study.architectures import model_of, pattern
from lolameme.study.config import Study
from lolameme.study.sections import ConfigError
from lolameme.study.settings import Model

_LARGEST = 10**11  # parameters; with what AdamW keeps of each, 1.6 TB
_VOCABULARY = 1024  # before tokenizers are trained
_REFERENCE = "gpt2"  # what other stacks are matched to


def parameter_count(architecture: str, model: Model, vocabulary: int) -> int:
    """Trained parameters of a stack, counted from one without memory; the head shares the embedding's."""
    with torch.device("meta"):
        return trained_parameters(build(architecture, model, vocabulary))


def trained_parameters(model: Stack) -> int:
    """Trained parameters of a stack that is there: building one without memory costs torch a second of imports."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def parameters_of(study: Study) -> dict[str, int]:
    """Some number of parameters of every architecture of a study, each built as a training builds it, without memory.

    Raises ConfigError, in a sentence for the user, if one cannot be built, or no machine could hold it.
    """
    found = {}
    for name in study.stacks:
        try:
            sized = matched(study.match, name, study.model, _VOCABULARY, study.model.length, study.training.batch)
            flops_per_token(name, sized, _VOCABULARY, study.model.length)
            found[name] = parameter_count(name, sized, _VOCABULARY)
        except ValueError as error:
            raise ConfigError(f"architectures: {name}: {error}") from None
        if found[name] > _LARGEST:
            raise ConfigError(
                f"architectures: {name} would have some {found[name]:,} parameters, and no machine holds {_LARGEST:,}; "
                "lower model.layers, model.d_model or model.inner"
            )
    return found


def flops_per_token(architecture: str, model: Model, vocabulary: int, length: int, batch: int = 1) -> float:
    """Operations of a forward pass over `batch` inputs of `length` tokens, per token, with the head at every token."""
    model, D = model_of(architecture, model), model.d_model
    block = 4 * D * round(model.inner * D)
    mixers = pattern(architecture, model.layers)
    return 2 * vocabulary * D + sum(block + mixer_class(m).flops(model, length, batch) for m in mixers)


def matched(match: str, architecture: str, model: Model, vocabulary: int, length: int, batch: int) -> Model:
    """`model` with the width that makes `architecture` cost as much as GPT-2 of the given width.

    `match` is `parameters`, `flops` (per token, for inputs of `length` tokens in batches of `batch`) or `depth`, which
    keeps the width. Widths are multiples of the number of heads; the nearest one is taken.
    """
    if match == "depth":
        return model

    def cost(name: str, heads: int) -> float:
        sized = model.model_copy(update={"d_model": heads * model.heads})
        if match == "parameters":
            return parameter_count(name, sized, vocabulary)
        return flops_per_token(name, sized, vocabulary, length, batch)

    goal = cost(_REFERENCE, model.d_model // model.heads)
    widest = 1
    while cost(architecture, widest) < goal:
        widest *= 2
    # the first that does not cost less, or the one before it
    first = 1 + bisect.bisect_left(range(1, widest), goal, key=lambda heads: cost(architecture, heads))
    best = min(range(max(1, first - 1), first + 1), key=lambda heads: abs(cost(architecture, heads) - goal))
    return model.model_copy(update={"d_model": best * model.heads})
