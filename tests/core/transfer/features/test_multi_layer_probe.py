"""The multi-layer probe finds what earlier layers see, and is the linear probe where they see nothing."""

import numpy as np
import pytest
from sklearn.feature_selection import f_classif

from core.transfer.features.multi_layer_probe import class_dependence, multi_layer_probe
from core.transfer.fitting.linear import LayersHead, SoftmaxHead
from core.transfer.fitting.weighing import one_hot
from tests.core.transfer.fitting.test_softmax import clouds, problem


def noise(n, d):
    return np.random.default_rng(5).normal(size=(n, d))


def right(given, fitted) -> float:
    return float((fitted.probabilities.argmax(axis=1) == given.targets[given.judged].argmax(axis=1)).mean())


def test_what_only_an_early_layer_sees_is_found_among_many_averages():
    x, y = clouds(240, 3, 6, distance=4)
    averages = np.concatenate([noise(240, 300), x], axis=1)
    given = problem(noise(240, 30), y, averages=averages)
    fitted = multi_layer_probe(given)
    assert isinstance(fitted.head, LayersHead) and 0 < fitted.facts["layers_share"] < 1
    assert right(given, fitted) > 0.85
    used = np.abs(fitted.head.kernel).sum(axis=1)
    assert (used[300:303] > 0).all() and (used > 0).sum() <= 0.2 * len(used) + 1


def test_where_earlier_layers_see_nothing_it_is_the_linear_probe():
    x, y = clouds(240, 3, 12, distance=4)
    fitted = multi_layer_probe(problem(x, y, averages=noise(240, 300)))
    assert isinstance(fitted.head, SoftmaxHead) and fitted.facts["layers_share"] == 0


def test_where_the_embedding_tells_all_it_is_the_linear_probe_whatever_other_layers_see():
    y = np.arange(200) % 2
    x = np.outer(2 * y - 1, np.ones(50)) + 0.1 * noise(200, 50)
    assert multi_layer_probe(problem(x, y, averages=np.concatenate([x, x], axis=1))).facts["layers_share"] == 0


@pytest.mark.parametrize("value", [7.0, 0.0, 1e-12])
def test_an_average_that_never_changes_is_not_used_however_it_does_later(value):
    x, y = clouds(240, 3, 40, distance=4)
    averages = np.concatenate([x, np.full((240, 1), value)], axis=1)
    head = multi_layer_probe(problem(noise(240, 5), y, averages=averages)).head
    later = averages.copy()
    later[:, -1] = 1e6
    np.testing.assert_array_equal(head.predict_proba(averages), head.predict_proba(later))


def test_one_absurd_average_alone_does_not_decide():
    """Squashing bounds what any average can say."""
    x, y = clouds(300, 3, 60, distance=3)
    head = multi_layer_probe(problem(noise(300, 5), y, averages=np.concatenate([x, x, x], axis=1))).head
    before = head.predict_proba(np.tile(x, 3))
    after = np.tile(x, 3)
    after[:, 100] = 1e9
    assert np.abs(head.predict_proba(after) - before).mean() < 0.05


def test_features_are_ordered_as_by_the_f_test():
    x, y = clouds(90, 3, 10)
    assert np.argsort(class_dependence(x, one_hot(y, 3))).tolist() == np.argsort(f_classif(x, y)[0]).tolist()
    assert class_dependence(np.ones((90, 2)), one_hot(y, 3)).tolist() == [0, 0]
