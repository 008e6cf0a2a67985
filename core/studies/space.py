"""From a search space to the settings of a trial."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from core.data.augmentation import get_augmentation
from core.errors import InputError
from core.methods import plan
from core.methods.backbones import get_backbone
from core.methods.learners import get_learner
from core.methods.presets import PRESETS
from core.methods.strategies import get_strategy
from core.schemas import Kind, TrainingSpec
from core.studies.record import Range, StudySpec, Value

if TYPE_CHECKING:
    import optuna

OFF = "off"  # as an augmentation: none
# Fields that decide which others are read, with the look-up of their names; drawn first.
METHOD: dict[str, Callable[[str], object]] = {
    "strategy": get_strategy,
    "learner": get_learner,
    "backbone": get_backbone,
}
FIXED = {
    "data": "Every trial trains on the same data.",
    "name": "The study has a name, and its trials are numbered.",
    "seed": "The best of several seeds is luck, not a setting.",
    "device": "It changes nothing of the result.",
    "gpus": "It changes nothing of the result.",
}


def check_space(spec: StudySpec, kind: Kind) -> None:
    """`InputError` when there is nothing to search, or for a field or value that a run cannot have."""
    if not spec.space:
        raise InputError("The search space is empty.", "Name at least one setting and its values.")
    for field, values in spec.space.items():
        if field in FIXED or field not in TrainingSpec.model_fields:
            why = FIXED.get(field, "It is no field of a run's settings.")
            raise InputError(f"“{field}” cannot be searched. {why}", "Leave it out of the space.")
        if isinstance(values, Range):
            if not _is_number(field):
                raise InputError(f"“{field}” is no number.", "Give a list of values.")
            tried: list[Value] = [_number(field, values.low), _number(field, values.high)]
        else:
            if not values:
                raise InputError(f"“{field}” has no values.", "Give at least one, or leave the field out.")
            if len(set(values)) < len(values):
                raise InputError(f"“{field}” has a value twice.", "Give each once.")
            tried = list(values)
        for value in tried:
            _check_value(field, value)
    if math.prod(len(v) for v in grid_values(spec).values()) < 2:
        raise InputError("The search space has one point only.", "Give a setting more values.")
    read = _read_by_any(spec, kind)
    for field in (*spec.base.model_dump(exclude_none=True), *spec.space):
        if field not in read:
            raise InputError(f"“{field}” applies to none of the methods that are tried.", f"Leave out {field}.")


def _check_value(field: str, value: Value) -> None:
    if value is None:
        return
    try:
        TrainingSpec.model_validate({"data": "any"} | _given(field, value))
    except ValidationError as error:
        raise InputError(
            f"“{field}” cannot be {value}: {error.errors()[0]['msg']}.", "Choose values that a run can have."
        ) from error
    if field in METHOD:
        try:
            METHOD[field](str(value))
        except InputError as error:
            raise InputError(f"“{field}” cannot be {value}.", error.hint) from error


def grid_values(spec: StudySpec) -> dict[str, list[Value]]:
    """The values of each field that a grid tries; of a range `points`, evenly spaced, by factors where `log`."""
    return {
        field: _points(field, values) if isinstance(values, Range) else list(values)
        for field, values in spec.space.items()
    }


def _points(field: str, values: Range) -> list[Value]:
    spaced: Callable[..., np.ndarray] = np.geomspace if values.log else np.linspace
    points = [_number(field, x) for x in spaced(values.low, values.high, values.points)]
    return list(dict.fromkeys(points))


def draw_values(trial: "optuna.Trial", spec: StudySpec, kind: Kind) -> dict[str, Value]:
    """The trial's values, of those fields alone that its strategy or learner reads."""
    drawn: dict[str, Value] = {}
    for field in sorted(spec.space, key=lambda f: f not in METHOD):
        if field in METHOD or field in _read(spec, drawn, kind):
            drawn[field] = _suggest(trial, field, spec.space[field])
    return drawn


def _suggest(trial: "optuna.Trial", field: str, values: tuple[Value, ...] | Range) -> Value:
    value: Value
    if not isinstance(values, Range):
        value = trial.suggest_categorical(field, list(values))
    elif _is_whole(field):
        value = trial.suggest_int(field, int(values.low), int(values.high), log=values.log)
    else:
        value = trial.suggest_float(field, values.low, values.high, log=values.log)
    return value


def trial_spec(spec: StudySpec, drawn: dict[str, Value], kind: Kind) -> TrainingSpec:
    """The settings of the trial with these values, without fields that its method does not read."""
    given = spec.base.model_dump(exclude_none=True)
    for field, value in drawn.items():
        given.pop(field, None)
        given |= _given(field, value)
    if "augmentation" not in given:
        given.pop("views", None)
    reads = _read(spec, drawn, kind)
    return TrainingSpec.model_validate({field: value for field, value in given.items() if field in reads})


def _read_by_any(spec: StudySpec, kind: Kind) -> set[str]:
    """Fields that a run of one of the methods in the space reads, or of the base's where none is searched."""
    methods: list[dict[str, Value]] = [{}]
    for field in METHOD:
        values = spec.space.get(field, ())
        if values and not isinstance(values, Range):
            methods = [method | {field: value} for method in methods for value in values]
    return {field for method in methods for field in (*method, *_read(spec, method, kind))}


def usual_values(spec: StudySpec, kind: Kind) -> dict[str, Value]:
    """The base's values of the fields searched, if the space contains them: the baseline trial."""
    asked = trial_spec(spec, {}, kind)
    usual = plan.resolve(asked, plan.version_for(asked))
    values_of_base: dict[str, Value] = {}
    for field, values in spec.space.items():
        if field not in METHOD and field not in plan.fields_read(usual.model_dump(), kind):
            continue
        value: Any = getattr(usual, field) if field in usual.model_fields_set else None
        if field == "augmentation":
            value = value.name if value else OFF
        inside = values.low <= value <= values.high if isinstance(values, Range) and value is not None else False
        if not inside and (isinstance(values, Range) or value not in values):
            return {}
        values_of_base[field] = value
    return values_of_base


def _read(spec: StudySpec, drawn: dict[str, Value], kind: Kind) -> tuple[str, ...]:
    method = {field: value for field, value in drawn.items() if field in METHOD and value is not None}
    values = PRESETS[kind][spec.base.preset] | spec.base.model_dump(exclude_none=True) | method
    return plan.fields_read(values, kind)


def _given(field: str, value: Value) -> dict[str, Any]:
    """The field as a spec has it; nothing where the preset is to fill it."""
    if value is None or (field == "augmentation" and value == OFF):
        return {}
    if field == "augmentation" and isinstance(value, str):
        return {field: get_augmentation(value)}
    return {field: value}


def _types(field: str) -> set[str]:
    described = TrainingSpec.model_json_schema()["properties"][field]
    return {part.get("type", "") for part in described.get("anyOf", [described])}


def _is_whole(field: str) -> bool:
    return "integer" in _types(field)


def _is_number(field: str) -> bool:
    return bool({"integer", "number"} & _types(field))


def _number(field: str, value: float) -> float | int:
    """The value in the field's type: an integer, or a float of five digits, so that a grid's values are readable."""
    return round(value) if _is_whole(field) else float(f"{value:.5g}")
