"""What leaves Graft does as it did inside, and what does not is not handed over."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.__main__ import main
from core.errors import DataError, DiskError, InputError, WeightsError
from core.export import networks
from core.export.check import compare_probabilities, require_agreement
from core.export.exporting import export_run
from core.export.formats import FORMATS, FileCheck, export_obstacle
from core.export.job import Job
from core.schemas import DatasetRecord, RunRecord
from core.store import runs
from tests.core.training.conftest import lab, penguins, textures, train

__all__ = ["lab", "penguins", "textures", "train"]
pytestmark = pytest.mark.training
OF_IMAGES = [name for name, f in FORMATS.items() if f.predicts and "image" in f.kinds]


@pytest.fixture(scope="module")
def image_run(textures: DatasetRecord, train: Callable[..., RunRecord]) -> RunRecord:
    return train(data=textures.id, preset="quick", image_size=64)


@pytest.fixture(scope="module")
def table_run(penguins: DatasetRecord, train: Callable[..., RunRecord]) -> RunRecord:
    return train(data=penguins.id, learner="logistic_regression")


@pytest.mark.parametrize("name", OF_IMAGES)
def test_a_file_says_what_the_network_says(image_run: RunRecord, tmp_path: Path, name: str) -> None:
    target = tmp_path / "network.zip"
    found = export_run(image_run.id, name, target)
    tested = runs.read_predictions(image_run.id).query("part == 'test'")
    assert found.check.n == len(tested) and found.check.originals
    assert found.check.agreement >= 0.98
    assert FORMATS[name].integers or found.check.largest_difference < 1e-3
    assert found.bytes == target.stat().st_size > 1000
    assert list(tmp_path.iterdir()) == [target]  # nothing half done is left beside it
    with pytest.raises(InputError, match="already something"):
        export_run(image_run.id, name, target)


def test_the_bare_file_is_written_under_the_format_s_own_ending(image_run: RunRecord, tmp_path: Path) -> None:
    export_run(image_run.id, "openvino", tmp_path / "network.xml")
    assert {p.name for p in tmp_path.iterdir()} == {"network.xml", "network.bin"}
    export_run(image_run.id, "savedmodel", tmp_path / "model.v1")
    assert (tmp_path / "model.v1" / "saved_model.pb").exists()
    assert not (tmp_path / "model.v1" / "predict.py").exists()


@pytest.mark.parametrize(
    "check", [FileCheck(n=300, largest_difference=d, agreement=1, per_second=1) for d in (2e-3, np.nan)]
)
def test_a_file_that_says_something_else_is_refused_with_the_figure(check: FileCheck) -> None:
    with pytest.raises(DataError, match=f"{check.largest_difference:.2g}"):
        require_agreement(check, FORMATS["onnx"])
    with pytest.raises(DataError, match=r"97\.0%"):
        require_agreement(check.model_copy(update={"agreement": 0.97}), FORMATS["litert_int8"])


def test_another_class_counts_unless_two_classes_are_as_good_as_equal() -> None:
    expected = np.array([[0.5004, 0.4996], [0.9, 0.1]])
    close = compare_probabilities(expected, np.array([[0.4999, 0.5001], [0.9, 0.1]]))
    require_agreement(close, FORMATS["onnx"])
    torn = compare_probabilities(np.array([[0.502, 0.498]]), np.array([[0.4996, 0.5004]]))
    assert torn.agreement == 0
    with pytest.raises(DataError, match="agrees"):
        require_agreement(torn, FORMATS["onnx"])


def test_what_cannot_be_exported_says_why(image_run: RunRecord, table_run: RunRecord, tmp_path: Path) -> None:
    assert "for tables" in export_obstacle(image_run, FORMATS["bundle"])
    assert "for images" in export_obstacle(table_run, FORMATS["onnx"])
    folds = image_run.model_copy(update={"spec": image_run.spec.model_copy(update={"folds": 3})})
    assert "folds" in export_obstacle(folds, FORMATS["onnx"])
    assert "succeeded" in export_obstacle(image_run.model_copy(update={"state": "failed"}), FORMATS["onnx"])
    with pytest.raises(InputError, match=r"ends in \.zip or \.onnx"):
        export_run(image_run.id, "onnx", tmp_path / "network.tflite")
    with pytest.raises(InputError, match="no format"):
        export_run(image_run.id, "coreml", tmp_path / "network.mlmodel")


def test_a_damaged_network_is_named_and_nothing_is_left(image_run: RunRecord, tmp_path: Path) -> None:
    path = runs.run_folder(image_run.id) / "model.keras"
    sound = path.read_bytes()
    try:
        path.write_bytes(sound[: len(sound) // 2])
        with pytest.raises(WeightsError, match="damaged"):
            export_run(image_run.id, "onnx", tmp_path / "network.onnx")
        assert list(tmp_path.iterdir()) == []
        path.unlink()
        assert "gone" in export_obstacle(image_run, FORMATS["onnx"])
    finally:
        path.write_bytes(sound)


def test_a_full_disk_is_a_sentence_and_nothing_is_left(
    image_run: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(job: Job) -> Path:
        job.file(".onnx").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(networks, "write_onnx", full)
    with pytest.raises(DiskError, match="disk is full"):
        export_run(image_run.id, "onnx", tmp_path / "network.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_version_or_dataset_that_is_gone_is_said_before_anything_is_tried(image_run: RunRecord) -> None:
    for gone in ({"version": "gone"}, {"dataset": "gone"}):
        run = image_run.model_copy(update=gone)
        for wanted in map(FORMATS.__getitem__, OF_IMAGES):
            assert "deleted" in export_obstacle(run, wanted)
        assert export_obstacle(run, FORMATS["run"]) == ""


def test_the_command_prints_the_figures_of_the_check(
    image_run: RunRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "network.keras")
    assert main(["export", image_run.id, "--format", "keras", "--out", out, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["format"] == "keras" and found["path"] == out and found["checked"]
    assert set(found) == {
        "format", "path", "bytes", "checked", "n", "originals", "largest_difference", "agreement", "per_second",
    }  # fmt: skip
    assert main(["export", image_run.id, "--format", "keras", "--out", out]) == 2
