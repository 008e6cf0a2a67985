"""The range test: between learning nothing and divergence, from training samples alone, and without a trace."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.methods.rate_search import RateSearch, suggest_rate
from core.schemas import DatasetRecord, TrainingSpec
from tests.core.transfer.conftest import Recorder

pytestmark = pytest.mark.training


def find(folder: Path, rate: str, **spec: Any) -> RateSearch:
    from core.training.learning_rate_test import range_test_task

    return RateSearch.model_validate(range_test_task({"rate": rate, "spec": spec}, folder, lambda *_: None))


@pytest.fixture
def rows(penguins: DatasetRecord) -> Any:
    """The training problem of the penguins."""
    from core.methods.plan import resolve_request
    from core.training.tables.task import TableTask

    spec = resolve_request(TrainingSpec(data=penguins.id, learner="network"))
    task = TableTask(spec, Recorder(Path()))  # type: ignore[arg-type]
    problem, _ = task.problem(task.splits[0])
    return problem


def network(problem: Any) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((problem.x.shape[1],)),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


def test_it_lies_between_learning_nothing_and_divergence_and_the_network_is_as_before(rows: Any) -> None:
    import keras

    from core.training.learning_rate_test import run_range_test
    from core.transfer.fitting.fit import Batches

    x, y, train = rows.x, rows.targets, rows.train
    y[::5] = np.roll(y[::5], 1, axis=1)  # wrong labels, for which a step too large has to pay
    model = network(rows)
    before = model.get_weights()
    found = run_range_test(model, Batches(x, y, train, 32, np.ones(len(y)), 0, 0), rows.resolved)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert found.diverged and found.rates[0] < found.suggestion < found.rates[-1]

    def after_two_epochs(rate: float) -> float:
        fresh = network(rows)
        fresh.compile(keras.optimizers.Adam(rate), "categorical_crossentropy")
        start = fresh.evaluate(x[train], y[train], verbose=0)
        fresh.fit(x[train], y[train], epochs=2, verbose=0)
        return float(fresh.evaluate(x[train], y[train], verbose=0) / start)

    assert after_two_epochs(found.rates[0]) > 0.95, "nothing is learnt at the lowest rate"
    assert after_two_epochs(found.suggestion) < 0.8
    assert after_two_epochs(30 * found.rates[-1]) > 1, "it diverges beyond the highest"


def test_rows_that_a_table_run_is_judged_on_change_nothing(
    penguins: DatasetRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training.tables.task import TableTask

    whole = TableTask.problem

    def spoilt(task: TableTask, parts: Any) -> Any:
        problem, preparation = whole(task, parts)
        x = np.full_like(problem.x, np.nan)
        x[problem.train] = problem.x[problem.train]
        return replace(problem, x=x), preparation

    found = find(tmp_path, "learning_rate", data=penguins.id, learner="network")
    monkeypatch.setattr(TableTask, "problem", spoilt)
    again = find(tmp_path, "learning_rate", data=penguins.id, learner="network")
    np.testing.assert_allclose(again.losses[:60], found.losses[:60], rtol=1e-3)
    assert again.suggestion == found.suggestion


def test_with_a_source_it_is_the_rate_for_the_target_alone(penguins: DatasetRecord, tmp_path: Path) -> None:
    asked = {"data": penguins.id, "learner": "network"}
    carried = asked | {"source": ("elsewhere",), "strategy": "pretraining", "target_labels": "used"}
    assert find(tmp_path, "learning_rate", **carried) == find(tmp_path, "learning_rate", **asked)


def test_of_images_with_a_source_it_is_the_rate_of_a_head_that_is_trained(
    textures: DatasetRecord, tmp_path: Path
) -> None:
    carried = {"source": ("elsewhere",), "strategy": "deep_alignment", "alignment_weight": 2.0, "epochs": 5}
    found = find(tmp_path, "learning_rate", data=textures.id, backbone="efficientnet_lite0", **carried)
    assert 1e-6 < found.suggestion < 10


@pytest.mark.parametrize(
    ("rate", "settings"),
    [
        ("learning_rate", {"strategy": "textbook", "epochs": 5}),
        ("fine_tune_learning_rate", {"strategy": "two_stage", "unfreeze": 2}),
    ],
)
def test_images_that_a_run_is_judged_on_are_not_looked_at(
    textures: DatasetRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: str, settings: dict[str, object]
) -> None:
    from core.training.images.task import ImageTask

    whole = ImageTask.problem

    def spoilt(task: ImageTask, parts: Any) -> Any:
        problem = whole(task, parts)

        def of_training(x: np.ndarray) -> np.ndarray:
            kept = np.full_like(x, np.nan)
            kept[problem.train] = x[problem.train]
            return kept

        return replace(
            problem,
            embeddings=lambda: of_training(problem.embeddings()),
            activations=lambda cut: of_training(problem.activations(cut)),
            judged=np.arange(0),
        )

    monkeypatch.setattr(ImageTask, "problem", spoilt)
    found = find(tmp_path, rate, data=textures.id, image_size=64, **settings)
    assert np.isfinite(found.losses).all() and len(found.losses) > 30
    assert found.rates[0] <= found.suggestion < found.rates[-1]


@pytest.mark.parametrize("place", [40, 60, 80])
def test_the_steepest_fall_is_found_under_noise(place: int) -> None:
    rates = np.geomspace(1e-6, 1, 120)
    losses = 1 / (1 + np.exp((np.arange(120) - place) / 6)) + np.random.default_rng(0).normal(0, 0.02, 120)
    found = suggest_rate(rates.tolist(), losses.tolist(), False)
    assert found.rule == "steepest" and rates[place - 6] < found.suggestion < rates[place + 6]


def test_where_nothing_is_left_to_learn_it_is_a_decade_below_the_minimum() -> None:
    rates = np.geomspace(1e-6, 1, 120)
    losses = 0.5 - 0.02 * np.exp(-(((np.arange(120) - 80) / 10) ** 2))
    found = suggest_rate(rates.tolist(), losses.tolist(), False)
    assert found.rule == "decade" and found.suggestion == pytest.approx(rates[80] / 10, rel=0.1)
