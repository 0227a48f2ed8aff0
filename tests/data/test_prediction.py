"""What the account predicts of a stack before it is trained."""

import math

import pandas as pd
import pytest
from test_reach import FAR, NEAR

from conftest import study
from lolameme.data.dataset import Builder
from lolameme.data.prediction import bounds, predictions, route, warnings
from lolameme.data.reach import in_memory
from lolameme.study.settings import Model


@pytest.mark.parametrize(
    ("architecture", "kind", "reach"),
    [
        ("thex-1", "lookup", 0),  # no filter below the attention
        ("thex-2", "lookup", 2),
        ("thex-4", "lookup", 2),  # reach does not add up over layers
        ("thex-4@5", "lookup", 4),
        ("hyena", "direct", 2),
        ("hyena@2", "direct", 1),
        ("short-gate.short-gate.short-gate.attention", "lookup", 2),
        ("hyena.hyena.hyena.linear-attention@2", "lookup", 3),  # whose own filter has four taps
        ("hyena.hyena.hyena.short-attention@6", "lookup", 5),
        ("short-gate", "none", None),
        ("gpt2", "carrying", None),
        ("xeht-1", "carrying", None),
        ("thex-2+4", "carrying", None),
        ("linear-attention", "carrying", None),
    ],
)
def test_a_stack_recalls_by_what_its_mixers_can_do(architecture, kind, reach):
    found = route(architecture, Model(layers=4))
    assert (found.kind, found.reach) == (kind, reach)


def test_reach_is_the_taps_of_one_short_filter_less_one():
    assert route("thex-3", Model(layers=4, hyena={"short_filter": 5})).reach == 4
    assert route("linear-attention", Model(layers=1)).reach == 3  # its own filter has four taps


ALIASES = NEAR | {"program": NEAR["program"] | {"computed": 0.6, "chain_depth": 1}}


@pytest.fixture(scope="module")
def predicted() -> pd.DataFrame:
    """Names of one token, of three, aliases, and facts, by stacks of four layers with filters of three taps."""
    facts = NEAR | {"world": NEAR["world"] | {"globals": 8}, "program": {"global_share": 1}}
    variants = {"near": NEAR, "far": FAR, "aliases": ALIASES, "facts": facts}
    made = study(variants=variants, architectures=["gpt2", "hyena", "thex-*"], model={"layers": 4})
    reached = {
        (name, 1): bounds({split: in_memory(Builder(made, name), split, 200) for split in variant.tests})
        for name, variant in made.variants.items()
    }
    return predictions(made, reached).set_index(["variant", "architecture"])


def test_where_the_attention_layer_comes_first_names_are_out_of_reach(predicted):
    assert predicted.loc[("near", "thex-1"), "bound"] == pytest.approx(0.453, abs=0.03)
    assert predicted.loc[("near", "thex-2"), "bound"] == 1
    assert list(predicted.loc["near"].query("binds").index) == ["hyena", "thex-2", "thex-3", "thex-4"]


def test_names_of_three_tokens_are_half_seen_by_three_taps(predicted):
    assert predicted.loc[("far", "thex-3"), "bound"] == pytest.approx(0.643, abs=0.03)
    assert predicted.loc[("far", "thex-3"), "needed"] == 4
    assert not predicted.loc["far", "binds"].any()


def test_two_attention_layers_have_no_bound(predicted):
    assert math.isnan(predicted.loc[("near", "gpt2"), "bound"])
    assert not predicted.loc[("near", "gpt2"), "binds"]


def test_the_best_position_is_as_low_as_binding_and_the_lookups_allow(predicted):
    best = predicted[predicted["best"]].reset_index()
    assert dict(zip(best["variant"], best["architecture"], strict=True)) == {
        "near": "thex-2",
        "far": "thex-2",
        "aliases": "thex-3",
    }
    assert set(predicted[predicted["middle"]].index.get_level_values("architecture")) == {"thex-3"}


def test_what_the_weights_hold_is_not_bounded(predicted):
    assert (predicted.loc["facts", "bound"].dropna() == 1).all()
    assert not predicted.loc["facts", "binds"].any()


def test_a_warning_names_stacks_reach_and_remedy():
    made = study(variants={"near": NEAR, "far": FAR}, architectures=["gpt2", "thex-*"], model={"layers": 2})
    near, without, short = warnings(made, programs=200)
    assert near.startswith("near: thex-1: not expected above 0.4")
    assert "put Hyena below" in near
    assert without.startswith("far: thex-1: not expected above 0.4")
    assert short.startswith("far: thex-2: not expected above 0.6")
    assert "must see 4 tokens back, and theirs sees 2; give the short filter 5 taps (thex-2@5" in short
