"""Killed workers: nothing is lost but the epoch at work, and the end is that of an undisturbed run."""

import os
import signal
import time

import numpy as np
import pytest

from core.jobs import queue
from core.schemas import TrainingSpec
from core.store import runs

pytestmark = pytest.mark.training
SPEC = {"strategy": "two_stage", "image_size": 64, "batch_size": 8, "fine_tune_epochs": 6, "unfreeze": 2}


def wait(run_id, until):
    for _ in range(1200):
        queue.reconcile_runs()
        run = runs.get_run(run_id)
        if until(run):
            return run
        time.sleep(0.05)
    raise AssertionError(f"it stayed {run.state} in {run.phase}: {runs.read_log(run_id)}")


def probabilities(run):
    return runs.read_predictions(run.id).filter(like="p:").to_numpy()


@pytest.fixture(scope="module")
def undisturbed(textures):
    run = queue.submit(TrainingSpec(data=textures.id, name="undisturbed", **SPEC))
    return wait(run.id, lambda r: r.ended)


def epochs(run):
    """The epochs that a run told; solving a head has none, and is done again after a kill."""
    return [(e.phase, e.epoch) for e in runs.read_events(run.id) if "loss" in e.values]


def test_a_killed_run_resumes_where_it_was(textures, undisturbed):
    assert undisturbed.state == "succeeded", runs.read_log(undisturbed.id)
    run = queue.submit(TrainingSpec(data=textures.id, **SPEC))
    working = wait(run.id, lambda r: r.phase.startswith("stage 2") and r.epoch >= 1)
    os.kill(working.pid, signal.SIGKILL)
    stopped = wait(run.id, lambda r: r.ended)
    assert (stopped.state, stopped.failure.kind) == ("interrupted", "killed")

    queue.resume(run.id)
    resumed = wait(run.id, lambda r: r.ended)
    assert resumed.state == "succeeded", runs.read_log(run.id)
    assert np.allclose(probabilities(resumed), probabilities(undisturbed), atol=1e-4)
    told, whole = epochs(run), epochs(undisturbed)
    assert sorted(set(told)) == sorted(whole)
    assert len(told) <= len(whole) + 1
    assert not (runs.run_folder(run.id) / "checkpoint").exists()


def test_finishing_now_evaluates_the_best_epoch_so_far(textures):
    run = queue.submit(TrainingSpec(data=textures.id, **SPEC | {"fine_tune_epochs": 200}))
    wait(run.id, lambda r: r.phase.startswith("stage 2") and r.epoch >= 1)
    queue.finish_early(run.id)
    ended = wait(run.id, lambda r: r.ended)
    assert ended.state == "succeeded", runs.read_log(run.id)
    assert any("Finished early" in note for note in ended.notes)
    assert 0 < len(epochs(run)) < 200
