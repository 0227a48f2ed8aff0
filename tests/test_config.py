"""A mistake in the configuration is one readable sentence that names key, value and what is allowed."""

import copy
import json

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import ROOT, study, study_data
from lolameme.data.foresight import foresee
from lolameme.study import config
from lolameme.study.sections import ConfigError
from lolameme.tasks.task import build_task

STUDIES = ["config.yaml", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "studies").glob("*.yaml"))]
SCHEMA = jsonschema.Draft202012Validator(json.loads(config.schema()))


@pytest.mark.slow
@pytest.mark.parametrize("path", STUDIES)
def test_every_study_in_the_repository_is_valid_and_can_be_drawn(path):
    made = config.load(ROOT / path)
    for variant in made.variants:
        build_task(made, variant, made.world_seeds[0])


def test_the_studies_have_the_scales_of_the_design():
    paper = config.load(ROOT / "studies/paper.yaml")
    assert paper.model.layers == 18
    assert {"gpt2", "hyena", "thex-12", "thex-13"} <= set(paper.stacks)  # those of which the paper gives numbers


def test_the_checked_in_schema_is_the_types():
    assert (ROOT / "workflow/schemas/config.schema.json").read_text() == config.schema(), "run `make schema`"


WRONG = [
    (("trainning",), {}, "unknown key 'trainning' (did you mean 'training'?); allowed: study,"),
    (("training", "lr"), 0.1, "training: unknown key 'lr'"),
    (("training", "steps"), 0, "training.steps: input should be greater than or equal to 1, got 0"),
    (("training", "steps"), "many", "training.steps: input should be a valid integer"),
    (("training", "precision"), "bfloat", "got 'bfloat' (did you mean 'bfloat16'?)"),
    (("analyses",), {"knokout": {}}, "analyses: unknown analysis 'knokout' (did you mean 'knockout'?); allowed: "),
    (("analyses",), {"knockout": {"prompt": 90}}, "analyses.knockout: unknown key 'prompt' (did you mean 'prompts'?)"),
    (("analyses",), {"patching": {"kinds": ["nmaes"]}}, "got 'nmaes' (did you mean 'names'?)"),
    (("analyses",), {"scores": {"prompts": 9}}, "analyses.scores.prompts: input should be greater than or equal to 16"),
    (("analyses",), {"patching": {"kinds": []}}, "analyses.patching.kinds is []; name at least one, and each once"),
    (
        ("analyses",),
        {"patching": {"kinds": ["names", "names"]}},
        "analyses.patching.kinds is ['names', 'names']; name at least one, and each once",
    ),
    (("analyses",), {"filters": {"cuts": []}}, "analyses.filters.cuts is []; name at least one, and each once"),
    (("analyses",), {"filters": {"cuts": [1, 1]}}, "analyses.filters.cuts is [1, 1]; name at least one, and each once"),
    (("analyses",), {"scores": {"prompts": 99999999999}}, "prompts: input should be less than or equal to 65536, got"),
    (("analyses",), {"matrices": {"prompts": 65}}, "prompts: input should be less than or equal to 64, got 65"),
    (("tuning", "extensions"), 10**9, "tuning.extensions: input should be less than or equal to 100"),
    (
        ("analyses",),
        {"emergence": {}},
        "analyses.emergence: it compares weights over training, but training.snapshots names",
    ),
    (
        ("training", "snapshots"),
        [4, 2],
        "training.snapshots: snapshots is [4, 2]; give every step once, in rising order",
    ),
    (("training", "snapshots"), [2, 8], "snapshots names step 8, but training ends after 8 steps"),
    (("variants", "recall", "training"), {"snapshots": [9]}, "variants.recall: training.snapshots names step 9, but"),
    (("seeds",), [1, 1], "seeds: [1, 1] names a seed twice"),
    (("weights",), [1, 7], "weights: 7 is none of the study's seeds, [1, 2]"),
    (("weights",), "none", "weights: input should be a valid tuple, got 'none'; write a list, [ ... ]"),
    (("architectures",), ["thex-9"], "architectures: 'thex-9': positions must rise and lie in 1..2"),
    (
        ("architectures",),
        ["gtp2"],
        "architectures: 'gtp2' is no architecture (did you mean 'gpt2'?); write gpt2, ",
    ),
    (("variants", "recall", "architectures"), ["gpt3"], "variants.recall: architectures: 'gpt3' is no architecture of"),
    (
        ("model", "hyena", "short_filter"),
        10**6,
        "model.hyena.short_filter: input should be less than or equal to 1024, got 1000000",
    ),
    (("model", "heads"), 3, "model: d_model 16 is no multiple of heads 3"),
    (("study",), "../elsewhere", "study: string should match pattern"),
    (("variants", "recall", "world", "globals"), 17, "globals is 17, but stems x heads gives only 16 concepts"),
    (("variants", "recall", "world", "globals"), 14, "may bind 4 names, but the pool of local names has only 2"),
    (("variants", "recall", "world", "operators"), ["ad"], "'ad' is no base function (did you mean 'add'?)"),
    (("variants", "recall", "program", "assignments"), [4, 2], "the range [4, 2] is empty; write [least, most]"),
    (("variants", "recall", "program", "languages"), {"lolla": 1}, "unknown language 'lolla' (did you mean 'lola'?)"),
    (("variants", "recall", "splits"), {"train": {}}, "splits: 'train' is what program says"),
    (("variants", "recall", "splits"), {"odd": {"querys": [1, 1]}}, "unknown key 'querys' (did you mean 'queries'?)"),
    (("variants", "recall", "splits"), {"deep": {"assignments": [20, 30]}}, "splits.deep: a program may bind 30 names"),
    (("variants", "recall", "splits"), {"far": {"ask": "untaught"}}, "a split asks for untaught globals"),
    (("variants", "recall", "holdout"), False, "holdout: false is for memorisation"),
    (("languages", "lola", "end"), "=", "the sign '=' stands for two things"),
    (("languages", "lola", "end"), "x", "languages.lola.end: string should match pattern"),
    (("variants", "recall", "task"), "listop", "variants.recall: the task must be one of depo, listops, lolameme"),
    (("variants", "recall", "task"), "listops", "variants.recall: unknown key 'world'; allowed: about, sizes,"),
    (("variants", "lists", "program", "depth"), [0, 2], "program: depth starts at 1 or more, arguments at 2 or more"),
    (("variants", "lists", "program", "length"), [1, 6], "length is [1, 6], but lists of this depth and number of"),
    (("variants", "lists", "program", "operators"), ["SUM"], "got 'SUM'"),
    (("variants", "lists", "splits"), {"deeper": {"deph": [4, 4]}}, "unknown key 'deph' (did you mean 'depth'?)"),
    (("variants", "pairs", "program", "pairs"), [2, 40], "40 pairs need as many keys and values; the world has 32, 64"),
    (("variants", "pairs", "program", "length"), 31, "length is 31; it must be even, and at least 4 words for each of"),
    (("variants", "pairs", "splits"), {"more": {"pairs": [9, 9]}}, "splits.more: length is 32; it must be even"),
    (("variants", "pairs", "answers"), "asked", "answers: asked needs one target, but tokenizer.kind: bpe may write a"),
    (("variants", "pairs", "answers"), "aksed", "got 'aksed' (did you mean 'asked'?)"),
    (("variants",), {}, "variants: dictionary should have at least 1 item"),
    (("seeds",), [True], "seeds.0: input should be a valid integer, got True; write a whole number in digits"),
    (("training", "steps"), True, "training.steps: input should be a valid integer, got True; write a whole number in"),
    (("training", "steps"), "8", "training.steps: input should be a valid integer, got '8'; write a whole number in"),
    (("training", "steps"), 8.0, "training.steps: input should be a valid integer, got 8.0; write a whole number in"),
    (("training", "clip"), True, "training.clip: input should be a valid number, got True; write a number in digits"),
    (("training", "rates"), {"thex": True}, "training.rates.thex: input should be a valid number, got True; write a"),
    (
        ("training", "learning_rate"),
        "5e-3",
        "learning_rate: input should be a valid number, got '5e-3'; write a number",
    ),
    (("training", "snapshots"), [True, 2], "training.snapshots.0: input should be a valid integer, got True; write a"),
    (("model", "hyena", "order"), True, "model.hyena.order: input should be a valid integer, got True; write a whole"),
    (("variants", "recall", "world", "stems"), True, "world.stems: input should be a valid integer, got True; write a"),
    (("variants", "recall", "program", "queries"), [True, 3], "queries.0: input should be a valid integer, got True; "),
    (("variants", "recall", "program", "queries"), 3, "program.queries: input should be a valid tuple, got 3; write a"),
    (
        ("variants", "recall", "program", "interleave"),
        1,
        "interleave: input should be a valid boolean, got 1; write tru",
    ),
    (("variants", "recall", "about"), 3, "variants.recall.about: input should be a valid string, got 3; write a word"),
    (
        ("variants", "pairs", "program", "power"),
        True,
        "program.power: input should be a valid number, got True; write ",
    ),
    (
        ("analyses",),
        {"scores": {"prompts": True}},
        "analyses.scores.prompts: input should be a valid integer, got True",
    ),
    (("model",), [1, 2], "model: input should be a valid dictionary or instance of Model, got [1, 2]; write a mapping"),
]


def changed(keys, value) -> dict:
    data = study_data()
    data["variants"] |= {
        "lists": {"about": "lists", "task": "listops", "program": {"depth": [3, 3]}},
        "pairs": {"about": "pairs", "task": "mqar", "world": {"keys": 32}, "program": {"length": 32}},
    }
    place = data
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return data


@pytest.mark.parametrize(("keys", "value", "sentence"), WRONG, ids=[".".join(k) for k, _, _ in WRONG])
def test_a_mistake_is_named_with_the_remedy(keys, value, sentence):
    with pytest.raises(ConfigError) as caught:
        config.parse(changed(keys, value), "config.yaml")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("config.yaml: ")
    assert "\n" not in str(caught.value)


def test_a_missing_key_and_two_languages_with_one_sign():
    data = study_data()
    del data["variants"]["recall"]["world"]
    with pytest.raises(ConfigError, match=r"variants\.recall: the key 'world' is missing"):
        config.parse(data)
    data = study_data()
    data["languages"]["meme"]["operators"] = ["+", "@"]
    data["variants"]["recall"]["program"] |= {"languages": {"lola": 1, "meme": 1}, "mix": "code_switch"}
    with pytest.raises(ConfigError, match=r"mixes lola and meme in one program, and both use the operator sign '\+'"):
        config.parse(data)


@pytest.mark.parametrize(
    ("tuning", "sentence"),
    [
        ({"learning_rate": [0.5, 1, 2]}, r"tuning\.learning_rate: .* at least 4"),
        ({"learning_rate": [0.5, 1, 2, 0]}, r"tuning\.learning_rate\.3: .* greater than 0, got 0"),
        ({"learning_rate": [0.5, 1, 2, 1.0]}, r"tuning: two points of the grid are the same, lr0\.005-wd0\.1"),
        ({"learning_rate": [0.5, 1, 2, 300]}, r"tuning: learning rate 1\.5 of lr1\.5-wd0\.1 is above 1"),
        ({"learning_rate": [0.2, 0.5, 0.7, 2]}, r"tuning: learning_rate is .*; it needs 1, the default, and factors"),
        ({"learning_rate": [1, 2, 3, 4]}, r"tuning: learning_rate is .*; it needs 1, the default, and factors"),
        ({"weight_decay": [0]}, r"tuning: weight_decay is \[0\.0\]; it needs 1, the default"),
        ({"extensions": -1}, r"tuning\.extensions: .* greater than or equal to 0, got -1"),
        ({"rates": [1]}, r"tuning: unknown key 'rates'"),
    ],
)
def test_mistakes_in_a_tuning_grid_are_named(tuning, sentence):
    with pytest.raises(ConfigError, match=sentence):
        config.parse(study_data(tuning=tuning))


def test_a_file_that_is_no_yaml_or_not_there(tmp_path):
    (tmp_path / "bad.yaml").write_text("study: [")
    with pytest.raises(ConfigError, match=r"bad\.yaml, line 1: no valid YAML"):
        config.load(tmp_path / "bad.yaml")
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file"):
        config.load(tmp_path / "none.yaml")


def test_a_split_overrides_only_what_it_names():
    data = study_data()
    data["variants"]["recall"]["splits"] = {"longer": {"assignments": [5, 9]}}
    data["variants"]["recall"]["training"] = {"steps": 3}
    made = config.parse(data)
    longer, test = (made.variants["recall"].programs()[s] for s in ("longer", "test"))
    assert longer == test.model_copy(update={"assignments": (5, 9)})
    assert made.training_of("recall") == made.training.model_copy(update={"steps": 3})
    assert made.training_of("facts") == made.training


def test_a_learning_rate_left_out_falls_with_the_width_and_with_the_root_of_the_batch():
    data = study_data()
    del data["training"]["learning_rate"]
    data["training"]["batch"], data["model"]["d_model"] = 64, 32
    data["variants"]["recall"]["training"] = {"batch": 16}
    data["variants"]["facts"]["training"] = {"learning_rate": 5e-3}
    narrow = config.parse(data)
    data["model"]["d_model"] = 128
    wide = config.parse(data)
    rates = [made.training_of(name).learning_rate for made in (narrow, wide) for name in ("recall", "facts")]
    assert rates == [0.25 / 32 / 2, 5e-3, 0.25 / 128 / 2, 5e-3]
    tried = {trial.learning_rate for trial in wide.trials("recall").values()}
    assert tried == {factor * rates[2] for factor in wide.tuning.learning_rate}


def paths(value, prefix=()):
    yield prefix
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in items:
        yield from paths(entry, (*prefix, key))


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**9), st.floats(), st.text(max_size=8),
    st.lists(st.integers(), max_size=3), st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(paths(study_data()), key=str)), ANYTHING)
def test_anything_anywhere_is_accepted_or_refused_in_one_sentence(keys, value):
    data = copy.deepcopy(study_data())
    if keys:
        place = data
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
    else:
        data = value
    sentence = refusal(data)
    assert sentence is None or (sentence.startswith("config.yaml: ") and "\n" not in sentence)
    if sentence is None:
        assert SCHEMA.is_valid(data)


def refusal(data) -> str | None:
    try:
        config.parse(data, "config.yaml")
    except ConfigError as error:
        return str(error)
    return None


@pytest.mark.parametrize("path", STUDIES)
def test_the_schema_accepts_every_study_in_the_repository(path):
    SCHEMA.validate(yaml.safe_load((ROOT / path).read_text()))


@pytest.mark.parametrize("keys", [(), ("training",), ("model", "hyena"), ("languages", "lola"), ("variants", "recall")])
def test_the_schema_refuses_a_key_that_is_unknown(keys):
    assert not SCHEMA.is_valid(changed((*keys, "trainning"), {}))


def test_a_seed_draws_its_own_world_unless_one_is_asked_for():
    drawn = study(seeds=[3, 5])
    assert (drawn.world_seeds, drawn.world_of(5), drawn.world_of(9)) == ((3, 5), 5, 9)
    shared = study(seeds=[3, 5], worlds="one", world_seed=7)
    assert (shared.world_seeds, shared.world_of(5)) == ((7,), 7)
    with pytest.raises(ConfigError, match="world_seed is 7, but worlds: seed draws a world per seed; add worlds: one"):
        study(world_seed=7)


@pytest.mark.parametrize("path", STUDIES)
def test_a_study_written_out_and_read_again_is_the_same(path):
    made = config.load(ROOT / path)
    for written in (made.model_dump(), json.loads(made.model_dump_json())):
        again = config.parse(written)
        assert again == made
        for name, variant in made.variants.items():
            assert again.variants[name].programs() == variant.programs()
            assert [again.asked(name, stack) for stack in again.stacks] == [made.asked(name, s) for s in made.stacks]


def test_what_only_a_world_shows_is_found_before_any_job():
    few = study_data()
    few["variants"]["recall"] |= {"splits": {"unseen_names": {"names": "unseen"}}}
    few["variants"]["recall"]["world"] |= {"unseen_names": 0.1}
    made = config.parse(few)
    with pytest.raises(ConfigError, match=r"split unseen_names: a program may bind 4 names, but only 2 .*seed 1\)"):
        foresee(made)


def test_a_family_may_have_a_learning_rate_of_its_own():
    training = study_data()["training"] | {"learning_rate": 1e-3, "rates": {"thex": 5e-4}}
    made = study(training=training)
    assert [made.training_of("recall", stack).learning_rate for stack in ("gpt2", "thex-2")] == [1e-3, 5e-4]
    assert made.asked("recall", "gpt2")["training"]["rates"] == {}, "what others get re-trains nobody"
    with pytest.raises(ConfigError, match=r"training\.rates names 'hyenas' \(did you mean 'hyena'\?\)"):
        study(training=training | {"rates": {"hyenas": 5e-4}})


def test_a_variant_may_train_some_of_the_architectures():
    data = study_data(architectures=["gpt2", "hyena", "thex-*"], tuning=None)
    data["variants"]["facts"]["architectures"] = ["thex-*", "gpt2"]
    made = config.parse(data)
    assert made.stacks_of("facts") == ("gpt2", "thex-1", "thex-2")
    assert made.stacks_of("recall", "facts") == made.stacks_of("facts")
    assert len(made.cells) == 2 * (4 + 3)
    assert made.only(["facts"]).stacks == ("gpt2", "thex-1", "thex-2")
    assert "architectures" not in made.asked_of_data("facts")["variant"]


def test_an_architecture_that_no_variant_trains_is_refused():
    data = study_data()
    for variant in data["variants"].values():
        variant["architectures"] = ["gpt2", "thex-2"]
    with pytest.raises(config.ConfigError, match="architectures: hyena is trained on no variant; name it in one"):
        config.parse(data)


def test_a_contrast_compares_what_its_variants_train():
    data = study_data(contrasts=[{"name": "over GPT-2", "above": ["hyena"], "below": ["gpt2"], "variants": ["facts"]}])
    data["variants"]["facts"]["architectures"] = ["gpt2", "thex-2"]
    with pytest.raises(config.ConfigError, match=r"contrasts\.0: 'hyena' is no architecture of variant facts"):
        config.parse(data)
