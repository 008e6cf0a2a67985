"""Source and target as one problem, and the two strategies that learn on it."""

from dataclasses import replace

import numpy as np
import pytest

from core.transfer.features.alignment import feature_alignment
from core.transfer.fitting.vectors import join_source, source_only
from core.transfer.instances.weights import instance_weighting
from tests.core.transfer.vector_problems import learn, problem, score

pytestmark = pytest.mark.training

RNG = np.random.default_rng


def world(n: int, right: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Left of 0 the class follows the second column, right of it the other way; `right` of the rows lie there."""
    rng = RNG(seed)
    side = np.where(rng.random(n) < right, 1.0, -1.0)
    x = np.stack([side * (1 + 0.3 * rng.normal(size=n)), rng.normal(size=n)], axis=1)
    return x, ((x[:, 1] > 0) == (side > 0)).astype(int)


def apart(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(n) % 2
    return RNG(seed).normal(size=(n, 3)) * 0.4 + y[:, None] * [2.0, 0, 0], y


def test_the_sources_training_rows_stand_behind_and_its_classes_are_told_by_name():
    given = problem(world(40, 0.5, 0), world(80, 0.5, 1), source_classes=("b", "a"))
    both = join_source(given, np.linspace(0, 2, 40))
    assert np.array_equal(both.train, np.r_[np.arange(20), 40 + np.arange(40)])
    assert np.array_equal(both.validation, given.validation)
    assert np.array_equal(both.labels[40:], 1 - given.source.labels)
    assert np.array_equal(both.sample_weight, np.r_[np.ones(20), np.linspace(0, 2, 40)])


def test_with_labels_ignored_no_row_of_the_target_is_learnt_from_or_chosen_by():
    given = problem(world(40, 0.5, 0), world(80, 0.5, 1), target_labels="ignored")
    for both in (
        join_source(given),
        source_only(replace(given, resolved=given.resolved.model_copy(update={"target_labels": "used"}))),
    ):
        assert both.train.min() == 40
        assert both.validation.min() == 80
        assert np.array_equal(both.judged, given.judged)


@pytest.mark.parametrize("method", ["density_ratio", "kernel_mean_matching", "kliep", "nearest_neighbours"])
def test_weighting_without_target_labels_helps_where_the_rows_differ(method):
    given = problem(world(800, 0.95, 0), world(1600, 0.2, 1), target_labels="ignored", method=method)
    fitted = instance_weighting(given, learn)
    assert score(given, learn(source_only(given))) < 0.35
    assert score(given, fitted) > 0.8
    assert len(fitted.source_weights) == len(given.source.train)
    assert fitted.facts["effective_sample_size"] < 0.6 * fitted.facts["source_samples"]


@pytest.mark.parametrize("method", ["coral", "subspace", "optimal_transport"])
def test_alignment_without_target_labels_undoes_a_shift_and_maps_what_is_judged(method):
    x, y = apart(400, 0)
    x += [3, 1, 0]
    given = problem((x, y), apart(400, 1), target_labels="ignored", method=method)
    assert score(given, learn(source_only(given))) < 0.7
    fitted = feature_alignment(given, learn)
    assert score(given, fitted) > 0.95
    if method == "subspace":  # what is saved beside the model is what the model needs
        p = fitted.model.predict_proba(fitted.projection(given.x[given.judged]))
        assert np.allclose(p, fitted.probabilities)
    else:
        assert fitted.projection is None


def test_a_weighted_source_that_rests_on_few_rows_is_told():
    given = problem(
        (RNG(0).normal((3, 0), size=(400, 2)), np.arange(400) % 2),
        (RNG(1).normal(size=(900, 2)), np.arange(900) % 2),
        method="density_ratio",
    )
    instance_weighting(given, learn)
    assert any("rests on few" in note for note in given.recorder.notes)
