"""Redrawn test sets are what resampling by hand gives, the same every time and for every model."""

import numpy as np
import pytest

from core.evaluation.bootstrap import macro_f1, macro_f1_draws


def confusion(truth: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    matrix = np.zeros((n_classes, n_classes))
    np.add.at(matrix, (truth, predicted), 1)
    return matrix


def test_draws_equal_resampling_by_hand() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 200)
    predicted = np.where(rng.random(200) < 0.7, truth, rng.integers(0, 3, 200))
    draws = macro_f1_draws(truth, predicted[:, None], 3, draws=4000)[:, 0]
    picks = rng.integers(0, 200, (4000, 200))
    by_hand = [macro_f1(confusion(truth[pick], predicted[pick], 3)) for pick in picks]
    shares = (0.025, 0.5, 0.975)
    assert np.quantile(draws, shares) == pytest.approx(np.quantile(by_hand, shares), abs=0.006)


def test_all_models_are_judged_on_the_same_draws() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 3, 100)
    one = np.where(rng.random(100) < 0.7, truth, 0)
    draws = macro_f1_draws(truth, np.column_stack([one, truth, one]), 3, draws=50)
    assert (draws[:, 0] == draws[:, 2]).all()
    assert (draws[:, 1] == 1).all()
    assert (draws == macro_f1_draws(truth, np.column_stack([one, truth, one]), 3, draws=50)).all()


def test_chunks_are_drawn_like_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = np.repeat(np.arange(4), 15)
    predicted = np.where(np.arange(60) % 3 == 0, np.roll(truth, 7), truth)[:, None]
    whole = macro_f1_draws(truth, predicted, 4)
    monkeypatch.setattr("core.evaluation.bootstrap._NUMBERS_AT_ONCE", 60 * 7)
    chunked = macro_f1_draws(truth, predicted, 4)
    assert chunked.shape == whole.shape
    assert chunked.mean() == pytest.approx(whole.mean(), abs=0.01)


def test_a_class_that_does_not_occur_is_in_no_mean() -> None:
    assert macro_f1(np.array([[5, 0, 0], [0, 5, 0], [0, 0, 0]])) == 1
    assert macro_f1(np.array([[5, 0, 0], [0, 4, 1], [0, 0, 0]])) == pytest.approx((1 + 8 / 9 + 0) / 3)
