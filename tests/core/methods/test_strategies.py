"""Strategies are data: each names a function that exists."""

from pkgutil import resolve_name

import pytest

from core.errors import InputError
from core.methods.strategies import STRATEGIES, get_strategy
from core.schemas import TrainingSpec


@pytest.mark.training
@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_has_its_function_and_its_words(name):
    strategy = get_strategy(name)
    assert callable(resolve_name(strategy.fit))
    assert strategy.title and strategy.summary and strategy.help


def test_every_strategy_reads_settings_that_a_spec_has():
    for strategy in STRATEGIES.values():
        assert set(strategy.uses) <= set(TrainingSpec.model_fields)


def test_an_unknown_strategy_is_refused_with_those_there_are():
    with pytest.raises(InputError) as caught:
        get_strategy("hope")
    assert "hope" in caught.value.message
    assert all(name in caught.value.hint for name in STRATEGIES)


@pytest.mark.training
@pytest.mark.parametrize(
    ("before", "after", "kept"), [(1.0, 0.9, True), (1.0, 1.1, False), (1.0, float("nan"), False)]
)
def test_stage_two_stands_only_when_it_is_no_worse(before, after, kept):
    from core.transfer.parameters.tail import is_no_worse

    # It may well be right more often and yet worse: accuracy on a few samples is mostly noise.
    assert is_no_worse({"loss": before, "accuracy": 0.5}, {"loss": after, "accuracy": 0.9}) == kept
