"""Augmented views: the same seed gives the same view however it is asked for, and views stay with training."""

import numpy as np
import pytest

from core.data.augmentation import AUGMENTATIONS
from core.schemas import Augmentation, TrainingSpec
from core.store import runs

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (50, 24, 24, 3), dtype="uint8")


def views(images, augmentation, seed=0, k=3, rows=range(40)):
    from core.training.views import Views

    return Views(lambda at, size: images[at], np.array(rows), k, augmentation, seed)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_view_depends_on_its_place_alone(images, name):
    whole = views(images, AUGMENTATIONS[name]).batch(np.arange(120), 24)
    apart = views(images, AUGMENTATIONS[name])
    for rows in ([119], [3, 40, 41], [0]):
        assert (apart.batch(rows, 24) == whole[rows]).all()
    assert not (views(images, AUGMENTATIONS[name], seed=1).batch(np.arange(120), 24) == whole).all()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_views_differ_from_their_image_and_from_each_other(images, name):
    made = views(images, AUGMENTATIONS[name])
    found = made.batch(np.arange(len(made)), 24).astype(int)
    assert (np.abs(found - images[made.positions]).mean(axis=(1, 2, 3)) > 1).mean() > 0.95
    assert (np.abs(found[:40] - found[40:80]).mean(axis=(1, 2, 3)) > 1).mean() > 0.95


def test_an_augmentation_without_strength_changes_nothing(images):
    made = views(images, Augmentation())
    assert (made.batch(np.arange(len(made)), 24) == images[made.positions]).all()


@pytest.mark.parametrize(
    ("setting", "undo"),
    [({"horizontal_flip": True}, np.s_[:, :, ::-1]), ({"vertical_flip": True}, np.s_[:, ::-1])],
)
def test_a_flip_only_mirrors(images, setting, undo):
    made = views(images, Augmentation(**setting))
    found, sources = made.batch(np.arange(len(made)), 24), images[made.positions]
    same = (found == sources).all(axis=(1, 2, 3))
    mirrored = (found[undo] == sources).all(axis=(1, 2, 3))
    assert (same ^ mirrored).all()
    assert 0.2 < mirrored.mean() < 0.8


def test_channel_shift_moves_each_channel_as_a_whole(images):
    grey = np.full((50, 24, 24, 3), 128, dtype="uint8")
    made = views(grey, Augmentation(channel_shift=30))
    found = made.batch(np.arange(len(made)), 24).astype(int) - 128
    assert (found == found[:, :1, :1]).all()
    assert np.abs(found).max() <= 30
    assert found[:, 0, 0].std(axis=1).mean() > 5


@pytest.mark.parametrize("folds", [None, 3])
def test_runs_learn_from_views_and_are_judged_on_images_alone(textures, train, folds):
    spec = {"data": textures.id, "strategy": "linear_probe", "image_size": 64, "epochs": 5, "folds": folds}
    run = train(**spec, augmentation=AUGMENTATIONS["light"], views=2)
    assert run.state == "succeeded", runs.read_log(run.id)
    plain = train(**spec)
    mine, other = runs.read_predictions(run.id), runs.read_predictions(plain.id)
    assert mine[["id", "part", "fold"]].equals(other[["id", "part", "fold"]])
    assert not np.allclose(mine.filter(like="p:"), other.filter(like="p:"))
    assert TrainingSpec.model_validate_json((runs.run_folder(run.id) / "spec.json").read_text()) == run.spec


def test_two_stage_and_from_scratch_take_views(textures, train):
    for strategy in ("two_stage", "from_scratch"):
        tuning = {"fine_tune_epochs": 1, "unfreeze": 1} if strategy == "two_stage" else {}
        run = train(
            data=textures.id,
            strategy=strategy,
            image_size=64,
            epochs=1,
            augmentation=AUGMENTATIONS["strong"],
            views=1,
            **tuning,
        )
        assert run.state == "succeeded", runs.read_log(run.id)
