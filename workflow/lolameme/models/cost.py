"""What a stack costs, by formula: trained parameters, and floating point operations of a forward pass.

A multiplication and an addition count as two operations. Norms, activations and softmaxes are left out, as is usual
(Kaplan et al. 2020, arXiv 2001.08361, section 2.1).
"""

import math

from lolameme.config import Model
from lolameme.models.architectures import ATTENTION, pattern


def parameters(architecture: str, model: Model, vocabulary: int, max_length: int) -> int:
    """Trained parameters of a stack; the head shares the embedding's."""
    mixers, D = pattern(architecture, model.layers), model.d_model
    inner = round(model.inner * D)
    learned = model.positions == "learned" or (model.positions == "auto" and mixers[0] == ATTENTION)
    outside = vocabulary * D + learned * max_length * D + 2 * D  # embeddings and the last norm
    shared = 4 * D + 2 * D * inner + inner + D  # two norms and the MLP of a block
    return outside + sum(shared + (4 * D * D + 4 * D if m == ATTENTION else _hyena_parameters(model)) for m in mixers)


def flops_per_token(architecture: str, model: Model, vocabulary: int, length: int, batch: int = 1) -> float:
    """Operations of a forward pass over `batch` inputs of `length` tokens, per token, with the head at every token.

    Attention is counted over all positions, past and future, as kernels without causal skipping would. The filters of
    Hyena are evaluated once per pass, and their convolutions counted as real FFTs of length 2L at 2.5 N log2 N each.
    """
    D = model.d_model
    inner = round(model.inner * D)
    attention = 2 * 4 * D * D + 4 * length * D
    total = 2 * vocabulary * D
    for mixer in pattern(architecture, model.layers):
        total += 4 * D * inner + (attention if mixer == ATTENTION else _hyena_flops(model, length, batch))
    return total


def _filter_weights(model: Model) -> int:
    """Weights of the matrices of the implicit filters' MLP."""
    knobs = model.hyena
    width = knobs.filter_width
    return knobs.filter_features * width + knobs.filter_layers * width**2 + width * (knobs.order - 1) * model.d_model


def _hyena_parameters(model: Model) -> int:
    knobs, D = model.hyena, model.d_model
    projections = (knobs.order + 1) * (D * D + D) + D * D + D
    short = (knobs.order + 1) * D * (knobs.short_filter + 1)
    filters = _filter_weights(model) + (knobs.filter_layers + 1) * knobs.filter_width + knobs.filter_width
    return projections + short + filters + (knobs.order - 1) * D


def _hyena_flops(model: Model, length: int, batch: int) -> float:
    knobs, D = model.hyena, model.d_model
    projections = 2 * (knobs.order + 2) * D * D
    short = 2 * knobs.short_filter * (knobs.order + 1) * D
    gates = (2 * knobs.order - 1) * D + (knobs.order - 1) * D  # gates, and the bias that passes v on
    transform = 2.5 * 2 * length * math.log2(2 * length)  # one real FFT of one channel
    # per channel: the input there and back, and the product of the spectra; the filter's transform once per pass
    convolution = (knobs.order - 1) * D * ((2 + 1 / batch) * transform / length + 6)
    return projections + short + gates + convolution + 2 * _filter_weights(model) / batch
