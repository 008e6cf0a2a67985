"""The project's data: strict, frozen, and the same after a trip through JSON."""

from datetime import UTC

import pytest
from pydantic import ValidationError

from core.errors import InputError
from core.schemas import (
    ACTIVE,
    FINISHED,
    DataRef,
    Event,
    Failure,
    Recipe,
    ResolvedSpec,
    RunRecord,
    Split,
    Step,
    TrainingSpec,
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("birds", ("birds", None, None)),
        ("birds@0af3", ("birds", "0af3", None)),
        ("birds:test", ("birds", None, "test")),
        ("birds@0af3:train", ("birds", "0af3", "train")),
        ("My birds & fish@0af3:validation", ("My birds & fish", "0af3", "validation")),
    ],
)
def test_a_reference_is_read_and_written_the_same(text, parts):
    ref = DataRef.parse(f" {text} ")
    assert (ref.dataset, ref.version, ref.part) == parts
    assert str(ref) == text
    assert DataRef.parse(str(ref)) == ref


@pytest.mark.parametrize("text", ["", "   ", "@0af3", ":test", "birds@", "birds:all", "a:b:c", "a@1@2", "a@1:"])
def test_what_names_no_data_is_refused_with_the_form(text):
    with pytest.raises(InputError) as caught:
        DataRef.parse(text)
    assert "DATASET" in caught.value.hint


@pytest.mark.parametrize(
    "shares",
    [
        {"train": 0.6, "validation": 0.2, "test": 0.3},
        {"train": 1.0, "validation": 0.0, "test": 0.0},
        {"train": 1.2, "validation": -0.1, "test": -0.1},
        {"train": float("nan"), "validation": 0.2, "test": 0.2},
    ],
)
def test_shares_that_are_no_split_are_refused(shares):
    with pytest.raises(ValidationError):
        Split(**shares)


def test_thirds_are_a_split():
    assert Split(train=1 / 3, validation=1 / 3, test=1 / 3).test == 1 / 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("preset", "heroic"),
        ("image_size", 31),
        ("image_size", 641),
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0),
        ("learning_rate", -1),
        ("learning_rate", float("nan")),
        ("dropout", 1),
        ("dropout", -0.1),
        ("l2", -1),
        ("folds", 1),
        ("unfreeze", 0),
        ("epoch", 3),
    ],
)
def test_a_setting_out_of_range_or_misspelt_is_named(field, value):
    with pytest.raises(ValidationError) as caught:
        TrainingSpec.model_validate({"data": "birds", field: value})
    assert [e["loc"] for e in caught.value.errors()] == [(field,)]


def test_a_spec_needs_data():
    with pytest.raises(ValidationError):
        TrainingSpec.model_validate({})


EXAMPLES = [
    TrainingSpec(data="birds@0af3", name="Ärger", strategy="two_stage", learning_rate=1e-3, folds=3),
    Recipe(steps=(Step(kind="drop", params={"column": "a", "n": [1, 2]}), Step(kind="scale", enabled=False))),
    Event(phase="head", epoch=1, epochs=2, values={"loss": 0.1}, note="line\nbreak"),
    Split(test_ids=("1-0", "1-5"), seed=4),
    RunRecord(
        id="0a",
        name="a",
        dataset="birds",
        version="0af3",
        spec=ResolvedSpec(data="birds"),
        failure=Failure(kind="killed", message="It ended."),
        environment={"hardware": {"gpus": []}},
    ),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda x: type(x).__name__)
def test_everything_stored_comes_back_the_same(example):
    assert type(example).model_validate_json(example.model_dump_json()) == example
    assert type(example).model_validate(example.model_dump()) == example


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda x: type(x).__name__)
def test_nothing_stored_can_be_changed_in_place(example):
    field = next(iter(type(example).model_fields))
    with pytest.raises(ValidationError):
        setattr(example, field, getattr(example, field))


def test_every_state_but_queued_is_either_at_work_or_at_the_end():
    for state in ("queued", *ACTIVE, *FINISHED):
        run = EXAMPLES[-1].model_copy(update={"state": state})
        assert run.active + run.ended == (state != "queued")


def test_times_know_their_zone():
    assert Event(phase="a").time.tzinfo == UTC
    assert RunRecord.model_validate_json(EXAMPLES[-1].model_dump_json()).created.utcoffset() is not None
