"""Recipes: the settings of their steps, and applying those that act when a version is made.

The registry, `core.data.cleaning.steps.registry.STEPS`, holds each step's scope. Steps that decide on samples or
change cells row by row are applied here, in their order, to give a version; steps that learn are fitted later, on
training rows only (`core.data.cleaning.preparation`). The imported data never change.
"""

from collections.abc import Iterator

import pandas as pd
from pydantic import ValidationError

from core.data.cleaning.steps.registry import STEPS
from core.data.cleaning.steps.step import Rows, StepKind, StepSettings
from core.errors import InputError, did_you_mean
from core.schemas import Kind, Recipe, Step

AT_ONCE = ("samples", "cells")  # scopes of the steps that make the version


def step_kind(step: Step) -> StepKind:
    """The registry's entry for a step; `InputError` when there is none."""
    if step.kind not in STEPS:
        raise InputError(
            f"There is no cleaning step “{step.kind}”.",
            did_you_mean(step.kind, STEPS, "The steps are " + ", ".join(STEPS) + "."),
        )
    return STEPS[step.kind]


def step_settings(step: Step) -> StepSettings:
    """A step's settings with their defaults; `ValueError` with the reason when one is invalid."""
    try:
        return step_kind(step).settings.model_validate(step.params)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "missing":
            raise ValueError(f"“{first['loc'][0]}” is not chosen") from error
        where = ".".join(str(place) for place in first["loc"]) or "its settings"
        raise ValueError(f"“{where}”: {first['msg'][0].lower()}{first['msg'][1:]}") from error


def step_error(number: int, step: Step, error: Exception) -> InputError:
    """The error for step `number` of a recipe, counted from 1."""
    why = str(error).strip("'\" .")
    return InputError(f"Step {number} of the recipe, {step.kind}, cannot be applied: {why}.", "Check its settings.")


def enabled_steps(recipe: Recipe, *scopes: str) -> Iterator[tuple[int, Step, StepKind, StepSettings]]:
    """The steps of these scopes that are on, with their place counted from 1; `InputError` for unusable settings."""
    for number, step in enumerate(recipe.steps, start=1):
        kind = step_kind(step)
        if step.enabled and kind.scope in scopes:
            try:
                settings = step_settings(step)
            except ValueError as error:
                raise step_error(number, step, error) from error
            yield number, step, kind, settings


def check_recipe(recipe: Recipe, kind: Kind) -> None:
    """`InputError` when a step does not exist, is not for this kind of data, or has an invalid setting."""
    for number, step in enumerate(recipe.steps, start=1):
        if step_kind(step).kind not in (kind, "both"):
            what = "tables" if kind == "image" else "images"
            raise InputError(f"Step {number} of the recipe, {step.kind}, is for {what}.", "Leave it out.")
    for _ in enabled_steps(recipe, *AT_ONCE, "learnt", "training_rows"):
        pass


def reads_cells(recipe: Recipe) -> bool:
    """Whether making the version needs a table's cells, and not only the list of its samples."""
    return any(kind.scope == "cells" or kind.reads_cells for _, _, kind, _ in enabled_steps(recipe, *AT_ONCE))


def apply_recipe(recipe: Recipe, rows: Rows) -> Rows:
    """The rows that a version keeps; `InputError` names a step that does not exist or cannot be applied."""
    for number, step, kind, settings in enabled_steps(recipe, *AT_ONCE):
        rows = apply_step(rows, number, step, kind, settings)
    table = rows.table
    return Rows(rows.samples.reset_index(drop=True), table)


def apply_step(rows: Rows, number: int, step: Step, kind: StepKind, settings: StepSettings) -> Rows:
    """The rows after one step that acts when the version is made."""
    try:
        if kind.scope == "samples":
            applied: Rows = kind.run(rows, settings)
            return applied
        table = kind.run(rows.cells, settings)
    except (KeyError, TypeError, ValueError) as error:
        raise step_error(number, step, error) from error
    # Rows whose cells have become equal are copies of each other from now on, and stay on one side of the split.
    groups = pd.factorize(pd.util.hash_pandas_object(table, index=False))[0]
    return Rows(rows.samples.assign(group=groups), table)


def clean_cells(recipe: Recipe, table: pd.DataFrame) -> pd.DataFrame:
    """New rows, typed like the import, after the steps that change cells: the input of `Preparation`."""
    for number, step, kind, settings in enabled_steps(recipe, "cells"):
        try:
            table = kind.run(table, settings)
        except (KeyError, TypeError, ValueError) as error:
            raise step_error(number, step, error) from error
    return table


def order_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Steps in the order in which they act: those that make the version first, otherwise as listed."""
    return tuple(sorted(steps, key=lambda step: step_kind(step).scope not in AT_ONCE))
