"""Tensors on disk: one safetensors file, written atomically, with JSON facts and a checksum."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lolameme.base.files import CHECKSUM, PLACE, Damaged, atomic, check_place, place


def save(path: Path, tensors: dict[str, Tensor], **facts: Any) -> None:
    """Write tensors and facts to one file. The same tensors give the same bytes."""
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # safetensors writes metadata in no fixed order, so there is one entry only
    described = {"facts": facts, PLACE: place(path)}
    sealed = json.dumps(described | {CHECKSUM: _checksum(kept, described)})
    with atomic(path) as temporary:
        save_file(kept, temporary, metadata={"lolameme": sealed})


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save` wrote. Raises Damaged if it is anything else."""
    sys.audit("open", str(path), "r", 0)  # as Python's own `open` does: safetensors opens files by itself
    try:
        with safe_open(path, "pt") as file:
            sealed = json.loads((file.metadata() or {})["lolameme"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            facts, checksum = sealed["facts"], sealed.pop(CHECKSUM)
    except FileNotFoundError:
        raise
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise Damaged(path, error) from None
    if checksum != _checksum(tensors, sealed):
        raise Damaged(path, "its checksum does not fit its content")
    check_place(path, sealed[PLACE])
    return tensors, facts


def _checksum(tensors: dict[str, Tensor], described: dict[str, Any]) -> str:
    total = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name in sorted(tensors):
        total.update(f"{name} {tensors[name].dtype} {list(tensors[name].shape)}".encode())
        total.update(tensors[name].reshape(-1).view(torch.uint8).numpy())
    return total.hexdigest()
