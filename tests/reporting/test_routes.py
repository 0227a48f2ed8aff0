"""The route by which cells recall, beside what they reach on test and on programs of other lengths."""

import math

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from conftest import study
from lolameme.analyses._routes import counted
from lolameme.reporting import routes, tables

LONGER = {"longer": {"assignments": [5, 8]}}
VERDICTS = {  # by architecture: seeds 1 to 3, with exact match on test and on longer programs
    "thex-2": [("bind, then look up", 1.0, 1.0), ("bind, then look up", 0.98, 0.96), ("no binding", 0.4, 0.3)],
    "hyena": [("direct", 0.9, 0.5), ("direct", 0.8, 0.5), ("undefined", 0.5, 0.4)],
}


@pytest.fixture
def made():
    data = study().model_dump()["variants"]["recall"] | {"splits": LONGER}
    return study(
        variants={"recall": data, "facts": study().model_dump()["variants"]["facts"]},
        architectures=["hyena", "thex-2"],
        seeds=[1, 2, 3],
        analyses={"scores": {}},
    )


@pytest.fixture
def cells() -> pd.DataFrame:
    rows = []
    for name, found in VERDICTS.items():
        for seed, (_, test, longer) in enumerate(found, start=1):
            for variant in ("recall", "facts"):
                for split, exact in (("test", test), ("longer", longer)):
                    identity = {"variant": variant, "architecture": name, "seed": seed, "split": split}
                    rows.append(
                        identity | {"exact_match": exact, "floor": 0.3, "above": exact > 0.4, "locked": exact > 0.65}
                    )
    return pd.DataFrame(rows)


@pytest.fixture
def scores() -> pd.DataFrame:
    """Three layers a cell; facts bind no names, and are asked nothing."""
    rows = []
    for name, found in VERDICTS.items():
        for seed, (verdict, _, _) in enumerate(found, start=1):
            cell = {"architecture": name, "seed": seed}
            rows += [
                cell | {"variant": "recall", "layer": n, "prompts": 128, "verdict": verdict, "answers": 2}
                for n in range(3)
            ]
            rows.append(cell | {"variant": "facts", "layer": 0, "prompts": 0, "verdict": "undefined", "answers": 0})
    return pd.DataFrame(rows)


def test_every_cell_has_its_verdict_beside_its_exact_match(made, cells, scores):
    found = routes.verdicts(made, cells, scores)
    assert len(found) == 2 * 3 * 2  # architectures, seeds, splits: none of facts
    mine = found.set_index(["architecture", "seed", "split"]).loc[("thex-2", 2, "longer")]
    assert (mine["verdict"], mine["exact_match"], mine["answers"]) == ("bind, then look up", 0.96, 2)


def test_the_leaderboard_counts_seeds_by_route(made, cells, scores):
    test = routes.verdicts(made, cells, scores).query("split == 'test'")
    found = test.groupby("architecture")["verdict"].agg(counted)
    assert found["thex-2"] == "bind, then look up 2/3, no binding 1/3"
    assert found["hyena"] == "direct 2/3, undefined 1/3"


def test_what_a_route_loses_on_other_lengths(made, cells, scores):
    table = routes.generalisation(made, routes.verdicts(made, cells, scores)).set_index("route")
    assert set(table["split"]) == {"longer"}
    assert list(table["cells"]) == [2, 2, 1, 1]
    bound, direct = table.loc["bind, then look up"], table.loc["direct"]
    assert (bound["on_test"], bound["on_split"], bound["lost"]) == pytest.approx((0.99, 0.98, 0.01))
    assert direct["lost"] == pytest.approx(0.35)
    assert direct["low"] < 0.35 < direct["high"]
    assert math.isnan(table.loc["undefined", "low"])  # one cell says nothing about others


def test_the_figure_has_a_mark_per_cell_and_says_where_it_has_none(made, cells, scores):
    found = routes.verdicts(made, cells, scores)
    figure = routes.draw(made, found)
    (ax,) = figure.axes
    assert ax.get_title(loc="left") == "recall · longer"
    assert sum(len(line.get_xdata()) for line in ax.lines if line.get_linestyle() == "None") == 6
    empty = routes.draw(made, found.iloc[:0])
    assert empty.axes[0].texts[0].get_text().startswith("No task of this study")
    plt.close("all")


def test_without_verdicts_the_leaderboard_has_no_routes():
    from test_tables import BISTABLE, history

    leaderboard = tables.leaderboard(BISTABLE, history(BISTABLE))
    assert set(leaderboard["routes"]) == {""}
    verdicts = BISTABLE[["variant", "architecture", "seed"]].assign(verdict="direct")
    routed = tables.leaderboard(BISTABLE, history(BISTABLE), verdicts)
    assert all(text.startswith("direct ") for text in routed["routes"])
    assert routed["routes"].iloc[0] == f"direct {routed['seeds'].iloc[0]}/{routed['seeds'].iloc[0]}"
