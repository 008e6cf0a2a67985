"""A live server with an empty workspace, and headless Chromium to use it as a person would."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import psutil
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.support import forking

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
expect.set_options(timeout=30_000)  # a busy machine draws late; nothing here is about speed
WIDE, NARROW = ViewportSize(width=1600, height=1000), ViewportSize(width=380, height=800)


class Server:
    """Graft on a free port of this machine, started as `make run` starts it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.home.parent / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "core", "serve", "--port", str(self.port)],
                cwd=ROOT,
                env=os.environ | {"GRAFT_HOME": str(self.home)},
                stdout=log,
                stderr=log,
            )
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("The server did not answer: " + (self.home.parent / "server.log").read_text())

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def json(self, *command: str) -> str:
        """What `python -m core COMMAND --json` prints for this server's workspace."""
        done = forking.graft(*command, "--json", GRAFT_HOME=str(self.home))
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    home = tmp_path / "workspace"
    home.mkdir()
    server = Server(home)
    server.start()
    yield server
    server.stop()
    for process in psutil.process_iter(["cmdline", "environ"]):
        if (process.info["environ"] or {}).get("GRAFT_HOME") == str(home):
            process.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("The browser tests need Chromium: apt-get install chromium", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """A function that opens a path of the app in a new window."""
    contexts = []

    def open_(path: str = "/", viewport: ViewportSize = WIDE, scheme: Literal["light", "dark"] = "light") -> Page:
        context = browser.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(server.url + path)
        return page

    yield open_
    for context in contexts:
        context.close()
