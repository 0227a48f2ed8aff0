"""ListOps and multi-query associative recall: two independent ways to every answer, and the distributions promised."""

import itertools
import re
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from conftest import study
from lolameme.base.files import read_json
from lolameme.base.seeds import generator
from lolameme.data.dataset import Builder
from lolameme.data.tokenizer import lexeme_table, train_tokenizer
from lolameme.study.sections import ConfigError
from lolameme.study.variant import Tokenizer as TokenizerSettings
from lolameme.tasks.interpreter import ProgramError, interpreter
from lolameme.tasks.listops.interpreter import Interpreter as ListOpsInterpreter
from lolameme.tasks.mqar.generator import draw_sequences
from lolameme.tasks.mqar.interpreter import Interpreter as MqarInterpreter
from lolameme.tasks.mqar.settings import Program as MqarProgram
from lolameme.tasks.sampling import sample_distinct
from lolameme.tasks.task import build_task

thorough = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LISTS = {"about": "lists", "task": "listops", "sizes": {"train": 300, "valid": 30, "test": 40}}
RECALL = {"about": "recall", "task": "mqar", "sizes": {"train": 300, "valid": 30, "test": 40}}


@st.composite
def lists(draw) -> dict:
    depth, arguments = draw(st.integers(1, 3)), draw(st.integers(2, 4))
    operators = draw(st.lists(st.sampled_from(["MAX", "MIN", "MED", "SM"]), min_size=1, unique=True))
    return LISTS | {
        "program": {
            "operators": operators,
            "depth": [depth, depth + draw(st.integers(0, 2))],
            "arguments": [arguments, arguments + draw(st.integers(0, 3))],
            "nesting": draw(st.sampled_from([0.0, 0.25, 0.6])),
            "length": [1, draw(st.sampled_from([40, 400]))],
        }
    }


@st.composite
def recalls(draw) -> dict:
    pairs = draw(st.integers(1, 5))
    most = pairs + draw(st.integers(0, 4))
    program = {"pairs": [pairs, most], "length": 4 * most + 2 * draw(st.integers(0, 20))}
    sizes = st.integers(most, 40)
    return RECALL | {
        "world": {"keys": draw(sizes), "values": draw(sizes), "fillers": draw(st.integers(0, 9))},
        "program": program | {"power": draw(st.sampled_from([0.01, 0.5, 1.0]))},
    }


def drawn(variant: dict, seed: int, count: int = 40):
    """Texts of drawn programs, their answers as the generator has them, and all else."""
    task = build_task(study(variants={"v": variant}), "v", seed)
    part = task.draw("test", count, generator(seed, "draw"), 0)
    text, _ = task.lexemes.text(part.rendered)
    texts = [text.flat[a:b].tobytes().decode() for a, b in itertools.pairwise(text.offsets)]
    words = [task.lexemes.texts[i].strip() for i in part.rendered.lexemes.flat[part.rendered.answers.flat]]
    return task, part, texts, [words[a:b] for a, b in itertools.pairwise(part.rendered.answers.offsets)]


@thorough
@given(st.one_of(lists(), recalls()), st.integers(0, 10**6))
def test_the_interpreter_agrees_with_the_generator(variant, seed):
    try:
        task, part, texts, answers = drawn(variant, seed)
    except ConfigError:
        assume(False)
    solver = interpreter(task.document())
    for i in np.flatnonzero(part.kept):
        assert [a.text for a in solver.answers(texts[i])] == answers[i], texts[i]


@thorough
@given(st.one_of(lists(), recalls()), st.integers(0, 10**6))
def test_queries_stand_where_the_answers_do_and_read_what_the_columns_say(variant, seed):
    try:
        task, part, texts, answers = drawn(variant, seed)
    except ConfigError:
        assume(False)
    solver, places = interpreter(task.document()), iter(task.lexemes.text(part.rendered)[1].T.tolist())
    gap = iter(part.columns.get("gap", np.zeros(0)).tolist())
    for text, answered in zip(texts, answers, strict=True):
        found = solver.statements(text)
        queries = [s for s in found if s.kind == "query"]
        assert [list(query.value) for query in queries] == [next(places) for _ in answered]
        assert [text[slice(*query.value)] for query in queries] == answered
        for query in queries:
            if variant["task"] == "listops":
                assert text == f"{text[slice(*query.expression)]} -> {text[slice(*query.value)]};"
            else:
                (pair,) = query.reads
                assert text[slice(*found[pair].name)] == text[slice(*query.expression)]
                assert text[slice(*found[pair].value)] == text[slice(*query.value)]
                between = text[found[pair].name[0] : query.expression[0]].split()
                assert len(between) == next(gap)


@thorough
@given(st.one_of(lists(), recalls()), st.sampled_from(["bpe", "piece", "char"]), st.integers(0, 10**6))
def test_composed_tokens_are_the_tokenizers_and_the_round_trip_is_lossless(variant, kind, seed):
    try:
        task, part, texts, answers = drawn(variant, seed)
    except ConfigError:
        assume(False)
    tokenizer = train_tokenizer(TokenizerSettings(kind=kind, vocabulary=200), task.pattern, texts, task.lexemes)
    tokens, spans = task.lexemes.tokens(part.rendered, lexeme_table(tokenizer, task.lexemes))
    _, characters = task.lexemes.text(part.rendered)
    places = iter(zip(*spans.tolist(), *characters.tolist(), strict=True))
    for text, answered, (a, b) in zip(texts, answers, itertools.pairwise(tokens.offsets), strict=True):
        ids = tokens.flat[a:b].tolist()
        assert tokenizer.encode(text).ids == ids
        assert tokenizer.decode(ids) == text
        for answer in answered:
            begin, end, stop, first, last = next(places)
            assert text[first:last] == answer
            assert tokenizer.decode(ids[begin:end]) == answer
            assert tokenizer.decode(ids[end:stop]).strip() == (";" if variant["task"] == "listops" else "")


@thorough
@given(lists(), st.integers(0, 10**6))
def test_lists_keep_the_bounds_of_their_settings(variant, seed):
    try:
        task, part, texts, _ = drawn(variant, seed)
    except ConfigError:
        assume(False)
    program = task.programs["test"]
    for i in np.flatnonzero(part.kept):
        symbols = texts[i].split(" ->")[0].split()
        opened, deepest, arguments = [], 0, []
        for symbol in symbols:
            if symbol == "]":
                arguments.append(opened.pop())
            if symbol != "]" and opened:
                opened[-1] += 1
            if symbol.startswith("["):
                assert symbol[1:] in program.operators
                opened.append(0)
                deepest = max(deepest, len(opened))
        assert program.arguments[0] <= min(arguments) <= max(arguments) <= program.arguments[1]
        assert program.depth[0] <= deepest == part.columns["depth"][i] <= program.depth[1]
        assert program.length[0] <= len(symbols) <= program.length[1]
        digits = [int(symbol) for symbol in symbols if symbol.isdigit()]
        assert part.columns["operands"][i] == len(digits)


def test_depths_are_drawn_uniformly():
    _, part, _, _ = drawn(LISTS | {"program": {"depth": [1, 4], "length": [1, 2000]}}, 1, count=4000)
    shares = np.bincount(part.columns["depth"])[1:] / 4000
    assert abs(shares - 0.25).max() < 0.03


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("[MAX 2 9 [MIN 4 7 ] 0 ] ->", 9),  # the example of Nangia & Bowman
        ("[MED 1 8 3 ]", 3),
        ("[MED 1 8 3 6 ]", 4),  # (3 + 6) / 2, rounded down
        ("[SM 9 8 7 ]", 4),
        ("[MIN [SM 5 6 ] [MED 1 2 ] ]", 1),
    ],
)
def test_lists_read_by_hand(text, answer):
    solver = ListOpsInterpreter({"task": "listops", "modulus": 10, "operators": ["MAX", "MIN", "MED", "SM"]})
    assert solver.answers(text)[0].value == answer


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[MAX 2 [SM 4 ]", "ends before its lists are closed"),
        ("[MAX 2 ] ]", "']' follows a list that is closed"),
        ("[SUM 2 3 ]", "'[SUM' is neither a digit nor one of [MAX, [SM"),
        ("[MAX 1 " * 2000 + "] " * 2000, "characters) has too many lists inside lists; write fewer"),
        ("[MAX ]", "[MAX ] has no arguments, so it has no value"),
    ],
)
def test_what_is_no_list_is_said_in_a_sentence(text, sentence):
    with pytest.raises(ProgramError, match=re.escape(sentence)):
        ListOpsInterpreter({"task": "listops", "modulus": 10, "operators": ["MAX", "SM"]}).answers(text)


def test_what_is_no_recall_is_said_in_a_sentence():
    solver = MqarInterpreter({"task": "mqar", "keys": ["ka", "ki"], "values": ["va"], "fillers": ["fo"]})
    assert solver.answers("ka va fo ka")[0].text == "va"
    with pytest.raises(ProgramError, match="'who' is no word of this world"):
        solver.answers("ka va who")
    with pytest.raises(ProgramError, match="the key 'ki' is asked for, but no pair binds it"):
        solver.answers("ka va fo ki")


def test_answers_that_are_not_written_read_by_hand():
    world = {"task": "mqar", "answers": "asked", "pairs": 2, "keys": ["ka", "ki"], "values": ["va", "vi"]}
    solver = interpreter(world | {"fillers": ["fo"]})
    text = "ka vi ki va ka ka va ki ki fo"  # `ka` asks, then a key and a value fill, then `ki` asks
    assert [(a.query, a.text) for a in solver.answers(text)] == [("ka", "vi"), ("ki", "va")]
    assert [s.span for s in solver.statements(text) if s.kind == "query"] == [(12, 17), (24, 29)]
    assert [solver.asks(text[:n]) for n in (14, 17, 20, 26)] == [True, False, False, True]
    one = interpreter(world | {"fillers": ["fo"], "pairs": 1})
    assert [a.text for a in one.answers("ka vi ki va ka")] == ["vi"], "no more pairs than the world has"
    with pytest.raises(ProgramError, match="the key 'ki' is asked for, but no pair binds it"):
        one.answers("ka vi ki va ki")
    with pytest.raises(ProgramError, match="'who' is no word of this world"):
        solver.answers("ka va fo who")


@thorough
@given(recalls(), st.integers(0, 10**6))
def test_every_pair_is_asked_for_once_at_the_distance_on_record(variant, seed):
    task, part, texts, answers = drawn(variant, seed)
    solver, gap = MqarInterpreter(task.document()), iter(part.columns["gap"].tolist())
    for text, answered in zip(texts, answers, strict=True):
        words = text.split()
        pairs = len(answered)
        assert len(words) == task.programs["test"].length
        assert len(set(words[: 2 * pairs : 2])) == len(set(words[1 : 2 * pairs : 2])) == pairs
        asked = [len(text[: s.span[0]].split()) for s in solver.statements(text) if s.kind == "query"]
        assert Counter(words[i] for i in asked) == Counter(words[: 2 * pairs : 2])
        assert [i - words.index(words[i]) for i in asked] == [next(gap) for _ in asked]


def test_without_words_that_fill_any_word_does_as_in_zoology():
    """Its definition: half the words are keys, half values; queries at even places; all else uniform over all words."""
    program, bases = MqarProgram(pairs=(4, 4), length=64, power=0.01), np.array([0, 64, 128, 128])
    words, place, _ = draw_sequences(program, bases, 20000, generator(1, "zoology"))
    assert (place % 2 == 0).all()
    assert (words[:, 0:8:2] < 64).all()
    assert ((words[:, 1:8:2] >= 64) & (words[:, 1:8:2] < 128)).all()
    row = np.arange(20000)[:, None]
    assert (words[row, place] == words[:, 0:8:2]).all()
    assert (words[row, place + 1] == words[:, 1:8:2]).all()
    filler = np.ones(words.shape, bool)
    filler[:, :8] = False
    filler[row, place] = filler[row, place + 1] = False
    shares = np.bincount(words[filler], minlength=128) / filler.sum()
    assert abs(shares * 128 - 1).max() < 0.05
    assert filler.sum() == 20000 * (64 - 8 - 8)


def zoology(count: int, words: int, length: int, pairs: int, power: float, rng: np.random.Generator):
    """Inputs and labels (-1: none) as the paper defines them: one sequence after the other, a draw per thing.

    Word 0 only fills; the lower half of the others are keys, the upper half values. The query for pair i stands an even
    number of words behind the pairs, drawn without replacement by the power law; its label is the value of the pair.
    All places that are neither pair nor query hold any word at all.
    """
    inputs = np.empty((count, length), int)
    labels = np.full((count, length), -1)
    space = (length - 2 * pairs) // 2
    weights = power * np.arange(1, space + 1) ** (power - 1)
    for row in range(count):
        keys = rng.choice(np.arange(1, words // 2), pairs, replace=False)
        values = rng.choice(np.arange(words // 2, words), pairs, replace=False)
        inputs[row] = rng.integers(words, size=length)
        inputs[row, : 2 * pairs : 2], inputs[row, 1 : 2 * pairs : 2] = keys, values
        at = 2 * pairs + 2 * rng.choice(space, pairs, replace=False, p=weights / weights.sum())
        inputs[row, at], labels[row, at] = keys, values
    return inputs, labels


def test_answers_asked_are_the_sequences_and_labels_of_zoology(tmp_path):
    """Counts in what is written, beside counts in sequences drawn by the definition: every share of every count."""
    words, length, pairs, power, count = 64, 32, 4, 0.3, 8000
    world = {"keys": words // 2 - 1, "values": words // 2, "fillers": 1}
    program = {"pairs": [pairs, pairs], "length": length, "power": power}
    variant = RECALL | {"answers": "asked", "world": world, "program": program, "tokenizer": {"kind": "piece"}}
    builder = Builder(study(variants={"v": variant | {"sizes": {"train": count, "valid": 9, "test": 9}}}), "v")
    builder.write(tmp_path)
    table = pq.read_table(tmp_path / "train.parquet")
    document, tokenizer = read_json(tmp_path / "world.json"), Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    number = np.full(tokenizer.get_vocab_size(), -1)  # token -> word of the definition: the filler, keys, values
    for i, word in enumerate(document["fillers"] + document["keys"] + document["values"]):
        number[tokenizer.token_to_id(f" {word}")] = i
    inputs = number[np.array(table["tokens"].to_pylist())]
    labels = np.full(inputs.shape, -1)
    rows = np.arange(count)[:, None]
    labels[rows, np.array(table["token_start"].to_pylist()) - 1] = number[np.array(table["target"].to_pylist())]
    assert inputs.min() == 0

    def counts(inputs, labels):
        asked = labels >= 0
        row, place = np.nonzero(asked)
        heads = inputs[:, : 2 * pairs : 2]
        pair = np.argmax(heads[row] == inputs[row, place, None], axis=1)
        after = inputs[row, np.minimum(place + 1, length - 1)]
        free = ~asked
        free[:, : 2 * pairs] = False
        said = np.zeros(inputs.shape, bool)
        said[row[place + 1 < length], place[place + 1 < length] + 1] = True
        share = lambda values, n: np.bincount(values, minlength=n) / len(inputs)  # noqa: E731
        return {
            "labels": asked.sum(1).min() == asked.sum(1).max() == pairs,
            "the key asks": (heads[row, pair] == inputs[row, place]).all(),
            "its value is the label": (inputs[row, 2 * pair + 1] == labels[row, place]).all(),
            "each pair once": (np.bincount(row * pairs + pair) == 1).all(),
            "distinct": all(len(set(line[:8])) == 8 for line in inputs[:500]),
            "places": share(place, length),
            "places of each pair": share(place * pairs + pair, length * pairs),
            "keys": share(inputs[:, 0], words),
            "values": share(labels[row, place], words),
            "fillers": share(inputs[free], words) / (length - 3 * pairs),
            "fillers after queries": share(inputs[said], words) / pairs,
            "the value stands after its query": (after == labels[row, place]).mean(),
            "a key of the sequence fills": share((inputs[:, 2 * pairs :, None] == heads[:, None]).sum((1, 2)), 60),
        }

    ours, theirs = counts(inputs, labels), counts(*zoology(count, words, length, pairs, power, generator(1, "def")))
    for what, expected in theirs.items():
        if isinstance(expected, np.bool_ | bool):
            assert ours[what], what
            assert expected, what
            continue
        spare = 6 * np.sqrt(2 * np.maximum(np.maximum(expected, ours[what]), 1 / count) / count)
        assert (abs(np.asarray(ours[what]) - expected) < spare).all(), what
    assert theirs["the value stands after its query"] < 2 / words


def test_gaps_follow_the_power_law():
    """The first pair's gap is one weighted draw, whatever is drawn after it."""
    program = MqarProgram(pairs=(4, 4), length=48, power=0.3)
    _, place, _ = draw_sequences(program, np.array([0, 16, 32, 40]), 40000, generator(1, "gaps"))
    gap = (place[:, 0] - 8) // 2 + 1
    weights = np.arange(1, 21) ** (0.3 - 1)
    assert abs(np.bincount(gap, minlength=21)[1:] / 40000 - weights / weights.sum()).max() < 0.01


@thorough
@given(st.integers(1, 12), st.integers(0, 20), st.integers(0, 10**6))
def test_distinct_samples_are_a_fisher_yates_shuffle(picks, more, seed):
    pool = np.arange(picks + more) * 7
    found = sample_distinct(pool, 20, picks, generator(seed, "picks"))
    rng, decks = generator(seed, "picks"), np.tile(pool, (20, 1))
    for i in range(picks):
        for deck, j in zip(decks, rng.integers(i, len(pool), 20), strict=True):
            deck[i], deck[j] = deck[j], deck[i]
    assert (found == decks[:, :picks]).all()


SPLIT = {
    "listops": LISTS
    | {
        "program": {"depth": [1, 2], "arguments": [2, 4], "length": [1, 20]},
        "splits": {"deeper": {"depth": [3, 3], "length": [1, 60]}, "longer": {"length": [21, 40]}},
        "tokenizer": {"kind": "piece"},
    },
    "mqar": RECALL
    | {
        "world": {"keys": 16, "values": 16, "fillers": 8},
        "program": {"pairs": [2, 3], "length": 32},
        "splits": {"more_pairs": {"pairs": [6, 8]}},
        "tokenizer": {"kind": "piece"},
    },
}


@pytest.mark.parametrize("task", SPLIT)
def test_splits_mean_what_they_say(tmp_path, task):
    builder = Builder(study(variants={"v": SPLIT[task]}), "v")
    builder.write(tmp_path)
    tables = {split: pq.read_table(tmp_path / f"{split}.parquet").to_pandas() for split in builder.programs}
    solver, tokenizer = (
        interpreter(read_json(tmp_path / "world.json")),
        Tokenizer.from_file(str(tmp_path / "tokenizer.json")),
    )
    for split, table in tables.items():
        assert table["id"].tolist() == list(range(len(table)))
        for row in table.itertuples():
            assert [a.text for a in solver.answers(row.text)] == row.answer.tolist(), split
            assert tokenizer.encode(row.text).ids == row.tokens.tolist()
            assert len(row.tokens) == len(row.text.replace(";", " ;").split())  # a token per word
    if task == "listops":
        symbols = {
            split: table["text"].str.split(" ->").str[0].str.split().str.len() for split, table in tables.items()
        }
        assert symbols["train"].max() <= 20 < symbols["longer"].min()
        assert set(tables["train"]["depth"].str[0]) == {1, 2}
        assert set(tables["deeper"]["depth"].str[0]) == {3}
    else:
        assert set(tables["train"]["assignments"].str[0]) == {2, 3}
        assert set(tables["more_pairs"]["assignments"].str[0]) == {6, 7, 8}
