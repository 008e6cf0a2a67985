"""Runs that are killed at random moments, resumed, and compared with one that was left alone.

`python -m benchmarks.kills [N]`: two-stage runs on the clip art are submitted by a process of its own, which stands
for the server. The worker, that process, or both are ended by SIGKILL at a random moment; in the first trial exactly
while a checkpoint is being written. Then the run is resumed and must end with the undisturbed run's weights.
"""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil

from benchmarks.harness import Benchmark
from core.jobs import queue
from core.schemas import RunRecord, TrainingSpec
from core.store import runs

ROOT = Path(__file__).parents[1]
BENCHMARK = Benchmark(
    name="kills",
    what="20 two-stage runs whose processes are killed at random moments, against an undisturbed run",
    minutes=20,
)

SPEC = {"data": "clip-art", "strategy": "two_stage", "image_size": 96, "epochs": 15, "fine_tune_epochs": 8, "seed": 1}
SERVER = (
    "import sys, time; from core.jobs import queue; from core.schemas import TrainingSpec;"
    "print(queue.submit(TrainingSpec.model_validate_json(sys.argv[1])).id, flush=True); time.sleep(600)"
)
LIMIT = 1e-5
FINISHED = re.compile(r"\d+(\.before)?\.npz")


def served(spec: TrainingSpec) -> tuple["subprocess.Popen[str]", str]:
    """A process that submits the spec and stays, and the run's id."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, spec.model_dump_json()], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert server.stdout
    return server, server.stdout.readline().strip()


def wait_for(run_id: str, seconds: float = 180) -> RunRecord:
    end = time.monotonic() + seconds
    while not (run := runs.get_run(run_id)).ended:
        queue.reconcile()
        assert time.monotonic() < end, f"{run_id} did not end"
        time.sleep(0.1)
    return run


def kill(pid: int | None) -> None:
    if pid and psutil.pid_exists(pid):
        os.kill(pid, signal.SIGKILL)


def until_writing(run_id: str) -> None:
    """Return while a checkpoint is being written: its temporary file is there."""
    folder = runs.run_folder(run_id) / "checkpoint"
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if folder.exists() and any(not FINISHED.fullmatch(path.name) for path in folder.iterdir()):
            return
    raise AssertionError("no checkpoint was seen being written")


def weights(run_id: str) -> list[np.ndarray]:
    import keras

    model = keras.models.load_model(runs.run_folder(run_id) / "model.keras")
    return [np.asarray(w) for w in model.get_weights()]


def repeated(run_id: str) -> int:
    """Epochs that the log shows twice in one phase."""
    seen = Counter((e.phase, e.epoch) for e in runs.read_events(run_id) if e.values)
    return sum(n - 1 for n in seen.values())


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    dice = random.Random(0)
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"GRAFT_HOME": home, "GRAFT_WARM_MINUTES": "0"}
        subprocess.run(
            [sys.executable, "-m", "core", "import", "sample:clipart"], cwd=ROOT, check=True, capture_output=True
        )
        spec = TrainingSpec.model_validate(SPEC)
        for _ in range(2):  # the second finds the embeddings made
            server, alone = served(spec)
            begun = time.monotonic()
            assert wait_for(alone).state == "succeeded"
            seconds = time.monotonic() - begun
            server.kill()
        wanted = weights(alone)
        print(f"undisturbed: {seconds:.1f} s, {len(wanted)} arrays", flush=True)
        worst, most, interrupted = 0.0, 0, 0
        for trial in range(trials):
            what = "worker" if trial == 0 else dice.choice(["worker", "server", "both"])
            server, run_id = served(spec)
            moment = dice.uniform(0.3, 0.95) * seconds
            if trial == 0:
                until_writing(run_id)
            else:
                time.sleep(moment)
            pid = runs.get_run(run_id).pid
            if what in ("server", "both"):
                server.kill()
            if what in ("worker", "both"):
                kill(pid)
            run = wait_for(run_id)
            before = run.state
            if run.state == "interrupted":
                interrupted += 1
                queue.resume(run_id)
                run = wait_for(run_id)
            server.kill()
            server.wait()
            assert run.state == "succeeded", (run.state, run.failure)
            off = max(float(np.abs(a - b).max()) for a, b in zip(wanted, weights(run_id), strict=True))
            twice = repeated(run_id)
            worst, most = max(worst, off), max(most, twice)
            print(f"{trial + 1}: {what} at {moment:.1f} s → {before}, off by {off:.1e}, {twice} repeated", flush=True)
        print(
            f"{trials} kills, {interrupted} interrupted, all resumed; largest difference in a weight {worst:.1e}"
            f" (limit {LIMIT:.0e}), epochs repeated at most {most}"
        )
        assert worst <= LIMIT and most <= 1


if __name__ == "__main__":
    main()
