"""What is unlike the known samples: the flag holds its rate, and far ones are flagged."""

import numpy as np
import pytest

from core.inference.predicting.novelty import QUANTILE, Reference, fit_reference


def known(n: int = 1_000, d: int = 8) -> tuple[Reference, np.random.Generator]:
    rng = np.random.default_rng(0)
    return fit_reference(rng.normal(size=(n, d)).astype("float32"), np.arange(n)), rng


def flagged(found: Reference, x: np.ndarray) -> float:
    assert found.threshold is not None
    return float((found.nearest_known(x)[0] > found.threshold).mean())


def test_ordinary_samples_are_flagged_as_often_as_is_said() -> None:
    found, rng = known()
    assert flagged(found, rng.normal(size=(4_000, 8))) == pytest.approx(1 - QUANTILE, abs=0.03)


def test_what_lies_elsewhere_is_flagged() -> None:
    found, rng = known()
    assert flagged(found, rng.normal(size=(100, 8)) + 6) == 1


def test_samples_like_the_known_ones_are_as_far_as_these_and_noisy_ones_farther() -> None:
    found, rng = known()
    like, noise = rng.normal(size=(2, 2_000, 8))
    assert found.times_as_far(like) == pytest.approx(1, abs=0.05)
    farther = found.times_as_far(like + noise)
    assert farther is not None and farther > 1.3


def test_copies_do_not_make_everything_else_look_strange() -> None:
    rng = np.random.default_rng(0)
    once = rng.normal(size=(500, 8)).astype("float32")
    groups = np.tile(np.arange(500), 6)
    copied = fit_reference(np.tile(once, (6, 1)), groups)
    assert flagged(copied, rng.normal(size=(2_000, 8))) < 0.1


def test_the_nearest_come_in_their_order() -> None:
    found = fit_reference(np.arange(40, dtype="float32")[:, None], np.arange(40))
    distance, near = found.nearest_known(np.array([[10.2]]))
    assert near[0].tolist() == [10, 11, 9, 12, 8]
    assert distance[0] == pytest.approx(2.2)


def test_too_few_samples_say_so() -> None:
    found = fit_reference(np.zeros((18, 2), "float32"), np.arange(18))
    assert found.threshold is None and "19 samples" in found.reason
    assert found.times_as_far(np.zeros((3, 2), "float32")) is None
