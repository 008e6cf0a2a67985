"""The preview shows the very views that a run would train on."""

from unittest.mock import MagicMock

import numpy as np
import pytest
from PIL import Image

from core.data.augmentation import AUGMENTATIONS
from core.data.versions import load_samples
from core.methods.plan import resolve_request
from core.schemas import Augmentation, DataRef, RunRecord, TrainingSpec

pytestmark = pytest.mark.training


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("core.training.images.preview.SIDE", 64)


def drawn(folder, data, **values):
    """What `preview` tells of its rows, and the pictures of each, `(1 + views, side, side, 3)`."""
    from core.training.images.preview import GAP, SIDE, preview_task

    folder.mkdir(exist_ok=True)
    spec = TrainingSpec.model_validate({"data": data, "views": 3} | values)
    told = preview_task(spec.model_dump(mode="json"), folder, lambda *_: None)["rows"]
    rows = []
    for number in range(len(told)):
        strip = np.asarray(Image.open(folder / f"{number}.webp").convert("RGB")).astype(int)
        rows.append([strip[:, at : at + SIDE] for at in range(0, strip.shape[1], SIDE + GAP)])
    return told, np.array(rows)


def test_the_first_column_is_the_images_and_the_same_seed_gives_the_same_picture(textures, tmp_path):
    def sheet(name, seed=0):
        return drawn(tmp_path / name, textures.id, augmentation=AUGMENTATIONS[name], seed=seed)

    told, first = sheet("strong")
    assert first.shape[:2] == (4, 4)
    assert len({row["path"].split("/")[0] for row in told[:3]}) == 3, "one image of each class comes first"
    assert all(made_of == {row["path"].split("/")[0]: 1} for row in told for made_of in row["made_of"])
    assert (sheet("strong")[1] == first).all()
    other_told, other = sheet("light")
    assert other_told == told
    assert (other[:, 0] == first[:, 0]).all(), "the images themselves stay"
    assert np.abs(other[:, 1:] - first[:, 1:]).mean() > 8
    assert np.abs(sheet("strong", seed=1)[1] - first).mean() > 8


@pytest.mark.parametrize("folds", [None, 3])
@pytest.mark.parametrize(
    "augmentation",
    [AUGMENTATIONS["strong"], Augmentation(rand_augment=0.2, aug_mix=0.3, erasing=1, mixup=0.4, cutmix=1)],
)
def test_what_is_shown_is_what_a_run_learns_from(textures, tmp_path, augmentation, folds, monkeypatch):
    """The pixels and the targets that the network is fitted on, taken from a run's own problem."""
    from core.training.images import preview
    from core.training.images import task as image_task
    from core.transfer.fitting.problem import Fitted

    spec = TrainingSpec(
        data=textures.id, strategy="from_scratch", augmentation=augmentation, views=3, seed=5, folds=folds
    )
    told, pictures = drawn(tmp_path / "p", **spec.model_dump(exclude={"views"}))
    problems = []

    def look(problem):
        problems.append(problem)
        n = len(problem.judged), len(problem.classes)
        return Fitted(np.full(n, 1 / n[1]), build=lambda: None)

    strategy = type("Strategy", (), {"fit": "", "selects": False, "title": "Looking"})
    monkeypatch.setattr(image_task, "get_strategy", lambda name: strategy)
    monkeypatch.setattr(image_task, "resolve_name", lambda name: look)
    resolved = resolve_request(spec.model_copy(update={"image_size": preview.SIDE}))
    run = RunRecord(id="r", name="r", dataset=textures.id, version=textures.version, spec=resolved)
    image_task.train_images(run, MagicMock())
    fitted_on, targets, classes = problems[0].images().astype(int), problems[0].targets, problems[0].classes
    n = len(load_samples(DataRef(dataset=textures.id)))
    taught = np.unique(np.concatenate([problem.train for problem in problems]))
    shown = 0
    for row, told_of in zip(pictures, told, strict=True):
        for picture, made_of in zip(row[1:], told_of["made_of"], strict=True):
            distances = np.abs(fitted_on[n:] - picture).mean(axis=(1, 2, 3))
            place = n + distances.argmin()
            assert distances.min() == 0
            assert {c: pytest.approx(s, abs=1e-4) for c, s in made_of.items()} == {
                c: s for c, s in zip(classes, targets[place].tolist(), strict=True) if s > 0
            }
            shown += place in taught
    assert shown == 12 if folds is None else shown > 0
