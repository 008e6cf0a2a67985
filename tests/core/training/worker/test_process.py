"""Runs from end to end: what a worker leaves behind, and in which state."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core import errors
from core.data.images.store import DatasetImages
from core.data.importing import import_data
from core.errors import GraftError
from core.jobs import queue
from core.methods.plan import resolve_request
from core.schemas import DataRef, Failure, ResolvedSpec, TrainingSpec, now
from core.store import runs
from core.store.datasets import get_version
from core.training.worker import process as worker
from tests.support import tiny_backbone

pytestmark = pytest.mark.training
RELOAD = Path(__file__).parents[1] / "reload.py"
SIZE = 64


@pytest.fixture(scope="module")
def probe(textures, train):
    return train(data=textures.id, strategy="linear_probe", image_size=SIZE)


@pytest.fixture(scope="module")
def tuned(textures, train):
    """Stage two is kept whatever it is worth, so that what it does to the network can be looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.transfer.parameters.tail.is_no_worse", lambda before, after: True)
        return train(
            data=textures.id,
            backbone="efficientnet_lite0",
            strategy="two_stage",
            image_size=SIZE,
            fine_tune_epochs=2,
            unfreeze=3,
            batch_size=16,
        )


@pytest.fixture(scope="module")
def halved(textures, train):
    """The same, computed in bfloat16."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.transfer.parameters.tail.is_no_worse", lambda before, after: True)
        return train(
            data=textures.id,
            strategy="two_stage",
            image_size=SIZE,
            fine_tune_epochs=2,
            unfreeze=3,
            batch_size=16,
            precision="bfloat16",
        )


@pytest.fixture(scope="module")
def unhappy(textures, train):
    """Stage two at an absurd rate."""
    return train(
        data=textures.id,
        strategy="two_stage",
        image_size=SIZE,
        fine_tune_epochs=1,
        unfreeze=1,
        fine_tune_learning_rate=10,
    )


@pytest.fixture(scope="module")
def crossed(textures, train):
    return train(data=textures.id, strategy="linear_probe", image_size=SIZE, folds=3)


@pytest.fixture(scope="module")
def network(penguins, train):
    return train(data=penguins.id, learner="network", epochs=8)


@pytest.fixture(scope="module")
def regression(penguins, train):
    return train(data=penguins.id, learner="logistic_regression")


@pytest.fixture(scope="module")
def forest(penguins, train):
    return train(data=penguins.id, learner="random_forest", trees=20)


@pytest.fixture(scope="module")
def boosting(penguins, train):
    return train(data=penguins.id, learner="gradient_boosting", trees=40)


@pytest.fixture(scope="module")
def reloaded(probe, tuned, halved, unhappy, network, regression, forest, boosting):
    """What a fresh process finds in the saved models."""
    ids = [run.id for run in (probe, tuned, halved, unhappy, network, regression, forest, boosting)]
    done = subprocess.run([sys.executable, RELOAD, *ids], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


ALL = ("probe", "tuned", "halved", "unhappy", "crossed", "network", "regression", "forest", "boosting")
KEPT = ("probe", "tuned", "halved", "unhappy", "network", "regression", "forest", "boosting")


@pytest.mark.parametrize("name", ALL)
def test_a_run_succeeds_and_says_what_it_was_made_with(name, request):
    run = request.getfixturevalue(name)
    assert run.state == "succeeded", runs.read_log(run.id)
    assert run.failure is None
    assert {"start", "import", "embed", "fit", "evaluate", "save"} <= set(run.seconds)
    assert run.environment["libraries"]["keras"] != "not installed"
    assert run.environment["hardware"]["threads"] == 2
    assert run.started <= run.finished
    assert runs.read_events(run.id)[-1].phase == "succeeded"
    headline = json.loads((runs.run_folder(run.id) / "metrics.json").read_text())["headline"]
    assert headline == run.metrics
    assert run.metrics["accuracy_low"] <= run.metrics["accuracy"] <= run.metrics["accuracy_high"]


@pytest.mark.parametrize("name", ["probe", "tuned", "network", "regression", "forest", "boosting"])
def test_predictions_are_probabilities_of_the_parts_that_were_not_trained_on(name, request):
    run = request.getfixturevalue(name)
    rows, version = runs.read_predictions(run.id), get_version(DataRef.parse(run.spec.data))
    columns = [f"p:{c}" for c in version.classes]
    assert list(rows.columns) == ["id", "path", "part", "fold", "label", "predicted", *columns]
    p = rows[columns].to_numpy()
    assert np.allclose(p.sum(axis=1), 1, atol=1e-5) and (p >= 0).all()
    assert (rows["predicted"] == np.array(version.classes)[p.argmax(axis=1)]).all()
    for part in ("validation", "test"):
        counted = rows[rows["part"] == part]["label"].value_counts().to_dict()
        assert counted == {c: n for c, n in version.counts[part].items() if n}
    assert set(rows["part"]) == {"validation", "test"}


def test_the_headline_is_the_accuracy_on_the_test_samples(probe, network):
    for run in (probe, network):
        rows = runs.read_predictions(run.id).query("part == 'test'")
        assert run.metrics["accuracy"] == pytest.approx((rows["label"] == rows["predicted"]).mean())
        assert run.metrics["n_test"] == len(rows)


def test_with_folds_every_sample_is_judged_once_and_no_model_is_kept(crossed, textures):
    rows = runs.read_predictions(crossed.id)
    assert len(rows) == textures.n == rows["id"].nunique()
    assert set(rows["fold"]) == {1, 2, 3}
    assert set(rows["part"]) == {"test"}
    assert not list(runs.run_folder(crossed.id).glob("model*"))
    assert {"accuracy_mean", "accuracy_deviation"} <= set(crossed.metrics)
    assert "l2" not in crossed.metrics, "each fold chose its own"
    folds = {e.phase.split(" · ")[0] for e in runs.read_events(crossed.id) if e.values}
    assert folds == {"fold 1 of 3", "fold 2 of 3", "fold 3 of 3"}


@pytest.mark.parametrize("name", KEPT)
def test_the_saved_model_gives_the_stored_predictions_in_a_fresh_process(name, request, reloaded):
    assert reloaded[request.getfixturevalue(name).id]["off"] < 1e-3


def test_fine_tuning_moves_kernels_of_the_last_blocks_alone_and_no_batch_norm_statistic(tuned, reloaded):
    found = reloaded[tuned.id]
    assert len(found["norms"]) > 40
    assert found["moved"] == []
    assert 0 < len(found["tuned"]) < len(found["kernels"])


def test_a_linear_probe_leaves_the_whole_backbone_as_it_was(probe, reloaded):
    assert reloaded[probe.id]["moved"] == reloaded[probe.id]["tuned"] == []


def test_the_guard_keeps_the_frozen_head_and_says_so(unhappy, reloaded):
    assert any("kept" in note and "worse" in note for note in unhappy.notes)
    assert unhappy.metrics["stage_two_kept"] == 0
    assert unhappy.metrics["validation_loss"] == pytest.approx(unhappy.metrics["stage_one_validation_loss"], abs=1e-3)
    assert reloaded[unhappy.id]["tuned"] == []


def test_equal_seeds_give_equal_predictions_and_others_do_not(textures, penguins, train, probe, network):
    for first in (probe, network):
        again = train(**(first.spec.model_dump() | {"name": None}))
        pd.testing.assert_frame_equal(runs.read_predictions(first.id), runs.read_predictions(again.id))
    other = train(data=penguins.id, learner="network", epochs=8, seed=1)
    a, b = (runs.read_predictions(run.id).filter(like="p:").to_numpy() for run in (network, other))
    assert not np.array_equal(a, b)


@pytest.mark.parametrize("name", ALL)
def test_spec_json_repeats_the_run(name, request):
    run = request.getfixturevalue(name)
    spec = TrainingSpec.model_validate_json((runs.run_folder(run.id) / "spec.json").read_text())
    assert spec == run.spec.request()
    assert resolve_request(spec) == run.spec
    assert queue.enqueue(spec).test_hash == run.test_hash


def test_the_second_run_reads_embeddings_from_the_cache(probe, textures, train, lab):
    again = train(data=textures.id, strategy="linear_probe", image_size=SIZE)
    assert any("Embeddings by" in note for note in probe.notes)
    assert not any("Embeddings by" in note for note in again.notes)


def test_curves_stand_in_the_events(probe, tuned, network):
    for run in (probe, tuned, network):
        values = [e.values for e in runs.read_events(run.id) if e.values]
        assert values and all({"val_loss", "val_accuracy"} <= set(v) for v in values)
        assert all(("l2" in v) != ({"loss", "accuracy"} <= set(v)) for v in values), "a penalty tried, or an epoch"


def test_a_loss_that_is_no_number_fails_with_a_remedy(penguins, train):
    run = train(data=penguins.id, learner="network", learning_rate=1e30)
    assert (run.state, run.failure.kind) == ("failed", "not_a_number")
    assert run.failure.hint
    assert not (runs.run_folder(run.id) / "predictions.parquet").exists()
    assert runs.read_events(run.id)[-1].phase == "failed"


def test_a_dataset_that_is_gone_fails_with_its_name(lab):
    run = runs.create_run(
        ResolvedSpec(data="gone@abc", learner="network"), name="a", dataset="gone", version="abc", test_hash="", n=1
    )
    runs.update_run(run.id, state="starting", started=now())
    worker.execute_run(run.id)
    run = runs.get_run(run.id)
    assert (run.state, run.failure.kind) == ("failed", "not_found")
    assert "gone" in run.failure.message


@pytest.mark.parametrize("state", ["queued", "cancelled", "succeeded"])
def test_a_run_that_waits_for_no_worker_is_left_alone(lab, state):
    spec = ResolvedSpec(data="x@abc")
    run = runs.create_run(spec, name="a", dataset="x", version="abc", test_hash="", n=1)
    before = runs.update_run(run.id, state=state)
    worker.execute_run(run.id)
    assert runs.get_run(run.id) == before
    runs.delete_run(run.id)


def test_a_worker_told_to_end_in_the_middle_of_training_ends_cancelled(penguins):
    run = queue.submit(TrainingSpec(data=penguins.id, learner="network", epochs=1000, batch_size=1))

    def wait_for(what):
        deadline = time.monotonic() + 120
        while not what(runs.get_run(run.id)):
            assert time.monotonic() < deadline, runs.read_log(run.id)
            time.sleep(0.05)
        return runs.get_run(run.id)

    at_work = wait_for(lambda now: now.epoch > 0)
    os.kill(at_work.pid, signal.SIGTERM)
    ended = wait_for(lambda now: now.ended)
    assert (ended.state, ended.failure) == ("cancelled", None), runs.read_log(run.id)
    assert ended.seconds["fit"] > 0
    assert not list(runs.run_folder(run.id).glob("model*"))


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "out_of_memory"),
        (ResourceExhaustedError("OOM when allocating"), "out_of_memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (RuntimeError("(sqlite3.OperationalError) database or disk is full"), "disk_full"),
        (OSError(errno.EACCES, "Permission denied"), "internal"),
        (ValueError("x" * 1000), "internal"),
    ],
)
def test_every_exception_becomes_a_sentence_with_a_remedy(error, kind):
    failure = worker.diagnose(error)
    assert failure.kind == kind
    assert failure.message and failure.hint and len(failure.message) <= 300


def test_every_error_of_grafts_own_has_a_kind_that_a_run_can_bear():
    own = [x for x in vars(errors).values() if isinstance(x, type) and issubclass(x, GraftError)]
    assert len(own) > 5
    for error in own:
        Failure(kind=error.kind, message="a")


@pytest.fixture(scope="module")
def pretrained(textures):
    """Every weight of the untouched tiny backbone by layer and place."""
    from core.models.networks import build_backbone

    return _weights(build_backbone(tiny_backbone.place(), SIZE))


def _weights(model):
    import keras

    return {
        (layer.name, i): keras.ops.convert_to_numpy(w) for layer in model.layers for i, w in enumerate(layer.weights)
    }


@pytest.mark.parametrize("strategy", ["gradual_unfreeze", "l2_sp", "fine_tune", "from_scratch"])
def test_further_strategies_move_what_they_say_and_the_saved_network_predicts_the_same(
    strategy, textures, train, pretrained, monkeypatch
):
    import keras

    monkeypatch.setattr("core.transfer.parameters.tail.is_no_worse", lambda before, after: True)
    tuning = {"epochs": 2} if strategy == "from_scratch" else {"fine_tune_epochs": 2, "unfreeze": 2}
    run = train(data=textures.id, strategy=strategy, image_size=SIZE, batch_size=16, **tuning)
    assert run.state == "succeeded", runs.read_log(run.id)
    model = keras.saving.load_model(runs.run_folder(run.id) / "model.keras", compile=False)
    found = {key: w for key, w in _weights(model).items() if key in pretrained}
    assert len(found) == len(pretrained)
    moved = {key[0] for key, w in found.items() if not np.array_equal(w, pretrained[key])}
    if strategy == "from_scratch":
        assert len(moved) > 0.9 * len({key[0] for key in pretrained})
    else:
        assert moved
        assert not any("bn" in name for name in moved)
        assert all(name.startswith(("block_3", "block_4", "head")) for name in moved), moved
    rows = runs.read_predictions(run.id)
    images = DatasetImages(textures.id)
    x = np.stack([np.array(Image.fromarray(images.image(i)).resize((SIZE, SIZE), 2)) for i in rows["id"]])
    stored = rows[[f"p:{c}" for c in textures.classes]].to_numpy()
    assert np.abs(model.predict(x.astype("float32"), verbose=0) - stored).max() < 1e-3


def test_a_stronger_pull_leaves_l2_sp_nearer_to_its_source(textures, train, pretrained, monkeypatch):
    import keras

    monkeypatch.setattr("core.transfer.parameters.tail.is_no_worse", lambda before, after: True)
    away = []
    for pull in (0.0, 1.0, 100.0):
        run = train(
            data=textures.id,
            strategy="l2_sp",
            pull=pull,
            image_size=SIZE,
            batch_size=16,
            fine_tune_epochs=3,
            unfreeze=2,
        )
        model = keras.saving.load_model(runs.run_folder(run.id) / "model.keras", compile=False)
        found = _weights(model)
        away.append(sum(float(((found[key] - w) ** 2).sum()) for key, w in pretrained.items()))
    assert away[0] > away[1] > away[2] > 0
    assert away[2] < 0.5 * away[0]


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """A workspace on a disk of 8 MB."""
    home = tmp_path / "small"
    home.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", home], capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    monkeypatch.setenv("GRAFT_HOME", str(home))
    monkeypatch.setenv("GRAFT_MIN_FREE_MB", "0")
    yield home
    subprocess.run(["umount", "--lazy", home], check=True)


def test_a_run_that_fills_the_disk_still_says_so(small_disk, monkeypatch, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("size,kind\n" + "\n".join(f"{i * i},{'ab'[i % 2]}" for i in range(40)))
    dataset = import_data(path, target="kind", name="rows").dataset
    record = queue.enqueue(TrainingSpec(data=dataset.id))
    runs.update_run(record.id, state="starting", started=now())

    def fill(run, recorder):
        with (runs.run_folder(run.id) / "large").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(2**14))

    monkeypatch.setattr(worker, "_train", fill)
    worker.execute_run(record.id)
    run = runs.get_run(record.id)
    assert run.state == "failed"
    assert run.failure.kind == "disk_full"
