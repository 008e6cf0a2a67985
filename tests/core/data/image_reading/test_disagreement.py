"""Folders and tables that class the same images otherwise are told, those that call them otherwise are not."""

import pytest

from core.data.image_reading.disagreement import describe_disagreement

FOLDERS = {f"{name}/{i}.jpg": name for name in ("cats", "dogs") for i in range(4)}


@pytest.mark.parametrize(
    ("says", "said"),
    [
        (lambda folder, i: folder, ""),
        (lambda folder, i: folder.upper(), ""),
        (lambda folder, i: {"cats": "0", "dogs": "1"}[folder], ""),
        (lambda folder, i: None if i else folder, ""),
        (lambda folder, i: "dogs" if i == 3 else folder, "1 of 8 images"),
        (lambda folder, i: {"cats": "dogs", "dogs": "cats"}[folder], "8 of 8 images"),
        (lambda folder, i: f"{folder[:1]}{i % 2}", "name different classes"),
        (lambda folder, i: ("ill", "well")[i % 2], "name different classes"),
    ],
)
def test_disagreement_is_what_no_other_name_explains(says, said: str) -> None:
    table = {path: says(folder, int(path[5])) for path, folder in FOLDERS.items()}
    found = describe_disagreement(FOLDERS, table, "labels.csv")
    assert said in found and bool(found) == bool(said)
    assert not found or ("by its folder and" in found and "labels.csv" in found)
