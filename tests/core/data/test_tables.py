"""Reading CSV files: their dialect, their columns' kinds, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from core.data.table_files import csv_dialect
from core.data.tables import read_preview, read_table, target_classes
from core.errors import InputError


def refusal(path, target="kind") -> str:
    with pytest.raises(InputError) as caught:
        read_table(path, target)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "“table.csv” is empty"),
        ("\n \n", "“table.csv” is empty"),
        ("size,kind\n", "“table.csv” has a header but no rows"),
        ("kind\na\nb\n", "“table.csv” has one column, “kind”"),
        ("size,colour\n1,red\n", "“table.csv” has no column “kind”"),
        ("size,kind\n1,\n2,\n", "“kind” of “table.csv” is empty in every row"),
        ("size,kind\n1,\n2,  \n", "“kind” of “table.csv” is empty in every row"),
        ("size,kind,size\n1,a,2\n", "two columns named “size”"),
        ("size,kind\n1,a\n2,b,3\n", "“table.csv” cannot be read as a table"),
        ("size,kind\n1,a,3\n2,b,3\n", "more cells than its header"),
        ('size,kind\n1,"a\n2,b\n', "“table.csv” cannot be read as a table"),
        ("name,kind\nann,a\nbob,b\ncid,a\n", "no column to predict from: “name” has a different text in every row"),
        (b"PK\x03\x04\0\0\0", "“table.csv” is not a text file"),
        (b"a,b\n\x81\x8d,1\n", "“table.csv” is neither UTF-8 nor Windows-1252"),
    ],
)
def test_unusable_table_is_refused_by_name(make_csv, text, says):
    assert says in refusal(make_csv(text))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_every_dialect_gives_the_same_table(make_csv, delimiter, encoding):
    rows = ["größe,farbe,kind", "1.5,grün,a", "2.5,rot,b", "2,rot,b"]
    path = make_csv("\n".join(rows).replace(",", delimiter).encode(encoding))
    table, schema, skipped = read_table(path, "kind")
    assert table["größe"].tolist() == [1.5, 2.5, 2.0]
    assert table["farbe"].tolist() == ["grün", "rot", "rot"]
    assert (schema.encoding, schema.delimiter) == (encoding, delimiter)
    assert (schema.numeric, schema.categorical) == (("größe",), ("farbe",))
    assert skipped == []


def test_decimal_commas_are_numbers_where_commas_do_not_divide_cells(make_csv):
    table, schema, _ = read_table(make_csv("size;kind\n1,5;a\n2,5;b\n"), "kind")
    assert table["size"].tolist() == [1.5, 2.5]
    assert schema.decimal == ","


def test_delimiter_inside_quotes_does_not_count(make_csv):
    assert csv_dialect(make_csv('size,"kind, really"\n1,"a;b;c"\n')).header == ("size", "kind, really")


def test_rows_without_a_target_are_left_out_and_named(make_csv):
    table, _, skipped = read_table(make_csv("size,kind\n1,a\n2,\n3,b\n4,NA\n"), "kind")
    assert table.index.tolist() == [1, 3]
    assert skipped[0].path == "rows 2, 4"
    assert "kind" in skipped[0].reason


def test_columns_that_tell_nothing_are_left_out_with_a_reason(make_csv):
    text = "id,name,none,size,flag,kind\n7,ann,,1,True,a\n8,bob,,4,False,b\n9,cid,,2,True,b\n"
    _, schema, _ = read_table(make_csv(text), "kind")
    assert {c.name: c.kind for c in schema.columns} == {
        "id": "left_out", "name": "left_out", "none": "left_out", "size": "numeric", "flag": "category",
    }  # fmt: skip
    assert all(column.reason for column in schema.columns if column.kind == "left_out")


def test_row_names_without_a_header_cell_are_left_out(make_csv):
    _, schema, _ = read_table(make_csv(",size,kind\n0,5,a\n1,7,b\n2,6,b\n"), "kind")
    assert schema.numeric == ("size",)


def test_missing_cells_stay_missing(make_csv):
    table, schema, _ = read_table(make_csv("size,colour,kind\n1,red,a\n,red,b\n3,,b\n"), "kind")
    assert table["size"].isna().tolist() == [False, True, False]
    assert table["colour"].isna().tolist() == [False, False, True]
    assert [column.missing for column in schema.columns] == [1, 1]


def test_preview_shows_the_first_rows_as_they_will_be_read(make_csv):
    path = make_csv("size;kind\n" + "\n".join(f"{i};a" for i in range(50)))
    preview = read_preview(path, 5)
    assert preview["size"].tolist() == list(range(5))
    assert list(preview.columns) == ["size", "kind"]


def test_numeric_target_with_many_values_is_refused_or_binned():
    amounts = pd.Series(np.arange(100.0), name="price")
    with pytest.raises(InputError, match="“price” is numeric with 100 different values") as caught:
        target_classes(amounts, None)
    assert "bins" in caught.value.hint
    labels, step = target_classes(amounts, 4)
    assert labels.tolist() == [str(i) for i in range(100)]
    assert step is not None
    assert len(step.params["edges"]) == 3


def test_numeric_target_with_few_values_becomes_classes_without_decimals():
    labels, step = target_classes(pd.Series([1.0, 2.0, 1.0], name="kind"), None)
    assert labels.tolist() == ["1", "2", "1"]
    assert step is None


@pytest.mark.parametrize(
    ("values", "bins", "says"),
    [
        (["a", "b"], 2, "“price” is not numeric"),
        ([1.0, 2.0], 1, "1 bins"),
        ([0.0] * 9 + [1.0], 4, "too many equal values for 4 bins"),
    ],
)
def test_bins_that_cannot_be_made_are_refused(values, bins, says):
    with pytest.raises(InputError, match=says):
        target_classes(pd.Series(values, name="price"), bins)
