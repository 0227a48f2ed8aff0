import math

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lolameme import config
from lolameme.models import convolution, cost, stack

MODELS = [
    config.Model(layers=3, d_model=24, heads=3, inner=2),
    config.Model(layers=2, d_model=16, heads=2, positions="learned", hyena=config.Hyena(order=3, filter_layers=1)),
]


@pytest.mark.parametrize("model", MODELS, ids=["order 2", "order 3"])
@pytest.mark.parametrize("name", ["gpt2", "hyena", "linear-attention", "thex-2", "xeht-1"])
def test_the_formula_counts_the_trained_parameters(name, model):
    net = stack.build(name, model, 31, 40)
    assert cost.parameters(name, model, 31, 40) == sum(p.numel() for p in net.parameters() if p.requires_grad)


@pytest.mark.parametrize("model", MODELS, ids=["order 2", "order 3"])
@pytest.mark.parametrize("name", ["gpt2", "hyena", "thex-2", "xeht-1"])
def test_the_formula_counts_the_operations_that_torch_counts(name, model, monkeypatch):
    """torch counts matrix products and attention; what it cannot see (FFTs, short convolutions, gates) is added."""
    monkeypatch.setattr(convolution, "TOEPLITZ_UP_TO", {})
    net, length, batch = stack.build(name, model, 31, 40), 40, 4
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        net(torch.zeros(batch, length, dtype=torch.int64))
    knobs, D = model.hyena, model.d_model
    layers = stack.pattern(name, model.layers).count("hyena")
    unseen = 2 * knobs.short_filter * (knobs.order + 1) * D + (3 * knobs.order - 2) * D
    transform = 2.5 * 2 * math.log2(2 * length)
    unseen += (knobs.order - 1) * D * ((2 + 1 / batch) * transform + 6)
    expected = counter.get_total_flops() / (length * batch) + layers * unseen
    assert cost.flops_per_token(name, model, 31, length, batch) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("length", [5, 64, 150])
def test_the_formula_counts_the_operations_of_linear_attention(length):
    model = MODELS[0]
    net = stack.build("linear-attention", model, 31, length)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(2, length, dtype=torch.int64))
    unseen = model.layers * 2 * 4 * 3 * model.d_model  # short convolutions
    expected = counter.get_total_flops() / (2 * length) + unseen
    assert cost.flops_per_token("linear-attention", model, 31, length) == pytest.approx(expected, rel=1e-12)


def test_the_cost_of_hyena_grows_slower_with_length_than_that_of_attention():
    model = config.Model(layers=18, d_model=864, heads=12, inner=2)
    ratio = [
        cost.flops_per_token("gpt2", model, 50257, length) / cost.flops_per_token("hyena", model, 50257, length)
        for length in (64, 2048, 32768)
    ]
    assert ratio[0] < ratio[1] < ratio[2]
    assert ratio[2] > 5
