"""Runs by name: with the name of their dataset, as two datasets may each have a run of the same name."""

from collections.abc import Iterable

from core.schemas import RunRecord
from core.store import datasets


def label_runs(records: Iterable[RunRecord]) -> dict[str, str]:
    """“Random forest · Penguins” for each run, by its id; a dataset that is gone goes by its id."""
    names = {dataset.id: dataset.name for dataset in datasets.list_datasets()}
    return {run.id: f"{run.name} · {names.get(run.dataset, run.dataset)}" for run in records}
