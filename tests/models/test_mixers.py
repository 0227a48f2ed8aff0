import math

import pytest
import torch

from lolameme.models import options, stack
from lolameme.models.cost import flops_per_token, parameter_count
from lolameme.models.kernels import torch_attention
from lolameme.models.mixer import Layout
from lolameme.models.mixers.attention import plain_attention
from lolameme.models.mixers.hyena import Hyena, ImplicitFilter
from lolameme.models.mixers.rotary import rotate
from lolameme.models.mixers.short_gate import ShortGate
from lolameme.models.short_convolution import ShortConvolution
from lolameme.study import architectures
from lolameme.study.architectures import PURE
from lolameme.study.settings import Hyena as HyenaSettings
from lolameme.study.settings import Model

NAMES = (*PURE, "thex-2", "xeht-1+3", "hyena.linear-attention.attention", "hyena@4-0+2", "short-attention@3-1")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def model(order: int = 2, **changes) -> Model:
    return Model(layers=3, d_model=12, heads=3, hyena=HyenaSettings(order=order, filter_width=8), **changes)


def test_sdpa_equals_attention_written_out():
    q, k, v = torch.randn(3, 2, 17, 4, 8, dtype=torch.double).unbind(0)
    torch.testing.assert_close(torch_attention(q, k, v), plain_attention(q, k, v))


def test_xformers_mask_is_ours():
    xformers_ops = pytest.importorskip("xformers.ops")
    mask = xformers_ops.LowerTriangularMask().materialize((5, 5))
    assert torch.equal(mask == 0, torch.ones(5, 5, dtype=torch.bool).tril())


@pytest.mark.parametrize("order", [2, 3])
def test_the_short_gate_is_hyena_with_long_filters_of_zero(order):
    hyena, gate = Hyena(model(order)).double(), ShortGate(model(order)).double()
    torch.nn.init.zeros_(hyena.filters.out.weight)
    gate.load_state_dict({name: t for name, t in hyena.state_dict().items() if not name.startswith("filters.")})
    x = torch.randn(2, 9, 12, dtype=torch.double)
    torch.testing.assert_close(gate(x), hyena(x))


def test_attention_behind_a_short_convolution_that_passes_on_what_it_gets_is_attention():
    """With the tap of the present at 1 and the others at 0; Canon's, beside its residual link, with all at 0."""
    plain, x = stack.mixer_class("attention")(model()).double(), torch.randn(2, 9, 12, dtype=torch.double)
    for name, present in (("short-attention", 1.0), ("canon", 0.0)):
        mixer = stack.mixer_class(name)(model()).double()
        mixer.load_state_dict(plain.state_dict(), strict=False)
        assert not torch.allclose(mixer(x), plain(x))
        for p in mixer.short.parameters():
            torch.nn.init.zeros_(p)
        torch.nn.init.constant_(mixer.short.weight[0], present)
        torch.testing.assert_close(mixer(x), plain(x))


def test_a_rotated_product_depends_on_the_distance_alone_and_is_the_papers():
    """Equation 16 of arXiv 2104.09864 in complex numbers: the product of q and k turned by their distance."""
    q, k = torch.randn(2, 1, 1, 1, 8, dtype=torch.double).unbind(0)
    as_complex = [torch.complex(t[..., :4], t[..., 4:]) for t in (q, k)]
    rates = torch.tensor([1.0, 0.1, 0.01, 0.001], dtype=torch.double)
    for t, s in ((5, 2), (103, 100), (7, 7)):
        found = (rotate(q, t) * rotate(k, s)).sum()
        turned = as_complex[0] * torch.exp(1j * (t - s) * rates) * as_complex[1].conj()
        torch.testing.assert_close(found, turned.real.sum(), rtol=1e-4, atol=1e-5)
    assert torch.equal(rotate(torch.ones(1, 3, 1, 5))[..., 4], torch.ones(1, 3, 1))


def test_the_filters_decay_window_spreads_over_the_channels_of_all_filters():
    """The slowest first: after all of the length it is at 0.01^(1/1.5); the fastest is at 0.01 after 0.3 of it."""
    settings = HyenaSettings(filter_width=4)
    for filters in (1, 3):
        window = ImplicitFilter(settings, channels=3, filters=filters, length=101).window  # (D * filters, L)
        assert len(window) == 3 * filters
        assert window[0, 100].item() == pytest.approx(0.01 ** (1 / 1.5), rel=1e-3)
        assert window[-1, 30].item() == pytest.approx(0.01, rel=1e-3)
        assert (window[:-1, 50] > window[1:, 50]).all()
        assert (window[:, 0] == 1).all()


def test_the_filters_features_are_time_and_complex_exponentials():
    features = ImplicitFilter(HyenaSettings(filter_features=5), 3, 1, length=8).features.detach()  # (L, 1 + 2 * bands)
    assert features[:, 0].tolist() == pytest.approx([i / 7 for i in range(8)])
    assert features[2].tolist()[1:] == pytest.approx(
        [math.cos(2 * math.pi * 2 / 8 * f) for f in (1e-4, 1)]
        + [-math.sin(2 * math.pi * 2 / 8 * f) for f in (1e-4, 1)],
        abs=1e-6,
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_output_depends_on_a_later_token(name):
    net = stack.build(name, model(), 11, seed=1).double()
    tokens = torch.randint(0, 11, (1, 16))
    embedded = net.embedding(tokens).detach().requires_grad_()
    net.embedding.register_forward_hook(lambda *_: embedded)
    hidden = net.hidden(tokens)
    for t in (0, 7, 14):
        gradient = torch.autograd.grad(hidden[0, t].square().sum(), embedded, retain_graph=True)[0][0]
        assert gradient[t + 1 :].abs().max() < 1e-12
        assert gradient[: t + 1].abs().max() > 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_a_layout_changes_nothing_but_the_work_forward_and_backward(name):
    made, lengths = stack.build(name, model(), 11, seed=1).double(), (9, 1, 4, 7)
    tokens = torch.randint(11, (4, 9))
    places = torch.cat([9 * row + torch.arange(length) for row, length in enumerate(lengths)])
    wanted = torch.tensor([0, 7, 8, 9, 10, 20])
    some = made.hidden(tokens.flatten()[places], Layout(4, 9, places, wanted))
    whole = made.hidden(tokens).flatten(0, 1)[places[wanted]]
    torch.testing.assert_close(some, whole)
    weights, gradient = [p for p in made.parameters() if p.requires_grad], torch.randn_like(some)
    found, expected = (torch.autograd.grad(y, weights, gradient, retain_graph=True) for y in (some, whole))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_a_shorter_input_gives_the_same_prefix(name):
    net = stack.build(name, model(length=100), 11, seed=1).double()
    tokens = torch.randint(0, 11, (2, 100))
    torch.testing.assert_close(net(tokens)[:, :30], net(tokens[:, :30]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("order", [2, 3])
def test_steps_equal_the_whole(name, order):
    """Decoding reads token by token with caches; training reads all at once."""
    net = stack.build(name, model(order, length=20), 11, seed=1).double().eval()
    tokens = torch.randint(0, 11, (2, 20))
    states, found = None, []
    for t in range(20):
        logits, states = net.step(tokens[:, t], states, t)
        found.append(logits)
    torch.testing.assert_close(torch.stack(found, 1), net(tokens))
    with pytest.raises(ValueError, match="21 tokens are more than this model's longest input, 20"):
        net.step(tokens[:, 0], states, 20)


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_stays_close(name):
    net = stack.build(name, model(), 11, seed=1)
    tokens = torch.randint(0, 11, (2, 32))
    with torch.autocast("cpu", torch.bfloat16):
        half = net(tokens).float()
    whole = net(tokens)
    assert (half - whole).norm() < 0.05 * whole.norm()


@pytest.mark.parametrize("learned", [True, False])
def test_positions_are_one_factor_for_all_stacks(learned):
    made = model(positions="learned" if learned else "none")
    assert all((stack.build(name, made, 11).positions is not None) == learned for name in NAMES)


@pytest.mark.parametrize(("given", "deviation"), [(None, 0.125), (0.02, 0.02)])
def test_matrices_start_with_the_deviation_asked_for_and_residual_projections_smaller(given, deviation):
    net = stack.build("thex-2", Model(layers=2, d_model=64, initialisation=given), 1000, seed=1)
    for name, p in net.named_parameters():
        if p.dim() < 2 or ".short." in name or ".filters." in name or name.endswith("bias"):
            continue
        scale = 0.5 if name.endswith(("out_proj.weight", "down.weight")) else 1  # 1/sqrt(2 layers)
        assert p.std().item() == pytest.approx(deviation * scale, rel=0.05), name


def test_weight_decay_spares_biases_norms_embeddings_and_filters():
    net = stack.build("thex-2", model(positions="learned"), 11)
    names = {id(p): n for n, p in net.named_parameters()}
    members = options.groups(net.parameters())
    decayed = {names[id(p)].split(".", 2)[2] for group in members if group.decayed for p in group.parameters}
    assert decayed == {"mixer.out_proj.weight", "mixer.in_proj.weight", "up.weight", "down.weight"}
    slow = [names[id(p)] for group in members if group.learning_rate == 1e-5 for p in group.parameters]
    assert slow == [f"blocks.{layer}.mixer.filters.features" for layer in (0, 2)]
    assert sum(len(group.parameters) for group in members) == sum(p.requires_grad for p in net.parameters())


def test_a_module_may_initialise_itself_and_projections_need_no_bias():
    class Own(torch.nn.Linear):
        def initialise(self, deviation):
            torch.nn.init.constant_(self.weight, deviation)

    made = torch.nn.Sequential(Own(3, 3), torch.nn.Linear(300, 300, bias=False))
    stack.initialise(made, 0.5)
    assert (made[0].weight == 0.5).all()
    assert made[1].weight.std().item() == pytest.approx(0.5, rel=0.05)


def test_the_paper_scale_hyena_has_its_published_size():
    settings = HyenaSettings(filter_features=33, filter_width=64, frequency=14)
    paper = Model(layers=18, d_model=864, heads=12, inner=2, length=2048, hyena=settings)
    with torch.device("meta"):
        net = stack.Stack(stack.pattern("hyena", 18), paper, 50257)
    assert sum(p.numel() for p in net.parameters() if p.requires_grad) == pytest.approx(153e6, rel=0.005)


def test_too_long_an_input_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="9 tokens are more than this model's longest input, 8"):
        stack.build("gpt2", model(length=8), 11)(torch.zeros(1, 9, dtype=torch.int64))


@pytest.mark.parametrize("name", ["hyena@1", "short-attention@5", "thex-2@2", "canon@4", "short-gate@5"])
def test_taps_are_part_of_a_name(name):
    net, taps = stack.build(name, model(), 11), int(name[-1])
    found = {len(p) for n, p in net.named_parameters() if n.endswith("short.weight")}
    assert found == {taps}
    per_tap = sum(p.shape[1] for n, p in net.named_parameters() if n.endswith("short.weight"))
    plain = name.partition("@")[0]
    assert parameter_count(name, model(), 11) - parameter_count(plain, model(), 11) == per_tap * (taps - 3)
    operations = [flops_per_token(each, model(), 11, 9) for each in (plain, name)]
    assert operations[1] - operations[0] == pytest.approx(2 * per_tap * (taps - 3))


MASKED = ["hyena@3-1", "short-attention@5-0+2", "thex-2@3-2", "canon@4-1", "short-gate@3-1", "linear-attention@4-1"]


@pytest.mark.parametrize("name", MASKED)
def test_a_masked_tap_is_a_tap_at_zero_from_the_start(name):
    """The same seed gives the same stack but for that tap, which is no parameter, so that training cannot move it."""
    whole, without = name.rpartition("-")[0], architectures.masked(name)
    whole = "linear-attention" if whole == "linear-attention@4" else whole  # which has four of its own
    masked, net = (stack.build(each, model(), 11, seed=1).double() for each in (name, whole))
    taken = 0
    for block in net.blocks:
        for module in block.mixer.modules():
            if isinstance(module, ShortConvolution):
                module.weight.data[list(without)] = 0
                taken += len(without) * module.weight.shape[1]
    tokens = torch.randint(11, (2, 9))
    torch.testing.assert_close(masked(tokens), net(tokens))
    assert taken > 0
    assert parameter_count(whole, model(), 11) - parameter_count(name, model(), 11) == taken
    assert sum(p.numel() for p in net.parameters()) - sum(p.numel() for p in masked.parameters()) == taken
    operations = [flops_per_token(each, model(), 11, 9) for each in (whole, name)]
    assert operations[0] - operations[1] == pytest.approx(2 * taken)


def test_no_training_step_moves_a_masked_tap():
    """What stands one token back changes nothing in a layer without that tap, before and after training."""
    net = stack.build("short-gate@3-1", model(), 11, seed=1).double()
    optimiser = torch.optim.AdamW(net.parameters(), lr=0.1)
    for _ in range(3):
        net(torch.randint(11, (4, 9))).square().sum().backward()
        optimiser.step()
    layer, x = net.blocks[0].mixer, torch.randn(1, 9, 12, dtype=torch.double)
    changed = x.clone()
    changed[:, 4] += 1
    differs = (layer(x) - layer(changed)).abs().sum(-1)[0] > 1e-9
    assert differs.nonzero().flatten().tolist() == [4, 6]
