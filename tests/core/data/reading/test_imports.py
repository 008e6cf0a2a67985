"""Tables as people have them become the datasets that they meant, and later files are read as the first one was."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.__main__ import main
from core.data.importing import ImportResult, import_data
from core.data.reading.again import read_again
from core.data.reading.applying import read_with
from core.data.reading.proposing import answer_question, change_container, propose_reading
from core.data.tables.readings import import_reading
from core.data.tables.schema import Schema, load_schema
from core.data.versions import load_samples, load_table
from core.errors import InputError
from core.inference.predicting.rows import read_rows
from core.schemas import DataRef
from core.store import datasets
from tests.core.data.tables.test_store import TestFormats

KINDS = ("setosa", "versi", "virg")
HEADER = "length,width,kind"


def counts(found: ImportResult) -> dict[str, int]:
    labels = load_samples(DataRef(dataset=found.dataset.id))["label"]
    return {str(name): int(n) for name, n in labels.value_counts().items()}


def schema_of(found: ImportResult) -> Schema:
    return load_schema(datasets.import_folder(found.dataset.id, 1))


def body(n: int = 60) -> list[str]:
    rng = np.random.default_rng(0)
    return [f"{rng.normal(5):.1f},{rng.normal(3):.1f},{KINDS[i % 3]}" for i in range(n)]


def write(path: Path, lines: list[str], encoding: str = "utf-8") -> Path:
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path


def test_words_for_nothing_are_classes_and_categories_where_the_others_say_so(
    workspace: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{['EU', 'NA', 'AS'][i % 3]},{rng.normal():.3f},{['None', 'crack', 'stain', 'None'][i % 4]}"
            for i in range(180)]  # fmt: skip
    found = import_data(write(tmp_path / "defects.csv", ["continent,size,defect", *rows]), target="defect")
    assert counts(found) == {"None": 90, "crack": 45, "stain": 45}
    cells, _ = load_table(DataRef(dataset=found.dataset.id))
    assert sorted(cells["continent"].unique()) == ["AS", "EU", "NA"]
    reading = import_reading(datasets.import_folder(found.dataset.id, 1))
    assert {question.column for question in reading.questions} == {"continent", "defect"}


def test_two_classes_one_of_which_is_none(workspace: Path, tmp_path: Path) -> None:
    rows = [f"{i * 0.37:.2f},{i % 7},{['None', 'crack', 'crack'][i % 3]}" for i in range(90)]
    assert counts(import_data(write(tmp_path / "t.csv", ["a,b,defect", *rows]), target="defect"))["None"] == 30


def test_a_code_of_countries_is_a_country_and_a_mark_of_the_file_is_none(tmp_path: Path) -> None:
    countries = ["DE", "FR", "IT", "ES", "NL", "NA", "NA", "NA"] * 9
    write(tmp_path / "a.csv", ["land,x", *(f"{c},{i}.5" for i, c in enumerate(countries))])
    assert propose_reading(tmp_path / "a.csv").columns[0].missing == ()
    lines = [f"{'NA' if i % 9 == 0 else i / 2},{'NA' if i % 9 == 0 else 'mf'[i % 2]}" for i in range(90)]
    write(tmp_path / "b.csv", ["mass,sex", *lines])
    reading = propose_reading(tmp_path / "b.csv")
    assert [column.missing for column in reading.columns] == [("NA",), ("NA",)]
    assert reading.taken_as_missing == {"mass": {"NA": 10}, "sex": {"NA": 10}}


@pytest.mark.parametrize("form", ["units", "again", "sep", "title", "comment", "total", "trailing", "bare"])
def test_what_stands_around_the_rows_is_left_out_and_told(workspace: Path, tmp_path: Path, form: str) -> None:
    rows = body()
    target = "kind"
    match form:
        case "units":
            lines = [HEADER, "cm,cm,", *rows]
        case "again":
            lines = [HEADER, *rows[:20], HEADER, *rows[20:39], HEADER, *rows[39:]]
        case "sep":
            lines = ["sep=;", *(line.replace(",", ";") for line in (HEADER, *rows))]
        case "title":
            lines = ["Measurements of the greenhouse 2023", "", HEADER, *rows]
        case "comment":
            lines = ["# by hand, with a ruler", "#", HEADER, *rows]
        case "total":
            lines = [HEADER, *rows, "Total,180.2,"]
        case "trailing":
            lines = [line + "," for line in (HEADER, *rows)]
        case _:
            lines, target = rows, "column 3"
    found = import_data(write(tmp_path / "t.csv", lines), target=target)
    assert counts(found) == dict.fromkeys(KINDS, 20)
    assert len(schema_of(found).numeric) == 2
    told = " ".join(f"{one.path} {one.reason}" for one in found.skipped)
    words = {"units": "units", "again": "repeated header", "title": "Measurements", "comment": "ruler",
             "total": "total"}  # fmt: skip
    assert words.get(form, "") in told


@pytest.mark.parametrize(
    ("encoding", "column", "classes"),
    [
        ("cp1251", "длина", ("кошка", "собака", "птица")),
        ("gbk", "长度", ("猫", "狗", "鸟")),
        ("cp932", "長さ", ("猫", "犬", "鳥")),
        ("mac_roman", "Länge", ("Bär", "Kühe", "Füchse")),
        ("utf-16-le", "Länge", ("Bär", "Kühe", "Füchse")),
    ],
)
def test_names_in_other_encodings_are_those_that_were_written(
    workspace: Path, tmp_path: Path, encoding: str, column: str, classes: tuple[str, ...]
) -> None:
    lines = [f"{column},weight,kind", *(f"{i * i % 17}.25,{i % 7}.5,{classes[i % 3]}" for i in range(90))]
    found = import_data(write(tmp_path / "t.csv", lines, encoding), target="kind")
    assert counts(found) == dict.fromkeys(classes, 30)
    assert schema_of(found).numeric == (column, "weight")


def table_rows(n: int = 40) -> list[list[object]]:
    return [[i * i % 13 + 0.5, ["north", "south"][i % 2], ["a", "b"][i // 2 % 2]] for i in range(n)]


@pytest.mark.parametrize("above", [[["Report of the quarter", None, None], [None] * 3], [["site A", None, None]]])
def test_a_sheet_has_a_title_or_merged_cells_above_its_header(
    workspace: Path, tmp_path: Path, above: list[list[object]]
) -> None:
    rows = [*above, ["size", "region", "ok"], *table_rows()]
    found = import_data(TestFormats.excel(tmp_path / "t.xlsx", rows), target="ok")
    assert counts(found) == {"a": 20, "b": 20}
    assert (schema_of(found).numeric, schema_of(found).categorical) == (("size",), ("region",))


def packed(how: str, data: bytes) -> tuple[str, bytes]:
    match how:
        case "gzip":
            return "leaves.csv.gz", gzip.compress(data)
        case "bz2":
            return "leaves.csv.bz2", bz2.compress(data)
        case "xz":
            return "leaves.csv.xz", lzma.compress(data)
        case "zip" | "csv.zip":
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w") as archive:
                archive.writestr("leaves.csv", data)
                archive.writestr("__MACOSX/._leaves.csv", b"\0")
            return ("archive.zip" if how == "zip" else "leaves.csv.zip"), out.getvalue()
        case "json":
            return "leaves.json", pd.read_csv(io.BytesIO(data)).to_json(orient="records").encode()
        case "nested":
            records = pd.read_csv(io.BytesIO(data)).to_dict("records")
            return "leaves.json", json.dumps({"source": "x", "rows": records}).encode()
        case "columns":
            columns = pd.read_csv(io.BytesIO(data)).to_dict("list")
            return "leaves.json", json.dumps(columns, indent=1).encode()
        case _:
            out = io.BytesIO()
            pd.read_csv(io.BytesIO(data)).to_feather(out)
            return "leaves.feather", out.getvalue()


@pytest.mark.parametrize("how", ["gzip", "bz2", "xz", "zip", "csv.zip", "json", "nested", "columns", "feather"])
def test_packed_tables_and_other_formats_are_read(workspace: Path, tmp_path: Path, how: str) -> None:
    name, data = packed(how, "\n".join([HEADER, *body()]).encode())
    (tmp_path / name).write_bytes(data)
    found = import_data(tmp_path / name, target="kind")
    assert counts(found) == dict.fromkeys(KINDS, 20)
    assert schema_of(found).numeric == ("length", "width")
    assert found.dataset.name in ("leaves", "archive")


def test_a_folder_of_parquet_files_is_one_table(workspace: Path, tmp_path: Path) -> None:
    table = pd.read_csv(io.StringIO("\n".join([HEADER, *body()])))
    for part, rows in table.groupby("kind"):
        (tmp_path / "leaves" / f"kind={part}").mkdir(parents=True)
        rows.drop(columns="kind").to_parquet(tmp_path / "leaves" / f"kind={part}" / "part-0.parquet")
    found = import_data(tmp_path / "leaves", target="kind")
    assert counts(found) == dict.fromkeys(KINDS, 20)


def test_of_several_tables_in_an_archive_one_is_named(workspace: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("train.csv", "\n".join([HEADER, *body()]))
        archive.writestr("notes.csv", "a,b\n1,2\n")
    with pytest.raises(InputError, match=r"2 tables: notes\.csv, train\.csv"):
        import_data(tmp_path / "two.zip", target="kind")
    assert counts(import_data(tmp_path / "two.zip", target="kind", member="train.csv"))["setosa"] == 20


@pytest.mark.parametrize("first", [True, False])
def test_a_header_of_any_length_keeps_every_name_at_its_cells(workspace: Path, tmp_path: Path, first: bool) -> None:
    names = [
        f"Q{i:03d}: On a scale of one to three, how much do you agree\nwith statement number {i:03d}?"
        for i in range(900)
    ]
    answers = np.random.default_rng(5).integers(1, 4, (120, 900))
    table = pd.DataFrame(answers, columns=names)
    table.insert(0 if first else 900, "quit", np.arange(120) % 2)
    table.to_csv(tmp_path / "survey.csv", index=False)
    assert sum(map(len, names)) > 2**16
    found = import_data(tmp_path / "survey.csv", target="quit")
    assert counts(found) == {"0": 60, "1": 60}
    cells, _ = load_table(DataRef(dataset=found.dataset.id))
    assert (cells[names].to_numpy() == answers).all()


def test_codes_are_read_alike_in_a_file_of_one_row(workspace: Path, tmp_path: Path) -> None:
    articles = ["00412", "00413", "A17", "B20"]
    lines = ["article,noise,outcome", *(f"{articles[i % 4]},{i % 9}.5,{'ky'[i % 3 > 0]}" for i in range(80))]
    found = import_data(write(tmp_path / "t.csv", lines), target="outcome")
    first = datasets.import_folder(found.dataset.id, 1)
    one = read_rows(
        write(tmp_path / "one.csv", ["article,noise", "00412,0.1"]), load_schema(first), import_reading(first)
    )
    assert one.cells["article"].tolist() == ["00412"] and not one.notes


PRICES = ["preis;gewicht;klasse", *(f"{300 + i * 27:,}".replace(",", ".") + f",5;{i % 5},25;{'ab'[i % 2]}"
          for i in range(60))]  # fmt: skip


def german(tmp_path: Path) -> tuple[Schema, Path]:
    found = import_data(write(tmp_path / "prices.csv", PRICES), target="klasse")
    first = datasets.import_folder(found.dataset.id, 1)
    return load_schema(first), first


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["preis;gewicht", "2.500,00;5,00", "1.200,00;4,50"], [2500, 1200]),
        (["preis;gewicht", "2.500;5", "1.200;4"], [2500, 1200]),
        (["preis\tgewicht", "2.500\t5", "1.200\t4"], [2500, 1200]),
    ],
)
def test_marks_of_numbers_are_those_of_training(
    workspace: Path, tmp_path: Path, lines: list[str], wanted: list[float]
) -> None:
    schema, first = german(tmp_path)
    rows = read_rows(write(tmp_path / "new.csv", lines), schema, import_reading(first))
    assert rows.cells["preis"].tolist() == wanted
    assert any("decimal comma" in note for note in rows.notes)
    assert any("tabs" in note for note in rows.notes) == ("\t" in lines[0])


def test_what_the_reading_cannot_read_is_listed_and_too_much_of_it_is_asked_about(
    workspace: Path, tmp_path: Path
) -> None:
    schema, first = german(tmp_path)
    lines = ["preis;gewicht", *(f"{i}.000,50;{'x' if i == 3 else '1,5'}" for i in range(1, 11))]
    rows = read_rows(write(tmp_path / "new.csv", lines), schema, import_reading(first))
    assert np.isnan(rows.cells["gewicht"].tolist()[2])
    assert any("“gewicht”, row 3: “x” is no number" in note for note in rows.notes)
    plain = write(tmp_path / "plain.csv", ["preis;gewicht", *(f"{i}000.50;1.5" for i in range(1, 11))])
    with pytest.raises(InputError, match="10 of 10 cells of “preis”") as caught:
        read_rows(plain, schema, import_reading(first))
    assert "--allow-unreadable" in caught.value.hint
    assert read_rows(plain, schema, import_reading(first), allow_unreadable=True).cells["preis"].isna().all()


def test_a_file_in_another_encoding_is_read_and_told(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ["größe,kind", *(f"{i},{['Bär', 'Füchse'][i % 2]}" for i in range(1, 30, 3))], "cp1252")
    reading = propose_reading(tmp_path / "a.csv")
    write(tmp_path / "b.csv", ["größe,kind", "5,Bär", "7,Füchse"])
    file, notes = read_again(tmp_path / "b.csv", reading, ["größe", "kind"])
    assert file.table["kind"].tolist() == ["Bär", "Füchse"]
    assert len(notes) == 1 and "UTF-8" in notes[0]


@pytest.mark.parametrize(
    ("cells", "iso"),
    [
        (["31.12.2025", "01.02.2025", "05.06.2025"], ["2025-12-31", "2025-02-01", "2025-06-05"]),
        (["12/31/2025", "02/01/2025", "06/05/2025"], ["2025-12-31", "2025-02-01", "2025-06-05"]),
        (["2025-12-31T10:00Z", "2025-02-01T00:00Z", "2025-06-05T01:30Z"],
         ["2025-12-31T10:00:00+00:00", "2025-02-01T00:00:00+00:00", "2025-06-05T01:30:00+00:00"]),
        (["31 Dec 2025", "1 Feb 2025", "5 June 2025"], ["2025-12-31", "2025-02-01", "2025-06-05"]),
        (["03/04/2025", "05/06/2025", "01/02/2025"], ["03/04/2025", "05/06/2025", "01/02/2025"]),
        (["2025-13-01", "2025-02-01", "2025-06-05"], ["2025-13-01", "2025-02-01", "2025-06-05"]),
    ],
)  # fmt: skip
def test_dates_are_read_by_what_the_whole_column_says(tmp_path: Path, cells: list[str], iso: list[str]) -> None:
    write(tmp_path / "t.csv", ["day;x", *(f"{cell};{i}" for i, cell in enumerate(cells))])
    reading = propose_reading(tmp_path / "t.csv")
    assert read_again(tmp_path / "t.csv", reading, ["day"])[0].table["day"].tolist() == iso
    asked = [question.about for question in reading.questions]
    assert asked == (["date_order"] if cells[0] == "03/04/2025" else [])


@pytest.mark.parametrize(
    ("cells", "chosen", "answer", "iso"),
    [
        ("25/04/2025 04/26/2025 03/04/2025", "leave as text", "day first", "2025-04-25 - 2025-04-03"),
        ("25/04/2025 04/26/2025 03/04/2025", "leave as text", "month first", "- 2025-04-26 2025-03-04"),
        ("2025-04-26 25/04/2025 03/04/2025", "day first", "day first", "2025-04-26 2025-04-25 2025-04-03"),
        ("2025-04-26 03/04/2025 05/06/2025", "leave as text", "month first", "2025-04-26 2025-03-04 2025-05-06"),
    ],
)
def test_dates_in_several_orders_are_asked_about(
    tmp_path: Path, cells: str, chosen: str, answer: str, iso: str
) -> None:
    path = write(tmp_path / "t.csv", ["day;x", *(f"{cell};{i}" for i, cell in enumerate(cells.split()))])
    reading = propose_reading(path)
    (question,) = reading.questions
    assert (question.about, question.chosen) == ("date_order", chosen)
    assert set(question.examples) < {*question.alternatives}
    read = read_with(path, answer_question(path, reading, question, answer)).table["day"]
    assert read.fillna("-").tolist() == iso.split()


@pytest.mark.parametrize("n", [10, 90])
def test_a_further_file_may_hold_as_many_words_as_the_one_that_was_imported(
    workspace: Path, tmp_path: Path, n: int
) -> None:
    lines = [
        "a,b,kind",
        *(f"{'ab'[i % 2] + str(i % 9) if i % 10 < 4 else i},{i * i},{'xy'[i % 2]}" for i in range(100)),
    ]
    path = write(tmp_path / "t.csv", lines)
    found = import_data(path, target="kind", columns={"a": {"type": "numeric"}})
    first = datasets.import_folder(found.dataset.id, 1)
    assert read_rows(path, load_schema(first), import_reading(first)).cells["a"].isna().sum() == 40
    worse = write(tmp_path / "w.csv", ["a,b", *(f"{'word' if i >= n else i},{i}" for i in range(100))])
    if n == 90:
        assert read_rows(worse, load_schema(first), import_reading(first)).cells["a"].isna().sum() == 10
    else:
        with pytest.raises(InputError, match="90 of 100 cells of “a”"):
            read_rows(worse, load_schema(first), import_reading(first))


def test_percentages_are_numbers_and_booleans_have_two_words(tmp_path: Path) -> None:
    write(tmp_path / "t.csv", ["p;b", "12,5 %;ja", "3 %;nein", "100 %;ja"])
    reading = propose_reading(tmp_path / "t.csv")
    assert [column.type for column in reading.columns] == ["percent", "boolean"]
    write(tmp_path / "u.csv", ["p;b", "7,5%;JA", "1 %;Nein"])
    table = read_again(tmp_path / "u.csv", reading, ["p", "b"])[0].table
    assert table["p"].tolist() == [7.5, 1] and table["b"].tolist() == ["ja", "nein"]


def test_a_reading_is_shown_changed_and_applied_from_a_shell(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "t.csv", ["plz,x,kind", *(f"{10115 + i % 5},{i * i},{'ab'[i % 2]}" for i in range(30))])
    assert main(["import", str(path), "--show-reading"]) == 0
    reading = json.loads(capsys.readouterr().out)
    assert [column["type"] for column in reading["columns"]] == ["number", "number", "text"]
    reading["columns"][0]["type"] = "text"
    (tmp_path / "reading.json").write_text(json.dumps(reading))
    assert main(["import", str(path), "--target", "kind", "--reading", str(tmp_path / "reading.json"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert load_schema(datasets.import_folder(found["dataset"], 1)).categorical == ("plz",)
    reading["columns"][0]["type"] = "postcode"
    (tmp_path / "reading.json").write_text(json.dumps(reading))
    assert main(["import", str(path), "--target", "kind", "--reading", str(tmp_path / "reading.json")]) == 2
    assert "columns.0.type" in capsys.readouterr().err


def test_title_lines_follow_the_encoding_and_the_lines_above(tmp_path: Path) -> None:
    rows = [f"{i};{['Bär', 'Kühe'][i % 2]}" for i in range(1, 60, 3)]
    path = write(tmp_path / "t.csv", ["Größen der Tiere", "größe;tier", *rows], "cp1252")
    reading = change_container(path, propose_reading(path), {"encoding": "cp1251"})
    assert reading.container.skipped[0] != "Größen der Tiere"
    reading = change_container(path, reading, {"encoding": "cp1252"})
    assert reading.container.skipped == ("Größen der Tiere",)
    lower = change_container(path, reading, {"skip_lines": 2})
    assert lower.container.skipped == ("Größen der Tiere", "größe tier")


def test_one_line_in_another_encoding_is_named(tmp_path: Path) -> None:
    rows = "".join(f"ä{i},ü\n" for i in range(40)).encode()
    (tmp_path / "t.csv").write_bytes(b"a,k\n" + rows + b"b\xe4r,x\n")
    with pytest.raises(InputError, match="UTF-8 but for line 42"):
        propose_reading(tmp_path / "t.csv")


def test_words_over_groups_of_columns_are_no_header(tmp_path: Path) -> None:
    reading = propose_reading(
        write(tmp_path / "t.csv", ["group A,,group B", "id,x,k", "1,2.5,a", "2,3.5,b", "3,1,a"])
    )
    assert [column.name for column in reading.columns] == ["id", "x", "k"]
    assert reading.container.skipped == ("group A group B",) and not reading.left_out


def test_a_header_of_running_numbers_is_asked_about(tmp_path: Path) -> None:
    reading = propose_reading(write(tmp_path / "t.csv", ["1,2,3", "4,5,6", "7,8,9"]))
    assert [(q.about, q.chosen) for q in reading.questions] == [("header", "yes")]


def test_telephone_numbers_are_no_numbers(tmp_path: Path) -> None:
    reading = propose_reading(write(tmp_path / "t.csv", ["p,k", *(f"+4917012345{i},x" for i in range(10, 20))]))
    assert reading.columns[0].type == "text"


def test_a_word_among_few_whole_numbers_is_asked_about_and_may_be_a_class(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["x,k", *(f"{i}.5,{['0', '1', 'None'][i % 3]}" for i in range(30))])
    reading = propose_reading(path)
    (question,) = reading.questions
    assert (question.column, question.chosen) == ("k", "a missing cell")
    reading = answer_question(path, reading, question, "a value")
    assert sorted(read_with(path, reading).table["k"].unique()) == ["0", "1", "None"]
