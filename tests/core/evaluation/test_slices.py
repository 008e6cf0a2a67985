import numpy as np
import pandas as pd

from core.evaluation.slices import MIN_SAMPLES, describe_slices, find_slices


def judged(right):
    return pd.DataFrame(
        {"id": [f"1-{i}" for i in range(len(right))], "label": "a", "predicted": np.where(right, "a", "b")}
    )


def planted(n=400, seed=0, weak=0.5, else_=0.9):
    """A run that is worse where the sensor is “old”; brightness and noise have nothing to do with it."""
    rng = np.random.default_rng(seed)
    sensor = np.where(rng.random(n) < 0.25, "old", "new")
    right = rng.random(n) < np.where(sensor == "old", weak, else_)
    rows = judged(right)
    known = pd.DataFrame(
        {"brightness": rng.random(n), "sensor": sensor, "noise": rng.normal(size=n)}, index=rows["id"]
    )
    return rows, known


def test_the_planted_weak_slice_comes_first_and_is_the_only_one():
    found = find_slices(*planted())
    assert (found[0].attribute, found[0].value) == ("sensor", "old")
    assert [s.attribute for s in found if s.weak] == ["sensor"]
    assert found[0].n == len(found[0].samples)
    assert "sensor old" in describe_slices(found, "test images")


def test_where_nothing_differs_a_weak_slice_is_seldom_named():
    named = sum(any(s.weak for s in find_slices(*planted(200, seed, 0.8, 0.8))) for seed in range(100))
    assert named <= 8


def test_numbers_are_cut_into_quarters_that_hold_every_sample_once():
    rows, known = planted()
    of_noise = find_slices(rows, known[["noise"]])
    assert len(of_noise) == 4
    assert sorted(i for s in of_noise for i in s.samples) == sorted(rows["id"])


def test_missing_values_are_a_slice_of_their_own():
    rows, known = planted()
    known.loc[known.index[:100], "noise"] = np.nan
    found = {s.value: s.n for s in find_slices(rows, known[["noise"]])}
    assert found["missing"] == 100


def test_names_constants_and_tiny_groups_make_no_slices():
    rows, known = planted(100)
    known = pd.DataFrame(
        {"file": rows["id"].to_numpy(), "all": 1, "rare": ["x"] * (MIN_SAMPLES - 1) + ["y"] * 93}, known.index
    )
    assert find_slices(rows, known) == []
    assert "too few" in describe_slices([], "rows")


def test_attributes_of_other_samples_change_nothing_and_order_does_not_matter():
    rows, known = planted()
    more = pd.concat([known, known.set_axis(["9-" + i for i in known.index])]).sample(frac=1, random_state=0)
    assert find_slices(rows, more) == find_slices(rows, known)
