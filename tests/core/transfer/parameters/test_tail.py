"""The last blocks learn the same whether the frozen ones before them ran once or at every step."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.methods.backbones import get_backbone
from core.models.networks import build_backbone, split_network
from core.schemas import ResolvedSpec
from core.transfer.features.trained_head import new_head
from core.transfer.fitting.fit import fit
from core.transfer.fitting.weighing import one_hot
from core.transfer.parameters import tail
from tests.core.transfer.conftest import Recorder

pytestmark = pytest.mark.training
SIZE, SAMPLES = 64, 36
TOLD = "every image passes through them in every epoch"


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


def problem(recorder: Recorder) -> Any:
    """Three colours, the last twelve images to choose by."""
    rng = np.random.default_rng(0)
    labels = np.arange(SAMPLES) % 3
    images = rng.integers(0, 80, (SAMPLES, SIZE, SIZE, 3)).astype("uint8")
    images[np.arange(SAMPLES), :, :, labels] += 150
    backbone = get_backbone("efficientnet_lite0")

    def network() -> Any:
        return build_backbone(backbone, SIZE)

    spec = ResolvedSpec(
        data="colours",
        strategy="fine_tune",
        epochs=10,
        fine_tune_epochs=3,
        batch_size=8,
        learning_rate=1e-2,
        fine_tune_learning_rate=1e-3,
        unfreeze=2,
        dropout=0.0,
        l2=0.0,
        precision="float32",
        seed=0,
    )
    return SimpleNamespace(
        resolved=spec,
        classes=("red", "green", "blue"),
        targets=one_hot(labels, 3),
        train=np.arange(24),
        validation=np.arange(24, 36),
        n_train=24,
        judged=np.arange(24, 36),
        embeddings=lambda: network().predict(images, verbose=0),
        activations=lambda cut: split_network(network(), cut)[0].predict(images, verbose=0),
        images=lambda: images,
        features=backbone.features,
        kept=None,
        network=network,
        recorder=recorder,
        fit=fit,
    )


def test_without_room_for_activations_the_network_learns_the_same(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To rounding, which Adam makes larger: a weight with next to no gradient moves by the sign of it."""
    made = problem(recorder)
    said, learnt = [], []
    for room in (0.5, 0.0):
        monkeypatch.setattr(tail, "MEMORY_SHARE", room)
        recorder.decisions.clear()
        opened = tail.open_tail(made, new_head(made))
        assert any(TOLD in note for note in recorder.notes) == (room == 0)
        said.append(opened.model.predict(opened.x, verbose=0))
        tail.tune_tail(made, opened, "head and last blocks")
        learnt.append(opened.model.predict(opened.x, verbose=0))
    np.testing.assert_allclose(said[1], said[0], atol=1e-4)
    moved = np.abs(learnt[0] - said[0]).mean()
    assert moved > 0.05
    assert np.abs(learnt[1] - learnt[0]).mean() < moved / 20


def test_a_resumed_run_cuts_where_it_had_cut(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its checkpoint is of that network, however much memory is free by then."""
    made = problem(recorder)
    first = tail.open_tail(made, new_head(made))
    monkeypatch.setattr(tail, "MEMORY_SHARE", 0.0)
    assert tail.open_tail(made, new_head(made)).x.shape == first.x.shape


def test_what_is_frozen_stays_so_where_it_runs_at_every_step(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MEMORY_SHARE", 0.0)
    made = problem(recorder)
    before = made.network().get_weights()
    opened = tail.open_tail(made, new_head(made))
    tail.tune_tail(made, opened, "head and last blocks")
    changed = [not np.array_equal(a, b) for a, b in zip(before, opened.network.get_weights(), strict=True)]
    assert any(changed[-20:]) and not any(changed[:100])
