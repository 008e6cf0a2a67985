import numpy as np
import pandas as pd
import pytest

from core.evaluation import calibration as c
from core.evaluation.scores import calibration_error


def drawn(n, classes=3, sharpness=1.0, seed=0):
    """Truths drawn from known probabilities, and those probabilities made `sharpness` times as sure of themselves."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, classes))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (true.cumsum(1) > rng.random((n, 1))).argmax(1)
    told = np.exp(sharpness * logits)
    return told / told.sum(1, keepdims=True), labels


def table(probability, labels, part="test", fold=0):
    names = [f"c{i}" for i in range(probability.shape[1])]
    rows = pd.DataFrame(probability, columns=[f"p:{n}" for n in names])
    return rows.assign(
        id=[str(i) for i in range(len(labels))],
        part=part,
        fold=fold,
        label=[names[i] for i in labels],
        predicted=[names[i] for i in probability.argmax(1)],
    )


def test_what_is_fitted_on_validation_mends_the_test_samples():
    test, validation = drawn(2000, sharpness=3.0, seed=1), drawn(500, sharpness=3.0, seed=2)
    found = c.calibrate(table(*test), table(*validation, part="validation"))
    assert found.n == 500
    assert found.after < found.before / 2
    assert found.loss_after < found.loss_before
    assert found.before == pytest.approx(calibration_error(test[0].max(1), test[0].argmax(1) == test[1]))


def test_the_test_samples_do_not_choose_the_scaling():
    validation = table(*drawn(300, seed=3), part="validation")
    a = c.calibrate(table(*drawn(300, seed=4)), validation)
    b = c.calibrate(table(*drawn(300, sharpness=4.0, seed=5)), validation)
    assert a.scaling == b.scaling


def test_each_fold_is_mended_by_what_was_fitted_on_the_others():
    parts = [table(*drawn(400, sharpness=3.0, seed=s), fold=s) for s in (1, 2, 3)]
    judged = pd.concat(parts, ignore_index=True)
    found = c.calibrate(judged, judged.iloc[:0])
    assert found.scaling is not None and found.scaling.temperature == pytest.approx(3.0, rel=0.15)
    assert found.after < found.before / 2


def test_too_few_validation_samples_give_a_reason_and_no_scaling():
    found = c.calibrate(table(*drawn(50)), table(*drawn(3), part="validation"))
    assert found.scaling is None
    assert "20 validation samples" in found.reason


@pytest.mark.parametrize("sharpness", [1.0, 1.5, 2.5])
@pytest.mark.parametrize("n", [60, 300])
def test_the_interval_of_the_error_covers_the_true_one(sharpness, n):
    """Also of probabilities that mean what they say, whose error is 0."""
    true, _ = c.error_with_interval(*drawn(100_000, sharpness=sharpness, seed=9))
    hits = 0
    for seed in range(60):
        error, (low, high) = c.error_with_interval(*drawn(n, sharpness=sharpness, seed=100 + seed))
        assert 0 <= low <= error <= high
        hits += low <= true <= high
    assert hits >= 53


def test_bins_of_reliability_hold_every_sample_once_and_their_shares_are_right():
    probability, labels = drawn(500)
    bins = c.reliability_table(probability, labels)
    assert bins["n"].sum() == 500
    assert (bins["right"] * bins["n"]).sum() == pytest.approx((probability.argmax(1) == labels).sum())
    assert ((bins["low"] <= bins["right"]) & (bins["right"] <= bins["high"])).all()


def test_intervals_of_folds_are_wider_than_those_of_as_many_test_samples():
    probability, labels = drawn(500)
    for table in (c.reliability_table, c.coverage_table):
        once, folds = table(probability, labels), table(probability, labels, worth=0.6)
        assert (folds["low"] <= once["low"]).all() and (folds["high"] >= once["high"]).all()
        assert (folds["high"] - folds["low"]).mean() > (once["high"] - once["low"]).mean()


def test_the_accuracy_of_the_most_confident_half_is_less_certain_where_accuracy_falls_just_below_them():
    """250 samples of 500 are accepted and 200 of them right in both; the next ones are as often right, or never."""
    confidence = np.linspace(1.0, 0.51, 500)
    widths = []
    for rest in (0.8, 0.0):
        right = np.concatenate([np.tile([1, 1, 1, 1, 0], 50), np.arange(250) % 5 < 5 * rest]).astype(bool)
        probability = np.column_stack([confidence, 1 - confidence])
        table = c.coverage_table(probability, np.where(right, 0, 1))
        half = table.iloc[(table["covered"] - 0.5).abs().argmin()]
        assert half["right"] == pytest.approx(0.8, abs=0.01)
        widths.append(half["high"] - half["low"])
    assert widths[1] > 1.2 * widths[0]


def test_coverage_falls_as_the_threshold_rises_and_covers_all_at_first():
    probability, labels = drawn(500)
    found = c.coverage_table(probability, labels)
    assert found["threshold"].is_monotonic_increasing
    assert found["covered"].is_monotonic_decreasing
    assert found["covered"].iloc[0] == 1
    assert found["right"].iloc[0] == pytest.approx((probability.argmax(1) == labels).mean())
    at = found.iloc[len(found) // 2]
    taken = probability.max(1) >= at["threshold"]
    assert at["covered"] == pytest.approx(taken.mean())
    assert at["right"] == pytest.approx((probability.argmax(1) == labels)[taken].mean())
