"""What a search space means for a run's settings, and which are refused."""

import optuna
import pytest
from pydantic import ValidationError

from core.errors import InputError
from core.methods import plan
from core.schemas import TrainingSpec
from core.studies import study
from core.studies.record import Range, StudySpec
from core.studies.space import draw_values, grid_values, trial_spec, usual_values


def asked(dataset: str, **values: object) -> StudySpec:
    return StudySpec.model_validate({"base": {"data": dataset}, **values})


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ({}, "is empty"),
        ({"l2": []}, "has no values"),
        ({"l2": [1.0]}, "one point only"),
        ({"l2": [1.0, 1.0]}, "a value twice"),
        ({"l2": [1.0, -1.0]}, "cannot be -1"),
        ({"dropout": Range(low=0, high=1.5)}, "cannot be 1.5"),
        ({"learner": Range(low=0, high=1)}, "is no number"),
        ({"learner": ["network", "oracle"]}, "cannot be oracle"),
        ({"wisdom": [1, 2]}, "“wisdom” cannot be searched"),
        ({"seed": [1, 2]}, "is luck"),
        ({"data": ["a", "b"]}, "the same data"),
        ({"l2": [1.0, 2.0], "trees": [10, 20]}, "“trees” applies to none"),
        ({"augmentation": ["off", "violent"]}, "no augmentation “violent”"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_in_a_sentence(dataset, space, says):
    with pytest.raises(InputError, match=says):
        study.create(asked(dataset.id, space=space))


@pytest.mark.parametrize("values", [{"low": 1, "high": 1}, {"low": 2, "high": 1}, {"low": 0, "high": 1, "log": True}])
def test_a_range_has_two_ends_and_a_logarithmic_one_is_positive(values):
    with pytest.raises(ValueError, match=r"low|logarithmic"):
        Range.model_validate(values)


def test_a_wrong_range_is_told_as_a_range(dataset):
    wrong = {"base": {"data": dataset.id}, "space": {"l2": {"low": 5, "high": 1}}}
    with pytest.raises(ValidationError) as caught:
        StudySpec.model_validate(wrong)
    (error,) = caught.value.errors()
    assert error["loc"] == ("space", "l2", "range")
    assert "low must be below high" in error["msg"]


def test_a_base_that_cannot_be_trained_is_refused_before_anything_is_kept(dataset):
    with pytest.raises(InputError, match="trees"):
        study.create(
            asked(dataset.id, base={"data": dataset.id, "learner": "network", "trees": 3}, space={"l2": [1, 2]})
        )
    assert study.studies.list_studies() == []


def test_a_grid_goes_by_factors_where_the_range_is_logarithmic_and_whole_numbers_stay_whole(dataset):
    spec = asked(
        dataset.id,
        space={
            "l2": Range(low=0.1, high=10, log=True),
            "epochs": Range(low=1, high=4, points=8),
            "dropout": [0.0, 0.5],
        },
    )
    assert grid_values(spec) == {"l2": [0.1, 1.0, 10.0], "epochs": [1, 2, 3, 4], "dropout": [0.0, 0.5]}


def test_a_trial_has_only_settings_that_its_learner_reads(dataset):
    """Of a hundred trials none is refused, and each field drawn stands in the spec that is trained."""
    space = {
        "learner": ["network", "random_forest", "logistic_regression"],
        "l2": Range(low=0.1, high=10, log=True),
        "trees": Range(low=10, high=50),
        "class_weights": ["balanced", "none"],
    }
    spec = asked(dataset.id, base={"data": dataset.id, "learner": "network", "dropout": 0.3}, space=space)
    search = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen = set()
    for _ in range(100):
        trial = search.ask()
        drawn = draw_values(trial, spec, "table")
        found = plan.resolve_request(trial_spec(spec, drawn, "table"))
        assert all(getattr(found, field) == value for field, value in drawn.items())
        assert ("l2" in drawn) == (found.learner == "network") == (found.dropout == 0.3)
        assert ("trees" in drawn) == (found.learner == "random_forest")
        seen.add(found.learner)
        search.tell(trial, 0.0)
    assert len(seen) == 3


def test_the_usual_settings_are_a_trial_only_where_the_space_holds_them(dataset):
    usual = plan.resolve_request(TrainingSpec(data=dataset.id))
    inside = asked(dataset.id, space={"l2": Range(low=0.01, high=10), "learner": ["network", "random_forest"]})
    assert usual_values(inside, "table") == {"l2": usual.l2, "learner": "network"}
    assert usual_values(asked(dataset.id, space={"l2": Range(low=50, high=60)}), "table") == {}
    assert usual_values(asked(dataset.id, space={"learner": ["random_forest", "logistic_regression"]}), "table") == {}
