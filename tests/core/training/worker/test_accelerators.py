"""Dividing batches among devices gives what one device gives, here on a processor that pretends to be two."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.settings import ROOT

pytestmark = pytest.mark.training

FIT = """
import sys
import keras, numpy as np, tensorflow as tf
from core.training.worker.accelerators import distribute_batches

n, out = int(sys.argv[1]), sys.argv[2]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
tf.config.experimental.enable_op_determinism()
keras.utils.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(203, 6)).astype("float32")
y = np.eye(2, dtype="float32")[(x[:, 0] > 0).astype(int)]
with distribute_batches(n, ["CPU:0", "CPU:1"]):
    hidden, last = keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2, activation="softmax")
    model = keras.Sequential([keras.Input((6,)), hidden, last])
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(0.01))
    fitted = model.fit(x[:160], y[:160], batch_size=32, epochs=3, shuffle=False, verbose=0,
                       validation_data=(x[160:], y[160:]), sample_weight=np.linspace(0.5, 1.5, 160))
    losses = fitted.history["loss"] + fitted.history["val_loss"]
    np.savez(out, losses=losses, whole=model.predict(x, verbose=0))
"""


def fit(n: int, folder: Path) -> dict[str, np.ndarray]:
    out = folder / f"{n}.npz"
    command = [sys.executable, "-c", FIT, str(n), str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(np.load(out))


def test_two_devices_give_what_one_gives(tmp_path: Path) -> None:
    one, two = fit(1, tmp_path), fit(2, tmp_path)
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, atol=1e-3, err_msg=name)
