"""How much of an output comes from where: shares of the past for every mixer, and each by its own formula."""

import pytest
import torch

from lolameme.models import stack
from lolameme.models.mixers.hyena import Hyena
from lolameme.models.mixers.linear_attention import recurrent
from lolameme.models.mixers.short_gate import ShortGate
from lolameme.study import plugins
from lolameme.study.settings import Hyena as HyenaSettings
from lolameme.study.settings import Model


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def model(order: int = 2, **changes) -> Model:
    return Model(layers=3, d_model=12, heads=3, hyena=HyenaSettings(order=order, filter_width=8), **changes)


@pytest.mark.parametrize("name", plugins.names("mixer"))
def test_influence_is_shares_of_the_past_and_none_means_none(name):
    """Causal, not negative, rows sum to 1; where a position has no influence, changing it changes nothing."""
    mixer = stack.mixer_class(name)(model(length=9)).double()
    z = mixer.in_proj(torch.randn(2, 9, 12, dtype=torch.double)).detach().requires_grad_()
    found = mixer.influence(z)  # (B, G, L, L)
    assert found.shape[0] == 2
    assert found.shape[2:] == (9, 9)
    assert (found >= 0).all()
    assert not found.triu(1).any()
    torch.testing.assert_close(found.sum(-1), torch.ones_like(found[..., 0]))
    output = mixer.mix(z)
    for t in range(9):
        slope = torch.autograd.grad(output[0, t].sum(), z, retain_graph=True)[0][0].abs().sum(-1)  # (L,)
        assert (slope[found[0, :, t].sum(0) == 0] < 1e-12).all()  # FFTs round
        assert slope.max() > 1e-6


@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize("name", plugins.names("mixer"))
def test_its_rows_at_some_places_are_rows_of_the_whole(name, order):
    mixer = stack.mixer_class(name)(model(order, length=9)).double()
    z, places = mixer.in_proj(torch.randn(3, 9, 12, dtype=torch.double)), torch.tensor([8, 0, 4])
    expected = torch.stack([mixer.influence(z)[row, :, place] for row, place in enumerate(places)])
    torch.testing.assert_close(mixer.influence_at(z, places), expected)


def test_the_influence_in_attention_is_its_weights():
    mixer = stack.mixer_class("attention")(model()).double()
    z = torch.randn(2, 9, 36, dtype=torch.double)
    v = z[..., 24:].unflatten(2, (3, 4))
    y = torch.einsum("bhts,bshe->bthe", mixer.influence(z), v).flatten(2)
    torch.testing.assert_close(mixer.mix(z), y)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_hyena_is_its_matrix_times_v(order):
    mixer = Hyena(model(order)).double()
    z = torch.randn(2, 9, 12 * (order + 1), dtype=torch.double)
    v = mixer.short(z)[..., -12:]
    found = mixer.matrix(z)  # (B, D, L, L)
    assert not found.triu(1).any()
    torch.testing.assert_close(torch.einsum("bdts,bsd->btd", found, v), mixer.mix(z))


def test_the_influence_in_hyena_is_the_size_of_what_a_position_adds():
    """The formula of order 2, written out: the norm over channels of x0_t h_(t-s) x1_s v_s, as a share."""
    mixer = Hyena(model()).double()
    z = torch.randn(1, 6, 36, dtype=torch.double)
    x0, x1, v = mixer.short(z)[0].split(12, dim=-1)
    h = mixer.filters(6)[0]
    h[:, 0] += mixer.bias[0]
    sizes = torch.zeros(6, 6, dtype=torch.double)
    for t in range(6):
        for s in range(t + 1):
            sizes[t, s] = (x0[t] * h[:, t - s] * x1[s] * v[s]).norm()
    torch.testing.assert_close(mixer.influence(z)[0, 0], sizes / sizes.sum(1, keepdim=True))


def test_the_influence_in_linear_attention_is_what_the_state_holds():
    """The result before the norm is the signed influence, not yet shares, times the values."""
    mixer = stack.mixer_class("linear-attention")(model()).double()
    z = mixer.in_proj(torch.randn(1, 7, 12, dtype=torch.double))
    mixed, _, gate = mixer.split(z)
    q, k, v, decay = mixer.heads_of(mixed, gate)
    states = [
        recurrent(q, torch.zeros_like(k).index_copy(2, s, k[:, :, s]), v, decay) for s in torch.arange(7)[:, None]
    ]
    read = torch.stack([y.norm(dim=-1) / v[:, :, s].norm(dim=-1)[..., None] for s, y in enumerate(states)], -1)
    torch.testing.assert_close(mixer.influence(z), read / read.sum(-1, keepdim=True))


def test_the_influence_in_the_short_gate_reaches_as_far_as_its_taps():
    mixer = ShortGate(model()).double()
    found = mixer.influence(mixer.in_proj(torch.randn(2, 9, 12, dtype=torch.double)))
    assert (found.tril().triu(-2) > 0).sum() == 2 * (9 + 8 + 7)
    assert not found.tril(-3).any()
