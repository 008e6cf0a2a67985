"""Script time of the Runs page with 1,000 runs: opened, filtered, sorted, paged.

`python -m benchmarks.runs_page`: the runs are records of finished runs with 40 epochs each; nothing is trained.
"""

import os
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from streamlit.testing.v1 import AppTest

from benchmarks.harness import Benchmark
from core.schemas import Event, ResolvedSpec, now
from core.store import runs

ROOT = Path(__file__).parents[1]
BENCHMARK = Benchmark(
    name="runs_page",
    what="the Runs page with 1,000 runs: opened, sorted, searched, paged, filtered",
    minutes=3,
)

RUNS, EPOCHS, ROUNDS = 1_000, 40, 20
QUERIES: tuple[dict[str, str], ...] = (
    {},
    {"order": "best"},
    {"words": "run 77"},
    {"page": "20"},
    {"state": "failed"},
)


def make() -> None:
    for i in range(RUNS):
        spec = ResolvedSpec(data="d@v", strategy="linear_probe", backbone="efficientnet_lite0")
        run = runs.create_run(spec, name=f"run {i}", dataset=f"d{i % 7}", version="v", test_hash="t", n=300)
        for epoch in range(1, EPOCHS + 1):
            values = {"val_accuracy": epoch / EPOCHS, "accuracy": 0.9}
            runs.append_event(run.id, Event(phase="head", epoch=epoch, epochs=EPOCHS, values=values))
        score = {"accuracy": (i % 97) / 97, "accuracy_low": 0.0, "accuracy_high": 1.0}
        state = "failed" if i % 9 == 0 else "succeeded"
        runs.update_run(run.id, state=state, metrics=score, started=now(), finished=now() + timedelta(seconds=9))


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"GRAFT_HOME": home, "GRAFT_WARM_MINUTES": "0"}
        make()
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
        app.switch_page("pages/runs.py")
        app.run()
        for query in QUERIES:
            for name in ("order", "words", "page", "state"):
                app.query_params.pop(name, None)
            for name, value in query.items():
                app.query_params[name] = value
            seconds = []
            for _ in range(ROUNDS):
                begun = time.perf_counter()
                app.run()
                seconds.append(1000 * (time.perf_counter() - begun))
            assert not app.exception, app.exception
            worst = statistics.quantiles(seconds[1:], n=20)[-1]
            print(f"{query or 'opened'}: median {statistics.median(seconds[1:]):.0f} ms, 95 % {worst:.0f} ms")


if __name__ == "__main__":
    main()
