"""Checks, before training, that a strategy can transfer from the sources that a spec names."""

from typing import Any

import pandas as pd

from core.data.tables.matching import matched_columns
from core.data.versions import load_cells, load_samples
from core.errors import InputError
from core.methods.strategies import Strategy
from core.schemas import DataRef, DatasetRecord, VersionRecord
from core.store.datasets import get_dataset, get_version, list_datasets


def resolve_source(values: dict[str, Any], strategy: Strategy, target: VersionRecord) -> dict[str, Any]:
    """The resolved settings of a strategy with a source: sources with versions, method, and use of target labels.

    Raises:
        InputError: there is no source, or a source or a setting does not fit the strategy.
    """
    if not values.get("source"):
        raise InputError(
            f"{strategy.title} needs a source to learn from.", "Name another labelled dataset as source."
        )
    sources = tuple(dict.fromkeys(_reference(text, strategy, target) for text in values["source"]))
    settings: dict[str, Any] = {"source": sources, "target_labels": _labels(values.get("target_labels"), strategy)}
    if strategy.methods:
        method = values.get("method") or next(iter(strategy.methods))
        if method not in strategy.methods:
            raise InputError(
                f"{strategy.title} has no method “{method}”.", f"Choose one of: {', '.join(strategy.methods)}."
            )
        settings["method"] = method
    return settings


def possible_sources(target: DatasetRecord) -> list[DatasetRecord]:
    """The datasets that could be a source: labelled and of the target's kind."""
    return [d for d in list_datasets() if d.id != target.id and d.kind == target.kind and d.labelled]


def transfer_obstacle(strategy: Strategy, target: VersionRecord, source: VersionRecord) -> str:
    """Why a strategy cannot transfer from this source; empty if it can."""
    ours, theirs = get_dataset(target.dataset), get_dataset(source.dataset)
    if theirs.id == ours.id:
        return "Source and target are the same dataset."
    if theirs.kind != ours.kind or not theirs.labelled:
        return f"“{theirs.name}” is no labelled dataset of {'images' if ours.kind == 'image' else 'rows'}."
    if strategy.matched and set(target.classes) != set(source.classes):
        return f"“{theirs.name}” has other classes, and {strategy.title.lower()} needs the same classes."
    if ours.kind == "image":
        return ""
    mine, their = first_cells(target), first_cells(source)
    matched = matched_columns(mine, their)
    if not matched:
        return f"“{theirs.name}” has no column of the same name and type as this table."
    missing = [str(column) for column in mine if column not in matched]
    if strategy.matched and missing:
        return f"“{theirs.name}” lacks the column “{missing[0]}”, and {strategy.title.lower()} needs all columns."
    return ""


def _reference(text: str, strategy: Strategy, target: VersionRecord) -> str:
    version = get_version(DataRef.parse(text))
    reason = transfer_obstacle(strategy, target, version)
    if reason:
        hint = "Choose another source."
        if get_dataset(version.dataset) in possible_sources(get_dataset(target.dataset)):
            hint = "Choose another source, or rename columns so that matching columns have the same name."
            if strategy.matched:
                hint = (
                    "Choose another source, or transfer parameters: pretraining and the Bayesian head use whatever"
                    " classes and columns are shared."
                )
        raise InputError(reason, hint)
    return f"{version.dataset}@{version.id}"


def _labels(given: str | None, strategy: Strategy) -> str:
    if strategy.labels == "needed" and given == "ignored":
        raise InputError(f"{strategy.title} needs the target's labels.", "Choose another strategy to ignore them.")
    if strategy.labels == "ignored":
        if given == "used":
            raise InputError(f"{strategy.title} uses no label of the target.", "Leave out target_labels.")
        return "ignored"
    return given or "used"


def first_cells(version: VersionRecord) -> pd.DataFrame:
    """The first rows of a table, enough to see its columns and their types."""
    return load_cells(version, load_samples(DataRef(dataset=version.dataset, version=version.id)).head(20))
