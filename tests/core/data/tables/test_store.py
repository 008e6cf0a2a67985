"""Reading CSV files: their dialect, their columns' kinds, and what is refused."""

import zipfile

import numpy as np
import pandas as pd
import pytest

from core.data.reading.applying import read_with
from core.data.reading.proposing import propose_reading
from core.data.tables import store
from core.data.tables.columns import read_choices
from core.data.tables.store import store_table
from core.data.tables.targets import target_classes
from core.errors import InputError


def read_table(path, target, choices=None):
    found = store.read_table(path, target, choices)
    return found.table, found.schema, found.skipped


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
        (b"a,b\n\x01\x02\x03,1\n", "“table.csv” is not a text file"),
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
    reading = propose_reading(make_csv('size,"kind, really"\n1,"a;b;c"\n'))
    assert [column.name for column in reading.columns] == ["size", "kind, really"]


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
    preview = read_with(path, propose_reading(path), 5).table
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


def test_enormous_values_of_a_target_stay_apart():
    assert target_classes(pd.Series([1e20, 2e20, 1e20], name="kind"), None)[0].nunique() == 2


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


@pytest.mark.parametrize(
    ("head", "cells", "numbers", "decimal", "thousands"),
    [
        ("size;kind", ["1.234,5", "12,5", "1.234.567,25"], [1234.5, 12.5, 1234567.25], ",", "."),
        ("size,kind", ['"1,234.5"', "12.5", '"1,234,567.25"'], [1234.5, 12.5, 1234567.25], ".", ","),
        ("size;kind", ["1 234,5", "12,5", "1\u202f234 567,25"], [1234.5, 12.5, 1234567.25], ",", " "),
        ("size;kind", ["1 234,5", "12,5", "1 234 567,25"], [1234.5, 12.5, 1234567.25], ",", " "),
        ("size;kind", ["1'234.5", "12.5", "1'234'567.25"], [1234.5, 12.5, 1234567.25], ".", "'"),
        ("size\tkind", ["1,234", "12", "1,234,567"], [1234, 12, 1234567], ".", ","),
        ("size;kind", ["1,23,4", "12", "5"], None, ".", ""),
        ("size;kind", ["01.02.2024", "02.02.2024", "01.02.2024"], None, ".", ""),
    ],
)
def test_numbers_are_known_however_they_are_written(make_csv, head, cells, numbers, decimal, thousands):
    separator = head[4]
    extra = ["x", "x", "y"]
    lines = [
        f"{cell}{separator}{kind}{separator}{word}" for cell, kind, word in zip(cells, "aba", extra, strict=True)
    ]
    table, schema, _ = read_table(make_csv("\n".join([f"{head}{separator}word", *lines])), "kind")
    if numbers is None:
        assert "size" not in schema.numeric
    else:
        assert table["size"].tolist() == numbers
        assert (schema.decimal, schema.thousands) == (decimal, thousands)


class TestFormats:
    ROWS = pd.DataFrame(
        {"size": [1.5, np.nan, 3.0, 1e300], "name 🐈": ["猫", "قطة", None, "cat"], "kind": ["a", "b", "a", "b"]}
    )

    @staticmethod
    def excel(path, rows: list[list[object]]):
        """The least that is an Excel file: one sheet, its text inline."""

        def cell(value: object) -> str:
            if isinstance(value, str):
                return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
            return "<c/>" if value is None or value != value else f"<c><v>{value}</v></c>"

        main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
        relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        packages = "http://schemas.openxmlformats.org/package/2006/relationships"
        body = "".join("<row>" + "".join(map(cell, row)) + "</row>" for row in rows)
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("xl/worksheets/sheet1.xml", f"<worksheet {main}><sheetData>{body}</sheetData></worksheet>")
            file.writestr(
                "xl/workbook.xml",
                f'<workbook {main} xmlns:r="{relations}"><sheets><sheet name="one" sheetId="1" r:id="r1"/></sheets>'
                "</workbook>",
            )
            file.writestr(
                "xl/_rels/workbook.xml.rels",
                f'<Relationships xmlns="{packages}"><Relationship Id="r1" Type="{relations}/worksheet"'
                ' Target="worksheets/sheet1.xml"/></Relationships>',
            )
            file.writestr(
                "_rels/.rels",
                f'<Relationships xmlns="{packages}"><Relationship Id="r1" Type="{relations}/officeDocument"'
                ' Target="xl/workbook.xml"/></Relationships>',
            )
            file.writestr(
                "[Content_Types].xml", '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
            )
        return path

    def write(self, folder, ending: str):
        path = folder / f"table{ending}"
        if ending == ".parquet":
            self.ROWS.to_parquet(path)
        elif ending == ".xlsx":
            self.excel(path, [list(self.ROWS.columns), *self.ROWS.astype("object").to_numpy().tolist()])
        elif ending == ".jsonl":
            self.ROWS.to_json(path, orient="records", lines=True, force_ascii=False)
        else:
            self.ROWS.to_csv(path, sep="\t", index=False, encoding="utf-16" if ending == ".txt" else "utf-8")
        return path

    @pytest.mark.parametrize("ending", [".tsv", ".txt", ".parquet", ".xlsx", ".jsonl"])
    def test_every_format_gives_the_same_table(self, tmp_path, ending):
        table, schema, skipped = read_table(self.write(tmp_path, ending), "kind")
        assert (schema.numeric, schema.target) == (("size",), "kind")
        assert table["size"].fillna(-1).tolist() == [1.5, -1, 3, -1]
        assert table["name 🐈"].fillna("none").tolist() == ["猫", "قطة", "none", "cat"]
        assert table["kind"].tolist() == ["a", "b", "a", "b"]
        assert [(s.path, s.reason) for s in skipped] == [("“size”, row 4", "a number is too large; taken as missing")]
        path = tmp_path / f"table{ending}"
        assert list(read_with(path, propose_reading(path), 2).table.columns) == list(self.ROWS.columns)

    @pytest.mark.parametrize("ending", [".tsv", ".parquet", ".xlsx", ".jsonl", ".xls", ".ods", ".ndjson", ".csv"])
    @pytest.mark.parametrize("content", [b"", b"\0\1\2 no table", b"PK\x03\x04", b"PAR1PAR1", b"{\n"])
    def test_what_is_no_table_is_refused_by_name(self, tmp_path, ending, content):
        path = tmp_path / f"table{ending}"
        path.write_bytes(content)
        assert f"“table{ending}”" in refusal(path)

    @pytest.mark.parametrize("ending", [".parquet", ".xlsx"])
    def test_truncated_file_is_refused_by_name(self, tmp_path, ending):
        path = self.write(tmp_path, ending)
        path.write_bytes(path.read_bytes()[:-100])
        assert f"“table{ending}”" in refusal(path)

    def test_a_line_that_is_no_object_is_named(self, make_csv):
        assert "line 3 is no JSON object" in refusal(make_csv('{"size": 1, "kind": "a"}\n\n{"size": 1, ', "t.jsonl"))
        assert "line 1 is no JSON object" in refusal(make_csv("[1, 2]\n", "t.jsonl"))

    def test_the_same_name_twice_is_refused_in_excel_too(self, tmp_path):
        path = self.excel(tmp_path / "t.xlsx", [["size", "kind", "size"], [1, "a", 2]])
        assert "two columns named “size”" in refusal(path)

    def test_a_parquet_file_of_too_many_cells_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr("core.data.reading.typed._MAX_CELLS", 11)
        assert "12 cells, more than the 11" in refusal(self.write(tmp_path, ".parquet"))

    def test_a_bomb_in_a_spreadsheet_is_refused(self, tmp_path):
        path = self.excel(tmp_path / "t.xlsx", [["size", "kind"], [1, "a" * 130 * 2**20]])
        with zipfile.ZipFile(path) as file:
            content = {name: file.read(name) for name in file.namelist()}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in content.items():
                file.writestr(name, data)
        assert "over 200 times its size" in refusal(path)

    @pytest.mark.parametrize("number", ["1" + "0" * 400, "1e400", "-1e400", "1e308"])
    @pytest.mark.parametrize("ending", [".csv", ".jsonl"])
    def test_numbers_beyond_reckoning_are_missing_and_named(self, make_csv, number, ending):
        if ending == ".csv":
            path = make_csv(f"size,kind\n1,a\n{number},b\n2.5,a\n4,b\n")
        else:
            rows = [f'{{"size": {size}, "kind": "a"}}' for size in ("1", number, "2.5")]
            path = make_csv("\n".join(rows), "table.jsonl")
        table, schema, skipped = read_table(path, "kind")
        assert schema.numeric == ("size",)
        assert table["size"].isna().tolist()[:3] == [False, True, False]
        assert skipped[0].path == "“size”, row 2"

    def test_a_nul_byte_far_down_is_named_by_its_line(self, make_csv):
        rows = "".join(f"{i * i},a\n" for i in range(20_000))
        assert "a NUL byte stands in line 20002" in refusal(make_csv(f"size,kind\n{rows}5,\0b\n"))

    def test_a_thousand_classes_are_kept(self, make_csv):
        rows = "".join(f"{i * i % 97},class {i % 1000}\n" for i in range(4000))
        table, _, _ = read_table(make_csv(f"size,kind\n{rows}"), "kind")
        assert target_classes(table["kind"], None)[0].nunique() == 1000


class TestChoices:
    TEXT = "size,code,who,name,kind\n1,10,p,r1,a\n4,20,p,r2,b\nmany,30,q,r3,a\n9,10,q,r4,b\n"

    def test_types_overrule_what_was_inferred(self, make_csv):
        choices = read_choices(
            {"size": {"type": "numeric"}, "code": {"type": "category"}, "who": {"type": "left_out"}}
        )
        table, schema, skipped = read_table(make_csv(self.TEXT), "kind", choices)
        assert (schema.numeric, schema.categorical) == (("size",), ("code",))
        assert table["code"].tolist() == ["10", "20", "30", "10"]
        assert table["size"].isna().tolist() == [False, False, True, False]
        assert skipped[0].path == "“size”, row 3"
        assert "“many” is no number" in skipped[0].reason

    def test_roles_take_columns_out_of_training(self, make_csv, tmp_path):
        choices = read_choices({"name": {"role": "id"}, "who": {"role": "group"}, "code": {"role": "ignore"}})
        choices |= read_choices({"size": {"type": "category"}})
        table, schema, _ = read_table(make_csv(self.TEXT), "kind", choices)
        assert (schema.numeric, schema.categorical) == ((), ("size",))
        assert (schema.id, schema.group) == ("name", "who")
        manifest = store_table(tmp_path, table, schema, table["kind"])
        assert manifest["path"].tolist() == ["r1", "r2", "r3", "r4"]
        assert manifest["given_group"].tolist() == ["p", "p", "q", "q"]

    def test_a_weight_is_kept_as_numbers_and_not_learnt_from(self, make_csv, tmp_path):
        text = "a,w,kind\n1,2,x\n2,0.5,y\n5,0,x\n"
        table, schema, _ = read_table(make_csv(text), "kind", read_choices({"w": {"role": "weight"}}))
        assert (schema.numeric, schema.weight) == (("a",), "w")
        assert store_table(tmp_path, table, schema, table["kind"])["given_weight"].tolist() == [2, 0.5, 0]

    @pytest.mark.parametrize("cell", ["-1", "", "much"])
    def test_a_cell_that_cannot_weigh_its_row_is_named(self, make_csv, cell):
        choices = read_choices({"w": {"role": "weight"}})
        with pytest.raises(InputError, match="“w” cannot weigh the rows: row 2"):
            read_table(make_csv(f"a,w,kind\n1,2,x\n2,{cell},y\n5,1,x\n"), "kind", choices)
        with pytest.raises(InputError, match="all are 0"):
            read_table(make_csv("a,w,kind\n1,0,x\n2,0,y\n5,0,x\n"), "kind", choices)

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ([], "no JSON object"),
            ({"size": {"type": "number"}}, "choice for column “size” cannot be used"),
            ({"size": {"kind": "numeric"}}, "choice for column “size” cannot be used"),
            ({"size": 1}, "choice for column “size” cannot be used"),
        ],
    )
    def test_choices_that_cannot_be_used_are_told(self, content, says):
        with pytest.raises(InputError, match=says):
            read_choices(content)

    def test_a_column_that_is_not_there_is_named(self, make_csv):
        with pytest.raises(InputError, match="has no column “sizes”"):
            read_table(make_csv(self.TEXT), "kind", read_choices({"sizes": {"type": "numeric"}}))

    def test_one_role_for_two_columns_is_refused(self, make_csv):
        choices = read_choices({"size": {"role": "group"}, "who": {"role": "group"}})
        with pytest.raises(InputError, match="Both “size” and “who” have the role group"):
            read_table(make_csv(self.TEXT), "kind", choices)
