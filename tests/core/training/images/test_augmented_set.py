"""The set to take away holds the training images and the views that a run learns from, and comes in again."""

import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from core.data.augmentation import AUGMENTATIONS
from core.data.importing import import_data
from core.data.versions import load_samples, next_version
from core.errors import InputError
from core.schemas import Augmentation, DataRef, Recipe, Step, TrainingSpec
from core.store.datasets import get_version

pytestmark = pytest.mark.training


def test_it_holds_the_training_part_and_k_views_of_each_and_no_judged_image(textures, tmp_path):
    from core.training.images.augmented_set import augmented_set_task

    spec = TrainingSpec(data=textures.id, augmentation=AUGMENTATIONS["light"], views=2, image_size=48)
    steps = []
    told = augmented_set_task(spec.model_dump(mode="json", exclude_none=True), tmp_path, lambda *of: steps.append(of))
    samples = load_samples(DataRef(dataset=textures.id))
    train = samples[samples["part"] == "train"]
    archive = zipfile.ZipFile(tmp_path / "augmented.zip")
    names = archive.namelist()
    assert told == {"images": len(train), "views": 2 * len(train), "size": 48}
    assert steps[-1][:2] == (3 * len(train), 3 * len(train))
    ids = [name.split("/")[1].rsplit("-", 1)[0] if "view" not in name else name.split("/")[1] for name in names]
    assert len(set(names)) == 3 * len(train)
    assert {"-".join(i.split("-")[:2]) for i in ids} == set(train["id"])
    assert {name.split("/")[0] for name in names} == set(train["label"])
    pictures = {name: np.asarray(Image.open(BytesIO(archive.read(name)))).astype(int) for name in names}
    for name in (n for n in names if "-view-" in n):
        own = pictures[name.rpartition("-view-")[0] + ".png"]
        assert pictures[name].shape == own.shape == (48, 48, 3)
        assert not np.array_equal(pictures[name], own)
    again = import_data(tmp_path / "augmented.zip", name="again").dataset
    assert again.classes == textures.classes and again.n == 3 * len(train)


@pytest.mark.parametrize("names", [("a/b", "a_b"), ("Cat", "cat")])
def test_classes_that_would_share_a_folder_come_in_again_apart(textures, tmp_path, names):
    from core.training.images.augmented_set import augmented_set_task

    ref = DataRef(dataset=textures.id, version=textures.version)
    samples, called = load_samples(ref), dict(zip(textures.classes, (*names, "other"), strict=True))
    labels = dict(zip(samples["id"], samples["label"].map(called), strict=True))
    version = next_version(get_version(ref), Recipe(steps=(Step(kind="relabel", params={"labels": labels}),)))
    spec = TrainingSpec(
        data=f"{textures.id}@{version.id}", augmentation=AUGMENTATIONS["light"], views=1, image_size=32
    )
    augmented_set_task(spec.model_dump(mode="json", exclude_none=True), tmp_path, lambda *_: None)
    assert import_data(tmp_path / "augmented.zip").dataset.classes == version.classes


@pytest.mark.parametrize("augmentation", [None, Augmentation(mixup=0.2), Augmentation(rotation=9, cutmix=1)])
def test_what_has_no_class_folder_is_refused(textures, tmp_path, augmentation):
    from core.training.images.augmented_set import augmented_set_task

    spec = TrainingSpec(data=textures.id, augmentation=augmentation)
    with pytest.raises(InputError, match="class folders"):
        augmented_set_task(spec.model_dump(mode="json", exclude_none=True), tmp_path, lambda *_: None)
