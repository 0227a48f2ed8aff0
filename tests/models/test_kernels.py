"""Which kernel attention takes: xformers' only where it has one, forward and backward."""

from types import SimpleNamespace

import pytest
import torch

from lolameme.models import kernels
from lolameme.models.kernels import torch_attention, xformers_attention


def queries(size: int, dtype: torch.dtype = torch.bfloat16, cuda: bool = True) -> SimpleNamespace:
    """What `kernel` looks at, as of a tensor (1, 8, 2, size) on a GPU."""
    return SimpleNamespace(
        is_cuda=cuda, dtype=dtype, shape=(1, 8, 2, size), device=SimpleNamespace(type="cuda" if cuda else "cpu")
    )


def test_xformers_is_taken_where_it_has_a_kernel(monkeypatch):
    monkeypatch.setattr(kernels, "_runs", True)
    assert kernels.kernel(queries(16)) is kernels.kernel(queries(256)) is xformers_attention
    others = [queries(5), queries(264), queries(16, torch.float32), queries(16, cuda=False)]
    assert {kernels.kernel(q) for q in others} == {torch_attention}
    monkeypatch.setattr(kernels, "_runs", False)
    assert kernels.kernel(queries(16)) is torch_attention


@pytest.mark.parametrize(
    ("whole", "ends", "runs"),
    [(False, None, False), (True, NotImplementedError("No operator found"), False), (True, None, True)],
)
def test_xformers_is_tried_once_and_not_where_its_library_does_not_load(monkeypatch, whole, ends, runs):
    tries = []

    def attend(q, k, v):
        tries.append(q.shape)
        if ends:
            raise ends
        return q

    zeros = torch.zeros  # of a GPU that is not here
    monkeypatch.setattr(torch, "zeros", lambda *sizes, device, **more: zeros(*sizes, **more))
    monkeypatch.setattr(kernels, "_runs", None)
    monkeypatch.setattr(kernels, "_xformers_is_whole", lambda: whole)
    monkeypatch.setattr(kernels, "xformers_attention", attend)
    with torch.inference_mode():
        assert kernels.xformers_runs() is kernels.xformers_runs() is runs
    assert len(tries) == int(whole)


@pytest.mark.skipif(torch.version.cuda is not None, reason="this build of torch may have the CUDA of xformers")
def test_the_library_of_xformers_does_not_load_without_cuda():
    assert not kernels._xformers_is_whole()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="xformers' kernels need CUDA, and there is no GPU here")
def test_xformers_equals_sdpa_on_a_gpu():
    if not kernels.xformers_runs():
        pytest.skip("xformers has no kernel for this GPU and this torch")
    q, k, v = torch.randn(3, 2, 128, 4, 32, device="cuda", dtype=torch.bfloat16).unbind(0)
    torch.testing.assert_close(xformers_attention(q, k, v), torch_attention(q, k, v), atol=2e-2, rtol=2e-2)
