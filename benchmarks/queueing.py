"""50 jobs put into the queue by 5 processes at once: each runs once, in order of arrival, never two on one slot.

`python -m benchmarks.queueing`: the jobs are real runs, a short logistic regression on the penguins.
"""

import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.harness import Benchmark
from core.jobs import queue
from core.store import runs

ROOT = Path(__file__).parents[1]
BENCHMARK = Benchmark(
    name="queueing",
    what="50 runs put into the queue by 5 processes at once",
    minutes=5,
)

PROCESSES, EACH = 5, 10
SUBMIT = (
    "import sys; from core.jobs import queue; from core.schemas import TrainingSpec;"
    "[queue.submit(TrainingSpec(data='penguins', learner='logistic_regression', name=f'{sys.argv[1]}-{i}'))"
    f" for i in range({EACH})]"
)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"GRAFT_HOME": home, "GRAFT_WARM_MINUTES": "0"}
        subprocess.run(
            [sys.executable, "-m", "core", "import", "sample:penguins"], cwd=ROOT, check=True, capture_output=True
        )
        begun = time.monotonic()
        processes = [subprocess.Popen([sys.executable, "-c", SUBMIT, str(i)], cwd=ROOT) for i in range(PROCESSES)]
        assert [process.wait() for process in processes] == [0] * PROCESSES
        while not all(run.ended for run in runs.list_runs()):
            queue.dispatch()
            time.sleep(0.2)
        done = sorted(runs.list_runs(), key=lambda run: run.created)
        seconds = time.monotonic() - begun
        assert len(done) == PROCESSES * EACH
        assert all(run.state == "succeeded" for run in done)
        spans = [(run.started, run.finished) for run in done if run.started and run.finished]
        assert len(spans) == len(done)
        in_order = all(a[0] <= b[0] for a, b in pairwise(spans))
        overlaps = sum(a[1] > b[0] for a, b in pairwise(spans))
        once = all(sum(e.phase == "loading libraries" for e in runs.read_events(run.id)) == 1 for run in done)
        print(f"{len(done)} runs in {seconds:.0f} s; in order {in_order}, each once {once}, overlapping {overlaps}")
        assert in_order and once and not overlaps


if __name__ == "__main__":
    main()
