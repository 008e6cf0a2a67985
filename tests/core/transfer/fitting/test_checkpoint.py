"""A fit that is cut short and resumed ends as if it had never been."""

import numpy as np
import pytest

from core.schemas import ResolvedSpec
from tests.core.transfer.conftest import Recorder

pytestmark = pytest.mark.training
EPOCHS = 6


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 5)).astype("float32")
    y = np.eye(3, dtype="float32")[(x @ rng.normal(size=(5, 3))).argmax(axis=1)]
    return x, y


def train(data, recorder, epochs=EPOCHS, **how):
    import keras

    from core.transfer.fitting.fit import fit

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.3, seed=1),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    x, y = data
    facts = fit(
        model,
        x,
        y,
        train=np.arange(60),
        validation=np.arange(60, 90),
        epochs=epochs,
        batch_size=16,
        patience=epochs,
        resolved=ResolvedSpec.model_validate(
            {"data": "d", "learning_rate": 0.01, "class_weights": "balanced", "seed": 3} | how
        ),
        phase="head",
        recorder=recorder,
    )
    return facts, model.get_weights()


SPEC = {"data": "d", "learning_rate": 0.01, "class_weights": "balanced", "seed": 3}
HOW = [
    (1, {}),
    (3, {}),
    (5, {}),
    (3, {"averaging": "ema"}),
    (2, {"optimizer": "sgd", "schedule": "one_cycle", "averaging": "ema"}),
    (4, {"optimizer": "adamw", "schedule": "warm_up", "loss": "focal", "label_smoothing": 0.1}),
]


@pytest.mark.parametrize(("killed_after", "how"), HOW)
def test_a_resumed_fit_repeats_no_epoch_and_ends_with_the_same_weights(data, tmp_path, killed_after, how):
    whole = Recorder(tmp_path / "whole")
    facts, weights = train(data, whole, **how)
    first = Recorder(tmp_path / "cut", die_after=killed_after)
    with pytest.raises(KeyboardInterrupt):
        train(data, first, **how)
    second = Recorder(tmp_path / "cut")
    resumed_facts, resumed_weights = train(data, second, **how)
    assert second.resumed_at == [killed_after]
    assert [e for e, _ in first.epochs + second.epochs] == list(range(1, EPOCHS + 1))
    assert (first.epochs + second.epochs)[-1][1] == pytest.approx(whole.epochs[-1][1], abs=1e-5)
    assert resumed_facts == pytest.approx(facts, abs=1e-5)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(weights, resumed_weights, strict=True))


def test_a_fit_that_had_ended_is_not_run_again(data, tmp_path):
    facts, _ = train(data, Recorder(tmp_path))
    again = Recorder(tmp_path)
    assert train(data, again)[0] == pytest.approx(facts)
    assert again.epochs == []


@pytest.mark.parametrize("damage", [b"", b"PK no archive", None])
def test_a_damaged_checkpoint_costs_one_epoch(data, tmp_path, damage):
    with pytest.raises(KeyboardInterrupt):
        train(data, Recorder(tmp_path, die_after=4))
    path = tmp_path / "001.npz"
    path.write_bytes(path.read_bytes()[:-200] if damage is None else damage)
    second = Recorder(tmp_path)
    _, weights = train(data, second)
    assert second.resumed_at == [3]
    _, undisturbed = train(data, Recorder(tmp_path / "whole"))
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(weights, undisturbed, strict=True))


def test_finishing_now_keeps_the_best_epoch_so_far(data, tmp_path):
    recorder = Recorder(tmp_path)
    recorder.finish = True
    train(data, recorder)
    assert [e for e, _ in recorder.epochs] == [1]
    assert "Finished early" in recorder.notes[0]
