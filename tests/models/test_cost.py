import math

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lolameme.models import cost, stack
from lolameme.study.settings import Hyena, Model

MODELS = [
    Model(layers=3, d_model=24, heads=3, inner=2),
    Model(layers=2, d_model=16, heads=2, positions="learned", hyena=Hyena(order=3, filter_layers=1)),
]


@pytest.mark.parametrize("model", MODELS, ids=["order 2", "order 3"])
@pytest.mark.parametrize("name", ["gpt2", "hyena", "linear-attention", "thex-2", "xeht-1"])
def test_the_formula_counts_the_trained_parameters(name, model):
    net = stack.build(name, model, 31)
    assert cost.parameters(name, model, 31) == sum(p.numel() for p in net.parameters() if p.requires_grad)


@pytest.mark.parametrize("model", MODELS, ids=["order 2", "order 3"])
@pytest.mark.parametrize("name", ["gpt2", "hyena", "thex-2", "xeht-1"])
def test_the_formula_counts_the_operations_that_torch_counts(name, model):
    """torch counts matrix products and attention; what it cannot see (FFTs, short convolutions, gates) is added."""
    net, length, batch = stack.build(name, model, 31), 40, 4
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        net(torch.zeros(batch, length, dtype=torch.int64))
    knobs, D = model.hyena, model.d_model
    layers = stack.pattern(name, model.layers).count("hyena")
    unseen = 2 * knobs.short_filter * (knobs.order + 1) * D + knobs.order * D
    transform = 2.5 * 2 * math.log2(2 * length)
    unseen += (knobs.order - 1) * D * ((2 + 1 / batch) * transform + 6)
    expected = counter.get_total_flops() / (length * batch) + layers * unseen
    assert cost.flops_per_token(name, model, 31, length, batch) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("length", [5, 64, 150])
def test_the_formula_counts_the_operations_of_linear_attention(length):
    model = MODELS[0].model_copy(update={"length": length})
    net = stack.build("linear-attention", model, 31)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(2, length, dtype=torch.int64))
    unseen = model.layers * 2 * 4 * 3 * model.d_model  # short convolutions
    expected = counter.get_total_flops() / (2 * length) + unseen
    assert cost.flops_per_token("linear-attention", model, 31, length) == pytest.approx(expected, rel=1e-12)


def test_the_cost_of_hyena_grows_slower_with_length_than_that_of_attention():
    model = Model(layers=18, d_model=864, heads=12, inner=2)
    ratio = [
        cost.flops_per_token("gpt2", model, 50257, length) / cost.flops_per_token("hyena", model, 50257, length)
        for length in (64, 2048, 32768)
    ]
    assert ratio[0] < ratio[1] < ratio[2]
    assert ratio[2] > 5


@pytest.mark.parametrize("name", ["gpt2", "hyena", "linear-attention", "thex-2", "hyena.linear-attention.attention"])
@pytest.mark.parametrize("match", ["parameters", "flops"])
def test_matched_architectures_cost_the_same(name, match):
    """As nearly as a width that the heads divide allows."""
    model = Model(layers=3, d_model=96, heads=4)
    sized = cost.matched(match, name, model, 300, 80, 16)
    assert sized.d_model % 4 == 0

    def of(name, model):
        if match == "parameters":
            return sum(p.numel() for p in stack.build(name, model, 300).parameters() if p.requires_grad)
        return cost.flops_per_token(name, model, 300, 80, 16)

    goal, found = of("gpt2", model), of(name, sized)
    steps = [of(name, sized.model_copy(update={"d_model": sized.d_model + d})) for d in (-4, 4)]
    assert abs(found - goal) <= min(abs(step - goal) for step in steps)
    assert found == pytest.approx(goal, rel=0.06)


def test_matching_by_depth_keeps_the_width_and_gpt2_is_its_own_match():
    model = Model(layers=3, d_model=96, heads=4)
    assert cost.matched("depth", "hyena", model, 300, 80, 16) == model
    assert cost.matched("parameters", "gpt2", model, 300, 80, 16) == model
    assert cost.matched("parameters", "hyena", model, 300, 80, 16).d_model < 96
    short, long = (cost.matched("flops", "hyena", model, 300, n, 16).d_model for n in (80, 2000))
    assert long > short  # attention grows faster with length, so its match grows wider
