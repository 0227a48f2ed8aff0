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
    v = torch.randn(3, length, 5, dtype=torch.double, requires_grad=True)
    k = torch.randn(5, length, dtype=torch.double, requires_grad=True)
    gradient = torch.randn(3, length, 5, dtype=torch.double)
    expected, found = convolution.direct(v, k), form(v, k)
    torch.testing.assert_close(found, expected)
    for a, b in zip(*(torch.autograd.grad(y, (v, k), gradient) for y in (found, expected)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("batch", "length"), [(15, 60), (16, 60), (16, 61)])
def test_the_convolution_changes_form_without_changing_its_result(batch, length):
    v, k = torch.randn(batch, length, 3, dtype=torch.double), torch.randn(3, length, dtype=torch.double)
    torch.testing.assert_close(convolution.causal_convolution(v, k), convolution.direct(v, k))


@pytest.mark.parametrize("taps", [1, 3, 4])
def test_the_short_convolution_has_the_gradients_of_its_definition(taps):
    short = ShortConvolution(5, taps).double()
    x = torch.randn(2, 7, 5, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, w, b: torch.func.functional_call(short, {"weight": w, "bias": b}, x), (
        x, short.weight, short.bias
    ))  # fmt: skip
