"""The recommended way without target labels: idle where domains are alike, right where the classes' shares differ."""

import numpy as np
import pytest

from core.transfer.fitting.vectors import source_only
from core.transfer.instances.adaptation import adaptation
from tests.core.transfer.vector_problems import learn, problem, score

pytestmark = pytest.mark.training

RNG = np.random.default_rng


def world(n: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    y = (RNG(seed).random(n) < share).astype(int)
    return RNG(seed + 1).normal(size=(n, 3)) + y[:, None] * [1.5, 0, 0], y


def test_other_shares_of_the_classes_are_found_and_made_use_of():
    given = problem(world(2000, 0.7, 0), world(2000, 0.15, 5), target_labels="ignored")
    fitted = adaptation(given, learn)
    assert score(given, fitted) > score(given, learn(source_only(given))) + 0.05
    assert "b 7" in given.recorder.notes[0] or "b 6" in given.recorder.notes[0]


def test_domains_that_are_alike_leave_the_source_as_it_is():
    given = problem(world(2000, 0.3, 0), world(2000, 0.3, 5), target_labels="ignored")
    fitted = adaptation(given, learn)
    assert np.allclose(fitted.probabilities, learn(source_only(given)).probabilities)
    assert (fitted.source_weights == 1).all()
    assert "used as it is" in given.recorder.notes[0]


def test_no_label_of_the_target_is_looked_at():
    given = problem(world(800, 0.7, 0), world(800, 0.15, 5), target_labels="ignored")
    before = adaptation(given, learn).probabilities
    given.labels = 1 - given.labels
    assert np.array_equal(adaptation(given, learn).probabilities, before)
