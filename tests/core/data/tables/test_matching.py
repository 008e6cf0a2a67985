import numpy as np
import pandas as pd

from core.data.tables.matching import matched_columns, rename_to_target


def table(**columns):
    return pd.DataFrame(columns)


def test_case_spaces_and_signs_do_not_count_but_types_do():
    target = table(bill_length_mm=[1.0], Island=["a"], sex=["m"], year=[1.0])
    source = table(**{"Bill length (mm)": [2.0], "island": ["b"], "sex": [0.0], "weight": [3.0]})
    assert matched_columns(target, source) == {"bill_length_mm": "Bill length (mm)", "Island": "island"}


def test_a_name_that_a_table_has_twice_is_not_guessed_at():
    assert matched_columns(table(a_b=[1.0]), pd.DataFrame({"a b": [1.0], "A-B": [2.0]})) == {}
    assert matched_columns(table(a_b=[1.0], aB=[1.0]), table(ab=[1.0])) == {}


def test_source_rows_take_the_targets_columns_order_and_types():
    target = table(x=[1.0, 2.0], word=["p", "q"], only_here=[5.0, 6.0]).astype({"word": "str"})
    source = table(Word=["r"], X=[9], other=[1]).set_axis(["1-7"])
    found = rename_to_target(source, target, matched_columns(target, source))
    assert list(found.columns) == ["x", "word", "only_here"]
    assert (found.dtypes == target.dtypes).all()
    assert found.index.tolist() == ["1-7"]
    assert found["x"].tolist() == [9.0]
    assert found["word"].tolist() == ["r"]
    assert np.isnan(found["only_here"].iloc[0])
