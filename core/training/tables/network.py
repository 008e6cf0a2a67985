"""The Keras network on a table, trained on a source first where there is one."""

from collections.abc import Sequence

import keras

from core.transfer.fitting.fit import fit_by_spec
from core.transfer.fitting.vectors import VectorFitted, VectorProblem
from core.transfer.fitting.weighing import penalty_weight


def network(problem: VectorProblem) -> VectorFitted:
    """A multilayer perceptron: two hidden layers of 64 ReLU units with dropout.

    Categories come as one column each, so the first layer holds an embedding of 64 numbers for every category. With a
    source the network is trained there first; all its layers then go on from those weights, the units of classes that
    both have among them.
    """
    model = _perceptron(problem)
    if problem.source:
        before = _perceptron(problem.source)
        fit_by_spec(before, problem.source.x, problem.source, "stage 1 of 2: source table", problem.source.weights)
        _copy_shared_weights(before, problem.source.classes, model, problem.classes)
    phase = "stage 2 of 2: network" if problem.source else "network"
    facts = fit_by_spec(model, problem.x, problem, phase, problem.weights)
    return VectorFitted(
        probabilities=model.predict(problem.x[problem.judged], batch_size=1024, verbose=0),
        model=model,
        facts={"validation_loss": facts["loss"], "validation_accuracy": facts["accuracy"]},
    )


def _perceptron(problem: VectorProblem) -> keras.Model:
    resolved = problem.resolved
    dropout = resolved.dropout
    penalty = keras.regularizers.L2(penalty_weight(problem, len(problem.train)))
    return keras.Sequential(
        [
            keras.Input((problem.x.shape[1],)),
            keras.layers.Dense(64, activation="relu", kernel_regularizer=penalty),
            keras.layers.Dropout(dropout, seed=resolved.seed),
            keras.layers.Dense(64, activation="relu", kernel_regularizer=penalty),
            keras.layers.Dropout(dropout, seed=resolved.seed + 1),
            keras.layers.Dense(len(problem.classes), activation="softmax", kernel_regularizer=penalty),
        ],
        name="table_network",
    )


def _copy_shared_weights(
    source: keras.Model, source_classes: Sequence[str], target: keras.Model, target_classes: Sequence[str]
) -> None:
    """Give the target network the source's hidden layers and, of the last, the units of classes that both have."""
    *hidden, kernel, bias = source.get_weights()
    *_, new_kernel, new_bias = target.get_weights()
    for place, name in enumerate(target_classes):
        if name in source_classes:
            there = source_classes.index(name)
            new_kernel[:, place], new_bias[place] = kernel[:, there], bias[there]
    target.set_weights([*hidden, new_kernel, new_bias])
