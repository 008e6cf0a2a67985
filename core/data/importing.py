"""Importing: a ZIP, a folder, a CSV file or a shipped sample becomes a dataset, or a further import of one.

Everything is built in a staging folder and moved to its place at the end, so that a refused import leaves nothing
behind.
"""

import errno
import hashlib
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core.data.cleaning.steps.samples import BIN_TARGET
from core.data.image_import import fill_images
from core.data.image_reading.reading import image_names
from core.data.images.writing import Progress
from core.data.reading.proposing import propose_container
from core.data.reading.record import parse_reading
from core.data.rereading import carry_over, keep_ids, roles_before
from core.data.sources import Source, inspect_source
from core.data.tables import store as tables
from core.data.tables import targets
from core.data.tables.columns import Choice, column_with_role, read_choices
from core.data.tables.readings import import_reading, save_reading
from core.data.tables.schema import load_schema
from core.data.versions import build_version, following_split, with_version
from core.errors import DiskError, InputError
from core.schemas import DataRef, DatasetRecord, Finding, ImportRecord, Recipe, Skipped, Split, Step, VersionRecord
from core.store import datasets as store
from core.store import originals
from core.store.dataset_folder import DatasetFolder
from core.store.files import folder_size, need_disk, write_text

SHOWN = 20  # columns that a message names


@dataclass(frozen=True)
class ImportResult:
    """What an import made. `seconds` is the time it took."""

    dataset: DatasetRecord
    version: VersionRecord
    skipped: tuple[Skipped, ...]
    findings: tuple[Finding, ...]
    seconds: float


@dataclass(frozen=True)
class _Filled:
    """What was written into a staged import folder, of `n_read` samples in the source."""

    manifest: pd.DataFrame
    skipped: list[Skipped]
    n_read: int
    steps: tuple[Step, ...] = ()

    @property
    def gives_parts(self) -> bool:
        """Whether folders of the source say which samples are for training, validation or test."""
        return "given_split" in self.manifest.columns and bool(self.manifest["given_split"].notna().any())


def import_data(
    source: Path | str,
    *,
    name: str | None = None,
    target: str | None = None,
    unlabelled: bool = False,
    into: str | None = None,
    bins: int | None = None,
    licence: str = "",
    columns: Mapping[str, Any] | None = None,
    reading: Mapping[str, Any] | None = None,
    member: str = "",
    replaces: int | None = None,
    progress: Progress | None = None,
) -> ImportResult:
    """Import a ZIP or folder of images (a folder per class), a CSV file, or a shipped sample.

    Args:
        source: a path, or `sample:NAME`.
        name: the dataset's name; from the source when left out. `InputError` when taken.
        target: the column of a CSV file that holds the classes.
        unlabelled: take the data without classes; it then has no split.
        into: id or name of a dataset that gets the data as a further import and a new version, with its newest
            version's recipe and split.
        bins: cut a numeric target into so many classes of about equal size.
        columns: what was chosen for a table's columns, name → {"type", "role"} (`column_choices.Choice`); a further
            import takes the choices of the first.
        reading: how the source is read, as it is proposed; found out when left out. A further table is read as the
            first one was.
        member: the table in an archive that holds several.
        replaces: the number of the import of `into` that this one reads anew (`core.data.rereading`).
        licence: noted in the dataset's record.
        progress: called with (images done, images in all).

    Raises:
        InputError: the source cannot be used; one sentence says why. Nothing stays behind.
        DiskError: not enough room.
    """
    started = time.monotonic()
    given = inspect_source(source)
    choices = read_choices(columns or {})
    target = target or column_with_role(choices, "target") or given.target
    if given.is_sample and not (name or into or unlabelled or bins or choices or reading):
        here = _already_here(given, target)
        if here:
            return _result(*here, skipped=(), started=started)
    old = store.get_dataset(into) if into else None
    if old:
        target, unlabelled = _fit_into(old, given, target, unlabelled)
    elif name is not None:
        name = store.check_name(name)
    if given.kind == "image" and target is not None:
        raise InputError(f"“{given.title}” holds images, which have no column “{target}”.", "Leave out the target.")
    store.sweep_staging()
    with _disk_full_told(), store.staging_folder() as staged:
        folder = staged / "import"
        folder.mkdir()
        if given.kind == "image":
            with given.open() as archive:
                first = old if replaces is None else None
                manifest, skipped = fill_images(archive, folder, not unlabelled, first, reading, progress)
                filled = _Filled(manifest, skipped, len(image_names(archive)))
        else:
            filled = _fill_table(given.path, folder, target, unlabelled, bins, choices, old, reading, member)
        if old and replaces is not None:
            keep_ids(old, replaces, folder)
        original = None if given.is_sample else originals.stage_original(given.path, staged)
        with store.write_lock():
            old = store.get_dataset(old.id) if old else None
            record = ImportRecord(
                number=max(r.number for r in old.imports) + 1 if old else 1,
                source=given.key,
                n=len(filled.manifest),
                n_read=filled.n_read,
                content_hash=_content_hash(filled.manifest),
                skipped=tuple(filled.skipped),
                original=original,
                replaces=replaces,
            )
            if original:
                originals.adopt_original(original, staged)
            write_text(folder / "import.json", record.model_dump_json(indent=1))
            if old:
                dataset, version = _add(old, record, folder)
            else:
                dataset = DatasetRecord(
                    id=store.new_id(name or given.title),
                    name=store.check_name(name) if name else store.free_name(given.title),
                    kind=given.kind,
                    labelled=not unlabelled,
                    target=None if unlabelled else target,
                    licence=licence or given.licence,
                    imports=(record,),
                )
                given_parts = dataset.labelled and filled.gives_parts
                dataset, version = _create(dataset, folder, staged, Recipe(steps=filled.steps), given_parts)
    return _result(dataset, version, skipped=record.skipped, started=started)


def reread_data(dataset_id: str, reading: Mapping[str, Any], number: int | None = None) -> ImportResult:
    """Read the source of an import anew, as `reading` says: a further import, which takes the place of that one.

    Relabelled and excluded samples, and the parts of the split, carry over by sample; the new version's note says
    what was read otherwise. `number` is that of the import, the last one when left out.

    Raises:
        InputError: the original was not kept, or cannot be read so.
    """
    dataset = store.get_dataset(dataset_id)
    current = {record.number: record for record in dataset.current_imports().imports}
    record = current.get(number if number is not None else max(current))
    if record is None:
        raise InputError(
            f"“{dataset.name}” has no import {number}.", f"Its imports are {', '.join(map(str, current))}."
        )
    how: dict[str, Any] = {"into": dataset.id, "reading": reading, "replaces": record.number}
    if dataset.kind == "table":
        how["columns"] = roles_before(load_schema(store.import_folder(dataset.id, record.number)))
    if record.source.startswith("sample:"):
        return import_data(record.source, **how)
    with originals.open_original(record.original) as path:
        return import_data(path, **how)


def import_sample(name: str, progress: Progress | None = None) -> ImportResult:
    """Import a shipped sample by name; one that is there already is given back as it is."""
    return import_data(f"sample:{name}", progress=progress)


def _fill_table(
    path: Path,
    folder: Path,
    target: str | None,
    unlabelled: bool,
    bins: int | None,
    choices: Mapping[str, Choice],
    old: DatasetRecord | None,
    reading: Mapping[str, Any] | None,
    member: str,
) -> _Filled:
    if unlabelled:
        target = None
    elif target is None:
        columns = ", ".join(propose_container(path, member)[2].names[:SHOWN])
        raise InputError(f"“{path.name}” needs a target, the column to predict.", f"Choose one of {columns}.")
    need_disk(3 * (folder_size(path) if path.is_dir() else path.stat().st_size))
    if old and reading is None:
        first = store.import_folder(old.id, old.current_imports().imports[0].number)
        found = tables.read_further_table(path, target, choices, import_reading(first), load_schema(first))
    else:
        given = None if reading is None else parse_reading(reading)
        found = tables.read_table(path, target, choices, given, member)
    table = found.table
    labels: pd.Series | None = None
    steps: tuple[Step, ...] = ()
    if target is not None:
        binned = old is not None and any(s.kind == BIN_TARGET for s in _newest(old).recipe.steps)
        labels, step = targets.target_classes(table[target], bins, binned)
        steps = (step,) if step else ()
    save_reading(folder, found.reading)
    manifest = tables.store_table(folder, table, found.schema, labels)
    return _Filled(manifest, found.skipped, found.n_read, steps)


def _create(
    dataset: DatasetRecord, folder: Path, staged: Path, recipe: Recipe, given_parts: bool
) -> tuple[DatasetRecord, VersionRecord]:
    """Make the staged import a new dataset with its first version."""
    whole = staged / "dataset"
    place = DatasetFolder(whole)
    place.imported(1).parent.mkdir(parents=True)
    folder.rename(place.imported(1))
    version, tables = build_version(dataset, whole, recipe, Split(given=given_parts))
    store.write_version(place.version(version.id), version, tables)
    dataset = with_version(dataset, version)
    store.adopt_dataset(whole, dataset, version)
    return dataset, version


def _add(old: DatasetRecord, record: ImportRecord, folder: Path) -> tuple[DatasetRecord, VersionRecord]:
    """Make the staged import a further one of `old`; its record is written last, and counts."""
    newest = _newest(old)
    dataset = old.model_copy(update={"imports": (*old.imports, record)})
    recipe, note = newest.recipe, ""
    if record.replaces is not None:
        recipe, note = carry_over(newest.recipe, old, record, folder)
    place = store.import_folder(old.id, record.number)
    shutil.rmtree(place, ignore_errors=True)  # no record names it: left by an import that was killed
    folder.rename(place)
    try:
        version, tables = build_version(
            dataset, store.dataset_folder(old.id), recipe, following_split(newest), note=note
        )
        store.save_version(version, tables)
        dataset = with_version(dataset, version)
        store.save_dataset(dataset)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return dataset, version


def _fit_into(old: DatasetRecord, given: Source, target: str | None, unlabelled: bool) -> tuple[str | None, bool]:
    """Target and labelling of a further import: those of `old`; `InputError` when others are asked for."""
    if old.kind != given.kind:
        what = {"image": "images", "table": "a table"}
        raise InputError(
            f"“{given.title}” cannot be added to “{old.name}”, which holds {what[old.kind]}.",
            "Import it as a dataset of its own.",
        )
    if unlabelled and old.labelled:
        raise InputError(
            f"“{old.name}” is labelled and takes no unlabelled data.", "Import them as a dataset of their own."
        )
    if target is not None and target != old.target:
        raise InputError(
            f"The target of “{old.name}” is {old.target or 'none'}, not {target}.", "Leave out the target."
        )
    return old.target, not old.labelled


def _newest(dataset: DatasetRecord) -> VersionRecord:
    return store.get_version(DataRef(dataset=dataset.id))


def _already_here(given: Source, target: str | None) -> tuple[DatasetRecord, VersionRecord] | None:
    """The dataset, if any, that was made from this sample and nothing else."""
    for dataset in store.list_datasets():
        sources = [record.source for record in dataset.imports]
        if sources == [given.key] and dataset.labelled and dataset.target == target:
            return dataset, _newest(dataset)
    return None


def _result(
    dataset: DatasetRecord, version: VersionRecord, skipped: tuple[Skipped, ...], started: float
) -> ImportResult:
    return ImportResult(dataset, version, skipped, version.findings, time.monotonic() - started)


def _content_hash(manifest: pd.DataFrame) -> str:
    """Hash of an import's content: names, labels and content of its samples in order."""
    rows = zip(manifest["path"], manifest["label"], manifest["content_hash"], strict=True)
    return hashlib.sha256("\n".join(map(repr, rows)).encode()).hexdigest()[:24]


@contextmanager
def _disk_full_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskError(
            "The disk became full during the import; nothing of it was kept.",
            "Delete datasets or runs that are no longer needed, or set GRAFT_HOME to a folder on a larger disk.",
        ) from error
