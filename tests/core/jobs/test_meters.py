"""What a run uses is that of all its processes; how fast it goes is in its events."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from core.jobs import meters
from core.schemas import Event, ResolvedSpec, RunRecord, now

# A parent that only waits, and a child with 100 MB that counts, but not for ever: a test that is killed leaves it.
BUSY = """
import time
x = bytearray(10**8)
print("on", flush=True)
end = time.time() + 30
while time.time() < end: pass
"""
FAMILY = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


def test_work_and_memory_of_a_child_count() -> None:
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            before = meters.process_usage(process.pid)
            time.sleep(0.5)
            after = meters.process_usage(process.pid)
        finally:
            # Not by the command `kill`, which in procps 4.0.2 reads -1234 as -1: every process there is.
            os.killpg(process.pid, signal.SIGKILL)
    assert before is not None and after is not None
    assert len(after.seconds) == 2
    assert after.memory > 10**8
    used = meters.processor_load(before, after)
    assert used is not None and 0 < used < 1.5


def test_what_runs_beside_a_process_does_not_count() -> None:
    with subprocess.Popen(["sleep", "30"]) as one, subprocess.Popen(["sleep", "30"]) as other:
        try:
            found = meters.process_usage(one.pid)
        finally:
            one.kill()
            other.kill()
    assert found is not None and set(found.seconds) == {one.pid}


def test_a_process_that_has_gone_uses_nothing() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert meters.process_usage(process.pid) is None


def run(phase: str, epoch: int) -> RunRecord:
    spec = ResolvedSpec(data="a@b")
    return RunRecord(id="r", name="r", dataset="a", version="b", spec=spec, state="running", phase=phase, epoch=epoch)


def event(phase: str, seconds: float, epoch: int = 0, values: bool = True) -> Event:
    told = {"loss": 1.0} if values else {}
    return Event(time=now() + timedelta(seconds=seconds), phase=phase, epoch=epoch, epochs=100, values=told)


def test_the_speed_is_that_of_the_last_epochs_of_the_phase() -> None:
    events = [event("head", -60, 9), event("tune", -10, values=False), event("tune", -8, 1), event("tune", -4, 3)]
    assert meters.samples_per_second(run("tune", 3), events, n=50) == pytest.approx(50 * 2 / 4, rel=1e-3)
    assert meters.samples_per_second(run("tune", 1), events[:3], n=50) is None
    assert meters.samples_per_second(run("save", 0), events, n=50) is None


def test_where_samples_are_counted_the_speed_is_theirs() -> None:
    events = [event("images", -11, 0, values=False), event("images", -10, 8, values=False)]
    assert meters.samples_per_second(run("images", 208), events, n=50) == pytest.approx(20, rel=0.1)
    assert meters.samples_per_second(run("images", 8), events, n=50) is None
