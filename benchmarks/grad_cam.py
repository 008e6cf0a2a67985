"""Where a network looks, on 12 clip-art images: the first time, and with the process waiting (goal: 2 s)."""

import os
import tempfile
import time

from benchmarks.harness import Benchmark
from core.data.importing import import_sample
from core.jobs import queue, tasks
from core.schemas import TrainingSpec
from core.store import runs

BENCHMARK = Benchmark(
    name="grad_cam",
    what=("where a network looks, 12 clip-art images through EfficientNet-Lite0, result and nearest images included"),
    minutes=3,
)


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        os.environ["GRAFT_HOME"] = home
        run = queue.submit(TrainingSpec(data=import_sample("clipart").dataset.id))
        while not runs.get_run(run.id).ended:
            time.sleep(0.2)
        judged = runs.read_predictions(run.id).query("part == 'test'").head(12)
        classes = dict(zip(judged["id"], judged["predicted"], strict=True))
        for method in ("gradient", "gradient", "gradient", "occlusion"):
            begun = time.perf_counter()
            task = tasks.start("explain", "benchmark", run=run.id, classes=classes, method=method)
            while not tasks.get(task.id).ended:
                time.sleep(0.02)
            print(f"{method}: {time.perf_counter() - begun:.2f} s, {tasks.get(task.id).state}")


if __name__ == "__main__":
    main()
