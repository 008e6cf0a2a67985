"""Learners for tables, as data."""

from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

from core.errors import InputError
from core.methods.strategies import OPTIMIZATION
from core.schemas import Frozen


class Learner(Frozen):
    """A learner of tables.

    Attributes:
        uses: the fields of a `TrainingSpec` that it reads.
        fit: the function, `core.module:name`; only a worker resolves it, because it may import Keras.
        source_strategy: the strategy used if a source is given but no strategy.
        prunable: whether its epochs are steps of one fit, so that a study can prune a trial.
        ensemble: its name for `ensemble --method` on the command line, if it trains several models.
        script: the sections of a script that repeats it, `core.module:name`; empty if there are none.
    """

    name: str
    title: str
    summary: str
    uses: tuple[str, ...]
    fit: str
    source_strategy: str = ""
    prunable: bool = False
    ensemble: str = ""
    script: str = ""

    def load(self) -> Callable[..., Any]:
        """The function `fit`; only a worker calls this, because it may import Keras."""
        function: Callable[..., Any] = resolve_name(self.fit)
        return function


# Learners that `core.methods.recommendation` names.
NETWORK, LOGISTIC_REGRESSION = "network", "logistic_regression"

_ALL = (
    Learner(
        name=NETWORK,
        title="Keras network",
        summary="Two dense layers with dropout; finds interactions between columns.",
        uses=(
            "epochs",
            "batch_size",
            "learning_rate",
            "dropout",
            "l2",
            "class_weights",
            *OPTIMIZATION,
            "device",
            "gpus",
        ),
        fit="core.training.tables.learners:network",
        source_strategy="pretraining",
        prunable=True,
        script="core.export.table_script:NETWORK",
    ),
    Learner(
        name=LOGISTIC_REGRESSION,
        title="Logistic regression",
        summary="The linear baseline that a network should beat.",
        uses=("class_weights",),
        fit="core.training.tables.learners:logistic_regression",
        script="core.export.table_script:LOGISTIC_REGRESSION",
    ),
    Learner(
        name="random_forest",
        title="Random forest",
        summary="Many trees on random rows and columns; robust, with few settings.",
        uses=("trees", "class_weights"),
        fit="core.training.tables.learners:random_forest",
        script="core.export.table_script:RANDOM_FOREST",
    ),
    Learner(
        name="gradient_boosting",
        title="Gradient boosting",
        summary="Each tree corrects the errors of the previous ones; often the best on tables.",
        uses=("trees", "class_weights"),
        fit="core.training.tables.learners:gradient_boosting",
        prunable=True,
        script="core.export.table_script:GRADIENT_BOOSTING",
    ),
    Learner(
        name="bagging",
        title="Bagging",
        summary="Trees on bootstrap samples of the rows, averaged; more stable than one tree.",
        uses=("estimators", "class_weights"),
        fit="core.training.tables.ensembles:bagging",
        ensemble="bagging",
    ),
    Learner(
        name="ada_boost",
        title="AdaBoost",
        summary="Small trees, each weighting the rows that the previous ones misclassified.",
        uses=("estimators", "class_weights"),
        fit="core.training.tables.ensembles:ada_boost",
        ensemble="boosting",
    ),
    Learner(
        name="stacking",
        title="Stacking",
        summary="A linear model, a random forest and boosting, combined by a meta-learner.",
        uses=("trees", "class_weights"),
        fit="core.training.tables.ensembles:stacking",
        ensemble="stacking",
    ),
)

LEARNERS: dict[str, Learner] = {x.name: x for x in _ALL}


def get_learner(name: str) -> Learner:
    if name not in LEARNERS:
        raise InputError(f"There is no learner “{name}”.", f"Choose one of: {', '.join(LEARNERS)}.")
    return LEARNERS[name]
