"""Snakemake's records of how files were made, in the folder of the project."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_RECORDS = Path(".snakemake/metadata")
_LONGEST = 254  # characters of a part of a record's name


def known(path: Path) -> bool:
    """Whether Snakemake has a record of how a file was made."""
    return _record(path).exists()


def forget(path: Path) -> None:
    """Let Snakemake make a file again that is older than its input, also where it made that file of the same input
    before: records hold checksums, which count more than times."""
    _record(path).unlink(missing_ok=True)


def records() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every file that Snakemake has a record of, and the record: the rule of its job, its log, start and end."""
    for path in sorted(path for path in _RECORDS.rglob("*") if path.is_file()):
        name = "".join(part.removeprefix("@") for part in path.relative_to(_RECORDS).parts)
        yield Path(urlsafe_b64decode(name).decode()), json.loads(path.read_text())


def _record(path: Path) -> Path:
    name = urlsafe_b64encode(str(path).encode()).decode()
    parts = [name[start : start + _LONGEST] for start in range(0, len(name), _LONGEST)]
    return _RECORDS.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])
