"""A card and a report tell what is known of a run, also when its data are gone, and nothing in them is run."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest

from core.evaluation.scores import format_interval, judged_rows, score_predictions
from core.export.exporting import export_run
from core.export.formats import FORMATS, export_obstacle
from core.schemas import DatasetRecord, RunRecord
from core.store import runs
from core.store.datasets import delete_dataset
from tests.core.training.conftest import lab, penguins, train

__all__ = ["lab", "penguins", "train"]
pytestmark = pytest.mark.training
WRITTEN = {"card": "card.md", "report": "report.html"}


def told(run: RunRecord, name: str, folder: Path) -> str:
    (folder / WRITTEN[name]).unlink(missing_ok=True)
    export_run(run.id, name, folder / WRITTEN[name])
    return unescape((folder / WRITTEN[name]).read_text("utf-8")).replace("\\", "")


def test_what_is_told(penguins: DatasetRecord, train: Callable[..., RunRecord], tmp_path: Path) -> None:
    run = train(data=penguins.id, learner="logistic_regression", name="<script>alert(1)</script> [x](y)")
    rows = judged_rows(runs.read_predictions(run.id))
    found = score_predictions(rows, penguins.classes)
    texts = {name: told(run, name, tmp_path) for name in WRITTEN}
    for text in texts.values():
        for each in found.per_class:
            assert each.name in text and format_interval(each.recall, *each.recall_ci) in text
        assert penguins.name in text and penguins.licence in text and "class weights" in text
    for line in found.confusion:
        assert all(re.search(rf">{n or ''}</td>", texts["report"]) for n in line)
    page = (tmp_path / WRITTEN["report"]).read_text("utf-8")
    assert "<script" not in page and not re.search(r"(src|href)=|url\(|@import", page)
    assert "[x](y)" not in (tmp_path / WRITTEN["card"]).read_text("utf-8")
    assert "<svg" in page and "prefers-color-scheme" in page
    delete_dataset(penguins.id)
    for name in WRITTEN:
        assert export_obstacle(run, FORMATS[name]) == ""
        assert "no longer here" in told(run, name, tmp_path)
    for name in ("script", "bundle"):
        assert "deleted" in export_obstacle(run, FORMATS[name])
