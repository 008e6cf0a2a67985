"""From a click on a cell of the confusion matrix to its images, all painted, with 10,000 test images, in Chromium.

`python benchmarks/cell_images.py [--images 12000]`: made-up predictions of CIFAR-10 photos, as `evaluate_page.py`
has them; five cells one after the other.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from evaluate_page import ROOT, dataset, finished
from playwright.sync_api import sync_playwright

CELLS = ((1, 3), (2, 5), (4, 1), (6, 2), (7, 8))
PORT = 8692
SHOWN = "Array.from(document.images).map(i => i.src).join()"
PAINTED = """before => {
    const images = Array.from(document.images);
    return images.length > 2 && images.map(i => i.src).join() !== before
        && images.every(i => i.complete && i.naturalWidth > 0);
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=12_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        run = finished(dataset(Path(home), arguments.images), 0)
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        settings = ["--server.port", str(PORT), "--server.headless", "true"]
        server = subprocess.Popen([*command, *settings], cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            time.sleep(6)
            clicked(run.id)
        finally:
            server.terminate()
            server.wait()


def clicked(run_id: str) -> None:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        page = browser.new_page(viewport={"width": 1600, "height": 1400})
        page.goto(f"http://localhost:{PORT}/evaluate?runs={run_id}")
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
