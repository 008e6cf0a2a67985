"""Runs that differ in their seed alone are one group; any other difference divides them."""

import pandas as pd
import pytest

from core.evaluation.repeats import group_by_seed, score_repeats
from core.schemas import ResolvedSpec, RunRecord


def run(name: str, version: str = "v", **spec: object) -> RunRecord:
    values = {"data": "d", "name": name} | spec
    return RunRecord(id=name, name=name, dataset="d", version=version, spec=ResolvedSpec.model_validate(values))


def rows(right: int, of: int = 10) -> pd.DataFrame:
    labels = ["a", "b"] * (of // 2)
    predicted = labels[:right] + [{"a": "b", "b": "a"}[c] for c in labels[right:]]
    table = pd.DataFrame({"label": labels, "predicted": predicted})
    return table.assign(**{f"p:{c}": (table["predicted"] == c) * 1.0 for c in "ab"})


def test_only_the_seed_and_the_name_may_differ() -> None:
    one, two = run("one", seed=1), run("two", seed=2)
    others = [run("epochs", epochs=7), run("version", version="w")]
    assert group_by_seed([one, *others, two]) == [[one, two], [others[0]], [others[1]]]


def test_a_group_has_mean_and_deviation_of_its_members() -> None:
    records = [run("one", seed=1), run("other", epochs=7), run("two", seed=2), run("three", seed=3)]
    (group,) = score_repeats(records, {"one": rows(6), "two": rows(8), "three": rows(10), "other": rows(2)})
    assert group.runs == ("one", "two", "three")
    assert group.mean["accuracy"] == pytest.approx(0.8)
    assert group.deviation["accuracy"] == pytest.approx(0.2)
