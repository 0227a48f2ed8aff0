import math

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lolameme.models import convolution, cost, stack
from lolameme.study.architectures import PURE
from lolameme.study.settings import Hyena, Model

NAMES = (*PURE, "thex-2", "xeht-1")
aten = torch.ops.aten


def multiply_adds(*_, out_shape, **__):
    return 2 * math.prod(out_shape)


def transforms(shape, *_, out_shape, **__):
    """Real FFTs: 2.5 n log2 n operations per signal of n numbers."""
    n = max(shape[-1], out_shape[-1])
    return 2.5 * n * math.log2(n) * math.prod(out_shape[:-1])


COUNTED = {aten.addcmul: multiply_adds, aten.addcmul_: multiply_adds}  # beside what torch counts
COUNTED |= {aten._fft_r2c: transforms, aten._fft_c2r: transforms}
MODELS = [
    Model(layers=3, d_model=24, heads=3, inner=2),
    Model(layers=2, d_model=16, heads=2, positions="learned", hyena=Hyena(order=3, filter_layers=1)),
]


@pytest.mark.parametrize("model", MODELS, ids=["order 2", "order 3"])
@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_counted_without_making_them(name, model):
    net = stack.build(name, model, 31)
    assert cost.parameter_count(name, model, 31) == sum(p.numel() for p in net.parameters() if p.requires_grad)


def test_the_parameters_of_gpt2_are_those_of_its_formula():
    """Counted by hand: embeddings, then per layer four projections, an MLP of four times the width, and two norms."""
    V, L, D = 50257, 1024, 768
    layer = 4 * (D * D + D) + (4 * D * D + 4 * D) + (4 * D * D + D) + 4 * D
    model = Model(layers=12, d_model=D, heads=12, length=L, positions="learned")
    assert cost.parameter_count("gpt2", model, V) == V * D + L * D + 12 * layer + 2 * D == 124_439_808


@pytest.fixture(autouse=True)
def _by_fft(monkeypatch):
    """Convolutions as the formula has them, also of inputs for which matrices are faster on a CPU."""
    monkeypatch.setattr(convolution, "form", lambda v: convolution.fft)


@pytest.mark.parametrize("length", [8, 60])
@pytest.mark.parametrize("name", PURE)
def test_the_formula_of_every_mixer_counts_what_runs(name, length):
    """Within 3 %, beside torch's count of matrix products: multiply-adds, products, and FFTs of the size that ran."""
    model, batch = Model(layers=1, d_model=64, heads=2, inner=0.1, length=length), 4
    net = stack.build(name, model, 3)
    counting = FlopCounterMode(display=False, custom_mapping=COUNTED)
    with counting as counter, sdpa_kernel(SDPBackend.MATH):
        net(torch.zeros(batch, length, dtype=torch.int64))
    found = cost.flops_per_token(name, model, 3, length, batch)
    assert found == pytest.approx(counter.get_total_flops() / (length * batch), rel=0.03)


@pytest.mark.parametrize("model", MODELS, ids=["order 2", "order 3"])
@pytest.mark.parametrize("name", ["gpt2", "hyena", "thex-2", "xeht-1"])
def test_the_formula_counts_the_operations_that_torch_counts(name, model):
    """torch counts matrix products and attention; what it cannot see (FFTs, short convolutions, gates) is added."""
    net, length, batch = stack.build(name, model, 31), 40, 4
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        net(torch.zeros(batch, length, dtype=torch.int64))
    settings, D = model.hyena, model.d_model
    layers = stack.pattern(name, model.layers).count("hyena")
    unseen = 2 * settings.short_filter * (settings.order + 1) * D + settings.order * D
    transform = 2.5 * 2 * math.log2(2 * length)
    unseen += (settings.order - 1) * D * ((2 + 1 / batch) * transform + 6)
    expected = counter.get_total_flops() / (length * batch) + layers * unseen
    assert cost.flops_per_token(name, model, 31, length, batch) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("length", [5, 64, 150])
def test_the_formula_counts_the_operations_of_linear_attention(length):
    model = MODELS[0].model_copy(update={"length": length})
    net = stack.build("linear-attention", model, 31)
    with FlopCounterMode(display=False) as counter:
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


@pytest.mark.parametrize("name", NAMES)
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
