"""The two prompts of a pair differ in one thing, and the interpreter says both answers."""

import pytest

from lolameme.analyses._asked import KINDS
from lolameme.analyses._pairs import pairs
from lolameme.analyses._roles import ROLES
from lolameme.learning.batches import Split
from lolameme.tasks.interpreter import interpreter

pytestmark = pytest.mark.slow

POSSIBLE = {  # what each variant can ask
    "locals": {"names", "query", "value", "rebinding", "language"},
    "mixed": set(KINDS) - {"language"},
    "far": {"names", "query", "value", "rebinding"},
    "pairs": {"names", "query", "value", "rebinding"},
    "hops": {"names", "query", "value", "rebinding"},
    "asked": {"names", "query", "value", "rebinding"},
    "few": {"names", "query", "value", "rebinding"},
    "lists": {"value", "operator"},
}
ALL = [(variant, kind) for variant, kinds in POSSIBLE.items() for kind in sorted(kinds)]


@pytest.fixture(scope="session")
def found(untrained):
    return {variant: {kind: pairs(untrained(variant), kind, 48) for kind in KINDS} for variant in POSSIBLE}


def test_a_variant_has_the_kinds_that_its_programs_can_form(found):
    assert {v: {kind for kind, some in kinds.items() if some is not None} for v, kinds in found.items()} == POSSIBLE


@pytest.mark.parametrize(("variant", "kind"), ALL)
def test_the_interpreter_says_both_answers_and_they_differ(found, untrained, variant, kind):
    cell, some = untrained(variant), found[variant][kind]
    for row, (clean, partner) in enumerate(some.prompts):
        answers = [cell.interpreter.answers(prompt.text)[-1].text for prompt in (clean, partner)]
        assert answers == [clean.answer, partner.answer]
        assert clean.answer != partner.answer
        assert int(some.right[row]) != int(some.other[row])


@pytest.mark.parametrize(("variant", "kind"), ALL)
def test_prompts_are_tokens_as_programs_have_them(found, untrained, variant, kind):
    """Text, split at its answer, decodes to the prompt and the answer; both prompts are equally long."""
    cell, some = untrained(variant), found[variant][kind]
    for row, both in enumerate(some.prompts):
        for prompt, ids in zip(both, (some.clean[row], some.partner[row]), strict=True):
            end = int(some.last[row]) + 1
            assert int(ids[end]) in (int(some.right[row]), int(some.other[row]))
            text = cell.tokenizer.decode(ids[:end].tolist())
            assert text.strip() == prompt.text.strip()
            answer = ids[end : end + int(some.answers[row].sum())]
            assert cell.tokenizer.decode(answer.tolist()).strip() == prompt.answer


@pytest.mark.parametrize("variant", ["locals", "pairs", "asked"])
def test_the_prompt_of_a_first_query_is_what_the_model_was_trained_to_continue(found, untrained, variant):
    cell = untrained(variant)
    split = Split.read(cell.data / "test.parquet")
    starts = {
        (*split.flat[first : first + begin], split.targets[first + begin])
        for first, begin in zip(split.offsets[:-1], split.begin[_first(split)], strict=True)
    }
    some = found[variant]["query"]
    rows = [tuple(ids[: int(last) + 2].tolist()) for ids, last in zip(some.clean, some.last, strict=True)]
    assert sum(row in starts for row in rows) > 10


def _first(split):
    return [int(split.queries[:i].sum()) for i in range(len(split))]


def test_exchanged_names_leave_every_value_in_its_place(found):
    for kinds in (found["locals"], found["pairs"], found["far"]):
        some = kinds["names"]
        changed = some.clean != some.partner
        allowed = some.roles["name"] | some.answers
        assert not (changed & ~allowed).any()
        assert (changed & some.roles["name"]).any(1).all()


def test_another_query_leaves_every_assignment_as_it_is(found):
    for kinds in (found["locals"], found["mixed"], found["far"]):
        some = kinds["query"]
        assert not ((some.clean != some.partner) & some.before_query).any()


def test_exchanged_values_leave_all_but_values(found):
    some = found["locals"]["value"]
    assert not ((some.clean != some.partner) & ~(some.roles["value"] | some.answers)).any()


def test_another_operator_leaves_the_operands(found):
    for clean, partner in found["mixed"]["operator"].prompts:
        assert clean.query.reads == partner.query.reads
        assert clean.query.meaning[1] == partner.query.meaning[1]
        assert clean.query.meaning[0] != partner.query.meaning[0]


@pytest.mark.parametrize(("kind", "changed"), [("value", str.isdigit), ("operator", lambda word: word.startswith("["))])
def test_one_symbol_of_a_list_differs(found, kind, changed):
    for clean, partner in found["lists"][kind].prompts:
        symbols = zip(clean.text.split(), partner.text.split(), strict=True)
        ((before, after),) = [(one, other) for one, other in symbols if one != other]
        assert changed(before)
        assert changed(after)


def test_another_type_is_all_that_differs(found, untrained):
    blind = interpreter(untrained("mixed").world, without="types")
    for clean, partner in found["mixed"]["type"].prompts:
        assert blind.answers(clean.text)[-1].text == blind.answers(partner.text)[-1].text


def test_rebinding_moves_every_value_by_one_assignment(found):
    for clean, partner in found["pairs"]["rebinding"].prompts:
        values = [[prompt.at(prompt.statements[i].value) for i in prompt.assignments] for prompt in (clean, partner)]
        assert values[1] == values[0][1:] + values[0][:1]


def test_every_token_of_a_prompt_has_one_role_at_most_and_the_last_one_asks(found):
    for kinds in found.values():
        for some in filter(None, kinds.values()):
            assert set(some.roles) <= set(ROLES)
            assert sum(mask.long() for mask in some.roles.values()).max() == 1
            assert (some.roles["answer sign"].nonzero()[:, 1] == some.last).all()


def test_the_value_looked_for_is_the_answer_where_it_is_written_out(found):
    for variant in ("locals", "pairs"):
        some = found[variant]["names"]
        row, place = some.looked_for.nonzero(as_tuple=True)
        assert (row.bincount() == 1).all()
        assert (some.clean[row, place] == some.right).all()
        assert not (some.looked_for & some.beside).any()


def test_the_partner_in_another_language_says_what_it_would_say_in_the_first(found, untrained):
    solver = untrained("locals").interpreter
    for clean, partner in found["locals"]["language"].prompts:
        assert clean.query.language != partner.query.language
        assert {statement.language for statement in partner.statements} == {partner.query.language}
        back = solver.statements(solver.translate(partner.text, clean.query.language))
        values = [statement.meaning for statement in clean.statements if statement.kind == "assign"]
        assert [statement.meaning for statement in back if statement.kind == "assign"] == values
        assert sorted(s.binds for s in back[:-1]) == sorted(s.binds for s in clean.statements[:-1])


def test_all_cells_of_a_variant_are_asked_alike(found, untrained):
    again = pairs(untrained("locals", "gpt2"), "names", 48)
    assert (again.clean == found["locals"]["names"].clean).all()


def test_a_global_is_asked_instead_of_a_global(found):
    for clean, partner in found["mixed"]["global"].prompts:
        assert sum(a != b for a, b in zip(clean.query.meaning[1], partner.query.meaning[1], strict=True)) == 1
