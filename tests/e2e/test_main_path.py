"""The main job by clicks alone: from an empty workspace to two models side by side."""

import io
import json
import re
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import NARROW, ROOT, WIDE, Server

pytestmark = pytest.mark.browser
LONG = 240_000


class Clicks:
    """Counts the clicks on the way."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.n = 0

    def button(self, name: str, timeout: int = 60_000) -> None:
        self.on(self.page.get_by_role("button", name=name).first, timeout)

    def on(self, target: Locator, timeout: int = 60_000) -> None:
        expect(target).to_be_enabled(timeout=timeout)
        target.click()
        self.n += 1


def click_cell(page: Page, row: int, column: int, size: int) -> None:
    """A real mouse click into the middle of a cell of the first confusion matrix on the page."""
    area = page.locator(".js-plotly-plot .nsewdrag").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * (column + 0.5) / size, box["y"] + box["height"] * (row + 0.5) / size)


def settled(page: Page) -> None:
    """Wait until the app has drawn everything."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=60_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def biggest_cell(server: Server, run: str) -> tuple[int, int, int]:
    """Row and column of the cell with most test samples, and the number of classes."""
    confusion = json.loads(server.json("evaluate", run))["confusion"]
    return max(
        ((r, c, len(confusion)) for r in range(len(confusion)) for c in range(len(confusion))),
        key=lambda cell: confusion[cell[0]][cell[1]],
    )


def cell_title(server: Server, run: str, row: int, column: int) -> re.Pattern[str]:
    """What stands over the images of a clicked cell."""
    scores = json.loads(server.json("evaluate", run))
    true, predicted = scores["classes"][row], scores["classes"][column]
    what = "found" if row == column else f"taken for {predicted}"
    return re.compile(f"^{true} {what}: {scores['confusion'][row][column]} of ")


def test_from_a_sample_to_two_models_side_by_side(server: Server, visit: Callable[..., Page]) -> None:
    page = visit()
    clicks = Clicks(page)
    clicks.button("Try the clip-art sample")
    clicks.button("Train on this")
    clicks.button("Start")
    clicks.button("See how good it is", timeout=LONG)
    expect(page.get_by_text(re.compile(r"Right on \d+ of \d+ test images"))).to_be_visible()
    assert clicks.n == 4
    first = json.loads(server.json("runs"))["runs"][0]
    row, column, size = biggest_cell(server, first["run"])
    settled(page)
    click_cell(page, row, column, size)
    expect(page.get_by_text(cell_title(server, first["run"], row, column))).to_be_visible()
    expect(page.get_by_test_id("stImage").first).to_be_visible()

    clicks.button("Try fine-tuning")
    clicks.button("Compare", timeout=LONG)
    expect(page.get_by_text(re.compile(r"is better than|No difference shown")).first).to_be_visible()
    assert clicks.n == 6
    settled(page)
    assert "runs=" in page.url


def test_from_an_uploaded_zip_to_two_models_on_a_telephone(
    server: Server, visit: Callable[..., Page], tmp_path: Path
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for folder in ("birds", "flowers", "fruit"):
            for path in sorted((ROOT / "samples" / "clipart" / folder).glob("*.webp"))[:20]:
                zipped.write(path, f"mine/{folder}/{path.name}")
        zipped.writestr("mine/birds/broken.png", b"no picture")
    page = visit(viewport=NARROW)
    expect(page.get_by_role("button", name="Try the clip-art sample")).to_be_visible()
    page.locator("input[type=file]").first.set_input_files(
        {"name": "mine.zip", "mimeType": "application/zip", "buffer": archive.getvalue()}
    )
    clicks = Clicks(page)
    clicks.on(page.get_by_role("button", name="Import", exact=True))
    clicks.button("Train on this")
    clicks.button("Start")
    clicks.button("See how good it is", timeout=LONG)
    expect(page.get_by_text(re.compile(r"Right on \d+ of \d+ test images"))).to_be_visible()
    settled(page)
    run = json.loads(server.json("runs"))["runs"][0]
    row, column, size = biggest_cell(server, run["run"])
    click_cell(page, row, column, size)
    expect(page.get_by_text(cell_title(server, run["run"], row, column))).to_be_visible()
    clicks.button("Try fine-tuning")
    clicks.button("Compare", timeout=LONG)
    expect(page.get_by_text(re.compile(r"is better than|No difference shown")).first).to_be_visible()


def test_a_run_outlives_the_tab_and_the_server(server: Server, visit: Callable[..., Page]) -> None:
    server.json("import", "sample:clipart")
    page = visit("/train?dataset=clip-art")
    page.get_by_role("button", name="Start").first.click()
    expect(page.get_by_role("button", name="Cancel").first).to_be_visible()
    page.context.close()
    server.stop(signal.SIGKILL)
    server.start()
    again = visit("/train?dataset=clip-art")
    expect(again.get_by_text(re.compile("linear probe")).first).to_be_visible()
    run = json.loads(server.json("runs"))["runs"][0]
    evaluated = visit(f"/train?dataset=clip-art&run={run['run']}", viewport=WIDE)
    expect(evaluated.get_by_role("button", name="See how good it is").first).to_be_visible(timeout=LONG)
