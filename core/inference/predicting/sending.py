"""Predicted samples sent to the run's dataset, with the class that a person gave them."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from PIL import Image

from core.data.cleaning.steps.samples import BIN_TARGET
from core.data.image_reading.label_tables import LabelTable
from core.data.image_reading.reading import ImageReading
from core.data.images.store import ImageStore
from core.data.importing import ImportResult, import_data
from core.data.tables.schema import load_schema
from core.errors import InputError
from core.inference.predicting.record import read_cells, read_prediction
from core.jobs import tasks
from core.schemas import DataRef, DatasetRecord
from core.store import runs
from core.store.datasets import get_dataset, get_version, import_folder

# How the pictures are written, so that nothing of it is found out: a few of one class tell little of their table.
LABELS = LabelTable(path="labels.csv", encoding="utf-8", delimiter=",", file="file", label="label")
READING = ImageReading(labels="tables", tables=(LABELS,))


def add_to_dataset(task_id: str, classes: Mapping[int, str]) -> ImportResult:
    """Import samples of a predicting task into the run's dataset: a further import and a new version.

    Args:
        task_id: of the predicting task, whose files must still be there.
        classes: place among the predictions → the sample's class.

    Raises:
        InputError: the dataset cannot take them.
    """
    outcome, table = read_prediction(task_id)
    run = runs.get_run(outcome.run)
    dataset = get_dataset(run.dataset)
    with tempfile.TemporaryDirectory(prefix="graft-") as place:
        if outcome.kind == "image":
            source = Path(place) / f"Predicted by {run.id}"
            source.mkdir()
            _write_pictures(source, ImageStore(tasks.task_folder(task_id)), table["file"], classes)
            return import_data(source, into=dataset.id, reading=READING.model_dump(mode="json"))
        source = Path(place) / f"Predicted by {run.id}.parquet"
        columns = _write_rows(source, dataset, read_cells(tasks.task_folder(task_id)), classes)
        return import_data(source, into=dataset.id, columns=columns)


def _write_pictures(folder: Path, images: ImageStore, names: pd.Series, classes: Mapping[int, str]) -> None:
    """The pictures, loss-free, and a table of their classes: as a folder a class could bear no name with a slash."""
    labels = []
    for row, label in classes.items():
        name = f"{Path(names[row]).stem} {row + 1}.png"
        Image.fromarray(images.image(row)).save(folder / name)
        labels.append({"file": name, "label": label})
    pd.DataFrame(labels).to_csv(folder / LABELS.path, index=False)


def _write_rows(
    path: Path, dataset: DatasetRecord, given: pd.DataFrame, classes: Mapping[int, str]
) -> dict[str, dict[str, str]]:
    """The rows with their class; returns the kinds of their columns, which a few rows alone may not tell."""
    recipe = get_version(DataRef(dataset=dataset.id)).recipe
    if any(step.kind == BIN_TARGET for step in recipe.steps):
        raise InputError(
            f"“{dataset.target}” of “{dataset.name}” is a number cut into classes, and a class is no number.",
            "Add the rows with their numbers under “Manage” on the Data page.",
        )
    schema = load_schema(import_folder(dataset.id, dataset.current_imports().imports[0].number))
    rows = given.iloc[list(classes)].assign(**{str(dataset.target): list(classes.values())})
    rows.to_parquet(path, index=False)
    kinds = dict.fromkeys(schema.numeric, "numeric") | dict.fromkeys(schema.categorical, "category")
    return {name: {"type": kind} for name, kind in kinds.items()}
