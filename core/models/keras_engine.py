"""The Keras engine for frozen backbones, and the preparation of a backbone to run without Keras.

`core.embedding.engines` resolves the functions of this module by name, so that a worker imports Keras only if needed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from core.embedding.engines import Images, Progress, backend, batches
from core.embedding.prepared import CLASSIFIER, LAYERS
from core.methods.backbone import Backbone
from core.models.heads import layers_head, linear_head, with_backbone
from core.models.networks import build_backbone, layer_averages, split_network


class KerasEngine:
    """Runs a backbone in Keras, on the device that its backend chooses."""

    _BATCH = 64

    def __init__(self, backbone: Backbone, size: int, cut: str | None, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        self._model = frozen_model(backbone, size, cut)
        self.shape = tuple(self._model.output.shape[1:])

    def embed_into(self, images: Images, size: int, out: np.ndarray, progress: Progress | None = None) -> None:
        with _exact_float32():
            for rows in batches(len(images), self._BATCH):
                result = self._model.predict_on_batch(images.batch(rows, size).astype(np.float32))
                # Under a distribution strategy each device returns the whole batch, concatenated.
                out[rows.start : rows.stop] = result[: len(rows)]
                if progress:
                    progress(rows.stop, len(images))


def gpu_name() -> str:
    """The name of the first GPU that TensorFlow can use, or ""."""
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(devices[0]).get("device_name", "a GPU") if devices else ""


@contextmanager
def _exact_float32() -> Iterator[None]:
    """Disable TensorFloat-32 on GPUs, which TensorFlow enables by default."""
    if backend() != "tensorflow":
        yield
        return
    from tensorflow.config import experimental

    before = experimental.tensor_float_32_execution_enabled()
    experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        experimental.enable_tensor_float_32_execution(before)


def frozen_model(backbone: Backbone, size: int, cut: str | None) -> Any:
    """The Keras model from images to embeddings or, with `cut`, to that block's activations; always float32.

    With the cut `LAYERS` it gives the averages of all layers.
    """
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        model = build_backbone(backbone, size)
        if cut == LAYERS:
            return layer_averages(model)
        return split_network(model, cut)[0] if cut else model
    finally:
        keras.config.set_dtype_policy(policy)


def prepare(backbone: Backbone, size: int, cut: str | None, folder: Path) -> None:
    """Convert the backbone, or with `cut` its layers up to that block, to OpenVINO's `model.xml` and `model.bin`.

    The whole backbone, or that with the averages of all layers, is also written with an empty head as a Keras file,
    `core.embedding.prepared.CLASSIFIER`.
    """
    import openvino
    import tensorflow as tf

    model = frozen_model(backbone, size, cut)
    if cut is None:
        with_backbone(model, linear_head(backbone.features, 2)).save(folder / CLASSIFIER)
    if cut == LAYERS:
        ones = np.ones(model.output_shape[-1])
        with_backbone(model, layers_head(ones, 0 * ones, 2)).save(folder / CLASSIFIER)
    images = tf.TensorSpec((None, *model.input.shape[1:]), tf.float32)
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(images)
    openvino.save_model(openvino.convert_model(graph), folder / "model.xml", compress_to_fp16=False)
