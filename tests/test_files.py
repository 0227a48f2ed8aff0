import pytest

from lolameme.files import atomic, read_json, write_json


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "facts.json"
    write_json(path, {"old": 1})
    with pytest.raises(ValueError, match="in the middle"):
        fail_while_writing(path)
    assert read_json(path) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["facts.json"]


def fail_while_writing(path):
    with atomic(path) as temporary:
        temporary.write_text("half of")
        raise ValueError("in the middle")


def test_numbers_that_json_does_not_have_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "facts.json", {"loss": float("nan")})
    assert not any(tmp_path.iterdir())
