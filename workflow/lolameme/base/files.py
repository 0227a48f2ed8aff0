"""Files that are either the old one or the new one, never half of one."""

import errno
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

RESULTS, REPORTS = "results", "reports"  # the folders of all studies
CHECKSUM, PLACE, FACTS = "checksum", "place", "facts"


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """A temporary neighbour of `path` to write to; it takes the name `path` on success and goes away on failure.

    The name depends on nothing but `path`, so that what a killed process left is overwritten by the next. Whoever may
    read a new file may read this one: safetensors would leave it to its owner alone.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        with open(temporary, "wb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        yield temporary
        with open(temporary, "rb+") as file:
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, atomically, as UTF-8."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_sealed(path: str | Path, text: str) -> None:
    """Write SVG, HTML or Markdown, atomically; its last line, a comment, holds its place and a checksum."""
    content = text if text.endswith("\n") else f"{text}\n"
    write_text(path, f"{content}<!-- {place(path)} {_checksum_of(place(path), content)} -->\n")


def read_sealed(path: str | Path) -> str:
    """Read what `write_sealed` wrote, without the last line. Raises Damaged if it is anything else."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Damaged(path, error) from None
    content, _, seal = text.removesuffix("\n").rpartition("\n")
    found = re.fullmatch(r"<!-- (.+) ([0-9a-f]{16}) -->", seal)
    if not found or found[2] != _checksum_of(found[1], f"{content}\n"):
        raise Damaged(path, "its checksum does not fit its content")
    check_place(path, found[1])
    return f"{content}\n"


def _checksum_of(where: str, text: str) -> str:
    return hashlib.sha256(f"{where}\n{text}".encode()).hexdigest()[:16]


class Damaged(ValueError):
    """A file is not what was written: cut off, changed, or emptied."""

    def __init__(self, path: str | Path, reason: object):
        self.reason = str(reason)
        super().__init__(f"{path} is damaged ({reason}); delete it and run the same command again")


def place(path: str | Path) -> str:
    """Where a file belongs: its path within the folder of its study; elsewhere than in `results` and `reports`, its
    name alone.

    Files carry it under their checksum, so that a whole file of another cell, split or variant is not taken for this.
    """
    *above, name = Path(os.path.abspath(path)).parts
    root = next((i for i in reversed(range(len(above))) if above[i] in (RESULTS, REPORTS)), None)
    return name if root is None else "/".join([*above[root + 2 :], name])


def check_place(path: str | Path, written: str) -> None:
    """Raise Damaged if a file says that it was written in another place than `path`.

    A file that was taken out of `results` or `reports` has kept its name alone.
    """
    here, within = place(path), {RESULTS, REPORTS} & set(Path(os.path.abspath(path)).parts)
    if here != written and (within or here != written.rpartition("/")[2]):
        raise Damaged(path, f"it was written as {written}")


def write_json(path: str | Path, value: dict[str, Any]) -> None:
    """Write JSON, atomically: indented, keys in the order given, with its place and a checksum; NaN is an error."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    placed = json.loads(text) | {PLACE: place(path)}
    sealed = placed | {CHECKSUM: _checksum(placed)}
    write_text(path, json.dumps(sealed, indent=1, ensure_ascii=False) + "\n")


def read_json(path: str | Path) -> dict[str, Any]:
    """Read what `write_json` wrote. Raises Damaged if it is anything else."""
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
        sealed = isinstance(value, dict) and value.pop(CHECKSUM, None) == _checksum(value)
    except (ValueError, RecursionError) as error:
        raise Damaged(path, f"no JSON: {error}") from None
    if not isinstance(value, dict):
        raise Damaged(path, "it holds no names and values")
    if not sealed:
        raise Damaged(path, "its checksum does not fit its content")
    check_place(path, value.pop(PLACE, ""))
    return value


def _checksum(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def write_frame(path: str | Path, frame: "pd.DataFrame", **facts: Any) -> None:
    """Write a data frame as Parquet, atomically and sealed, with facts about it, as JSON, in its metadata."""
    import pyarrow as pa

    described = {FACTS: json.dumps(facts)} if facts else None
    write_table(path, pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(described))


def read_facts(path: str | Path) -> dict[str, Any]:
    """The facts that `write_frame` wrote. Raises Damaged if the file is, but for its rows."""
    with open_table(path) as file:
        return json.loads((file.metadata.metadata or {}).get(FACTS.encode(), b"{}"))


def write_table(path: str | Path, table: "pa.Table") -> None:
    """Write Parquet, atomically and sealed: a checksum in every page, and one for schema, metadata and rows."""
    import pyarrow.parquet as pq

    metadata = (table.schema.metadata or {}) | {PLACE.encode(): place(path).encode()}
    seal = {CHECKSUM.encode(): parquet_checksum(table.schema, metadata, len(table)).encode()}
    with atomic(path) as temporary:
        sealed = table.replace_schema_metadata(metadata | seal)
        pq.write_table(sealed, temporary, compression="zstd", write_page_checksum=True)


def read_frame(path: str | Path, columns: list[str] | None = None) -> "pd.DataFrame":
    """Read sealed Parquet as a data frame. Raises Damaged if it is anything else."""
    return read_table(path, columns).to_pandas()


def read_table(path: str | Path, columns: list[str] | None = None) -> "pa.Table":
    """Read sealed Parquet. Raises Damaged if it is anything else."""
    with open_table(path) as file:
        table = file.read(columns=columns).replace_schema_metadata()
        for name in table.column_names:
            if _values(table[name]) != _values_said(file.metadata, name):
                raise Damaged(path, f"column {name} has lost values")
        return table


def _values(column: "pa.ChunkedArray") -> int:
    """How many values Parquet stores for a column: one per row, and in lists one per element, or for an empty one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_list(column.type):
        return len(column)
    return pc.sum(pc.max_element_wise(pc.fill_null(pc.list_value_length(column), 1), 1)).as_py() or 0


def _values_said(metadata: "pq.FileMetaData", name: str) -> int:
    """What the footer says of it: the checksums of pages do not cover their headers."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    columns = [group.column(i) for group in groups for i in range(group.num_columns)]
    return sum(column.num_values for column in columns if column.path_in_schema.split(".")[0] == name)


@contextmanager
def open_table(path: str | Path) -> Iterator["pq.ParquetFile"]:
    """Open sealed Parquet. Raises Damaged if it cannot be opened or read, or a checksum does not fit."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sys.audit("open", str(path), "r", 0)  # as Python's own `open` does: Arrow opens files by itself
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            metadata = file.metadata.metadata or {}
            found = parquet_checksum(file.schema_arrow, metadata, file.metadata.num_rows)
            if metadata.get(CHECKSUM.encode(), b"").decode(errors="replace") != found:
                raise Damaged(path, "its checksum does not fit its schema")
            check_place(path, metadata.get(PLACE.encode(), b"").decode())
            yield file
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None  # as `open` says it
    except Damaged:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Damaged(path, error) from None


def parquet_checksum(schema: "pa.Schema", metadata: dict[bytes, bytes], rows: int) -> str:
    """A checksum of what pages do not hold: the schema, the metadata and the number of rows."""
    kept = sorted(item for item in metadata.items() if item[0] not in (CHECKSUM.encode(), b"ARROW:schema"))
    # Parquet calls `element` what Arrow calls `item`
    columns = [(field.name, str(field.type).replace("<item:", "<element:"), field.nullable) for field in schema]
    return hashlib.sha256(f"{columns} {kept} {rows}".encode()).hexdigest()[:16]


def require_whole(path: str | Path) -> None:
    """Raise Damaged if a file of a kind that carries a seal is; others are copies for people."""
    readers: dict[str, Any] = {".json": read_json, ".parquet": read_table, ".svg": read_sealed, ".md": read_sealed}
    if read := readers.get(Path(path).suffix):
        read(path)


def digest(*paths: str | Path) -> str:
    """SHA-256 over the bytes of files, in the order given."""
    total = hashlib.sha256()
    for path in paths:
        total.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return total.hexdigest()
