"""Make `docs/screenshot.png` from the real app: python docs/screenshot.py

Trains a linear probe on the clip-art sample in a workspace of its own, opens Evaluate in headless Chromium and clicks
the largest cell off the diagonal.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
PORT = 8517


def graft(*command: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "core", *command, "--json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRAFT_HOME"] = home
        graft("import", "sample:clipart")
        run = graft("train", "clip-art", "--wait")["run"]
        confusion = graft("evaluate", run)["confusion"]
        n = len(confusion)
        wrong = [(row, column) for row in range(n) for column in range(n) if row != column]
        row, column = max(wrong, key=lambda cell: confusion[cell[0]][cell[1]])
        server = subprocess.Popen([sys.executable, "-m", "core", "serve", "--port", str(PORT)], cwd=ROOT)
        try:
            time.sleep(3)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path="/usr/bin/chromium",
                    args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
                )
                page = browser.new_page(viewport={"width": 1440, "height": 1000})
                page.goto(f"http://localhost:{PORT}/evaluate?runs={run}")
                area = page.locator(".js-plotly-plot .nsewdrag").first
                area.wait_for()
                time.sleep(2)
                box = area.bounding_box()
                assert box is not None
                x, y = box["width"] * (column + 0.5) / n, box["height"] * (row + 0.5) / n
                page.mouse.click(box["x"] + x, box["y"] + y)
                time.sleep(3)
                page.mouse.move(5, 5)
                time.sleep(1)
                page.screenshot(path=ROOT / "docs" / "screenshot.png")
                browser.close()
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
