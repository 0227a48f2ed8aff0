"""Convolutions against their definitions."""

import pytest
import torch

from lolameme.models import convolution
from lolameme.models.short_convolution import ShortConvolution


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("length", [1, 2, 7, 40])
@pytest.mark.parametrize("form", [convolution.fft, convolution.toeplitz])
def test_all_forms_of_the_convolution_agree_forward_and_backward(form, length):
    v = torch.randn(5, 3, length, dtype=torch.double, requires_grad=True)
    k = torch.randn(5, length, dtype=torch.double, requires_grad=True)
    gradient = torch.randn(5, 3, length, dtype=torch.double)
    expected, found = convolution.direct(v, k), form(v, k)
    torch.testing.assert_close(found, expected)
    for a, b in zip(*(torch.autograd.grad(y, (v, k), gradient) for y in (found, expected)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("batch", "length", "form"), [(16, 64, "toeplitz"), (16, 65, "fft"), (15, 64, "fft")])
def test_the_convolution_changes_form_without_changing_its_result(batch, length, form):
    v, k = torch.randn(3, batch, length, dtype=torch.double), torch.randn(3, length, dtype=torch.double)
    assert convolution.form(v).__name__ == form
    torch.testing.assert_close(convolution.causal_convolution(v, k), convolution.direct(v, k))


@pytest.mark.parametrize(("taps", "masked"), [(1, ()), (3, ()), (4, ()), (3, (1,)), (4, (0, 2)), (9, (0,))])
def test_the_short_convolution_has_the_gradients_of_its_definition(taps, masked):
    short = ShortConvolution(5, taps, masked).double()
    x = torch.randn(2, 7, 5, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, w, b: torch.func.functional_call(short, {"weight": w, "bias": b}, x), (
        x, short.weight, short.bias
    ))  # fmt: skip


@pytest.mark.parametrize("masked", [(), (1,), (0, 3)])
def test_the_short_convolution_is_a_sum_over_the_taps_it_has(masked):
    short, x = ShortConvolution(5, 4, masked).double(), torch.randn(2, 7, 5, dtype=torch.double)
    taps = short.taps()
    assert (taps == 0).all(1).nonzero().flatten().tolist() == [lag for lag in masked if lag < len(taps)]
    expected = short.bias + sum(torch.nn.functional.pad(x, (0, 0, lag, 0))[:, :7] * row for lag, row in enumerate(taps))
    torch.testing.assert_close(short(x), expected)


def test_a_short_convolution_keeps_one_tap_at_least():
    with pytest.raises(ValueError, match="all 2 taps of a short convolution are masked"):
        ShortConvolution(5, 2, (0, 1))
