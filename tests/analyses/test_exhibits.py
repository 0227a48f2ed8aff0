"""Every analysis is one file with all that the study asks of it; its exhibits are made of its own table."""

import subprocess
import sys

import oracles
import pandas as pd
import pytest
from matplotlib.figure import Figure as Drawing

from lolameme.analyses import patching
from lolameme.analyses._frames import checked, pooled
from lolameme.base.sources import WORKFLOW
from lolameme.drawing import style
from lolameme.study import exhibits, plugins

pytestmark = pytest.mark.slow

ANALYSES = plugins.names("analysis")


@pytest.fixture(scope="module")
def tables(untrained):
    """The tables of cells built by hand, of a random one and of one that can be asked nothing, two seeds each."""
    few = untrained("few")
    cells = {
        ("few", "thex-2"): oracles.binds_then_looks_up(few),
        ("few", "hyena"): oracles.retrieves_directly(few),
        ("few", "gpt2"): untrained("few", "gpt2"),
        ("lists", "gpt2"): untrained("lists", "gpt2"),
    }
    found = {}
    for analysis in ANALYSES:
        module = plugins.load("analysis", analysis)
        measured = {
            key: checked(analysis, module.measure(cell, module.Settings()), module.COLUMNS)
            for key, cell in cells.items()
        }
        found[analysis] = pooled({(*key, seed): frame for key, frame in measured.items() for seed in (1, 2)})
    return found


@pytest.mark.parametrize("analysis", ANALYSES)
def test_an_analysis_says_all_that_the_study_asks_of_it(analysis):
    module = plugins.load("analysis", analysis)
    assert module.__doc__
    assert plugins.constants("analysis", analysis)["TITLE"] == module.TITLE
    assert module.Settings()
    assert {column.type for column in module.COLUMNS.values()} <= {str, int, float, bool}
    assert all(column.meaning for column in module.COLUMNS.values())
    _, figures = exhibits.of(module)
    assert figures


def test_naming_analyses_loads_neither_torch_nor_what_draws():
    script = (
        "import sys; from lolameme.study import config, plugins\n"
        "for name in plugins.names('analysis'): plugins.load('analysis', name)\n"
        "assert not {'torch', 'pandas', 'matplotlib', 'tokenizers'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": str(WORKFLOW)})


@pytest.mark.parametrize("analysis", ANALYSES)
def test_tables_and_figures_are_made_of_the_table_of_the_analysis(analysis, tables, small, tmp_path):
    style.apply()
    own_tables, figures = exhibits.of(plugins.load("analysis", analysis))
    made = dict(tables)
    for table in own_tables:
        made[table.name] = table.made(small, {name: made[name] for name in table.needs})
        assert isinstance(made[table.name], pd.DataFrame)
        assert len(made[table.name])
        assert table.caption.endswith(".")
    for figure in figures:
        drawn = figure.draw(small, **{name: made[name] for name in figure.needs})
        assert isinstance(drawn, Drawing)
        assert all(ax.has_data() for ax in drawn.axes)
        assert figure.caption(small).endswith(".")
        style.save(drawn, tmp_path / figure.name)


@pytest.mark.parametrize("analysis", ANALYSES)
def test_where_no_cell_was_asked_anything_figures_say_so(analysis, tables, small):
    own_tables, figures = exhibits.of(plugins.load("analysis", analysis))
    made = {name: table[table["variant"] == "lists"] for name, table in tables.items()}
    for table in own_tables:
        made[table.name] = table.made(small, {name: made[name] for name in table.needs})
    for figure in figures:
        drawn = figure.draw(small, **{name: made[name] for name in figure.needs})
        assert [text.get_text()[:3] for ax in drawn.axes for text in ax.texts] == ["No "]
    assert plugins.load("analysis", analysis).findings(made) == []


def test_the_map_of_positions_by_roles_reads_just_below_the_attention_layer(tables, small):
    """Built by hand, T HEX-2 has bound names to values below its second layer; nothing of it stands at the names."""
    figure = patching.draw_below(small, tables["patching"])
    (image,) = figure.axes[0].images
    shown = dict(zip([text.get_text() for text in figure.axes[0].get_xticklabels()], image.get_array()[0], strict=True))
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["T HEX-2"]
    assert shown["value"] > 0.95
    assert shown["name"] < 0.05


def test_the_map_of_layers_by_roles_names_the_axis_beside_each_task(tables, small):
    figure = patching.draw(small, tables["patching"])
    assert figure.axes[0].get_ylabel() == "few\nafter layer"
    assert figure.get_supylabel() == ""


def test_findings_say_what_all_seeds_say(tables):
    said = {name: plugins.load("analysis", name).findings(tables) for name in ANALYSES}
    assert said["scores"] == [
        "few: T HEX-2 binds names to their values, then looks them up in layer 2 (2 of 2 seeds; exact match 1.00 over "
        "these prompts).",
        "few: Hyena answers directly in layer 1 (2 of 2 seeds; exact match 1.00 over these prompts).",
    ]
    assert any("T HEX-2 needs the mixers of layers 1, 2 to recall locals (2 of" in s for s in said["knockout"])
    assert any(
        "Hyena needs the mixer of layer 1 to recall locals; any one of the others" in s for s in said["knockout"]
    )
    assert any("T HEX-2 recalls without any one of its long filters" in s for s in said["filters"])
    assert any("needs tap 1 of layer 1, tap 2 of layer 1" in s for s in said["filters"])
    assert not any("Hyena recalls without" in s for s in said["filters"])
    assert any("T HEX-2: after layer 1, which name has which value stands at the value" in s for s in said["patching"])
    assert not any("GPT-2" in s for sentences in said.values() for s in sentences if "random" not in s)


def test_seeds_that_disagree_are_counted_and_no_sentence_is_said(tables):
    from lolameme.analyses import scores

    rows = tables["scores"]
    mixed = rows[rows["architecture"] == "thex-2"].copy()
    mixed.loc[mixed["seed"] == 2, "verdict"] = "direct"
    assert scores.findings({"scores": mixed}) == []
    (row,) = scores.routes(None, mixed).to_dict("records")
    assert (row["seeds"], row["bind, then look up"], row["direct"], row["no binding"]) == (2, 1, 1, 0)
