"""The precision of a fit: float32, or bfloat16 if a short measurement finds it faster."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import keras

from core.transfer.fitting.recorder import Recorder

Precision = Literal["float32", "bfloat16"]
TIMED = 3  # steps, after the first one, which also builds the graph
MARGIN = 1.2  # bfloat16 must be this many times as fast
WORTH = 10  # a fit must take this many times as long as the measurement


@contextmanager
def computing_in(model: keras.Model, precision: Precision) -> Iterator[None]:
    """Let the layers of `model` compute in `precision` within the context, and in float32 again after it.

    Weights stay float32 throughout (Micikevicius et al. 2018, arXiv:1710.03740; bfloat16 has the range of float32,
    so that no loss scaling is needed: Kalamkar et al. 2019, arXiv:1905.12322). Softmax layers, whose probabilities
    would be coarse, and layers with a precision of their own are not changed. The model must be compiled again
    whenever the precision changes; leaving the context resets the compiled functions.
    """
    if precision == "float32":
        yield
        return
    plain = [layer for layer in model._flatten_layers() if layer.dtype_policy.name == "float32"]
    changed = [layer for layer in plain if getattr(layer, "activation", None) is not keras.activations.softmax]
    try:
        for layer in changed:
            layer.dtype_policy = keras.DTypePolicy("mixed_bfloat16")
        yield
    finally:
        for layer in changed:
            layer.dtype_policy = keras.DTypePolicy("float32")
        for each in [layer for layer in changed if isinstance(layer, keras.Model)]:
            each.train_function = each.test_function = each.predict_function = None


def choose_precision(
    model: keras.Model,
    compile_it: Callable[[], None],
    batches: keras.utils.PyDataset,
    steps: int,
    recorder: Recorder,
) -> Precision:
    """The faster precision for training `model`, measured on a few steps; a note on the run says so.

    A fit that takes less than ten times as long as the measurement stays in float32, unmeasured. Afterwards the model
    is as before, compiled for float32. The first choice holds for all fits of a run and after a resume.

    Args:
        compile_it: compiles the model for training.
        batches: training batches for `TIMED + 1` steps.
        steps: gradient steps of the whole fit.
    """

    def measure() -> tuple[Precision, str]:
        if steps < WORTH * (TIMED + 1):
            return "float32", ""
        begun = time.perf_counter()
        plain = step_seconds(model, batches)
        if steps * plain < WORTH * (time.perf_counter() - begun):
            return "float32", ""
        with computing_in(model, "bfloat16"):
            compile_it()
            half = step_seconds(model, batches, plain)
        compile_it()
        return compare_step_times(plain, half)

    precision, note = recorder.decide_once("precision", measure)
    if note:
        recorder.note(note)
    return precision


def compare_step_times(plain: float, half: float) -> tuple[Precision, str]:
    """The precision to use, from the seconds per step in float32 and in bfloat16, and a sentence on it."""
    ratio = plain / half
    comparison = f"bfloat16 took {half / plain:.2g} times as long as float32" if ratio < 1 else ""
    comparison = comparison or f"bfloat16 was {ratio:.2g} times as fast as float32"
    chosen: Precision = "bfloat16" if ratio >= MARGIN else "float32"
    return chosen, f"Trained in {chosen}: measured on this network and machine, {comparison}."


def step_seconds(model: keras.Model, batches: keras.utils.PyDataset, limit: float = float("inf")) -> float:
    """Seconds of the fastest training step after the first; weights and optimizer state are restored.

    Stops after a step that takes longer than `limit`.
    """
    variables = [*model.variables, *model.optimizer.variables]
    before = [keras.ops.convert_to_numpy(variable).copy() for variable in variables]
    watch = _Stopwatch(limit)
    model.fit(batches, epochs=1, shuffle=False, verbose=0, callbacks=[watch])
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    return min(watch.seconds[1:])


class _Stopwatch(keras.callbacks.Callback):
    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit
        self.seconds: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._begun = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        float((logs or {})["loss"])  # reading the loss waits for the end of the step
        self.seconds.append(time.perf_counter() - self._begun)
        if len(self.seconds) > 1 and self.seconds[-1] > self.limit:
            self.model.stop_training = True
