"""The baseline for transfer: the same architecture trained from random weights, to detect negative transfer."""

from core.models.heads import with_backbone
from core.transfer.features.linear_probe import new_head
from core.transfer.fitting.fit import fit_by_spec
from core.transfer.fitting.problem import Fitted, Problem


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
