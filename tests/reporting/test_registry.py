"""Exhibits are found where they are described, and shown where a study has what they show."""

import subprocess
import sys

import pytest

from conftest import ROOT, study, study_data
from lolameme.reporting import figures, recall, registry
from lolameme.study import config, exhibits

EVERYWHERE = {
    "exact_match", "splits", "cost", "learning_curves", "learning_order", "stacks", "framework",
}  # fmt: skip


def test_the_small_study_has_no_figure_of_several_memory_sizes_or_of_transfer():
    assert set(registry.collect(study()).figures) == EVERYWHERE | {"position", "length", "distance", "predicted"}
    assert recall.recalled(study()) == {"recall": (2, 4)}
    assert recall.memorised(study()) == {"facts": 20}


def test_a_study_without_a_swapped_layer_has_no_curve_over_it():
    assert "position" not in registry.collect(study(architectures=["gpt2", "hyena"], claims={})).figures
    assert "position" in registry.collect(study(architectures=["gpt2", "thex-1"], claims={})).figures


@pytest.mark.parametrize(
    ("name", "further"),
    [
        ("cpu", {"position", "length", "distance", "predicted"}),
        ("claims", {"position", "memory", "distance", "transfer", "predicted"}),
        ("gpu", {"position", "memory", "length", "distance", "transfer", "predicted"}),
        ("paper", {"position", "memory", "length", "distance", "transfer", "predicted"}),
    ],
)
def test_the_large_studies_have_all_figures(name, further):
    made = config.load(ROOT / f"studies/{name}.yaml")
    assert EVERYWHERE | further <= set(registry.collect(made).figures)


@pytest.mark.parametrize("name", ["claims", "gpu", "paper"])
def test_what_is_taught_in_one_language_is_asked_in_the_other_and_pairs_are_counted(name):
    made = config.load(ROOT / f"studies/{name}.yaml")
    assert recall.transferred(made) == [("multi_language", "taught", "transfer")]
    assert recall.recalled(made)["mqar"]
    assert max(recall.memorised(made).values()) >= 1000


def test_a_transfer_split_without_its_twin_shows_nothing():
    data = study_data()
    data["variants"]["facts"] |= {
        "program": {"global_share": 1, "languages": {"lola": 1, "meme": 1}},
        "taught_in": {"lola": 1, "meme": 1},
        "holdout": True,
    }
    data["variants"]["facts"]["splits"] = {"transfer": {"ask": "untaught"}}
    assert recall.transferred(config.parse(data)) == [("facts", "test", "transfer")]
    data["variants"]["facts"]["splits"] = {"transfer": {"ask": "untaught", "queries": [2, 2]}}
    assert recall.transferred(config.parse(data)) == []


def test_what_an_exhibit_is_made_of_are_its_tables_and_the_files_it_reads():
    made = registry.collect(study())
    assert made.inputs(made.tables["leaderboard"]) == [
        f"results/mini/tables/{t}.parquet" for t in ("cells", "learning")
    ]
    cells = made.inputs(made.tables["cells"])
    assert "results/mini/cells/recall/gpt2/seed1/predictions.parquet" in cells
    assert len(cells) == 2 * 2 * 3 * 2  # two files of each cell: variants, architectures, seeds
    assert made.inputs(made.figures["stacks"]) == []


def test_what_an_exhibit_wants_it_gets_where_the_study_has_it():
    made = registry.collect(study(analyses={"scores": {}}))
    assert made.inputs(made.tables["leaderboard"])[2:] == ["results/mini/tables/verdicts.parquet"]
    assert made.inputs(made.tables["verdicts"])[1] == "results/mini/tables/scores.parquet"
    assert {"generalisation", "routes"} <= set(made.tables)
    assert "verdicts" not in registry.collect(study()).tables


def test_every_caption_is_a_sentence_with_its_numbers_filled_in():
    made = registry.collect(study())
    for caption in [
        *(t.caption for t in made.tables.values()),
        *(f.caption(made.study) for f in made.figures.values()),
    ]:
        assert caption.endswith("."), caption
        assert "{" not in caption, caption


def test_two_figures_of_one_name_are_refused(monkeypatch):
    monkeypatch.setattr(figures, "FIGURES", [*figures.FIGURES, recall.FIGURES[1]])
    with pytest.raises(ValueError, match="describe a figure called 'length'"):
        registry.collect(study())


def test_a_figure_of_a_table_that_is_not_there_is_refused(monkeypatch):
    lonely = exhibits.Figure("lonely", ("nothing",), figures.cost, lambda study: "Nothing.", section="Results")
    monkeypatch.setattr(figures, "FIGURES", [*figures.FIGURES, lonely])
    with pytest.raises(ValueError, match=r"lonely \(lolameme.reporting.figures\) needs table 'nothing'"):
        registry.collect(study())


def test_collecting_them_loads_no_torch():
    """Snakemake collects them at every start, on a cluster for every job."""
    code = (
        "import sys; from lolameme.study import config, plugins; from lolameme.reporting import registry;"
        "study = config.load('config.yaml');"
        "every = dict.fromkeys(plugins.names('analysis'), {});"
        "given = study.model_dump(exclude_unset=True) | {'analyses': every};"
        "given['training']['snapshots'] = [1];"  # emergence asks for some
        "registry.collect(config.parse(given));"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PYTHONPATH": "workflow"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
