"""The full check of a version, of images or of a table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.data.findings.saved import VersionCheck
from core.schemas import DataRef, VersionRecord
from core.store.datasets import get_dataset, get_version


def check_task(params: dict[str, Any], _folder: Path, progress: Callable[..., None]) -> dict[str, Any]:
    """Task `check`: run the full check on the version named by `params["data"]`."""
    check = check_version(get_version(DataRef.parse(params["data"])), progress)
    return {"findings": len(check.findings)}


def check_version(version: VersionRecord, progress: Callable[..., None] = lambda *_: None) -> VersionCheck:
    """Run the full check on a version, save the findings in its folder, and return them.

    `progress` is called with (done, total, description). `WeightsError` if a backbone's weights are missing.
    """
    if get_dataset(version.dataset).kind == "table":
        from core.training.tables.check import check_table

        return check_table(version, progress)
    from core.training.images.check import check_images

    return check_images(version, progress)
