"""What made a result: code version, data hash, and the fingerprint that ties a checkpoint to its cell."""

import functools
import hashlib
import json
import resource
import subprocess
from pathlib import Path
from typing import Any

import lolameme

_WORKFLOW = Path(__file__).parent.parent


def source_digest(*parts: str) -> str:
    """A digest of the sources below `parts`: folders or files relative to workflow/.

    Rules carry it as a parameter: editing a source re-runs the rules that name it, touching it does not. Raises
    FileNotFoundError if a part does not exist.
    """
    files: set[Path] = set()
    for part in parts:
        path = _WORKFLOW / part
        if not path.exists():
            raise FileNotFoundError(f"{path}: a rule names this source, but it does not exist")
        files |= {path} if path.is_file() else set(path.rglob("*.py"))
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(str(path.relative_to(_WORKFLOW)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]


@functools.cache
def code_version() -> dict[str, str | None]:
    """Version, digest of all sources, and the git commit where there is one."""
    try:
        command = ["git", "-C", str(_WORKFLOW), "rev-parse", "--short=12", "HEAD"]
        commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = None
    return {"version": lolameme.__version__, "sources": source_digest("lolameme"), "commit": commit}


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
