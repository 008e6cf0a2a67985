"""Schedules, losses and averages do what their names say."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

from core.schemas import ResolvedSpec
from tests.core.transfer.conftest import Recorder

pytestmark = pytest.mark.training
STEPS, RATE = 200, 0.01


def rates(name: str) -> np.ndarray:
    from core.transfer.fitting.optimization import make_schedule

    made = make_schedule(name, RATE, STEPS)
    return np.full(STEPS, made) if isinstance(made, float) else np.array([float(made(i)) for i in range(STEPS)])


@pytest.mark.parametrize(
    ("name", "peak", "last"),
    [("cosine", 0, 0.02), ("warm_up", 20, 0.02), ("one_cycle", 60, 0.0001), ("constant", 0, 1)],
)
def test_a_schedule_peaks_where_it_should_and_ends_low(name: str, peak: int, last: float) -> None:
    found = rates(name)
    assert found.max() == pytest.approx(RATE, rel=0.01)
    assert abs(int(found.argmax()) - peak) <= 1
    assert (np.diff(found[peak:]) <= 1e-9).all() and (np.diff(found[: peak + 1]) >= 0).all()
    assert found[-1] == pytest.approx(last * RATE, abs=0.01 * RATE)


def test_focal_loss_counts_easy_samples_less() -> None:
    from core.transfer.fitting.optimization import make_loss

    target = np.array([[1.0, 0.0]])
    easy, hard = np.array([[0.95, 0.05]]), np.array([[0.3, 0.7]])
    plain, focal = (make_loss(ResolvedSpec(data="d", loss=name)) for name in ("cross_entropy", "focal"))
    ratios = [float(focal(target, p)) / float(plain(target, p)) for p in (easy, hard)]
    assert ratios == pytest.approx([(1 - 0.95) ** 2, (1 - 0.3) ** 2], rel=1e-3)


def test_smoothed_labels_want_less_than_certainty() -> None:
    from core.transfer.fitting.optimization import make_loss

    smoothed = make_loss(ResolvedSpec(data="d", label_smoothing=0.2))
    target = np.array([[1.0, 0.0]])
    losses = {p: float(smoothed(target, np.array([[p, 1 - p]]))) for p in (0.8, 0.9, 0.999)}
    assert min(losses, key=losses.__getitem__) == 0.9


def noisy(averaging: str) -> tuple[list[np.ndarray], list[np.ndarray], Recorder]:
    """Weights after every epoch, and those that are kept, of a fit that jumps about."""
    import keras

    from core.transfer.fitting.fit import fit

    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3)).astype("float32")
    y = np.eye(2, dtype="float32")[(x[:, 0] + rng.normal(0, 1, 80) > 0).astype(int)]
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="softmax")])
    seen: list[np.ndarray] = []

    class Watching(Recorder):
        def epoch(self, number: int, values: dict[str, float]) -> None:
            seen.append(model.get_weights()[0])
            super().epoch(number, values)

    notes = Watching(Path(tempfile.mkdtemp()))
    spec = ResolvedSpec.model_validate(
        {"data": "d", "learning_rate": 0.5, "optimizer": "sgd", "schedule": "constant", "averaging": averaging}
    )
    fit(
        model,
        x,
        y,
        train=np.arange(40),
        validation=np.arange(40, 80),
        epochs=12,
        batch_size=4,
        patience=12,
        resolved=spec,
        phase="p",
        recorder=notes,
    )
    return seen, model.get_weights(), notes


def test_the_average_is_validated_and_kept_and_the_fit_goes_on_from_the_weights() -> None:
    plain, kept_plain, _ = noisy("none")
    averaged, kept, notes = noisy("ema")
    np.testing.assert_allclose(averaged[-1], plain[-1], atol=1e-4, err_msg="averaging changed the way itself")
    assert any(np.array_equal(kept_plain[0], weights) for weights in plain)
    assert all(not np.allclose(kept[0], weights, atol=1e-4) for weights in averaged)
    best = min(values["val_loss"] for _, values in notes.epochs)
    from core.transfer.fitting.weighing import loss_and_accuracy

    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3)).astype("float32")
    y = np.eye(2, dtype="float32")[(x[:, 0] + rng.normal(0, 1, 80) > 0).astype(int)]
    logits = x[40:] @ kept[0] + kept[1]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert loss_and_accuracy(shares, y[40:])["loss"] == pytest.approx(best, abs=1e-4)
