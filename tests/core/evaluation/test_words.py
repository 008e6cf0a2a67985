"""A run's scores in sentences say how sure they are, and what they do not cover."""

import pytest

from core.evaluation import words
from core.evaluation.scores import score_predictions
from tests.core.evaluation.test_scores import predictions


def test_confidence_gap_has_the_sign_of_overconfidence() -> None:
    for n, expected in ((1, "40 points too high here, which may be chance."), (50, "40 points too high (30 to 50).")):
        rows = predictions(["a", "b"] * n, ["a", "a"] * n, ["a", "b"]).assign(**{"p:a": 0.9, "p:b": 0.1})
        result = score_predictions(rows, ["a", "b"])
        low, high = result.confidence_gap_ci
        assert low < result.confidence_gap < high and result.confidence_gap == pytest.approx(0.4)
        assert f"Confidence is {expected}" in words.describe_scores(result)


def test_a_class_without_test_samples_is_named_and_in_no_average_of_recall() -> None:
    rows = predictions(["a", "a", "b"], ["a", "b", "b"], ["a", "b", "zebra", "yak"])
    result = score_predictions(rows, ["a", "b", "zebra", "yak"])
    said = words.describe_absent_classes(result)
    assert said is not None and "“zebra”, “yak” have no test sample" in said
    assert result.balanced_accuracy == result.macro_recall == 0.75
    assert words.describe_absent_classes(score_predictions(rows, ["a", "b"])) is None


@pytest.mark.parametrize("n", [5, 6, 7])
def test_five_classes_without_test_samples_are_named_and_more_are_others(n: int) -> None:
    absent = [f"x{i}" for i in range(n)]
    rows = predictions(["a"], ["a"], ["a", *absent])
    said = words.describe_absent_classes(score_predictions(rows, ["a", *absent]))
    assert said is not None
    assert [name for name in absent if f"“{name}”" in said] == absent[:5]
    assert ("and others" in said) == (n > 5)


def test_words_name_the_worst_class_that_has_samples() -> None:
    labels = ["a"] * 5 + ["b"] * 5
    rows = predictions(labels, ["a"] * 5 + ["a", "a", "b", "b", "b"], ["a", "b", "empty"])
    said = words.describe_scores(score_predictions(rows, ["a", "b", "empty"]), "test rows")
    assert said.startswith("Right on 8 of 10 test rows: 0.8 (0.5–0.9).")
    assert "Worst class: b, recall 0.6 (3 of 5)." in said
