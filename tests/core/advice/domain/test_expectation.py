"""What a run is expected to reach: near the truth where confidence means what it says, and refused where it can't."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from core.__main__ import main
from core.advice.domain.comparing import compare_domains
from core.advice.domain.expectation import estimated, transport_costs
from core.schemas import DataRef, DatasetRecord
from tests.core.advice.domain.conftest import rows

RNG = np.random.default_rng


def said(n: int, sharpness: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of three classes that can be taken at their word, and classes drawn by them."""
    p = softmax(sharpness * RNG(seed).normal(size=(n, 3)), axis=1)
    return p, (p.cumsum(axis=1) < RNG(seed + 1).random((n, 1))).sum(axis=1)


@pytest.mark.parametrize("sharpness", [2.0, 4.0, 6.0])
def test_a_target_is_expected_to_be_about_as_hard_as_it_is(sharpness):
    known, truth = said(2000, 4.0, 0)
    target, actual = said(3000, sharpness, 10)
    expected, (low, high) = estimated(known, truth, target)
    assert expected == pytest.approx((target.argmax(axis=1) == actual).mean(), abs=0.08)
    assert low < expected < high


def test_a_run_that_calls_everything_one_class_is_not_believed_however_sure_it_is():
    known, truth = said(1000, 4.0, 0)
    sure = np.tile([0.98, 0.01, 0.01], (600, 1))
    expected, (_, high) = estimated(known, truth, sure)
    assert expected == pytest.approx((truth == 0).mean(), abs=0.05)
    assert high < 0.5


def test_transport_costs_nothing_where_every_class_is_given_surely_and_as_often():
    costs = transport_costs(np.eye(3)[[0, 0, 1, 2]], np.array([0.5, 0.25, 0.25]))
    assert costs == pytest.approx(np.zeros(4))
    assert transport_costs(np.eye(2)[[0, 0]], np.array([0.5, 0.5])).sum() == pytest.approx(1)


def test_confidence_that_says_too_much_is_brought_down_first():
    """The same classes, but probabilities as of a network three times too sure: the expectation hardly moves."""
    known, truth = said(2000, 4.0, 0)
    target, _ = said(3000, 2.0, 10)
    honest, _ = estimated(known, truth, target)
    sure, _ = estimated(softmax(3 * np.log(known), axis=1), truth, softmax(3 * np.log(target), axis=1))
    assert sure == pytest.approx(honest, abs=0.01)


def test_fewer_held_out_samples_leave_a_wider_interval():
    known, truth = said(1000, 3.0, 0)
    target, _ = said(1000, 2.0, 10)
    widths = []
    for n in (50, 1000):
        _, (low, high) = estimated(known[:n], truth[:n], target)
        widths.append(high - low)
    assert widths[0] > 1.5 * widths[1]


def test_the_interval_reaches_farther_down_where_the_target_is_unlike_what_the_run_knows():
    known, truth = said(1000, 3.0, 0)
    target, _ = said(1000, 6.0, 10)
    near, (low, high) = estimated(known, truth, target, times_as_far=1.0)
    far, (lower, same) = estimated(known, truth, target, times_as_far=2.0)
    assert near == far and high == same
    assert lower < low - 0.1
    assert (
        low < (known.argmax(axis=1) == truth).mean() < near
    )  # surer there than on held-out samples, so not believed


@pytest.mark.training
def test_a_run_is_held_against_a_target_and_of_a_stranger_nothing_is_expected(
    make_table: Callable[..., DatasetRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    make_table("here", rows(400), "kind")
    make_table("there", rows(300, 0.7, seed=1), "kind")
    make_table("bare", rows(300, seed=2).drop(columns="kind"))
    others = rows(100, seed=3).assign(kind=lambda t: t["kind"].map({"yes": "ja", "no": "nein"}))
    make_table("german", others, "kind")
    make_table("short", pd.DataFrame(rows(100, seed=4)[["a", "kind"]]), "kind")
    assert main(["train", "here", "--learner", "logistic_regression", "--wait", "--json"]) == 0
    run = json.loads(capsys.readouterr().out)["run"]
    assert main(["distance", "here", "there", "--run", run, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    low, high = found["expected_accuracy_ci"]
    assert low <= found["expected_accuracy"] <= high
    assert 0 < found["expectation"]["actual"] < 1
    bare = compare_domains(DataRef.parse("here"), DataRef.parse("bare"), run=run)
    assert bare.expectation is not None
    assert bare.expectation.actual is None
    assert bare.expectation.accuracy == pytest.approx(bare.expectation.on_held_out, abs=0.08)
    for source, target, told in (
        ("there", "here", "was not trained on"),
        ("here", "german", "none of the classes"),
        ("here", "short", "lacks the column"),
    ):
        without = compare_domains(DataRef.parse(source), DataRef.parse(target), run=run)
        assert told in without.unexpected
        assert without.expectation is None
