"""Gradual unfreezing: one block at a time, from the output, with lower learning rates for earlier blocks."""

import keras

from core.transfer.fitting.optimizer import TransferAdam
from core.transfer.fitting.problem import Fitted, Problem
from core.transfer.parameters.tail import Facts, Tail, after_head, tune_tail

# Each block's learning rate is that of the block above divided by this (Howard and Ruder 2018).
DECAY = 2.6


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
