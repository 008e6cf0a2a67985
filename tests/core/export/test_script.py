"""A script repeats its run in a fresh process that knows nothing of Graft."""

import ast
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import InputError
from core.export import image_script
from core.export.exporting import export_run
from core.export.formats import FORMATS, export_obstacle
from core.schemas import Augmentation, DatasetRecord, ResolvedSpec, RunRecord
from core.store import runs
from core.transfer.fitting.precision import compare_step_times
from tests.core.training.conftest import lab, penguins, textures, train

__all__ = ["lab", "penguins", "textures", "train"]
pytestmark = pytest.mark.training
Train = Callable[..., RunRecord]

OTHERWISE = {
    "optimizer": "sgd",
    "schedule": "one_cycle",
    "loss": "focal",
    "label_smoothing": 0.1,
    "averaging": "ema",
    "class_weights": "none",
}


def repeated(run: RunRecord, folder: Path) -> float:
    """The share of test samples on which the run's script, run by itself, says the same; it tells it in words."""
    export_run(run.id, "script", folder / "script.zip")
    with zipfile.ZipFile(folder / "script.zip") as archive:
        archive.extractall(folder)
    source = (folder / "train.py").read_text("utf-8")
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
    }
    assert imported <= {"math", "pathlib", "copy", "keras", "tensorflow", "numpy", "pandas", "PIL", "sklearn"}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = re.findall(r"on ([\d.]+)% of", done.stdout)
    assert float(told[0]) == pytest.approx(100 * run.metrics["accuracy"], abs=1 + 100 / run.metrics["n_test"])
    return float(told[1]) / 100


@pytest.mark.parametrize(
    "settings",
    [
        {"strategy": "linear_probe"},
        {"strategy": "two_stage", "fine_tune_epochs": 3, "unfreeze": 2},
        {"strategy": "fine_tune", "fine_tune_epochs": 4, "unfreeze": 2, "precision": "bfloat16", **OTHERWISE},
    ],
    ids=lambda s: s["strategy"],
)
def test_images(textures: DatasetRecord, train: Train, tmp_path: Path, settings: dict[str, object]) -> None:
    run = train(data=textures.id, backbone="efficientnet_lite0", image_size=64, **settings)
    assert repeated(run, tmp_path) >= 0.99


@pytest.mark.parametrize(
    "settings",
    [
        {"learner": "network", **OTHERWISE},
        {"learner": "logistic_regression"},
        {"learner": "random_forest", "trees": 30},
        {"learner": "gradient_boosting", "trees": 60},
    ],
    ids=lambda s: s["learner"],
)
def test_tables(penguins: DatasetRecord, train: Train, tmp_path: Path, settings: dict[str, object]) -> None:
    assert repeated(train(data=penguins.id, **settings), tmp_path) >= 0.99


def test_the_notebook_is_the_same_code_in_cells(penguins: DatasetRecord, train: Train, tmp_path: Path) -> None:
    run = train(data=penguins.id, learner="logistic_regression")
    for name in ("script", "notebook"):
        export_run(run.id, name, tmp_path / f"{name}.zip")
    script = zipfile.ZipFile(tmp_path / "script.zip").read("train.py").decode()
    notebook = json.loads(zipfile.ZipFile(tmp_path / "notebook.zip").read("train.ipynb"))
    code = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    there = ast.dump(ast.parse(code.replace("Path()", "Path(__file__).parent")))
    parsed = ast.parse(script)
    parsed.body = parsed.body[1:]  # its docstring is a cell of text
    assert there == ast.dump(parsed)
    assert notebook["nbformat"] == 4 and all(cell["id"] for cell in notebook["cells"])


def test_what_a_script_cannot_do_is_said(textures: DatasetRecord, train: Train, tmp_path: Path) -> None:
    run = runs.create_run(
        train(data=textures.id, image_size=64).spec,
        name="another",
        dataset=textures.id,
        version=textures.version,
        test_hash="",
        n=1,
    ).model_copy(update={"state": "succeeded", "metrics": {"l2": 1.0}})

    def said(**changes: object) -> str:
        return export_obstacle(
            run.model_copy(update={"spec": run.spec.model_copy(update=changes)}), FORMATS["script"]
        )

    assert said() == ""
    assert "L2-SP" in said(strategy="l2_sp")
    assert "Augmented" in said(augmentation=Augmentation(rotation=10))
    assert "fold" in said(folds=3)
    assert "another table" in export_obstacle(
        run.model_copy(update={"spec": run.spec.model_copy(update={"backbone": None, "learner": "network",
                                                                   "source": "x@1"})}), FORMATS["script"],
    )  # fmt: skip
    gone = run.model_copy(update={"version": "gone"})
    assert "deleted" in export_obstacle(gone, FORMATS["script"])
    with pytest.raises(InputError, match=r"ends in \.zip"):
        export_run(runs.list_runs(states=["succeeded"])[0].id, "script", tmp_path / "script.py")


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_a_measured_precision_is_read_from_the_run_and_of_an_old_one_from_its_note(
    workspace: Path, precision: str
) -> None:
    spec = ResolvedSpec(data="d", precision="auto")
    run = RunRecord(id="r", name="r", dataset="d", version="v", spec=spec, notes=(f"Trained in {precision}: …",))
    assert image_script._in_bfloat16(run) == (precision == "bfloat16")
    folder = runs.run_folder(run.id)
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps({"decisions": {"precision": [precision, ""]}}))
    assert image_script._in_bfloat16(run.model_copy(update={"notes": ()})) == (precision == "bfloat16")


def test_the_note_on_precision_begins_as_in_runs_of_version_0_1() -> None:
    assert compare_step_times(2.0, 1.0)[1].startswith("Trained in bfloat16")
