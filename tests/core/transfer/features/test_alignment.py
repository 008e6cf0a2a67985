"""Alignment: maps that undo a known shift, that leave alike domains alike, and that are not the identity."""

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import LogisticRegression

from core.errors import DataError, InputError
from core.transfer.features import alignment
from core.transfer.features.alignment import METHODS, align_source

RNG = np.random.default_rng


def classes(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two classes apart along the first of four columns, which spreads most."""
    rng = RNG(seed)
    y = np.arange(n) % 2
    x = rng.normal(size=(n, 4)) * [0.4, 0.8, 0.4, 0.2]
    x[:, 0] += np.where(y, 1.5, -1.5)
    return x, y


def score(source: np.ndarray, ys: np.ndarray, target: np.ndarray, yt: np.ndarray, method: str) -> float:
    aligned = align_source(source, target, method)
    there = target if aligned.target is None else aligned.target(target)
    return float(LogisticRegression().fit(aligned.source, ys).score(there, yt))


@pytest.mark.parametrize("method", ["coral", "subspace", "optimal_transport"])
def test_a_shift_of_all_columns_is_undone(method):
    (source, ys), (target, yt) = classes(400, 0), classes(300, 1)
    target += [2.5, -1, 0.5, 0]
    assert LogisticRegression().fit(source, ys).score(target, yt) < 0.7
    assert score(source, ys, target, yt, method) > 0.95


@pytest.mark.parametrize("method", ["coral", "optimal_transport"])
def test_columns_of_other_spread_are_met(method):
    (source, ys), (target, yt) = classes(400, 0), classes(300, 1)
    target = target * [0.1, 10, 1, 1] + [1, 0, 0, 0]
    assert LogisticRegression().fit(source, ys).score(target, yt) < 0.7
    assert score(source, ys, target, yt, method) > 0.95


def test_a_direction_that_is_turned_is_turned_back():
    noise, ys = RNG(0).normal(size=(700, 4)) * 0.15, np.arange(700) % 2
    signal = np.where(ys, 1.5, -1.5)
    angle = np.deg2rad(87)
    source = noise[:400] + signal[:400, None] * [1, 0, 0, 0]
    target = noise[400:] + signal[400:, None] * [np.cos(angle), 0, np.sin(angle), 0]
    assert LogisticRegression().fit(source, ys[:400]).score(target, ys[400:]) < 0.8
    assert score(source, ys[:400], target, ys[400:], "subspace") > 0.95


def test_transfer_components_leave_out_the_direction_in_which_the_domains_differ():
    (source, ys), (target, yt) = classes(400, 0), classes(300, 1)
    # A second column that tells the class in the source and is far off in the target.
    source[:, 1] = 2 * ys + 0.3 * RNG(3).normal(size=len(ys))
    target[:, 1] = 9 + RNG(4).normal(size=len(yt))
    assert LogisticRegression().fit(source, ys).score(target, yt) < 0.7
    assert score(source, ys, target, yt, "tca") > 0.95


@pytest.mark.parametrize("method", METHODS)
def test_where_nothing_differs_nothing_is_lost(method):
    (source, ys), (target, yt) = classes(400, 0), classes(300, 1)
    plain = LogisticRegression().fit(source, ys).score(target, yt)
    assert score(source, ys, target, yt, method) > plain - 0.02


def test_coral_gives_the_source_the_targets_mean_and_covariance():
    source = RNG(0).normal(size=(3000, 5)) @ (np.eye(5) + 0.2 * RNG(2).normal(size=(5, 5)))
    target = RNG(1).normal(size=(3000, 5)) @ (2 * np.eye(5) + 0.3 * RNG(3).normal(size=(5, 5))) + 4
    moved = align_source(source, target, "coral").source
    assert np.abs(moved.mean(axis=0) - target.mean(axis=0)).max() < 1e-3
    assert np.abs(np.cov(moved.T) - np.cov(target.T)).max() < 0.05 * np.abs(np.cov(target.T)).max()
    assert np.abs(moved - source).mean() > 1


def test_optimal_transport_ends_on_target_rows():
    source, target = RNG(0).normal(size=(80, 2)), RNG(1).normal(size=(80, 2)) + 5
    moved = align_source(source, target, "optimal_transport").source
    nearest = np.linalg.norm(moved[:, None] - target[None], axis=2).min(axis=1)
    assert nearest.max() < 1e-4
    assert len(np.unique(moved.round(4), axis=0)) == 80  # each of them once


def test_a_singular_covariance_is_shrunk_and_told_of():
    source = np.repeat(RNG(0).normal(size=(40, 2)), 3, axis=1)
    target = np.repeat(RNG(1).normal(size=(40, 2)) + 1, 3, axis=1)
    source[:, 0] = 7
    aligned = align_source(source, target, "coral")
    assert np.isfinite(aligned.source).all()
    assert "singular" in aligned.note
    assert not align_source(RNG(0).normal(size=(40, 3)), RNG(1).normal(size=(40, 3)), "coral").note


@pytest.mark.parametrize("method", METHODS)
def test_more_columns_than_rows_give_numbers(method):
    aligned = align_source(RNG(0).normal(size=(30, 80)), RNG(1).normal(size=(25, 80)) + 1, method)
    assert np.isfinite(aligned.source).all()


def test_too_few_rows_and_too_many_are_refused(monkeypatch):
    with pytest.raises(DataError, match="The target has 3"):
        align_source(RNG(0).normal(size=(40, 2)), RNG(1).normal(size=(3, 2)))
    monkeypatch.setattr(alignment, "TRANSPORTED", 20)
    with pytest.raises(InputError, match="compares all pairs"):
        align_source(RNG(0).normal(size=(40, 2)), RNG(1).normal(size=(30, 2)), "optimal_transport")


@pytest.mark.parametrize("method", METHODS)
def test_learners_that_come_after_an_alignment_still_take_weights(method):
    """skada switches metadata routing on for the whole process, under which boosting refuses them."""
    (x, y), (target, _) = classes(60, 0), classes(60, 1)
    align_source(x, target, method)
    assert AdaBoostClassifier().fit(x, y, sample_weight=np.ones(60)).score(x, y) > 0.9
