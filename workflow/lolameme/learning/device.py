"""The device a cell runs on: CPU or one GPU, its precision and its threads, chosen once."""

import ctypes
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lolameme.learning.batches import Batch
from lolameme.models.kernels import xformers_runs
from lolameme.models.stack import Stack

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt, as malloc.h numbers them


@dataclass(frozen=True)
class Device:
    """Where tensors live and in which precision matrices are multiplied."""

    torch_device: torch.device
    bfloat16: bool

    @classmethod
    def choose(cls, device: str = "auto", precision: str = "auto", threads: int = 1) -> "Device":
        """Choose by what is there: CUDA and bfloat16 with a GPU that has it, else the CPU in float32.

        Raises RuntimeError if `cuda` is asked for and there is none.
        """
        if device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("device is 'cuda', but torch sees no GPU here; use device: auto or device: cpu")
        cuda = device != "cpu" and torch.cuda.is_available()
        torch.set_num_threads(threads)
        _keep_memory()
        torch.backends.cuda.matmul.allow_tf32 = True
        # torch also counts GPUs that only emulate it, slower than float32
        native = cuda and torch.cuda.is_bf16_supported(including_emulation=False)
        half = precision == "bfloat16" or (precision == "auto" and native)
        return cls(torch.device("cuda" if cuda else "cpu"), half)

    @property
    def name(self) -> str:
        """The hardware, as people call it."""
        return torch.cuda.get_device_name() if self.torch_device.type == "cuda" else "cpu"

    @property
    def precision(self) -> str:
        return "bfloat16" if self.bfloat16 else "float32"

    @property
    def attention(self) -> str:
        """The attention kernel that `kernels.kernel` picks here, for heads of a size that xformers can do."""
        return "xformers" if self.torch_device.type == "cuda" and self.bfloat16 and xformers_runs() else "sdpa"

    def autocast(self) -> AbstractContextManager:
        return torch.autocast(self.torch_device.type, torch.bfloat16) if self.bfloat16 else nullcontext()

    def losses(self, model: Stack, data: Batch) -> tuple[Tensor, Tensor]:
        """Logits (P, vocabulary) and losses (P,) in nats of a batch's predictions."""
        tokens, targets = (t.to(self.torch_device, non_blocking=True) for t in (data.tokens, data.targets))
        with self.autocast():
            logits = model.logits(model.hidden(tokens, data.layout.to(self.torch_device))).float()
        return logits, F.cross_entropy(logits, targets, reduction="none")

    def synchronise(self) -> None:
        """Wait for the device, before reading a clock."""
        if self.torch_device.type == "cuda":
            torch.cuda.synchronize()


def _keep_memory() -> None:
    """Let the C library keep what is freed, up to a GiB, instead of giving it back and asking again at every step.

    A step of a small Hyena stack has some 560 page faults without it, and 5 with it: 2 to 9 % of its time.
    """
    with suppress(AttributeError, OSError):  # not glibc
        library = ctypes.CDLL(None)
        for option, most in ((_TRIM_THRESHOLD, 2**30), (_MMAP_THRESHOLD, 2**25)):  # the largest that it takes
            library.mallopt(option, most)
