"""The kernels of causal attention: torch's, and xformers' where it has one."""

import logging

import torch
import torch.nn.functional as F
from torch import Tensor

HALF = (torch.bfloat16, torch.float16)


def kernel(q: Tensor):
    """The attention kernel for queries like `q` (B, L, H, D/H): xformers where it has one, else torch.

    It has some for CUDA in half precision, where the size of a head is a multiple of 8 and at most 256.
    """
    dtype = torch.get_autocast_dtype(q.device.type) if torch.is_autocast_enabled(q.device.type) else q.dtype
    fits = q.is_cuda and dtype in HALF and q.shape[-1] % 8 == 0 and q.shape[-1] <= 256
    return xformers_attention if fits and xformers_runs() else torch_attention


_runs: bool | None = None  # no functools.cache: torch.compile would look behind it, and follow the import


def xformers_runs() -> bool:
    """Whether xformers attends on the GPU here, forward and backward: tried once.

    It needs the CUDA that it was built with, and a GPU that it knows. Where it has neither it is not even imported,
    which takes 5 s.
    """
    global _runs
    if _runs is None:
        _runs = _xformers_is_whole() and _tried()
    return _runs


def _xformers_is_whole() -> bool:
    """Whether xformers is installed and its library loads; version 0.0.35 is built for CUDA 12, torch 2.13 for 13."""
    logging.getLogger("xformers").setLevel(logging.ERROR)  # it would say in six lines that it does not
    try:
        from xformers import _cpp_lib
    except (ImportError, OSError):
        return False
    return _cpp_lib._built_with_cuda


def _tried() -> bool:
    try:
        with torch.inference_mode(False), torch.enable_grad():
            q = torch.zeros(1, 8, 1, 32, dtype=torch.bfloat16, device="cuda", requires_grad=True)
            xformers_attention(q, q, q).sum().backward()
    except (ImportError, RuntimeError):  # of which NotImplementedError, "No operator found", is one
        return False
    return True


def torch_attention(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0) -> Tensor:
    """torch's scaled dot product attention; all arguments and the result are (B, L, H, D/H)."""
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True).transpose(1, 2)


def xformers_attention(q: Tensor, k: Tensor, v: Tensor, dropout: float = 0.0) -> Tensor:
    """xformers' memory-efficient attention; shapes as in `torch_attention`. CUDA and half precision only."""
    import xformers.ops  # 5 s, so only where it is used

    return xformers.ops.memory_efficient_attention(q, k, v, attn_bias=xformers.ops.LowerTriangularMask(), p=dropout)
