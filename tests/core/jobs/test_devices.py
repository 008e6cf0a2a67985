"""Devices of a made-up machine: who gets which GPU, when, and what a run is refused."""

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from core.errors import InputError
from core.jobs import devices, local, queue
from core.schemas import RunRecord, TrainingSpec
from core.store import runs
from tests.core.jobs.sleeping import FOREVER, Sleepers, all_ended, until


def submit(dataset: str, **spec: object) -> RunRecord:
    return queue.submit(TrainingSpec.model_validate({"data": dataset, "learner": "network", **spec}))


def device(run: RunRecord) -> str:
    return runs.get_run(run.id).device


def test_the_driver_is_read(machine: Callable[..., None]) -> None:
    machine(2)
    first, second = devices.gpus()
    assert (first.index, first.name, first.memory, first.memory_used, first.use) == (
        0,
        "NVIDIA Made-up",
        81559,
        12,
        7,
    )
    assert (second.index, second.use) == (1, None)


@pytest.mark.parametrize(
    ("allowed", "there"), [("all", [0, 1, 2]), ("cpu", []), ("", []), ("-1", []), ("2,0", [2, 0]), ("GPU-1", [1])]
)
def test_the_allowed_ones_can_be_chosen(machine, monkeypatch, allowed, there):
    machine(3)
    monkeypatch.setenv("GRAFT_DEVICES", allowed)
    assert [gpu.index for gpu in devices.gpus()] == there


def test_what_cuda_may_see_is_respected_unless_graft_is_told(machine, monkeypatch):
    machine(3)
    monkeypatch.delenv("GRAFT_DEVICES")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert [gpu.index for gpu in devices.gpus()] == [1]


def test_a_gpu_that_is_not_there_is_named(machine, monkeypatch):
    machine(1)
    monkeypatch.setenv("GRAFT_DEVICES", "0,4")
    with pytest.raises(InputError, match=r"“4”, and the driver reports 0\."):
        devices.gpus()


def test_a_driver_that_fails_means_no_gpu_and_says_why(machine):
    machine(2, script="echo 'NVIDIA-SMI has failed'; exit 9")
    assert devices.gpus() == ()
    assert devices.driver_report()[1] == "NVIDIA-SMI has failed"


def test_without_a_driver_there_is_none_and_nothing_is_wrong(machine):
    machine(None)
    assert devices.driver_report() == ((), "")


def test_every_gpu_has_one_run_and_the_processor_its_own(dataset, sleepers, machine):
    machine(2)
    sleepers(FOREVER)
    made = [submit(dataset.id, seed=i) for i in range(3)]
    made.append(submit(dataset.id, device="cpu"))
    made.append(submit(dataset.id, learner="random_forest"))
    assert [device(run) for run in made] == ["gpu:0", "gpu:1", "", "cpu", ""]
    queue.cancel(made[1].id)
    assert device(made[2]) == "gpu:1"
    queue.cancel(made[3].id)
    assert device(made[4]) == "cpu"


def test_a_run_on_two_gpus_waits_for_both_and_is_not_overtaken(dataset, sleepers, machine):
    machine(2)
    sleepers(FOREVER)
    first, second = submit(dataset.id), submit(dataset.id)
    wide = submit(dataset.id, gpus=2)
    behind = submit(dataset.id)
    beside = submit(dataset.id, device="cpu")
    queue.cancel(first.id)
    assert [device(run) for run in (wide, behind, beside)] == ["", "", "cpu"]
    queue.cancel(second.id)
    assert [device(run) for run in (wide, behind)] == ["gpu:0,1", ""]
    queue.cancel(wide.id)
    assert device(behind) == "gpu:0"


def test_what_the_machine_does_not_have_is_refused(dataset, sleepers, machine):
    machine(1)
    sleepers(FOREVER)
    for spec, said in (({"gpus": 2}, "wants 2 GPUs, and this machine has 1"), ({"device": "cpu", "gpus": 1}, "CPU")):
        with pytest.raises(InputError, match=said):
            submit(dataset.id, **spec)
    with pytest.raises(InputError, match="does not apply to Random forest"):
        submit(dataset.id, learner="random_forest", device="gpu")
    machine(None)
    with pytest.raises(InputError, match="wants 1 GPU, and this machine has none"):
        submit(dataset.id, device="gpu")
    assert runs.list_runs() == []


def test_a_gpu_that_is_lost_fails_the_run_that_waited_for_it_and_no_other(dataset, sleepers, machine):
    machine(1)
    sleepers(FOREVER)
    first = submit(dataset.id)
    lost, other = submit(dataset.id, device="gpu"), submit(dataset.id)
    machine(None)
    queue.cancel(first.id)
    assert runs.get_run(lost.id).state == "failed"
    assert "this machine has none" in runs.get_run(lost.id).failure.message
    assert device(other) == "cpu"


def _submit_three(number: int, dataset: str, diary: Path) -> None:
    local.start_worker = Sleepers(diary, worked=0.2).start
    for i in range(2):
        submit(dataset, seed=number * 10 + i)

    def is_empty() -> bool:
        queue.dispatch()
        return len(runs.list_runs()) == 6 and all_ended()

    until(is_empty)


def test_six_runs_from_three_processes_share_two_gpus_one_each(dataset, machine, tmp_path, at_once):
    machine(2)
    diary = tmp_path / "diary"
    at_once(_submit_three, dataset.id, diary, n=3)
    arrived = list(reversed(runs.list_runs()))
    assert {run.state for run in arrived} == {"succeeded"}
    assert {run.device for run in arrived} == {"gpu:0", "gpu:1"}
    assert [run.id for run in sorted(arrived, key=lambda run: run.started)] == [run.id for run in arrived]
    for index in (0, 1):
        spans = sorted((run.started, run.finished) for run in arrived if run.device == f"gpu:{index}")
        assert all(ended <= begun for (_, ended), (begun, _) in pairwise(spans))


SEES = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['CUDA_DEVICE_ORDER'])"


@pytest.mark.parametrize(("device", "seen"), [("gpu:1", "1"), ("gpu:0,3", "0,3"), ("cpu", "-1")])
def test_a_worker_sees_its_own_device_alone(device, seen):
    program = f"from core.jobs import devices; devices.confine_to_device({device!r}); {SEES}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=local.ROOT)
    assert done.stdout.split() == [seen, "PCI_BUS_ID"], done.stderr


WAITS = """
from core.jobs import warm
from core.training.worker import process as worker
warm.wait_for_run = lambda parent: "handed"
print(worker.wait_for_work("1-1"))
from tensorflow.python.eager import context
print(context.context()._initialized, context.context()._physical_devices is None)
"""


@pytest.mark.training
def test_a_waiting_worker_touches_no_gpu(workspace, machine):
    machine(2)
    done = subprocess.run(
        [sys.executable, "-c", WAITS], capture_output=True, text=True, cwd=local.ROOT, env=os.environ
    )
    assert done.stdout.splitlines()[-2:] == ["handed", "False True"], done.stderr[-2000:]
