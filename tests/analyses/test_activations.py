"""What hooks read and replace is what the stack computes, and they leave no trace."""

import itertools

import pytest
import torch

from lolameme.analyses._activations import SITES, record, replaced, resumed, streams, visited
from lolameme.models import stack
from lolameme.study import plugins
from lolameme.study.settings import Model

pytestmark = pytest.mark.slow

LAYERS, VOCABULARY = 3, 11
PLACES = [(site, layer) for layer in range(LAYERS) for site in SITES]


@pytest.fixture(scope="module", params=plugins.names("mixer"))
def model(request):
    """A stack of every mixer."""
    settings = Model(layers=LAYERS, d_model=16, heads=2, length=12)
    torch.manual_seed(1)
    return stack.Stack((request.param,) * LAYERS, settings, VOCABULARY).eval()


@pytest.fixture
def tokens():
    return torch.randint(VOCABULARY, (2, 4, 9), generator=torch.Generator().manual_seed(2))


def plain(model, tokens):
    """The sites around mixers and MLPs, written out as the definition of a pre-norm stack says."""
    found = {}
    with torch.inference_mode():
        x = model.embedding(tokens) + (model.positions.weight[: tokens.shape[1]] if model.positions is not None else 0)
        for layer, block in enumerate(model.blocks):
            mixer_out = block.mixer(block.mixer_norm(x))
            middle = x + mixer_out
            mlp_out = block.mlp(block.mlp_norm(middle))
            found |= {("resid_pre", layer): x, ("mixer_out", layer): mixer_out, ("resid_mid", layer): middle}
            found |= {("mlp_out", layer): mlp_out, ("resid_post", layer): middle + mlp_out}
            x = middle + mlp_out
        return model.norm(x), found


def test_every_site_of_every_mixer_is_what_a_plain_stack_computes(model, tokens):
    expected_hidden, expected = plain(model, tokens[0])
    hidden, found = record(model, tokens[0], PLACES)
    assert set(found) == set(PLACES)
    torch.testing.assert_close(hidden, expected_hidden)
    for place in expected:
        torch.testing.assert_close(found[place], expected[place], msg=str(place))
    with torch.inference_mode():
        for layer, block in enumerate(model.blocks):  # and within a mixer, whatever it does before its projection
            torch.testing.assert_close(block.mixer.mix(found["projected", layer]), found["mixed", layer])
            torch.testing.assert_close(block.mixer.out_proj(found["mixed", layer]), found["mixer_out", layer])


def test_replacing_a_run_by_itself_changes_nothing(model, tokens):
    for place in PLACES:
        hidden, found = record(model, tokens[0], [place])
        assert torch.equal(replaced(model, tokens[0], found), hidden), place


def test_replacing_the_whole_stream_gives_the_partners_answer(model, tokens):
    clean, _ = record(model, tokens[0], [])
    for place in itertools.product(("resid_pre", "resid_mid", "resid_post"), range(LAYERS)):
        partner, found = record(model, tokens[1], [place])
        patched = replaced(model, tokens[0], found)
        torch.testing.assert_close(patched, partner)
        assert not torch.allclose(patched, clean, atol=1e-3)


def test_replacing_some_positions_leaves_the_others_and_all_before_them(model, tokens):
    _, donor = record(model, tokens[1], [("resid_mid", 0)])
    where = torch.zeros(tokens[0].shape, dtype=torch.bool)
    where[:, 5] = True
    clean, before = record(model, tokens[0], [("resid_mid", 0)])
    after = replaced(model, tokens[0], donor, where)
    torch.testing.assert_close(after[:, :5], clean[:, :5])
    assert not torch.allclose(after[:, 5], clean[:, 5], atol=1e-3)
    assert torch.equal(record(model, tokens[0], [("resid_mid", 0)])[1]["resid_mid", 0], before["resid_mid", 0])


def test_what_a_mixer_and_an_mlp_add_can_be_taken_away(model, tokens):
    """Without the outputs of all its parts a stack is its embedding."""
    zero = torch.zeros(*tokens[0].shape, 16)
    places = {(site, layer): zero for site in ("mixer_out", "mlp_out") for layer in range(LAYERS)}
    _, found = record(model, tokens[0], [("resid_pre", 0)])
    with torch.inference_mode():
        expected = model.norm(found["resid_pre", 0])
    torch.testing.assert_close(replaced(model, tokens[0], places), expected)


def test_hooks_leave_no_trace(model, tokens):
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    before, _ = record(model, tokens[0], [])
    with pytest.raises(ZeroDivisionError), torch.inference_mode(), visited(model, {("mixed", 1): lambda x: 1 / 0}):
        model.hidden(tokens[0])
    replaced(model, tokens[0], record(model, tokens[1], PLACES)[1])
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(weights[name], tensor) for name, tensor in model.state_dict().items())
    assert torch.equal(record(model, tokens[0], [])[0], before)


def test_running_on_from_a_layer_is_running_all(model, tokens):
    hidden, stream = streams(model, tokens[0])
    assert len(stream) == LAYERS + 1
    for layer, x in enumerate(stream):
        torch.testing.assert_close(resumed(model, x, layer), hidden)


def test_running_on_to_what_is_wanted_alone_leaves_zeros_elsewhere(model, tokens):
    hidden, stream = streams(model, tokens[0])
    wanted = torch.zeros(tokens[0].shape, dtype=torch.bool)
    wanted[0, 3] = wanted[1, -1] = True
    for layer, x in enumerate(stream[:-1]):
        found = resumed(model, x, layer, wanted)
        torch.testing.assert_close(found[wanted], hidden[wanted])
        assert not found[~wanted].any()


def test_padding_at_the_right_changes_no_activation(model, tokens):
    short, padded = tokens[0][:, :6], tokens[0]
    _, found = record(model, short, PLACES)
    _, longer = record(model, padded, PLACES)
    for place in PLACES:
        torch.testing.assert_close(found[place], longer[place][:, :6], atol=1e-4, rtol=1e-4)
