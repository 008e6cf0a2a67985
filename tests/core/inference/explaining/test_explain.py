"""What the task leaves: a map of each sample or given picture, and the known images most like a sample."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.files.decoding import Rendering
from core.data.images.store import DatasetImages
from core.data.versions import load_samples
from core.inference.explaining.explain import explain_task
from core.inference.predicting import pictures
from core.jobs import tasks
from core.schemas import DataRef, DatasetRecord, RunRecord
from tests.core.training.conftest import lab, textures, train

__all__ = ["lab", "textures", "train"]
pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def run(textures: DatasetRecord, train: Callable[..., RunRecord]) -> RunRecord:
    return train(data=textures.id, image_size=64, strategy="linear_probe")


def explained(run: RunRecord, folder: Path, classes: dict[str, str], **params: str) -> dict[str, list[str]]:
    found = explain_task({"run": run.id, "classes": classes, "method": "gradient"} | params, folder, lambda *_: None)
    assert {p.name for p in folder.glob("*.webp")} == {f"{name}.webp" for name in classes}
    return found["nearest"]


def test_a_known_image_is_not_most_like_itself(run: RunRecord, textures: DatasetRecord, tmp_path: Path) -> None:
    known = load_samples(DataRef(dataset=textures.id)).query("part == 'train'").head(8)
    nearest = explained(run, tmp_path, dict(zip(known["id"], known["label"], strict=True)))
    for name, others in nearest.items():
        assert len(set(others)) == 3 and name not in others


def test_a_given_picture_has_the_map_of_the_same_picture_in_the_dataset(
    run: RunRecord, textures: DatasetRecord, tmp_path: Path
) -> None:
    samples = load_samples(DataRef(dataset=textures.id)).query("part == 'test'").head(2)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    explained(run, tmp_path / "one", dict.fromkeys(samples["id"], "stripes"))
    files = []
    for i, sample in enumerate(samples["id"]):
        files.append(tmp_path / f"{i}.png")
        Image.fromarray(DatasetImages(textures.id).image(sample)).save(files[-1])
    tasks.task_folder("given").mkdir(parents=True)
    pictures.store_pictures(files, tasks.task_folder("given"), Rendering())
    assert explained(run, tmp_path / "two", {"0": "stripes", "1": "stripes"}, given="given") == {}
    for i, sample in enumerate(samples["id"]):
        ours, theirs = (
            np.asarray(Image.open(tmp_path / f), "int64") for f in (f"two/{i}.webp", f"one/{sample}.webp")
        )
        assert np.abs(ours - theirs).max() <= 2
