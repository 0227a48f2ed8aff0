"""Trials and the choice among them."""

import numpy as np
import pytest
import torch

from conftest import study
from lolameme.data.dataset import Builder
from lolameme.learning.cell import train_trial
from lolameme.learning.optimiser import AdamW
from lolameme.learning.tuning import AT_FLOOR, EDGE, INSIDE, PLATEAU, beyond, choose
from lolameme.models import options, stack
from lolameme.statistics import verdicts
from lolameme.study.settings import Training, Tuning


def trial(rate: float, exact_match: float | None, loss: float | None = 1.0) -> dict:
    diverged = "the loss is nan" if exact_match is None else None
    shown = {"trial": f"lr{rate:g}-wd0.1", "learning_rate": rate, "weight_decay": 0.1, "steps": 5, "tokens": 900}
    return shown | {"exact_match": exact_match, "loss": loss, "diverged": diverged, "curve": []}


def answered(trials: list[dict], programs: int) -> list[dict]:
    """The same trials with answers of so many programs, of one query each, that give their exact match."""
    rights = [np.arange(programs) < round((each["exact_match"] or 0) * programs) for each in trials]
    return [
        each | {"right": list(map(int, r)), "queries": [1] * programs} for each, r in zip(trials, rights, strict=True)
    ]


def chosen(*trials: dict, programs: int = 200) -> tuple[str, str]:
    """What is chosen, and why, where the default is a rate of 2e-3 and the floor 0.3."""
    choice = choose(answered(list(trials), programs), "lr0.002-wd0.1", 0.3, programs)
    return choice["chosen"].removesuffix("-wd0.1"), choice["why"]


def test_the_choice_is_the_best_on_valid():
    assert chosen(trial(1e-3, 0.5), trial(2e-3, 0.6), trial(4e-3, 0.9), trial(8e-3, 0.4)) == ("lr0.004", INSIDE)
    assert chosen(trial(1e-3, 0.5), trial(2e-3, 0.9), trial(4e-3, 0.8)) == ("lr0.002", INSIDE)
    assert chosen(trial(1e-3, 0.5), trial(2e-3, None), trial(4e-3, 0.9), trial(8e-3, None)) == ("lr0.004", INSIDE)
    assert chosen(trial(1e-3, 0.9, 0.3), trial(2e-3, 0.5), trial(4e-3, 0.9, 0.5)) == ("lr0.001", EDGE)


def test_a_choice_on_the_floor_is_refused():
    assert AT_FLOOR == verdicts.AT_FLOOR
    assert chosen(trial(1e-3, 0.31), trial(2e-3, 0.28), trial(4e-3, 0.33)) == ("lr0.002", AT_FLOOR)
    assert chosen(trial(1e-3, 0.31), trial(2e-3, None), trial(4e-3, 0.33)) == ("lr0.004", AT_FLOOR)


def test_a_choice_within_the_noise_is_refused():
    """0.85 against 0.80 is noise among 100 programs, and no noise among 2000; at the ceiling nothing differs."""
    trials = trial(1e-3, 0.6), trial(2e-3, 0.80), trial(4e-3, 0.85), trial(8e-3, 0.7)
    assert chosen(*trials, programs=100) == ("lr0.002", PLATEAU)
    assert chosen(*trials, programs=2000) == ("lr0.004", INSIDE)
    assert chosen(trial(1e-3, 1.0, 0.5), trial(2e-3, 1.0, 0.6), trial(4e-3, 1.0, 0.1)) == ("lr0.002", PLATEAU)


def test_noise_makes_choices_in_at_most_one_of_twenty_grids():
    """Four rates that do not differ; the best of three others is compared with the default, at 5 % for all three."""
    rng, refused = np.random.default_rng(1), []
    for _ in range(2000):
        reached = rng.binomial(200, 0.7, 4) / 200
        refused.append(chosen(*(trial(1e-3 * 2**i, em) for i, em in enumerate(reached)))[1] == PLATEAU)
        refused[-1] |= reached[1] == reached.max()
    assert np.mean(refused) >= 0.95


def test_the_grid_goes_on_as_it_was_while_the_best_lies_on_its_edge():
    def grid(*reached: float) -> dict:
        trials = answered([trial(1e-3 * 2**i, em) for i, em in enumerate(reached)], 200)
        return choose(trials, "lr0.002-wd0.1", 0.3, 200)

    assert beyond(grid(0.4, 0.5, 0.6, 0.9)) == pytest.approx(16e-3)
    assert beyond(grid(0.9, 0.5, 0.4, 0.4)) == pytest.approx(0.5e-3)
    assert beyond(grid(0.4, 0.5, 0.9, 0.6)) is None
    assert beyond(grid(0.31, 0.3, 0.3, 0.33)) is None  # on the floor, no edge is worth a step


def test_all_trials_are_kept_those_that_diverged_too():
    choice = choose(answered([trial(1e-3, 0.9), trial(2e-3, None, None)], 100), "lr0.002-wd0.1", 0.3, 100)
    assert [t["diverged"] for t in choice["trials"]] == [None, "the loss is nan"]
    training = Training(steps=100).chosen(choice)
    assert (training.learning_rate, training.weight_decay, training.steps) == (1e-3, 0.1, 100)


def test_where_all_diverge_the_sentence_names_the_rates_and_the_remedy():
    with pytest.raises(
        ValueError, match=r"all trials diverged \(learning rates 0\.5, 1\); lower tuning\.learning_rate"
    ):
        chosen(trial(0.5, None, None), trial(1.0, None, None))


def test_the_grid_is_written_out_by_name():
    training = Training(steps=100, learning_rate=8e-3, weight_decay=0.1)
    trials = Tuning(learning_rate=(0.25, 0.5, 1, 2), weight_decay=(0, 1)).trials(training)
    assert list(trials)[2:6] == ["lr0.004-wd0", "lr0.004-wd0.1", "lr0.008-wd0", "lr0.008-wd0.1"]
    assert trials["lr0.004-wd0"] == training.model_copy(update={"learning_rate": 4e-3, "weight_decay": 0.0})


def test_one_architecture_is_tuned_for_its_family():
    made = study(architectures=["gpt2", "hyena", "thex-*", "hyena.attention"], model={"layers": 4, "heads": 2})
    assert made.tuned_stacks("recall") == ("gpt2", "hyena", "thex-3", "hyena.attention")
    assert made.representative("recall", "thex-1") == "thex-3"
    assert made.representative("recall", "hyena@5") == "hyena"
    assert made.representative("recall", "xeht-2") == "xeht-2"  # which the study does not list


def test_a_trial_needs_no_test_split_and_says_when_it_diverges(tmp_path):
    made = study()
    Builder(made, "recall").write(tmp_path)
    (tmp_path / "test.parquet").unlink()
    checkpoint = tmp_path / "checkpoint.safetensors"
    found = train_trial(made, "recall", "hyena", made.training, tmp_path, checkpoint, 1, lambda progress: None)
    assert (found["steps"], found["learning_rate"], found["trial"]) == (8, 5e-3, "lr0.005-wd0.1")
    assert found["curve"][-1] == {"step": 8, "exact_match": found["exact_match"], "loss": found["loss"]}

    settings = {"steps": 30, "batch": 4, "learning_rate": 1.0, "weight_decay": 1e3, "clip": 1e30, "evaluate_every": 10}
    wild = study(training=settings, tuning=None)
    found = train_trial(wild, "recall", "gpt2", wild.training, tmp_path, checkpoint, 1, lambda progress: None)
    assert "training diverged" in found["diverged"]
    assert found["exact_match"] is None


@pytest.mark.parametrize("clip", [1e9, 1e-3])
def test_the_optimiser_is_torchs(clip):
    """To the bit; where gradients are clipped, as nearly as the norm of one long tensor is that of many short ones."""
    ours, theirs = (stack.build("thex-2", study().model, 30, seed=3) for _ in range(2))
    members = options.groups(theirs.parameters())
    groups = [{"params": each.parameters, "weight_decay": 0.1 if each.decayed else 0.0} for each in members]
    reference = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), fused=True)
    training = Training(learning_rate=1e-2, weight_decay=0.1, betas=(0.9, 0.98), clip=clip)
    optimiser = AdamW(ours.parameters(), training)
    tokens = torch.arange(24).view(2, 12)
    for rate in (1e-2, 3e-2, 1e-3):
        for group, each in zip(reference.param_groups, members, strict=True):
            group["lr"] = rate if each.learning_rate is None else each.learning_rate / training.learning_rate * rate
        reference.zero_grad()
        for model in (ours, theirs):
            model(tokens).square().mean().backward()
        norm = torch.nn.utils.clip_grad_norm_([p for each in members for p in each.parameters], clip)
        assert (norm > clip) == (clip < 1)
        reference.step()
        optimiser.step(rate)
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        if clip < 1:
            torch.testing.assert_close(a, b, msg=name)
        else:
            assert torch.equal(a, b), name


def test_the_usual_loop_trains():
    """`zero_grad` drops the gradients that the optimiser keeps in one tensor; the step takes the new ones."""
    ours, usual = (stack.build("thex-2", study().model, 30, seed=3) for _ in range(2))
    one, other = (AdamW(model.parameters(), Training(learning_rate=1e-2)) for model in (ours, usual))
    tokens = torch.arange(24).view(2, 12)
    for _ in range(3):
        ours(tokens).square().mean().backward()
        one.step(1e-2)
        usual.zero_grad()
        usual(tokens).square().mean().backward()
        other.step(1e-2)
    start = stack.build("thex-2", study().model, 30, seed=3)
    assert not torch.equal(start.embedding.weight, usual.embedding.weight)
    for a, b in zip(ours.parameters(), usual.parameters(), strict=True):
        assert torch.equal(a, b)


def test_gradients_dropped_before_a_step_move_nothing():
    model = stack.build("gpt2", study().model, 30, seed=3)
    before = [p.clone() for p in model.parameters()]
    optimiser = AdamW(model.parameters(), Training(weight_decay=0.0))
    model(torch.arange(12)[None]).square().mean().backward()
    model.zero_grad()
    optimiser.step(1e-2)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


def test_a_parameter_may_have_a_learning_rate_of_its_own_warmed_up_with_the_others():
    plain, own = torch.nn.Parameter(torch.ones(3)), options.without_decay(torch.nn.Parameter(torch.ones(3)), 1e-5)
    optimiser = AdamW([plain, own], Training(learning_rate=1e-2, weight_decay=0.0))
    (plain.sum() + own.sum()).backward()
    optimiser.step(5e-3)  # half of the peak
    torch.testing.assert_close(1 - plain, torch.full((3,), 5e-3), rtol=1e-3, atol=0)
    torch.testing.assert_close((1 - own.double()), torch.full((3,), 5e-6).double(), rtol=2e-2, atol=0)
