"""Two-stage fine-tuning: the head first, then the backbone's last blocks, and a guard that keeps the better one."""

import keras
import numpy as np

from core.models.efficientnet_lite import cuts, freeze_batch_norm, split
from core.models.heads import whole
from core.transfer.fitting import fit, judge
from core.transfer.linear_probe import fit_head
from core.transfer.problem import Fitted, Problem


def two_stage(problem: Problem) -> Fitted:
    """Fit the head on frozen embeddings, then head and last blocks together at a low learning rate.

    Starting the second stage from a fitted head keeps large gradients of random weights away from pretrained
    ones (Kumar et al. 2022, arXiv:2202.10054). Batch normalisation keeps its statistics bit for bit: only
    `trainable = False` on every such layer does that in Keras 3, `training=False` in the call does not.

    The frozen layers run once, up to the cut; the tail trains on their cached output. The whole network shares
    the tail's layers, so that it is fine-tuned with it.
    """
    spec = problem.spec
    head, before = fit_head(problem, phase="stage 1 of 2: head")
    assert spec.unfreeze and spec.fine_tune_epochs and spec.batch_size and spec.fine_tune_learning_rate
    network = problem.network()
    blocks = cuts(network)
    cut = blocks[max(0, len(blocks) - 1 - spec.unfreeze)]
    _, tail = split(network, cut)
    freeze_batch_norm(network)
    x = problem.activations(cut)
    model = keras.Sequential([keras.Input(x.shape[1:]), tail, head])
    frozen = [np.copy(w) for w in model.get_weights()]
    after = fit(
        model,
        x,
        problem.labels,
        train=problem.train,
        validation=problem.validation,
        epochs=spec.fine_tune_epochs,
        batch_size=spec.batch_size,
        learning_rate=spec.fine_tune_learning_rate,
        balanced=spec.class_weights == "balanced",
        patience=max(4, spec.fine_tune_epochs // 3),
        phase="stage 2 of 2: last blocks",
        recorder=problem.recorder,
    )
    kept = is_kept(before, after)
    if not kept:
        model.set_weights(frozen)
        problem.recorder.note(
            f"Stage two was worse on the validation images (loss {after['loss']:.3f} against {before['loss']:.3f}),"
            " so the frozen backbone and its head were kept."
        )
    probabilities = model.predict(x[problem.judged], batch_size=128, verbose=0)
    best = judge(model.predict(x[problem.validation], batch_size=128, verbose=0), problem.labels[problem.validation])
    return Fitted(
        probabilities=probabilities,
        build=lambda: whole(network, head),
        facts={
            "validation_loss": best["loss"],
            "validation_accuracy": best["accuracy"],
            "stage_one_validation_loss": before["loss"],
            "stage_one_validation_accuracy": before["accuracy"],
            "stage_two_kept": float(kept),
        },
    )


def is_kept(before: dict[str, float], after: dict[str, float]) -> bool:
    """Whether stage two may stand: not worse on validation in loss, the measure with the least noise."""
    return after["loss"] <= before["loss"]
