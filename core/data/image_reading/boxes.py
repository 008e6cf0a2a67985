"""Boxes drawn on images (COCO, YOLO, Pascal VOC) reduced to one label an image, where each has boxes of one class."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from core.data.files.packed import Archive
from core.data.image_reading.file_index import FileIndex
from core.data.image_reading.label_tables import LabelTable, Row, find_images, several_labels

_MAX_BYTES = 256 * 2**20
_YOLO_LINE = re.compile(r"(\d+)(?:\s+-?\d*\.?\d+(?:[eE]-?\d+)?){4,}\s*")
_NAME_FILES = ("data.yaml", "data.yml", "dataset.yaml", "classes.txt", "obj.names", "classes.names")


def propose_boxes(archive: Archive, index: FileIndex) -> list[LabelTable]:
    """The files of boxes that give images their labels; `InputError` where an image has boxes of several classes."""
    found = [
        LabelTable(path=path, format="coco", header=False)
        for path in sorted(archive.sizes)
        if path.lower().endswith(".json") and _named(_coco_classes(archive, path), index, path)
    ]
    if not found and (beside := _yolo_files(archive, index)):
        names = [path for path in archive.sizes if PurePosixPath(path).name.lower() in _NAME_FILES]
        path = min(names, key=len, default=next(iter(beside)))
        found = [LabelTable(path=path, format="yolo", header=False)]
    if not found and (annotated := _voc_classes(archive, index)):
        first = next(iter(annotated))
        found = [LabelTable(path=first.rpartition("/")[0] or first, format="voc", header=False)]
    for table in found:
        classes = _classes_of(archive, table, index)
        several = [file for file, held in classes.items() if len(held) > 1]
        if several:
            raise several_labels(archive, table.path, len(several), several[0])
    return found


def is_beside(path: str, table: LabelTable, index: FileIndex) -> bool:
    """Whether a file is one of those that hold the boxes of one image each, by its name."""
    endings = {"yolo": ".txt", "voc": ".xml"}
    return path.lower().endswith(endings.get(table.format, "\0")) and index.find(PurePosixPath(path).stem) is not None


def _classes_of(archive: Archive, table: LabelTable, index: FileIndex) -> Mapping[str, set[str]]:
    """Image, as the boxes name it → the classes of its boxes."""
    if table.format == "coco":
        return _coco_classes(archive, table.path)
    return _yolo_classes(archive, index) if table.format == "yolo" else dict(_voc_classes(archive, index).values())


def _named(classes: Mapping[str, set[str]], index: FileIndex, path: str) -> bool:
    return bool(classes) and any(find_images(index, path, list(classes)))


def read_boxes(archive: Archive, table: LabelTable, index: FileIndex) -> list[Row]:
    """One row for each image that the boxes name; the label is empty where it has none."""
    if table.format == "coco":
        classes = _coco_classes(archive, table.path)
        files = list(classes)
        images = find_images(index, table.path, files)
    else:
        classes = dict(_classes_of(archive, table, index))
        files = list(classes)
        images = list(files)
        numbers = _class_names(archive, table.path) if table.format == "yolo" else {}
        classes = {file: {numbers.get(one, one) for one in held} for file, held in classes.items()}
    labels = ["".join(classes[file]) if len(classes[file]) == 1 else "" for file in files]
    return [Row(file, image, label) for file, image, label in zip(files, images, labels, strict=True)]


def _coco_classes(archive: Archive, path: str) -> dict[str, set[str]]:
    """File → the classes of its boxes (cocodataset.org/#format-data); empty where this is no such file."""
    if archive.sizes[path] > _MAX_BYTES:
        return {}
    try:
        content = json.loads(archive.read(path))
        images = {one["id"]: str(one["file_name"]) for one in content["images"]}
        names = {one["id"]: str(one["name"]) for one in content.get("categories", ())}
        classes: dict[str, set[str]] = {file: set() for file in images.values()}
        for box in content["annotations"]:
            if box.get("image_id") in images and "category_id" in box:
                classes[images[box["image_id"]]].add(names.get(box["category_id"], str(box["category_id"])))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError, OSError):
        return {}
    return classes


def _yolo_files(archive: Archive, index: FileIndex) -> dict[str, str]:
    """Text files of boxes → the image each belongs to, in the same folder or in `images/` beside `labels/`."""
    stems = {PurePosixPath(name).stem for name in index.names}
    found: dict[str, str] = {}
    wrong = 0
    for path, size in archive.sizes.items():
        stem = path.removesuffix(".txt")
        if stem == path or PurePosixPath(path).stem not in stems or size > 2**20:
            continue
        image = index.find(re.sub(r"(^|/)labels(?=/)", r"\1images", stem)) or index.find(PurePosixPath(path).stem)
        try:
            lines = archive.read(path).decode("utf-8", "replace").split("\n", 1)
        except OSError:
            continue
        if image and (not lines[0].strip() or _YOLO_LINE.fullmatch(lines[0])):
            found[path] = image
        elif image:
            wrong += 1
    held = sum(archive.sizes[path] > 0 for path in found)
    return found if held > wrong else {}


def _yolo_classes(archive: Archive, index: FileIndex) -> dict[str, set[str]]:
    """Image → the numbers of the classes of its boxes."""
    return {
        image: {match[1] for line in _lines(archive, path) if (match := _YOLO_LINE.fullmatch(line))}
        for path, image in _yolo_files(archive, index).items()
    }


def _voc_classes(archive: Archive, index: FileIndex) -> dict[str, tuple[str, set[str]]]:
    """XML file → its image and the classes of the image's boxes (Everingham et al. 2010); empty where there are none.

    Boxes of parts, such as a person's head, do not count.
    """
    found = {}
    for path, size in archive.sizes.items():
        if not path.lower().endswith(".xml") or size > 2**20:
            continue
        try:
            text = archive.read(path).decode("utf-8", "replace")
        except OSError:
            continue
        if not re.search(r"<annotation\b", text):
            continue
        named = re.search(r"<filename>\s*(.*?)\s*</filename>", text, re.DOTALL)
        image = (named and index.find(html.unescape(named[1]))) or index.find(PurePosixPath(path).stem)
        objects = re.findall(r"<object>.*?<name>\s*(.*?)\s*</name>", text, re.DOTALL)
        if image:
            found[path] = image, {html.unescape(name) for name in objects}
    return found


def _lines(archive: Archive, path: str) -> Iterator[str]:
    yield from archive.read(path).decode("utf-8", "replace").splitlines()


def _class_names(archive: Archive, path: str) -> dict[str, str]:
    """Class number → name, from a list of lines or the `names` of a YAML file; empty where there is none."""
    if PurePosixPath(path).name.lower() not in _NAME_FILES:
        return {}
    text = archive.read(path).decode("utf-8-sig", "replace")
    if not path.lower().endswith((".yaml", ".yml")):
        return {str(i): line.strip() for i, line in enumerate(text.splitlines()) if line.strip()}
    inline = re.search(r"^names\s*:\s*[\[{](.*?)[\]}]", text, re.MULTILINE | re.DOTALL)
    block = re.search(r"^names\s*:\s*\n((?:[ \t]*(?:-|\d+\s*:).*\n?)+)", text, re.MULTILINE)
    items = inline[1].split(",") if inline else block[1].splitlines() if block else []
    names = {}
    for i, item in enumerate(items):
        match = re.fullmatch(r"\s*(?:-|(\d+)\s*:)?\s*(['\"]?)(.*?)\2\s*", item)
        if match and match[3]:
            names[match[1] or str(i)] = match[3]
    return names
