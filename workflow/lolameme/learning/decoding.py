"""Greedy decoding, one token at a time, with what each mixer needs to keep of the past."""

from dataclasses import dataclass

import torch

from lolameme.models.stack import Stack


@dataclass(frozen=True)
class Decoded:
    """What greedy decoding wrote, and how sure the model was of each token."""

    tokens: list[int]
    probabilities: list[float]


@torch.inference_mode()
def greedy(model: Stack, prompt: list[int], most: int, stop: frozenset[int] = frozenset()) -> Decoded:
    """Continue `prompt` with the likeliest tokens until one of `stop` or `most` tokens are written.

    Raises ValueError if the prompt is empty or longer than the model can read.
    """
    if not prompt:
        raise ValueError("the prompt is empty")
    model.eval()
    device = model.embedding.weight.device
    states: list | None = None
    logits = torch.empty(0)
    for position, token in enumerate(prompt):
        logits, states = model.step(torch.tensor([token], device=device), states, position)
    tokens: list[int] = []
    probabilities: list[float] = []
    while len(tokens) < most:
        chances = logits[0].softmax(-1)
        tokens.append(int(chances.argmax()))
        probabilities.append(float(chances[tokens[-1]]))
        if tokens[-1] in stop or len(prompt) + len(tokens) > model.max_length:
            break
        logits, states = model.step(torch.tensor(tokens[-1:], device=device), states, len(prompt) + len(tokens) - 1)
    return Decoded(tokens, probabilities)
