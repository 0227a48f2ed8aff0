"""What a stack costs, by formula: trained parameters, and floating point operations of a forward pass.

A multiplication and an addition count as two operations. Norms, activations and softmaxes are left out, as is usual
(Kaplan et al. 2020, arXiv 2001.08361, section 2.1). Every mixer knows its own part.
"""

from lolameme.config import Model
from lolameme.models.architectures import pattern
from lolameme.models.stack import has_positions, mixer_class


def parameters(architecture: str, model: Model, vocabulary: int, max_length: int) -> int:
    """Trained parameters of a stack; the head shares the embedding's."""
    mixers, D = pattern(architecture, model.layers), model.d_model
    inner = round(model.inner * D)
    outside = vocabulary * D + has_positions(mixers, model) * max_length * D + 2 * D  # embeddings and the last norm
    block = 4 * D + 2 * D * inner + inner + D  # two norms and the MLP
    return outside + sum(block + mixer_class(mixer).weights(model) for mixer in mixers)


def flops_per_token(architecture: str, model: Model, vocabulary: int, length: int, batch: int = 1) -> float:
    """Operations of a forward pass over `batch` inputs of `length` tokens, per token, with the head at every token."""
    D = model.d_model
    block = 4 * D * round(model.inner * D)
    mixers = pattern(architecture, model.layers)
    return 2 * vocabulary * D + sum(block + mixer_class(m).flops(model, length, batch) for m in mixers)
