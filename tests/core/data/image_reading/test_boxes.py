"""Boxes become labels of whole images where each image has one class, and refuse the archive where it has several."""

import json
from collections.abc import Sequence

import pytest

from core.data.files.archives import MemoryArchive
from core.data.image_reading.boxes import propose_boxes, read_boxes
from core.data.image_reading.file_index import FileIndex
from core.data.image_reading.label_columns import propose_label_tables
from core.errors import InputError

IMAGES = {f"images/{i}.png": b"" for i in range(4)}


def coco(classes: Sequence[Sequence[int]], names: Sequence[str] = ("cat", "dog")) -> bytes:
    """One list of class numbers an image, `0.png` first."""
    return json.dumps(
        {
            "images": [{"id": 10 + i, "file_name": f"{i}.png"} for i in range(len(classes))],
            "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
            "annotations": [
                {"image_id": 10 + i, "category_id": one, "bbox": [0, 0, 1, 1]}
                for i, held in enumerate(classes)
                for one in held
            ],
        }
    ).encode()


def labels(files: dict[str, bytes]) -> dict[str | None, str]:
    archive = MemoryArchive("photos.zip", IMAGES | files)
    index = FileIndex(IMAGES)
    return {
        row.image: row.label for table in propose_boxes(archive, index) for row in read_boxes(archive, table, index)
    }


def test_coco_boxes_of_one_class_are_labels() -> None:
    assert labels({"instances.json": coco([[0], [1, 1], [0, 0], []])}) == {
        "images/0.png": "cat", "images/1.png": "dog", "images/2.png": "cat", "images/3.png": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.yaml", "train: ../train\nnames: ['cat', \"dog\"]\nnc: 2\n"),
        ("data.yaml", "nc: 2\nnames:\n  0: cat\n  1: dog\n"),
        ("dataset.yaml", "names:\n- cat\n- dog\npath: here\n"),
        ("classes.txt", "cat\ndog\n"),
    ],
)
def test_yolo_boxes_of_one_class_are_labels_by_name(name: str, content: str) -> None:
    boxes = {"labels/0.txt": b"0 .5 .5 .1 .1\n", "labels/1.txt": b"1 .5 .5 .1 .1\n1 .2 .2 .1 .1", "labels/2.txt": b""}
    assert labels(boxes | {name: content.encode()}) == {
        "images/0.png": "cat", "images/1.png": "dog", "images/2.png": "",
    }  # fmt: skip


def test_yolo_without_names_has_numbers_for_classes() -> None:
    boxes = {f"labels/{i}.txt": f"{i % 2} 0.5 0.5 0.1 0.1".encode() for i in range(4)}
    assert [*labels(boxes).values()] == ["0", "1", "0", "1"]


def voc(*names: str, filename: str = "") -> bytes:
    """Boxes of Pascal VOC, each with a part that has a name as well."""
    part = "<part><name>head</name></part>"
    objects = "".join(f"<object><name>{name}</name><bndbox/>{part}</object>" for name in names)
    return f"<annotation><filename>{filename}</filename>{objects}</annotation>".encode()


def test_voc_boxes_of_one_class_are_labels() -> None:
    boxes = {
        "Annotations/a.xml": voc("cat", filename="0.png"),
        "Annotations/1.xml": voc("salt &amp; pepper", "salt &amp; pepper"),
        "Annotations/2.xml": voc(filename="2.png"),
        "pom.xml": b"<project><name>dog</name></project>",
    }
    assert labels(boxes) == {"images/0.png": "cat", "images/1.png": "salt & pepper", "images/2.png": ""}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"Annotations/1.xml": voc("cat", "dog")}, "1 of its images several labels, such as “images/1.png”"),
        ({"instances.json": coco([[0, 1], [1], [0, 1]])}, "2 of its images several labels, such as “0.png”"),
        (
            {"labels/0.txt": b"0 .5 .5 .2 .2\n1 .1 .1 .2 .2\n"},
            "1 of its images several labels, such as “images/0.png”",
        ),
    ],
)
def test_boxes_of_several_classes_refuse_the_archive(files: dict[str, bytes], said: str) -> None:
    with pytest.raises(InputError, match=said):
        labels(files)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("info.json", json.dumps({"author": "me"})),
        ("broken.json", "{"),
        ("list.json", "[1, 2]"),
        ("images/0.txt", "a cat on a mat\n"),
        ("empty.json", json.dumps({"images": [], "annotations": []})),
        ("others.json", coco([[0]]).decode().replace("0.png", "elsewhere.png")),
    ],
)
def test_other_files_hold_no_boxes(name: str, content: str) -> None:
    assert labels({name: content.encode()}) == {}


@pytest.mark.parametrize(
    "text",
    [
        "file,label\n0.png,cat|dog\n1.png,cat\n",
        "file;tags\nimages/0.png;cat, outdoors\nimages/1.png;cat\n",
        "file,label\n0.png,cat\n0.png,dog\n1.png,cat\n",
        "file,cat,dog\n0.png,1,1\n1.png,0,1\n2.png,1,0\n",
    ],
)
def test_tables_of_several_labels_refuse_the_archive_by_file(text: str) -> None:
    archive = MemoryArchive("photos.zip", IMAGES | {"labels.csv": text.encode()})
    with pytest.raises(InputError, match=r"labels\.csv”, which gives 1 of its images several labels"):
        propose_label_tables(archive, list(IMAGES))


@pytest.mark.parametrize(
    "text",
    [
        "file,label\n0.png,cat\n1.png,dog\n0.png,cat\n",
        'file,label\n0.png,"Brown, dark"\n1.png,"Red, light"\n',
        "label,price\nred|green,1\n",
    ],
)
def test_other_tables_do_not(text: str) -> None:
    archive = MemoryArchive("photos.zip", IMAGES | {"labels.csv": text.encode()})
    propose_label_tables(archive, list(IMAGES))
