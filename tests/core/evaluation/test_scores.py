"""Scores agree with scikit-learn's, intervals with their formulas, words with the numbers."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from core.errors import InputError
from core.evaluation import scores


def predictions(labels: list[str], predicted: list[str], classes: list[str], seed: int = 0) -> pd.DataFrame:
    """Predictions in the run's form, each with its highest probability on the class predicted."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"id": [f"1-{i}" for i in range(len(labels))], "label": labels, "predicted": predicted})
    table = table.assign(path=table["id"] + ".png", part="test", fold=0)
    probabilities = rng.uniform(0, 0.4, (len(labels), len(classes)))
    probabilities[np.arange(len(labels)), [classes.index(p) for p in predicted]] += 1
    probabilities /= probabilities.sum(1, keepdims=True)
    return table.assign(**{f"p:{c}": probabilities[:, i] for i, c in enumerate(classes)})


def random_case(seed: int) -> tuple[pd.DataFrame, list[str]]:
    """Random predictions over classes of which some have no sample, no prediction, or neither."""
    rng = np.random.default_rng(seed)
    classes = [f"c{i}" for i in range(int(rng.integers(2, 8)))]
    n = int(rng.integers(1, 80))
    seen, guessed = (rng.choice(classes, size=rng.integers(1, len(classes) + 1)) for _ in range(2))
    return predictions(list(rng.choice(seen, n)), list(rng.choice(guessed, n)), classes, seed), classes


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.filterwarnings("ignore::UserWarning")  # scikit-learn names what is undefined in some of these cases
def test_scores_equal_scikit_learns_even_with_empty_classes(seed: int) -> None:
    rows, classes = random_case(seed)
    result = scores.score_predictions(rows, classes)
    truth, predicted = rows["label"], rows["predicted"]
    assert np.array_equal(result.matrix, metrics.confusion_matrix(truth, predicted, labels=classes))
    for average in ("macro", "weighted", "micro"):
        p, r, f, _ = metrics.precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)
        if average == "micro":
            assert [p, r, f] == pytest.approx([result.micro_f1] * 3)
        else:
            ours = [getattr(result, f"{average}_{m}") for m in ("precision", "recall", "f1")]
            assert ours == pytest.approx([p, r, f])
    each = np.array(metrics.precision_recall_fscore_support(truth, predicted, labels=classes, zero_division=0))
    ours = np.array([[c.precision, c.recall, c.f1, c.support] for c in result.per_class]).T
    assert ours == pytest.approx(each)
    assert result.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert result.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    assert result.mcc == pytest.approx(metrics.matthews_corrcoef(truth, predicted))
    assert result.kappa == pytest.approx(metrics.cohen_kappa_score(truth, predicted, replace_undefined_by=0.0))


def test_calibration_error_is_zero_where_confidence_is_the_share_right() -> None:
    confidence = np.repeat([0.5, 0.9], 10)
    correct = np.array([True] * 5 + [False] * 5 + [True] * 9 + [False])
    assert scores.calibration_error(confidence, correct) == pytest.approx(0)


def test_calibration_error_counts_each_bin_by_its_share() -> None:
    confidence = np.array([1.0] * 30 + [0.5] * 10)
    correct = np.array([True] * 15 + [False] * 15 + [True] * 5 + [False] * 5)
    assert scores.calibration_error(confidence, correct) == pytest.approx(0.75 * 0.5)


def test_scores_without_an_interval_have_the_digits_of_the_accuracy() -> None:
    for n, digits in ((2, 1), (50, 2), (10_000, 3)):
        rows = predictions(["a", "b"] * n, ["a", "a"] * n, ["a", "b"])
        result = scores.score_predictions(rows, ["a", "b"])
        shown = scores.format_score(result.weighted_f1, result), scores.format_interval(0.5, *result.ci["accuracy"])
        assert {len(one.split()[0].partition(".")[2]) for one in shown} == {digits}
    assert scores.format_spread(0.9312, 0.0214) == "0.93 ± 0.02"


def test_a_class_the_run_does_not_know_is_refused_by_name() -> None:
    rows = predictions(["a", "zebra"], ["a", "a"], ["a", "b"])
    with pytest.raises(InputError, match="zebra"):
        scores.score_predictions(rows, ["a", "b"])


def test_judged_takes_test_rows_only_and_says_when_there_are_none() -> None:
    rows = predictions(["a", "b"], ["a", "a"], ["a", "b"]).assign(part=["test", "validation"])
    assert list(scores.judged_rows(rows)["id"]) == ["1-0"]
    with pytest.raises(InputError, match="test"):
        scores.judged_rows(rows.assign(part="validation"))


@pytest.mark.parametrize(
    ("values", "why"),
    [((np.nan, 0.5), "are not numbers"), ((0.7, 0.7), "do not add up to 1"), ((-0.5, 1.5), "below 0")],
)
def test_improper_probabilities_are_refused_with_an_example(values: tuple[float, float], why: str) -> None:
    rows = predictions(["a", "b", "b"], ["a", "a", "b"], ["a", "b"])
    rows.loc[1, ["p:a", "p:b"]] = values
    with pytest.raises(InputError, match=rf"1 of 3 test samples.*{why}.*1-1\.png") as caught:
        scores.judged_rows(rows)
    assert caught.value.hint
    assert len(scores.judged_rows(rows.assign(part=["test", "train", "test"]))) == 2


def test_classes_keep_the_order_of_the_probabilities() -> None:
    assert scores.classes_of(predictions(["b"], ["b"], ["b", "a", "p:c"])) == ["b", "a", "p:c"]


def test_fold_scores_are_each_folds_own() -> None:
    rows, classes = random_case(5)
    rows = pd.concat([rows, rows], ignore_index=True)
    rows["fold"] = np.arange(len(rows)) % 3 + 1
    folds = scores.fold_scores(rows, classes)
    assert folds is not None
    each = [scores.score_predictions(part, classes).macro_f1 for _, part in rows.groupby("fold")]
    assert [f.macro_f1 for f in folds.folds] == each
    assert folds.mean["macro_f1"] == pytest.approx(np.mean(each))
    assert folds.deviation["macro_f1"] == pytest.approx(np.std(each, ddof=1))
    assert scores.fold_scores(rows.assign(fold=0), classes) is None


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.88, 0.85, 0.91, "0.88 (0.85–0.91)"),
        (0.85, 0.7389, 0.9190, "0.85 (0.74–0.92)"),
        (0.57142, 0.25, 0.84, "0.6 (0.2–0.8)"),
        (0.91234, 0.9068, 0.9177, "0.912 (0.907–0.918)"),
        (1.0, 1.0, 1.0, "1.00 (1.00–1.00)"),
    ],
)
def test_no_digit_is_finer_than_a_quarter_of_the_interval(value: float, low: float, high: float, text: str) -> None:
    assert scores.format_interval(value, low, high) == text


def test_tables_carry_every_class_and_both_averages() -> None:
    rows, classes = random_case(8)
    result = scores.score_predictions(rows, classes)
    table = scores.class_table(result).set_index("class")
    assert list(table.index) == [*classes, "macro average", "weighted average"]
    assert table.loc["macro average", "f1"] == result.macro_f1
    assert scores.confusion_table(result).to_numpy().sum() == len(rows)


def test_in_the_class_table_every_share_stands_between_its_bounds() -> None:
    rows, classes = random_case(11)
    table = scores.class_table(scores.score_predictions(rows, classes)).set_index("class").loc[classes]
    shares = ("precision", "recall", "f1")
    assert list(table.columns) == [f"{share}{end}" for share in shares for end in ("", "_low", "_high")] + ["support"]
    for share in shares:
        assert (table[f"{share}_low"] <= table[share]).all()
        assert (table[share] <= table[f"{share}_high"]).all()
        assert (table[f"{share}_low"] < table[f"{share}_high"]).any()


def test_mistakes_come_most_confident_first() -> None:
    rows, _ = random_case(11)
    wrong = scores.mistakes(rows)
    assert (wrong["label"] != wrong["predicted"]).all()
    assert len(wrong) == (rows["label"] != rows["predicted"]).sum()
    assert wrong["confidence"].is_monotonic_decreasing
    assert (wrong["confidence"] == [row[f"p:{row['predicted']}"] for _, row in wrong.iterrows()]).all()


def test_the_json_names_what_scripts_rely_on() -> None:
    rows, classes = random_case(2)
    document = scores.score_predictions(rows, classes).as_json()
    assert {"accuracy", "macro_f1", "per_class", "confusion", "ci", "ece", "n_test"} <= document.keys()
    assert set(document["ci"]) == {"accuracy", "macro_f1"}
