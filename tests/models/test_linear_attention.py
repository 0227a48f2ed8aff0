import pytest
import torch

from lolameme.models.mixers.linear_attention import gated_linear_attention, recurrent


@pytest.mark.parametrize("length", [1, 7, 16, 17, 50])
def test_chunks_equal_the_recurrence_forward_and_backward(length):
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 3, length, 5, dtype=torch.double).unbind(0)
    decay = torch.nn.functional.logsigmoid(torch.randn(2, 3, length, dtype=torch.double))
    inputs = [tensor.requires_grad_() for tensor in (q, k, v, decay)]
    weights = torch.randn(2, 3, length, 5, dtype=torch.double)
    found, expected = gated_linear_attention(*inputs, chunk=16), recurrent(*inputs)
    torch.testing.assert_close(found, expected)
    pairs = (torch.autograd.grad((y * weights).sum(), inputs, materialize_grads=True) for y in (found, expected))
    for a, b in zip(*pairs, strict=True):
        torch.testing.assert_close(a, b)


def test_a_gate_that_forgets_at_once_overflows_nothing():
    q, k, v = torch.ones(3, 1, 1, 200, 2).unbind(0)
    y = gated_linear_attention(q, k, v, torch.full((1, 1, 200), -1000.0))
    torch.testing.assert_close(y, torch.full_like(y, 2.0))  # only the present is left


def test_without_decay_it_is_a_running_sum():
    q, k = torch.ones(2, 1, 1, 100, 1).unbind(0)
    v = torch.randn(1, 1, 100, 3)
    torch.testing.assert_close(gated_linear_attention(q, k, v, torch.zeros(1, 1, 100)), v.cumsum(2))
