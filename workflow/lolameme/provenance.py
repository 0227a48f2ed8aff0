"""What made a result: code version, data hash, and the fingerprint that ties a checkpoint to its cell."""

import functools
import hashlib
import json
import resource
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lolameme

PACKAGE = Path(__file__).parent


def source_digest(parts: Iterable[str] = ("",)) -> str:
    """A digest of the package's sources below `parts` (folders or files, relative to the package).

    Rules carry it as a parameter: editing a source re-runs the rules that name it, touching it does not.
    """
    files = set()
    for part in parts:
        path = PACKAGE / part
        files |= {path} if path.is_file() else set(path.rglob("*.py")) | set(path.rglob("*.html"))
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]


@functools.cache
def code_version() -> dict[str, str | None]:
    """Version, digest of all sources, and the git commit where there is one."""
    try:
        command = ["git", "-C", str(PACKAGE), "rev-parse", "--short=12", "HEAD"]
        commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        commit = None
    return {"version": lolameme.__version__, "sources": source_digest(), "commit": commit}


def fingerprint(facts: dict[str, Any]) -> str:
    """A digest of JSON facts; equal facts, equal digest. The commit does not count, the sources do."""
    facts = facts | {"code": facts["code"] | {"commit": None}}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def peak_memory() -> int:
    """The most resident memory this process has used, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
