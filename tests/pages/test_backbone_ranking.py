"""The fold “Which backbone?” on Train: a ranking is asked for, read, and its word taken."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.advice.transferability.record import BackboneRanking, RankedBackbone
from core.jobs import tasks
from core.methods.pretrained import BACKBONES
from core.schemas import DatasetRecord
from core.store import files
from tests.support import prepared

ROOT = Path(__file__).parents[2]
PROBES = {"efficientnet_lite0": 0.70, "efficientnet_lite1": 0.90, "efficientnet_lite2": 0.92}


@pytest.fixture
def dataset(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetRecord:
    """The clip art; a task of ranking is done as soon as it is started, and prefers the second backbone."""

    def start(kind: str, title: str, **params: object) -> tasks.TaskRecord:
        assert kind == "rank"
        record = tasks.TaskRecord(id="ranked", kind=kind, title=title, params=params, state="succeeded")
        tasks.task_folder(record.id).mkdir(parents=True, exist_ok=True)
        found = ranking(str(params["data"])).model_dump(mode="json")
        files.write_json(tasks.task_folder(record.id) / "result.json", found)
        tasks.write_task(record)
        return record

    monkeypatch.setattr(tasks, "start", start)
    return prepared.sample("clipart")


def ranking(data: str) -> BackboneRanking:
    ranked = [
        RankedBackbone(
            name=name,
            title=BACKBONES[name].title,
            image_size=224,
            cost=0.4 + place,
            logme=-0.1,
            hscore=2.0,
            probe=probe,
            probe_ci=(probe - 0.05, probe + 0.05),
            seconds=1.5,
        )
        for place, (name, probe) in enumerate(PROBES.items())
    ]
    return BackboneRanking(
        data=data,
        n=240,
        of=240,
        folds=5,
        backbones=tuple(reversed(ranked)),
        recommended="efficientnet_lite1",
        tau={"probe": 1.0, "logme": None},
        tau_runs="two_stage, 3 runs on 3 backbones",
        notes=("1 of your own networks was trained on this dataset and left out.",),
    )


def open_page(dataset: DatasetRecord) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["dataset"] = dataset.id
    app.session_state["which-backbone"] = True
    app.switch_page("pages/train.py")
    app.run()
    assert not app.exception
    return app


def click(app: AppTest, label: str) -> AppTest:
    app = next(b for b in app.button if b.label == label).click().run()
    assert not app.exception
    return app


def test_the_recommended_backbone_is_told_and_taken(dataset: DatasetRecord) -> None:
    app = open_page(dataset)
    assert any("Tries every installed backbone" in m.value for m in app.markdown)
    app = click(app, "Rank them")
    told = " ".join(m.value for m in app.markdown).replace("\\", "")
    assert "**EfficientNet-Lite1** is recommended" in told
    assert "the best, EfficientNet-Lite2 (92.0%)" in told
    assert "probe +1.00, LogME –" in told
    assert any("left out" in c.value for c in app.caption)
    assert app.radio(key="train-backbone").value == "efficientnet_lite0"
    assert click(app, "Use it").radio(key="train-backbone").value == "efficientnet_lite1"


def test_a_folded_ranking_costs_nothing(dataset: DatasetRecord) -> None:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["dataset"] = dataset.id
    app.switch_page("pages/train.py")
    app.run()
    assert not any(b.label == "Rank them" for b in app.button)
