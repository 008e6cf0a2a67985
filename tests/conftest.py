"""What every test shares: a workspace of its own."""

from pathlib import Path

import pytest


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace in a temporary folder, named by `GRAFT_HOME` for this process and those it starts."""
    home = tmp_path / "workspace"
    home.mkdir()
    monkeypatch.setenv("GRAFT_HOME", str(home))
    return home
