"""Importing images: the archive's reading found out or taken, the images it names decoded into an import's folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from core.data.files.archives import Archive
from core.data.image_reading.folders import Layout, relative_path
from core.data.image_reading.groups import group_by_time, propose_by_time
from core.data.image_reading.members import Member
from core.data.image_reading.reading import (
    ImageReading,
    image_names,
    list_members,
    load_rendering,
    merge_renderings,
    parse_image_reading,
    propose_image_reading,
    save_image_reading,
)
from core.data.images.writing import Progress, estimated_size, store_images
from core.errors import InputError
from core.schemas import DatasetRecord, Skipped
from core.store import datasets as store
from core.store.files import need_disk, write_parquet


def fill_images(
    archive: Archive,
    folder: Path,
    labelled: bool,
    old: DatasetRecord | None,
    given: Mapping[str, Any] | None,
    progress: Progress | None,
) -> tuple[pd.DataFrame, list[Skipped]]:
    """Write the images of an archive and the reading into `folder`; the manifest, and what was left out and why.

    Args:
        old: the dataset that gets them as a further import, whose rendering they take; None where they come first or
            are read anew.
        given: a reading to apply; found out when it is None.

    Raises:
        InputError: nothing in the archive can be used.
    """
    reading = _find_reading(archive, labelled, old, given)
    members, skipped = list_members(archive, reading)
    if labelled and reading.open_tables and len({member.label for member in members}) < 2:
        raise InputError(reading.open_tables[0], "Choose the column in the reading, or use one folder per class.")
    if not members:
        why = f" (“{skipped[0].path}”: {skipped[0].reason})" if skipped else ""
        raise InputError(
            f"“{archive.title}” holds no images that can be used{why}.", "Put one folder of images per class into it."
        )
    need_disk(estimated_size(archive, members))
    manifest, unreadable = store_images(archive, members, folder, progress, reading.rendering)
    if manifest.empty:
        raise InputError(
            f"None of the {len(unreadable)} images in “{archive.title}” can be read"
            f" (“{unreadable[0].path}”: {unreadable[0].reason}).",
            "Export them again as JPEG or PNG.",
        )
    reading, manifest = _grouped_by_time(reading, members, manifest, folder)
    save_image_reading(folder, reading)
    return manifest, skipped + unreadable


def rest_reading(archive: Archive, reading: ImageReading) -> ImageReading | None:
    """The reading of the images that this one leaves without a class; None where no folder holds only such.

    So a test part without labels becomes an unlabelled dataset, which a run can predict.
    """
    archive.use_encoding(reading.encoding)
    members, skipped = list_members(archive, reading)
    labelled = {member.name.rpartition("/")[0] for member in members}
    unlabelled = {one.path for one in skipped if one.unlabelled}
    names = [name for name in image_names(archive) if name.rpartition("/")[0] not in labelled]
    if not any(relative_path(reading.layout, name) in unlabelled for name in names):
        return None
    layout = Layout(root=reading.layout.root, left_out=dict.fromkeys(labelled, "has a class"))
    return ImageReading(encoding=reading.encoding, labels="none", layout=layout, rendering=reading.rendering)


def _find_reading(
    archive: Archive, labelled: bool, old: DatasetRecord | None, given: Mapping[str, Any] | None
) -> ImageReading:
    """The reading that was given, or what is found out; a further import is rendered as earlier ones were."""
    imports = old.current_imports().imports if old else ()
    known = load_rendering([store.import_folder(old.id, one.number) for one in imports]) if old else None
    if given is None:
        return propose_image_reading(archive, labelled=labelled, rendering=known)
    reading = parse_image_reading(given)
    archive.use_encoding(reading.encoding)
    if known:
        reading = reading.model_copy(update={"rendering": merge_renderings([known, reading.rendering])})
    return reading


def _grouped_by_time(
    reading: ImageReading, members: Sequence[Member], manifest: pd.DataFrame, folder: Path
) -> tuple[ImageReading, pd.DataFrame]:
    """The manifest with bursts as groups, where the reading says so or finds nothing else that belongs together."""
    grouping = reading.grouping
    if grouping.by == "none" and reading.proposed and reading.labels != "none":
        by_path = {member.path: member for member in members}
        grouping = propose_by_time([by_path[path] for path in manifest["path"]], manifest["taken"])
    if grouping.by != "time":
        return reading, manifest
    manifest = manifest.assign(given_group=group_by_time(manifest["taken"], grouping.seconds))
    write_parquet(folder / "manifest.parquet", manifest)
    return reading.model_copy(update={"grouping": grouping}), manifest
