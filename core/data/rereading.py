"""Reading the source of an import anew: what stays of its samples, and what is said to have changed."""

from pathlib import Path

import pandas as pd

from core.data.cleaning.steps.review import KEEP, RELABEL
from core.data.cleaning.steps.samples import DROP_SAMPLES
from core.data.image_reading.reading import load_image_reading
from core.data.image_reading.words import describe_image_changes
from core.data.reading.words import describe_changes
from core.data.tables.readings import import_reading
from core.data.tables.schema import Schema, load_schema
from core.data.tables.store import LEFT_OUT_BY_CHOICE
from core.schemas import DatasetRecord, ImportRecord, Recipe, Step
from core.store import datasets as store
from core.store.dataset_folder import DatasetFolder, sample_ids
from core.store.files import write_parquet


def keep_ids(dataset: DatasetRecord, replaced: int, folder: Path) -> None:
    """Give the samples of the import in `folder` the ids that they have in the import that is read anew.

    A row is the same where it stands in the same place of the file, or, with an id column, bears the same name; an
    image where it has the same name in the archive, or, where names are read in another encoding, the same pixels.
    """
    manifest = pd.read_parquet(folder / "manifest.parquet")
    before = pd.read_parquet(DatasetFolder.of(dataset.id).manifest(replaced))
    places = _rows if dataset.kind == "table" else _names
    if dataset.kind == "image" and _encodings_differ(_folder(dataset, replaced), folder):
        places = _pixels
    known = dict(zip(places(_folder(dataset, replaced), before), sample_ids(before, replaced), strict=True))
    ids = pd.Series([known.pop(place, None) for place in places(folder, manifest)], dtype="str")
    write_parquet(folder / "manifest.parquet", manifest.assign(id=ids))


def carry_over(recipe: Recipe, dataset: DatasetRecord, record: ImportRecord, folder: Path) -> tuple[Recipe, str]:
    """The recipe without samples that are gone, and a note on what was read otherwise.

    `folder` holds the import `record`, which reads the source of another one of `dataset` anew.
    """
    replaced = int(record.replaces or 0)
    manifest = pd.read_parquet(folder / "manifest.parquet")
    before = pd.read_parquet(DatasetFolder.of(dataset.id).manifest(replaced))
    gone = set(sample_ids(before, replaced)) - set(sample_ids(manifest, record.number))
    steps = tuple(step for step in (_without(step, gone) for step in recipe.steps) if step is not None)
    folders = _folder(dataset, replaced), folder
    if dataset.kind == "table":
        noun, changes = "row", describe_changes(*map(import_reading, folders))
    else:
        noun, changes = "image", describe_image_changes(*map(load_image_reading, folders))
    note = f"“{record.source}” read anew: {changes or 'nothing changed'}."
    n_new = len(manifest) - len(before)
    if n_new:
        note += f" {abs(n_new):,} {noun if abs(n_new) == 1 else noun + 's'} {'more' if n_new > 0 else 'fewer'}."
    return Recipe(steps=steps), note


def roles_before(schema: Schema) -> dict[str, dict[str, str]]:
    """The roles of columns that a person chose, as an import takes them."""
    roles = {"id": schema.id, "group": schema.group, "weight": schema.weight}
    chosen = {name: {"role": role} for role, name in roles.items() if name}
    by_choice = [column.name for column in schema.columns if column.reason == LEFT_OUT_BY_CHOICE]
    return {name: {"role": "ignore"} for name in by_choice} | chosen


def _without(step: Step, gone: set[str]) -> Step | None:
    """A step that names samples, without those that are gone; None where none of them is left."""
    if step.kind == RELABEL:
        labels = {name: label for name, label in step.params.get("labels", {}).items() if name not in gone}
        return step.model_copy(update={"params": step.params | {"labels": labels}}) if labels else None
    if step.kind in (DROP_SAMPLES, KEEP):
        samples = [name for name in step.params.get("samples", ()) if name not in gone]
        return step.model_copy(update={"params": step.params | {"samples": samples}}) if samples else None
    return step


def _names(folder: Path, manifest: pd.DataFrame) -> list[object]:
    """The images' names in their archive."""
    root = load_image_reading(folder).layout.root
    return [f"{root}/{path}" if root else path for path in manifest["path"]]


def _pixels(folder: Path, manifest: pd.DataFrame) -> list[object]:
    """The images' pixels, of equal ones the first, the second and so on."""
    hashes = manifest["content_hash"]
    return list(zip(hashes, hashes.groupby(hashes).cumcount(), strict=True))


def _encodings_differ(*folders: Path) -> bool:
    return len({load_image_reading(folder).encoding for folder in folders}) > 1


def _rows(folder: Path, manifest: pd.DataFrame) -> list[object]:
    """What a row is known by in its file: its line, or its name where an id column gives one."""
    container = import_reading(folder).container
    above = container.skip_lines + int(container.header)
    rows = manifest["path"].str.extract(r"^row (\d+)$")[0]
    if load_schema(folder).id is not None or rows.isna().any():
        return list(manifest["path"])
    return list(rows.astype("int64") + above)


def _folder(dataset: DatasetRecord, number: int) -> Path:
    return store.import_folder(dataset.id, number)
