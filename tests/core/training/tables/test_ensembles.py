"""Learners of tables made of many: better than one where one is too simple, and honest about what they saw."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from core.commands.studies import TRAINED
from core.errors import DataError
from core.methods.learners import LEARNERS
from core.methods.strategies import STRATEGIES
from core.schemas import ResolvedSpec
from core.training.tables import ensembles as table_ensembles
from core.training.tables.learners import logistic_regression
from core.transfer.fitting.vectors import VectorFitted, VectorProblem
from tests.core.transfer.conftest import Recorder

pytestmark = pytest.mark.training

RNG = np.random.default_rng


def problem(x: np.ndarray, y: np.ndarray, **spec: object) -> VectorProblem:
    """The first half to learn from, a quarter to choose by, a quarter that is judged."""
    n = len(x)
    settings = {"data": "t", "class_weights": "none", "estimators": 10, "trees": 20} | spec
    return VectorProblem(
        resolved=ResolvedSpec.model_validate(settings),
        classes=tuple("abc"[: y.max() + 1]),
        x=x.astype("float32"),
        labels=y,
        train=np.arange(n // 2),
        validation=np.arange(n // 2, 3 * n // 4),
        judged=np.arange(3 * n // 4, n),
        recorder=Recorder(Path()),
    )


def crossed(n: int = 800) -> tuple[np.ndarray, np.ndarray]:
    """Two columns whose signs together, neither alone, tell the class."""
    x = RNG(0).normal(size=(n, 4))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def accuracy(given: VectorProblem, fitted: VectorFitted) -> float:
    return float((fitted.probabilities.argmax(axis=1) == given.labels[given.judged]).mean())


@pytest.mark.parametrize("learn", [table_ensembles.bagging, table_ensembles.ada_boost, table_ensembles.stacking])
def test_what_a_linear_model_cannot_tell_is_learnt(learn):
    given = problem(*crossed())
    assert accuracy(given, learn(given)) > accuracy(given, logistic_regression(given)) + 0.25


def test_many_trees_are_steadier_than_one_where_labels_are_noisy():
    x, y = crossed(1200)
    noisy = np.where(RNG(1).random(len(y)) < 0.25, 1 - y, y)
    given = problem(x, noisy, estimators=50)
    given.labels[given.judged] = y[given.judged]
    one = DecisionTreeClassifier(random_state=0).fit(given.x[given.train], given.labels[given.train])
    alone = (one.predict(given.x[given.judged]) == y[given.judged]).mean()
    assert accuracy(given, table_ensembles.bagging(given)) > alone + 0.05


def test_copies_of_a_row_are_never_in_two_folds():
    """Labels by lot: only who has seen a row's copy can know its class."""
    x, y = RNG(0).normal(size=(60, 3)), RNG(1).integers(0, 2, 60)
    twice, labels = np.tile(x, (2, 1)), np.tile(y, 2)
    held_out = table_ensembles.out_of_fold([DecisionTreeClassifier(random_state=0)], twice, labels, None, 0)
    assert (held_out.argmax(axis=1) == labels).mean() < 0.75


def test_a_class_too_rare_for_folds_is_told():
    x, y = RNG(0).normal(size=(40, 3)), np.repeat([0, 1], 20)
    y[0] = 2
    with pytest.raises(DataError, match="every class in each of five folds"):
        table_ensembles.out_of_fold([DecisionTreeClassifier()], x, y, None, 0)


@pytest.mark.parametrize("learn", [table_ensembles.bagging, table_ensembles.ada_boost, table_ensembles.stacking])
def test_balanced_classes_find_more_of_a_rare_one(learn):
    y = (RNG(0).random(1600) < 0.08).astype(int)
    x = RNG(1).normal(size=(1600, 3)) + y[:, None]
    found = []
    for weights in ("none", "balanced"):
        given = problem(x, y, class_weights=weights)
        rare = given.labels[given.judged] == 1
        found.append(learn(given).probabilities[rare].argmax(axis=1).mean())
    assert found[1] > found[0] + 0.1


def test_a_stack_in_a_file_predicts_the_same_and_holds_no_training_rows():
    given = problem(*crossed(400))
    model = table_ensembles.stacking(given).model
    again = pickle.loads(pickle.dumps(model))
    assert np.allclose(model.predict_proba(given.x), again.predict_proba(given.x))
    assert again._held_out.size == 0


def test_the_command_names_what_there_is():
    for by_kind in TRAINED.values():
        assert by_kind["image"] in STRATEGIES
        assert by_kind["table"] in LEARNERS
