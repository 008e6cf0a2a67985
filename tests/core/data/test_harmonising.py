"""Harmonising: differences of writing are found, real differences are left alone, and the steps take them away."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.cleaning import recipe as cleaning
from core.data.cleaning.steps.step import Rows
from core.data.harmonising import find_conversion, harmonise, match_names
from core.data.importing import import_data, import_sample
from core.data.versions import load_table, make_version
from core.errors import InputError
from core.schemas import DataRef, Recipe, Step, VersionRecord


def people(n: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "Body height": random.normal(172, 9, n).round(1),
            "weight": random.normal(75, 12, n).round(1),
            "City": random.choice(["Berlin", "Paris", "Rome"], n),
            "shoe size": random.choice(np.arange(36, 47), n).astype(float),
            "member": random.choice(["yes", "no"], n),
        }
    )


def otherwise(table: pd.DataFrame) -> pd.DataFrame:
    """The same people as written in another house."""
    return pd.DataFrame(
        {
            "body_height": (table["Body height"] / 2.54).round(2),
            "weights": table["weight"],
            "city": table["City"].str.upper(),
            "shoe size": table["shoe size"],
            "member": table["member"].replace({"yes": "Yes", "no": "No"}),
        }
    )


def imported(folder: Path, name: str, table: pd.DataFrame) -> VersionRecord:
    table.to_csv(folder / f"{name}.csv", index=False)
    return import_data(folder / f"{name}.csv", target="member").version


@pytest.fixture
def pair(workspace: Path, tmp_path: Path) -> tuple[VersionRecord, VersionRecord]:
    return (
        imported(tmp_path, "mine", otherwise(people(300, 0))),
        imported(tmp_path, "other", people(300, 1)),
    )


def test_the_proposed_steps_make_both_tables_speak_alike(pair: tuple[VersionRecord, VersionRecord]) -> None:
    mine, other = pair
    found = harmonise(mine, other)
    steps = cleaning.order_steps(tuple(proposal.step for proposal in found.proposals))
    made = make_version(mine.dataset, Recipe(steps=steps), mine.split)
    table, _ = load_table(DataRef(dataset=made.dataset, version=made.id))
    wanted, _ = load_table(DataRef(dataset=other.dataset))
    assert list(table.columns) == list(wanted.columns)
    assert set(table["City"]) == set(wanted["City"])
    assert abs(table["Body height"].mean() - wanted["Body height"].mean()) < 3
    assert made.classes == other.classes == ("no", "yes")
    assert not harmonise(made, other).proposals


def test_only_differences_of_writing_are_called_sure(pair: tuple[VersionRecord, VersionRecord]) -> None:
    sure = {proposal.step.kind: proposal.sure for proposal in harmonise(*pair).proposals}
    assert sure == {
        "rename_classes": True,
        "rename_columns": True,
        "merge_spellings": True,
        "convert_unit": False,
    }


def test_data_that_agree_give_no_proposal(workspace: Path, tmp_path: Path) -> None:
    halves = [imported(tmp_path, name, people(400, seed)) for name, seed in (("a", 2), ("b", 3))]
    found = harmonise(*halves)
    assert not found.proposals and not found.only_here and not found.only_there


@pytest.mark.parametrize(
    ("mine", "other", "wanted"),
    [
        ("Dogs", "dog", ("dog", True)),
        ("sea-lion", "Sea Lion", ("Sea Lion", True)),
        ("colour", "color", ("color", False)),
        ("BodyHeight", "body_height", ("body_height", True)),
        ("item 1", "item 2", None),
        ("cat", "car", None),
        ("貓", "狗", None),
        ("貓", "貓", ("貓", True)),
        ("!", "?", None),
    ],
)
def test_names_answer_to_each_other_when_only_the_writing_differs(
    mine: str, other: str, wanted: tuple[str, bool] | None
) -> None:
    assert match_names([mine], [other]).get(mine) == wanted


def test_a_name_answers_to_one_only() -> None:
    found = match_names(["dog", "Dogs", "DOG"], ["dog", "cat"])
    assert [b for b, _ in found.values()] == ["dog"]


@pytest.mark.parametrize(
    ("factor", "offset"), [(2.54, 0), (1 / 2.54, 0), (0.45359237, 0), (5 / 9, -160 / 9), (1000, 0)]
)
def test_a_unit_is_recognised_by_how_the_values_lie(factor: float, offset: float) -> None:
    random = np.random.default_rng(0)
    mine, other = (pd.Series(random.normal(60, 6, 500)) for _ in range(2))
    found = find_conversion(mine, other * factor + offset)
    assert found is not None
    assert found[:2] == pytest.approx((factor, offset), rel=0.02)


def test_a_shift_that_no_unit_explains_is_left_alone() -> None:
    random = np.random.default_rng(0)
    assert find_conversion(pd.Series(random.normal(60, 2, 500)), pd.Series(random.normal(75, 2, 500))) is None
    assert find_conversion(pd.Series([1.0] * 50), pd.Series(random.normal(0, 1, 50))) is None


def test_class_names_of_images_are_harmonised(workspace: Path, tmp_path: Path) -> None:
    clip_art = import_sample("clipart").version
    renamed = make_version(
        clip_art.dataset, Recipe(steps=(Step(kind="rename_classes", params={"names": {"birds": "Bird"}}),))
    )
    found = harmonise(renamed, clip_art)
    assert [p.step.params for p in found.proposals] == [{"names": {"Bird": "birds"}}]
    table = import_sample("penguins").version
    with pytest.raises(InputError, match="cannot be harmonised"):
        harmonise(clip_art, table)


def test_a_type_that_differs_is_converted_and_losses_are_told(workspace: Path, tmp_path: Path) -> None:
    table = people(60, 5)
    written = table.assign(weight=[f"{w} kg" if i % 9 == 0 else str(w) for i, w in enumerate(table["weight"])])
    found = harmonise(imported(tmp_path, "text", written), imported(tmp_path, "numbers", table))
    (proposal,) = found.proposals
    assert proposal.step == Step(kind="convert_type", params={"column": "weight", "to": "number"})
    assert not proposal.sure and "7 of its cells" in proposal.message


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (Step(kind="rename_columns", params={"names": {"no such": "a"}}), "no column"),
        (Step(kind="rename_columns", params={"names": {"weight": "City"}}), "two columns"),
        (Step(kind="rename_columns", params={"names": {"weight": " "}}), "needs a name"),
        (Step(kind="convert_unit", params={"columns": ["City"], "factor": 2}), "does not hold numbers"),
        (Step(kind="convert_unit", params={"columns": ["weight"], "factor": 0}), "other than 0"),
        (Step(kind="convert_unit"), "names no column"),
    ],
)
def test_steps_that_do_not_fit_say_why(step: Step, why: str) -> None:
    table = people(9, 0)
    samples = pd.DataFrame({"id": table.index.astype("str"), "group": table.index})
    with pytest.raises(InputError, match=why):
        cleaning.apply_recipe(Recipe(steps=(step,)), Rows(samples, table))
