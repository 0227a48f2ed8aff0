import pytest

from lolameme.study.architectures import expand, family, pattern, positions

A, H, L = "attention", "hyena", "linear-attention"


def test_names_and_patterns():
    assert pattern("gpt2", 3) == (A, A, A)
    assert pattern("hyena", 2) == (H, H)
    assert pattern("thex-2", 3) == (H, A, H)
    assert pattern("xeht-2", 3) == (A, H, A)
    assert pattern("thex-2+4", 4) == (H, A, H, A)
    assert pattern("linear-attention", 2) == (L, L)
    assert pattern("hyena.linear-attention", 4) == (H, L, H, L)
    assert pattern("linear-attention.attention.attention", 3) == (L, A, A)
    assert [family(name) for name in ("linear-attention", "hyena.attention")] == ["linear-attention", "pattern"]
    assert (positions("linear-attention"), positions("hyena.attention")) == ((), ())
    assert (family("thex-2+4"), positions("thex-2+4"), positions("gpt2")) == ("thex", (2, 4), ())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *(
            (name, "is no architecture; write gpt2")
            for name in ("gpt3", "thex", "thex-", "thex-0", "thex-01", "hyena-1")
        ),
        *((name, "is no architecture; write gpt2") for name in ("hyena.gpt2", "hyena.", ".hyena")),
        *((name, r"positions must rise and lie in 1\.\.3") for name in ("thex-4", "thex-2+2", "thex-3+1")),
        ("hyena.attention", "2 mixers do not fill 3 layers evenly"),
    ],
)
def test_a_wrong_name_is_refused_in_a_sentence(name, reason):
    with pytest.raises(ValueError, match=reason):
        pattern(name, 3)


def test_equal_stacks_are_listed_once():
    assert expand(["gpt2", "hyena", "thex-*", "xeht-*"], 2) == ("gpt2", "hyena", "thex-1", "thex-2")
    assert len(expand(["gpt2", "hyena", "thex-*", "xeht-*"], 3)) == 8
