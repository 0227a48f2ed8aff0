"""Checkpoints: one safetensors file with everything that training needs to go on as if never interrupted."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lolameme.files import atomic


def save(path: Path, tensors: dict[str, Tensor], **facts: Any) -> None:
    """Write tensors and JSON facts to one file, atomically."""
    with atomic(path) as temporary:
        contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(contiguous, temporary, metadata={key: json.dumps(value) for key, value in facts.items()})


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save` wrote. Raises ValueError, naming the file and the remedy, if it cannot be read."""
    try:
        with safe_open(path, "pt") as file:
            facts = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, RuntimeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error}); delete it and run the same command again") from None
