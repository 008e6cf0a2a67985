"""The honest baseline: the same architecture with random weights, so that negative transfer shows."""

import keras

from core.models.heads import linear_head, whole
from core.transfer.fitting import fit
from core.transfer.problem import Fitted, Problem


def from_scratch(problem: Problem) -> Fitted:
    """Train the whole network from random weights on the images themselves."""
    spec = problem.spec
    assert spec.epochs and spec.batch_size and spec.learning_rate
    network = problem.untrained()
    head = linear_head(
        problem.features,
        len(problem.classes),
        dropout=spec.dropout or 0.0,
        weight_decay=(spec.l2 or 0.0) / len(problem.train),
        seed=spec.seed,
    )
    model: keras.Model = whole(network, head)
    x = problem.images()
    facts = fit(
        model,
        x,
        problem.labels,
        train=problem.train,
        validation=problem.validation,
        epochs=spec.epochs,
        batch_size=spec.batch_size,
        learning_rate=spec.learning_rate,
        balanced=spec.class_weights == "balanced",
        seed=spec.seed,
        patience=max(8, spec.epochs // 3),
        phase="whole network from random weights",
        recorder=problem.recorder,
    )
    return Fitted(
        probabilities=model.predict(x[problem.judged], batch_size=64, verbose=0),
        build=lambda: model,
        facts={"validation_loss": facts["loss"], "validation_accuracy": facts["accuracy"]},
    )
