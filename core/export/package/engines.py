"""The engines of exported files: each gives a function from samples to probabilities.

This module travels with an export, so it imports an engine only where it is used, and nothing of Graft.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Predict = Callable[[Any], np.ndarray]  # samples, `(n, …)`, to probabilities, `(n, classes)`


def keras(path: Path) -> Predict:
    import keras

    model = keras.saving.load_model(path, compile=False)
    return lambda x: np.asarray(model.predict_on_batch(x))


def tensorflow(path: Path) -> Predict:
    import tensorflow as tf

    loaded = tf.saved_model.load(path)  # its functions live only as long as it does
    return lambda x: np.asarray(loaded.serve(x))


def onnxruntime(path: Path) -> Predict:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: np.asarray(session.run(None, {name: x})[0])


def openvino(path: Path) -> Predict:
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(path, "CPU", settings)
    return lambda x: np.asarray(compiled(x)[0])


def litert(path: Path) -> Predict:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    given, wanted = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def predict(x: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(given, x)
        interpreter.invoke()
        return np.array(interpreter.get_tensor(wanted))

    return predict


def joblib(path: Path) -> Predict:
    """A learner of scikit-learn's kind. A class that its training rows lack gets 0."""
    import joblib

    model = joblib.load(path)

    def predict(x: np.ndarray) -> np.ndarray:
        found = model.predict_proba(x)
        probabilities = np.zeros((len(x), int(max(model.classes_)) + 1))
        probabilities[:, model.classes_] = found
        return probabilities

    return predict


ENGINES: dict[str, Callable[[Path], Predict]] = {
    "keras": keras,
    "tensorflow": tensorflow,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "litert": litert,
    "joblib": joblib,
}
