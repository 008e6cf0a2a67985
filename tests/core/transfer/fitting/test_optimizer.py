"""What TransferAdam does to a single weight, against Adam told the same by other means."""

import numpy as np
import pytest

pytestmark = pytest.mark.training


def steps(optimizer, gradient, n=5, start=1.0):
    """The weight after each of n steps, its gradient given as a function of it."""
    import keras

    weight = keras.Variable([start], name="w")
    optimizer.build([weight])
    path = []
    for _ in range(n):
        optimizer.apply([keras.ops.convert_to_tensor(gradient(keras.ops.convert_to_numpy(weight)))], [weight])
        path.append(float(keras.ops.convert_to_numpy(weight)[0]))
    return path


def test_without_anchors_and_rates_it_is_adam():
    import keras

    from core.transfer.fitting.optimizer import TransferAdam

    def gradient(w):
        return 2 * (w - 3)

    assert steps(TransferAdam(0.1), gradient) == steps(keras.optimizers.Adam(0.1), gradient)


def test_the_pull_is_the_gradient_of_the_penalty_written_out():
    import keras

    from core.transfer.fitting.optimizer import TransferAdam

    source = np.array([0.5], dtype="float32")
    pulled = steps(TransferAdam(0.1, anchors={"w": source}, pull=0.7), lambda w: 2 * (w - 3))
    written = steps(keras.optimizers.Adam(0.1), lambda w: 2 * (w - 3) + 0.7 * (w - source))
    assert pulled == pytest.approx(written, abs=1e-6)


def test_a_rate_scales_the_step():
    from core.transfer.fitting.optimizer import TransferAdam

    whole = steps(TransferAdam(0.1), lambda w: np.ones_like(w), n=1)
    half = steps(TransferAdam(0.1, rates={"w": 0.5}), lambda w: np.ones_like(w), n=1)
    assert 1 - half[0] == pytest.approx((1 - whole[0]) / 2, rel=1e-5)
