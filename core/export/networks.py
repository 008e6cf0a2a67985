"""A run's network written in the formats of other engines. All take RGB images of 0 to 255, `(n, size, size, 3)`."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import DataError
from core.store.runs import run_folder

if TYPE_CHECKING:
    from core.export.exporting import Job

CALIBRATION = 100  # training images that tell the range of every layer
# What pools, squashes and normalises an embedding, and the softmax: small numbers that 8 bits would round away, and
# next to none of the work.
_IN_FLOAT = [
    "MEAN",
    "TANH",
    "SQUARE",
    "SUM",
    "MAXIMUM",
    "RSQRT",
    "MUL",
    "FULLY_CONNECTED",
    "SOFTMAX",
]


def write_keras(job: "Job") -> Path:
    path = job.file(".keras")
    shutil.copyfile(run_folder(job.run.id) / "model.keras", path)
    return path


def write_saved_model(job: "Job") -> Path:
    path = job.file("")
    job.network.export(path, format="tf_saved_model", verbose=False)
    return path


def write_onnx(job: "Job") -> Path:
    path = job.file(".onnx")
    job.network.predict_on_batch(np.zeros((1, *job.network.input_shape[1:]), "float32"))  # Keras wants it called once
    job.network.export(path, format="onnx", verbose=False)
    return path


def write_openvino(job: "Job") -> Path:
    """The `.xml` of the network; its weights lie beside it in the `.bin` of the same name."""
    path = job.file(".xml")
    job.network.export(str(path), format="openvino", verbose=False)
    return path


def write_litert(job: "Job") -> Path:
    path = job.file(".tflite")
    job.network.export(path, format="litert", verbose=False)
    return path


def write_litert_int8(job: "Job") -> Path:
    """Convolutions in 8-bit integers (Jacob et al. 2018, arXiv:1712.05877), the head in float32; images stay float32.

    The ranges are those that training images give.
    """
    import tensorflow as tf

    rows = np.flatnonzero(job.samples["part"].to_numpy(dtype=object) == "train")
    if not len(rows):
        raise DataError("There are no training images to calibrate by.", "Export it in a float format.")
    chosen = np.random.default_rng(job.run.spec.seed).permutation(rows)[:CALIBRATION]

    def calibration() -> Iterator[list[np.ndarray]]:
        for row in chosen:
            yield [job.images([row]).astype("float32")]

    folder = job.work / "saved_model"
    job.network.export(folder, format="tf_saved_model", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = calibration
    # TensorFlow's name for quantising some operations and not others.
    selective = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=calibration,
        debug_options=tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=_IN_FLOAT),
    )
    path = job.file(".tflite")
    path.write_bytes(selective.get_nondebug_quantized_model())
    return path
