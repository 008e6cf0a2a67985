import numpy as np
import pytest

from core.evaluation.confusion import similarity_order


def test_classes_that_are_taken_for_each_other_stand_side_by_side():
    matrix = np.diag([50] * 6)
    for a, b in ((0, 4), (1, 3), (2, 5)):
        matrix[a, b], matrix[b, a] = 20, 10
    order = similarity_order(matrix)
    assert sorted(order) == list(range(6))
    for a, b in ((0, 4), (1, 3), (2, 5)):
        assert abs(order.index(a) - order.index(b)) == 1


@pytest.mark.parametrize("matrix", [np.zeros((5, 5), int), np.diag([3, 0, 2, 1]), np.array([[3, 1], [0, 2]])])
def test_empty_classes_and_matrices_without_mistakes_keep_every_class_once(matrix):
    assert sorted(similarity_order(matrix)) == list(range(len(matrix)))
