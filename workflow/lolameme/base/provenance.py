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

_BESIDE = ("Snakefile", "pyproject.toml", "constraints.txt")  # what runs the workflow, and in which versions


@functools.cache
def code_version() -> dict[str, str | None]:
    """Version, digest of all sources, and the git commit, see `commit_of`."""
    return {"version": lolameme.__version__, "sources": sources.whole_package(), "commit": commit_of(sources.WORKFLOW)}


def commit_of(workflow: Path) -> str | None:
    """The commit of the repository that has `workflow` as its top folder's own; `+` at its end: that folder, or a file
    beside it that runs it, has changed since. None without git, or where the repository is another's, in which the
    project only lies."""

    def git(*arguments: str) -> str:
        # a study runs beside its user, who may commit meanwhile: it must not hold the lock of the index
        command = ["git", "--no-optional-locks", "-C", str(workflow), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if git("rev-parse", "--show-prefix") != f"{workflow.name}/":
            return None
        changed = git("status", "--porcelain", ".", *(f"../{file}" for file in _BESIDE))
        return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


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
