"""Archives whose images carry several labels."""

import json

import pytest

from core.data.files.annotations import refuse_annotations
from core.data.files.archives import MemoryArchive, image_members
from core.errors import InputError

IMAGES = {f"{name}/{i}.png": b"" for name in ("cats", "dogs") for i in range(3)}


def check(files: dict[str, bytes]) -> None:
    archive = MemoryArchive("photos.zip", IMAGES | files)
    refuse_annotations(archive, image_members(archive, labelled=True)[0])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("instances.json", json.dumps({"images": [], "annotations": [{"category_id": 1}]})),
        ("labels.csv", "file,label\n0.png,cat|dog\n1.png,cat\n"),
        ("labels.csv", "file;tags\ncats/0.png;cat, outdoors\ncats/1.png;cat\n"),
        ("labels.csv", "file,label\n0.png,cat\n0.png,dog\n1.png,cat\n"),
        ("labels/0.txt", "0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.2 0.2\n"),
    ],
)
def test_several_labels_an_image_are_refused_by_file(name, text):
    with pytest.raises(InputError, match="one label an image") as caught:
        check({name: text.encode()})
    assert name in caught.value.message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("info.json", json.dumps({"author": "me"})),
        ("broken.json", "{"),
        ("labels.csv", "file,label\n0.png,cat\n1.png,cat\n0.png,cat\n"),
        ("prices.csv", "label,price\nred|green,1\n"),
        ("cats/0.txt", "a cat on a mat\n"),
        ("empty.csv", ""),
    ],
)
def test_other_files_are_no_annotations(name, text):
    check({name: text.encode()})
