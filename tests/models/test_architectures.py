import pytest

from lolameme.models.architectures import expand, family, pattern, positions

A, H = "attention", "hyena"


def test_names_and_patterns():
    assert pattern("gpt2", 3) == (A, A, A)
    assert pattern("hyena", 2) == (H, H)
    assert pattern("thex-2", 3) == (H, A, H)
    assert pattern("xeht-2", 3) == (A, H, A)
    assert pattern("thex-2+4", 4) == (H, A, H, A)
    assert (family("thex-2+4"), positions("thex-2+4"), positions("gpt2")) == ("thex", (2, 4), ())


@pytest.mark.parametrize(
    "name", ["gpt3", "thex", "thex-", "thex-0", "thex-4", "thex-2+2", "thex-3+1", "thex-01", "hyena-1"]
)
def test_a_wrong_name_is_refused_in_a_sentence(name):
    with pytest.raises(ValueError, match=r"is no architecture; write gpt2|positions must rise and lie in 1\.\.3"):
        pattern(name, 3)


def test_equal_stacks_are_listed_once():
    assert expand(["gpt2", "hyena", "thex-*", "xeht-*"], 2) == ("gpt2", "hyena", "thex-1", "thex-2")
    assert len(expand(["gpt2", "hyena", "thex-*", "xeht-*"], 3)) == 8
