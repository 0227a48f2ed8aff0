"""What the account predicts of a stack before it is trained."""

import math

import pandas as pd
import pytest

from conftest import FAR, NEAR, study
from lolameme.data.accounts import ACCOUNTS, FARTHEST, holed, reaching, route, written
from lolameme.data.dataset import Builder
from lolameme.data.prediction import bounds, predictions, warnings
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
    assert (found.kind, found.window) == (kind, None if reach is None else reaching(reach))


def test_reach_is_the_taps_of_one_short_filter_less_one():
    assert route("thex-3", Model(layers=4, hyena={"short_filter": 5})).window == reaching(4)
    assert route("linear-attention", Model(layers=1)).window == reaching(3)  # its own filter has four taps


@pytest.mark.parametrize(
    ("architecture", "one", "added", "long"),
    [
        ("thex-1", "0-0", "0-0", "0-0"),  # nothing lies below the attention
        ("thex-2", "0-2", "0-2", "far"),
        ("thex-4", "0-2", "0-6", "far"),
        ("hyena", "0-2", "0-8", "far"),
        ("short-gate.attention.short-gate.short-gate@3", "0-2", "0-2", "0-2"),
        ("short-gate.short-gate.attention.short-gate@3", "0-2", "0-4", "0-4"),
        ("short-gate.short-gate.short-gate.short-attention@2", "0-1", "0-4", "0-4"),
        ("thex-2@3-1", "0+2", "0+2", "far"),
        ("thex-3@3-1", "0+2", "0+2+4", "far"),
        ("thex-2@3-2", "0-1", "0-1", "far"),  # the last tap masked: no hole
        ("thex-2@3-0", "0-2", "0-2", "far"),  # the present passes by the mixer
        ("short-gate.short-gate.attention.short-gate@4-1", "0+2+3", "0+2+3+4+5+6", "0+2+3+4+5+6"),
        ("hyena.hyena.hyena.linear-attention@4-2", "0+1+3", "0+1+2+3+4+5+6+7+8+9+10+12", "far"),
    ],
)
def test_accounts_differ_in_what_carries_a_name(architecture, one, added, long):
    found = [written(route(architecture, Model(layers=4), account).window) for account in ACCOUNTS]
    assert found == [one, added, written(reaching(FARTHEST)) if long == "far" else long]


def test_all_windows_with_holes_are_looked_at():
    made = study(variants={"near": NEAR}, architectures=["gpt2", "thex-3@3-1", "thex-2@3"], model={"layers": 4})
    assert holed(made) == [(0, 2), (0, 2, 4)]


ALIASES = NEAR | {"program": NEAR["program"] | {"computed": 0.6, "chain_depth": 1}}


@pytest.fixture(scope="module")
def by_account() -> pd.DataFrame:
    """Names of one token, of three, aliases, and facts, by stacks of four layers with filters of three taps."""
    facts = NEAR | {"world": NEAR["world"] | {"globals": 8}, "program": {"global_share": 1}}
    variants = {"near": NEAR, "far": FAR, "aliases": ALIASES, "facts": facts}
    made = study(variants=variants, architectures=["gpt2", "hyena", "thex-*"], model={"layers": 4})
    reached = {
        (name, 1): bounds({split: in_memory(Builder(made, name), split, 200) for split in variant.tests})
        for name, variant in made.variants.items()
    }
    return predictions(made, reached)


@pytest.fixture(scope="module")
def predicted(by_account) -> pd.DataFrame:
    """What the first account predicts."""
    return by_account.query("account == 'one filter'").set_index(["variant", "architecture"])


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


def test_the_best_position_by_reach_that_adds_up_is_where_names_come_into_reach(by_account):
    """Names of three tokens need four tokens of reach, which two filters of three taps have together."""
    best = by_account.query("best and account != 'one filter'").set_index(["account", "variant"])["architecture"]
    assert best.to_dict() == {
        ("added up", "near"): "thex-2",
        ("added up", "far"): "thex-3",
        ("added up", "aliases"): "thex-3",
        ("long filter", "near"): "thex-2",
        ("long filter", "far"): "thex-2",
        ("long filter", "aliases"): "thex-3",
    }


def test_a_weaker_account_allows_more(by_account):
    bound = by_account.pivot(index=["variant", "architecture"], columns="account", values="bound").dropna()
    assert (bound["one filter"] <= bound["added up"]).all()
    assert (bound["added up"] <= bound["long filter"]).all()
    assert (bound.loc["far"].drop("thex-1")["long filter"] == 1).all()
    assert bound.loc[("far", "thex-3"), "added up"] == 1 > bound.loc[("far", "thex-2"), "added up"]


def test_a_masked_tap_takes_the_bound_down_to_that_of_no_reach():
    gate = "short-gate.attention.short-gate.short-gate@3"
    made = study(
        variants={"near": NEAR}, architectures=[gate, f"{gate}-0", f"{gate}-1", f"{gate}-2"], model={"layers": 4}
    )
    found = bounds({"test": in_memory(Builder(made, "near"), "test", 200)}, holed(made))
    table = predictions(made, {("near", 1): found})
    for _, rows in table.groupby("account"):
        whole, present, middle, last = rows["bound"]
        assert whole == present == 1
        assert middle == pytest.approx(rows["unbound"].iloc[0])
        assert last == pytest.approx(rows["unbound"].iloc[0])
        assert list(rows["reach"]) == [2, 2, 2, 1]


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


def test_a_warning_names_masked_taps():
    made = study(variants={"near": NEAR}, architectures=["thex-2@3-1"], model={"layers": 2})
    (said,) = warnings(made, programs=200)
    assert said.startswith("near: thex-2@3-1: not expected above 0.4")
    assert "and theirs sees 2, but not what stands 1 back; its filter has masked taps" in said
