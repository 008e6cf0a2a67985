"""Runs combined into one: it says what it should, is a run as any other, and refuses what does not fit together."""

from collections.abc import Callable

import joblib
import numpy as np
import pytest

from core.data.versions import load_samples, next_version
from core.errors import InputError, NotFoundError
from core.evaluation.comparison import compare_predictions
from core.evaluation.scores import judged_rows
from core.inference.predicting.model import load_model
from core.jobs import queue
from core.methods.backbones import backbone_of_run
from core.methods.combinations import get_members
from core.schemas import DataRef, DatasetRecord, Recipe, RunRecord, Step, TrainingSpec
from core.store import runs
from core.store.datasets import get_version
from core.training.ensembles.mixture import mixture_weights
from core.training.version_images import VersionImages
from tests.core.training.conftest import lab, penguins, textures, train

__all__ = ["lab", "penguins", "textures", "train"]
pytestmark = pytest.mark.training
Train = Callable[..., RunRecord]


@pytest.fixture(scope="module")
def of_images(textures: DatasetRecord, train: Train) -> list[RunRecord]:
    """Two heads on one backbone and size, and one at another size."""
    return [
        train(data=textures.id, image_size=64, seed=1),
        train(data=textures.id, image_size=64, seed=2),
        train(data=textures.id, image_size=96),
    ]


@pytest.fixture(scope="module")
def of_tables(penguins: DatasetRecord, train: Train) -> list[RunRecord]:
    return [train(data=penguins.id, learner=learner) for learner in ("logistic_regression", "network")]


def together(train: Train, members: list[RunRecord], strategy: str = "voting") -> RunRecord:
    run = train(data=members[0].spec.data, strategy=strategy, members=tuple(m.id for m in members))
    assert run.state == "succeeded", run.failure
    return run


def probabilities(run: RunRecord, part: str = "test") -> np.ndarray:
    table = runs.read_predictions(run.id).query(f"part == '{part}'").sort_values("id")
    return table.filter(like="p:").to_numpy()


def weights(members: list[RunRecord]) -> np.ndarray:
    tables = [runs.read_predictions(m.id).query("part == 'validation'").sort_values("id") for m in members]
    columns = tables[0].filter(like="p:").columns
    truth = tables[0]["label"].map({c.removeprefix("p:"): i for i, c in enumerate(columns)}).to_numpy()
    return mixture_weights(np.stack([t[columns].to_numpy() for t in tables]), truth)


def test_tables_vote_with_the_weights_of_their_validation_rows(of_tables, train):
    run = together(train, of_tables)
    wanted = np.tensordot(weights(of_tables), np.stack([probabilities(m) for m in of_tables]), 1)
    assert np.abs(probabilities(run) - wanted).max() < 1e-5
    assert run.metrics["n_test"] == of_tables[0].metrics["n_test"]


def test_the_saved_vote_of_tables_says_the_same(of_tables, train):
    run = together(train, of_tables)
    model = load_model(run.id)
    cells = model._known()[1]
    assert len(cells)
    table = runs.read_predictions(run.id).query("part == 'validation'").set_index("id")
    every = model.probabilities(model._known()[0])
    known = dict(zip(model.ids, every, strict=True))
    for name, row in table.filter(like="p:").iterrows():
        assert np.abs(known[name] - row.to_numpy()).max() < 1e-6


def test_images_of_two_sizes_vote_in_one_network_that_says_what_it_said(of_images, textures, train):
    members = [of_images[0], of_images[2]]
    run = together(train, members)
    assert run.spec.image_size == 96
    model = load_model(run.id)
    table = runs.read_predictions(run.id).query("part == 'test'")
    samples = load_samples(DataRef(dataset=run.dataset, version=run.version)).set_index("id", drop=False)
    said = model.probabilities(VersionImages(textures, samples.loc[table["id"]].reset_index(drop=True)))
    assert np.abs(said - table.filter(like="p:").to_numpy()).max() < 1e-5
    assert np.allclose(probabilities(run).sum(axis=1), 1)


@pytest.mark.parametrize("strategy", ["voting", "plain_mean", "majority_vote"])
def test_validation_images_get_what_the_members_said_of_them_before_they_learnt_from_them(of_images, train, strategy):
    members = [of_images[0], of_images[2]]
    run = together(train, members, strategy)
    said = np.stack([probabilities(member, "validation") for member in members])
    if strategy == "majority_vote":
        said = np.eye(said.shape[2])[said.argmax(axis=2)]
    shares = weights(members) if strategy == "voting" else [0.5, 0.5]
    assert np.abs(probabilities(run, "validation") - np.tensordot(shares, said, 1)).max() < 0.01


def test_one_size_votes_the_weighted_mean(of_images, train):
    members = of_images[:2]
    run = together(train, members)
    wanted = np.tensordot(weights(members), np.stack([probabilities(m) for m in members]), 1)
    assert np.abs(probabilities(run) - wanted).max() < 1e-4


def test_a_soup_is_never_worse_on_validation_than_its_best_member(textures, train):
    tuning = {"strategy": "fine_tune", "image_size": 64, "fine_tune_epochs": 2, "unfreeze": 1}
    members = [train(data=textures.id, seed=seed, **tuning) for seed in (1, 2)]
    run = together(train, members, "weight_averaging")
    assert "validation images through each network" in {event.phase for event in runs.read_events(run.id)}
    assert run.metrics["validation_loss"] <= min(m.metrics["validation_loss"] for m in members) + 1e-4
    assert (runs.run_folder(run.id) / "model.keras").stat().st_size < 1.2 * (
        runs.run_folder(members[0].id) / "model.keras"
    ).stat().st_size


def test_an_ensemble_stays_when_its_members_are_deleted_and_is_compared_as_any_run(of_tables, penguins, train):
    again = train(data=penguins.id, learner="logistic_regression", seed=3)
    run = together(train, [again, of_tables[1]])
    runs.delete_run(again.id)
    assert len(load_model(run.id).classes) == 3
    assert (
        len(compare_predictions({r.id: judged_rows(runs.read_predictions(r.id)) for r in (run, of_tables[0])})) == 2
    )
    assert joblib.load(runs.run_folder(run.id) / "model.joblib").weights


def test_what_does_not_fit_together_is_refused_in_a_sentence(of_images, of_tables, penguins, train):
    def refused(members: list[str], strategy: str | None, says: str) -> None:
        before = len(runs.list_runs())
        with pytest.raises(InputError, match=says):
            queue.submit(TrainingSpec(data=penguins.id, strategy=strategy, members=tuple(members)))
        assert len(runs.list_runs()) == before

    a, b, c = (run.id for run in of_images)
    refused([a], "voting", "1 run cannot be combined")
    refused([a, a], "voting", "1 run cannot be combined")
    refused([a, of_tables[0].id], "voting", "other data or another split")
    refused([a, c], "weight_averaging", "differ in image size")
    refused([a, b], "weight_averaging", "has learnt from the validation images")
    refused([r.id for r in of_tables], "weight_averaging", "does not combine runs on a table")
    refused([a, b], "linear_probe", "does not combine runs")
    folded = train(data=penguins.id, learner="logistic_regression", folds=2)
    refused([folded.id, of_tables[0].id], "voting", "cross-validated")
    with pytest.raises(NotFoundError):
        get_members((a, "nothing"), "voting")
    other = next_version(get_version(DataRef(dataset=penguins.id)), Recipe(steps=(Step(kind="drop_duplicates"),)))
    elsewhere = train(data=f"{penguins.id}@{other.id}", learner="logistic_regression")
    refused([elsewhere.id, of_tables[0].id], "voting", "other data or another split")


def test_an_ensemble_is_no_source_of_another_run(of_images, train):
    with pytest.raises(InputError, match="no network to start from"):
        backbone_of_run(together(train, of_images[:2]))
