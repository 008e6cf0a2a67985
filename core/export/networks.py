"""A run's network written in the formats of other engines.

All take RGB images of 0 to 255, `(n, size, size, 3)`, and scale the values themselves: ONNX and OpenVINO as uint8,
the others as float32.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import DataError
from core.evaluation.scores import classes_of
from core.export.job import Job
from core.store import runs
from core.store.runs import run_folder

if TYPE_CHECKING:
    import keras

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


def write_keras(job: Job) -> Path:
    path = job.file(".keras")
    shutil.copyfile(run_folder(job.run.id) / "model.keras", path)
    return path


def write_saved_model(job: Job) -> Path:
    path = job.file("")
    job.network.export(path, format="tf_saved_model", verbose=False)
    return path


def write_onnx(job: Job) -> Path:
    """The network from bytes to probabilities, the names of the classes in its metadata."""
    import onnx

    path = job.file(".onnx")
    network = _from_bytes(job.network)
    network.predict_on_batch(np.zeros((1, *network.input_shape[1:]), "uint8"))  # Keras wants it called once
    network.export(path, format="onnx", verbose=False)
    model = onnx.load(path)
    onnx.helper.set_model_props(model, _metadata(job))
    onnx.save(model, path)
    return path


def write_openvino(job: Job) -> Path:
    """The `.xml` of the network, as for ONNX; its weights lie beside it in the `.bin` of the same name."""
    import openvino

    path = job.file(".xml")
    with tempfile.TemporaryDirectory(dir=job.work.parent) as folder:
        plain = Path(folder) / path.name
        _from_bytes(job.network).export(str(plain), format="openvino", verbose=False)
        model = openvino.Core().read_model(plain)
        for name, text in _metadata(job).items():
            model.set_rt_info(text, ["graft", name])
        openvino.save_model(model, path, compress_to_fp16=False)
        del model  # it maps the file
    return path


def _from_bytes(network: "keras.Model") -> "keras.Model":
    """The network with an input of bytes, so that no program has to know how values are scaled."""
    import keras

    images = keras.Input(network.input_shape[1:], dtype="uint8", name="images")
    return keras.Model(images, network(keras.ops.cast(images, "float32")), name="from_bytes")


def _metadata(job: Job) -> dict[str, str]:
    """What a program must know of the file, as text."""
    return {
        "classes": json.dumps(classes_of(runs.read_predictions(job.run.id)), ensure_ascii=False),
        "input": "RGB, 0 to 255, uint8, (n, height, width, 3); the whole picture, scaled bilinearly",
        "output": "probability of each class, in the order of classes",
    }


def write_litert(job: Job) -> Path:
    path = job.file(".tflite")
    job.network.export(path, format="litert", verbose=False)
    return path


def write_litert_int8(job: Job) -> Path:
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

    with tempfile.TemporaryDirectory(dir=job.work.parent) as folder:
        job.network.export(folder, format="tf_saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        return _quantised(job, converter, calibration)


def _quantised(job: Job, converter: Any, calibration: Callable[[], Iterator[list[np.ndarray]]]) -> Path:
    import tensorflow as tf

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
