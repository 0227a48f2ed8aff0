"""Predictions come before training."""

from conftest import study_data
from project import Project


def test_predictions_are_made_from_data_and_configuration_alone(tmp_path):
    """No cell, no trial and no training program is among what they are made from."""
    project = Project(tmp_path, study_data())
    planned = project.planned("results/mini/predictions.parquet")
    variants, worlds = 2, 2
    splits = 2  # test, and valid, from which test is drawn apart
    assert planned == {
        "world": variants * worlds,
        "held_out": variants * worlds * splits,
        "reach": variants * worlds,
        "predict": 1,
    }
