"""Our Hyena is the published one: weights in the layout of the paper's code give the same numbers, for every order.

The reference is written from the formulas: definition 3.1 and section 3.3 of arXiv 2302.10866, and the order of the
channels in HyenaOperator and HyenaFilter of github.com/HazyResearch/safari: channel c of filter i is number
c * filters + i.
"""

import math

import pytest
import torch

from lolameme.models.mixers.hyena import Hyena
from lolameme.study.settings import Hyena as Settings
from lolameme.study.settings import Model

D, LENGTH, WIDTH, FEATURES = 6, 20, 8, 5


def published_weights(order: int, taps: int) -> dict[str, torch.Tensor]:
    """Random weights by their published names."""

    def normal(*shape):
        return torch.randn(*shape, dtype=torch.double) / 2

    wide, filters = (order + 1) * D, order - 1
    time = torch.linspace(0, 1, LENGTH, dtype=torch.double)
    angles = 2 * math.pi * torch.arange(LENGTH, dtype=torch.double) / LENGTH
    bands = torch.linspace(1e-4, (FEATURES - 1) // 2 - 1, (FEATURES - 1) // 2, dtype=torch.double)
    wave = torch.exp(-1j * angles[:, None] * bands)  # (L, bands)
    return {
        "in_proj.weight": normal(wide, D), "in_proj.bias": normal(wide),
        "short_filter.weight": normal(wide, 1, taps), "short_filter.bias": normal(wide),
        "filter_fn.bias": normal(D * filters),
        "filter_fn.pos_emb.z": torch.cat([time[:, None], wave.real, wave.imag], 1)[None],  # (1, L, features)
        "filter_fn.pos_emb.t": time[None, :, None],
        "filter_fn.implicit_filter.0.weight": normal(WIDTH, FEATURES),
        "filter_fn.implicit_filter.0.bias": normal(WIDTH),
        "filter_fn.implicit_filter.1.freq": 1 + normal(1, WIDTH),
        "filter_fn.implicit_filter.2.weight": normal(WIDTH, WIDTH), "filter_fn.implicit_filter.2.bias": normal(WIDTH),
        "filter_fn.implicit_filter.4.weight": normal(WIDTH, WIDTH), "filter_fn.implicit_filter.4.bias": normal(WIDTH),
        "filter_fn.implicit_filter.6.weight": normal(D * filters, WIDTH),
        "filter_fn.modulation.deltas": torch.linspace(
            math.log(1e-2) / 1.5, math.log(1e-2) / 0.3, D * filters, dtype=torch.double
        )[None, None],
        "out_proj.weight": normal(D, D), "out_proj.bias": normal(D),
    }  # fmt: skip


def published(weights: dict[str, torch.Tensor], order: int, u: torch.Tensor) -> torch.Tensor:
    """The operator on u (B, L, D), position by position and channel by channel: O(L^2)."""
    length, filters = u.shape[1], order - 1
    z = u @ weights["in_proj.weight"].T + weights["in_proj.bias"]
    kernel = weights["short_filter.weight"][:, 0]  # (channels, taps), the last tap meets the present
    short = weights["short_filter.bias"].expand_as(z).clone()
    for t in range(length):
        for back in range(min(kernel.shape[1], t + 1)):
            short[:, t] += kernel[:, -1 - back] * z[:, t - back]
    *x, v = short.split(D, dim=-1)
    h = weights["filter_fn.pos_emb.z"][0, :length]
    for layer in (0, 2, 4):
        name = f"filter_fn.implicit_filter.{layer}"
        h = torch.sin(
            weights["filter_fn.implicit_filter.1.freq"] * (h @ weights[f"{name}.weight"].T + weights[f"{name}.bias"])
        )
    h = h @ weights["filter_fn.implicit_filter.6.weight"].T  # (L, D * filters)
    h = h * torch.exp(-weights["filter_fn.pos_emb.t"][0, :length] * weights["filter_fn.modulation.deltas"][0].abs())
    for i in range(filters):
        w, v = v * x[order - 1 - i], torch.zeros_like(v)
        for c in range(D):
            number = c * filters + i
            for t in range(length):
                v[:, t, c] = weights["filter_fn.bias"][number] * w[:, t, c]
                for s in range(t + 1):
                    v[:, t, c] += h[t - s, number] * w[:, s, c]
    return (v * x[0]) @ weights["out_proj.weight"].T + weights["out_proj.bias"]


def ours(weights: dict[str, torch.Tensor], order: int, taps: int) -> Hyena:
    """Our operator with the same weights."""
    settings = Settings(order=order, short_filter=taps, filter_width=WIDTH, filter_features=FEATURES)
    made = Hyena(Model(d_model=D, heads=1, length=LENGTH, hyena=settings)).double()
    filters = {"filters.features": weights["filter_fn.pos_emb.z"][0]}
    filters |= {"filters.frequency": weights["filter_fn.implicit_filter.1.freq"][0]}
    filters |= {"filters.out.weight": weights["filter_fn.implicit_filter.6.weight"]}
    for i, layer in enumerate((0, 2, 4)):
        for kind in ("weight", "bias"):
            filters[f"filters.layers.{i}.{kind}"] = weights[f"filter_fn.implicit_filter.{layer}.{kind}"]
    projections = {name: weights[name] for name in weights if "_proj" in name}
    short = {"short.weight": weights["short_filter.weight"][:, 0].flip(1).T, "short.bias": weights["short_filter.bias"]}
    made.load_state_dict(projections | short | filters | {"bias": weights["filter_fn.bias"].view(D, order - 1).T})
    return made


@pytest.mark.parametrize(("order", "taps"), [(2, 3), (3, 3), (4, 2)])
def test_published_weights_give_the_published_numbers(order, taps):
    torch.manual_seed(order)
    weights, u = published_weights(order, taps), torch.randn(2, 13, D, dtype=torch.double)
    expected = published(weights, order, u)
    assert expected.std() > 0.1
    torch.testing.assert_close(ours(weights, order, taps)(u), expected, atol=1e-6, rtol=1e-6)


def test_what_is_trained_is_what_the_published_operator_trains():
    """All but time and decay rates."""
    weights = published_weights(3, 3)
    expected = sum(w.numel() for name, w in weights.items() if not name.endswith((".t", ".deltas")))
    assert sum(p.numel() for p in ours(weights, 3, 3).parameters() if p.requires_grad) == expected


def test_the_filters_start_as_the_published_ones_do():
    """The features before training are the published ones."""
    made = Hyena(Model(d_model=D, heads=1, length=LENGTH, hyena=Settings(filter_features=FEATURES)))
    torch.testing.assert_close(
        made.filters.features.double(), published_weights(2, 3)["filter_fn.pos_emb.z"][0], atol=1e-6, rtol=0
    )
