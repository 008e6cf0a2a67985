"""What runs a frozen backbone over many images: OpenVINO on a CPU, Keras on a GPU or where OpenVINO is missing.

For MobileNet-like networks OpenVINO is about three times as fast as TensorFlow on the same cores, with the same
result to float32 rounding. Both compute in float32, so that an embedding does not depend on the engine.
"""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Protocol

import numpy as np

from core.embedding.prepared import prepared_network
from core.methods.backbone import Backbone
from core.settings import get_settings

Progress = Callable[[int, int], None]

# What needs Keras is resolved only when it is called, so that a converted network runs without importing Keras.
KERAS_ENGINE = "core.models.keras_engine:KerasEngine"
GPU_NAME = "core.models.keras_engine:gpu_name"


class Images(Protocol):
    """Images that can be read at any size."""

    def __len__(self) -> int: ...

    def batch(self, rows: Sequence[int], size: int) -> np.ndarray:
        """RGB images of 0 to 255, uint8, `(len(rows), size, size, 3)`."""
        ...


class Engine(Protocol):
    """A frozen network, ready to run. `shape` is the shape of one image's output."""

    name: str
    reason: str
    shape: tuple[int, ...]

    def embed_into(self, images: Images, size: int, out: np.ndarray, progress: Progress | None = None) -> None:
        """Write the output for every image, in order, to `out`, `(len(images), *shape)`, float32."""
        ...


def choose_engine(backbone: Backbone, size: int, cut: str | None = None) -> Engine:
    """The fastest engine available, loaded; its `name` and `reason` say which it is and why.

    `WeightsError` if the weights are missing or damaged, `InputError` if there is no such cut.
    """
    instead = _instead_of_openvino()
    if instead is None:
        return OpenVINOEngine(backbone, size, cut)
    engine: Engine = resolve_name(KERAS_ENGINE)(backbone, size, cut, *instead)
    return engine


def runs_in_openvino() -> bool:
    """Whether `choose_engine` chooses OpenVINO, so that embeddings need no Keras."""
    return _instead_of_openvino() is None


def _instead_of_openvino() -> tuple[str, str] | None:
    """The name of the engine that is used in the place of OpenVINO, and why; None if OpenVINO is."""
    if backend() != "tensorflow":
        return f"Keras with {backend()}", "OpenVINO reads networks from TensorFlow"
    gpu = _gpu_name()
    if gpu:
        return f"Keras on {gpu}", "a GPU is faster than OpenVINO on the CPU"
    if importlib.util.find_spec("openvino") is None:
        return "Keras on the CPU", "OpenVINO, which is faster, is not installed"
    return None


class OpenVINOEngine:
    """OpenVINO with several requests in flight: the next images are decoded while earlier ones are computed."""

    # Throughput hardly depends on the batch size; small batches keep the activations in the CPU caches.
    _BATCH = 8

    def __init__(self, backbone: Backbone, size: int, cut: str | None = None) -> None:
        import openvino

        self.name = "OpenVINO on the CPU"
        self.reason = "no GPU was found, and OpenVINO is faster than TensorFlow on a CPU"
        core = openvino.Core()
        model = core.read_model(prepared_network(backbone, size, cut) / "model.xml")
        if list(model.input().partial_shape)[1] != size:
            model.reshape([-1, size, size, 3])
        inputs = openvino.preprocess.PrePostProcessor(model)
        inputs.input().tensor().set_element_type(openvino.Type.u8)
        self._compiled = core.compile_model(
            inputs.build(),
            "CPU",
            {
                "PERFORMANCE_HINT": "THROUGHPUT",
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": get_settings().threads,
            },
        )
        self._queue = openvino.AsyncInferQueue(self._compiled)
        self.shape = tuple(side.get_length() for side in list(self._compiled.output(0).get_partial_shape())[1:])

    def embed_into(self, images: Images, size: int, out: np.ndarray, progress: Progress | None = None) -> None:
        def keep(request: Any, rows: range) -> None:
            out[rows.start : rows.stop] = request.get_output_tensor(0).data

        self._queue.set_callback(keep)
        try:
            for rows in batches(len(images), self._BATCH):
                self._queue.start_async(images.batch(rows, size), rows)
                if progress:
                    progress(rows.stop, len(images))
        finally:
            self._queue.wait_all()


def batches(n: int, size: int) -> Iterator[range]:
    """Consecutive ranges of `size` that cover `n`; the last may be shorter."""
    return (range(start, min(start + size, n)) for start in range(0, n, size))


def backend() -> str:
    """The backend of Keras, found without importing Keras, which OpenVINO does not need."""
    if "keras" in sys.modules:
        return str(sys.modules["keras"].config.backend())
    return os.environ.get("KERAS_BACKEND") or "tensorflow"


def _gpu_name() -> str:
    """The name of the first GPU that TensorFlow can use, or "". Imports TensorFlow only if there may be one."""
    if not any(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/dxg").exists():
        return ""
    name: str = resolve_name(GPU_NAME)()
    return name
