"""A folder picked in the browser is shown, imported in the background, and the page goes on by itself."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]


def test_a_picked_folder_becomes_a_dataset_by_itself(visit: Callable[..., Page], tmp_path: Path) -> None:
    folder = tmp_path / "My drawings"
    for name in ("birds", "flowers"):
        (folder / name).mkdir(parents=True)
        for path in sorted((ROOT / "samples" / "clipart" / name).glob("*.webp"))[:12]:
            shutil.copy(path, folder / name)
    page = visit()
    page.get_by_role("button", name="Pick a folder").click()
    page.locator("input[type=file][webkitdirectory]").set_input_files(folder)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("button", name="Train on this")).to_be_visible(timeout=60_000)
    assert "dataset=my-drawings" in page.url
    expect(page.get_by_text("24 images").first).to_be_visible()
