"""From a click on a cell of the confusion matrix to its images, all painted, with 10,000 test images, in Chromium.

`python -m benchmarks.cell_images`: made-up predictions of CIFAR-10 photos, as `evaluate_page.py` has them; five cells
one after the other.
"""

import os
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.evaluate_page import dataset, finished
from benchmarks.harness import Benchmark
from tests.e2e.conftest import CHROMIUM, FLAGS, Server

BENCHMARK = Benchmark(
    name="cell_images",
    what=(
        "from a click on a cell of the confusion matrix to its images, all painted, 10,000 test images, in Chromium"
    ),
    minutes=5,
)

PHOTOS = 12_000  # 10,000 of them are the test part
CELLS = ((1, 3), (2, 5), (4, 1), (6, 2), (7, 8))
SHOWN = "Array.from(document.images).map(i => i.src).join()"
PAINTED = """before => {
    const images = Array.from(document.images);
    return images.length > 2 && images.map(i => i.src).join() !== before
        && images.every(i => i.complete && i.naturalWidth > 0);
}"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        os.environ["GRAFT_HOME"] = str(home)
        run = finished(dataset(home, PHOTOS), 0)
        server = Server(home)
        server.start()
        try:
            click(f"{server.url}/evaluate?runs={run.id}")
        finally:
            server.stop()


def click(address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 1400})
        page.goto(address)
        page.wait_for_selector(".js-plotly-plot .heatmaplayer", timeout=60_000)
        page.wait_for_timeout(3000)
        box = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
        assert box
        for row, column in CELLS:
            x, y = box["x"] + box["width"] * (column + 0.5) / 10, box["y"] + box["height"] * (row + 0.5) / 10
            before = page.evaluate(SHOWN)
            page.mouse.move(x, y)
            begun = time.perf_counter()
            page.mouse.click(x, y)
            page.wait_for_function(PAINTED, arg=before, timeout=10_000, polling=20)
            print(f"cell {row}, {column}: {time.perf_counter() - begun:.2f} s", flush=True)
            page.wait_for_timeout(1500)
        browser.close()


if __name__ == "__main__":
    main()
