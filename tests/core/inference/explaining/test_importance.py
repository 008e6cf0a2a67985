"""Columns that decide are found and ranked, one that says nothing is not; a dependence has the form built in."""

import numpy as np
import pandas as pd
import pytest

from core.inference.explaining.importance import partial_dependence, permutation_importance
from core.inference.explaining.record import ColumnImportance, Dependence, FeatureImportance
from core.ui.evaluate.importance import describe_importance

CLASSES = ("no", "yes")


def cells(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "noise": rng.normal(size=n),
            "strong": rng.normal(size=n),
            "weak": rng.normal(size=n),
            "colour": pd.Series(rng.choice(["red", "blue"], n), dtype="category"),
            "count": rng.integers(0, 5, n),
        }
    )


def predict(x: pd.DataFrame) -> np.ndarray:
    """Yes, the more so the larger 2 strong + weak + (1 for red) is."""
    score = 2 * x["strong"].to_numpy() + x["weak"].to_numpy() + (x["colour"] == "red").to_numpy()
    p = 1 / (1 + np.exp(-score))
    return np.stack([1 - p, p], axis=1)


def test_columns_are_ranked_by_what_shuffling_them_costs() -> None:
    x = cells()
    found, accuracy = permutation_importance(predict, x, predict(x).argmax(axis=1))
    assert accuracy == 1
    assert [c.column for c in found[:2]] == ["strong", "weak"]
    by_name = {c.column: c for c in found}
    assert by_name["noise"].drop == by_name["count"].drop == 0
    assert all(c.low > 0 for c in found if c.column in ("strong", "weak", "colour"))
    assert all(c.low <= c.drop <= c.high for c in found)


def test_a_column_that_misleads_is_not_said_to_matter() -> None:
    x = cells()
    rng = np.random.default_rng(1)
    found, _ = permutation_importance(predict, x, rng.integers(0, 2, len(x)))  # nothing is right beyond chance
    assert all(c.low <= 0.03 for c in found)


def test_the_dependence_on_a_number_rises_as_it_was_built() -> None:
    found = partial_dependence(predict, cells(), "strong", CLASSES)
    assert list(found.values) == sorted(found.values)
    assert list(found.probabilities["yes"]) == sorted(found.probabilities["yes"])
    both = np.array(found.probabilities["yes"]) + np.array(found.probabilities["no"])
    assert both == pytest.approx(np.ones(len(found.values)))


def test_the_dependence_on_a_category_has_its_values_and_on_a_count_whole_numbers() -> None:
    x = cells()
    colour = partial_dependence(predict, x, "colour", CLASSES)
    assert set(colour.values) == {"red", "blue"}
    by_value = dict(zip(colour.values, colour.probabilities["yes"], strict=True))
    assert by_value["red"] > by_value["blue"] + 0.05
    assert all(float(v).is_integer() for v in partial_dependence(predict, x, "count", CLASSES).values)


def test_a_column_without_a_single_cell_has_no_dependence_and_matters_not() -> None:
    x = cells(50).assign(empty=np.nan)
    assert partial_dependence(predict, x, "empty", CLASSES).values == ()
    found, _ = permutation_importance(predict, x, predict(x).argmax(axis=1))
    assert {c.column: c.drop for c in found}["empty"] == 0


def test_the_sentence_names_only_what_is_shown() -> None:
    def matters(*drops: tuple[float, float]) -> str:
        columns = tuple(
            ColumnImportance(column=f"c{i}", drop=drop, low=low, high=2 * drop - low)
            for i, (drop, low) in enumerate(drops)
        )
        return describe_importance(FeatureImportance(n=99, accuracy=0.9, columns=columns, dependence=()))

    assert matters((0.01, -0.01)) == "No single column is shown to matter on 99 test rows."
    assert matters((0.2, 0.1), (0.0, -0.1)) == (
        "Shuffling “c0” costs 20 points of accuracy; no other column is shown to matter."
    )
    assert "then “c1” 10; 1 of 3 columns are not" in matters((0.2, 0.1), (0.1, 0.05), (0.0, -0.1))


def test_dependence_survives_its_json() -> None:
    for values in ((0.5, 1.0), ("red", "blue")):
        made = Dependence(column="c", values=values, probabilities={"no": (0.1, 0.2)})
        assert Dependence.model_validate_json(made.model_dump_json()) == made
