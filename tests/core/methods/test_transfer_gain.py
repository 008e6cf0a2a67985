"""Transfer gain: the marks are read off the epochs as defined, and harm is called harm only where it is shown."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.methods.transfer_gain import (
    baseline_of,
    compare_with_baseline,
    describe_gain,
    fair_baseline,
    learning_course,
)
from core.schemas import Event, ResolvedSpec, RunRecord, now
from core.store import files, runs

START = now()


def epochs(values: list[float], training: float = 0.9) -> list[Event]:
    return [
        Event(
            time=START + timedelta(seconds=2 * i),
            phase="head",
            epoch=i,
            values={"val_accuracy": v, "accuracy": training},
        )
        for i, v in enumerate(values, start=1)
    ]


def test_marks_are_read_off_the_epochs() -> None:
    found = learning_course(epochs([0.4, 0.6, 0.8, 0.7]), mark=0.6, began=START)
    assert (found.first, found.best, found.epochs, found.seconds) == (0.4, 0.8, 2, 4.0)
    assert found.gap == pytest.approx(0.1)


def test_a_mark_that_is_never_reached_is_none() -> None:
    found = learning_course(epochs([0.4, 0.5]), mark=0.6, began=START)
    assert found.epochs is None and found.seconds is None
    assert learning_course([], mark=0.5, began=START).epochs is None


def run(
    strategy: str, right: float, values: list[float], test_hash: str = "t", n: int = 200, **settings: int
) -> RunRecord:
    spec = ResolvedSpec.model_validate(
        {"data": "d@v", "strategy": strategy, "epochs": 40, "image_size": 96} | settings
    )
    record = runs.create_run(spec, name=strategy, dataset="d", version="v", test_hash=test_hash, n=n)
    labels = np.where(np.arange(n) % 2, "a", "b")
    wrong = np.where(labels == "a", "b", "a")
    predicted = np.where(np.arange(n) < right * n, labels, wrong)
    shares = (predicted == "a").astype(float)
    table = pd.DataFrame(
        {"id": np.arange(n).astype(str), "path": "x", "part": "test", "label": labels, "predicted": predicted}
    ).assign(**{"p:a": shares, "p:b": 1 - shares})
    files.write_parquet(runs.run_folder(record.id) / "predictions.parquet", table)
    for event in epochs(values):
        runs.append_event(record.id, event)
    done = runs.update_run(record.id, state="succeeded", started=START)
    assert done
    return done


def test_a_gain_is_told_with_its_interval(workspace: Path) -> None:
    scratch = run("from_scratch", 0.5, [0.2, 0.5])
    tuned = run("two_stage", 0.9, [0.6, 0.9])
    assert baseline_of(tuned) == scratch and baseline_of(scratch) is None
    found = compare_with_baseline(tuned, scratch)
    assert found.accuracy.difference == pytest.approx(0.4)
    assert (found.run.first, found.run.epochs, found.baseline.epochs) == (0.6, 1, 2)
    assert describe_gain(found).startswith("The pretrained weights helped: +40.0 points (+")
    assert not found.negative


def test_harm_is_called_negative_transfer(workspace: Path) -> None:
    scratch, tuned = run("from_scratch", 0.9, [0.2, 0.9]), run("two_stage", 0.6, [0.5, 0.6])
    found = compare_with_baseline(tuned, scratch)
    assert found.negative and describe_gain(found).startswith("Negative transfer")
    assert found.run.epochs is None


def test_a_difference_that_is_not_shown_is_neither(workspace: Path) -> None:
    found = compare_with_baseline(run("two_stage", 0.80, [0.5, 0.8]), run("from_scratch", 0.81, [0.2, 0.8]))
    assert not found.negative and describe_gain(found).startswith("No gain over random weights is shown")


def test_a_baseline_counts_only_on_the_same_test_samples(workspace: Path) -> None:
    run("from_scratch", 0.5, [0.5], test_hash="another")
    assert baseline_of(run("two_stage", 0.9, [0.9])) is None


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"epochs": 2}, "it ended after 2 epochs without having come to a stop"),
        ({"image_size": 64}, "it saw images of 64 px, the run of 96 px"),
        ({"epochs": 45}, "it ended after 45 epochs"),
    ],
)
def test_an_unfair_baseline_gives_no_verdict_but_what_differs(workspace: Path, settings, told) -> None:
    scratch = run("from_scratch", 0.5, [0.2, 0.5], **settings)
    tuned = run("two_stage", 0.9, [0.6, 0.9], fine_tune_epochs=12)
    found = describe_gain(compare_with_baseline(tuned, scratch))
    assert found.startswith("Not a fair comparison") and told in found and "helped" not in found
    assert fair_baseline(tuned)["epochs"] == 52


def test_a_fair_baseline_is_preferred_to_a_newer_unfair_one(workspace: Path) -> None:
    fair = run("from_scratch", 0.5, [0.2, 0.5], epochs=60)
    run("from_scratch", 0.4, [0.2, 0.4], epochs=2)
    assert baseline_of(run("two_stage", 0.9, [0.6, 0.9], fine_tune_epochs=12)) == fair


def test_a_baseline_that_came_to_a_stop_is_fair(workspace: Path) -> None:
    stopped = run("from_scratch", 0.5, [0.2, 0.5], epochs=30)
    runs.append_event(stopped.id, Event(phase="p", epoch=12, epochs=30, values={"val_accuracy": 0.5}))
    assert compare_with_baseline(run("linear_probe", 0.9, [0.9]), stopped).unfair == ()
