"""How an archive of images is read: which folders and tables name the classes and parts, and how pixels are rendered.

`propose_image_reading` finds everything out once; reading with the record guesses nothing.
"""

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import ValidationError, field_validator

from core.data.files.decoding import Rendering
from core.data.files.packed import SUFFIXES, Archive
from core.data.image_reading.boxes import is_beside, propose_boxes, read_boxes
from core.data.image_reading.disagreement import describe_disagreement
from core.data.image_reading.file_index import FileIndex
from core.data.image_reading.file_names import check_pattern, class_in_name, propose_pattern
from core.data.image_reading.folders import Layout, count_classes, propose_layouts
from core.data.image_reading.groups import Grouping, group_names, groups_across_parts, propose_grouping
from core.data.image_reading.label_columns import propose_label_tables
from core.data.image_reading.label_tables import BOXES, LabelTable, Row, read_rows
from core.data.image_reading.members import Member, image_members, without_single_part
from core.data.image_reading.rendering import propose_rendering
from core.errors import InputError
from core.schemas import Frozen, Skipped
from core.store.files import write_text

_GENERIC = frozenset(("images", "image", "imgs", "img", "photos", "pictures", "data", "part", "chunk", "batch",
                      "folder", "jpeg", "jpg", "png", "tif", "files", "raw"))  # fmt: skip
LabelSource = Literal["folders", "tables", "names", "none"]


class TreeReading(Frozen):
    """One of several ways to understand the folders, and how many images each class then has.

    `disagrees` says how its classes contradict those that were taken, of the same images.
    """

    labels: LabelSource = "folders"
    layout: Layout = Layout()
    tables: tuple[LabelTable, ...] = ()
    pattern: str = ""
    classes: dict[str, int] = {}
    disagrees: str = ""


class ImageReading(Frozen):
    """How an archive of images is read: `imports/NUMBER/reading.json`.

    `encoding` is that of the names in the archive that do not say theirs. Labels come from folders, as `layout`
    says, from `tables`, or from the files' names, in which the first group of `pattern` finds the class. `rendering`
    is the one way in which all pictures become 8-bit RGB, `grouping` what belongs together. `proposed`: nobody has
    changed it yet. `alternatives` are other ways to find the classes, `notes` say what was found out, `open_tables`
    which tables name images, but in no column that is clearly the class.
    """

    kind: Literal["image"] = "image"
    encoding: str = "utf-8"
    labels: LabelSource = "folders"
    layout: Layout = Layout()
    tables: tuple[LabelTable, ...] = ()
    pattern: str = ""
    rendering: Rendering = Rendering()
    grouping: Grouping = Grouping()
    classes: dict[str, int] = {}
    alternatives: tuple[TreeReading, ...] = ()
    notes: tuple[str, ...] = ()
    open_tables: tuple[str, ...] = ()
    proposed: bool = False

    @field_validator("pattern")
    @classmethod
    def _has_a_group(cls, pattern: str) -> str:
        return check_pattern(pattern)


def image_names(archive: Archive) -> list[str]:
    """The image files in an archive, by their endings."""
    return [name for name in archive.sizes if PurePosixPath(name).suffix.lower() in SUFFIXES]


def propose_image_reading(
    archive: Archive, *, labelled: bool = True, rendering: Rendering | None = None
) -> ImageReading:
    """How this archive is to be read, found out from all of it.

    Args:
        archive: its names are in the encoding that it found out.
        labelled: whether classes are wanted.
        rendering: that of earlier imports, which then holds here as well; what it leaves open is found out.

    Raises:
        InputError: a table gives its images several labels each.
    """
    names = image_names(archive)
    if rendering is None or None in (rendering.ground, rendering.low):
        rendering = merge_renderings([rendering or Rendering(), propose_rendering(archive, names)])
    reading = ImageReading(encoding=archive.encodings[0], rendering=rendering, labels="none", proposed=True)
    if not labelled or not names:
        return reading.model_copy(update={"layout": Layout(root=propose_layouts(names)[0].root)})
    trees, open_tables = _trees(archive, names)
    best = trees[0]
    reading = reading.model_copy(
        update={
            "labels": best.labels,
            "layout": best.layout,
            "tables": best.tables,
            "pattern": best.pattern,
            "classes": best.classes,
            "alternatives": tuple(trees[1:]),
        }
    )
    members, _ = _labelled_members(archive, reading)
    grouping = propose_grouping(members)
    notes = [*_boxes_notes(best), *_names_notes(best, names)]
    torn = groups_across_parts(members, grouping)
    if torn:  # whoever gave the parts decided; moving the groups would empty a part
        notes.append(
            f"{torn:,} groups of pictures that seem to belong together (such as {_joined(grouping.examples[0])}) lie"
            " in more than one of the given parts: scores may look better than they are."
        )
        grouping = Grouping()
    update = {"grouping": grouping, "notes": tuple(notes), "open_tables": tuple(open_tables)}
    return reading.model_copy(update=update)


def _joined(names: Sequence[str]) -> str:
    return " and ".join(f"“{name}”" for name in names[:2])


def _boxes_notes(tree: TreeReading) -> list[str]:
    return [
        f"The boxes of “{table.path}” were reduced to labels of whole images: each image has one class."
        for table in tree.tables
        if table.format in BOXES
    ]


def _names_notes(tree: TreeReading, names: Sequence[str]) -> list[str]:
    if tree.labels != "names":
        return []
    first = {str(class_in_name(tree.pattern, name)): PurePosixPath(name).name for name in reversed(names)}
    said = [f"“{first[label]}” is “{label}”" for label in list(tree.classes)[:3]]
    return [f"The classes are taken from the files' names: {', '.join(said)}."]


def _trees(archive: Archive, names: Sequence[str]) -> tuple[list[TreeReading], list[str]]:
    """The ways to find the classes, the most likely first, and notes on tables whose columns remain open."""
    folders = [TreeReading(layout=layout, classes=count_classes(layout, names)) for layout in propose_layouts(names)]
    tables, open_tables = propose_label_tables(archive, names)
    tables = tables or propose_boxes(archive, FileIndex(names))
    if not tables:
        pattern = propose_pattern(names) if len(folders[0].classes) < 2 else ""
        if not pattern:
            return folders, open_tables
        found = Counter(str(class_in_name(pattern, name)) for name in names)
        classes = {name: found[name] for name in sorted(found)}
        by_name = TreeReading(labels="names", layout=folders[0].layout, pattern=pattern, classes=classes)
        return [by_name, *(other for other in folders if other.classes)], open_tables
    tree = TreeReading(labels="tables", layout=folders[0].layout, tables=tuple(tables))
    members, _ = _labelled_members(archive, ImageReading(labels="tables", layout=tree.layout, tables=tree.tables))
    counts = Counter(member.label for member in members)
    tree = tree.model_copy(update={"classes": {str(name): counts[name] for name in sorted(counts, key=str)}})
    if len(tree.classes) < 2 <= len(folders[0].classes):
        return folders, open_tables
    if len(folders[0].classes) < 2 or _is_generic(folders[0].classes):
        return [tree, *(other for other in folders if len(other.classes) > 1)], open_tables
    by_folder = {member.name: member.label for member in image_members(archive, True, folders[0].layout)[0]}
    by_table = {member.name: member.label for member in members}
    disagrees = describe_disagreement(by_folder, by_table, tables[0].path)
    same = tree.classes == folders[0].classes and not disagrees
    return [*folders, *([] if same else [tree.model_copy(update={"disagrees": disagrees})])], open_tables


def _is_generic(classes: Iterable[str]) -> bool:
    """Whether these are folders that hold any images, such as `ham_images_1` and `ham_images_2`."""
    words = [set(re.findall(r"[^\W\d_]+", name.lower())) for name in classes]
    shared = words[0].intersection(*words[1:])
    return all(own & _GENERIC and own <= _GENERIC | shared for own in words)


def choose_tree(reading: ImageReading, tree: TreeReading) -> ImageReading:
    """The reading with another of its trees; the one that it had becomes an alternative."""
    had = chosen_tree(reading)
    others = (had, *(other for other in reading.alternatives if other != tree))
    update = {name: getattr(tree, name) for name in ("labels", "layout", "tables", "pattern", "classes")}
    return reading.model_copy(update=update | {"alternatives": others})


def chosen_tree(reading: ImageReading) -> TreeReading:
    """The way in which a reading finds the classes."""
    return TreeReading(
        labels=reading.labels,
        layout=reading.layout,
        tables=reading.tables,
        pattern=reading.pattern,
        classes=reading.classes,
    )


def list_members(archive: Archive, reading: ImageReading) -> tuple[list[Member], list[Skipped]]:
    """The images with their classes, parts and groups, as the reading says, and what is left out and why."""
    members, skipped = _labelled_members(archive, reading)
    return group_names(members, reading.grouping), skipped


def _labelled_members(archive: Archive, reading: ImageReading) -> tuple[list[Member], list[Skipped]]:
    """The images with their classes and parts, and the groups that tables give."""
    members, skipped = image_members(archive, reading.labels == "folders", reading.layout)
    if reading.labels == "tables":
        index = FileIndex(member.name for member in members)
        tables = {table.path for table in reading.tables}
        members, unnamed = _label_by_tables(archive, members, reading)
        rest = [one for one in skipped if one.path not in tables]
        skipped = [s for s in rest if not any(is_beside(s.path, table, index) for table in reading.tables)] + unnamed
    elif reading.labels == "names":
        named = [replace(member, label=class_in_name(reading.pattern, member.name)) for member in members]
        skipped += [
            Skipped(path=one.path, reason="its name tells no class", unlabelled=True)
            for one in named
            if not one.label
        ]
        members = without_single_part([member for member in named if member.label])
    return members, skipped


def _label_by_tables(
    archive: Archive, members: Sequence[Member], reading: ImageReading
) -> tuple[list[Member], list[Skipped]]:
    """The members with the labels of the tables; those that no table names, and rows that name no image."""
    index = FileIndex(member.name for member in members)
    rows: dict[str, Row] = {}
    skipped = []
    for table in reading.tables:
        read = read_boxes if table.format in BOXES else read_rows
        for row in read(archive, table, index):
            if row.image is None:
                where = "more than one file is called so" if index.names_several(row.file) else "not there"
                reason = f"named in “{table.path}”, but {where}"
                skipped.append(Skipped(path=row.file, reason=reason, unlabelled=True))
            else:
                rows.setdefault(row.image, row)
    several = "the label tables" if len(reading.tables) > 1 else f"“{reading.tables[0].path}”"
    labelled = []
    for member in members:
        named = rows.get(member.name)
        if named and named.label:
            part = named.part or member.given_split
            labelled.append(replace(member, label=named.label, given_split=part, group=named.group or None))
        else:
            reason = f"without a label in {several}" if named else f"not named in {several}"
            skipped.append(Skipped(path=member.path, reason=reason, unlabelled=True))
    return without_single_part(labelled), skipped


def merge_renderings(renderings: Sequence[Rendering]) -> Rendering:
    """The first ground and the first range of values that any of these has."""
    ground = next((one.ground for one in renderings if one.ground), None)
    ranged = next((one for one in renderings if one.low is not None), Rendering())
    return Rendering(ground=ground, low=ranged.low, high=ranged.high)


def load_rendering(folders: Sequence[Path]) -> Rendering:
    """How the pictures of these imports, in their order, are rendered."""
    return merge_renderings([load_image_reading(folder).rendering for folder in folders])


def parse_image_reading(values: object) -> ImageReading:
    """A reading from JSON values; `InputError` names the field that is wrong."""
    try:
        reading = ImageReading.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise InputError(
            f"The reading is wrong at {where}: {first['msg']}.",
            "`core import --show-reading` prints one that is right.",
        ) from error
    low, high = reading.rendering.low, reading.rendering.high
    if (low is None) != (high is None) or (low is not None and high is not None and not low < high):
        raise InputError(
            f"The reading is wrong at rendering: {low} to {high} is no range.", "Let `low` be less than `high`."
        )
    try:
        codecs.lookup(reading.encoding)
    except LookupError as error:
        raise InputError(
            f"The reading is wrong at encoding: “{reading.encoding}” is none.",
            "Write it as Python does, such as utf-8.",
        ) from error
    return reading


def save_image_reading(folder: Path, reading: ImageReading) -> None:
    write_text(folder / "reading.json", reading.model_dump_json(indent=1))


def load_image_reading(folder: Path) -> ImageReading:
    """The reading of an import; of one made before readings were kept, that which was then built in."""
    path = folder / "reading.json"
    return ImageReading.model_validate_json(path.read_text("utf-8")) if path.exists() else ImageReading()
