"""Folders of parts are never classes, and classes never parts, at any depth and however they are called."""

from collections import Counter

import pytest

from core.data.image_reading.folders import Layout, count_classes, part_of, place_image, propose_layouts


def images(*folders: str, each: int = 4) -> list[str]:
    return [f"{folder}/{i}.jpg" for folder in folders for i in range(each)]


def in_each(parts: str, classes: str = "cats dogs") -> list[str]:
    return [f"{part}/{name}" for part in parts.split() for name in classes.split()]


def read(*folders: str) -> tuple[dict[str, int], dict[str | None, int], int]:
    """Images of each class, labelled images of each part, and images in no class folder, by the likeliest reading."""
    names = images(*folders)
    layout = propose_layouts(names)[0]
    places = [place_image(layout, name) for name in names]
    parts = Counter(place.part for place in places if place.label)
    return count_classes(layout, names), dict(parts), sum(place.label is None for place in places)


TWO = {"cats": 8, "dogs": 8}
HALVES = {"train": 8, "test": 8}


@pytest.mark.parametrize(
    "parts",
    [
        "train test", "Training Testing", "TRAIN_SET TEST_SET", "Train_Set my-test-images", "fold_train fold_test",
        "trainSet testSet", "seg_train/seg_train seg_test/seg_test", "data/v2/training data/v2/eval",
        "imagesTr imagesTs",
        "train/images test/images", "x/train/train x/test/test", "train1 test1", "trainset holdout",
    ],
)  # fmt: skip
def test_parts_are_no_classes_whatever_they_are_called(parts: str) -> None:
    assert read(*in_each(parts)) == (TWO, HALVES, 0)
    assert len(propose_layouts(images(*in_each(parts)))) == 1, "nothing else is possible"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("valid", "validation"), ("VAL", "validation"), ("dev", "validation"), ("Validation Data", "validation"),
        ("training_set", "train"), ("trainval", "train"), ("train+val", "train"), ("PublicTest", "test"),
        ("test2017", "test"), ("evaluation", "test"), ("contest", None), ("strain", None), ("invalid", None),
        ("latest", None), ("device", None), ("trained", None),
    ],
)  # fmt: skip
def test_part_is_a_whole_word_of_a_name(name: str, part: str | None) -> None:
    assert part_of(name) == part


@pytest.mark.parametrize(
    "flat", ["test", "my-test-images", "TEST/TEST", "test/unknown", "pred", "unlabeled", "images_extra"]
)
def test_images_beside_labelled_parts_have_no_class(flat: str) -> None:
    classes, _, without = read(*in_each("train"), flat)
    assert (classes, without) == ({"cats": 4, "dogs": 4}, 4)


def test_stray_folder_beside_two_parts_is_left_out_with_a_reason() -> None:
    names = images(*in_each("train test"), "pred")
    layout = propose_layouts(names)[0]
    assert count_classes(layout, names) == TWO
    assert "beside the parts" in place_image(layout, "pred/0.jpg").reason


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        (["test", "control"], ["control", "test"]),
        (["train", "car", "bus"], ["bus", "car", "train"]),
        (["test tube", "training shoe"], ["test tube", "training shoe"]),
        (["blood_test", "urine_test"], ["blood_test", "urine_test"]),
        (["dev", "ops"], ["dev", "ops"]),
        (["test/p1", "test/p2", "control/p3", "control/p4"], ["control", "test"]),
    ],
)
def test_class_that_is_called_like_a_part_stays_one(folders: list[str], classes: list[str]) -> None:
    found, parts, _ = read(*folders)
    assert (list(found), parts) == (classes, {None: 4 * len(folders)})


def test_evaluation_part_is_validation_beside_a_test_part() -> None:
    assert read(*in_each("train eval test"))[1] == {"train": 8, "validation": 8, "test": 8}
    assert read(*in_each("train eval"))[1] == HALVES


def test_parts_inside_classes_are_parts() -> None:
    assert read("cats/train", "cats/test", "dogs/train", "dogs/test") == (TWO, HALVES, 0)


def test_parts_inside_products_leave_two_readings() -> None:
    names = images(
        "bottle/train/good", "bottle/test/good", "bottle/test/broken", "cable/train/good", "cable/test/bent"
    )
    found = [sorted(count_classes(layout, names)) for layout in propose_layouts(names)]
    assert found == [["bottle", "cable"], ["bent", "broken", "good"]]


def test_classes_may_be_written_into_the_names_of_parts() -> None:
    assert read("train_cats", "train_dogs", "test_cats", "test_dogs") == (TWO, HALVES, 0)
    assert read("trainA", "trainB", "testA", "testB")[0] == {"A": 8, "B": 8}


def test_parts_without_any_class_folder_name_no_class() -> None:
    assert read("train", "valid", "test") == ({}, {}, 12)


def test_numbered_folders_around_the_same_classes_are_no_classes() -> None:
    names = images(*in_each("patient1 patient2 patient3 patient4", "healthy ill"))
    first, second = propose_layouts(names)
    assert count_classes(first, names) == {"healthy": 16, "ill": 16}
    assert len(count_classes(second, names)) == 4


def test_same_folders_inside_classes_are_the_second_reading() -> None:
    names = images(*in_each("cats dogs", "indoor outdoor"))
    assert [list(count_classes(layout, names)) for layout in propose_layouts(names)] == [
        ["cats", "dogs"], ["indoor", "outdoor"],
    ]  # fmt: skip


@pytest.mark.parametrize("thumbnails", ["thumbs", "Thumbnails", "@eaDir", "cats/thumbs"])
def test_thumbnails_are_left_out(thumbnails: str) -> None:
    assert read("cats", "dogs", thumbnails) == ({"cats": 4, "dogs": 4}, {None: 8}, 4)


def test_whole_set_that_is_there_twice_is_taken_once() -> None:
    once = in_each("xray/train xray/test")
    assert read(*once, *[f"xray/{folder}" for folder in once]) == (TWO, HALVES, 16)


def test_few_loose_images_do_not_turn_the_wrapping_folder_into_a_class() -> None:
    names = [*images("photos/cats", "photos/dogs", each=20), "cover.jpg"]
    assert count_classes(propose_layouts(names)[0], names) == {"cats": 20, "dogs": 20}


def test_layout_as_given_decides_alone() -> None:
    layout = Layout(root="a", class_level=1, sets={"a/x": "test"}, left_out={"a/y/z": "because"})
    assert place_image(layout, "a/x/s/c/1.jpg").label == "c"
    assert place_image(layout, "a/x/s/c/1.jpg").part == "test"
    assert place_image(layout, "a/y/z/c/1.jpg").reason == "because"
    assert place_image(layout, "a/1.jpg").label is None


@pytest.mark.parametrize("stray", ["unlabelled", "Unlabeled_images", "unlabeled", "unsup"])
@pytest.mark.parametrize("top", ["", "data/"])
def test_unlabelled_folder_is_no_class_and_hides_no_part(stray: str, top: str) -> None:
    for folders in (["cats", "dogs"], ["train/cats", "train/dogs"]):
        names = images(*(f"{top}{one}" for one in folders)) + images(f"{top}{stray}", each=30)
        layout, *others = propose_layouts(names)
        assert count_classes(layout, names) == {"cats": 4, "dogs": 4}
        assert f"{top}{stray}" in layout.left_out
        assert any(stray in count_classes(other, names) for other in others)
