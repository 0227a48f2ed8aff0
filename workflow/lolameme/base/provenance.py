"""What made a result: code version, data hash, and the fingerprint that ties a checkpoint to its cell."""

import functools
import hashlib
import json
import resource
import subprocess
from pathlib import Path
from typing import Any

import lolameme
from lolameme.base import sources


@functools.cache
def code_version() -> dict[str, str | None]:
    """Version, digest of all sources, and the git commit where there is one."""
    try:
        command = ["git", "-C", str(sources.WORKFLOW), "rev-parse", "--short=12", "HEAD"]
        commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = None
    return {"version": lolameme.__version__, "sources": sources.whole_package(), "commit": commit}


def fingerprint(facts: dict[str, Any]) -> str:
    """A digest of JSON facts; equal facts, equal digest. The commit does not count, the sources do."""
    facts = facts | {"code": facts["code"] | {"commit": None}}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def flatten(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as dotted keys."""
    flat: dict[str, Any] = {}
    for key, entry in value.items():
        flat |= flatten(entry, f"{prefix}{key}.") if isinstance(entry, dict) else {f"{prefix}{key}": entry}
    return flat


def peak_memory() -> int:
    """The most resident memory this process has used, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # why: getrusage counts the memory of the process that started this one, too
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS
