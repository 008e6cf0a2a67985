"""“What helps?” in the Domain tab: asked for, read, and the method taken to Train."""

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.advice.domain.comparing import compare_domains
from core.advice.domain.record import Remedies, Remedy
from core.jobs import tasks
from core.schemas import DataRef, DatasetRecord
from core.store import files
from tests.pages.test_source_ranking import click, opened, tables


@pytest.fixture
def data(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, DatasetRecord]:
    """Two tables; tasks are done as soon as they are started, and transport is found to help."""

    def start(kind: str, title: str, **params: Any) -> tasks.TaskRecord:
        record = tasks.TaskRecord(id=kind, kind=kind, title=title, params=params, state="succeeded")
        folder = tasks.task_folder(record.id)
        folder.mkdir(parents=True, exist_ok=True)
        source, target = params["source"], params["target"]
        if kind == "distance":
            result = compare_domains(DataRef.parse(source), DataRef.parse(target), folder=folder).model_dump(
                mode="json"
            )
        else:
            result = judgement(source, target).model_dump(mode="json")
        files.write_json(folder / "result.json", result)
        tasks.write_task(record)
        return record

    monkeypatch.setattr(tasks, "start", start)
    return tables(tmp_path, "here", "there")


def tried(source: str, target: str) -> Remedies:
    helps = {"domain_auc": 0.5, "accuracy": 0.8, "gain": 0.1, "gain_ci": (0.04, 0.16)}
    return Remedies(
        source=source,
        target=target,
        n_source=48,
        n=48,
        domain_auc=0.9,
        accuracy=0.7,
        accuracy_ci=(0.6, 0.8),
        remedies=(
            Remedy(strategy="feature_alignment", title="Feature alignment", method="optimal_transport", **helps),
            Remedy(strategy="instance_weighting", title="Instance weighting", method="kliep", note="No overlap."),
        ),
    )


judgement = tried  # a test may put another in its place


def asked(data: dict[str, DatasetRecord]) -> AppTest:
    app = click(opened("data", dataset=data["here"].id, tab="Domain"), "Compare")
    return click(app, "Try the methods")


def test_methods_are_told_before_and_after_and_the_best_is_taken_to_train(data: dict[str, DatasetRecord]) -> None:
    app = asked(data)
    told = " ".join(m.value for m in app.markdown)
    assert "**Feature alignment: Optimal transport** helps" in told
    assert "+10.0 points (4.0 to 16.0)" in told
    table = next(d.value for d in app.dataframe if "Effective samples" in d.value)
    assert table["Method"].iloc[0] == "The source as it is"
    assert list(table["Domain AUC"])[:2] == [0.9, 0.5]
    assert list(table["Note"])[2] == "No overlap."
    app = click(app, "Train with it")
    assert app.multiselect(key="train-source").value == [f"{data['there'].id}@{data['there'].version}"]
    assert app.radio(key="train-carrying").value == "feature_alignment"
    assert app.radio(key="option-method").value == "optimal_transport"


def test_that_no_method_helps_is_said_without_a_way_to_train_with_one(
    data: dict[str, DatasetRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsure(source: str, target: str) -> Remedies:
        found = tried(source, target)
        wide = found.remedies[0].model_copy(update={"gain_ci": (-0.01, 0.2)})
        return found.model_copy(update={"remedies": (wide, found.remedies[1])})

    monkeypatch.setattr(f"{__name__}.judgement", unsure)
    app = asked(data)
    assert "**No method is shown to help**" in " ".join(m.value for m in app.markdown)
    assert not any(b.label == "Train with it" for b in app.button)
