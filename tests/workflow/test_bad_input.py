"""Whatever a person gives to a command, the answer is one sentence that says what to do, never a traceback."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from lolameme import cli


@pytest.fixture
def said(monkeypatch, capsys, tmp_path):
    """Types a command in an empty folder that has to refuse it; returns the last line of what it says."""
    monkeypatch.chdir(tmp_path)

    def typed(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["lolameme", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code
        sentence = ended.value.code if isinstance(ended.value.code, str) else capsys.readouterr().err.splitlines()[-1]
        assert "\n" not in sentence
        assert "Errno" not in sentence
        return sentence

    return typed


@pytest.mark.parametrize("command", ["check", "ask", "explain"])
def test_a_name_that_no_disk_allows_is_said(said, command):
    assert said(command, "a" * 300) == f"lolameme: {'a' * 180} ... (300 characters): File name too long"


@pytest.mark.parametrize("command", ["check", "ask", "explain"])
def test_a_path_that_others_have_locked_is_said(said, monkeypatch, command):
    def locked(path, **_):  # to root nothing is
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "stat", locked)
    reason = "lolameme: /locked/x cannot be used: you are not allowed to (Permission denied)"
    assert said(command, "/locked/x") == reason


@pytest.mark.parametrize(
    "command",
    [("interpret", "x -> ", "--world", "none.json"), ("summary", "none.json")],
)
def test_a_file_that_is_not_there_is_named_in_words(said, command):
    assert said(*command) == "lolameme: none.json: No such file or directory"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_shell_may_close_what_is_written_to(closed):
    command = f"'{sys.executable}' -m lolameme.cli where {closed}"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
