"""Settings and data that cannot go well: a sentence before the run, or the truth after it, and never a traceback."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.importing import import_data
from core.data.versions import load_samples
from core.errors import InputError
from core.methods import backbones as own
from core.methods.plan import resolve_request
from core.methods.pretrained import BACKBONES
from core.schemas import DataRef, DatasetRecord, RunRecord, TrainingSpec
from core.store import runs
from tests.core.training.conftest import texture

Train = Callable[..., RunRecord]


@pytest.mark.training
@pytest.mark.parametrize("how", [{"strategy": "textbook", "image_size": 64}, {"learner": "network"}])
def test_an_absurd_rate_ends_in_a_failure_or_in_a_note(
    textures: DatasetRecord, penguins: DatasetRecord, train: Train, how: dict[str, object]
) -> None:
    run = train(data=penguins.id if "learner" in how else textures.id, learning_rate=1e6, epochs=3, **how)
    if run.state == "failed":
        assert run.failure and run.failure.kind == "not_a_number" and run.failure.hint
    elif run.metrics["validation_loss"] >= np.log(3):
        assert any("never fell below that of guessing" in note for note in run.notes)
    else:
        assert run.metrics["validation_accuracy"] > 1 / 3, "better than guessing, whatever the rate"


@pytest.mark.training
def test_a_sound_run_has_no_such_note(penguins: DatasetRecord, train: Train) -> None:
    run = train(data=penguins.id, learner="network", epochs=8)
    assert run.metrics["validation_loss"] < np.log(3)
    assert not any("guessing" in note for note in run.notes)


@pytest.mark.parametrize("size", [64, 128])
def test_a_backbone_that_takes_one_size_alone_is_refused_others_before_the_run(
    textures: DatasetRecord, tmp_path: Path, size: int
) -> None:
    network = tmp_path / "net.keras"
    network.write_bytes(b"a network")
    of_one = BACKBONES["efficientnet_lite0"].model_copy(
        update={"name": own.free_backbone_name(f"one {size}"), "family": "own", "input_size": 96, "only_size": True}
        | {"weights_file": own.NETWORK, "digest": "", "package": ""}
    )
    own.save_backbone(of_one, network)
    assert resolve_request(TrainingSpec(data=textures.id, backbone=of_one.name)).image_size == 96
    before = len(runs.list_runs())
    with pytest.raises(InputError, match=f"only images of 96 px, not of {size}"):
        resolve_request(TrainingSpec(data=textures.id, backbone=of_one.name, image_size=size))
    assert len(runs.list_runs()) == before


@pytest.mark.training
@pytest.mark.parametrize("strategy", ["linear_probe", "two_stage"])
def test_a_validation_part_without_some_class_will_do(lab: Path, tmp_path: Path, train: Train, strategy: str) -> None:
    rng = np.random.default_rng(0)
    for part, kinds in {"train": 3, "val": 2, "test": 3}.items():
        for kind in ("checks", "stripes", "specks")[:kinds]:
            (tmp_path / "parts" / part / kind).mkdir(parents=True)
            for i in range(8 if part == "train" else 4):
                Image.fromarray(texture(kind, rng)).save(tmp_path / "parts" / part / kind / f"{i}.png")
    dataset = import_data(tmp_path / "parts", name=f"parts {strategy}").dataset
    shutil.rmtree(tmp_path / "parts")
    samples = load_samples(DataRef.parse(dataset.id))
    assert set(samples[samples["part"] == "validation"]["label"]) == {"checks", "stripes"}
    more = {"fine_tune_epochs": 1, "unfreeze": 1} if strategy == "two_stage" else {}
    run = train(data=dataset.id, strategy=strategy, image_size=64, **more)
    assert run.state == "succeeded", runs.read_log(run.id)
    assert run.metrics["n_test"] == 12
