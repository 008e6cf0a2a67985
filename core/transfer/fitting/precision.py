"""The precision in which a network computes: float32, or bfloat16 where a short measurement finds it faster."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import keras

from core.transfer.fitting.recorder import Recorder

Precision = Literal["float32", "bfloat16"]
TIMED = 3  # steps, after the first one, which also builds the graph
MARGIN = 1.2  # how many times as fast bfloat16 must be
WORTH = 10  # times as long as measuring a fit must be


@contextmanager
def computing_in(model: keras.Model, precision: Precision) -> Iterator[None]:
    """Let the layers of `model` compute in `precision` inside the block, and in float32 again after it.

    Weights stay float32 throughout (Micikevicius et al. 2018, arXiv:1710.03740; bfloat16 has the range of float32,
    so that the loss needs no scaling: Kalamkar et al. 2019, arXiv:1905.12322). Softmax layers, whose probabilities
    would be coarse, and layers with a precision of their own are left alone. The model must be compiled anew
    wherever the precision changes; leaving the block undoes what was compiled.
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
    """The precision in which `model` takes its steps faster, measured on a few of them; the run's notes say so.

    A fit that is not at least ten times as long as measuring stays in float32, unmeasured. Afterwards the model is as
    before, compiled for float32. What was chosen first holds for all fits of a run and after a resume.

    Args:
        compile_it: compiles the model for training.
        batches: what it would learn from, `TIMED + 1` steps of it.
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
    """The faster of both by the seconds of a step in float32 and in bfloat16, and the sentence that says so."""
    ratio = plain / half
    told = f"bfloat16 took {half / plain:.2g} times as long as float32" if ratio < 1 else ""
    told = told or f"bfloat16 was {ratio:.2g} times as fast as float32"
    chosen: Precision = "bfloat16" if ratio >= MARGIN else "float32"
    return chosen, f"Trained in {chosen}: measured on this network and machine, {told}."


def step_seconds(model: keras.Model, batches: keras.utils.PyDataset, limit: float = float("inf")) -> float:
    """Seconds of the fastest training step, the first one not counted; weights and optimizer stay as they were.

    A step that takes longer than `limit` ends it.
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
        float((logs or {})["loss"])  # the step has ended when its loss is there
        self.seconds.append(time.perf_counter() - self._begun)
        if len(self.seconds) > 1 and self.seconds[-1] > self.limit:
            self.model.stop_training = True
