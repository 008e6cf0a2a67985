"""Twenty tables as people have them, each written in some twenty dialects: the cells come out as they were.

Where a dialect leaves two readings open, the reading asks instead.
"""

import bz2
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.data.reading.applying import read_with
from core.data.reading.proposing import answer_question, propose_reading

ROWS = 40
_random = np.random.default_rng(3)


def words(*values: str) -> list[str]:
    return [values[i % len(values)] for i in range(ROWS)]


def numbers(low: float, high: float, digits: int) -> list[float]:
    return [float(x) for x in _random.uniform(low, high, ROWS).round(digits)]


def whole(low: int, high: int) -> list[int]:
    return [int(x) for x in _random.integers(low, high, ROWS)]


# Column → cells. Texts of digits with leading zeros are codes; “date:” marks a column of dates.
TABLES: dict[str, dict[str, list]] = {
    "iris": {"länge": numbers(4, 8, 1), "breite": numbers(2, 5, 1), "kind": words("setosa", "virginica")},
    "prices": {"preis": numbers(300, 90000, 2), "gewicht": numbers(1, 9, 2), "klasse": words("günstig", "teuer")},
    "codes": {"plz": words("01067", "80331", "04109"), "menge": whole(1, 900), "art": words("A17", "00412", "B20")},
    "people": {"name": [f"Müller {i}" for i in range(ROWS)], "alter": whole(18, 90), "sex": words("m", "w", "w")},
    "dates": {"date:tag": list(pd.date_range("2025-01-20", periods=ROWS).strftime("%Y-%m-%d")),
              "wert": numbers(0, 9, 3), "kind": words("a", "b")},
    "missing": {"x": [*numbers(0, 5, 2)[4:], *[np.nan] * 4], "y": words("rot", "grün", ""), "k": words("j", "n")},
    "negative": {"t": numbers(-30, 40, 1), "q": numbers(-1, 1, 4), "k": words("kalt", "warm")},
    "large": {"einwohner": whole(1_000, 9_000_000), "fläche": numbers(1, 900, 2), "land": words("DE", "AT", "CH")},
    "text": {"satz": [f"Es war ein „Satz“ Nr. {i}, mit Komma; und mehr" for i in range(ROWS)],
             "länge": whole(1, 99), "ton": words("gut", "schlecht")},
    "flags": {"raucher": words("True", "False"), "dosis": numbers(0, 1, 2), "k": words("x", "y", "z")},
    "classes": {"a": whole(0, 5), "b": whole(0, 5), "klasse": words("1", "2", "3")},
    "defects": {"größe": numbers(0, 3, 3), "kontinent": words("EU", "NA", "AS"), "fehler": words("None", "Riss")},
    "years": {"2019": numbers(0, 9, 1), "2020": numbers(0, 9, 1), "land": words("Österreich", "Ungarn")},
    "quotes": {"maß": words('5"', '7"', '10" breit'), "wert": numbers(1, 2, 2), "k": words("ok", "nok")},
    "many": {**{f"gen {i}": numbers(0, 1, 3) for i in range(60)}, "gewebe": words("Leber", "Lunge")},
    "exponents": {"p": [1e-7 * (i + 1) for i in range(ROWS)], "n": whole(1, 99), "k": words("sig", "nicht")},
    "places": {"breite": numbers(47, 55, 5), "länge": numbers(6, 15, 5), "ort": words("Köln", "Lübeck", "Görlitz")},
    "grades": {"note": numbers(1, 5, 1), "fach": words("Mathe", "Französisch"), "bestanden": words("ja", "nein")},
    "single": {"wert": numbers(0, 100, 2), "größe": words("klein", "groß")},
    "spaces": {"wert in m": numbers(0, 10, 1), "ort der messung": words("am Fluß", "im Wald"), "k": words("1a", "b")},
}  # fmt: skip


def grouped(value: float, decimal: str, thousands: str) -> str:
    text = f"{value:,}" if abs(value) >= 1e-3 else repr(value)
    return text.replace(",", "#").replace(".", decimal).replace("#", thousands)


def written(table: dict[str, list], delimiter: str, decimal: str = ".", thousands: str = "", order: str = "") -> str:
    """The table as delimited text."""
    out = io.StringIO()
    frame = {}
    for name, cells in table.items():
        if name.startswith("date:"):
            cells = [pd.Timestamp(cell).strftime(order or "%Y-%m-%d") for cell in cells]
        elif isinstance(cells[0], float) or (isinstance(cells[0], int) and thousands):
            cells = ["" if pd.isna(cell) else grouped(cell, decimal, thousands) for cell in cells]
        frame[name.removeprefix("date:")] = cells
    pd.DataFrame(frame).to_csv(out, sep=delimiter, index=False, lineterminator="\n")
    return out.getvalue()


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("daten/tabelle.csv", data)
    return out.getvalue()


def with_total(text: str) -> str:
    first = text.split("\n", 1)[0]
    return text + "Total" + ";" * first.count(";") + "\n"


def repeated(text: str) -> str:
    lines = text.split("\n")
    return "\n".join([*lines[:20], lines[0], *lines[20:]])


Dialect = tuple[str, Callable[[dict[str, list]], bytes]]
DIALECTS: dict[str, Dialect] = {
    "comma": ("t.csv", lambda t: written(t, ",").encode()),
    "german": ("t.csv", lambda t: written(t, ";", ",", order="%d.%m.%Y").encode()),
    "german thousands": ("t.csv", lambda t: written(t, ";", ",", ".", "%d.%m.%Y").encode("cp1252")),
    "swiss": ("t.csv", lambda t: written(t, ";", ".", "'").encode()),
    "french": ("t.csv", lambda t: written(t, ";", ",", "\u00a0").encode("cp1252")),
    "english thousands": ("t.csv", lambda t: written(t, "\t", ".", ",").encode()),
    "tab": ("t.tsv", lambda t: written(t, "\t").encode()),
    "bar": ("t.txt", lambda t: written(t, "|").encode()),
    "cp1252": ("t.csv", lambda t: written(t, ",").encode("cp1252", "replace")),
    "mac": ("t.csv", lambda t: written(t, ";").replace("\n", "\r").encode("mac_roman")),
    "dos": ("t.csv", lambda t: written(t, ";").replace("„", "").replace("“", "").encode("cp850")),
    "bom": ("t.csv", lambda t: written(t, ",").replace("\n", "\r\n").encode("utf-8-sig")),
    "utf-16": ("t.csv", lambda t: written(t, "\t").encode("utf-16")),
    "utf-16 without a mark": ("t.csv", lambda t: written(t, ";").encode("utf-16-le")),
    "sep line": ("t.csv", lambda t: ("sep=;\n" + written(t, ";", ",")).encode()),
    "title": ("t.csv", lambda t: ("Messungen im Gewächshaus\n\n" + written(t, ",")).encode()),
    "comments": ("t.csv", lambda t: ("# exported 2025, by us\n# do not edit\n" + written(t, ",")).encode()),
    "repeated header": ("t.csv", lambda t: repeated(written(t, ",")).encode()),
    "total": ("t.csv", lambda t: with_total(written(t, ";")).encode()),
    "gzip": ("t.csv.gz", lambda t: gzip.compress(written(t, ",").encode())),
    "bzip2": ("t.csv.bz2", lambda t: bz2.compress(written(t, ";", ",").encode())),
    "zip": ("t.zip", lambda t: zipped(written(t, ",").encode())),
}


# One word with one letter beyond ASCII: no more is known, and the reading asks.
ONE_LETTER = {("quotes", "dos"), ("spaces", "dos"), ("grades", "dos"), ("grades", "mac"), ("years", "dos")}
ENCODINGS = {"dos": "cp850", "mac": "mac_roman"}


def expected(table: dict[str, list], dialect: str) -> dict[str, list]:
    """The cells that are to come out: numbers, and texts as written; an empty cell is None."""
    found = {}
    for name, cells in table.items():
        if dialect == "dos":
            cells = [c.replace("„", "").replace("“", "") if isinstance(c, str) else c for c in cells]
        numeric = not isinstance(cells[0], str) or all(c.isdigit() and c[0] != "0" for c in cells)
        values = [float(c) if numeric else c for c in cells]
        found[name.removeprefix("date:")] = [None if pd.isna(c) or c == "" else c for c in values]
    return found


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", TABLES)
def test_the_cells_are_those_that_were_written(name: str, dialect: str, tmp_path: Path) -> None:
    file, write = DIALECTS[dialect]
    path = tmp_path / file
    path.write_bytes(write(TABLES[name]))
    reading = propose_reading(path)
    if (name, dialect) in ONE_LETTER:
        question = next(one for one in reading.questions if one.about == "encoding")
        reading = answer_question(path, reading, question, ENCODINGS[dialect])
    table = read_with(path, reading).table
    wanted = expected(TABLES[name], dialect)
    assert list(table.columns) == list(wanted)
    for column, cells in wanted.items():
        got = [None if pd.isna(cell) else cell for cell in table[column]]
        assert got == cells, column
    asked = {question.about for question in reading.questions}
    assert asked <= {"encoding", "missing"}, "nothing here is ambiguous but one byte a letter, and words for nothing"


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("a;k\n1.234;x\n2.500;y\n12.750;x\n", "numbers"),
        ("a;k\n1,234;x\n2,500;y\n12,750;x\n", "numbers"),
        ("d,k\n03/04/2025,x\n05/06/2025,y\n01/02/2025,x\n", "date_order"),
        ("5.1,2.9,x\n4.8,3.1,y\n5.5,2.7,x\n5.0,3.3,y\n", "header"),
        ("a,k\n1,None\n2,crack\n3,None\n4,None\n5,crack\n6,crack\n", "missing"),
    ],
)
def test_what_is_ambiguous_is_asked(text: str, about: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    asked = [question.about for question in propose_reading(path).questions]
    assert about in asked
