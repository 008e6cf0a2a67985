"""Bagging, boosting and stacking of heads on made-up embeddings."""

import math
from dataclasses import replace

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from core.errors import DataError
from core.models.heads import linear_head, weighted_mean
from core.schemas import ResolvedSpec
from core.transfer.features import ada_boost, bagging, stacking
from core.transfer.features.linear_probe import linear_probe
from core.transfer.features.trained_head import fit_head
from core.transfer.fitting.problem import Problem
from core.transfer.fitting.weighing import loss_and_accuracy, one_hot
from tests.core.transfer.conftest import Recorder

pytestmark = pytest.mark.training
SPEC = ResolvedSpec(
    data="any", epochs=15, batch_size=32, learning_rate=0.03, dropout=0.0, l2=1.0, estimators=3, class_weights="none"
)


def problem(tmp_path, x, y, groups=None, **settings) -> Problem:
    """The first half to learn from, the third quarter to choose by, the rest to judge."""
    n, k = len(x), int(y.max()) + 1
    keras.utils.set_random_seed(0)
    return Problem(
        resolved=SPEC.model_copy(update=settings),
        classes=tuple("abcdef"[:k]),
        targets=one_hot(y, k),
        train=np.arange(n // 2),
        validation=np.arange(n // 2, 3 * n // 4),
        n_train=n // 2,
        groups=np.arange(n) if groups is None else groups,
        judged=np.arange(3 * n // 4, n),
        embeddings=lambda: x.astype("float32"),
        activations=lambda cut: x,
        images=lambda: x,
        features=x.shape[1],
        kept=None,
        network=lambda: None,
        untrained=lambda: None,
        recorder=Recorder(tmp_path),
    )


def clouds(n=240, k=3, d=8, noise=1.0, seed=0):
    """A cloud a class, each around an axis of its own."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % k
    return noise * random.normal(size=(n, d)) + 2 * np.eye(k, d)[y], y


def ring(n=400, seed=0):
    """Inside or outside of a circle: no line divides them, a sum of a few soft ones does."""
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, (n, 2))
    return np.c_[x, 0.7 * np.ones(n)], (np.hypot(*x.T) > 0.75).astype("int64")


def accuracy(given: Problem, fitted) -> float:
    return loss_and_accuracy(fitted.probabilities, given.targets[given.judged])["accuracy"]


def test_a_mixture_says_the_weighted_mean_of_what_its_members_say():
    members = [linear_head(6, 3, seed=i, name=f"m{i}") for i in range(3)]
    x = np.random.default_rng(0).normal(size=(50, 6)).astype("float32")
    weights = [0.5, 0.3, 0.2]
    wanted = sum(w * m.predict(x, verbose=0) for w, m in zip(weights, members, strict=True))
    found = weighted_mean(members, weights).predict(x, verbose=0)
    assert np.abs(found - wanted).max() < 1e-6
    assert weighted_mean(members, weights).layers[-1].activation is keras.activations.softmax, (
        "or it cannot be explained"
    )


def test_a_mixture_survives_saving(tmp_path):
    found = weighted_mean([linear_head(6, 3, seed=i, name=f"m{i}") for i in range(2)], [0.9, 0.1])
    x = np.random.default_rng(0).normal(size=(20, 6)).astype("float32")
    found.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", compile=False)
    assert np.abs(again.predict(x, verbose=0) - found.predict(x, verbose=0)).max() < 1e-6


def test_a_bootstrap_draws_training_samples_alone_and_loses_no_class(tmp_path):
    x, y = clouds()
    y[:100] = 0
    given = problem(tmp_path, x, y)
    drawn = bagging.bootstrap(given, np.random.default_rng(1))
    assert set(drawn) < set(given.train), "some are left out"
    assert (np.bincount(y[drawn]) == np.bincount(y[given.train])).all()
    assert len(np.unique(drawn)) == pytest.approx((1 - 1 / math.e) * len(drawn), abs=0.12 * len(drawn))


def test_a_bag_is_no_worse_than_its_members_are_on_average(tmp_path, monkeypatch):
    """Of a convex loss Jensen's inequality says so, on any data; and the members differ."""
    members = []
    monkeypatch.setattr(
        bagging, "weighted_mean", lambda heads, weights: members.extend(heads) or weighted_mean(heads, weights)
    )
    x, y = clouds(noise=2.0)
    given = problem(tmp_path, x, y)
    fitted = bagging.bagging(given)
    alone = [m.predict(given.embeddings()[given.judged], verbose=0) for m in members]
    truth = given.targets[given.judged]
    assert len(members) == 3 and np.abs(alone[0] - alone[1]).max() > 0.02
    assert np.allclose(fitted.probabilities, np.mean(alone, axis=0), atol=1e-5)
    assert (
        loss_and_accuracy(fitted.probabilities, truth)["loss"]
        <= np.mean([loss_and_accuracy(p, truth)["loss"] for p in alone]) + 1e-6
    )


@pytest.mark.parametrize(("error", "classes"), [(0.2, 2), (0.3, 3), (0.5, 10)])
def test_the_say_of_a_head_is_none_at_guessing_and_grows_as_it_errs_less(error, classes):
    assert ada_boost.head_weight((classes - 1) / classes, classes) == pytest.approx(0, abs=1e-9)
    assert ada_boost.head_weight(error / 2, classes) > ada_boost.head_weight(error, classes) > 0
    assert ada_boost.head_weight(error, 2) == pytest.approx(math.log((1 - error) / error))


def test_boosting_draws_a_border_that_one_line_cannot(tmp_path):
    x, y = ring()
    settings = {"l2": 0.01, "estimators": 7}
    once = problem(tmp_path / "a", x, y, **settings)
    alone = accuracy(once, bagging.fitted_with_head(once, fit_head(once)[0]))
    given = problem(tmp_path / "b", x, y, **settings)
    boosted = ada_boost.ada_boost(given)
    assert boosted.facts["heads"] > 3
    assert accuracy(given, boosted) > alone + 0.05


def test_boosting_has_nothing_to_mend_where_one_head_gets_all_right(tmp_path):
    x, y = clouds(noise=0.1)
    given = problem(tmp_path, x, y)
    fitted = ada_boost.ada_boost(given)
    assert fitted.facts["heads"] == 1 and accuracy(given, fitted) == 1
    assert "no errors are left" in given.recorder.notes[0]


def test_the_last_head_learns_from_predictions_for_samples_that_were_not_seen(tmp_path):
    """Copies share a group: neither a sample nor its copy is among those a head learnt from before it predicts it."""
    x, y = clouds()
    groups = np.arange(len(x)) // 6
    given = problem(tmp_path, x, y, groups)
    rows = given.train
    for learnt, judged in stacking.stratified_folds(y[rows], groups[rows], seed=0):
        assert not set(groups[rows[learnt]]) & set(groups[rows[judged]])
    seen: list[tuple[set[int], int]] = []

    def spy(inner: Problem, _phase: str) -> keras.Model:
        seen.append((set(inner.train), inner.n_train))
        return linear_head(8, 3)

    stacking.out_of_fold(given, rows, y[rows], spy, "spy")
    assert len(seen) == stacking.FOLDS
    assert all(train < set(rows) and n == len(train) for train, n in seen)
    assert not set.intersection(*(train for train, _ in seen))


@pytest.mark.parametrize("k", [2, 3])
def test_the_stack_says_what_its_logistic_regression_says(k):
    x = np.random.default_rng(0).normal(size=(60, 5)).astype("float32")
    y = np.arange(60) % k
    heads = [linear_head(5, k, seed=i, name=f"h{i}") for i in range(2)]
    held_out = np.concatenate([h.predict(x, verbose=0) for h in heads], axis=1)
    last = LogisticRegression().fit(held_out, y)
    found = stacking.stacked_network(heads, last, k).predict(x, verbose=0)
    assert np.abs(found - last.predict_proba(held_out)).max() < 1e-5


def test_a_stack_believes_the_head_that_is_right(tmp_path, monkeypatch):
    """Of quadrants prototypes and lines know nothing; the stack follows the hidden layer."""
    monkeypatch.setattr(stacking, "FOLDS", 3)
    x = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype("int64")
    settings = {"l2": 0.01, "epochs": 60}
    given = problem(tmp_path, x, y, **settings)
    alone = accuracy(given, linear_probe(problem(tmp_path / "a", x, y, **settings)))
    assert accuracy(given, stacking.stacking(given)) > alone + 0.25


def test_prototypes_are_the_class_means_on_the_sphere(tmp_path):
    x, y = clouds(noise=0.3)
    given = problem(tmp_path, x, y)
    model = stacking.HEADS["prototypes"](given, "prototypes")
    found = model.predict(given.embeddings()[given.judged], verbose=0)
    assert (found.argmax(axis=1) == y[given.judged]).mean() > 0.95
    lost = model.predict(np.zeros((1, 8), "float32"), verbose=0)
    assert np.isfinite(lost).all()


def test_a_class_too_small_for_folds_is_told(tmp_path):
    x, y = clouds()
    y[:] = 0
    y[3] = 1
    given = problem(tmp_path, x, y)
    with pytest.raises(DataError, match="every class in each of five folds"):
        stacking.stacking(replace(given, classes=("a", "b"), targets=one_hot(y, 2)))
