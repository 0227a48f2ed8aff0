"""Where a mixer looks from the answer sign, whatever mixer it is: by its own `influence`."""

import torch
from torch import Tensor

from lolameme.analyses import _measures as measures
from lolameme.analyses._activations import record
from lolameme.analyses._pairs import Pairs
from lolameme.models.mixer import Mixer
from lolameme.models.stack import Stack


def projected(model: Stack, tokens: Tensor) -> list[tuple[Mixer, Tensor]]:
    """The mixer of each layer, and what it reads (B, L, C)."""
    _, kept = record(model, tokens, [("projected", layer) for layer in range(len(model.blocks))])
    return [(block.mixer, kept["projected", layer]) for layer, block in enumerate(model.blocks)]


@torch.inference_mode()
def influences(model: Stack, tokens: Tensor) -> list[Tensor]:
    """Per layer (B, G, L, L): how much of what position t gathers comes from position s, per group of channels."""
    return [mixer.influence(z) for mixer, z in projected(model, tokens)]


@torch.inference_mode()
def read_at(model: Stack, tokens: Tensor, places: Tensor) -> list[Tensor]:
    """Per layer (B, G, L): how much of what one place (B,) gathers comes from each position, per group of channels."""
    return [mixer.influence_at(z, places) for mixer, z in projected(model, tokens)]


def retrieval(model: Stack, pairs: Pairs) -> list[tuple[measures.Score, int]]:
    """Per layer the retrieval score with its interval over prompts, and the group (from 1) that has it.

    How much of what the layer gathers at the answer sign comes from the value looked for, minus the mean over the
    values of all other assignments.
    """
    length = int(pairs.last.max()) + 1
    looked_for, beside = pairs.looked_for[:, None, :length], pairs.beside[:, None, :length]
    found = []
    for read in read_at(model, pairs.clean[:, :length], pairs.last):  # (B, G, L)
        others = beside.sum(-1).clamp(min=1)  # (B, 1) tokens of other values
        wanted = looked_for.sum(-1).clamp(min=1)
        score = (read * looked_for).sum(-1) - (read * beside).sum(-1) * wanted / others  # (B, G)
        best = int(score.mean(0).argmax())
        found.append((measures.mean(score[:, best].cpu().numpy()), best + 1))
    return found
