"""Finders on how images were read: what was left out for want of a class, what was taken to belong together."""

import re
from collections.abc import Iterator

import pandas as pd

from core.data.cleaning.steps.samples import DROP_SAMPLES
from core.data.findings.evidence import Evidence, Finder, count, join_names, list_some, remedy_step
from core.data.image_reading.members import describe_left_out
from core.data.image_reading.reading import ImageReading, load_image_reading
from core.schemas import Finding
from core.store.dataset_folder import DatasetFolder


def without_class(evidence: Evidence) -> Iterator[Finding]:
    """Images that nothing gives a class, and rows of label tables that name no image."""
    left_out = [one for record in evidence.dataset.imports for one in record.skipped if one.unlabelled]
    if left_out and evidence.dataset.labelled:
        why = list_some(describe_left_out(left_out))
        yield Finding(
            kind="without_class",
            severity="warning",
            message=f"{count(len(left_out), 'file')} left out for want of a class: {why}. Images without one can be"
            " imported by themselves, without classes, to be predicted.",
            samples=tuple(one.path for one in left_out),
        )


def belong_together(evidence: Evidence) -> Iterator[Finding]:
    """Pictures of one patient, plant, burst or film, which stay on one side of the split."""
    for reading in _readings(evidence):
        grouping = reading.grouping
        if grouping.by != "none" and grouping.examples:
            yield Finding(
                kind="belong_together",
                severity="info",
                message=f"Pictures seem to belong together by their {_WAYS[grouping.by]}, such as"
                f" {join_names(grouping.examples[0])}: {count(grouping.n_groups, 'group')} of several, each kept on"
                " one side of the split. Divided otherwise, the test part would hold pictures that the model nearly"
                " knows, and the score would look better than it is.",
                samples=tuple(name for names in grouping.examples for name in names),
            )


def reading_notes(evidence: Evidence) -> Iterator[Finding]:
    """What else was found out while images were read."""
    for reading in _readings(evidence):
        for note in reading.notes:
            yield Finding(kind="reading_notes", severity="info", message=note)


def other_reading(evidence: Evidence) -> Iterator[Finding]:
    """Folders or tables that can be understood in another way as well, with other classes."""
    for reading in _readings(evidence):
        if not reading.proposed:
            continue  # a person has chosen
        for other in reading.alternatives:
            where = {"tables": "a label table", "names": "the files' names"}.get(other.labels, "the folders")
            classes = list_some([f"“{name}” {n:,}" for name, n in other.classes.items()])
            yield Finding(
                kind="other_reading",
                severity="warning" if other.disagrees else "info",
                message=f"{other.disagrees} The classes might as well be those of {where}: {classes}. Read the files"
                " anew under “Manage” to choose these.".lstrip(),
            )


def clipped(evidence: Evidence) -> Iterator[Finding]:
    """Pictures with grey values outside the range to which all are scaled."""
    for record in evidence.dataset.imports if evidence.dataset.kind == "image" else ():
        folder = DatasetFolder(evidence.folder)
        manifest = pd.read_parquet(folder.manifest(record.number))
        beyond = manifest[manifest["clipped"] > 0] if "clipped" in manifest else manifest[:0]
        if len(beyond):
            range_ = load_image_reading(folder.imported(record.number)).rendering
            n_pixels = int(beyond["clipped"].sum())
            yield Finding(
                kind="clipped",
                severity="info",
                message=f"{count(len(beyond), 'image')} {'has' if len(beyond) == 1 else 'have'} grey values outside"
                f" {range_.low:g} to {range_.high:g}, the range to which all are scaled; {count(n_pixels, 'pixel')}"
                f" {'was' if n_pixels == 1 else 'were'} clipped.",
                samples=tuple(beyond["path"]),
            )


def several_frames(evidence: Evidence) -> Iterator[Finding]:
    """Files of several pages or frames, of which only the first was taken."""
    for record in evidence.dataset.imports if evidence.dataset.kind == "image" else ():
        manifest = pd.read_parquet(DatasetFolder(evidence.folder).manifest(record.number))
        several = manifest[manifest["frames"] > 1] if "frames" in manifest else manifest[:0]
        if len(several):
            yield Finding(
                kind="several_frames",
                severity="warning",
                message=f"{count(len(several), 'file')} {'holds' if len(several) == 1 else 'hold'} several pages or"
                f" frames, {several['frames'].max():,} at most; only the first of each was taken. Save the others as"
                " files of their own if they count.",
                samples=tuple(several["path"]),
            )


def vanished(evidence: Evidence) -> Iterator[Finding]:
    """Drawings on transparency that cannot be seen on the background of the dataset."""
    for record in evidence.dataset.imports if evidence.dataset.kind == "image" else ():
        folder = DatasetFolder(evidence.folder)
        manifest = pd.read_parquet(folder.manifest(record.number))
        blank = manifest[manifest["vanished"]] if "vanished" in manifest else manifest[:0]
        if len(blank):
            ground = load_image_reading(folder.imported(record.number)).rendering.ground or "white"
            yield Finding(
                kind="vanished",
                severity="warning",
                message=f"{count(len(blank), 'image')} of “{record.source}” {'looks' if len(blank) == 1 else 'look'}"
                f" blank: drawings on transparency that do not show on the {ground} background, which the whole"
                " dataset has. Read its imports anew under “Manage” with another one, the same for all of them; grey"
                " shows black drawings and white ones.",
                samples=tuple(blank["path"]),
            )


def rendered_otherwise(evidence: Evidence) -> Iterator[Finding]:
    """Imports that were rendered in different ways, which a model could learn instead of the classes."""
    rendered = [reading.rendering for reading in _readings(evidence)]
    grounds = list(dict.fromkeys(one.ground for one in rendered if one.ground))
    ranges = list(dict.fromkeys(f"{one.low:g} to {one.high:g}" for one in rendered if one.low is not None))
    for what, found in (("backgrounds behind transparency", grounds), ("ranges of grey values", ranges)):
        if len(found) > 1:
            yield Finding(
                kind="rendered_otherwise",
                severity="warning",
                message=f"The imports have different {what}: {', '.join(found)}. A model may learn these instead of"
                " the classes. Read the imports anew under “Manage”, all in the same way.",
            )


def masks(evidence: Evidence) -> Iterator[Finding]:
    """Drawings that mark a region of another picture, such as `x_mask.png` of `x.png`."""
    paths = evidence.samples["path"].astype("str")
    is_mask = paths.str.contains(_MASK)
    named = paths.str.replace(_MASK, "", regex=True).str.replace(_IMAGES, "", regex=True)
    found = is_mask & named.isin(named[~is_mask])
    if found.any():
        example = paths[found].iloc[0]
        of = paths[~is_mask & (named == named[found].iloc[0])].iloc[0]
        yield Finding(
            kind="masks",
            severity="warning",
            message=f"{count(int(found.sum()), 'image')} {'seems' if found.sum() == 1 else 'seem'} to be masks of"
            f" others, such as “{example}” of “{of}”; a model would learn them as pictures.",
            samples=tuple(paths[found]),
            remedy=remedy_step(DROP_SAMPLES, samples=evidence.samples.loc[found, "id"].tolist()),
        )


_MASK = re.compile(r"(?:^|(?<=/)|[ _-])(?:mask|segmentation)s?(?:[ _-]\d+)?(?=$|[./])", re.IGNORECASE)
_IMAGES = re.compile(r"(?:^|(?<=/))(?:images?|imgs?)(?=/)", re.IGNORECASE)
_WAYS = {"column": "label table", "folder": "folders", "name": "names", "time": "time"}


def _readings(evidence: Evidence) -> Iterator[ImageReading]:
    for record in evidence.dataset.imports if evidence.dataset.kind == "image" else ():
        yield load_image_reading(DatasetFolder(evidence.folder).imported(record.number))


FINDERS: list[Finder] = [without_class, belong_together, other_reading, reading_notes, clipped, several_frames,
                         vanished, rendered_otherwise, masks]  # fmt: skip
