"""What is read off a pass over pairs, and how sure one can be of it over prompts."""

import functools

import numpy as np
import torch
from torch import Tensor

from lolameme.analyses._pairs import Pairs
from lolameme.base.seeds import generator
from lolameme.models.stack import Stack

RESAMPLES = 500
LEVEL = 0.95
UNDEFINED_BELOW = 1.0  # logits: where the clean and the partner's prompts are not told apart, no effect is defined
Score = tuple[float, float, float]  # with the ends of its 95 % interval over prompts


@torch.inference_mode()
def differences(model: Stack, hidden: Tensor, pairs: Pairs) -> np.ndarray:
    """(B,) logit of the right answer minus that of the partner's, where the answer is predicted. hidden: (B, L, D)."""
    rows = torch.arange(len(pairs), device=hidden.device)
    at = hidden[rows, pairs.last]  # (B, D)
    direction = model.embedding.weight[pairs.right] - model.embedding.weight[pairs.other]
    return (at * direction).sum(-1).cpu().numpy()


@torch.inference_mode()
def choices(model: Stack, hidden: Tensor, pairs: Pairs) -> np.ndarray:
    """(B,) the likeliest first token of the answer."""
    rows = torch.arange(len(pairs), device=hidden.device)
    return model.logits(hidden[rows, pairs.last]).argmax(-1).cpu().numpy()


@torch.inference_mode()
def hits(model: Stack, hidden: Tensor, pairs: Pairs) -> np.ndarray:
    """(B,) bool: every token of the right answer is the likeliest one, given those before it."""
    row, place = pairs.answers.nonzero(as_tuple=True)
    wrong = model.logits(hidden[row, place - 1]).argmax(-1) != pairs.clean[row, place]
    missed = torch.zeros(len(pairs), dtype=torch.long, device=hidden.device).index_add_(0, row, wrong.long())
    return (missed == 0).cpu().numpy()


def mean(values: np.ndarray) -> Score:
    """Mean over prompts and its 95 % bootstrap interval."""
    return ratio(values, np.ones(len(values)))


def ratio(above: np.ndarray, below: np.ndarray) -> Score:
    """The ratio of two means over the same prompts, with its 95 % bootstrap interval.

    Of means, because the ratio of a single prompt blows up where its denominator is near 0.
    """
    drawn = _draws(len(above))
    found = (drawn @ above) / (drawn @ below)  # (resamples,)
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(above.mean() / below.mean()), float(low), float(high)


@functools.cache
def _draws(prompts: int) -> np.ndarray:
    """(resamples, B) how often each prompt is drawn: the same draws for everything that is measured."""
    rng = generator(0, "bootstrap over prompts")
    return rng.multinomial(prompts, np.full(prompts, 1 / prompts), RESAMPLES).astype(float)


def accompanied(pairs: Pairs) -> Pairs:
    """The pairs whose prompt has the template of another one, so that this can speak in its place."""
    return pairs.some(pairs.template.bincount()[pairs.template] > 1)


def others(pairs: Pairs) -> tuple[np.ndarray, Tensor]:
    """For every prompt another one of the same template (B,), and (B, B) weights that average all the others.

    Every template must have two prompts, as those of `accompanied` have.
    """
    rng, template = generator(0, "other programs", pairs.kind), pairs.template.cpu().numpy()
    donor = np.arange(len(template))
    for number in np.unique(template):
        order = rng.permutation(np.flatnonzero(template == number))
        donor[order] = np.roll(order, 1)
    same = pairs.template[:, None] == pairs.template
    same &= ~torch.eye(len(pairs), dtype=torch.bool, device=same.device)
    return donor, same / same.sum(1, keepdim=True)
