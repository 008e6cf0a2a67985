"""The last blocks of a backbone with a head on top, trained on the cached output of the frozen blocks before them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import keras
import numpy as np
import psutil

from core.models.folding import fold_batch_norm
from core.models.heads import with_backbone
from core.models.networks import Block, freeze_batch_norm, network_blocks, split_network
from core.transfer.fitting.optimization import MakeOptimizer
from core.transfer.fitting.problem import Fitted, Problem
from core.transfer.fitting.softmax import solve_head
from core.transfer.fitting.weighing import loss_and_accuracy, penalty_weight, validation_weights

Facts = dict[str, float]
STEPS = 10
SMALLEST_BATCH = 8
MEMORY_SHARE = 0.5  # of the free memory, for the activations at the cut


@dataclass(frozen=True)
class Tail:
    """The part of a network that is fine-tuned.

    Attributes:
        network: the backbone, pixels to embedding; it shares the weights of its last layers with `model`.
        head: embedding to probabilities.
        model: activations at the cut to probabilities, with batch normalisation folded into the convolutions.
        blocks: the unfrozen blocks, from input to output.
        x: activations of all samples, `(n, h, w, c)` float32; the images if those do not fit into memory.
    """

    network: keras.Model
    head: keras.Model
    model: keras.Model
    blocks: tuple[Block, ...]
    x: np.ndarray


def open_tail(problem: Problem, head: keras.Model) -> Tail:
    """Cut the backbone so that its last `resolved.unfreeze` blocks can be trained under `head`.

    Batch normalisation keeps its statistics exactly: in Keras 3 that needs `trainable = False` on every such layer,
    `training=False` in the call is not enough. The frozen layers run once for all samples and augmented views, and
    their output is kept. Only if it would not fit into memory, as with a cut near the input, do they run at every
    step: the same result up to rounding, but slower, because each image passes them once per epoch.
    """
    network = problem.network()
    parts = network_blocks(network)
    place = max(0, len(parts) - 1 - problem.resolved.unfreeze)
    trunk, tail = split_network(network, parts[place].name)
    freeze_batch_norm(network)
    if problem.recorder.decide_once("cached_boundary", lambda: _has_room(problem, trunk)):
        x = problem.activations(parts[place].name)
    else:
        problem.recorder.note(
            "The output of the frozen blocks for all images would take more than half of the free memory, so every"
            " image passes through them in every epoch. With fewer unfrozen blocks it passes only once."
        )
        for layer in trunk.layers:
            layer.trainable = False
        x, tail = problem.images(), network
    model = keras.Sequential([keras.Input(x.shape[1:]), fold_batch_norm(tail), head])
    return Tail(network, head, model, tuple(parts[place + 1 :]), x)


def _has_room(problem: Problem, trunk: keras.Model) -> bool:
    """Whether the trunk's output at all positions, float32, takes less than half of the free memory."""
    needed = 4 * math.prod(trunk.output_shape[1:]) * len(problem.targets)
    return bool(needed < MEMORY_SHARE * psutil.virtual_memory().available)


def tune_tail(
    problem: Problem,
    tail: Tail,
    phase: str,
    *,
    epochs: int | None = None,
    optimizer: MakeOptimizer | None = None,
) -> Facts:
    """Fit the trainable layers of the tail; returns validation loss and accuracy of the best epoch.

    On small datasets the batch size is lower than in the spec, so that an epoch has ten steps: with three, the few
    epochs of fine-tuning would hardly change the weights.
    """
    resolved = problem.resolved
    epochs = epochs or resolved.fine_tune_epochs
    return problem.fit(
        tail.model,
        tail.x,
        problem.targets,
        train=problem.train,
        validation=problem.validation,
        epochs=epochs,
        batch_size=min(resolved.batch_size, max(SMALLEST_BATCH, len(problem.train) // STEPS)),
        rate="fine_tune_learning_rate",
        resolved=resolved,
        patience=max(4, epochs // 3),
        phase=phase,
        recorder=problem.recorder,
        optimizer=optimizer,
    )


def after_head(problem: Problem, tuning: Callable[[Tail], Facts]) -> Fitted:
    """Solve the head on frozen embeddings, then tune the tail, and keep the better one on the validation samples.

    Starting from a fitted head keeps large gradients of random weights away from pretrained ones (Kumar et al. 2022,
    arXiv:2202.10054). It learns from the training samples alone, under whose penalty the tail is tuned as well.
    """
    solved = solve_head(problem, problem.train[: problem.n_train], "stage 1 of 2: head")
    rows, resolved = problem.validation, problem.resolved
    before = loss_and_accuracy(
        solved.head.predict_proba(problem.embeddings()[rows]), problem.targets[rows], validation_weights(problem)
    )
    once = replace(problem, resolved=resolved.model_copy(update={"l2": solved.l2}))
    decay = penalty_weight(once, problem.n_train)
    tail = open_tail(problem, solved.head.network(resolved.dropout, decay, resolved.seed))
    frozen = [np.copy(w) for w in tail.model.get_weights()]
    after = tuning(tail)
    kept = is_no_worse(before, after)
    if not kept:
        tail.model.set_weights(frozen)
        problem.recorder.note(
            f"Stage two was worse on the validation images (loss {after['loss']:.3f} against {before['loss']:.3f}),"
            " so the frozen backbone and its head were kept."
        )
    fitted = fitted_from_tail(problem, tail)
    fitted.facts |= {
        "l2": solved.l2,
        "stage_one_validation_loss": before["loss"],
        "stage_one_validation_accuracy": before["accuracy"],
        "stage_two_kept": float(kept),
    }
    return fitted


def fitted_from_tail(problem: Problem, tail: Tail) -> Fitted:
    """The tail's probabilities, its validation metrics, and the whole network for saving."""
    rows = problem.validation
    best = loss_and_accuracy(
        tail.model.predict(tail.x[rows], verbose=0), problem.targets[rows], validation_weights(problem)
    )
    return Fitted(
        probabilities=tail.model.predict(tail.x[problem.judged], verbose=0),
        build=lambda: with_backbone(tail.network, tail.head),
        facts={"validation_loss": best["loss"], "validation_accuracy": best["accuracy"]},
    )


def is_no_worse(before: Facts, after: Facts) -> bool:
    """Whether stage two is kept: its validation loss, the metric with the least noise, is not higher."""
    return after["loss"] <= before["loss"]
