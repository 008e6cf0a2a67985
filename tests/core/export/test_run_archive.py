"""A run goes from one workspace into another as it was, and a file that is not what it says changes nothing."""

import hashlib
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import pandas as pd
import pytest

from core.__main__ import main
from core.errors import DataError, DiskError, GraftError, InputError, WeightsError
from core.evaluation.scores import judged_rows, score_predictions
from core.export.exporting import export_run
from core.export.run_archive import CONTENTS, import_run
from core.schemas import ResolvedSpec, RunRecord
from core.settings import get_settings
from core.store import files, runs
from core.store.predictors import check_model

pytestmark = pytest.mark.training

CLASSES = ["no", "yes"]


def finished(spec: ResolvedSpec, **left: bytes) -> RunRecord:
    """A run as a worker leaves it, with a few predictions; `left` are further files, by their name's stem."""
    run = runs.create_run(spec, name="first", dataset="rows", version="abc", test_hash="t", n=4)
    folder = runs.run_folder(run.id)
    labels, sure = ["no", "yes", "no", "yes"], [0.9, 0.2, 0.6, 0.7]
    table = pd.DataFrame(
        {
            "id": list("wxyz"),
            "path": list("wxyz"),
            "part": "test",
            "fold": -1,
            "label": labels,
            "predicted": ["no" if p > 0.5 else "yes" for p in sure],
            "p:no": sure,
            "p:yes": [1 - p for p in sure],
        }
    )
    table.to_parquet(folder / "predictions.parquet")
    (folder / "metrics.json").write_text("{}")
    for name, content in left.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    done = runs.update_run(run.id, state="succeeded", tags=("mine",), note="a note", pid=4, pid_created=1.0)
    assert done is not None
    return done


@pytest.fixture
def network(tmp_path: Path) -> bytes:
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    model.save(tmp_path / "network.keras")
    return (tmp_path / "network.keras").read_bytes()


@pytest.fixture
def images() -> ResolvedSpec:
    return ResolvedSpec(data="pictures@abc", strategy="linear_probe", backbone="efficientnet_lite0", image_size=64)


@pytest.fixture
def rows() -> ResolvedSpec:
    return ResolvedSpec(data="rows@abc", learner="logistic_regression")


@pytest.fixture
def elsewhere(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[RunRecord], Path]:
    """Export the run, then go on in an empty workspace."""

    def go(run: RunRecord) -> Path:
        path = tmp_path / "run.zip"
        export_run(run.id, "run", path)
        monkeypatch.setenv("GRAFT_HOME", str(tmp_path / "other"))
        return path

    return go


def rewritten(path: Path, changes: dict[str, bytes | None], honest: bool = True) -> Path:
    """The archive with members replaced, added, or left out where None; with `honest` digests, or the old ones."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    listed = json.loads(members.pop(CONTENTS))
    members |= {name: content for name, content in changes.items() if content is not None}
    members = {name: content for name, content in members.items() if changes.get(name, b"") is not None}
    if honest:
        listed["sha256"] = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(CONTENTS, json.dumps(listed))
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def nothing_came() -> bool:
    folder = get_settings().runs
    return not runs.list_runs() and not (folder.exists() and list(folder.iterdir()))


def test_a_run_of_images_arrives_whole(
    elsewhere: Callable[[RunRecord], Path], images: ResolvedSpec, network: bytes
) -> None:
    run = finished(images, model_keras=network, log_txt=b"said\n", baselines_parquet=b"1", weights_parquet=b"2")
    before = runs.read_predictions(run.id)
    path = elsewhere(run)
    assert nothing_came()
    came = import_run(path)
    assert came == runs.get_run(run.id) == run.model_copy(update={"pid": None, "pid_created": None})
    pd.testing.assert_frame_equal(runs.read_predictions(run.id), before)
    assert score_predictions(judged_rows(runs.read_predictions(run.id)), CLASSES).accuracy == 0.75
    assert (runs.run_folder(run.id) / "model.keras").read_bytes() == network
    for name, content in (("baselines", b"1"), ("weights", b"2")):
        assert (runs.run_folder(run.id) / f"{name}.parquet").read_bytes() == content
    check_model(came)
    assert runs.reindex() == 1  # the folder alone is enough to know it again
    assert [p.name for p in get_settings().runs.iterdir()] == [run.id]


def test_what_scikit_learn_fitted_stays_out_and_that_is_said(
    elsewhere: Callable[[RunRecord], Path], rows: ResolvedSpec, network: bytes, tmp_path: Path
) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "sprung",)

    trap = pickle.dumps(Trap())
    run = finished(rows, model_joblib=trap, preparation_joblib=trap, model_keras=network)
    came = import_run(elsewhere(run))
    assert not (tmp_path / "sprung").exists()
    assert {p.name for p in runs.run_folder(run.id).iterdir()} == {
        "spec.json", "run.json", "predictions.parquet", "metrics.json",
    }  # fmt: skip
    assert any("can run code" in note for note in came.notes)
    with pytest.raises(InputError, match="kept no model"):
        check_model(came)


def test_a_run_that_is_here_is_never_overwritten(
    workspace: Path, images: ResolvedSpec, network: bytes, tmp_path: Path
) -> None:
    run = finished(images, model_keras=network)
    export_run(run.id, "run", tmp_path / "run.zip")
    (runs.run_folder(run.id) / "log.txt").write_text("mine")
    with pytest.raises(InputError, match="“first” is here already"):
        import_run(tmp_path / "run.zip")
    assert runs.read_log(run.id) == "mine" and len(runs.list_runs()) == 1


def test_a_name_that_is_taken_gets_a_number(
    elsewhere: Callable[[RunRecord], Path], images: ResolvedSpec, network: bytes
) -> None:
    path = elsewhere(finished(images, model_keras=network))
    finished(images)
    assert import_run(path).name == "first #2"


@pytest.mark.parametrize(
    ("changes", "honest", "error", "said"),
    [
        ({"metrics.json": b"{ }"}, False, DataError, "damaged: metrics.json"),
        ({"predictions.parquet": None}, True, DataError, "damaged: predictions.parquet"),
        ({"predictions.parquet": b"PAR1"}, True, DataError, "damaged"),
        ({"run.json": b"{}"}, True, DataError, "damaged"),
        ({"spec.json": b'{"data": 3}'}, True, DataError, "damaged"),
        ({"backbone.json": b"{}"}, True, DataError, "damaged"),
        ({"../up.txt": b"x"}, True, InputError, "leaves its folder"),
        ({"/etc/up": b"x"}, True, InputError, "absolute path"),
        ({"more.py": b"x"}, True, InputError, "“more.py”, which no run has"),
        ({"model.keras": b"PK\x03\x04"}, True, WeightsError, "network in “run.zip” was refused"),
    ],
)
def test_a_file_that_is_not_as_it_was_written_changes_nothing(
    elsewhere: Callable[[RunRecord], Path],
    images: ResolvedSpec,
    network: bytes,
    changes: dict[str, bytes | None],
    honest: bool,
    error: type[GraftError],
    said: str,
) -> None:
    path = rewritten(elsewhere(finished(images, model_keras=network)), changes, honest)
    with pytest.raises(error, match=said):
        import_run(path)
    assert nothing_came()


@pytest.mark.parametrize(("field", "value"), [("id", "../../up"), ("dataset", "../up"), ("state", "failed")])
def test_a_record_that_leads_elsewhere_is_refused(
    elsewhere: Callable[[RunRecord], Path], images: ResolvedSpec, network: bytes, field: str, value: str
) -> None:
    run = finished(images, model_keras=network)
    record = json.loads(run.model_dump_json()) | {field: value}
    path = rewritten(elsewhere(run), {"run.json": json.dumps(record).encode()})
    with pytest.raises(InputError):
        import_run(path)
    assert nothing_came()


def test_a_network_that_holds_code_is_refused(
    elsewhere: Callable[[RunRecord], Path], images: ResolvedSpec, network: bytes, tmp_path: Path
) -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Lambda(lambda x: x), keras.layers.Flatten()])
    model.save(tmp_path / "code.keras")
    changes = {"model.keras": (tmp_path / "code.keras").read_bytes()}
    path = rewritten(elsewhere(finished(images, model_keras=network)), changes)
    with pytest.raises(WeightsError, match="contains code"):
        import_run(path)
    assert nothing_came()


def test_a_full_disk_is_said_before_anything_is_written(
    elsewhere: Callable[[RunRecord], Path], images: ResolvedSpec, network: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = elsewhere(finished(images, model_keras=network))

    def full(n_bytes: int) -> None:
        raise DiskError("The disk is full.", "Delete something.")

    monkeypatch.setattr(files, "need_disk", full)
    with pytest.raises(DiskError):
        import_run(path)
    assert nothing_came()


def test_the_commands_take_it_out_and_in(
    workspace: Path,
    images: ResolvedSpec,
    network: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, path = finished(images, model_keras=network), str(tmp_path / "run.zip")
    assert main(["export", run.id, "--format", "run", "--out", path, "--json"]) == 0
    monkeypatch.setenv("GRAFT_HOME", str(tmp_path / "other"))
    capsys.readouterr()
    assert main(["import-run", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == run.id
    assert main(["import-run", path]) == 2
    assert "here already" in capsys.readouterr().err
