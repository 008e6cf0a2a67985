"""Devices that runs may train on: the CPU and the NVIDIA GPUs that the driver reports, and their assignment to runs.

GPUs are listed by `nvidia-smi`, so that no deep-learning library has to be imported. A run's record names its device
as `cpu`, `gpu:0` or `gpu:0,1`; a run that is starting or running has it, any other has none.
"""

import csv
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from functools import lru_cache

from core.errors import InputError
from core.methods.learners import get_learner
from core.schemas import Frozen, ResolvedSpec, RunRecord
from core.settings import get_settings

log = logging.getLogger(__name__)

CPU = "cpu"
KEPT_SECONDS = 2  # how long an answer of the driver is cached
ANSWER_SECONDS = 10
FIELDS = ("index", "uuid", "name", "memory.total", "memory.used", "utilization.gpu")


class Gpu(Frozen):
    """The current state of a GPU: memory in MB, utilisation in percent; None where the driver does not report it."""

    index: int
    uuid: str
    name: str
    memory: float | None
    memory_used: float | None
    use: float | None


class Capacity(Frozen):
    """The devices for all runs together: GPUs by number, the most that one run may use, and CPU slots."""

    gpus: tuple[int, ...]
    together: int
    slots: int
    where: str = "this machine"


def local_capacity() -> Capacity:
    """The devices for runs on this machine."""
    there = tuple(gpu.index for gpu in gpus())
    return Capacity(gpus=there, together=len(there), slots=get_settings().slots)


def gpus() -> tuple[Gpu, ...]:
    """The GPUs that Graft may use, in the driver's order; none where there is no driver or it fails.

    `InputError` when GRAFT_DEVICES names one that the driver does not report.
    """
    allowed = get_settings().devices.strip()
    if allowed in ("", CPU, "-1"):
        return ()
    there = driver_report()[0]
    if allowed == "all":
        return there
    by_name = {str(gpu.index): gpu for gpu in there} | {gpu.uuid: gpu for gpu in there}
    names = [name.strip() for name in allowed.split(",")]
    for name in names:
        if name not in by_name:
            known = ", ".join(str(gpu.index) for gpu in there) or "none"
            raise InputError(
                f"GRAFT_DEVICES names GPU “{name}”, and the driver reports {known}.",
                "Set GRAFT_DEVICES to cpu, all or some of those, such as 0,1.",
            )
    return tuple(by_name[name] for name in dict.fromkeys(names))


def driver_report() -> tuple[tuple[Gpu, ...], str]:
    """All GPUs of the machine, and the driver's error if it fails."""
    program = shutil.which("nvidia-smi")
    return _query_driver(program, int(time.monotonic() / KEPT_SECONDS)) if program else ((), "")


@lru_cache(maxsize=4)
def _query_driver(program: str, _moment: int) -> tuple[tuple[Gpu, ...], str]:
    command = [program, f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stdout", None) or str(error)
        trouble = str(said).strip().splitlines()[0]
        log.warning("The NVIDIA driver gave no answer: %s", trouble)
        return (), trouble
    rows = csv.reader(done.stdout.splitlines(), skipinitialspace=True)
    return tuple(
        Gpu(index=int(i), uuid=uuid, name=name, memory=_number(all_), memory_used=_number(used), use=_number(use))
        for i, uuid, name, all_, used, use in rows
    ), ""


def _number(text: str) -> float | None:
    """A number reported by the driver; None for “[N/A]” and the like."""
    try:
        return float(text)
    except ValueError:
        return None


def gpus_needed(spec: ResolvedSpec, there: int) -> int:
    """How many GPUs a run uses on a machine with `there` of them; 0 for a CPU slot.

    Only networks train on a GPU; they do so if there is one, unless the spec says otherwise.
    """
    if spec.device == CPU or (spec.learner and "device" not in get_learner(spec.learner).uses):
        return 0
    return spec.gpus or (1 if there or spec.device == "gpu" else 0)


def choose_device(spec: ResolvedSpec, room: Capacity, at_work: Sequence[RunRecord]) -> str | None:
    """The device that a run would get now, given the running ones; None while it has to wait.

    `InputError` when there will never be enough GPUs for it.
    """
    n = gpus_needed(spec, len(room.gpus))
    if n > room.together:
        raise InputError(
            f"The run wants {n} GPU{'s' * (n > 1)}, and {room.where} has {room.together or 'none'} for it.",
            "Choose the CPU or fewer GPUs; `python -m core doctor` lists them.",
        )
    if n == 0:
        busy = sum(not gpu_indices(run.device) for run in at_work)
        return CPU if busy < room.slots else None
    taken = {index for run in at_work for index in gpu_indices(run.device)}
    free = [index for index in room.gpus if index not in taken]
    return f"gpu:{','.join(map(str, free[:n]))}" if len(free) >= n else None


def gpu_indices(device: str) -> tuple[int, ...]:
    """The GPUs in a record's `device`."""
    return tuple(int(i) for i in device.removeprefix("gpu:").split(",")) if device.startswith("gpu:") else ()


def describe_device(device: str) -> str:
    """“CPU”, “GPU 0”, “GPU 0 and 1”."""
    return f"GPU {' and '.join(map(str, gpu_indices(device)))}" if gpu_indices(device) else "CPU"


def confine_to_device(device: str) -> None:
    """Restrict this process, a worker, to its run's device. CUDA reads this on first use."""
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # the driver's order
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, gpu_indices(device))) or "-1"
