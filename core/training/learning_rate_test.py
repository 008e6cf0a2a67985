"""The learning-rate range test, on the network that a run would train."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, cast

import keras
import numpy as np
from keras.optimizers.schedules import ExponentialDecay

from core.errors import DataError
from core.methods.learners import get_learner
from core.methods.plan import fields_read, resolve_request
from core.methods.presets import RATE_FACTOR
from core.methods.rate_search import RateSearch, suggest_rate
from core.schemas import ResolvedSpec
from core.training.images.task import ImageTask
from core.training.recorder import Recorder
from core.training.tables.task import TableTask
from core.transfer.fitting.fit import Batches, Rate, compile_model, fit
from core.transfer.fitting.optimization import MakeOptimizer, optimizer_factory
from core.transfer.fitting.weighing import sample_weights

Progress = Callable[[int, int, str], None]
STEPS = 120
LOWEST, HIGHEST = 1e-6, 10.0  # for Adam; other optimizers' rates are scaled as in the presets
RECENT = 0.8  # weight of the past in the running mean of the losses


def range_test_task(params: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """Task `learning_rate`: `params` are a `TrainingSpec` and `rate`, the field to find. Returns a `RateSearch`.

    Uses only training samples, without augmentation and folds; the trained weights are discarded. A strategy with a
    source is replaced by what trains with the same rate on the target alone: of images bagging, whose first head is
    tested, of tables the learner.
    """
    rate = cast(Rate, params["rate"])
    left_out = {"augmentation", "views", "folds", "source"}
    if params["spec"].get("source"):
        left_out |= {"strategy", "method", "target_labels"}
    asked = {field: value for field, value in params["spec"].items() if field not in left_out}
    if params["spec"].get("source") and "backbone" in asked:
        asked["strategy"] = "bagging"
        reads = fields_read(asked, "image")
        asked = {field: value for field, value in asked.items() if field in reads}
    resolved = resolve_request(asked)
    keras.utils.set_random_seed(resolved.seed)
    recorder = _TaskRecorder(folder, progress)
    test = RangeTest(rate, progress)
    try:
        if resolved.backbone:
            images = ImageTask(resolved, recorder)
            problem = images.problem(images.splits[0])
            resolve_name(images.strategy.fit)(replace(problem, validation=problem.train, fit=test))
        else:
            table = TableTask(resolved, recorder)
            rows, _ = table.problem(table.splits[0])
            resolve_name(get_learner(resolved.learner).fit)(replace(rows, validation=rows.train, fit=test))
    except RangeTestFinished as finished:
        return finished.result.model_dump(mode="json")
    raise AssertionError(f"{resolved.strategy or resolved.learner} fits nothing at its {rate}")


class RangeTestFinished(Exception):
    """Ends the strategy in which the range test ran, with its result."""

    def __init__(self, result: RateSearch) -> None:
        super().__init__()
        self.result = result


class RangeTest:
    """Replaces `core.transfer.fitting.fit.fit`: runs earlier fits as usual and tests the one with the wanted rate."""

    def __init__(self, rate: Rate, progress: Progress) -> None:
        self.rate = rate
        self.progress = progress

    def __call__(
        self, model: keras.Model, x: np.ndarray, y: np.ndarray, *, rate: Rate = "learning_rate", **how: Any
    ) -> dict[str, float]:
        if rate != self.rate:
            return fit(model, x, y, rate=rate, **how)
        resolved: ResolvedSpec = how["resolved"]
        weights = sample_weights(resolved, y, how["train"], how.get("weights"))
        raise RangeTestFinished(
            run_range_test(
                model,
                Batches(x, y, how["train"], how["batch_size"], weights, resolved.seed, 0),
                resolved,
                make=how.get("optimizer"),
                progress=self.progress,
            )
        )


def run_range_test(
    model: keras.Model,
    batches: Batches,
    resolved: ResolvedSpec,
    *,
    make: MakeOptimizer | None = None,
    progress: Progress = lambda *_: None,
) -> RateSearch:
    """The learning-rate range test (Smith 2017, arXiv:1506.01186), the rate growing exponentially batch by batch.

    It stops when the running mean of the losses exceeds the best one by the loss of guessing, the logarithm of the
    number of classes. The model's weights are restored afterwards.

    Raises:
        DataError: the loss was NaN or infinite within the first steps.
    """
    factor = RATE_FACTOR.get(resolved.optimizer, 1.0)
    growth = (HIGHEST / LOWEST) ** (1 / (STEPS - 1))
    compile_model(
        model, (make or optimizer_factory(resolved.optimizer))(ExponentialDecay(factor * LOWEST, 1, growth)), resolved
    )
    before = model.get_weights()
    rates, losses, mean, best = [], [], 0.0, float("inf")
    guessing = float(np.log(model.output_shape[-1]))
    diverged = False
    for step, batch in zip(range(STEPS), _repeated(batches), strict=False):
        model.reset_metrics()
        loss = float(model.train_on_batch(*batch, return_dict=True)["cross_entropy"])
        if not np.isfinite(loss):
            diverged = True
            break
        rates.append(factor * LOWEST * growth**step)
        losses.append(loss)
        mean = RECENT * mean + (1 - RECENT) * loss
        running = mean / (1 - RECENT ** (step + 1))
        best = min(best, running)
        progress(step + 1, STEPS, "learning rates")
        if running > best + guessing:
            diverged = True
            break
    model.set_weights(before)
    if len(losses) < 10:
        raise DataError("The loss is no number at any learning rate.", "Look for extreme values in the data.")
    return suggest_rate(rates, losses, diverged)


def _repeated(batches: Batches) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    while True:
        for index in range(len(batches)):
            yield batches[index]
        batches.on_epoch_end()


class _TaskRecorder(Recorder):
    """Reports a task's progress; there is no run to record."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        super().__init__("")
        self._folder, self._progress, self._number = folder, progress, 0

    def next_checkpoint(self) -> Path:
        self._number += 1
        return self._folder / "checkpoint" / f"{self._number:03d}.npz"

    def decide_once(self, name: str, decide: Any) -> Any:
        return decide()

    def finish_asked(self) -> bool:
        return False

    def note(self, text: str) -> None:
        pass

    def _event(self, epoch: int, values: dict[str, float]) -> None:
        pass

    def _row(self, epoch: int, force: bool = False) -> None:
        self._progress(epoch, self._epochs, self._phase)
