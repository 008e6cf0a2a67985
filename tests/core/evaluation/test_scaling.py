"""Calibration undoes false confidence, raises none on few samples, and keeps the predictions."""

import numpy as np
import pytest

from core.evaluation import scaling as s


def drawn(n, classes=3, sharpness=1.0, seed=0, strength=1.5):
    """Truths drawn from known probabilities, and those probabilities made `sharpness` times as sure of themselves."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, strength, (n, classes))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (true.cumsum(1) > rng.random((n, 1))).argmax(1)
    told = np.exp(sharpness * logits)
    return told / told.sum(1, keepdims=True), labels


def noise(n, classes, seed):
    """Confident probabilities that have nothing to do with the labels."""
    probability, _ = drawn(n, classes, sharpness=2.0, seed=seed)
    return probability, np.random.default_rng(seed + 10_000).integers(0, classes, n)


def excess(scaling, probability, labels):
    """Mean confidence less accuracy."""
    predicted = probability.argmax(1)
    confidence = scaling(probability)[np.arange(len(labels)), predicted]
    return confidence.mean() - (predicted == labels).mean()


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.5])
def test_the_temperature_undoes_what_made_the_probabilities_too_sure(sharpness):
    assert s.fit_temperature(*drawn(20_000, sharpness=sharpness)) == pytest.approx(sharpness, rel=0.05)
    scaling = s.fit_scaling(*drawn(20_000, sharpness=sharpness))
    assert scaling.temperature == pytest.approx(sharpness, rel=0.06) and scaling.pull < 0.05


def test_a_temperature_changes_no_prediction_and_rows_add_up_to_one():
    probability, _ = drawn(200)
    for temperature in (0.1, 1.0, 9.0):
        other = s.scale_temperature(probability, temperature)
        assert (other.argmax(1) == probability.argmax(1)).all()
        np.testing.assert_allclose(other.sum(1), 1)
    np.testing.assert_allclose(s.scale_temperature(probability, 1.0), probability, atol=1e-9)


def test_probabilities_of_exactly_zero_and_one_survive():
    probability = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]] * 10)
    labels = np.array([0, 1, 1] * 10)
    for found in (s.scale_temperature(probability, s.fit_temperature(probability, labels)),
                  s.fit_scaling(probability, labels)(probability)):  # fmt: skip
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found.sum(1), 1)
    assert np.isfinite(s.log_loss(probability, labels))


@pytest.mark.parametrize("n", [20, 50, 99])
@pytest.mark.parametrize("classes", [2, 4, 10])
def test_no_confidence_is_raised_where_few_samples_are_all_right(n, classes):
    """As of a head whose validation samples are all right and not sure: it is no proof of certainty."""
    labels = np.arange(n) % classes
    probability = 0.6 * np.eye(classes)[labels] + 0.4 / classes
    scaling = s.fit_scaling(probability, labels)
    assert scaling.is_guess and scaling.temperature >= 1
    assert (scaling(probability).max(1) <= probability.max(1) + 1e-9).all()
    blank = s.scale_temperature(np.random.default_rng(0).random((50, classes)), 0.2)
    assert (scaling(blank).max(1) <= blank.max(1) + 1e-9).all()


def test_with_enough_samples_confidence_is_raised_as_well():
    scaling = s.fit_scaling(*drawn(400, sharpness=0.4))
    assert not scaling.is_guess and scaling.temperature < 0.7


@pytest.mark.parametrize("n", [20, 50, 100])
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_confidence_in_noise_is_at_most_three_points_above_the_accuracy(n, classes):
    judged = noise(3_000, classes, seed=1)
    assert excess(lambda p: p, *judged) > 0.2
    found = [excess(s.fit_scaling(*noise(n, classes, seed)), *judged) for seed in range(2, 42)]
    assert np.mean(found) < 0.03


@pytest.mark.parametrize("n", [20, 50, 100])
@pytest.mark.parametrize("sharpness", [1.0, 3.0])
def test_confidence_in_real_signal_is_at_most_three_points_above_the_accuracy(n, sharpness):
    judged = drawn(3_000, sharpness=sharpness, seed=1)
    found = [excess(s.fit_scaling(*drawn(n, sharpness=sharpness, seed=seed)), *judged) for seed in range(2, 42)]
    assert -0.12 < np.mean(found) < 0.03


def test_a_class_without_a_validation_sample_keeps_a_chance():
    probability, labels = drawn(60, classes=4)
    labels = np.where(labels == 3, 0, labels)
    scaling = s.fit_scaling(probability, labels)
    assert min(scaling.shares) > 0 and sum(scaling.shares) == pytest.approx(1)
    assert (scaling(probability) > 0).all()
