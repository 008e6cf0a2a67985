"""What the server process may not do, looked at from outside while it works."""

import json
from collections.abc import Callable

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Server

pytestmark = pytest.mark.browser
HEAVY = ("tensorflow", "keras", "torch", "jax", "openvino")
PAGES = ("/", "/data", "/train", "/runs", "/evaluate")


def test_no_deep_learning_library_is_ever_loaded(server: Server, visit: Callable[..., Page]) -> None:
    server.json("import", "sample:clipart")
    server.json("train", "clip-art", "--wait")
    for path in PAGES:
        page = visit(path)
        expect(page.get_by_role("heading").first).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)
    assert server.process is not None
    # Every compiled module that a process has loaded stands in its memory map, and all of these have some.
    loaded = {m.path for m in psutil.Process(server.process.pid).memory_maps()}
    assert not [p for p in loaded if any(f"/{name}/" in p for name in HEAVY)]


def test_resident_memory_with_the_sample_loaded_stays_under_400_mb(
    server: Server, visit: Callable[..., Page]
) -> None:
    dataset = json.loads(server.json("import", "sample:clipart"))["dataset"]
    for path in (f"/data?dataset={dataset}", f"/train?dataset={dataset}", "/"):
        page = visit(path)
        expect(page.get_by_role("heading").first).to_be_visible()
    assert server.process is not None
    assert psutil.Process(server.process.pid).memory_info().rss < 400e6


@pytest.mark.parametrize("path", PAGES[1:])
def test_a_deep_link_into_a_fresh_server_goes_through_the_entry_point(
    server: Server, visit: Callable[..., Page], path: str
) -> None:
    page = visit(path)
    expect(page.get_by_test_id("stSidebarNav")).to_be_attached()
    expect(page.get_by_role("heading", name=path[1:].capitalize()).first).to_be_visible()
    assert path in page.url
