"""Datasets that many tests begin with: imported once in a process, and copied into each test's workspace."""

import atexit
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from core.schemas import DatasetRecord
from core.settings import get_settings


def dataset(make: Callable[..., DatasetRecord], *arguments: str) -> DatasetRecord:
    """The dataset that `make(folder, *arguments)` imports from files that it puts into an empty folder.

    `make` must be a function of a module, known by its name from one test to the next.
    """
    home, made = _import(make, arguments)
    shutil.copytree(home / "datasets", get_settings().datasets, dirs_exist_ok=True)
    return made


@cache
def _import(make: Callable[..., DatasetRecord], arguments: tuple[str, ...]) -> tuple[Path, DatasetRecord]:
    """The workspace in which the dataset was imported, and its record."""
    temporary = TemporaryDirectory(prefix="graft-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"))
    atexit.register(temporary.cleanup)
    home, folder = (Path(temporary.name, name) for name in ("workspace", "files"))
    home.mkdir()
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRAFT_HOME", str(home))
        return home, make(folder, *arguments)


def sample(name: str) -> DatasetRecord:
    """One of the samples that come with Graft."""
    return dataset(_sample, name)


def _sample(_: Path, name: str) -> DatasetRecord:
    from core.data.importing import import_sample

    return import_sample(name).dataset
