import itertools

import numpy as np

from conftest import LANGUAGES
from lolameme.base.seeds import generator
from lolameme.study.settings import Language
from lolameme.tasks.lolameme.settings import World
from lolameme.tasks.lolameme.surface import build_lexicon
from lolameme.tasks.lolameme.world import base_table, build_world
from lolameme.tasks.roots import draw_roots
from lolameme.tasks.sampling import sample_distinct


def prefix_free(roots: list[str]) -> bool:
    ordered = sorted(roots)
    return not any(b.startswith(a) for a, b in itertools.pairwise(ordered))


def test_roots_are_distinct_and_none_is_a_prefix_of_another():
    sets = draw_roots([20, 300, 3000], generator(1, "roots"))
    assert [len(s) for s in sets] == [20, 300, 3000]
    assert all(prefix_free(s) for s in sets)
    assert len(set().union(*sets)) == 3320


def test_synonyms_and_distinct_lexicons_keep_roots_apart():
    world = build_world(World(stems=10, heads=7), 1)
    lexicon = build_lexicon(world, "kiki", Language(**LANGUAGES["kiki"]), 1)
    spelled = [s for synonyms in lexicon.stems for s in synonyms]
    assert [len(s) for s in lexicon.stems] == [2] * 10
    assert prefix_free(spelled + world.stems)
    names = [name for c in range(world.concepts) for name in lexicon.spellings(c)]
    assert len(set(names)) == 4 * 70


def test_the_same_seed_makes_the_same_world_and_irregular_concepts_have_another_type():
    settings = World(
        stems=20, heads=10, types=4, irregular=0.25, globals=50, operators=(("add", "sub", "mul", "table"),)
    )
    one, two = build_world(settings, 5), build_world(settings, 5)
    assert one.document() == two.document()
    assert one.irregular.sum() == 50
    regular = build_world(settings.model_copy(update={"irregular": 0.0}), 5)
    assert np.array_equal(one.types != regular.types, one.irregular)
    assert len(np.intersect1d(one.globals, one.pool)) == 0
    assert len(one.globals) + len(one.pool) == 200


def test_base_functions():
    rng = generator(1, "tables")
    expected = {"add": 2, "sub": 8, "mul": 5, "max": 7, "min": 5, "absdiff": 2, "first": 5, "second": 7}
    assert {f: int(base_table(f, 10, rng)[5, 7]) for f in expected} == expected
    assert base_table("table", 10, rng).shape == (10, 10)


def test_globals_are_taught_in_the_shares_asked_for():
    settings = World(stems=10, heads=10, globals=100)
    taught = build_world(settings, 1, ("lola", "meme"), {"both": 2, "lola": 1, "meme": 1}).taught
    assert (taught["lola"].sum(), taught["meme"].sum()) == (75, 75)
    assert (taught["lola"] & taught["meme"]).sum() == 50


def test_distinct_samples_are_distinct_and_uniform():
    picks = sample_distinct(np.arange(6), 30000, 4, generator(1, "picks"))
    assert all(len(set(row)) == 4 for row in picks[:500].tolist())
    frequency = np.array([np.bincount(picks[:, i], minlength=6) for i in range(4)]) / 30000
    assert abs(frequency - 1 / 6).max() < 0.01
