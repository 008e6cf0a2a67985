"""Run an exported file by its own engine: `python -m core.export.engine ENGINE FILE SAMPLES OUT`.

A fresh process that imports only this engine, like a user of the file.
`SAMPLES` is a `.npy` of images, uint8 `(n, size, size, 3)`, or a `.parquet` of a table's columns; `OUT` becomes an
`.npz` with `probabilities`, `(n, classes)`, and `seconds`, `(n,)`, of each sample by itself.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core.settings import get_settings

Predict = Callable[[Any], Any]  # one sample, with a first axis of 1, to its probabilities `(1, classes)`


def keras(path: Path) -> Predict:
    import keras

    model = keras.saving.load_model(path, compile=False)
    return lambda x: model.predict_on_batch(x)


def tensorflow(path: Path) -> Predict:
    import tensorflow as tf

    loaded = tf.saved_model.load(path)  # its functions live only as long as it does
    return lambda x: loaded.serve(x).numpy()


def onnxruntime(path: Path) -> Predict:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = get_settings().threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def openvino(path: Path) -> Predict:
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(path, "CPU", settings)
    return lambda x: compiled(x)[0]


def litert(path: Path) -> Predict:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=get_settings().threads)
    interpreter.allocate_tensors()
    given, wanted = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def predict(x: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given, x)
        interpreter.invoke()
        found: np.ndarray = interpreter.get_tensor(wanted)
        return found

    return predict


def bundle(path: Path) -> Predict:
    import importlib.util
    import tempfile
    import zipfile

    folder = Path(tempfile.mkdtemp(dir=path.parent))
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    spec = importlib.util.spec_from_file_location("predict", folder / "predict.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Predict = module.probabilities
    return found


ENGINES = {
    "keras": keras,
    "tensorflow": tensorflow,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "litert": litert,
    "bundle": bundle,
}


def main(engine: str, path: str, samples: str, out: str) -> None:
    predict = ENGINES[engine](Path(path))
    if samples.endswith(".parquet"):
        import pandas as pd

        rows = pd.read_parquet(samples)
        each = [rows.iloc[i : i + 1] for i in range(len(rows))]
    else:
        images = np.load(samples)
        each = [images[i : i + 1].astype("float32") for i in range(len(images))]
    predict(each[0])  # the first one is slower
    probabilities, seconds = [], []
    for sample in each:
        begun = time.perf_counter()
        probabilities.append(np.array(predict(sample)))
        seconds.append(time.perf_counter() - begun)
    np.savez(out, probabilities=np.concatenate(probabilities), seconds=np.array(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
