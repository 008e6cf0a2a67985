"""The main job, measured end to end: python -m benchmarks.main_job

From an empty workspace: how long the first linear probe takes with its parts, the same again with cached embeddings,
five folds on the clip-art sample, both learners on the penguins, and how long the server takes from its start to the
first painted page, with what it holds in memory then. Seconds depend on the machine; scores hardly do.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness import Benchmark

BENCHMARK = Benchmark(
    name="main_job",
    what="the main job, from an empty workspace",
    minutes=3,
)

ROOT = Path(__file__).parents[1]


def graft(*command: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "core", *command, "--json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def timed(name: str, *command: str) -> Any:
    begun = time.perf_counter()
    document = graft(*command)
    seconds = time.perf_counter() - begun
    m = document["metrics"]
    scores = f"accuracy {m['accuracy']:.3f}, macro-F1 {m['macro_f1']:.3f}"
    if "macro_f1_mean" in m:
        scores += f", macro-F1 over folds {m['macro_f1_mean']:.3f} ± {m['macro_f1_deviation']:.3f}"
    print(f"{name}: {seconds:.1f} s, {scores}\n    {document['seconds']}", flush=True)
    return document


def first_paint() -> None:
    """Seconds from starting the server to a painted page, from the first click to a result, and memory then."""
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page()
        begun = time.perf_counter()
        server = subprocess.Popen(
            [sys.executable, "-m", "core", "serve", "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        try:
            while True:
                with socket.socket() as knock:
                    if knock.connect_ex(("localhost", port)) == 0:
                        break
                time.sleep(0.02)
            listening = time.perf_counter() - begun
            page.goto(f"http://localhost:{port}")
            page.get_by_role("button", name="Try the clip-art sample").wait_for()
            painted = time.perf_counter() - begun
            clicked = time.perf_counter()
            for name in ("Try the clip-art sample", "Train on this", "Start", "See how good it is"):
                page.get_by_role("button", name=name).first.click(timeout=120_000)
            page.get_by_text("test images:").first.wait_for()
            evaluated = time.perf_counter() - clicked
            print(f"from the first click to the evaluated model at the fourth: {evaluated:.1f} s")
            memory = psutil.Process(server.pid).memory_info().rss / 1e6
            print(
                f"server: listens after {listening:.1f} s, first page painted after {painted:.1f} s, {memory:.0f} MB"
            )
        finally:
            server.terminate()
            server.wait()
            browser.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        begun = time.perf_counter()
        graft("import", "sample:clipart")
        print(f"import of the clip art: {time.perf_counter() - begun:.1f} s")
        timed("first linear probe", "train", "clip-art", "--preset", "quick", "--wait")
        timed("linear probe again", "train", "clip-art", "--preset", "quick", "--wait", "--seed", "1")
        timed("five folds", "train", "clip-art", "--folds", "5", "--wait")
        timed("two-stage", "train", "clip-art", "--preset", "balanced", "--wait")
        graft("import", "sample:penguins")
        timed("penguins, network", "train", "penguins", "--preset", "quick", "--wait")
        timed("penguins, logistic regression", "train", "penguins", "--learner", "logistic_regression", "--wait")
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        first_paint()


if __name__ == "__main__":
    main()
