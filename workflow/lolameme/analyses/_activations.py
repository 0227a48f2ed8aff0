"""Activations of a stack: read and replaced by torch's hooks. The models know nothing of it, and training pays nothing.

Sites of a layer, in the order in which a forward pass reaches them:

    resid_pre    the residual stream before the layer
    projected    what the mixer's `mix` reads, projected inwards
    mixed        what the mixer's positions gathered, before `out_proj`
    mixer_out    what the mixer adds to the stream
    resid_mid    the stream between mixer and MLP
    mlp_out      what the MLP adds to the stream
    resid_post   the stream after the layer

Programs stand side by side, (B, L, C), as `Batch.side_by_side` puts those of a split. They may be padded at the right:
no position reads what comes after it.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from lolameme.models.mixer import Layout
from lolameme.models.stack import Block, Stack

# where a block lets a hook in: a module of it, and whether the site is what goes in or what comes out
_SITES: dict[str, tuple[Callable[[Block], nn.Module], bool]] = {
    "resid_pre": (lambda block: block, True),
    "projected": (lambda block: block.mixer.in_proj, False),
    "mixed": (lambda block: block.mixer.out_proj, True),
    "mixer_out": (lambda block: block.mixer, False),
    "resid_mid": (lambda block: block.mlp_norm, True),
    "mlp_out": (lambda block: block.down, False),
    "resid_post": (lambda block: block, False),
}
SITES = tuple(_SITES)
Place = tuple[str, int]  # a site, and a layer counted from 0
Visit = Callable[[Tensor], object]


@contextmanager
def visited(model: Stack, visits: dict[Place, Visit]) -> Iterator[None]:
    """Within the block, every forward pass hands `visits[site, layer]` the tensor (B, L, C) there.

    A visit may change the tensor in place; all that is computed later reads the change. (In place, because the stream
    between mixer and MLP goes two ways, and a hook that returned another tensor would change one of them only.)
    Raises KeyError if there is no such site.
    """
    handles = []
    try:
        for (site, layer), visit in visits.items():
            module_of, goes_in = _SITES[site]
            module = module_of(model.blocks[layer])
            if goes_in:
                hook = module.register_forward_pre_hook(lambda _, inputs, visit=visit: _ignore(visit(inputs[0])))
            else:
                hook = module.register_forward_hook(lambda _, __, output, visit=visit: _ignore(visit(output)))
            handles.append(hook)
        yield
    finally:
        for handle in handles:
            handle.remove()


def _ignore(_: object) -> None:
    """A hook that returns something replaces what it was shown; a visit does not."""


@torch.inference_mode()
def record(model: Stack, tokens: Tensor, places: Iterable[Place]) -> tuple[Tensor, dict[Place, Tensor]]:
    """Final hidden states (B, L, D) of tokens (B, L), and what went by at the places."""
    kept: dict[Place, Tensor] = {}
    with visited(model, {place: partial(kept.__setitem__, place) for place in places}):
        hidden = model.hidden(tokens)
    return hidden, kept


def put(donor: Tensor, where: Tensor | None = None) -> Visit:
    """A visit that replaces a tensor by `donor` (B, L, C), at the positions `where` (B, L) bool, or at all."""
    return lambda x: x.copy_(donor if where is None else torch.where(where[..., None], donor, x))


@torch.inference_mode()
def replaced(model: Stack, tokens: Tensor, places: dict[Place, Tensor], where: Tensor | None = None) -> Tensor:
    """Final hidden states (B, L, D) when what is at the places is replaced by tensors given, `where` as in `put`."""
    with visited(model, {place: put(donor, where) for place, donor in places.items()}):
        return model.hidden(tokens)


def streams(model: Stack, tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Final hidden states, and the residual stream (B, L, D) after 0, 1, ... all layers; 0 is the embedding."""
    last = len(model.blocks) - 1
    places = [*(("resid_pre", layer) for layer in range(last + 1)), ("resid_post", last)]
    hidden, kept = record(model, tokens, places)
    return hidden, [kept[place] for place in places]


@torch.inference_mode()
def resumed(model: Stack, stream: Tensor, layer: int, wanted: Tensor | None = None) -> Tensor:
    """Final hidden states (B, L, D) given the residual stream after `layer` layers: the layers below are not run.

    With `wanted` (B, L) bool they are zeros elsewhere, for which the last layer does nothing but mix; visits of that
    layer see then what is wanted, (P, C), alone.
    """
    blocks = model.blocks[layer:]
    if wanted is None or not len(blocks):
        for block in blocks:
            stream = block(stream)
        return model.norm(stream)
    for block in blocks[:-1]:
        stream = block(stream)
    batch, length, _ = stream.shape
    places = torch.arange(batch * length, device=stream.device)
    chosen = wanted.flatten().nonzero()[:, 0]
    found = torch.zeros_like(stream).flatten(0, 1)
    found[chosen] = model.norm(blocks[-1](stream.flatten(0, 1), Layout(batch, length, places, chosen)))
    return found.view_as(stream)
