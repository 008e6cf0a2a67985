"""Parts and folds, for any labels and duplicates."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.splitting import assign_by_time, assign_parts, folds, split_parts
from core.errors import InputError
from core.schemas import Split

SHARES = {"test": 0.2, "validation": 0.2, "train": 0.6}


@st.composite
def samples(draw: st.DrawFn, least: int = 3) -> pd.DataFrame:
    """Up to five classes of `least` to 40 groups, a group one to four copies."""
    sizes = draw(st.lists(st.lists(st.integers(1, 4), min_size=least, max_size=40), min_size=2, max_size=5))
    rows = [(f"c{c}", (c, g)) for c, groups in enumerate(sizes) for g, size in enumerate(groups) for _ in range(size)]
    table = pd.DataFrame(rows, columns=["label", "group"])
    table["group"] = pd.factorize(table["group"])[0]
    table["id"] = [f"1-{i}" for i in range(len(table))]
    table["path"] = table["label"] + "/" + table["id"]
    return table.sample(frac=1, random_state=draw(st.integers(0, 9)), ignore_index=True)


def parts(table: pd.DataFrame, seed: int, shares: dict[str, float] = SHARES) -> np.ndarray:
    return assign_parts(table["label"].to_numpy(), table["group"].to_numpy(), shares, seed)


@given(samples(), st.integers(0, 1000))
def test_no_group_is_on_two_sides(table, seed):
    assert (table.assign(part=parts(table, seed)).groupby("group")["part"].nunique() == 1).all()


@given(samples(), st.integers(0, 1000))
def test_every_class_is_in_every_part(table, seed):
    found = table.assign(part=parts(table, seed)).groupby("label")["part"].nunique()
    assert (found == len(SHARES)).all()


@given(samples(least=15), st.integers(0, 1000))
def test_shares_are_met_within_one_group(table, seed):
    """Without the rule that each part gets a group, which only matters for tiny classes, this is a theorem."""
    part = parts(table, seed)
    largest = table.groupby(["label", "group"]).size().groupby("label").max()
    for name, rows in table.assign(part=part).groupby("label"):
        counts = rows["part"].value_counts()
        for share in SHARES:
            assert abs(counts[share] - SHARES[share] * len(rows)) <= largest[name] + 1e-6


@given(samples(), st.integers(0, 1000))
def test_same_seed_gives_the_same_parts(table, seed):
    assert (parts(table, seed) == parts(table, seed)).all()


def test_other_seed_gives_other_parts():
    table = pd.DataFrame({"label": ["a", "b"] * 50, "group": range(100)})
    assert (parts(table, 0) != parts(table, 1)).any()


def test_unit_groups_are_divided_to_the_sample():
    table = pd.DataFrame({"label": ["a"] * 50 + ["b"] * 100, "group": range(150)})
    counts = pd.crosstab(table["label"], parts(table, 0))
    assert counts.loc["a"].to_dict() == {"test": 10, "validation": 10, "train": 30}
    assert counts.loc["b"].to_dict() == {"test": 20, "validation": 20, "train": 60}


def test_remainders_of_many_classes_do_not_pile_up():
    table = pd.DataFrame({"label": [f"c{i // 8}" for i in range(8 * 40)], "group": range(8 * 40)})
    counts = pd.Series(parts(table, 0)).value_counts()
    assert abs(counts["test"] - counts["validation"]) <= 1


def test_group_of_two_classes_stays_together():
    table = pd.DataFrame({"label": ["a"] * 6 + ["b"] * 6, "group": [0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]})
    part = parts(table, 0)
    assert part[5] == part[6]


@settings(max_examples=40)
@given(samples(least=5), st.integers(2, 5), st.integers(0, 1000))
def test_folds_test_every_sample_once_and_keep_groups_and_classes(table, k, seed):
    found = list(folds(table, k, seed))
    assert len(found) == k
    tested = sum((fold == "test").astype(int) for fold in found)
    assert (tested == 1).all()
    for fold in found:
        marked = table.assign(part=fold)
        assert (marked.groupby("group")["part"].nunique() == 1).all()
        assert (marked.groupby("label")["part"].agg(lambda p: "test" in set(p) and "train" in set(p))).all()
    again = list(folds(table, k, seed))
    assert all((a == b).all() for a, b in zip(found, again, strict=True))


def test_more_folds_than_distinct_samples_are_refused_by_class():
    table = pd.DataFrame({"label": ["a"] * 9 + ["b"] * 4, "group": [*range(9), 9, 9, 10, 11]})
    with pytest.raises(InputError, match="Class “b” has 3 distinct samples, too few for 5 folds"):
        list(folds(table, 5, 0))


@pytest.fixture
def named() -> pd.DataFrame:
    table = pd.DataFrame({"label": ["a", "b"] * 20, "group": [0, 1, 0, *range(3, 40)]})
    table["id"] = [f"1-{i}" for i in range(40)]
    table["path"] = [f"{label}/{i}.png" for i, label in enumerate(table["label"])]
    return table


def test_test_list_of_names_and_ids_is_honoured_with_duplicates(named):
    part = split_parts(named, Split(test_ids=("a/0.png", "1-1")))
    assert sorted(named["id"][part == "test"]) == ["1-0", "1-1", "1-2"]
    rest = part[part != "test"].value_counts()
    assert rest["validation"] == pytest.approx(37 / 4, abs=2)


def test_unknown_name_on_the_test_list_is_refused(named):
    with pytest.raises(InputError, match=r"“b/99\.png”") as caught:
        split_parts(named, Split(test_ids=("a/0.png", "b/99.png")))
    assert "a/0.png" in caught.value.hint


def test_test_list_must_leave_every_class_something_to_learn(named):
    with pytest.raises(InputError, match="class “b” without training samples"):
        split_parts(named, Split(test_ids=tuple(named["path"][named["label"] == "b"])))


class TestGivenParts:
    @staticmethod
    def samples(given: list[str | None], groups: list[int] | None = None) -> pd.DataFrame:
        n = len(given)
        return pd.DataFrame(
            {
                "id": [f"1-{i}" for i in range(n)],
                "path": [f"{i}.png" for i in range(n)],
                "label": ["ab"[i % 2] for i in range(n)],
                "group": groups or list(range(n)),
                "given_split": given,
            }
        )

    def test_they_are_kept(self):
        given = ["train"] * 10 + ["validation"] * 4 + ["test"] * 6
        assert list(split_parts(self.samples(given), Split(given=True))) == given

    def test_validation_is_carved_from_training_where_none_is_given(self):
        given = ["train"] * 40 + ["test"] * 6
        parts = split_parts(self.samples(given), Split(given=True)).to_numpy()
        assert (parts[40:] == "test").all() and "test" not in parts[:40]
        assert (parts[:40] == "validation").sum() == 10  # 20 of 80 hundredths

    def test_what_no_folder_places_is_divided_by_the_shares(self):
        parts = split_parts(self.samples(["train"] * 10 + ["test"] * 10 + [None] * 50), Split(given=True))
        assert parts[20:].value_counts().to_dict() == {"train": 30, "validation": 10, "test": 10}

    def test_copies_on_both_sides_go_to_the_part_that_judges(self):
        groups = [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 8, 9]
        parts = split_parts(self.samples(["train"] * 8 + ["test"] * 4, groups), Split(given=True))
        assert list(parts[:2]) == ["test", "test"]

    def test_a_class_without_training_samples_is_refused(self):
        given = ["test" if i % 2 else "train" for i in range(20)]
        with pytest.raises(InputError, match="leave class “b” without training samples"):
            split_parts(self.samples(given), Split(given=True))

    def test_it_is_a_choice(self):
        given = ["train"] * 10 + ["test"] * 50
        assert split_parts(self.samples(given), Split()).value_counts()["test"] == 12


TIMES = st.lists(st.integers(0, 30), min_size=12, max_size=120).filter(lambda times: len(set(times)) > 5)


@given(TIMES, st.booleans())
def test_older_groups_teach_and_newer_ones_judge(times, grouped):
    table = pd.DataFrame({"time": np.asarray(times, float), "group": np.arange(len(times)) // (2 if grouped else 1)})
    newest = table.groupby("group")["time"].transform("max")
    if newest.nunique() < 3:
        return
    shares = {"train": 0.6, "validation": 0.2, "test": 0.2}
    table["part"] = assign_by_time(table["time"].to_numpy(), table["group"].to_numpy(), shares)
    assert (table.groupby("group")["part"].nunique() == 1).all()
    limits = newest.groupby(table["part"]).agg(["min", "max"])
    assert set(limits.index) == set(shares)
    assert limits.loc["train", "max"] < limits.loc["validation", "min"]
    assert limits.loc["validation", "max"] < limits.loc["test", "min"]


def test_distinct_times_meet_the_shares_and_unknown_ones_teach():
    times = np.append(np.random.default_rng(0).permutation(95).astype(float), [np.nan] * 5)
    parts = assign_by_time(times, np.arange(100), {"train": 0.6, "validation": 0.2, "test": 0.2})
    assert {name: int((parts == name).sum()) for name in set(parts)} == {"train": 60, "validation": 20, "test": 20}
    assert (parts[np.isnan(times)] == "train").all()
    with pytest.raises(InputError, match="2 different times"):
        assign_by_time(np.asarray([1.0, 2.0] * 5), np.arange(10), {"train": 0.6, "validation": 0.2, "test": 0.2})
