"""The settings of a step as widgets, one per field of its model with the field's title and description."""

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import annotated_types
import pandas as pd
import streamlit as st
from pydantic.fields import FieldInfo

from core.data.cleaning.steps.step import Classes, Columns, Only, StepKind, numeric_columns, text_columns

WIDE = 320
LONG = 30  # of a longer list of names only the first are shown


def show_settings(
    kind: StepKind, params: Mapping[str, Any], table: pd.DataFrame, classes: Sequence[str], key: str
) -> dict[str, Any]:
    """The settings as the person set them, without those at their default.

    `table` and `classes` are the step's input; columns and classes are chosen among them.
    """
    chosen: dict[str, Any] = {}
    with st.container(horizontal=True):
        for name, field in kind.settings.model_fields.items():
            default = None if field.is_required() else field.default
            value = _as_json(params.get(name, default))
            marks = _inspect(field)[1]
            if table.columns.empty and any(isinstance(mark, Columns) for mark in marks):
                continue  # of images there are no columns to choose
            only = next((mark for mark in marks if isinstance(mark, Only)), None)
            if only is None or chosen.get("method", kind.settings.model_fields["method"].default) in only.methods:
                value = _show_field(field, value, table, classes, f"{key}-{name}")
            if value != _as_json(default):
                chosen[name] = value
    return chosen


def is_fixed(field: FieldInfo) -> bool:
    """Whether a field is shown but not set here: lists of samples, or of limits."""
    shape, marks, _ = _inspect(field)
    return (
        get_origin(shape) is tuple
        and get_origin(get_args(shape)[0]) is not Literal
        and not any(isinstance(mark, Columns | Classes) for mark in marks)
    )


def describe_settings(kind: StepKind, params: Mapping[str, Any]) -> str:
    """The settings that differ from their default, on one line."""
    parts = []
    for name, value in params.items():
        field = kind.settings.model_fields.get(name)
        title = (field.title if field and field.title else name).lower()
        if isinstance(value, Mapping):
            parts.append(
                f"{title}: {', '.join(f'{a} → {b}' for a, b in list(value.items())[:3])}{_count_more(len(value), 3)}"
            )
        elif isinstance(value, list | tuple):
            parts.append(f"{title}: {', '.join(map(str, value[:4]))}{_count_more(len(value), 4)}")
        else:
            parts.append(f"{title}: {_format_value(value)}")
    return " · ".join(parts)


def _count_more(n: int, shown: int) -> str:
    return f" and {n - shown} more" if n > shown else ""


def _format_value(value: Any) -> str:
    if isinstance(value, str):
        return value.replace("_", " ")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _as_json(value: Any) -> Any:
    """As in JSON: tuples are lists."""
    return list(value) if isinstance(value, tuple) else value


def _show_field(field: FieldInfo, value: Any, table: pd.DataFrame, classes: Sequence[str], key: str) -> Any:
    title, help_text = field.title or key.rpartition("-")[2], field.description
    shape, marks, optional = _inspect(field)
    common: dict[str, Any] = {"help": help_text, "key": key, "width": WIDE}
    if get_origin(shape) is Literal:
        options = list(get_args(shape))
        return st.selectbox(title, options, options.index(value), format_func=_format_value, **common)
    if shape is bool:
        return st.toggle(title, value, help=help_text, key=key)
    if shape in (int, float):
        return _number_field(title, shape, value, marks, optional, common)
    if get_origin(shape) is tuple:
        choices = _list_options(get_args(shape)[0], marks, table, classes)
        return _list_field(title, value or [], choices, common)
    if get_origin(shape) is dict:
        return _mapping_field(title, help_text, value or {}, key)
    columns = next((mark for mark in marks if isinstance(mark, Columns)), None)
    if columns:
        options = _column_names(columns, table)
        options = options if value is None or value in options else [value, *options]
        return st.selectbox(title, options, None if value is None else options.index(value), **common)
    return st.text_input(title, value or "", **common)


def _number_field(
    title: str, shape: type, value: Any, marks: Sequence[Any], optional: bool, common: dict[str, Any]
) -> Any:
    tiny = 1 if shape is int else 1e-6
    low: Any = None
    high: Any = None
    for mark in marks:
        match mark:
            case annotated_types.Ge(ge=limit):
                low = limit
            case annotated_types.Gt(gt=limit):
                low = cast(float, limit) + tiny
            case annotated_types.Le(le=limit):
                high = limit
            case annotated_types.Lt(lt=limit):
                high = cast(float, limit) - tiny
    return st.number_input(
        title,
        min_value=None if low is None else shape(low),
        max_value=None if high is None else shape(high),
        value=None if value is None else shape(value),
        step=1 if shape is int else None,
        format=None if shape is int else "%g",
        placeholder="The method's usual one" if optional else None,
        **common,
    )


def _list_options(of: Any, marks: Sequence[Any], table: pd.DataFrame, classes: Sequence[str]) -> list[Any] | None:
    """What a list is chosen from; none where it is only shown."""
    columns = next((mark for mark in marks if isinstance(mark, Columns)), None)
    if get_origin(of) is Literal:
        return list(get_args(of))
    if columns:
        return _column_names(columns, table)
    return list(classes) if any(isinstance(mark, Classes) for mark in marks) else None


def _list_field(title: str, value: list[Any], options: list[Any] | None, common: dict[str, Any]) -> list[Any]:
    if options is None:
        shown = ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value[:LONG])
        st.caption(f"{title}: {shown}{_count_more(len(value), LONG)}", width=WIDE)
        return value
    options += [v for v in value if v not in options]
    return st.multiselect(title, options, value, placeholder="None chosen", **common)


def _column_names(mark: Columns, table: pd.DataFrame) -> list[str]:
    if mark.kind == "any":
        return [str(column) for column in table.columns]
    return numeric_columns(table) if mark.kind == "numeric" else text_columns(table)


def _mapping_field(title: str, help_text: str | None, value: Mapping[str, str], key: str) -> dict[str, str]:
    """A table of two columns; the data it begins with must stay the same while it is edited."""
    initial = st.session_state.setdefault(f"{key}-began", dict(value))
    with st.container(width=WIDE):
        st.markdown(title, help=help_text)
        edited = st.data_editor(
            pd.DataFrame({"From": list(initial), "To": list(initial.values())}, dtype="str"),
            num_rows="dynamic",
            hide_index=True,
            key=key,
            height=180,
        )
    complete = edited.dropna()
    return {str(a): str(b) for a, b in zip(complete["From"], complete["To"], strict=True)}


def _inspect(field: FieldInfo) -> tuple[Any, tuple[Any, ...], bool]:
    """A field's type without its marks and without None, its marks, and whether None is allowed."""
    shape, marks, optional = field.annotation, _unfold(field.metadata), False
    if get_origin(shape) in (Union, types.UnionType):
        (shape,) = (part for part in get_args(shape) if part is not type(None))
        optional = True
    if get_origin(shape) is Annotated:
        shape, *more = get_args(shape)
        marks = (*marks, *_unfold(more))
    return shape, marks, optional


def _unfold(marks: Sequence[Any]) -> tuple[Any, ...]:
    """Marks, with those inside a `Field` taken out."""
    return tuple(part for mark in marks for part in (mark.metadata if isinstance(mark, FieldInfo) else (mark,)))
