"""The linear probe: a softmax layer on frozen embeddings."""

from typing import TYPE_CHECKING

from core.models.heads import linear_head, whole
from core.transfer.fitting import fit
from core.transfer.problem import Fitted, Problem

if TYPE_CHECKING:
    import keras


def linear_probe(problem: Problem) -> Fitted:
    """Train the head alone (Alain and Bengio 2016, arXiv:1610.01644)."""
    head, facts = fit_head(problem)
    x = problem.embeddings()[problem.judged]
    return Fitted(
        probabilities=head.predict(x, batch_size=256, verbose=0),
        build=lambda: whole(problem.network(), head),
        facts={"validation_loss": facts["loss"], "validation_accuracy": facts["accuracy"]},
    )


def fit_head(problem: Problem, phase: str = "head") -> "tuple[keras.Model, dict[str, float]]":
    """The trained head, embeddings to probabilities, and its validation loss and accuracy."""
    spec = problem.spec
    x = problem.embeddings()
    assert spec.epochs and spec.batch_size and spec.learning_rate
    penalty = (spec.l2 or 0.0) / len(problem.train)
    head = linear_head(
        x.shape[1], len(problem.classes), dropout=spec.dropout or 0.0, weight_decay=penalty, seed=spec.seed
    )
    facts = fit(
        head,
        x,
        problem.labels,
        train=problem.train,
        validation=problem.validation,
        epochs=spec.epochs,
        batch_size=spec.batch_size,
        learning_rate=spec.learning_rate,
        balanced=spec.class_weights == "balanced",
        seed=spec.seed,
        patience=max(8, spec.epochs // 5),
        phase=phase,
        recorder=problem.recorder,
    )
    return head, facts
