"""Learning curves: a known law is found again, what does not grow promises nothing, test images are left alone."""

import numpy as np
import pytest

from core.advice.transferability.learning_curve import (
    DRAWS,
    extrapolate,
    fit_power_law,
    learning_curve,
    measure_probes,
)
from core.errors import InputError
from core.schemas import DataRef

SIZES = np.array([50.0, 70, 100, 140, 200, 280, 400])


@pytest.mark.parametrize(("a", "b"), [(1.5, 0.5), (2.0, 0.3), (3.0, 1.0)])
def test_a_law_is_found_again(a, b):
    law = fit_power_law(SIZES, a * SIZES**-b)
    assert law.b == pytest.approx(b) and law.a == pytest.approx(a, rel=1e-6)
    assert law.accuracy(800.0) == pytest.approx(1 - a * 800**-b)


def test_what_does_not_grow_or_even_falls_promises_nothing():
    for errors in (np.full(len(SIZES), 0.2), np.linspace(0.2, 0.3, len(SIZES))):
        law = fit_power_law(SIZES, errors)
        assert law.accuracy(800.0) == pytest.approx(law.accuracy(400.0), abs=1e-9)


def guesses(seed: int, n: int = 400) -> np.ndarray:
    """Whether images are judged rightly, each with a difficulty of its own, by the law 2 n^-0.4."""
    hard = np.random.default_rng(seed).random((4, 1, n))
    return (hard > (2 * SIZES**-0.4)[None, :, None]).astype(float)


def test_the_interval_holds_what_the_law_gives_and_narrows_with_images():
    at, truth = np.array([400.0, 800.0]), 1 - 2 * np.array([400.0, 800.0]) ** -0.4
    held, widths = 0, []
    for seed in range(20):
        n = 400
        whole, by_class = extrapolate(SIZES, guesses(seed, n), np.arange(n) % 2, np.arange(n), at)
        assert whole.shape == (1 + DRAWS, 2) and by_class.shape == (1 + DRAWS, 2, 2)
        low, high = np.quantile(whole[1:, 1], [0.025, 0.975])
        held += low <= truth[1] <= high
        widths.append(high - low)
    assert held >= 17
    n = 4000
    whole, _ = extrapolate(SIZES, guesses(0, n), np.arange(n) % 2, np.arange(n), at)
    low, high = np.quantile(whole[1:, 1], [0.025, 0.975])
    assert high - low < np.mean(widths) / 2


def test_no_image_is_judged_by_a_probe_that_saw_it_or_its_copy():
    """Labels by lot: only who has seen an image's copy can know its class."""
    rng = np.random.default_rng(0)
    x, labels = np.tile(rng.normal(size=(100, 200)), (2, 1)), np.tile(rng.integers(0, 2, 100), 2)
    sizes, right = measure_probes(x, labels, np.tile(np.arange(100), 2), (0.25, 0.5, 1.0), lambda *_: None)
    assert (np.diff(sizes) > 0).all()
    assert right.mean(axis=(0, 2)).max() < 0.65


def test_more_images_are_promised_from_the_known_part_alone(make_images):
    dataset = make_images("here", dark=40, light=40)
    found = learning_curve(DataRef(dataset="here"))
    assert found.n == found.of < dataset.n
    assert found.line[-1][0] == pytest.approx(2 * found.n)
    assert 0 <= found.now <= found.doubled <= 1
    assert {c.name for c in found.classes} == {"dark", "light"}
    assert found.gain_ci[0] <= found.gain_ci[1]


def test_too_few_images_are_told(make_images):
    make_images("here", dark=40, light=6)
    with pytest.raises(InputError, match=r"Class “light” has .* too few for a curve"):
        learning_curve(DataRef(dataset="here"))
