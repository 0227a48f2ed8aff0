import sys

import pytest

from lolameme.models import mixers, stack
from lolameme.study.architectures import (
    MIXERS,
    expand,
    family,
    label,
    masked,
    mixer_label,
    model_of,
    pattern,
    positions,
)
from lolameme.study.settings import Hyena, Model

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
            (name, "is no architecture.*; write gpt2")
            for name in (
                "gpt3",
                "thex",
                "thex-",
                "thex-0",
                "thex-01",
                "hyena-1",
                "hyena@",
                "hyena@0",
                "hyena@3.attention",
            )
        ),
        *((name, "is no architecture.*; write gpt2") for name in ("hyena.gpt2", "hyena.", ".hyena")),
        *((name, r"positions must rise and lie in 1\.\.3") for name in ("thex-4", "thex-2+2", "thex-3+1")),
        *(
            (name, "no layer has a short convolution")
            for name in ("gpt2@3", "linear-attention@5", "linear-attention@4")
        ),
        *((name, "no layer has a short convolution") for name in ("gpt2@3-1", "linear-attention@5-1")),
        *((name, "is no architecture") for name in ("hyena@-1", "hyena@3-", "hyena@3-01", "hyena-1@3", "thex-*@3-1")),
        *(
            (name, r"masked taps must rise and lie in 0\.\.2, and one must be left")
            for name in ("hyena@3-3", "hyena@3-1+1", "hyena@3-2+1", "thex-2@3-0+1+2")
        ),
        ("hyena.linear-attention.hyena@5-0+1+2+3", "one must be left"),
        ("thex-2@9999", "9999 taps are too many for a short convolution; at most 1024"),
        *(
            (name, r"^'.{,100}: numbers in the name of an architecture have at most four digits")
            for name in ("thex-2@99999999999999999999", "hyena@3-10000", f"thex-{'9' * 5000}", f"hyena@{'9' * 5000}")
        ),
        ("hyena.attention", "2 mixers do not fill 3 layers evenly"),
    ],
)
def test_a_wrong_name_is_refused_in_a_sentence(name, reason):
    with pytest.raises(ValueError, match=reason):
        pattern(name, 3)


def test_equal_stacks_are_listed_once():
    assert expand(("gpt2", "hyena", "thex-*", "xeht-*"), 2) == ("gpt2", "hyena", "thex-1", "thex-2")
    assert len(expand(("gpt2", "hyena", "thex-*", "xeht-*"), 3)) == 8


def test_the_suffix_gives_taps_and_changes_nothing_else():
    model = Model(layers=4, hyena=Hyena(order=3, short_filter=3))
    for name in ("hyena", "short-attention", "thex-2+4", "hyena.attention", "canon", "short-gate"):
        assert pattern(f"{name}@5", 4) == pattern(name, 4)
        assert (family(f"{name}@5"), positions(f"{name}@5")) == (family(name), positions(name))
        assert model_of(f"{name}@5", model) == Model(layers=4, hyena=Hyena(order=3, short_filter=5))
        assert model_of(name, model) == model
    assert expand(("thex-*@5", "thex-1", "thex-1@5", "hyena@2"), 2) == ("thex-1@5", "thex-2@5", "thex-1", "hyena@2")


def test_the_suffix_takes_taps_away():
    model = Model(layers=4)
    name = "thex-2@5-1+3"
    assert pattern(name, 4) == pattern("thex-2", 4)
    assert (family(name), positions(name), masked(name), masked("thex-2@5")) == ("thex", (2,), (1, 3), ())
    assert model_of(name, model).hyena == Hyena(short_filter=5, masked_taps=(1, 3))
    assert model_of("thex-2@5", model_of(name, model)).hyena == Hyena(short_filter=5)
    assert expand(("thex-*@3-1", "thex-1@3", "thex-1@3-1"), 2) == ("thex-1@3-1", "thex-2@3-1", "thex-1@3")
    assert label(name) == "T HEX-2, 5 taps, 1+3 back masked"


@pytest.mark.parametrize("lags", [(3,), (1, 1), (2, 1), (0, 1, 2)])
def test_settings_mask_taps_that_are_there_and_leave_one(lags):
    with pytest.raises(ValueError, match=r"masked_taps is .*; they must rise and lie in 0\.\.2, and one must be left"):
        Hyena(short_filter=3, masked_taps=lags)


def test_labels_are_as_people_write_them():
    named = {
        "gpt2": "GPT-2",
        "thex": "T HEX",
        "thex-2+4": "T HEX-2+4",
        "xeht-1": "XEHT-1",
        "hyena.attention": "Hyena+Attn",
        "short-gate.attention.short-gate.short-gate": "ShortGate, Attn-2",
    }
    named |= {"thex-2@5": "T HEX-2, 5 taps", "hyena@1": "Hyena, 1 tap", "short-attention": "ShortAttn"}
    assert {name: label(name) for name in named} == named
    assert mixer_label("of-nobody") == "Of nobody"
    assert len({mixer_label(mixer) for mixer in MIXERS}) == len(MIXERS)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("class Odd(Mixr):\n    pass\n", r"the file of mixer 'odd' cannot be imported: NameError: name 'Mixr' is not"),
        ("x = 1\n", r"odd\.py defines 0 classes of Mixer; it has to define one"),
        (
            "from lolameme.models.mixer import Mixer\nclass Odd(Mixer):\n    def mixx(self, z):\n        return z\n",
            r"Odd of .*odd\.py does not define flops, influence, mix, step",
        ),
    ],
)
def test_what_is_wrong_with_a_mixer_is_a_sentence(tmp_path, monkeypatch, source, sentence):
    (tmp_path / "odd.py").write_text(source)
    monkeypatch.setattr(mixers, "__path__", [*mixers.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "lolameme.models.mixers.odd", raising=False)
    with pytest.raises(ValueError, match=sentence):
        stack.mixer_class("odd")
