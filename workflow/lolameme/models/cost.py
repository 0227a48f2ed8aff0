"""What a stack costs: trained parameters, counted, and floating point operations of a forward pass, by formula.

And which width makes two stacks cost the same.

A multiplication and an addition count as two operations. Norms, activations and softmaxes are left out, as is usual
(Kaplan et al. 2020, arXiv 2001.08361, section 2.1). Every mixer knows its own part.
"""

import bisect

import torch

from lolameme.models.stack import build, mixer_class
from lolameme.study.architectures import model_of, pattern
from lolameme.study.settings import Model

_REFERENCE = "gpt2"  # what other stacks are matched to


def parameter_count(architecture: str, model: Model, vocabulary: int) -> int:
    """Trained parameters of a stack, counted from one without memory; the head shares the embedding's."""
    with torch.device("meta"):
        made = build(architecture, model, vocabulary)
    return sum(p.numel() for p in made.parameters() if p.requires_grad)


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
