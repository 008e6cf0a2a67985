"""Rules of thumb for the first strategy: known names, and each rule where it should apply."""

import pytest

from core.methods.recommendation import recommend_strategy
from core.methods.strategies import STRATEGIES


@pytest.mark.parametrize(
    ("fewest", "probe", "wanted", "word"),
    [
        (4, None, "linear_probe", "4 training images"),
        (4, 0.5, "linear_probe", "4 training images"),
        (60, None, "linear_probe", "takes seconds"),
        (60, 0.99, "linear_probe", "little left"),
        (60, 0.84, "two_stage", "84%"),
        (60, 0.35, "gradual_unfreeze", "suit your images badly"),
    ],
)
def test_a_strategy_comes_with_the_reason_that_applies(fewest: int, probe: float, wanted: str, word: str) -> None:
    found = recommend_strategy({"a": fewest, "b": 500}, probe)
    assert found.strategy == wanted
    assert word in found.reason


@pytest.mark.parametrize("probe", [None, 0.0, 0.6, 0.97, 1.0])
@pytest.mark.parametrize("fewest", [0, 9, 10, 1000])
def test_what_is_recommended_can_be_trained(fewest: int, probe: float | None) -> None:
    found = recommend_strategy({"a": fewest, "b": 500}, probe)
    assert STRATEGIES[found.strategy].kind == "image"
    assert found.reason.endswith(".")
