"""A picture dropped on the predict page gets its three bars."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ROOT, Server

pytestmark = pytest.mark.browser


def test_a_dropped_picture_gets_three_bars(server: Server, visit: Callable[..., Page]) -> None:
    dataset = json.loads(server.json("import", "sample:clipart"))["dataset"]
    run = json.loads(server.json("train", dataset, "--wait"))["run"]
    page = visit(f"/predict?run={run}")
    picture = next((ROOT / "samples" / "clipart" / "birds").glob("*.webp"))
    page.locator("input[type=file]").first.set_input_files(picture)
    expect(page.get_by_text("1 picture:")).to_be_visible(timeout=120_000)
    expect(page.get_by_test_id("stProgress")).to_have_count(3)
