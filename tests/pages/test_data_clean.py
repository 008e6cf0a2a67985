"""The Clean tab and the remedies of findings: a recipe is put together, tried, made a version and undone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.data.cleaning.feature_scores import save_scores, score_features
from core.data.cleaning.steps.registry import STEPS
from core.data.cleaning.steps.selection import SelectFeatures
from core.data.cleaning.steps.step import Only
from core.data.importing import import_data, import_sample
from core.data.versions import load_table, make_version
from core.schemas import DataRef, DatasetRecord, Recipe, Step, VersionRecord
from core.store import datasets
from core.ui.data.clean.step_settings import is_fixed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def penguins(workspace: Path) -> DatasetRecord:
    return import_sample("penguins").dataset


def open_tab(dataset: DatasetRecord, tab: str = "Clean") -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    app.query_params["dataset"], app.query_params["tab"] = dataset.id, tab
    app.switch_page("pages/data.py")
    return app.run()


def newest(dataset: DatasetRecord) -> VersionRecord:
    return datasets.get_version(DataRef(dataset=dataset.id))


def text(app: AppTest) -> str:
    assert not app.exception, app.exception
    parts = [*app.markdown, *app.caption, *app.error, *app.success]
    return "\n".join(str(p.value) for p in parts).replace("\\", "")


def add(app: AppTest, dataset: DatasetRecord, kind: str) -> AppTest:
    return app.selectbox(key=f"add-step-{newest(dataset).id}").select(kind).run()


def make(app: AppTest) -> AppTest:
    return next(b for b in app.button if b.label == "Make this version").click().run()


def step(dataset: DatasetRecord, number: int) -> str:
    return f"step-{newest(dataset).id}-{number}"


def kinds(dataset: DatasetRecord) -> list[str]:
    return [s.kind for s in newest(dataset).recipe.steps]


def test_steps_are_added_in_their_groups_and_become_a_version(penguins: DatasetRecord) -> None:
    app = open_tab(penguins)
    first = newest(penguins)
    add(add(app, penguins, "impute"), penguins, "drop_rows_missing")
    shown = text(app)
    assert shown.index("When the version is made") < shown.index("Learnt from training rows")
    assert newest(penguins).id == first.id
    make(app)
    assert kinds(penguins) == ["drop_rows_missing", "impute"]
    table, _ = load_table(DataRef(dataset=penguins.id))
    assert not table.isna().any(axis=None) and newest(penguins).dropped == first.n - len(table)


def test_a_setting_is_tried_at_once_and_kept_in_the_version(penguins: DatasetRecord) -> None:
    app = add(open_tab(penguins), penguins, "impute")
    app.selectbox(key=f"{step(penguins, 0)}-method").select("iterative").run()
    assert "method: iterative" in text(app)
    assert "→ 0" in text(app)
    make(app)
    assert newest(penguins).recipe.steps[0].params == {"method": "iterative"}


def test_only_settings_of_the_chosen_method_are_asked_for(penguins: DatasetRecord) -> None:
    app = add(open_tab(penguins), penguins, "impute")
    assert "Neighbours" not in [w.label for w in app.number_input]
    app.selectbox(key=f"{step(penguins, 0)}-method").select("neighbours").run()
    app.number_input(key=f"{step(penguins, 0)}-neighbours").set_value(3).run()
    make(app)
    assert newest(penguins).recipe.steps[0].params == {"method": "neighbours", "neighbours": 3}


def test_steps_move_go_off_and_are_deleted(penguins: DatasetRecord) -> None:
    app = add(add(add(open_tab(penguins), penguins, "impute"), penguins, "scale"), penguins, "encode")
    app.button(key=f"{step(penguins, 1)}-up").click().run()
    app.toggle(key=f"{step(penguins, 0)}-on").set_value(False).run()
    app.button(key=f"{step(penguins, 2)}-delete").click().run()
    assert app.button(key=f"{step(penguins, 1)}-up").disabled
    make(app)
    assert [(s.kind, s.enabled) for s in newest(penguins).recipe.steps] == [("scale", True), ("impute", False)]


def test_a_draft_can_be_thrown_away(penguins: DatasetRecord) -> None:
    app = add(open_tab(penguins), penguins, "scale")
    next(b for b in app.button if b.label == "Discard changes").click().run()
    assert "Scale" not in text(app)
    assert next(b for b in app.button if b.label == "Make this version").disabled


def test_a_step_that_cannot_be_applied_says_why_and_no_version_is_made_of_it(penguins: DatasetRecord) -> None:
    app = add(open_tab(penguins), penguins, "ratios")
    assert "it needs a numerator and a denominator" in text(app)
    assert next(b for b in app.button if b.label == "Make this version").disabled


@pytest.mark.parametrize("kind", [name for name in STEPS if STEPS[name].kind in ("table", "both")])
def test_every_step_has_its_settings_drawn_from_its_model(penguins: DatasetRecord, kind: str) -> None:
    fields = STEPS[kind].settings.model_fields.values()
    app = open_tab(penguins)
    if any(is_fixed(field) for field in fields):  # made by a remedy, a review or an import
        steps = (Step(kind="drop_samples", params={"samples": ["1-0"]}),)
        make_version(penguins.id, Recipe(steps=steps))
        assert "samples: 1-0" in text(open_tab(penguins))
        return
    add(app, penguins, kind)
    assert STEPS[kind].help in text(app)
    widgets = [w.label for w in (*app.selectbox, *app.multiselect, *app.number_input, *app.toggle, *app.text_input)]
    first = STEPS[kind].settings.model_fields.get("method")
    marked = {field.title: [m for m in field.metadata if isinstance(m, Only)] for field in fields}
    titles = {title for title, only in marked.items() if all(first.default in mark.methods for mark in only)}
    assert titles <= {*widgets, *(str(m.value) for m in app.markdown)}


@pytest.mark.parametrize("view", ["Distribution", "Box plot", "Missing cells", "Correlation"])
def test_before_and_after_are_shown_side_by_side(penguins: DatasetRecord, view: str) -> None:
    app = add(open_tab(penguins), penguins, "impute")
    app.session_state[f"{step(penguins, 0)}-view"] = view
    app.run()
    charts = app.get("plotly_chart")
    assert not app.exception and len(charts) == 2


def test_a_remedy_is_applied_with_one_click_and_undone_in_the_recipe(workspace: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=90), "unit": "kg", "kind": rng.choice(["x", "y"], 90)})
    table.to_csv(tmp_path / "t.csv", index=False)
    dataset = import_data(tmp_path / "t.csv", target="kind").dataset
    app = open_tab(dataset, "Findings")
    next(b for b in app.button if b.label == "Apply: drop columns").click().run()
    assert newest(dataset).name == "v2" and "constant" not in {f.kind for f in newest(dataset).findings}
    app = open_tab(dataset)
    app.button(key=f"{step(dataset, 0)}-delete").click().run()
    make(app)
    assert newest(dataset).recipe.steps == ()
    assert "unit" in load_table(DataRef(dataset=dataset.id))[0]


def test_a_remedy_that_learns_is_marked_as_taken(penguins: DatasetRecord) -> None:
    app = open_tab(penguins, "Findings")
    next(b for b in app.button if b.label == "Apply: fill missing cells").click().run()
    assert kinds(penguins) == ["impute"]
    assert "In the recipe: fill missing cells." in text(app)


def test_images_have_a_recipe_too(workspace: Path) -> None:
    clipart = import_sample("clipart").dataset
    app = open_tab(clipart)
    offered = app.selectbox(key=f"add-step-{newest(clipart).id}").options
    assert not any("scale" in option for option in offered)
    add(app, clipart, "leave_out_classes")
    app.multiselect(key=f"{step(clipart, 0)}-classes").set_value(["flowers"]).run()
    make(app)
    assert "flowers" not in newest(clipart).classes


def test_features_of_images_are_selected_by_a_step_whose_scores_are_shown(workspace: Path) -> None:
    dataset = import_sample("clipart").dataset
    app = add(open_tab(dataset), dataset, "select_features")
    app.selectbox(key=f"{step(dataset, 0)}-method").select("anova").run()
    assert "embedding of a run's backbone" in text(app)
    assert [b.label for b in app.button if "Score" in b.label] == ["Score them"]
    x = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 30)), columns=[str(i) for i in range(30)])
    recipe = Recipe(steps=(Step(kind="select_features", params={"method": "anova"}),))
    found = score_features(
        SelectFeatures(method="anova"), x, np.arange(60) % 3, np.arange(60), lambda *_: None, "efficientnet_lite0"
    )
    save_scores(newest(dataset), recipe, 0, found)
    app.run()
    assert "10 of 30 kept. Anova on 60 training samples, embedded by EfficientNet-Lite0" in text(app)
    make(app)
    assert kinds(dataset) == ["select_features"]
