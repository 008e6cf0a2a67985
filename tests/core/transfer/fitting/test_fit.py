"""Weights and scores as scikit-learn has them, and the best epoch kept."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss
from sklearn.utils.class_weight import compute_class_weight

from core.errors import NotANumberError
from core.schemas import ResolvedSpec
from tests.core.transfer.conftest import Recorder

pytestmark = pytest.mark.training


@pytest.mark.parametrize("seed", range(5))
def test_class_weights_are_scikit_learns_balanced_ones(seed):
    from core.transfer.fitting.weighing import class_weights, one_hot

    rng = np.random.default_rng(seed)
    labels = rng.choice(5, 200, p=rng.dirichlet([0.5] * 5))
    present = np.unique(labels)
    weights = class_weights(one_hot(labels, 6))
    assert weights[present] == pytest.approx(compute_class_weight("balanced", classes=present, y=labels))
    assert not weights[np.setdiff1d(np.arange(6), present)].any()
    assert weights[labels].mean() == pytest.approx(1)


def test_every_class_weighs_the_same_also_where_samples_are_of_two():
    from core.transfer.fitting.weighing import class_weights

    rng = np.random.default_rng(0)
    targets = rng.dirichlet([0.1, 0.3, 0.9], 100).astype("float32")
    weights = class_weights(targets)
    assert (targets * weights).sum(axis=0) == pytest.approx(100 / 3, rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_judging_gives_scikit_learns_log_loss_and_accuracy(seed):
    from core.transfer.fitting.weighing import loss_and_accuracy, one_hot

    rng = np.random.default_rng(seed)
    probabilities, labels = rng.dirichlet([0.3] * 4, 100).clip(1e-6), rng.integers(0, 4, 100)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    judged = loss_and_accuracy(probabilities, one_hot(labels, 4))
    assert judged["loss"] == pytest.approx(log_loss(labels, probabilities, labels=range(4)))
    assert judged["accuracy"] == accuracy_score(labels, probabilities.argmax(axis=1))


def test_a_wrong_certainty_costs_much_and_not_infinitely():
    from core.transfer.fitting.weighing import loss_and_accuracy

    assert 10 < loss_and_accuracy(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))["loss"] < np.inf


def fit(x: np.ndarray, y: np.ndarray, **changes: object) -> tuple[object, dict[str, float], Recorder]:
    import keras

    from core.transfer.fitting.fit import fit as fit_model

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((x.shape[1],)), keras.layers.Dense(2, activation="softmax")])
    notes = Recorder(Path(tempfile.mkdtemp()))
    values = {
        "epochs": 30,
        "batch_size": 8,
        "patience": 30,
        "resolved": ResolvedSpec(data="d", learning_rate=0.5, class_weights="balanced"),
    } | changes
    half = len(x) // 2
    facts = fit_model(
        model, x, y, train=np.arange(half), validation=np.arange(half, len(x)), phase="p", recorder=notes, **values
    )
    return model, facts, notes


@pytest.fixture
def noise() -> tuple[np.ndarray, np.ndarray]:
    """Nothing to learn, so that the validation loss gets worse with time."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 20)).astype("float32"), np.eye(2, dtype="float32")[rng.integers(0, 2, 40)]


def test_the_epoch_with_the_least_validation_loss_is_what_remains(noise):
    from core.transfer.fitting.weighing import class_weights, loss_and_accuracy

    model, facts, notes = fit(*noise)
    losses = [v["val_loss"] for _, v in notes.epochs]
    assert np.argmin(losses) < len(losses) - 1
    assert facts["loss"] == pytest.approx(min(losses), rel=1e-4)
    x, y = noise
    weights = y[20:] @ class_weights(y[:20])
    assert loss_and_accuracy(model.predict(x[20:], verbose=0), y[20:], weights) == pytest.approx(facts, rel=1e-4)


def test_fitting_ends_when_nothing_gets_better(noise):
    _, _, notes = fit(*noise, patience=2)
    losses = [v["val_loss"] for _, v in notes.epochs]
    assert len(losses) == np.argmin(losses) + 3 < 30


def test_features_that_are_no_numbers_stop_it_at_once(noise):
    x, y = noise
    x[3, 3] = np.nan
    with pytest.raises(NotANumberError) as caught:
        fit(x, y)
    assert caught.value.hint


def test_the_rate_falls(noise):
    _, _, notes = fit(*noise)
    rates = [v["learning_rate"] for _, v in notes.epochs]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.1 * rates[0]


def test_the_loss_of_a_mixed_sample_is_that_of_its_parts():
    from core.transfer.fitting.weighing import loss_and_accuracy

    probabilities = np.array([[0.7, 0.2, 0.1]])
    mixed = loss_and_accuracy(probabilities, np.array([[0.6, 0.0, 0.4]]))["loss"]
    assert mixed == pytest.approx(-0.6 * np.log(0.7) - 0.4 * np.log(0.1))


def test_a_sample_of_two_classes_is_learnt_as_such():
    """Every sample is 0.75 of one class, so the best that a model without features can say is 0.75."""
    x = np.ones((40, 1), dtype="float32")
    y = np.tile(np.array([[0.75, 0.25]], dtype="float32"), (40, 1))
    model, _, _ = fit(x, y, epochs=20, patience=20, batch_size=20, resolved=ResolvedSpec(data="d", learning_rate=0.5))
    assert model.predict(x[:1], verbose=0)[0, 0] == pytest.approx(0.75, abs=0.02)


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's."""


def crowded(monkeypatch, fits: int) -> list[int]:
    """Memory that holds batches of at most `fits` samples; the sizes that were tried."""
    from core.transfer.fitting import fit as fitting

    tried = []
    take = fitting.Batches.__getitem__

    def give(self, index):
        batch = take(self, index)
        if len(batch[0]) not in tried[-1:]:
            tried.append(len(batch[0]))
        if len(batch[0]) > fits:
            raise ResourceExhaustedError("OOM when allocating tensor")
        return batch

    monkeypatch.setattr(fitting.Batches, "__getitem__", give)
    return tried


def test_a_batch_that_does_not_fit_is_halved_until_it_does(noise, monkeypatch):
    tried = crowded(monkeypatch, fits=5)
    _, facts, notes = fit(*noise, batch_size=20, epochs=2)
    assert tried[:3] == [20, 10, 5]
    assert np.isfinite(facts["loss"])
    assert [note for note in notes.notes if "halved" in note][-1].endswith("to 5 samples.")
    assert [number for number, _ in notes.epochs] == [1, 2]


def test_when_not_even_one_sample_fits_it_is_out_of_memory(noise, monkeypatch):
    crowded(monkeypatch, fits=0)
    with pytest.raises(ResourceExhaustedError):
        fit(*noise, batch_size=4)


def test_another_error_is_no_reason_to_try_smaller_batches(noise, monkeypatch):
    from core.transfer.fitting import fit as fitting

    def broken(self, index):
        raise RuntimeError("something else")

    monkeypatch.setattr(fitting.Batches, "__getitem__", broken)
    with pytest.raises(RuntimeError, match="something else"):
        fit(*noise)
