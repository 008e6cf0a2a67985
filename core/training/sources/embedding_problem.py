"""A run on images that learns from other images as well: their embeddings as vectors, and a network made of what was
learnt on them."""

from typing import TYPE_CHECKING

import keras
import numpy as np

from core.models.heads import linear_head, with_backbone
from core.training.sources.source_problem import SourceImages
from core.transfer.fitting.fit import fit_by_spec
from core.transfer.fitting.linear import Projection
from core.transfer.fitting.problem import Fitted, Problem
from core.transfer.fitting.vectors import VectorFitted, VectorProblem
from core.transfer.fitting.weighing import penalty_weight

if TYPE_CHECKING:
    from collections.abc import Callable


def vector_problem(problem: Problem, source: SourceImages) -> VectorProblem:
    """The problem on embeddings, `(n, d)`, beside that of the source."""
    found = VectorProblem(
        resolved=problem.resolved,
        classes=problem.classes,
        x=problem.embeddings(),
        labels=problem.targets.argmax(axis=1),
        train=problem.train,
        validation=problem.validation,
        judged=problem.judged,
        recorder=problem.recorder,
        fit=problem.fit,
    )
    found.source = source.labels.problem(found, source.embeddings)
    return found


def fit_linear_head(problem: VectorProblem) -> VectorFitted:
    """The linear probe's head on vectors, as the learner that strategies with a source are given."""
    resolved = problem.resolved
    model = linear_head(
        problem.x.shape[1],
        len(problem.classes),
        dropout=resolved.dropout,
        weight_decay=penalty_weight(problem, len(problem.train)),
        seed=resolved.seed,
    )
    facts = fit_by_spec(model, problem.x, problem, "head", problem.weights)
    return VectorFitted(
        probabilities=model.predict(problem.x[problem.judged], batch_size=256, verbose=0),
        model=model,
        facts={"validation_loss": facts["loss"], "validation_accuracy": facts["accuracy"]},
    )


def fitted_from_pixels(problem: Problem, fitted: VectorFitted) -> Fitted:
    """What was learnt on embeddings as a strategy's result, its network from pixels to probabilities."""
    return Fitted(fitted.probabilities, _builder(problem.network, fitted), fitted.facts)


def _builder(network: "Callable[[], keras.Model]", fitted: VectorFitted) -> "Callable[[], keras.Model]":
    def build() -> keras.Model:
        learnt = fitted.model if isinstance(fitted.model, keras.Model) else fitted.model.network()
        if fitted.projection is None:
            return with_backbone(network(), learnt)
        return with_backbone(network(), keras.Sequential([_layer(fitted.projection), learnt], name="aligned_head"))

    return build


def _layer(projection: Projection) -> keras.Model:
    """A projection of vectors as a layer that is not trained."""
    d, k = projection.matrix.shape
    dense = keras.layers.Dense(k, dtype="float32", name="projection", trainable=False)
    model = keras.Sequential([keras.Input((d,)), dense], name="alignment")
    dense.set_weights([projection.matrix.astype("float32"), np.asarray(projection.offset, "float32")])
    return model
