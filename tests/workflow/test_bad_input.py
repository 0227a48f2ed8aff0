"""Whatever a person gives to a command, the answer is one sentence that says what to do, never a traceback."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from conftest import ROOT, study
from lolameme import cli
from lolameme.base import tensors
from lolameme.base.files import read_json, write_json
from lolameme.cli.terminal import plain_table
from lolameme.models import stack
from lolameme.study.paths import data_of


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


def test_whoever_has_read_enough_may_close_a_pipe():
    command = f"'{sys.executable}' -m lolameme.cli reference | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (done.stdout[:2], done.stderr) == ("# ", "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_shell_may_close_what_is_written_to(closed):
    command = f"'{sys.executable}' -m lolameme.cli where {closed}"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


CELL = Path("results/mini/cells/recall/gpt2/seed1")


@pytest.fixture
def cell(said) -> Path:
    """The folder of a cell that nobody trained, in the folder where commands are typed; it has no data."""
    settings = study().model
    tensors.save(CELL / "model.safetensors", stack.build("gpt2", settings, 9).state_dict())
    facts = {"variant": "recall", "architecture": "gpt2", "seed": 1, "world": 1, "vocabulary": 9}
    write_json(CELL / "model.json", facts | {"model": settings.model_dump(mode="json")})
    return CELL


@pytest.mark.parametrize("command", ["ask", "explain"])
@pytest.mark.parametrize("prompt", [(), ("a -> ",)])
def test_a_cell_that_cannot_be_asked_says_why(said, cell, command, prompt):
    shutil.copytree(cell, "x/seed1")
    for folder in (cell, "x/seed1"):
        sentence = said(command, folder, *prompt)
        assert sentence.startswith(f"lolameme: {folder} does not lie beside the data that it was trained on; give")
    (cell / "model.safetensors").unlink()
    assert f"the weights of {cell} were not kept; add seed 1 to `weights`" in said(command, cell, *prompt)
    published = shutil.copytree(cell, "elsewhere/mini/seed1")
    Path("elsewhere/published.json").write_text("{}")
    assert f"{published} is a cell without weights, as studies are published" in said(command, published, *prompt)
    (cell / "model.json").unlink()
    assert f"{cell} holds no trained cell; give results/" in said(command, cell, *prompt)


@pytest.mark.parametrize("command", ["ask", "explain"])
@pytest.mark.parametrize("change", ["weights", "settings"])
def test_a_cell_of_other_mixers_is_to_be_trained_again(said, cell, command, change):
    if change == "weights":
        weights, _ = tensors.load(cell / "model.safetensors")
        tensors.save(cell / "model.safetensors", weights | {"blocks.0.mixer.gone": weights["norm.weight"].clone()})
    else:
        facts = read_json(cell / "model.json")
        write_json(cell / "model.json", facts | {"model": facts["model"] | {"gone": 1}})
    assert said(command, cell, "a -> ") == (
        f"lolameme: {cell} was trained by another version of its mixers; train it again: "
        "make cell VARIANT=recall ARCHITECTURE=gpt2 SEED=1"
    )


def test_a_cell_is_found_from_within_its_study(cell, monkeypatch):
    data = Path("results/mini/data/recall/world1").absolute()
    data.mkdir(parents=True)
    assert data_of(cell, 1) == Path("results/mini/data/recall/world1")
    monkeypatch.chdir(cell.parent)
    assert data_of(Path("seed1"), 1) == data


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("", "argument --html: '' is no file to write to; give one, such as page.html"),
        (".", "argument --html: '.' is no file to write to; give one, such as page.html"),
        ("/dev/null", "argument --html: '/dev/null' is no file to write to; give one, such as page.html"),
        ("none/x.html", "argument --html: there is no folder 'none' for 'none/x.html'; make it first"),
    ],
)
@pytest.mark.parametrize("command", [("explain", "none"), ("compare", "none", "none")])
def test_where_no_page_can_be_written_is_said_before_any_work(said, command, page, sentence):
    assert said(*command, "--html", page).endswith(sentence)
    assert not Path("none").exists()


def test_what_holds_no_metrics_is_not_summed_up(said):
    write_json("world.json", {"task": "mqar"})
    assert said("summary", "world.json") == (
        "lolameme: world.json is no metrics.json of a cell; `lolameme where --cell` says where one is"
    )
    result = {"exact_match": 0.5, "baselines": {"floor": 0.1}}
    write_json("metrics.json", {"cost": {}, "splits": {"test": result}})
    for text in ("{", "[]", "3", '{"task": 1}', '{"splits": 1}', '{"splits": {"test": 1}}', "[" * 9**5, "\udcff"):
        Path("before.json").write_text(text, errors="surrogateescape")
        assert said("summary", "metrics.json", "--before", "before.json") == (
            "lolameme: before.json is no copy of a cell's metrics.json; give one, or leave --before out"
        )


@pytest.mark.parametrize(
    "command", [("summary", "/dev/zero"), ("summary", "x", "--before", "/dev/zero"), ("interpret", "", "--world", ".")]
)
def test_what_is_no_file_is_not_read(said, command):
    assert said(*command).endswith(f"{command[-1]!r} is no file")


def test_names_that_begin_alike_are_shown_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    table = plain_table("", "task", "split", "architecture", "A", "verdict", text=3)
    table.add_row("in_context", "test", "gpt2", "0.123", "B is higher")
    table.add_row("in_context_far", "test", "gpt2", "0.123", "B is higher")
    Console(width=40).print(table)
    lines = capsys.readouterr().out.splitlines()
    assert "…" not in "".join(lines)
    assert "".join(line[:9].strip(" ─") for line in lines) == "taskin_contextin_context_far"
