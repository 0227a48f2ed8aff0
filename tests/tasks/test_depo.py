"""Depo: cycles, and where one gets to along them."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from conftest import study
from lolameme.base.seeds import generator
from lolameme.study.sections import ConfigError
from lolameme.tasks.depo.interpreter import Interpreter
from lolameme.tasks.interpreter import ProgramError
from lolameme.tasks.task import build_task

WORLD = {"task": "depo", "nodes": ["ka", "bi", "mol", "ten"]}


@st.composite
def variants(draw) -> dict:
    nodes, hops = draw(st.integers(2, 5)), draw(st.integers(1, 3))
    program = {
        "nodes": [nodes, nodes + draw(st.integers(0, 4))],
        "hops": [hops, hops + draw(st.integers(0, 6))],
        "queries": [1, draw(st.integers(1, 6))],
    }
    return {"about": "cycles", "task": "depo", "world": {"nodes": draw(st.integers(9, 30))}, "program": program}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(variants(), st.integers(0, 10**6))
def test_programs_are_cycles_and_answers_are_found_by_walking(variant, seed):
    try:
        task = build_task(study(variants={"v": variant}), "v", seed)
    except ConfigError:
        assume(False)
    part = task.draw("test", 30, generator(seed, "draw"), 0)
    text, spans = task.lexemes.text(part.rendered)
    places, solver = iter(spans.T.tolist()), Interpreter(task.document())
    hops, nodes = (iter(part.columns[name].tolist()) for name in ("hops", "nodes"))
    for a, b in itertools.pairwise(text.offsets):
        program = text.flat[a:b].tobytes().decode()
        found = solver.statements(program)
        follower = {s.binds: s.meaning for s in found if s.kind == "assign"}
        queries = [s for s in found if s.kind == "query"]
        walked, at = set(), next(iter(follower))
        while at not in walked:
            walked.add(at)
            at = follower[at]
        assert walked == set(follower) == set(follower.values())  # one cycle through all nodes
        assert len({query.meaning for query in queries}) == len(queries)
        for query, answer in zip(queries, solver.answers(program), strict=True):
            k, at = query.meaning
            assert (k, len(follower)) == (next(hops), next(nodes))
            for _ in range(k):
                at = follower[at]
            begin, end = next(places)
            assert program[begin:end] == answer.text == at
            assert query.value == (begin, end)
            assert program[slice(*found[query.reads[0]].value)] == at  # the last edge on the way says it


def test_sizes_and_hops_are_uniform():
    program = {"nodes": [3, 5], "hops": [1, 4], "queries": [2, 2]}
    variant = {"about": "cycles", "task": "depo", "program": program}
    task = build_task(study(variants={"v": variant}), "v", 1)
    part = task.draw("test", 6000, generator(1, "draw"), 0)
    assert abs(np.bincount(part.columns["hops"])[1:] / 12000 - 1 / 4).max() < 0.02
    assert abs(np.bincount(part.columns["nodes"])[3:] / 12000 - 1 / 3).max() < 0.02


def test_a_way_read_by_hand():
    text = "mol bi bi ka ka mol 2 mol ka 1 ka"
    solver = Interpreter(WORLD)
    first, second = solver.answers(text)
    assert (first.text, first.steps) == ("ka", ["bi follows mol", "ka follows bi"])
    assert second.text == "mol"
    assert [answer.text for answer in Interpreter(WORLD, without="composition").answers(text)] == ["bi", "mol"]
    assert [answer.value for answer in Interpreter(WORLD, without="locals").answers(text)] == [None, None]
    assert solver.asks(text)
    assert not solver.asks(text + " mol")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ka who 1 ka", "'who' is neither a node of this world nor a number of hops"),
        *(
            (f"ka bi {hops} ka", "as a query: a number of hops from 1 to 999999, then a node")
            for hops in ("0", "²", "9" * 9, "9" * 5000)
        ),
        ("ka bi mol 1 ka", "an edge ends too early"),
        ("ka bi ka mol 1 ka", "two edges start at 'ka'"),
        ("ka bi bi ka 2 mol", "nothing says what follows 'mol'"),
        ("ka bi bi ka 0 ka", "cannot read '0' as a query"),
    ],
)
def test_what_is_no_program_is_said_in_a_sentence(text, sentence):
    with pytest.raises(ProgramError, match=sentence):
        Interpreter(WORLD).statements(text)
