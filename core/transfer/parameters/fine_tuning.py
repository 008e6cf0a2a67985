"""Fine-tuning a network's weights: in one go, in two stages or block by block; and the strategies beside it.

Training from random weights is the baseline that detects negative transfer; pretraining fits a source first.
"""

import keras

from core.models.heads import with_backbone
from core.transfer.features.trained_head import new_head
from core.transfer.fitting.fit import fit_by_spec
from core.transfer.fitting.optimizer import TransferAdam
from core.transfer.fitting.problem import Fitted, Problem
from core.transfer.fitting.vectors import Learn, VectorFitted, VectorProblem
from core.transfer.parameters.tail import Facts, Tail, after_head, fitted_from_tail, open_tail, tune_tail

# Each block's learning rate is that of the block above divided by this (Howard and Ruder 2018).
DECAY = 2.6


def fine_tune(problem: Problem) -> Fitted:
    """Train a new head and the last blocks together from the start (Yosinski et al. 2014, arXiv:1411.1792).

    Simpler than two stages and usually a little worse on small data: at first the random head sends large gradients
    into pretrained layers.
    """
    tail = open_tail(problem, new_head(problem))
    tune_tail(problem, tail, "head and last blocks")
    return fitted_from_tail(problem, tail)


def two_stage(problem: Problem) -> Fitted:
    """Fit the head on frozen embeddings, then head and last blocks together at a low learning rate."""
    return after_head(problem, lambda tail: tune_tail(problem, tail, "stage 2 of 2: last blocks"))


def gradual_unfreeze(problem: Problem) -> Fitted:
    """Unfreeze the last block, fit, unfreeze the one before, and so on (Howard and Ruder 2018, arXiv:1801.06146)."""
    return after_head(problem, lambda tail: _unfreeze_gradually(problem, tail))


def _unfreeze_gradually(problem: Problem, tail: Tail) -> Facts:
    steps = list(reversed(tail.blocks))
    epochs = max(1, problem.resolved.fine_tune_epochs // len(steps))
    by_block = _layers_by_block(tail)
    thawed = {layer.name for layers in by_block.values() for layer in layers if layer.trainable}
    rates = {
        variable.path: DECAY**-depth
        for depth, block in enumerate(steps)
        for layer in by_block[block.name]
        for variable in layer.variables
    }
    facts: Facts = {}
    for number, block in enumerate(steps, start=1):
        for name, layers in by_block.items():
            for layer in layers:
                # Batch normalisation stays frozen.
                layer.trainable = layer.name in thawed and name in [step.name for step in steps[:number]]
        facts = tune_tail(
            problem,
            tail,
            f"stage 2 of 2: down to {block.name.replace('_', ' ')}",
            epochs=epochs,
            optimizer=lambda rate: TransferAdam(rate, rates=rates),
        )
    return facts


def _layers_by_block(tail: Tail) -> dict[str, list[keras.layers.Layer]]:
    """The tail's layers by block; layers after the last block count as part of it."""
    found = {block.name: list(block.layers) for block in tail.blocks}
    layers = tail.network.layers
    found[tail.blocks[-1].name] += layers[layers.index(tail.blocks[-1].layers[-1]) + 1 :]
    return found


def from_scratch(problem: Problem) -> Fitted:
    """Train the whole network from random weights on the images."""
    model = with_backbone(problem.untrained(), new_head(problem))
    x = problem.images()
    facts = fit_by_spec(model, x, problem, "whole network from random weights")
    return Fitted(
        probabilities=model.predict(x[problem.judged], batch_size=64, verbose=0),
        build=lambda: model,
        facts={"validation_loss": facts["loss"], "validation_accuracy": facts["accuracy"]},
    )


def pretraining(problem: VectorProblem, learn: Learn) -> VectorFitted:
    """Fit the learner on the source, then on the target from those weights (Yosinski et al. 2014).

    The learner, `core.training.tables.learners.network`, does both, as it knows which of its layers to transfer.
    """
    return learn(problem)
