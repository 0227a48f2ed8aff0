"""The studies in the repository: they parse, all their programs fit the models, and they say what they would cost."""

import pytest

from conftest import ROOT
from lolameme.data.accounts import holed
from lolameme.data.dataset import Builder
from lolameme.data.prediction import bounds, predictions
from lolameme.data.reach import in_memory
from lolameme.data.tokenizer import train_tokenizer
from lolameme.statistics.means import ALPHA
from lolameme.statistics.planned import planned, power
from lolameme.study import config
from lolameme.study.architectures import middle, swapped_once
from lolameme.tasks.task import build_task

STUDIES = {path.stem: path for path in sorted((ROOT / "studies").glob("*.yaml"))}
JOBS = {  # cells and trials: what a study costs
    "claims": (216, 0),
    "controls": (60, 0),
    "cpu": (252, 0),
    "gpu": (654, 228),
    "longer": (20, 0),
    "paper": (636, 236),
    "rates": (72, 0),
    "reach": (324, 0),
    "recall": (20, 16),
    "zoology": (3, 0),
}


def test_every_study_is_costed():
    assert set(STUDIES) == set(JOBS)


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_can_be_drawn_and_has_as_many_jobs_as_it_says(name):
    made = config.load(STUDIES[name])
    assert made.study == name
    for variant in made.variants:
        build_task(made, variant, made.world_seeds[0])
    assert planned(made)
    trials = sum(len(made.tuned_stacks(variant)) * len(made.trials(variant)) for variant in made.variants)
    assert (len(made.cells), trials) == JOBS[name]


@pytest.mark.parametrize("name", ["claims", "controls", "cpu", "gpu", "paper", "reach"])
def test_every_contrast_can_be_decided(name):
    """Where every test comes out as clear as its seeds allow, corrected for all tests (Holm)."""
    assert power(config.load(STUDIES[name]))[1] < ALPHA


@pytest.mark.parametrize("name", ["gpu", "paper"])
def test_the_large_studies_have_every_claim_and_the_account(name):
    made = config.load(STUDIES[name])
    assert all(getattr(made.claims, claim) for claim in type(made.claims).model_fields)
    assert {"in_context", "in_context_far", "in_context_several", "aliases"} <= set(made.variants)
    places = [set(swapped_once(made.stacks_of(variant))) for variant in made.claims.C4]
    assert all(of_task == set(swapped_once(made.stacks)) for of_task in places)
    for variant in made.variants:  # one stack stands for T HEX in all comparisons, and is tuned for it
        assert middle(made.stacks_of(variant)) == middle(made.stacks)


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_no_program_is_longer_than_the_models_input(name):
    """As far as a hundred programs of every split can tell, by a tokenizer that has seen few and merges less."""
    made = config.load(STUDIES[name])
    for variant, declared in made.variants.items():
        builder = Builder(made, variant)
        task = builder.task
        tokenizer = train_tokenizer(declared.tokenizer, task.pattern, builder.texts("train", 1000), task.lexemes)
        for split in declared.programs():
            longest = max(len(encoded) for encoded in tokenizer.encode_batch(builder.texts(split, 100)))
            assert longest <= made.model.length, f"{variant}, {split}: set model.length to {longest} or more"


@pytest.mark.slow
def test_the_reach_study_predicts_every_kind_of_outcome():
    """Taps that suffice and taps that do not, or are masked; names and signs of several tokens; two lookups."""
    made = config.load(STUDIES["reach"])
    seen = holed(made)
    reached = {(name, 1): bounds({"test": in_memory(Builder(made, name), "test", 60)}, seen) for name in made.variants}
    table = predictions(made, reached).query("account == 'one filter'")
    assert dict(table.groupby("variant")["needed"].first()) == {
        "near": 2, "far": 4, "several": 4, "signs": 3, "aliases": 3,
    }  # fmt: skip
    bound = table.set_index(["variant", "architecture"])["bound"]
    assert bound["far", "thex-2@2"] < 0.5 < bound["far", "thex-2@3"] < 0.75 < bound["far", "thex-2@5"] == 1
    assert bound["signs", "thex-2@3"] < 0.5 < bound["signs", "thex-2@4"] == 1
    gate = "short-gate.attention.short-gate.short-gate"
    assert bound["near", f"{gate}@3"] == 1 > 0.5 > bound["near", f"{gate}@3-1"]
    assert bound["near", f"{gate}@3-2"] == bound["near", "thex-2@2"] == bound["near", "thex-1@3"]
    tap_by_tap = [bound["several", f"thex-2@{taps}"] for taps in (2, 3, 4, 5)]
    assert tap_by_tap == sorted(tap_by_tap)
    assert tap_by_tap[0] < 0.5 < tap_by_tap[1] < 0.8 < tap_by_tap[2]
    best = table[table["best"]].groupby("variant")["architecture"].agg(list)
    assert "thex-3@5" in best["aliases"]
    assert "thex-2@5" in best["far"]


@pytest.mark.parametrize("name", ["claims", "gpu", "paper"])
def test_claims_about_languages_and_few_programs_are_asked_of_what_can_answer_them(name):
    made = config.load(ROOT / f"studies/{name}.yaml")
    assert made.claims.C2
    arms = [made.claims.C2.both, *made.claims.C2.alone]
    shown = {(made.variants[arm].sizes.train, made.training_of(arm).steps, made.training_of(arm).batch) for arm in arms}
    assert len(shown) == 1  # as many programs, as often
    for variant in made.claims.C5:
        training = made.training_of(variant)
        assert training.steps * training.batch / made.variants[variant].sizes.train >= 20  # looks at each program
