"""The one place that compiles and fits a Keras classifier."""

import math
from typing import Literal, Protocol

import keras
import numpy as np

from core.errors import is_out_of_memory
from core.schemas import ResolvedSpec
from core.transfer.fitting.checkpoint import Checkpoint
from core.transfer.fitting.keeping import (
    CheckpointCallback,
    DivergedError,
    KeptEpoch,
    describe_divergence,
    not_a_number,
)
from core.transfer.fitting.optimization import (
    MakeOptimizer,
    make_loss,
    make_schedule,
    optimizer_factory,
    use_moving_average,
)
from core.transfer.fitting.precision import TIMED, Precision, choose_precision, computing_in
from core.transfer.fitting.problem import Fit
from core.transfer.fitting.recorder import Recorder
from core.transfer.fitting.weighing import Judged, describe_guessing, loss_and_accuracy, sample_weights

Rate = Literal["learning_rate", "fine_tune_learning_rate"]


class Batches(keras.utils.PyDataset):
    """Training batches in an order that depends only on seed and epoch, so that a resumed fit repeats it.

    Args:
        x: inputs, first axis the samples; y: class probabilities, `(n, classes)`; rows: training positions.
        weights: sample weights in the loss, `(n,)`.
        first: the first epoch, counted from 0.
    """

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        rows: np.ndarray,
        batch_size: int,
        weights: np.ndarray,
        seed: int,
        first: int,
    ) -> None:
        super().__init__()
        self._x, self._y, self._rows, self._size, self._seed, self._epoch = x, y, rows, batch_size, seed, first
        self._weights = weights
        self._shuffle()

    def _shuffle(self) -> None:
        self._order = np.random.default_rng((self._seed, self._epoch)).permutation(self._rows)

    def __len__(self) -> int:
        return math.ceil(len(self._rows) / self._size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = self._order[index * self._size : (index + 1) * self._size]
        return self._x[rows], self._y[rows], self._weights[rows]

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._shuffle()


def fit(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    *,
    train: np.ndarray,
    validation: np.ndarray,
    epochs: int,
    batch_size: int,
    patience: int,
    resolved: ResolvedSpec,
    phase: str,
    recorder: Recorder,
    rate: Rate = "learning_rate",
    optimizer: MakeOptimizer | None = None,
    weights: np.ndarray | None = None,
    keep: KeptEpoch = "best",
) -> dict[str, float]:
    """Fit `model` and restore the weights of the best epoch: lowest validation loss, or highest macro-F1 if asked.

    The recorded loss, by which the epoch is chosen, is the cross-entropy without the layers' penalties, with classes
    weighted as in training. The state is saved after every epoch; a resumed run continues from there and skips
    finished fits. If a batch does not fit into memory, the batch size is halved. If the loss becomes NaN after an
    epoch in which it was a number, the fit ends there with a note.

    Args:
        x: inputs, first axis the samples; y: class probabilities of each sample, `(n, classes)` float32, rows add up
            to 1 (see `one_hot`).
        train, validation: positions in `x`.
        patience: epochs without a lower validation loss before early stopping.
        rate: the field of `resolved` that gives the learning rate.
        resolved: names optimizer, loss and precision; with balanced class weights every class has the same total
            weight (King and Zeng 2001); its seed decides the order of the samples.
        optimizer: makes the optimizer from the learning-rate schedule, instead of the one that `resolved` names.
        weights: sample weights in the loss, `(n,)`, times the class weights; by default all 1.
        keep: "last" keeps the last epoch, without early stopping, if the validation loss cannot tell which is best.

    Returns:
        `loss`, with classes weighted as in training, and `accuracy` on the validation samples, of the restored
        weights.

    Raises:
        NotANumberError: the loss is NaN or infinite in the first epoch.
    """
    recorder.phase(phase, epochs)
    path = recorder.next_checkpoint()
    judged = sample_weights(resolved, y, train)[validation]
    judged = judged if judged.any() else np.ones(len(judged))  # of classes that training lacks
    weights = sample_weights(resolved, y, train, weights)
    highest = getattr(resolved, rate)
    # Heads and networks on tables take milliseconds per step in any precision.
    chosen = None if resolved.precision == "auto" else resolved.precision
    precision: Precision | None = "float32" if x.ndim == 2 else chosen

    def compile_it() -> None:
        rates = make_schedule(resolved.schedule, highest, epochs * steps)
        made = (optimizer or optimizer_factory(resolved.optimizer))(rates)
        compile_model(model, use_moving_average(made, steps) if resolved.averaging == "ema" else made, resolved)

    while True:
        steps = math.ceil(len(train) / batch_size)
        compile_it()
        try:
            if precision is None:
                few = np.resize(train, (TIMED + 1) * batch_size)
                tried = Batches(x, y, few, batch_size, weights, resolved.seed, 0)
                precision = choose_precision(model, compile_it, tried, epochs * steps, recorder)
            with computing_in(model, precision):
                if precision != "float32":
                    compile_it()
                checkpoint = Checkpoint(path, model)
                if checkpoint.restore():
                    recorder.resumed(checkpoint.progress.epoch, checkpoint.progress.values)
                first = checkpoint.progress.epoch
                if first < epochs and not checkpoint.progress.done:
                    keeper = CheckpointCallback(checkpoint, recorder, patience, keep)
                    try:
                        model.fit(
                            Batches(x, y, train, batch_size, weights, resolved.seed, first),
                            validation_data=(x[validation], y[validation], judged),
                            initial_epoch=first,
                            epochs=epochs,
                            shuffle=False,  # Batches has done it
                            verbose=0,
                            # Validates the averaged weights; training continues from the weights themselves.
                            callbacks=[keras.callbacks.SwapEMAWeights(), keeper]
                            if model.optimizer.use_ema
                            else [keeper],
                        )
                    except DivergedError:
                        checkpoint.progress.done = checkpoint.progress.diverged = True
                        checkpoint.save()
            break
        # The class belongs to the backend's library, which is not imported here.
        except Exception as error:
            if not is_out_of_memory(error) or batch_size == 1:
                raise
            batch_size = max(1, batch_size // 2)
            recorder.note(f"A batch did not fit into memory; the batch size was halved to {batch_size} samples.")
    if not math.isfinite(checkpoint.progress.best):
        raise not_a_number()
    model.set_weights(checkpoint.best_weights)
    found = model.predict(x[validation], batch_size=min(256, 4 * batch_size), verbose=0)
    diverged = describe_divergence(checkpoint.progress, y.shape[1], highest)
    if diverged:
        recorder.note(diverged)
    guessed = describe_guessing(found, y[validation], judged)
    if guessed:
        recorder.note(
            f"In “{phase}” the validation loss {guessed} Try another learning rate or more epochs, or check the"
            " labels."
        )
    return loss_and_accuracy(found, y[validation], judged)


def compile_model(model: keras.Model, optimizer: keras.optimizers.Optimizer, resolved: ResolvedSpec) -> None:
    """Compile with the loss of `resolved`; cross-entropy, weighted as the loss is, and accuracy are metrics."""
    metrics: list[keras.metrics.Metric] = [keras.metrics.CategoricalAccuracy(name="accuracy")]
    if resolved.monitor == "macro_f1":
        metrics.append(keras.metrics.F1Score(average="macro", name="macro_f1"))
    model.compile(
        optimizer=optimizer,
        loss=make_loss(resolved),
        metrics=metrics,
        weighted_metrics=[keras.metrics.CategoricalCrossentropy(name="cross_entropy")],
    )
    model.optimizer.build(model.trainable_variables)


class FitProblem(Judged, Protocol):
    """What `fit_by_spec` needs of a problem; `Problem` and `VectorProblem` have it."""

    @property
    def recorder(self) -> Recorder: ...
    @property
    def fit(self) -> Fit: ...


def fit_by_spec(
    model: keras.Model,
    x: np.ndarray,
    problem: FitProblem,
    phase: str,
    weights: np.ndarray | None = None,
    *,
    targets: np.ndarray | None = None,
    keep: KeptEpoch = "best",
) -> dict[str, float]:
    """Call the problem's `fit` with the epochs, batch size and learning rate of its resolved spec.

    `targets` replace the problem's own.
    """
    resolved = problem.resolved
    return problem.fit(
        model,
        x,
        problem.targets if targets is None else targets,
        train=problem.train,
        validation=problem.validation,
        epochs=resolved.epochs,
        batch_size=resolved.batch_size,
        resolved=resolved,
        patience=max(8, resolved.epochs // 5),
        phase=phase,
        recorder=problem.recorder,
        weights=weights,
        keep=keep,
    )
