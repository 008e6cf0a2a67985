"""The card “How I read it” of a table: questions first, and every decision can be changed there."""

import io
import zipfile
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.data.tables.readings import import_reading
from core.data.versions import load_samples, load_table
from core.schemas import DataRef, DatasetRecord
from core.store import datasets
from tests.pages.test_home import ROOT, drop, open_home, query, text

ROWS = [f"{i}.{i % 7}5,{i % 5},{['None', 'crack', 'crack'][i % 3]}" for i in range(60)]
DEFECTS = "\n".join(["size,row,defect", *ROWS])


def widget(app: AppTest, kind: str, start: str):
    return next(one for one in app.get(kind) if str(one.key).startswith(start))


def import_with(app: AppTest, target: str) -> DatasetRecord:
    app.selectbox(key="table-target").select(target).run()
    app.button(key="table-import").click().run()
    assert not app.error, [error.value for error in app.error]
    return datasets.get_dataset(query(app, "dataset"))


def classes(dataset: DatasetRecord) -> dict[str, int]:
    counts = load_samples(DataRef(dataset=dataset.id))["label"].value_counts()
    return {str(name): int(n) for name, n in counts.items()}


def shown(app: AppTest) -> list[str]:
    return [str(column) for column in app.dataframe[-1].value.columns]


def test_a_word_that_may_be_a_class_is_asked_about_and_is_one_click(workspace: Path) -> None:
    app = drop(open_home(), "table", "t.csv", DEFECTS.encode())
    question = widget(app, "radio", "question-0")
    assert "“None” stands in 20 cells" in question.label.replace("\\", "") and question.value == "a value"
    question.set_value("a missing cell").run()
    assert widget(app, "radio", "question-0").value == "a missing cell"
    widget(app, "radio", "question-0").set_value("a value").run()
    assert classes(import_with(app, "defect")) == {"None": 20, "crack": 40}


def test_a_rare_word_is_taken_as_missing_and_one_click_changes_that(workspace: Path) -> None:
    rows = ["7.5,3,null", *[row.replace("None", "stain") for row in ROWS]]
    app = drop(open_home(), "table", "t.csv", "\n".join(["size,row,defect", *rows]).encode())
    assert "Taken as missing: 1 cell of defect" in text(app)
    widget(app, "button", "values-defect-null").click().run()
    assert "Taken as missing: 1 cell of defect" not in text(app)


def test_an_encoding_can_be_chosen_by_what_it_makes_of_a_line(workspace: Path) -> None:
    rows = "\n".join(f"{i * i},{['Bär', 'Kühe', 'Füchse'][i % 3]}" for i in range(90))
    app = drop(open_home(), "table", "t.csv", f"größe,kind\n{rows}".encode("mac_roman"))
    question = widget(app, "radio", "question-0")
    assert question.value == "mac_roman"
    question.set_value(next(name for name in question.options if "Windows" in name)).run()
    assert shown(app)[0] != "größe"
    widget(app, "selectbox", "encoding-").select("Mac Roman").run()
    assert shown(app) == ["größe", "kind"]
    assert classes(import_with(app, "kind")) == {"Bär": 30, "Kühe": 30, "Füchse": 30}


def test_marks_header_and_lines_above_can_be_changed_and_the_preview_follows(workspace: Path) -> None:
    rows = "\n".join(f"{1 + i % 9}.{234 + i};{'ab'[i % 2]}" for i in range(40))
    app = drop(open_home(), "table", "t.csv", f"preis;kind\n{rows}".encode())
    assert "does it divide decimals or thousands?" in widget(app, "radio", "question-0").label
    assert app.dataframe[-1].value["preis"].iloc[0] == 1.234
    widget(app, "radio", "question-0").set_value("thousands").run()
    assert app.dataframe[-1].value["preis"].iloc[0] == 1234
    widget(app, "checkbox", "header-").uncheck().run()
    assert shown(app) == ["column 1", "column 2"]
    widget(app, "checkbox", "header-").check().run()
    widget(app, "number_input", "skip-").set_value(1).run()
    assert shown(app) == ["1.234", "a"]


def test_of_several_tables_in_an_archive_one_is_chosen(workspace: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", "x,y\n1,2\n3,4\n")
        archive.writestr("b.csv", DEFECTS)
    app = drop(open_home(), "photos", "both.zip", out.getvalue())
    assert not [one for one in app.selectbox if one.key == "table-target"]
    app.selectbox(key="table-member").select("b.csv").run()
    dataset = import_with(app, "defect")
    assert import_reading(datasets.import_folder(dataset.id, 1)).container.member == "b.csv"


def test_rows_left_out_are_shown_and_can_be_taken_back(workspace: Path) -> None:
    content = DEFECTS.replace("defect\n", "defect\ncm,cm,\n", 1)
    app = drop(open_home(), "table", "t.csv", content.encode())
    left_out = widget(app, "multiselect", "left-out-")
    assert left_out.value == ["units: cm, cm"]
    left_out.set_value([]).run()
    assert app.dataframe[-1].value.shape[0] == 20 and app.dataframe[-1].value["size"].isna().iloc[0]


@pytest.mark.parametrize("kept", [True, False])
def test_a_table_is_read_anew_on_the_manage_tab(workspace: Path, monkeypatch: pytest.MonkeyPatch, kept: bool) -> None:
    monkeypatch.setenv("GRAFT_KEEP_ORIGINALS", str(int(kept)))
    dataset = import_with(drop(open_home(), "table", "t.csv", DEFECTS.encode()), "defect")
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["dataset"], app.query_params["tab"] = dataset.id, "manage"
    app.switch_page("pages/data.py")
    app.run()
    assert ("original kept" in text(app)) == kept and ("original not kept" in text(app)) != kept
    if not kept:
        return
    widget(app, "button", f"reread-{dataset.id}").click().run()
    widget(app, "radio", "question-0").set_value("a missing cell").run()
    widget(app, "radio", "question-0").set_value("a value").run()
    widget(app, "selectbox", "thousands-").select("comma: 1,000").run()
    widget(app, "button", f"reread-{dataset.id}-1-start").click().run()
    assert not app.error, [error.value for error in app.error]
    version = datasets.get_version(DataRef(dataset=dataset.id))
    assert version.imports == (2,) and "thousands “,” instead of none" in version.note
    assert load_table(DataRef(dataset=dataset.id))[1].numeric == ("size", "row")
