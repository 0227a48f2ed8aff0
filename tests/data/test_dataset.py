import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from conftest import EVERYTHING, FACTS, RECALL, study, study_data
from lolameme.base.files import read_json, write_table
from lolameme.data import card
from lolameme.data.dataset import Builder, schema
from lolameme.data.prompts import LeakError, check_leaks, prompts_of
from lolameme.study import config
from lolameme.study.sections import ConfigError
from lolameme.tasks.interpreter import interpreter


def write(variant: dict, folder: Path) -> config.Study:
    """Write a variant; returns its study."""
    made = study(variants={"v": variant})
    Builder(made, "v").write(folder)
    return made


def test_every_split_has_the_contracts_columns_and_true_tokens(tmp_path):
    made = write(EVERYTHING, tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for split, settings in made.variants["v"].programs().items():
        table = pq.read_table(tmp_path / f"{split}.parquet")
        assert table.schema.equals(schema("lolameme", split))
        assert table.schema.metadata[b"seed"] == b"1"
        assert json.loads(table.schema.metadata[b"program"]) == json.loads(settings.model_dump_json())
        for row in table.to_pylist():
            assert tokenizer.encode(row["text"]).ids == row["tokens"]
            for begin, end, answer in zip(row["answer_start"], row["answer_end"], row["answer"], strict=True):
                assert row["text"][begin:end] == answer
            for begin, end, stop, answer in zip(
                row["token_start"], row["token_end"], row["token_stop"], row["answer"], strict=True
            ):
                assert [tokenizer.id_to_token(t) for t in row["tokens"][begin:end]] == list(answer)
                assert tokenizer.id_to_token(row["tokens"][stop - 1]) in (";", "|", ".")


def test_no_prompt_to_test_on_is_in_train(tmp_path):
    write(
        RECALL | {"world": {"modulus": 2, "stems": 2, "heads": 3}, "sizes": {"train": 500, "valid": 20, "test": 20}},
        tmp_path,
    )
    train = set(prompts_of(pq.read_table(tmp_path / "train.parquet")))
    for split in ("valid", "test"):
        assert train.isdisjoint(prompts_of(pq.read_table(tmp_path / f"{split}.parquet")))
    assert pq.read_metadata(tmp_path / "train.parquet").num_rows == 500


def test_prompts_are_numbered_once_however_many_are_left_out(tmp_path):
    small = {"world": {"modulus": 2, "stems": 2, "heads": 3}, "sizes": {"train": 9000, "valid": 20, "test": 20}}
    write(RECALL | small, tmp_path)
    train = pq.read_table(tmp_path / "train.parquet")
    assert train["id"].to_pylist() == list(range(9000))
    assert pq.read_metadata(tmp_path / "train.parquet").num_row_groups > 2


@pytest.mark.parametrize("answer", ["->", "→"])
def test_a_planted_leak_is_found(tmp_path, answer):
    data = study_data(variants={"v": RECALL})
    data["languages"]["lola"]["answer"] = answer  # a sign of several bytes shifts characters against bytes
    Builder(config.parse(data), "v").write(tmp_path)
    train, test = (pq.read_table(tmp_path / f"{s}.parquet") for s in ("train", "test"))
    others = [tmp_path / "valid.parquet", tmp_path / "test.parquet"]
    assert check_leaks(tmp_path / "train.parquet", others)["train_prompts"] == len(list(prompts_of(train)))
    write_table(tmp_path / "train.parquet", pa.concat_tables([train, test.slice(3, 1).select(train.column_names)]))
    with pytest.raises(LeakError, match="of split 'test' is in train"):
        check_leaks(tmp_path / "train.parquet", others)


def test_too_few_programs_to_hold_any_out_is_said_in_a_sentence(tmp_path):
    tiny = {"world": {"modulus": 2, "stems": 2, "heads": 1}, "program": {"assignments": [1, 1]}, "about": "too small"}
    with pytest.raises(ConfigError, match="split valid: almost no program can be kept: it would hold a prompt"):
        write(tiny, tmp_path)
    assert not (tmp_path / "train.parquet").exists()


def test_a_vocabulary_too_small_is_said_before_anything_is_written(tmp_path):
    with pytest.raises(ConfigError, match=r"tokenizer\.vocabulary is 16, but the languages use \d+ characters"):
        write(RECALL | {"tokenizer": {"vocabulary": 16}}, tmp_path)
    assert not any(tmp_path.iterdir())


def test_memorisation_asks_for_every_fact_once(tmp_path):
    write(FACTS, tmp_path)
    world = read_json(tmp_path / "world.json")
    facts = sum(c["value"] is not None for c in world["concepts"])
    for split in ("train", "valid", "test"):
        texts = pq.read_table(tmp_path / f"{split}.parquet")["text"].to_pylist()
        assert len(texts) == len(set(texts)) == facts == 20


@pytest.mark.slow
def test_transfer_asks_only_for_globals_that_the_language_does_not_teach(tmp_path):
    write(EVERYTHING, tmp_path)
    world = read_json(tmp_path / "world.json")
    names = interpreter(world).names
    for split, taught in (("train", True), ("transfer", False)):
        table = pq.read_table(tmp_path / f"{split}.parquet", columns=["text", "language", "globals_used", "operands"])
        asked = 0
        for row in table.to_pylist():
            language = row["language"][-1]
            if row["globals_used"][-1] != row["operands"][-1]:
                continue
            query = row["text"].rstrip(";|.").replace("?", "->").replace("=>", "->").rsplit("->", 1)[0]
            name = query.split()[-1]
            concept = names[language].get(name)
            asked += 1
            assert (concept in world["taught"][language]) == taught, (split, row["text"])
        assert asked > 5


OPERATORS = {
    "about": "held-out pairs of values",
    "world": {"modulus": 10, "stems": 4, "heads": 4, "operators": ["add", "max"], "unseen_pairs": 0.15},
    "program": {"assignments": [2, 4], "queries": [1, 3], "operands": [1, 3], "computed": 0.2},
    "sizes": {"train": 600, "valid": 40, "test": 40},
    "splits": {"unseen_pairs": {"pairs": "unseen", "operands": [2, 2], "queries": [1, 2]}},
}
TYPES = {
    "about": "held-out names",
    "world": {
        "modulus": 10,
        "stems": 8,
        "heads": 6,
        "types": 3,
        "irregular": 0.25,
        "operators": [["add", "sub", "max"]],
        "unseen_names": 0.25,
    },
    "program": {"assignments": [2, 4], "operands": [1, 2]},
    "sizes": {"train": 600, "valid": 40, "test": 40},
    "splits": {"unseen_names": {"names": "unseen"}, "irregular": {"names": "irregular"}},
}


@pytest.mark.slow
def test_unseen_pairs_of_values_are_never_computed_in_training(tmp_path):
    """Read back by hand: the values that meet are looked up in the interpreter's steps."""
    write(OPERATORS, tmp_path)
    world = read_json(tmp_path / "world.json")
    unseen, solver = {tuple(pair) for pair in world["unseen_pairs"]}, interpreter(world)
    assert 14 <= len(unseen) <= 15
    assert unseen == {(b, a) for a, b in unseen}  # in both orders
    for split, wanted in (("train", False), ("test", False), ("unseen_pairs", True)):
        for text in pq.read_table(tmp_path / f"{split}.parquet")["text"].to_pylist():
            for answer in solver.answers(text):
                met = {(int(a), int(b)) for step in answer.steps for a, b in re.findall(r"^(\d) \S (\d) is", step)}
                assert bool(met & unseen) == wanted, (split, text)


def test_unseen_names_are_never_used_in_training_and_irregular_ones_are_apart(tmp_path):
    write(TYPES, tmp_path)
    world = read_json(tmp_path / "world.json")
    concept = interpreter(world).names["lola"]
    used = {
        split: {concept[name] for text in read_texts(tmp_path, split) for name in re.findall(r"[a-zA-Z]+", text)}
        for split in ("train", "test", "unseen_names", "irregular")
    }
    flagged = {key: {c for c, entry in enumerate(world["concepts"]) if entry[key]} for key in ("unseen", "irregular")}
    assert used["unseen_names"] == flagged["unseen"]
    assert used["train"].isdisjoint(flagged["unseen"])
    assert used["test"].isdisjoint(flagged["unseen"])
    assert used["irregular"] == flagged["irregular"]
    assert flagged["irregular"] < used["train"]  # irregular types can be memorised
    assert flagged["irregular"].isdisjoint(flagged["unseen"])  # an unseen name can be told by its head


def read_texts(folder: Path, split: str) -> list[str]:
    return pq.read_table(folder / f"{split}.parquet")["text"].to_pylist()


def test_too_few_unseen_names_are_said_in_a_sentence(tmp_path):
    few = TYPES | {"world": TYPES["world"] | {"unseen_names": 0.05}}
    with pytest.raises(ConfigError, match="split unseen_names: a program may bind 4 names, but only 2 are unseen"):
        write(few, tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_the_same_seed_writes_the_same_bytes(tmp_path):
    write(EVERYTHING, tmp_path / "one")
    write(EVERYTHING, tmp_path / "two")
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_the_card_knows_its_baselines(tmp_path):
    made = write(RECALL, tmp_path)
    described = card.describe(made, "v", tmp_path)
    test = described["splits"]["test"]
    assert test["oracle"] == 1
    assert described["leakage"]["shared"] == 0
    assert described["leakage"]["held_out_prompts"] == sum(described["splits"][s]["queries"] for s in ("valid", "test"))
    assert test["chance"] == 0.1
    assert 0.3 < test["value_share"] < 0.55  # two to four values, one of them asked for
    assert "| test | 30 |" in card.markdown(described)
    assert len(described["examples"]) == card.EXAMPLES
    assert all(answer["steps"] for example in described["examples"] for answer in example["answers"])


@pytest.mark.slow
def test_restricted_solvers_show_what_each_faculty_is_worth(tmp_path):
    for name, variant, needed in (("recall", RECALL, "locals"), ("facts", FACTS, "globals"), ("types", TYPES, "types")):
        made = write(variant, tmp_path / name)
        test = card.describe(made, "v", tmp_path / name)["splits"]["test"]
        for faculty in ("globals", "locals", "types"):
            if faculty == needed:
                assert test[f"without_{faculty}"] < 0.9, (name, faculty)
            elif (name, faculty) != ("types", "locals"):
                assert test[f"without_{faculty}"] == 1, (name, faculty)


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_card_refuses_wrong_answers(tmp_path, split):
    made = write(RECALL, tmp_path)
    table = pq.read_table(tmp_path / f"{split}.parquet")
    wrong = [[str((int(a) + 1) % 10) for a in answers] for answers in table["answer"].to_pylist()]
    column = table.schema.get_field_index("answer")
    write_table(tmp_path / f"{split}.parquet", table.set_column(column, "answer", pa.array(wrong)))
    with pytest.raises(RuntimeError, match="the interpreter answers"):
        card.describe(made, "v", tmp_path)
