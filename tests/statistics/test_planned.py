"""What a study tests is fixed in its configuration, before anything is trained."""

import pytest

from conftest import study, study_data
from lolameme.statistics.planned import planned, power
from lolameme.study import architectures, config

STACKS = ["gpt2", "hyena", "thex-*"]


def names(**changes) -> list[tuple]:
    made = study(architectures=STACKS, model={"layers": 4, "d_model": 16, "heads": 2}, **changes)
    return [(test.name, test.above, test.below, dict(test.weights), test.split) for test in planned(made)]


def test_without_contrasts_the_architectures_say_which_there_are():
    found = [test for test in names() if test[3] == {"recall": 1.0}]
    assert [test[:3] for test in found] == [
        ("T HEX with attention above its first layer, over T HEX-1", ("thex-2", "thex-3", "thex-4"), ("thex-1",)),
        ("Hyena over GPT-2", ("hyena",), ("gpt2",)),
        ("T HEX-3 over Hyena", ("thex-3",), ("hyena",)),
    ]


def test_where_claims_are_declared_they_say_which_variants_are_asked_what():
    found = names(claims={"C1": ["facts"], "C4": ["recall", "facts"]})
    assert {(name, variant) for name, _, _, weights, _ in found for variant in weights} == {
        ("T HEX with attention above its first layer, over T HEX-1", "recall"),
        ("T HEX with attention above its first layer, over T HEX-1", "facts"),
        ("Hyena over GPT-2", "facts"),
        ("T HEX-3 over Hyena", "facts"),
    }
    assert len(names(claims={"C1": ["facts"]})) == 2


def test_contrasts_that_are_listed_are_all_there_are():
    listed = {"name": "two attention layers", "above": ["gpt2"], "below": ["thex-*"], "variants": ["recall"]}
    assert names(contrasts=[listed]) == [
        ("two attention layers", ("gpt2",), ("thex-1", "thex-2", "thex-3", "thex-4"), {"recall": 1.0}, "test")
    ]
    assert names(contrasts=[]) == []


def test_claims_bring_the_tests_that_they_need_each_once():
    listed = {"name": "mine", "above": ["hyena"], "below": ["gpt2"], "variants": ["recall"]}
    found = names(contrasts=[listed], claims={"C1": ["recall"], "C6": ["facts"]})
    assert [test[0] for test in found] == ["mine", "T HEX-3 over Hyena", "Hyena over GPT-2", "T HEX-3 over Hyena"]
    both = names(contrasts=[], claims={"C2": {"both": "recall", "alone": ["facts"]}})
    assert both[0][:3] == ("Hyena over GPT-2: both languages minus each alone", ("hyena",), ("gpt2",))
    assert both[0][3] == {"recall": 1.0, "facts": -1.0}


def test_the_middle_stands_for_its_family():
    assert architectures.middle(("thex-1", "thex-2", "thex-3", "thex-4")) == "thex-3"
    assert architectures.middle(("thex-12", "thex-2", "gpt2", "thex-4", "thex-1+2")) == "thex-4"
    assert architectures.middle(("gpt2", "hyena")) is None
    assert architectures.middle(("xeht-1",), of="xeht") == "xeht-1"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"contrasts": [{"name": "x", "above": ["gpt"], "below": ["hyena"]}]}, r"contrasts\.0: 'gpt' is no architect"),
        ({"contrasts": [{"name": "x", "above": ["*"], "below": ["hyena"]}]}, r"'x': hyena stands in both arms"),
        (
            {"contrasts": [{"name": "x", "above": ["gpt2"], "below": ["hyena"], "variants": ["recal"]}]},
            r"'recal' is no variant of this study \(did you mean 'recall'\?\)",
        ),
        (
            {"contrasts": [{"name": "x", "above": ["gpt2"], "below": ["hyena"], "split": "none"}]},
            r"'x': no variant has a test split 'none'",
        ),
        ({"claims": {"C1": ["nothing"]}}, r"claims: C1: 'nothing' is no variant of this study"),
        ({"claims": {"C3": ["recall"]}}, r"claims: C3: variant recall has no global variables"),
        ({"claims": {"C7": ["recall"]}}, r"unknown key 'C7'"),
    ],
)  # fmt: skip
def test_mistakes_in_contrasts_and_claims_are_named(changes, sentence):
    with pytest.raises(config.ConfigError, match=sentence):
        config.parse(study_data(architectures=["gpt2", "hyena"], **changes))


@pytest.mark.parametrize(("seeds", "p"), [(4, 3 * 2 / 70), (5, 3 * 2 / 252)])
def test_what_a_plan_can_decide_at_best_is_known_before(seeds, p):
    def plan(seeds):
        pair = {"above": ["hyena"], "below": ["gpt2"]}
        alone = [pair | {"name": variant, "variants": [variant]} for variant in ("recall", "facts")]
        wide = {"name": "wide", "above": ["thex-*"], "below": ["gpt2"], "variants": ["recall"]}
        model = {"layers": 2, "d_model": 16, "heads": 2}
        stacks = ["gpt2", "hyena", "thex-*"]
        return study(seeds=list(range(seeds)), architectures=stacks, model=model, contrasts=[*alone, wide])

    assert power(plan(seeds)) == (3, pytest.approx(p), 5)


def test_what_the_best_place_needs_counts_too():
    """Two tasks and four places: six comparisons of places, of which all must be clear."""
    claims, model = {"C4": ["recall", "facts"]}, {"layers": 4, "d_model": 16, "heads": 2}
    made = study(seeds=[1, 2, 3, 4, 5], architectures=["thex-*"], model=model, contrasts=[], claims=claims)
    assert power(made) == (1, pytest.approx(6 / 252), 5)
    assert power(study(architectures=["thex-1"], model=model, contrasts=[], claims=claims)) == (0, 1.0, 0)


def test_a_study_of_one_stack_tests_nothing():
    assert power(study(architectures=["hyena"])) == (0, 1.0, 0)
