"""Augmented views: the same seed gives the same view however it is asked for, and views stay with training."""

import random

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
    from core.training.images.views import Views

    return Views(lambda at, size: images[at], np.array(rows), k, augmentation, seed)


METHODS = {
    name: Augmentation(**{name: 0.5}) for name in ("rand_augment", "aug_mix", "erasing", "mixup", "cutmix")
} | {"all": Augmentation(rotation=20, rand_augment=0.2, aug_mix=0.2, erasing=0.5, mixup=0.5, cutmix=1)}


@pytest.mark.parametrize("name", [*AUGMENTATIONS, *METHODS])
def test_a_view_depends_on_its_place_alone(images, name):
    augmentation = (AUGMENTATIONS | METHODS)[name]
    whole = views(images, augmentation).batch(np.arange(120), 24)
    random.seed(1)  # AugMix takes its operations by Python's own generator
    apart = views(images, augmentation)
    for rows in ([119], [3, 40, 41], [0]):
        assert (apart.batch(rows, 24) == whole[rows]).all()
    assert not (views(images, augmentation, seed=1).batch(np.arange(120), 24) == whole).all()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_views_differ_from_their_image_and_from_each_other(images, name):
    made = views(images, AUGMENTATIONS[name])
    found = made.batch(np.arange(len(made)), 24).astype(int)
    assert (np.abs(found - images[made.positions]).mean(axis=(1, 2, 3)) > 1).mean() > 0.95
    order = np.argsort(made.positions.reshape(3, 40), axis=1) + 40 * np.arange(3)[:, None]
    assert (np.abs(found[order[0]] - found[order[1]]).mean(axis=(1, 2, 3)) > 1).mean() > 0.95


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


def test_both_sides_of_a_shift_are_drawn_apart():
    """Keras gives all numbers drawn with one bare seed the same value: shifts would all go along the diagonal."""
    image = np.zeros((40, 32, 32, 3), dtype="uint8")
    image[:, 16, 16] = 255
    found = views(image, Augmentation(width_shift=0.3, height_shift=0.3)).batch(np.arange(120), 32).astype(float)
    at = np.array([np.unravel_index(view[..., 0].argmax(), (32, 32)) for view in found])
    assert abs(np.corrcoef(at.T)[0, 1]) < 0.3


@pytest.mark.parametrize("name", ["mixup", "cutmix", "all"])
def test_targets_tell_what_a_view_is_mixed_of(images, name):
    made = views(images, METHODS[name])
    targets = made.targets(np.eye(50, dtype="float32"))  # every image a class of its own
    assert targets.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (targets > 0).sum(axis=1).max() == 2
    assert (targets[:, 40:] == 0).all(), "what is not trained on is in no view"
    found = made.batch(np.arange(120), 24).astype(float)
    if name == "mixup":
        expected = (targets @ images.reshape(50, -1)).reshape(found.shape)
        assert np.abs(found - expected).max() < 0.51
    if name == "cutmix":
        own = (found == images[made.positions]).all(axis=3).mean(axis=(1, 2))
        assert np.abs(own - targets[np.arange(120), made.positions]).max() < 0.1  # whole pixels


def test_a_view_that_holds_a_part_of_a_judged_image_is_not_learnt_from(images):
    made = views(images, Augmentation(cutmix=1))
    train = np.arange(25)
    learnt = made.made_of(train)
    shares = made.targets(np.eye(50, dtype="float32"))
    assert 0 < learnt.sum() < np.isin(made.positions, train).sum()
    assert (shares[learnt][:, 25:] == 0).all()
    assert (shares[~learnt][:, 25:].sum(axis=1) > 0).all()


def test_keras_carries_out_the_same_rand_augment(images):
    """Graft carries out only the operations that are drawn; the layer all of them, and takes what was drawn."""
    from keras import layers, ops

    from core.models.augmenting import Augmenter, _begin

    layer = layers.RandAugment(factor=0.3)
    for number in range(6):
        seed = (7, number)
        mine = Augmenter(Augmentation(rand_augment=0.3)).images(images[:4], seed)
        _begin(layer, (*seed, 0, 0))
        drawn = layer.get_random_transformation(images[:4], training=True)
        theirs = ops.convert_to_numpy(layer.transform_images(images[:4], drawn))
        assert np.abs(mine - np.clip(np.rint(theirs), 0, 255)).max() <= 1


@pytest.mark.parametrize("folds", [None, 3])
def test_runs_learn_from_mixed_views(textures, train, folds):
    spec = {"data": textures.id, "strategy": "linear_probe", "image_size": 64, "folds": folds}
    mixed = train(**spec, augmentation=Augmentation(mixup=0.4, cutmix=1), views=2)
    assert mixed.state == "succeeded", runs.read_log(mixed.id)
    alone = train(**spec)
    mine, other = runs.read_predictions(mixed.id), runs.read_predictions(alone.id)
    assert mine[["id", "part", "fold"]].equals(other[["id", "part", "fold"]])
    assert not np.allclose(mine.filter(like="p:"), other.filter(like="p:"))


@pytest.mark.parametrize("folds", [None, 3])
def test_runs_learn_from_views_and_are_judged_on_images_alone(textures, train, folds):
    spec = {"data": textures.id, "strategy": "linear_probe", "image_size": 64, "folds": folds}
    run = train(**spec, augmentation=AUGMENTATIONS["light"], views=2)
    assert run.state == "succeeded", runs.read_log(run.id)
    plain = train(**spec)
    mine, other = runs.read_predictions(run.id), runs.read_predictions(plain.id)
    assert mine[["id", "part", "fold"]].equals(other[["id", "part", "fold"]])
    assert not np.allclose(mine.filter(like="p:"), other.filter(like="p:"))
    assert TrainingSpec.model_validate_json((runs.run_folder(run.id) / "spec.json").read_text()) == run.spec.request()


def test_two_stage_and_from_scratch_take_views(textures, train):
    for strategy in ("two_stage", "from_scratch"):
        tuning = {"fine_tune_epochs": 1, "unfreeze": 1} if strategy == "two_stage" else {"epochs": 1}
        run = train(
            data=textures.id,
            strategy=strategy,
            image_size=64,
            augmentation=AUGMENTATIONS["strong"],
            views=1,
            **tuning,
        )
        assert run.state == "succeeded", runs.read_log(run.id)
