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

from benchmarks.harness import Benchmark, Rounds, in_turns
from core.jobs import queue, warm
from core.schemas import TrainingSpec
from core.store import runs

ROOT = Path(__file__).parents[1]
BENCHMARK = Benchmark(
    name="starting",
    what="from Start to the first event that has processed samples, with a waiting worker",
    opponent="the same without a waiting worker",
    unit="s",
    goal="1.5 s and 6 s",
    minutes=3,
)


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


def main() -> Rounds:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ |= {"GRAFT_HOME": folder, "GRAFT_WARM_MINUTES": "5"}
        subprocess.run(
            [sys.executable, "-m", "core", "import", "sample:clipart"], cwd=ROOT, check=True, capture_output=True
        )
        start(home)  # makes OpenVINO's form of the network

        def with_worker() -> float:
            queue.warm_up()
            while not warm._ready():
                time.sleep(0.1)
            time.sleep(1)
            return start(home)

        found = in_turns(BENCHMARK, with_worker, lambda: start(home), rounds)
        sides = {"with": [r.ours for r in found.rounds], "without": [r.theirs for r in found.rounds]}
        for name, taken in sides.items():
            print(f"{name} a waiting worker: median {statistics.median(taken):.2f} s, worst {max(taken):.2f} s")
        return found


if __name__ == "__main__":
    main()
