"""The residual stack that all architectures share; only the mixers of its layers differ."""

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lolameme.models.mixer import Layout, Mixer
from lolameme.models.options import without_decay
from lolameme.study import plugins
from lolameme.study.architectures import model_of, pattern
from lolameme.study.settings import Model


def mixer_class(name: str) -> type[Mixer]:
    """The class of a mixer: the one that its module defines. It is imported only where it is used.

    Raises ValueError, in a sentence for whoever writes a mixer, if there is none, or it lacks something.
    """
    try:
        module = plugins.load("mixer", name)
    except (ImportError, NameError, SyntaxError, TypeError, AttributeError) as error:
        raise ValueError(f"the file of mixer {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    found = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Mixer) and each.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise ValueError(f"{module.__file__} defines {len(found)} classes of Mixer; it has to define one")
    if lacking := sorted(found[0].__abstractmethods__):
        raise ValueError(f"{found[0].__name__} of {module.__file__} does not define {', '.join(lacking)}")
    return found[0]


class Block(nn.Module):
    """Pre-norm residual block: x + mixer(norm(x)), then x + MLP(norm(x)), as in GPT-2."""

    def __init__(self, mixer: str, model: Model):
        super().__init__()
        inner = round(model.inner * model.d_model)
        self.mixer_norm = nn.LayerNorm(model.d_model)
        self.mixer = mixer_class(mixer)(model)
        self.mlp_norm = nn.LayerNorm(model.d_model)
        self.up = nn.Linear(model.d_model, inner)
        self.down = nn.Linear(inner, model.d_model)
        self.dropout = model.dropout

    def forward(self, x: Tensor, layout: Layout | None = None) -> Tensor:
        """(B, L, D) -> the same shape; or (T, D) -> (P, D) by a layout."""
        mixed = self.mixer(self.mixer_norm(x), layout)
        x = (x if layout is None else layout.keep(x)) + self.drop(mixed)
        return x + self.drop(self.mlp(self.mlp_norm(x)))

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The next position alone, x (B, D), given what the mixer keeps of those before (None at the start)."""
        mixed, state = self.mixer.step(self.mixer_norm(x), state)
        x = x + mixed
        return x + self.mlp(self.mlp_norm(x)), state

    def mlp(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x), approximate="tanh"))  # GPT-2's form of GELU

    def drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class Stack(nn.Module):
    """Embedding, blocks with the given mixers, final norm, and a head tied to the embedding.

    `mixers` is an architecture's layer pattern. GPT-2 is the pattern of attention alone.
    """

    def __init__(self, mixers: tuple[str, ...], model: Model, vocabulary: int):
        super().__init__()
        self.max_length, self.dropout = model.length, model.dropout
        self.embedding = nn.Embedding(vocabulary, model.d_model)
        self.positions = nn.Embedding(model.length, model.d_model) if model.positions == "learned" else None
        for embedding in (self.embedding, self.positions):
            if embedding is not None:
                without_decay(cast("nn.Parameter", embedding.weight))
        blocks = nn.ModuleList(Block(mixer, model) for mixer in mixers)
        self.blocks = cast("Sequence[Block]", blocks)  # a ModuleList, typed by what it holds
        self.norm = nn.LayerNorm(model.d_model)
        initialise(self, model.deviation)
        with torch.no_grad():  # as in GPT-2, what is added to the residual stream starts smaller in deeper stacks
            for out in (p for block in self.blocks for p in (block.mixer.out_proj, block.down)):
                out.weight.mul_(1 / math.sqrt(2 * len(self.blocks)))

    def hidden(self, tokens: Tensor, layout: Layout | None = None) -> Tensor:
        """Final hidden states (B, L, D) of tokens (B, L); or, of tokens (T,) in a layout, the wanted ones (P, D).

        With a layout nothing is computed for padding, nor in the last block, but for the mixing itself, where no
        output is wanted. Raises ValueError if L exceeds `model.length`.
        """
        length = tokens.shape[1] if layout is None else layout.length
        if length > self.max_length:
            raise ValueError(f"{length} tokens are more than this model's longest input, {self.max_length}")
        x = self.embedding(tokens)
        if self.positions is not None:
            x = x + (self.positions.weight[:length] if layout is None else self.positions(layout.places % length))
        if self.dropout:
            x = F.dropout(x, self.dropout, self.training)
        *blocks, last = self.blocks
        whole = layout and layout.all()
        for block in blocks:
            x = block(x, whole)
        return self.norm(last(x, layout))

    def logits(self, hidden: Tensor) -> Tensor:
        """Next-token logits (..., vocabulary) of hidden states (..., D)."""
        return F.linear(hidden, self.embedding.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """Next-token logits (B, L, vocabulary) of tokens (B, L)."""
        return self.logits(self.hidden(tokens))

    def step(self, tokens: Tensor, states: list | None, position: int) -> tuple[Tensor, list]:
        """Next-token logits (B, vocabulary) after one more token each (B,), at `position` counted from 0.

        `states` is what the last call returned, None at the start. Without dropout; equals `forward`, position by
        position. Raises ValueError if `position` lies beyond `model.length`.
        """
        if position >= self.max_length:
            raise ValueError(f"{position + 1} tokens are more than this model's longest input, {self.max_length}")
        x = self.embedding(tokens)
        if self.positions is not None:
            x = x + self.positions.weight[position]
        kept = []
        for block, state in zip(self.blocks, states or [None] * len(self.blocks), strict=True):
            x, state = block.step(x, state)
            kept.append(state)
        return self.logits(self.norm(x)), kept


@torch.no_grad()
def initialise(module: nn.Module, deviation: float) -> None:
    """Give matrices and embeddings normal numbers, biases zeros; a module that has an `initialise` does it itself."""
    if hasattr(module, "initialise"):
        own: Any = module
        return own.initialise(deviation)
    if isinstance(module, nn.Linear | nn.Embedding):
        module.weight.normal_(0, deviation)
        bias = getattr(module, "bias", None)
        if bias is not None:
            bias.zero_()
    for child in module.children():
        initialise(child, deviation)


def build(architecture: str, model: Model, vocabulary: int, seed: int | None = None) -> Stack:
    """The stack of an architecture, with the taps that its name asks for; with a seed, the same one every time."""
    if seed is not None:
        torch.manual_seed(seed)
    return Stack(pattern(architecture, model.layers), model_of(architecture, model), vocabulary)
