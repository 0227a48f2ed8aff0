"""Stacks built by hand, whose mechanism is known because every weight was set for it.

Both answer `name = value; ... name ->` for one-token names and values, without training. Embeddings are one-hot, one
direction per token of the vocabulary, so what a layer reads and writes can be said in words. Norms scale a one-hot
vector x of width D to a x - b with a = D / sqrt(D - 1) and b = 1 / sqrt(D - 1), which `_one_hot` takes back.
"""

import itertools
import math
from dataclasses import replace

import torch

from lolameme.analyses._pairs import pairs
from lolameme.analyses._trained import Trained
from lolameme.models.stack import Stack
from lolameme.study.architectures import pattern
from lolameme.study.settings import Hyena, Model

# filters that do not decay: every lag weighs about the same
FLAT = Hyena(filter_width=4, filter_features=3, filter_layers=0, fast_decay=1e4, slow_decay=1e4)


def binds_then_looks_up(cell: Trained) -> Trained:
    """Layer 1 writes beside every token which tokens stand one and two places before it (a short convolution, without
    the long one): a value carries its name, the answer sign the name asked. Layer 2, attention, looks from the answer
    sign for the token that carries the same name two back, and copies that token to the output."""
    vocabulary = cell.tokenizer.get_vocab_size()
    token, one_back, two_back = (slice(i * vocabulary, (i + 1) * vocabulary) for i in range(3))
    model = _empty("hyena.attention", vocabulary, 3 * vocabulary)
    with torch.no_grad():
        binding, lookup = (block.mixer for block in model.blocks)
        width = model.embedding.weight.shape[1]
        v = 2 * width  # where v's channels start, behind those of the two gates
        _gates_open(binding, width)
        binding.bias.fill_(1)  # passes v on; the filters themselves are 0
        for block, tap in ((one_back, 1), (two_back, 2)):
            _one_hot(binding.in_proj, range(v + block.start, v + block.stop), range(vocabulary), width)
            binding.short.weight[tap, v + block.start : v + block.stop] = 1
            binding.out_proj.weight[block, block] = torch.eye(vocabulary)
        identity = torch.eye(vocabulary)
        lookup.in_proj.weight[:vocabulary, one_back] = 20 * identity  # queries
        lookup.in_proj.weight[width : width + vocabulary, two_back] = identity  # keys
        lookup.in_proj.weight[2 * width : 2 * width + vocabulary, token] = identity  # values
        lookup.out_proj.weight[token, token] = identity
    return _cell(cell, model, "hyena.attention")


def retrieves_directly(cell: Trained) -> Trained:
    """One Hyena layer answers at the answer sign: a channel for every pair of a name and a value is written where the
    name stands two places before the value, kept by the long filter, and let out where that name stands just before
    the answer sign. No token but the answer sign changes. Another layer follows that says nothing."""
    vocabulary = cell.tokenizer.get_vocab_size()
    asking = pairs(cell, "names", 48)
    names = sorted(set(asking.clean[asking.roles["name"]].tolist()))
    values = [cell.tokenizer.token_to_id(str(value)) for value in range(10)]
    bound = list(itertools.product(names, values))
    width = max(vocabulary, len(bound))
    model = _empty("hyena", vocabulary, width)
    with torch.no_grad():
        mixer = model.blocks[0].mixer
        _constant_filter(mixer)
        for part, tap, tokens in (
            (0, 1, [name for name, _ in bound]),  # x0: the name just before
            (1, 2, [name for name, _ in bound]),  # x1: the name two back
            (2, 0, [value for _, value in bound]),  # v: the value here
        ):
            channels = range(part * width, part * width + len(bound))
            _one_hot(mixer.in_proj, channels, tokens, width)
            mixer.short.weight[tap, channels.start : channels.stop] = 1
        for channel, (_, value) in enumerate(bound):
            mixer.out_proj.weight[value, channel] = 4
    return _cell(cell, model, "hyena")


def _settings(width: int) -> Model:
    return Model(layers=2, d_model=width, heads=1, inner=1 / width, length=64, hyena=FLAT)


def _cell(like: Trained, model: Stack, architecture: str) -> Trained:
    """The cell of a stack, with what is known of it."""
    settings, vocabulary = _settings(model.embedding.embedding_dim), model.embedding.num_embeddings
    facts = like.facts | {"architecture": architecture, "mixers": list(pattern(architecture, 2))}
    return replace(like, model=model, facts=facts | {"model": settings.model_dump(), "vocabulary": vocabulary})


def _empty(architecture: str, vocabulary: int, width: int) -> Stack:
    """A stack that says nothing: one-hot embeddings, norms, and weights of zero."""
    model = Stack(pattern(architecture, 2), _settings(width), vocabulary).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and "norm" not in name:
                parameter.zero_()
        model.embedding.weight[:, :vocabulary] = torch.eye(vocabulary)
    return model


def _one_hot(linear: torch.nn.Linear, channels, tokens, width: int) -> None:
    """Make a channel 1 where a normed one-hot vector is that token, else 0."""
    a, b = width / math.sqrt(width - 1), 1 / math.sqrt(width - 1)
    for channel, token in zip(channels, tokens, strict=True):
        linear.weight[channel, token] = 1 / a
        linear.bias[channel] = b / a


def _gates_open(mixer, width: int) -> None:
    """Both gates of a Hyena operator are 1 everywhere."""
    mixer.short.bias[: 2 * width] = 1


def _constant_filter(mixer) -> None:
    """Long filters that are 1 at every lag: sin(pi / 2) in every unit of their MLP, averaged."""
    filters = mixer.filters
    filters.frequency.fill_(1)
    filters.layers[-1].bias.fill_(math.pi / 2)
    filters.out.weight.fill_(1 / filters.out.weight.shape[1])
