"""Seeds are added to the configuration while a contrast is undecided, as often as planned, and each is paid for."""

import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import study, study_data
from lolameme.reporting.contrasts import contrasts
from lolameme.statistics import means, verdicts
from lolameme.statistics.planned import power
from lolameme.study.looks import add_seeds
from lolameme.study.sections import ConfigError

LISTED = """# why three
seeds: [1, 2, 5]  # those of the pilot
looks: [3, 4, 6]
"""


def written(tmp_path, begin: str):
    rest = study_data()
    for key in ("seeds", "looks"):
        rest.pop(key, None)
    file = tmp_path / "study.yaml"
    file.write_text(begin + yaml.safe_dump(rest))
    return file


def test_the_next_look_s_seeds_are_written_and_all_else_stays(tmp_path):
    file = written(tmp_path, LISTED)
    before = file.read_text()
    assert add_seeds(file).seeds == (1, 2, 5, 6)
    assert file.read_text() == before.replace("[1, 2, 5]", "[1, 2, 5, 6]")
    assert add_seeds(file).seeds == (1, 2, 5, 6, 7, 8)
    with pytest.raises(ValueError, match="no look with more than 6 seeds is planned"):
        add_seeds(file)


def test_seeds_over_several_lines_are_added_to_and_a_list_of_dashes_is_refused_with_the_remedy(tmp_path):
    file = written(tmp_path, "seeds: [\n  1,\n  2,\n]\nlooks: [2, 3]\n")
    assert add_seeds(file).seeds == (1, 2, 3)
    dashes = "seeds:\n- 1\n- 2\nlooks: [2, 3]\n"
    with pytest.raises(ValueError, match=r"write its seeds as `seeds: \[1, 2, 3\]`"):
        add_seeds(written(tmp_path, dashes))
    assert file.read_text().startswith(dashes)


def test_a_number_of_seeds_that_no_look_has_is_refused():
    with pytest.raises(ConfigError, match=r"looks is \[3, 4\], but 2 seeds are given; give one of these numbers"):
        study(seeds=[1, 2], looks=[3, 4])
    with pytest.raises(ConfigError, match=r"looks is \[4, 2\]; give numbers of seeds, each once, in rising order"):
        study(seeds=[1, 2], looks=[4, 2])
    assert study(seeds=[1, 2]).more_seeds == ()


def test_each_p_is_corrected_for_the_looks():
    p = np.array([0.001, 0.02, np.nan])
    assert verdicts.corrected(p, looks=3) == pytest.approx([0.006, 0.06, np.nan], nan_ok=True)
    assert verdicts.strictest(p, looks=3) == pytest.approx(0.05 / 6)
    one = study(seeds=[1, 2, 3, 4, 5, 6])
    assert power(one.model_copy(update={"looks": (6, 8)}))[1] == pytest.approx(2 * power(one)[1])


def test_stopping_at_the_first_significant_look_finds_order_where_there_is_none_unless_looks_are_paid_for():
    """2000 studies in which nothing differs, looked at with 4, 6, 8, 10 and 12 seeds."""
    looks = range(4, 13, 2)
    differences = np.random.default_rng(1).standard_normal((2000, 12))
    least = np.min([means.paired(differences[:, :seeds]) for seeds in looks], axis=0)  # (2000,)
    wrong = np.array([verdicts.corrected(np.array([p]), len(looks))[0] < 0.05 for p in least])
    assert (least < 0.05).mean() > 0.1
    assert wrong.mean() < 0.05


def test_verdicts_of_a_study_with_looks_are_stricter():
    """Six of six cells against none decide at the only look, and not at one of twelve."""
    stacks = ["gpt2", "hyena"]
    listed = [{"name": "mine", "above": ["gpt2"], "below": ["hyena"], "variants": ["recall"]}]
    made = study(seeds=[1, 2, 3, 4, 5, 6], architectures=stacks, contrasts=listed, claims={})
    rows = [
        {"variant": "recall", "split": "test", "architecture": stack, "seed": seed, "exact_match": reached}
        | {"locked": reached > 0.5, "above": reached > 0.5, "high": False, "floor": 0.2}
        for stack, reached in zip(stacks, (0.9, 0.2), strict=True)
        for seed in made.seeds
    ]
    cells = pd.DataFrame(rows)
    assert list(contrasts(made, cells)["verdict"]) == [verdicts.SAME]
    often = made.model_copy(update={"looks": tuple(range(6, 31))})
    assert list(contrasts(often, cells)["verdict"]) == [verdicts.UNDECIDED]
