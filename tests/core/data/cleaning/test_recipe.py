"""Recipes whose steps act when a version is made."""

import numpy as np
import pandas as pd
import pytest

from core.data.cleaning.recipe import apply_recipe, check_recipe, clean_cells, order_steps
from core.data.cleaning.steps.step import Rows
from core.data.importing import import_data
from core.data.versions import load_samples, load_table, make_version, natural_key
from core.errors import InputError
from core.schemas import DataRef, Recipe, Step
from core.store.datasets import get_version


@pytest.fixture
def rows() -> Rows:
    ids = ["1-0", "1-1", "1-2", "1-3"]
    samples = pd.DataFrame({"id": ids, "label": ["1", "10", "10.5", "30"], "group": [0, 1, 2, 3]})
    table = pd.DataFrame(
        {
            "size": [1.0, np.nan, 3.0, 4.0],
            "town": ["Bonn", "bonn ", np.nan, "Ulm"],
            "sold": ["1,234.5", "7", "n/a", "2,5"],
            "day": ["2024-02-29", "2024-03-01", "never", "2023-12-31"],
        },
        index=ids,
    ).astype({"town": "str", "sold": "str", "day": "str"})
    return Rows(samples, table)


def run(rows: Rows, kind: str, **params: object) -> Rows:
    return apply_recipe(Recipe(steps=(Step(kind=kind, params=params),)), rows)


def test_bins_put_every_value_on_its_side_of_the_edges(rows):
    binned = run(rows, "bin_target", edges=[10, 20]).samples["label"]
    assert binned.tolist() == ["10 or less", "10 or less", "10 to 20", "over 20"]
    assert sorted(set(binned), key=natural_key) == ["10 or less", "10 to 20", "over 20"]


def test_dropped_samples_are_gone_with_their_cells_and_the_original_is_untouched(rows):
    left = run(rows, "drop_samples", samples=["1-1"])
    assert left.samples["id"].tolist() == left.cells.index.tolist() == ["1-0", "1-2", "1-3"]
    assert len(rows.samples) == 4


def test_step_that_is_off_does_nothing(rows):
    step = Step(kind="drop_samples", params={"samples": ["1-1"]}, enabled=False)
    assert apply_recipe(Recipe(steps=(step,)), rows).samples.equals(rows.samples)


def test_the_first_of_equal_samples_stays_and_contradictory_ones_go_or_stay(rows):
    samples = rows.samples.assign(label=["a", "a", "a", "b"], group=[0, 0, 1, 1])
    copies = Rows(samples, rows.table)
    assert run(copies, "drop_duplicates").samples["id"].tolist() == ["1-0"]
    assert run(copies, "drop_duplicates", contradictory="keep").samples["id"].tolist() == ["1-0", "1-2", "1-3"]


def test_classes_are_renamed_merged_and_left_out(rows):
    assert run(rows, "rename_classes", names={"1": "one"}).samples["label"].tolist() == ["one", "10", "10.5", "30"]
    merged = run(rows, "merge_classes", classes=["10", "10.5"], name="ten").samples["label"]
    assert merged.tolist() == ["1", "ten", "ten", "30"]
    left = run(rows, "leave_out_classes", classes=["30"])
    assert left.samples["label"].tolist() == ["1", "10", "10.5"] and len(left.cells) == 3


def test_rows_with_more_gaps_than_allowed_go(rows):
    assert run(rows, "drop_rows_missing").samples["id"].tolist() == ["1-0", "1-3"]
    assert run(rows, "drop_rows_missing", columns=["town"]).samples["id"].tolist() == ["1-0", "1-1", "1-3"]
    assert len(run(rows, "drop_rows_missing", share=0.25).samples) == 4


def test_spellings_become_one_and_a_gap_stays_a_gap(rows):
    for params in ({}, {"columns": ["town"], "spellings": {"bonn ": "Bonn"}}):
        town = run(rows, "merge_spellings", **params).cells["town"]
        assert town.iloc[0] == town.iloc[1] and town.nunique() == 2 and pd.isna(town.iloc[2])


def test_text_becomes_numbers_with_gaps_and_numbers_become_text(rows):
    sold = run(rows, "convert_type", column="sold", to="number").cells["sold"]
    np.testing.assert_array_equal(sold.to_numpy(), [1234.5, 7, np.nan, 2.5])
    size = run(rows, "convert_type", column="size", to="category").cells["size"]
    assert size.iloc[0] == "1" and pd.isna(size.iloc[1]) and not pd.api.types.is_numeric_dtype(size)


def test_dates_become_their_parts(rows):
    cells = run(rows, "date_parts", columns=["day"], parts=["month", "weekday"]).cells
    np.testing.assert_array_equal(cells["day month"].to_numpy(), [2, 3, np.nan, 12])
    np.testing.assert_array_equal(cells["day weekday"].to_numpy(), [3, 4, np.nan, 6])
    assert "day" not in cells


def test_new_rows_are_cleaned_like_those_of_the_version(rows):
    steps = (Step(kind="drop_samples", params={"samples": ["1-1"]}), Step(kind="merge_spellings"))
    recipe = Recipe(steps=(*steps, Step(kind="drop_columns", params={"columns": ["day"]}), Step(kind="impute")))
    made = apply_recipe(recipe, rows).cells
    pd.testing.assert_frame_equal(clean_cells(recipe, rows.cells).loc[made.index], made)


def test_rows_that_become_equal_stay_on_one_side_of_the_split(workspace, make_csv):
    lines = [f"{i % 30},{i},{'ab'[i % 2]}" for i in range(60)]
    dataset = import_data(make_csv("x,number,kind\n" + "\n".join(["7.5,3,a", *lines])), target="kind").dataset
    make_version(dataset.id, Recipe(steps=(Step(kind="drop_columns", params={"columns": ["number"]}),)))
    samples, (table, schema) = load_samples(DataRef(dataset=dataset.id)), load_table(DataRef(dataset=dataset.id))
    assert table.index.tolist() == samples["id"].tolist()
    assert (samples.groupby(table["x"].to_numpy())["part"].nunique() == 1).all()
    assert "number" not in schema.numeric
    assert next(c for c in schema.columns if c.name == "number").kind == "left_out"


def test_a_step_that_learns_is_tried_before_a_version_is_made(workspace, make_csv):
    lines = [f"{i},{i * i % 17},{'ab'[i % 2]}" for i in [0, *range(2, 60)]]
    dataset = import_data(make_csv("x,z,kind\n" + "\n".join(lines)), target="kind").dataset
    before = get_version(DataRef(dataset=dataset.id)).id
    with pytest.raises(InputError, match=r"Step 1 of the recipe, scale.*no column “y”"):
        make_version(dataset.id, Recipe(steps=(Step(kind="scale", params={"columns": ["y"]}),)))
    assert get_version(DataRef(dataset=dataset.id)).id == before


def test_steps_that_make_the_version_act_before_those_that_learn():
    kinds = ["scale", "drop_columns", "impute", "drop_duplicates"]
    assert [s.kind for s in order_steps(tuple(Step(kind=k) for k in kinds))] == [
        "drop_columns",
        "drop_duplicates",
        "scale",
        "impute",
    ]


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (Step(kind="wash"), "no cleaning step “wash”"),
        (Step(kind="bin_target"), "Step 1 of the recipe, bin_target, cannot be applied: “edges” is not chosen"),
        (Step(kind="bin_target", params={"edges": [2, 1]}), "edges do not rise"),
        (Step(kind="drop_samples", params={"samples": ["9-9"]}), "no sample 9-9"),
        (Step(kind="drop_columns", params={"columns": ["weight"]}), "no column “weight”"),
        (Step(kind="leave_out_classes", params={"classes": ["x"]}), "no class “x”"),
        (Step(kind="date_parts", params={"columns": ["town"]}), "holds no dates"),
    ],
)
def test_step_that_cannot_be_applied_is_named(rows, step, says):
    with pytest.raises(InputError, match=says):
        apply_recipe(Recipe(steps=(step,)), rows)


def test_recipes_are_checked_for_the_kind_of_data_and_settings():
    with pytest.raises(InputError, match="Step 1 of the recipe, impute, is for tables"):
        check_recipe(Recipe(steps=(Step(kind="impute"),)), "image")
    with pytest.raises(InputError, match=r"Step 1 of the recipe, scale.*“method”"):
        check_recipe(Recipe(steps=(Step(kind="scale", params={"method": "magic"}),)), "table")
    check_recipe(Recipe(steps=(Step(kind="drop_duplicates"),)), "image")


@pytest.mark.parametrize("days", [[None], [None, None]])
def test_new_rows_without_a_date_have_no_parts(days: list[None]) -> None:
    recipe = Recipe(steps=(Step(kind="date_parts", params={"columns": ["day"]}),))
    cells = clean_cells(recipe, pd.DataFrame({"day": pd.array(days, dtype="str")}))
    assert list(cells) == ["day year", "day month", "day weekday"] and cells.isna().all(axis=None)
