"""bfloat16 only inside the block, and only where it was measured to be faster."""

import numpy as np
import pytest

from core.schemas import ResolvedSpec
from tests.core.transfer.conftest import Recorder

pytestmark = pytest.mark.training
N = 48


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    y = np.eye(2, dtype="float32")[np.arange(N) % 2]
    return (rng.random((N, 12, 12, 3)) + 0.3 * y[:, 1, None, None, None]).astype("float32"), y


@pytest.fixture
def network():
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.Dropout(0.2, seed=1),
            keras.layers.GlobalAveragePooling2D(),
            keras.Sequential([keras.Input((8,)), keras.layers.Dense(2, activation="softmax")]),
        ]
    )


def fit(model, images, recorder, **spec):
    from core.transfer.fitting.fit import fit as fit_model

    x, y = images
    return fit_model(
        model,
        x,
        y,
        train=np.arange(32),
        validation=np.arange(32, N),
        epochs=30,
        batch_size=8,
        patience=30,
        resolved=ResolvedSpec.model_validate({"data": "d", "learning_rate": 0.02} | spec),
        phase="p",
        recorder=recorder,
    )


def compile_it(model):
    import keras

    from core.transfer.fitting.fit import compile_model

    compile_model(model, keras.optimizers.Adam(0.01), ResolvedSpec(data="d"))


def batches(images, steps):
    from core.transfer.fitting.fit import Batches

    return Batches(*images, np.resize(np.arange(32), 8 * steps), 8, np.ones(N), 0, 0)


def test_half_the_numbers_inside_the_block_and_none_of_it_after(network, images):
    from core.transfer.fitting.precision import computing_in

    x, _ = images
    before, weights = network.predict(x, verbose=0), network.get_weights()
    with computing_in(network, "bfloat16"):
        compile_it(network)
        inside = network.predict(x, verbose=0)
        assert network.layers[0].compute_dtype == "bfloat16"
        assert all(w.dtype == "float32" for w in network.weights)
    assert inside.dtype == np.float32, "probabilities are not rounded"
    assert 0 < np.abs(inside - before).max() < 0.02
    np.testing.assert_array_equal(network.predict(x, verbose=0), before)
    assert all(np.array_equal(a, b) for a, b in zip(weights, network.get_weights(), strict=True))


def test_a_network_fitted_in_bfloat16_is_as_good_and_float32_again(network, images, tmp_path):
    import keras

    facts = fit(network, images, Recorder(tmp_path), precision="bfloat16")
    assert facts["accuracy"] > 0.9
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].compute_dtype == "float32"
    x, _ = images
    np.testing.assert_allclose(loaded.predict(x, verbose=0), network.predict(x, verbose=0), atol=1e-6)


def test_timing_steps_leaves_no_trace(network, images):
    from core.transfer.fitting.precision import step_seconds

    compile_it(network)
    variables = [*network.variables, *network.optimizer.variables]
    before = [np.array(v) for v in variables]
    assert step_seconds(network, batches(images, 4)) > 0
    assert all(np.array_equal(a, np.array(v)) for a, v in zip(before, variables, strict=True))


@pytest.mark.parametrize(
    ("plain", "half", "chosen"), [(1.0, 0.2, "bfloat16"), (1.0, 0.9, "float32"), (1, 3, "float32")]
)
def test_bfloat16_wins_by_a_margin_only(plain, half, chosen):
    from core.transfer.fitting.precision import compare_step_times

    precision, note = compare_step_times(plain, half)
    assert precision == chosen and note.startswith(f"Trained in {chosen}")


@pytest.fixture
def clock(monkeypatch):
    """Seconds a step by precision, and what was timed; no step is taken."""
    timed = []

    def step_seconds(model, batches, limit=float("inf")):
        timed.append(model.layers[0].compute_dtype)
        return {"float32": 2.0, "bfloat16": 0.5}[timed[-1]]

    monkeypatch.setattr("core.transfer.fitting.precision.step_seconds", step_seconds)
    return timed


def test_the_faster_one_trains_and_holds_for_the_whole_run(network, images, clock, tmp_path):
    recorder = Recorder(tmp_path)
    fit(network, images, recorder, precision="auto")
    fit(network, images, recorder, precision="auto")
    assert clock == ["float32", "bfloat16"], "measured once"
    assert recorder.decisions["precision"][0] == "bfloat16"
    assert "4 times as fast" in recorder.notes[0]


def test_a_short_fit_and_one_without_images_are_not_measured(network, images, clock, tmp_path):
    import keras

    from core.transfer.fitting.precision import choose_precision

    compile_it(network)
    recorder = Recorder(tmp_path)
    assert choose_precision(network, lambda: None, batches(images, 4), 12, recorder) == "float32"
    head = keras.Sequential([keras.Input((432,)), keras.layers.Dense(2, activation="softmax")])
    x, y = images
    fit(head, (x.reshape(N, -1), y), recorder, precision="auto")
    assert not clock and not recorder.notes
