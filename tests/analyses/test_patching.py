"""Effects are what replacing the stream by hooks does, 0 where nothing differs and 1 where everything does."""

import oracles
import pytest
import torch

from lolameme.analyses import _measures as measures
from lolameme.analyses import patching
from lolameme.analyses._activations import record, replaced
from lolameme.analyses._frames import checked
from lolameme.analyses._pairs import pairs
from lolameme.analyses._patching import DIRECTIONS, Runs


@pytest.fixture(scope="module")
def runs(untrained):
    cell = oracles.binds_then_looks_up(untrained("few"))
    return Runs(cell.model, pairs(cell, "names", 32))


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_an_effect_is_that_of_hooks_over_the_whole_stack(runs, direction, layer):
    pairs, model, roles = runs.pairs, runs.model, ("value", "answer sign")
    effects = runs.patch(direction, layer, roles, matched=False)
    base, source = (pairs.clean, pairs.partner)[:: 1 if direction == "corrupt" else -1]
    place = ("resid_pre", layer) if layer < 2 else ("resid_post", 1)
    _, kept = record(model, source, [place])
    clean, partner = (measures.differences(model, record(model, t, [])[0], pairs) for t in (pairs.clean, pairs.partner))
    for role in roles:
        patched = measures.differences(model, replaced(model, base, kept, pairs.roles[role]), pairs)
        moved = clean - patched if direction == "corrupt" else patched - partner
        assert effects[role].value == pytest.approx(moved.mean() / (clean - partner).mean(), abs=1e-4)


def test_patching_a_run_with_itself_changes_nothing(untrained):
    cell = oracles.binds_then_looks_up(untrained("few"))
    some = pairs(cell, "names", 32)
    runs = Runs(cell.model, some)
    runs.partner = runs.clean
    for layer in range(3):
        for found in runs.patch("corrupt", layer, some.roles).values():
            assert (found.value, found.interchange, found.norms) == (pytest.approx(0, abs=1e-6), 0, pytest.approx(1))


def test_all_that_a_program_says_passes_through_its_tokens(runs):
    """In the embedding the names decide; after the last layer the answer sign does, and the answer is the partner's."""
    for direction in DIRECTIONS:
        first, last = (runs.patch(direction, layer, runs.masks) for layer in (0, 2))
        assert first["name"].value == pytest.approx(1, abs=0.01)
        assert last["answer sign"].value == pytest.approx(1, abs=0.01)
        for effects in (first, last):
            decisive = [found for found in effects.values() if abs(found.value) > 0.01]
            assert [found.interchange for found in decisive] == [1.0]


def test_matched_patches_have_the_norm_of_what_they_replace(runs):
    long = Runs(runs.model, runs.pairs)
    long.partner = [3 * stream for stream in long.partner]
    plain, matched = (long.patch("corrupt", 1, ["value"], matched)["value"] for matched in (False, True))
    assert matched.norms == plain.norms == pytest.approx(3, abs=0.1)
    assert matched.value == pytest.approx(runs.patch("corrupt", 1, ["value"])["value"].value, abs=1e-4)


def test_where_prompts_are_not_told_apart_no_effect_is_defined(untrained):
    measured = checked(
        "patching", patching.measure(untrained("mixed"), patching.Settings(prompts=24)), patching.COLUMNS
    )
    assert set(measured["kind"]) == {"names", "query", "global", "operator"}
    undefined = measured["told_apart"] < measures.UNDEFINED_BELOW
    assert (measured["effect"].isna() == undefined).all()
    assert undefined.any()


def test_the_interval_of_a_ratio_holds_what_it_should():
    """95 % intervals of a ratio of means hold the truth in about 95 % of draws."""
    generator = torch.Generator().manual_seed(1)
    held = 0
    for _ in range(200):
        below = 4 + torch.randn(60, generator=generator)
        above = 0.5 * below + torch.randn(60, generator=generator)
        _, low, high = measures.ratio(above.numpy(), below.numpy())
        held += low <= 0.5 <= high
    assert 175 <= held <= 200
