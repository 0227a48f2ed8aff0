"""Where runs are kept: MLflow's database, or a tracking server.

The database is a view on result files, so it is never worth a failed study: it is made whole or not at all, one that
is broken is set aside and made anew, and it names artefacts relative to the project's folder, so that both can move.
"""

import fcntl
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # else a server that is not there is waited for minutes
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")

from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import _get_latest_schema_revision
from mlflow.tracking import MlflowClient

from lolameme.base.files import atomic
from lolameme.study import paths

_SQLITE = "sqlite:///"
PATIENCE = 20  # seconds to wait for another process that writes to the database


def database(uri: str) -> Path | None:
    """The SQLite database that `uri` names; None if it is a tracking server's address."""
    return Path(uri.removeprefix(_SQLITE)) if uri.startswith(_SQLITE) else None


@contextmanager
def opened(uri: str, quietly: bool = False) -> Iterator[MlflowClient]:
    """A client of the store at `uri`. Those that open one database take turns; a server needs none.

    Whoever waits long for its turn says so, unless it is to wait `quietly`.

    Raises RuntimeError, in a sentence for the user, if a server cannot be reached, or a database stays locked.
    """
    path = database(uri)
    if path is None:
        client = MlflowClient(tracking_uri=uri)
        try:
            client.search_experiments(max_results=1)
        except MlflowException as error:
            reason = str(error).splitlines()[0][:200]
            raise RuntimeError(
                f"the tracking server {uri} does not answer ({reason}); start it and run the same command again, or "
                "leave out `tracking`"
            ) from None
        yield client
        return
    with _alone(path, quietly):
        _make_sound(path)
        relocate(path)
        yield MlflowClient(tracking_uri=uri)


def make(path: Path) -> None:
    """Make a database without runs, beside `path`, and move it there once it is whole.

    The maps to runs that studies hold speak of the database that was there before, so they go.
    """
    with atomic(path) as aside:
        aside.unlink(missing_ok=True)  # of a process that was killed
        Path(f"{aside}-journal").unlink(missing_ok=True)
        MlflowClient(tracking_uri=f"{_SQLITE}{aside}").search_experiments(max_results=1)
    for runs in path.parent.glob(f"*/{paths.Paths('').runs.name}"):
        runs.unlink()


@contextmanager
def _alone(path: Path, quietly: bool) -> Iterator[None]:
    """Wait until no other process of ours has the database open.

    The lock is on the folder, so that it leaves no file behind, and ends with the process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        waiting = f"{path}: waiting for another process that tracks runs there"
        told = threading.Timer(PATIENCE, print, (waiting,), {"file": sys.stderr, "flush": True})
        told.daemon = True  # whoever is ended while it waits ends at once
        if not quietly:
            told.start()
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        finally:
            told.cancel()
        yield
    finally:
        os.close(handle)


def _make_sound(path: Path) -> None:
    """Make the database where there is none; where it is broken, set it aside and say so, and make it anew."""
    if path.exists():
        reason = broken(path)
        if reason is None:
            return
        aside = path.with_name(f"{path.name}.broken")
        os.replace(path, aside)
        for rest in ("-journal", "-wal", "-shm"):
            Path(f"{path}{rest}").unlink(missing_ok=True)
        print(f"{path} was broken ({reason}): set aside as {aside}, and made anew from the results", file=sys.stderr)
    make(path)


def broken(path: Path) -> str | None:
    """What is wrong with a database: its pages, that it was never finished, its release; None if nothing is.

    MLflow must not open a broken one: it would keep that open, whatever takes the place of the file.

    Raises RuntimeError if another process keeps it locked.
    """
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=PATIENCE)) as connection:
            connection.execute("BEGIN IMMEDIATE").close()
            connection.rollback()
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                return str(found)
            versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
            return None if versions == [(_get_latest_schema_revision(),)] else "it is of another release of MLflow"
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise RuntimeError(
                f"{path} is locked by another process for more than {PATIENCE} s; end that process (a server of "
                "`make mlflow`, perhaps) and run the same command again"
            ) from None
        return str(error)


def relocate(path: Path) -> None:
    """Let the database name all artefacts below the project's folder relative to it, wherever that folder was.

    MLflow writes absolute addresses down: once a project was moved or copied, they would lead out of it.
    """
    inside = f"{paths.ARTIFACTS.as_posix()}/"
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection, connection:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            query = f"SELECT rowid, {column} FROM {table} WHERE {column} LIKE ?"
            for row, location in connection.execute(query, (f"_%{inside}%",)).fetchall():
                connection.execute(
                    f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (inside + location.split(inside, 1)[1], row)
                )
