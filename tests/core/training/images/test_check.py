"""The deeper look from end to end, in the task's own process with the real backbone."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.data.findings.saved import load_check
from core.data.importing import import_data
from core.data.versions import make_version
from core.jobs import tasks
from core.schemas import DataRef, Recipe
from core.store import datasets
from tests.support import forking


def command(*words: str) -> Any:
    done = forking.graft(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.training
def test_a_cropped_copy_and_a_wrong_label_are_found(workspace: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    blobs = [rng.integers(0, 255, (5, 5, 3), dtype="uint8") for _ in range(60)]
    for name, change in (("smooth", Image.Resampling.BICUBIC), ("blocks", Image.Resampling.NEAREST)):
        (tmp_path / "p" / name).mkdir(parents=True)
        for i in range(30):
            image = Image.fromarray(blobs[i + 30 * (name == "blocks")]).resize((96, 96), change)
            image.save(tmp_path / "p" / name / f"{i}.png")
    cropped = Image.fromarray(blobs[0]).resize((96, 96), Image.Resampling.BICUBIC).crop((5, 5, 91, 91))
    cropped.save(tmp_path / "p" / "smooth" / "cropped.png")
    wrong = Image.fromarray(rng.integers(0, 255, (5, 5, 3), dtype="uint8")).resize((96, 96), Image.Resampling.NEAREST)
    wrong.save(tmp_path / "p" / "smooth" / "wrong.png")
    dataset = import_data(tmp_path / "p").dataset
    task = tasks.start("check", "look", data=dataset.id)
    while not tasks.get_task(task.id).ended:
        time.sleep(0.2)
    log = (tasks.task_folder(task.id) / "log.txt").read_text()
    assert tasks.get_task(task.id).state == "succeeded", log
    check = load_check(datasets.get_version(DataRef(dataset=dataset.id)))
    assert check is not None
    found = {finding.kind: finding for finding in check.findings}
    assert found["label_error"].remedy
    assert set(found["near_duplicate"].samples) == {"smooth/0.png", "smooth/cropped.png"}
    assert found["label_error"].samples == ("smooth/wrong.png",)
    assert found.keys() <= {f["kind"] for f in command("check", dataset.id)["findings"]}
    made = make_version(dataset.id, Recipe(steps=(found["label_error"].remedy,)))
    again = {f["kind"] for f in command("check", f"{dataset.id}@{made.id}")["findings"]}
    assert "near_duplicate" in again
    assert "label_error" not in again
    assert list((workspace / "cache" / "embeddings").rglob("*.npy"))
