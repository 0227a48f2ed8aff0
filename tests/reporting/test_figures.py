"""Stacks can be told apart without colour, and curves share an axis only where they may."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from conftest import ROOT, study, study_data
from lolameme.drawing import style
from lolameme.drawing.panels import panels, without_binding
from lolameme.reporting import curves, figures, position
from lolameme.reporting.recall import alike, sliced
from lolameme.study import config


def test_stacks_of_one_family_differ_in_grey_print():
    names = ["gpt2", "hyena", "thex-1", "thex-2", "thex-3", "xeht-1", "xeht-2"]
    markers, lines = style.markers(names), style.lines(names)
    for one, other in itertools.combinations(names, 2):
        same_family = one.split("-")[0] == other.split("-")[0]
        assert not same_family or lines[one] != lines[other]
        assert (markers[one], lines[one]) != (markers[other], lines[other])
    assert markers["thex-3"] == "$3$"  # the marker says the position
    assert style.markers(["gpt2", "thex-3"])["thex-3"] == "^"


def test_a_curve_has_the_positions_of_one_family_and_number_of_taps():
    curves = position._curves(["gpt2", "thex-1", "xeht-1", "xeht-2", "thex-2@5", "thex-3@5", "thex-2@2", "thex-2@3-1"])
    assert curves == {
        "thex-1": "thex", "xeht-1": "xeht", "xeht-2": "xeht", "thex-2@5": "thex@5", "thex-3@5": "thex@5",
    }  # fmt: skip


def test_positions_of_one_family_are_shades_that_grey_print_tells_apart():
    names = ["thex-1", "thex-2", "thex-3", "thex-4", "thex-2@5"]
    red, green, blue = np.array([style.colours(names)[name] for name in names]).T
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    assert (np.diff(grey) < -0.1).all()


def test_splits_share_an_axis_only_if_they_differ_in_length_alone():
    data = study_data()
    data["variants"]["recall"]["splits"] = {
        "longer": {"assignments": [5, 8]},
        "shadowed": {"assignments": [5, 8], "rebinding": 0.5},
        "asking": {"queries": [1, 1]},
    }
    assert alike(config.parse(data), "recall") == ["test", "longer"]
    assert alike(study(), "recall") == ["test"]


def test_where_all_programs_are_alike_the_figure_says_so():
    none = pd.DataFrame({"variant": ["recall"], "column": ["distance"], "value": [1]})
    figure = sliced(study(), none, "assignments", "assignments in the program")
    assert [text.get_text() for text in figure.axes[0].texts] == [
        "No task of this study has programs that differ in this."
    ]


def test_names_below_the_map_of_splits_do_not_overlap():
    names = config.load(ROOT / "studies/reach.yaml").stacks
    rows = [
        {"variant": "near", "split": split, "architecture": name, "exact_match": 0.5, "floor": 0.1}
        for split in ("test", "longer")
        for name in names
    ]
    style.apply()
    figure = figures.splits(study(), pd.DataFrame(rows))
    figure.draw_without_rendering()
    labels = figure.axes[0].get_xticklabels()
    assert labels[-2].get_text() == "T HEX-2,\n3 taps,\n1 back masked"
    boxes = [text.get_window_extent() for text in labels]
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(boxes))
    plt.close(figure)


def test_the_floor_is_drawn_and_guesses_only_where_they_lie_well_away_from_it():
    figure, (ax,) = panels(["near"])
    without_binding(ax, pd.Series({"floor": 0.41, "value_share": 0.36, "majority": 0.12, "chance": np.nan}))
    lines = {text.get_text(): line.get_ydata()[0] for text, line in zip(ax.texts, ax.lines, strict=True)}
    assert lines == {"floor": 0.41, "majority answer": 0.12}
    plt.close(figure)


def partly_trained() -> pd.DataFrame:
    """Two tasks, of which the second was not trained with gpt2, nor the first with thex-2@5."""
    given = [("near", "gpt2"), ("near", "thex-2"), ("far", "thex-2"), ("far", "thex-2@5")]
    row = {"split": "test", "steps": 300, "steps_to_half": np.inf, "exact_match": 0.5, "low": 0.4, "high": 0.6}
    cost = {"parameters": 180_000, "processor_seconds": 8.0}
    return pd.DataFrame([row | cost | {"variant": variant, "architecture": name} for variant, name in given])


def test_a_stack_that_was_not_trained_is_not_said_to_be_slow():
    style.apply()
    figure = curves.learning_order(study(), partly_trained())
    told = [[text.get_text() for text in ax.texts] for ax in figure.axes]
    assert told == [["> 300", "> 300", "not trained"], ["not trained", "> 300", "> 300"]]


def test_the_legend_of_the_cost_has_the_stacks_of_all_tasks():
    style.apply()
    figure = figures.cost(study(), partly_trained())
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["GPT-2", "T HEX-2", "T HEX-2, 5 taps"]
