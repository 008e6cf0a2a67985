"""Seconds from *Start* to a run's first event that has processed samples, with a waiting worker and without.

`python -m benchmarks.starting [N]`: linear probes on the clip art with the embeddings made anew each time, in turns.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from core.jobs import queue, warm  # noqa: E402
from core.schemas import TrainingSpec  # noqa: E402
from core.store import runs  # noqa: E402


def start(home: Path) -> float:
    shutil.rmtree(home / "cache" / "embeddings", ignore_errors=True)
    begun = time.monotonic()
    run = queue.submit(TrainingSpec(data="clip-art", epochs=5))
    while not any(event.epoch for event in runs.read_events(run.id)):
        assert not runs.get_run(run.id).ended, runs.get_run(run.id).failure
        time.sleep(0.01)
    seconds = time.monotonic() - begun
    while not runs.get_run(run.id).ended:
        time.sleep(0.05)
    time.sleep(0.5)
    return seconds


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ |= {"GRAFT_HOME": folder, "GRAFT_WARM_MINUTES": "5"}
        subprocess.run(
            [sys.executable, "-m", "core", "import", "sample:clipart"], cwd=ROOT, check=True, capture_output=True
        )
        start(home)  # makes OpenVINO's form of the network
        found: dict[str, list[float]] = {"waiting worker": [], "none": []}
        for _ in range(rounds):
            queue.warm_up_worker()
            while not warm._ready():
                time.sleep(0.1)
            time.sleep(1)
            found["waiting worker"].append(start(home))
            found["none"].append(start(home))
        for name, seconds in found.items():
            print(f"{name}: median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s")


if __name__ == "__main__":
    main()
