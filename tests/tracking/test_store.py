"""MLflow's database is a view: whatever happened to it, the next run has one that works, and says what it did."""

import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from lolameme.tracking import store


def opens(path: Path) -> bool:
    """Whether MLflow can write to the database."""
    with store.opened(f"sqlite:///{path}") as client:
        return bool(client.create_experiment("new"))


def test_a_sound_database_stays(database):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE experiments SET name = 'mine'")
    assert store.broken(database) is None
    assert opens(database)
    assert MlflowClient(f"sqlite:///{database}").get_experiment_by_name("mine")
    assert not database.with_name("mlflow.db.broken").exists()


def cut(path):
    """As a full disk, or an interrupted copy, leaves it."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def unfinished(path):
    """As MLflow leaves it when it is killed while it makes the tables."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE alembic_version")


def of_another_release(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0123456789ab'")


@pytest.mark.parametrize("damage", [cut, unfinished, of_another_release])
def test_a_broken_database_is_set_aside_with_a_sentence_and_made_anew(database, capfd, damage):
    damage(database)
    runs = Path("results/quick/mlflow.json")
    runs.parent.mkdir()
    runs.write_text("{}")
    assert opens(database)
    assert database.with_name("mlflow.db.broken").exists()
    assert "mlflow.db was broken (" in capfd.readouterr().err
    assert not runs.exists()  # a map to runs that are gone: its study is tracked again


def test_what_a_killed_process_left_beside_it_does_no_harm(tmp_path):
    path = tmp_path / "mlflow.db"
    for name in (".mlflow.db.part", ".mlflow.db.part-journal"):
        (tmp_path / name).write_bytes(b"half")
    assert opens(path)
    assert {p.name for p in tmp_path.iterdir()} == {"mlflow.db"}


def test_a_locked_database_is_not_waited_for_in_silence(database, monkeypatch):
    monkeypatch.setattr(store, "PATIENCE", 0.1)
    with closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RuntimeError, match=r"mlflow.db is locked by another process .* run the same command again"):
            opens(database)


@pytest.mark.parametrize("quietly", [False, True])
def test_who_waits_long_for_its_turn_says_so_unless_it_is_the_live_view(database, quietly):
    lines = [
        "from lolameme.tracking import store",
        "store.PATIENCE = 0.1",
        f"with store.opened('sqlite:///{database}', quietly={quietly}): print('open')",
    ]
    with store.opened(f"sqlite:///{database}"):
        command = [sys.executable, "-c", "\n".join(lines)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(10 if quietly else 0.1)
        said = "" if quietly else process.stderr.readline()
    assert said == ("" if quietly else f"{database}: waiting for another process that tracks runs there\n")
    assert process.communicate() == ("open\n", "")


def test_a_server_that_is_not_there_is_named(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RuntimeError, match=f"the tracking server {address} does not answer"), store.opened(address):
        pass


def test_artefacts_move_with_the_project(database):
    """A project that was moved, or copied, neither loses its artefacts nor writes into the old place."""
    client = MlflowClient(f"sqlite:///{database}")
    old = "file:///elsewhere/project/results/mlartifacts/quick/recall"
    experiment = client.create_experiment("quick/recall", artifact_location=old)
    run = client.create_run(experiment).info.run_id
    with store.opened(f"sqlite:///{database}") as client:
        Path("note.txt").write_text("hello")
        client.log_artifact(run, "note.txt")
        assert client.get_run(run).info.artifact_uri == f"results/mlartifacts/quick/recall/{run}/artifacts"
    assert Path(f"results/mlartifacts/quick/recall/{run}/artifacts/note.txt").read_text() == "hello"
    assert not Path("/elsewhere").exists()
