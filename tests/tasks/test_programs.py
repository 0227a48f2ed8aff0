"""The generator and the interpreter are two independent ways to an answer; they must agree on programs nobody wrote."""

import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import LANGUAGES
from lolameme.base.seeds import generator
from lolameme.data.tokenizer import lexeme_table, train_tokenizer
from lolameme.study.settings import CAPITAL, Language
from lolameme.study.variant import Tokenizer
from lolameme.tasks.interpreter import ProgramError, interpreter
from lolameme.tasks.lolameme.generator import document
from lolameme.tasks.lolameme.interpreter import Interpreter as LoLaMeMeInterpreter
from lolameme.tasks.lolameme.programs import ASSIGN, NOISE, NONE, QUERY, draw_programs
from lolameme.tasks.lolameme.rendering import Renderer
from lolameme.tasks.lolameme.settings import BASE_FUNCTIONS, Program, World
from lolameme.tasks.lolameme.surface import build_lexicon
from lolameme.tasks.lolameme.world import build_world

share = st.sampled_from([0.0, 0.3, 0.7])
thorough = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def worlds(draw) -> World:
    types = draw(st.integers(1, 3))
    functions = st.sampled_from(BASE_FUNCTIONS)
    operators = draw(st.lists(st.tuples(*[functions] * types), min_size=1, max_size=2))
    return World(
        modulus=draw(st.sampled_from([2, 7, 10, 11, 100])),
        stems=draw(st.integers(6, 9)),
        heads=draw(st.integers(4, 6)),
        types=types,
        irregular=draw(share) if types > 1 else 0,
        globals=draw(st.integers(6, 9)),
        operators=tuple(operators),
    )


@st.composite
def programs(draw, **fixed) -> Program:
    least = draw(st.integers(1, 3))
    languages = draw(st.lists(st.sampled_from(list(LANGUAGES)), min_size=1, max_size=3, unique=True))
    drawn = {
        "assignments": (least, least + draw(st.integers(0, 3))),
        "queries": (1, draw(st.integers(1, 3))),
        "operands": (1, draw(st.integers(1, 4))),
        "global_share": draw(share),
        "rebinding": draw(share),
        "computed": draw(share),
        "chain_depth": draw(st.integers(0, 3)),
        "shadowing": draw(share),
        "literals": draw(share),
        "noise": (0, draw(st.integers(0, 3))),
        "interleave": draw(st.booleans()),
        "mix": draw(st.sampled_from(["single", "code_switch"])),
        "languages": dict.fromkeys(languages, 1.0),
    }
    return Program(**(drawn | fixed))


class Drawn:
    """Programs of one world as arrays and as text, with the interpreter that reads them."""

    def __init__(self, world: World, program: Program, seed: int, count: int = 30):
        self.world = build_world(world, seed, tuple(LANGUAGES))
        declared = {name: Language(**language) for name, language in LANGUAGES.items()}
        self.lexicons = {n: build_lexicon(self.world, n, language, seed) for n, language in declared.items()}
        self.programs = draw_programs(self.world, program, count, generator(seed, "programs"))
        self.renderer = Renderer(self.world, self.lexicons)
        self.rendered = self.renderer.render(self.programs, generator(seed, "spelling"))
        text, self.spans = self.renderer.lexemes.text(self.rendered)
        self.texts = [
            text.flat[a:b].tobytes().decode() for a, b in zip(text.offsets[:-1], text.offsets[1:], strict=True)
        ]
        self.interpreter = interpreter(json.loads(json.dumps(document(self.world, self.lexicons))))

    def answers(self, i: int) -> list[int]:
        return self.programs.value[i][self.programs.kind[i] == QUERY].tolist()


@thorough
@given(worlds(), programs(), st.integers(0, 10**6))
def test_the_interpreter_agrees_with_the_generator(world, program, seed):
    drawn = Drawn(world, program, seed)
    for i, text in enumerate(drawn.texts):
        assert [a.value for a in drawn.interpreter.answers(text)] == drawn.answers(i), text


@thorough
@given(worlds(), programs(), st.integers(0, 10**6))
def test_answers_stand_where_the_spans_say(world, program, seed):
    drawn = Drawn(world, program, seed)
    spans = iter(drawn.spans.T.tolist())
    for i, text in enumerate(drawn.texts):
        for value in drawn.answers(i):
            begin, end = next(spans)
            assert text[begin:end] == f"{value:0{drawn.world.width}d}"


@thorough
@given(worlds(), programs(), st.integers(0, 10**6))
def test_statements_stand_where_they_are_written_and_read_the_latest_binding(world, program, seed):
    drawn = Drawn(world, program, seed)
    p = drawn.programs
    spans = iter(drawn.spans.T.tolist())
    for i, text in enumerate(drawn.texts):
        found = drawn.interpreter.statements(text)
        assert " ".join(text[slice(*s.span)] for s in found) == text
        latest: dict[int, int] = {}
        for j, statement in enumerate(found):
            query = p.kind[i, j] == QUERY
            assert statement.kind == ("query" if query else "assign")
            assert statement.language == p.languages[p.language[i, j]]
            present = (p.operands[i, j] != NONE) | (p.literals[i, j] != NONE)
            concepts = p.operands[i, j][present].tolist()
            assert statement.reads == tuple(latest.get(c) for c in concepts)
            assert [operand.literal for operand in statement.operands] == [c == NONE for c in concepts]
            names = drawn.interpreter.names[statement.language]
            for operand, concept in zip(statement.operands, concepts, strict=True):
                assert operand.literal or names[text[slice(*operand.span)]] == concept
            declared = LANGUAGES[statement.language]
            assert text[slice(*statement.sign)] == declared["answer" if query else "assign"]
            assert text[slice(*statement.end)] == declared["end"]
            if query:
                assert list(statement.value) == next(spans)
                back = [j - k for k in statement.reads if k is not None]
                assert p.distance[i, j] == max(back, default=-1)
            else:
                assert names[text[slice(*statement.name)]] == p.target[i, j]
                assert statement.value == statement.expression
                latest[p.target[i, j]] = j


@thorough
@given(worlds(), programs(noise=(1, 3)), st.integers(0, 10**6))
def test_noise_never_changes_an_answer(world, program, seed):
    drawn = Drawn(world, program, seed)
    for i, text in enumerate(drawn.texts):
        statements = re.findall(r"[^;|.]+[;|.]", text)
        kinds = drawn.programs.kind[i][: len(statements)]
        kept = "".join(s for s, kind in zip(statements, kinds, strict=True) if kind != NOISE)
        assert [a.value for a in drawn.interpreter.answers(kept)] == drawn.answers(i), text


@thorough
@given(worlds(), programs(mix="single", languages={"lola": 1.0}), st.integers(0, 10**6))
def test_a_program_means_the_same_in_every_language(world, program, seed):
    drawn = Drawn(world, program, seed)
    for other in ("meme", "kiki"):
        drawn.programs.languages = (other,)
        translated = drawn.renderer.render(drawn.programs, generator(seed, "other"))
        text, _ = drawn.renderer.lexemes.text(translated)
        for i, (a, b) in enumerate(zip(text.offsets[:-1], text.offsets[1:], strict=True)):
            found = drawn.interpreter.answers(text.flat[a:b].tobytes().decode())
            assert [answer.value for answer in found] == drawn.answers(i)


@thorough
@given(worlds(), programs(mix="single", languages={"lola": 1.0}), st.integers(0, 10**6))
def test_translations_are_what_the_generator_writes(world, program, seed):
    drawn = Drawn(world, program, seed)
    drawn.programs.languages = ("meme",)
    text, _ = drawn.renderer.lexemes.text(drawn.renderer.render(drawn.programs, generator(seed, "other")))
    for lola, a, b in zip(drawn.texts, text.offsets[:-1], text.offsets[1:], strict=True):
        meme = text.flat[a:b].tobytes().decode()
        assert drawn.interpreter.translate(lola, "meme") == meme
        assert drawn.interpreter.translate(meme, "lola") == lola


@thorough
@given(worlds(), programs(), st.sampled_from(["bpe", "piece", "char"]), st.integers(0, 10**6))
def test_composed_tokens_are_the_tokenizers_and_the_round_trip_is_lossless(world, program, kind, seed):
    drawn = Drawn(world, program, seed)
    chosen = Tokenizer(kind=kind, vocabulary=120)
    tokenizer = train_tokenizer(chosen, "names", drawn.texts, drawn.renderer.lexemes)
    tokens, spans = drawn.renderer.lexemes.tokens(drawn.rendered, lexeme_table(tokenizer, drawn.renderer.lexemes))
    answers = iter(spans[:2].T.tolist())
    for i, text in enumerate(drawn.texts):
        ids = tokens.flat[tokens.offsets[i] : tokens.offsets[i + 1]].tolist()
        assert tokenizer.encode(text).ids == ids
        assert tokenizer.decode(ids) == text
        for value in drawn.answers(i):  # digits are single, and an answer merges with nothing
            begin, end = next(answers)
            assert [tokenizer.id_to_token(t) for t in ids[begin:end]] == list(f"{value:0{drawn.world.width}d}")


def test_pieces_are_roots_shared_between_languages():
    drawn = Drawn(World(stems=6, heads=6), Program(assignments=(1, 1)), 1)
    tokenizer = train_tokenizer(Tokenizer(kind="piece"), "names", drawn.texts, drawn.renderer.lexemes)
    stem, head = drawn.world.stems[0], drawn.world.heads[1]
    assert tokenizer.encode(f"{stem}{head.title()} = 7;").tokens == [f" {stem}", CAPITAL, head, " = ", "7", ";"]
    assert tokenizer.encode(f"{stem}_{head} := 7|").tokens == [f" {stem}", "_", head, " := ", "7", "|"]


@thorough
@given(worlds(), programs(computed=0.7), st.integers(0, 10**6))
def test_no_answer_needs_more_computed_assignments_than_chain_depth(world, program, seed):
    drawn = Drawn(world, program, seed)
    assert drawn.programs.chain_depth[drawn.programs.kind == QUERY].max() <= program.chain_depth


@thorough
@given(worlds(), programs(), st.integers(0, 10**6))
def test_the_same_seed_draws_the_same_programs_and_another_seed_others(world, program, seed):
    first, again, other = Drawn(world, program, seed), Drawn(world, program, seed), Drawn(world, program, seed + 1)
    assert first.texts == again.texts
    assert first.texts != other.texts


def test_the_latest_binding_wins():
    chosen = Program(assignments=(4, 4), rebinding=0.9, queries=(1, 1))
    drawn = Drawn(World(modulus=100, stems=6, heads=6), chosen, 3, count=200)
    rebound = 0
    for i in range(200):
        p = drawn.programs
        query = int(np.flatnonzero(p.kind[i] == QUERY)[0])
        asked = p.operands[i, query, 0]
        bindings = [p.value[i, s] for s in range(query) if p.kind[i, s] == ASSIGN and p.target[i, s] == asked]
        rebound += len(set(bindings)) > 1
        assert p.value[i, query] == bindings[-1]
    assert rebound > 100


CONTRACT = {
    "modulus": 100,
    "concepts": [
        {"stem": 0, "head": 0, "type": 0, "value": None},
        {"stem": 1, "head": 1, "type": 0, "value": None},
    ],
    "operators": [{"functions": ["add"], "tables": [[[(a + b) % 100 for b in range(100)] for a in range(100)]]}],
    "languages": {
        name: LANGUAGES[name] | {"stems": [["vel"], ["mo"]], "heads": [["kanto"], ["rida"]]}
        for name in ("lola", "meme")
    },
}


def test_the_contracts_example_reads_the_same_in_both_languages():
    interpreter = LoLaMeMeInterpreter(CONTRACT)
    assert interpreter.answers("velKanto = 07; moRida = 41; velKanto + moRida -> 48;")[0].text == "48"
    assert interpreter.answers("vel_kanto := 07| mo_rida := 41| # vel_kanto mo_rida => ")[0].text == "48"
    assert interpreter.answers("velKanto = 07; mo_rida := 41| velKanto + moRida -> ")[0].value == 48


def test_statements_of_the_contracts_example():
    text = "velKanto = 07; velKanto = 41; velKanto + 02 -> "
    first, second, query = LoLaMeMeInterpreter(CONTRACT).statements(text)
    assert (first.span, first.name, first.sign, first.value, first.end) == (
        (0, 14),
        (0, 8),
        (9, 10),
        (11, 13),
        (13, 14),
    )
    assert second.span == (15, 29)
    assert (query.span, query.expression, query.sign) == ((30, 46), (30, 43), (44, 46))
    assert [operand.span for operand in query.operands] == [(30, 38), (41, 43)]
    assert query.reads == (1, None)
    assert (query.value, query.end) == (None, None)


def test_a_query_means_the_same_in_every_language():
    text = "velKanto = 07; moRida = 41; velKanto + moRida -> 48; # vel_kanto mo_rida => 48| moRida + velKanto -> 48;"
    *_, first, second, third = LoLaMeMeInterpreter(CONTRACT).statements(text)
    assert first.meaning == second.meaning != third.meaning


@pytest.mark.parametrize(
    "text", ["velKanto = 7;", "velKanto = 100;", "velKanto = 07; velKanto -> 7;", "velKanto = ²²;"]
)
def test_a_value_without_its_zeros_is_no_value(text):
    with pytest.raises(ProgramError, match="is no value: values are 00 to 99, written with 2 digits"):
        LoLaMeMeInterpreter(CONTRACT).statements(text)
